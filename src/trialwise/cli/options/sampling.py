"""Options of the sampler, shared by all verbs that fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.cli.output.console import say

if TYPE_CHECKING:
    from trialwise.data.trials import Trials
    from trialwise.inference.fitted import Fit
    from trialwise.learners.learner import Learner

PANEL = "Sampling"


class Pooling(StrEnum):
    """Degree of pooling across participants."""

    partial = "partial"
    none = "none"
    complete = "complete"


def _option(help: str, least: int, default: bool = False) -> Any:
    return typer.Option(help=help, metavar="N", min=least, rich_help_panel=PANEL, show_default=default)


@dataclass(frozen=True)
class Sampling:
    """Length of the chains, sampler, seed and verbosity."""

    draws: Annotated[
        int | None,
        _option("Posterior draws per chain; by default 1000, and more chains if effective draws are too few.", 1),
    ] = None
    tune: Annotated[int | None, _option("Tuning draws per chain, discarded.", 1)] = None
    chains: Annotated[int, _option("Number of chains.", 1, default=True)] = 4
    seed: Annotated[int | None, _option("Random seed; a fixed one by default, printed with the result.", 0)] = None
    sampler: Annotated[
        str | None,
        typer.Option(
            help="A sampler by name, e.g. nuts; by default the one that suits the learner.",
            metavar="NAME",
            rich_help_panel=PANEL,
            show_default=False,
        ),
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print problems only.", rich_help_panel=PANEL)] = False

    def fit(
        self,
        learner: Learner,
        trials: Trials,
        pooling: Pooling = Pooling.partial,
        checkpoint: Path | None = None,
        executor: str | None = None,
        design: Mapping[str, object] | None = None,
    ) -> Fit:
        """Fit, with formulas and what belongs to them as ``design``; options that were not given keep the defaults of the library."""
        from trialwise.inference.fit import fit

        if not self.quiet:
            say("preparing (the first fit of a learner compiles it, which takes some seconds)", "dim")
        options: dict[str, Any] = {"draws": self.draws, "tune": self.tune, "sampler": self.sampler, "seed": self.seed}
        options = {name: value for name, value in options.items() if value is not None} | dict(design or {})
        result: Fit = fit(
            learner,
            trials,
            **options,
            chains=self.chains,
            pooling=str(pooling),
            progress=not self.quiet,
            checkpoint=checkpoint,
            executor=executor,
        )
        if not self.quiet:
            say(f"seed {result.attrs['seed']}", "dim")
        return result
