"""Options of verbs that simulate: environment, number of participants and trials, true parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.base.errors import UsageError
from trialwise.cli.options.environment import environment_for

if TYPE_CHECKING:
    from trialwise.learners.learner import Learner

PANEL = "Design"

ENVIRONMENT = (
    "Environment, built in or mine.py:MyEnvironment; by default the one that the learner was made for, if any."
)
"""Help on the option; where it is needed and left out, the error lists those built in."""


def _option(flag: str, metavar: str, help: str, **more: Any) -> Any:
    return typer.Option(flag, metavar=metavar, help=help, show_default=False, rich_help_panel=PANEL, **more)


@dataclass(frozen=True)
class Design:
    """The design of a simulated experiment: environment, trials and true parameters."""

    environment_name: Annotated[
        str | None,
        _option(
            "--environment",
            "NAME",
            ENVIRONMENT,
        ),
    ] = None
    on: Annotated[
        Path | None,
        _option(
            "--on",
            "FILE",
            "Use the recorded sequences in these data (a table, or a folder of tables) instead of new ones.",
        ),
    ] = None
    trials: Annotated[
        int | None,
        _option("--trials", "N", "Trials per participant; by default as many as the environment has.", min=1),
    ] = None
    param: Annotated[
        list[str] | None,
        _option(
            "--param",
            "NAME=VALUE",
            "True value of a parameter: alpha=0.1, or alpha=0:0.2 to draw a value per participant; by default drawn from the prior.",
        ),
    ] = None

    def environment(self, learner: Learner, columns: Any) -> Any:
        """The environment that the learner acts in."""
        recorded = None if self.on is None else columns.read([self.on])
        return environment_for(learner, recorded, self.trials, self.environment_name)


@dataclass(frozen=True)
class Number:
    """The number of participants."""

    participants: Annotated[
        int | None,
        _option(
            "--participants", "N", "Participants per data set; by default 30, or those of the recorded data.", min=1
        ),
    ] = None


def ranges_of(learners: Sequence[Learner], texts: Sequence[str]) -> dict[str, Any]:
    """Values and ranges given by ``--param`` for parameters of these learners."""

    known = {name: None for learner in learners for name in learner.names}
    values: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name not in known:
            reason = " (it is fixed or tied)" if any(name in learner.declared for learner in learners) else ""
            raise UsageError(f"--param {text}: no free parameter {name!r}{reason}; there are {', '.join(known)}")
        try:
            bounds = [float(part) for part in value.split(":")]
            if len(bounds) > 2:
                raise ValueError
            values[name] = bounds[0] if len(bounds) == 1 else tuple(bounds)
        except (ValueError, TypeError):
            raise UsageError(
                f"--param {text}: write {name}=0.1, or {name}=0:0.2 to draw each participant's value"
            ) from None
    return values
