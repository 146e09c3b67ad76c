"""Options of the sampler, the same for every verb that fits."""

from __future__ import annotations

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
    """How participants relate."""

    partial = "partial"
    none = "none"
    complete = "complete"


def _option(help: str, least: int, default: bool = False) -> Any:
    return typer.Option(help=help, metavar="N", min=least, rich_help_panel=PANEL, show_default=default)


@dataclass(frozen=True)
class Sampling:
    """How long to sample, and how to tell about it."""

    draws: Annotated[
        int | None,
        _option("Draws kept of each chain; without it 1000, and chains are added while they are too few.", 1),
    ] = None
    tune: Annotated[int | None, _option("Draws for tuning, not kept.", 1)] = None
    chains: Annotated[int, _option("Chains.", 1, default=True)] = 4
    seed: Annotated[int | None, _option("The same seed gives the same draws.", 0)] = None
    sampler: Annotated[
        str | None,
        typer.Option(
            help="nuts or pseudo-marginal; by default the one that suits the learner.",
            metavar="NAME",
            rich_help_panel=PANEL,
            show_default=False,
        ),
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Tell only what went wrong.", rich_help_panel=PANEL)] = (
        False
    )

    def fit(
        self,
        learner: Learner,
        trials: Trials,
        pooling: Pooling = Pooling.partial,
        checkpoint: Path | None = None,
        executor: str | None = None,
    ) -> Fit:
        """Sample; what is not given is left to the library."""
        from trialwise.inference.fit import fit

        if not self.quiet:
            say("preparing: a learner's first fit compiles it, some seconds, and keeps that for the next", "dim")
        given: dict[str, Any] = {"draws": self.draws, "tune": self.tune, "sampler": self.sampler}
        given = {name: value for name, value in given.items() if value is not None}
        result: Fit = fit(
            learner,
            trials,
            **given,
            chains=self.chains,
            seed=self.seed,
            pooling=str(pooling),
            progress=not self.quiet,
            checkpoint=checkpoint,
            executor=executor,
        )
        return result
