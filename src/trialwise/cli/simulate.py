"""``trialwise simulate``: a learner acts at parameters that are known."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.base.errors import UsageError
from trialwise.cli.options.columns import Columns, reading
from trialwise.cli.options.design import RANGES, ranges_of, surroundings
from trialwise.cli.options.groups import grouped
from trialwise.cli.options.subject import Name, Restrictions
from trialwise.cli.output import results
from trialwise.cli.output.console import command, heading, say, table

if TYPE_CHECKING:
    import numpy as np

    from trialwise.learners.learner import Learner
    from trialwise.learners.parameters import Parameter


@dataclass(frozen=True)
class FromPrior:
    """A participant's value, drawn about the middle of the default prior; ``shift`` on the unconstrained scale."""

    parameter: Parameter
    shift: float = 0.0

    def ppf(self, share: np.ndarray) -> np.ndarray:
        """Quantiles."""
        from scipy.special import ndtri

        p = self.parameter
        value: np.ndarray = p.constrain(p.mean - self.shift + p.spread * ndtri(share))
        return value


@grouped
def simulate(
    learner: Name,
    restrictions: Restrictions,
    columns: Columns,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the data go.")] = Path(
        "simulated"
    ),
    participants: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="How many; by default 30, or those of the data.", show_default=False),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Of each: by default 440 of choices, 30 of responses.", show_default=False
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="The same seed gives the same data.")] = 0,
    param: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="alpha=0.1: the same for all; alpha=0:0.2: drawn for each participant.",
            show_default=False,
        ),
    ] = None,
    on: Annotated[
        list[Path] | None,
        typer.Option(
            "--on",
            metavar="FILES...",
            help="Along the contexts and cues of these data instead of new ones.",
            show_default=False,
        ),
    ] = None,
    more: Annotated[list[Path] | None, typer.Argument(hidden=True)] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="AlienTask, AlienExperiment, RestlessBandit, ProbabilisticReversal, TwoStepTask or Conditioning; by default what suits the learner.",
            show_default=False,
        ),
    ] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="Also write seasons.csv, aliens.csv, actions.csv, rewards.csv.")
    ] = False,
    potential: Annotated[
        bool,
        typer.Option("--potential", help="Also write potential_outcomes.csv: what each choice would have brought."),
    ] = False,
) -> None:
    """Simulate a learner: in the alien task if it chooses, in conditioning if it responds, in its own task if it has one."""
    from trialwise.environments.simulate import simulate as run

    restricted = restrictions.of(learner)
    if more and not on:
        raise UsageError(f"{more[0]}: to simulate along the sequences of a file, type --on {shlex.quote(str(more[0]))}")
    if on and trials is not None:
        raise UsageError("--trials is for new sequences: with --on there are as many as in the data; leave it out")
    if on and task not in (None, "AlienTask"):
        raise UsageError(
            f"--task {task}: with --on sequences come from the data, and outcomes from the alien task; leave one out"
        )
    recorded = columns.read([*on, *(more or [])]) if on else None
    place, spread = surroundings(restricted, recorded, trials, task)
    values = _values(restricted, param or [], spread)
    folder = results.made(output)
    if participants is None and recorded is None:
        participants = 30
    simulation = run(restricted, place, values, seed=seed, participants=participants)
    written = simulation.save(folder, wide=wide, potential=potential)

    said = f"{simulation.trials.n_participants} participants, {simulation.trials.n_trials} trials"
    say(f"{restricted!r}: {said}, seed {seed}")
    heading("true parameters")
    table(["name", "what", "drawn"], [[p.name, p.role, _told(values[p.name])] for p in restricted.parameters])
    what = {
        "trials.csv": "a row a trial",
        "true_parameters.csv": "a row a participant",
        "potential_outcomes.csv": "a row a trial",
    }
    results.print_files([(path, what.get(path.name, "participants in columns")) for path in written])
    say()
    say("Fit it, to see whether the parameters come back:")
    file, options = results.quoted(folder / "trials.csv"), restrictions.words()
    words = ["trialwise fit", shlex.quote(learner), file, reading(restricted, simulation.trials), options, "-o results"]
    command(" ".join(filter(None, words)))


def _values(learner: Learner, given: Sequence[str], spread: float) -> dict[str, Any]:
    """A value or something to draw from for each free parameter."""
    import math

    ranges = RANGES.get(type(learner).__name__, {})
    values: dict[str, Any] = {
        p.name: tuple(ranges[p.name]) if p.name in ranges else FromPrior(p, math.log(spread) * p.per_outcome)
        for p in learner.parameters
    }
    return values | ranges_of([learner], given)


def _told(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}, the same for all"
    if isinstance(value, FromPrior):
        import numpy as np

        low, middle, high = value.ppf(np.array([0.025, 0.5, 0.975]))
        return f"about {middle:.2g} ({low:.2g} to {high:.2g}), from the default prior"
    return f"{value[0]:g} to {value[1]:g}, uniformly"
