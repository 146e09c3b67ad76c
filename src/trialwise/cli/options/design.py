"""In what a study's participants are simulated, and with what parameters: options of every verb that makes data up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.base.errors import UsageError
from trialwise.cli.options.task import named, suited

if TYPE_CHECKING:
    from trialwise.data.trials import Trials
    from trialwise.learners.learner import Learner

PANEL = "The design"

SHOWN = {"choose": 440, "respond": 30}
"""Trials by default: of the public human data, and of the public simulation of conditioning."""


RANGES = {"QLearning": {"alpha": (0.0, 0.2), "beta": (1.0, 5.0), "forget": (0.0, 0.1)}}
"""Ranges in which the bundled agents were drawn; other learners' come from their default priors."""


def _option(flag: str, metavar: str, help: str, **more: Any) -> Any:
    return typer.Option(flag, metavar=metavar, help=help, show_default=False, rich_help_panel=PANEL, **more)


@dataclass(frozen=True)
class Design:
    """What participants live through, how many they are, and where their true parameters come from."""

    task: Annotated[
        str | None,
        _option("--task", "NAME", "An environment, e.g. AlienTask; by default what suits the learner."),
    ] = None
    on: Annotated[
        Path | None,
        _option(
            "--on", "FILE", "Along the sequences of these data (a table, or a folder of them) instead of new ones."
        ),
    ] = None
    trials: Annotated[
        int | None, _option("--trials", "N", "Of each participant: by default 440 of choices, 30 of responses.", min=1)
    ] = None
    participants: Annotated[
        int | None,
        _option("--participants", "N", "Of each data set: by default 30, or those of the data.", min=1),
    ] = None
    param: Annotated[
        list[str] | None,
        _option(
            "--param",
            "NAME=VALUE",
            "True values, alpha=0.1 or drawn for each participant alpha=0:0.2; without, drawn from the prior.",
        ),
    ] = None

    def made(self, learner: Learner, columns: Any) -> Any:
        """What the learner is put into."""
        if self.on is None:
            return surroundings(learner, None, self.trials, self.task)[0]
        if self.trials is not None or self.task not in (None, "AlienTask"):
            raise UsageError(
                "--on: sequences come from the data, and outcomes from the alien task; leave --trials and --task out"
            )
        return surroundings(learner, columns.read([self.on]), None, None)[0]


def ranges_of(learners: Sequence[Learner], given: Sequence[str]) -> dict[str, Any]:
    """What ``--param`` says of parameters of these learners."""

    known = {name: None for learner in learners for name in learner.names}
    values: dict[str, Any] = {}
    for text in given:
        name, _, value = text.partition("=")
        if name not in known:
            held = " (it is fixed or tied)" if any(name in learner.declared for learner in learners) else ""
            raise UsageError(f"--param {text}: no free parameter {name!r}{held}; there are {', '.join(known)}")
        try:
            bounds = [float(part) for part in value.split(":")]
            values[name] = bounds[0] if len(bounds) == 1 else tuple(bounds)
        except (ValueError, TypeError):
            raise UsageError(
                f"--param {text}: write {name}=0.1, or {name}=0:0.2 to draw each participant's value"
            ) from None
    return values


def surroundings(learner: Learner, recorded: Trials | None, trials: int | None, task: str | None) -> tuple[Any, float]:
    """What the learner is put into, and the spread of the outcomes there."""
    import numpy as np

    from trialwise.analysis.true_values import outcome_spread
    from trialwise.environments import AlienTask, Conditioning
    from trialwise.environments.tasks.alien_rewards import MEANS

    if recorded is not None:
        spread = max((float(np.nanstd(values)) for values in recorded.outcome.values()), default=0.0)
        return (AlienTask().on(recorded) if learner.family.acts else recorded), spread or 1.0
    task = suited(learner) if task is None else task
    kind: Any = named(task)
    if task not in ("AlienTask", "Conditioning"):
        if trials is not None and task == "AlienExperiment":
            raise UsageError("--trials: AlienExperiment has as many as its phases have; leave it out")
        made = kind() if trials is None else kind(trials=trials)
        return made, outcome_spread(made, 0)
    if task == "Conditioning":
        length = trials or SHOWN["respond"]
        plus = round(0.6 * length)
        return Conditioning(plus, length - plus, round(plus * 7 / 18)), 0.5
    length = trials or SHOWN["choose"]
    return AlienTask(presentations=max(13, -(-length // 36)), trials=length), float(MEANS.std())
