"""``trialwise simulate``: simulate a learner at known parameters."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.cli.options.columns import Columns, options_to_read
from trialwise.cli.options.design import ENVIRONMENT, ranges_of
from trialwise.cli.options.environment import environment_for, outcome_spread
from trialwise.cli.options.groups import grouped
from trialwise.cli.options.subject import Name, Restrictions
from trialwise.cli.output import results, writing
from trialwise.cli.output.console import busy, command, say, table

if TYPE_CHECKING:
    import numpy as np

    from trialwise.environments.simulation import Simulation
    from trialwise.learners.learner import Learner
    from trialwise.learners.parameters import Parameter


@dataclass(frozen=True)
class FromPrior:
    """Distribution of a participant's value around the mean of the default prior, shifted by ``shift`` on the unconstrained scale."""

    parameter: Parameter
    shift: float = 0.0

    def ppf(self, probability: np.ndarray) -> np.ndarray:
        """Quantile function, on the natural scale."""
        from scipy.special import ndtri

        p = self.parameter
        value: np.ndarray = p.constrain(p.mean - self.shift + p.spread * ndtri(probability))
        return value


@grouped
def simulate(
    learner: Name,
    restrictions: Restrictions,
    columns: Columns,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the data.")] = Path(
        "simulated"
    ),
    participants: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Number of participants; by default 30, or those of the recorded data.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Trials per participant; by default as many as the environment has.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Random seed.")] = 0,
    param: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="True value of a parameter: alpha=0.1 for all participants; alpha=0:0.2 draws a value per participant.",
            show_default=False,
        ),
    ] = None,
    on: Annotated[
        list[Path] | None,
        typer.Option(
            "--on",
            metavar="FILES...",
            help="Use the recorded contexts and cues in these data instead of new sequences.",
            show_default=False,
        ),
    ] = None,
    more: Annotated[list[Path] | None, typer.Argument(hidden=True)] = None,
    environment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=ENVIRONMENT,
            show_default=False,
        ),
    ] = None,
    wide: Annotated[
        bool, typer.Option("--wide", help="Also write contexts.csv, cues.csv, choices.csv, outcomes.csv.")
    ] = False,
    potential: Annotated[
        bool,
        typer.Option(
            "--potential", help="Also write potential_outcomes.csv: the outcome that each choice would have had."
        ),
    ] = False,
) -> None:
    """Simulate a learner at known parameters, by default in the environment that it was made for."""
    from trialwise.environments.simulate import simulate as run

    restricted = restrictions.of(learner)
    if more and not on:
        raise UsageError(f"{more[0]}: to use the recorded sequences in a file, type --on {shlex.quote(str(more[0]))}")
    recorded = columns.read([*on, *(more or [])]) if on else None
    place = environment_for(restricted, recorded, trials, environment)
    values = _values(restricted, param or [], outcome_spread(place))
    folder = writing.make_folder(output)
    if participants is None and recorded is None:
        participants = 30
    with busy("simulating"):
        simulation = run(restricted, place, values, seed=seed, participants=participants)
        written = simulation.save(folder, wide=wide, potential=potential)
    _print(learner, restricted, restrictions, simulation, values, written, folder / "trials.csv", seed)


def _print(
    learner: str, restricted: Learner, restrictions: Restrictions, simulation: Simulation, values: dict[str, Any], written: Sequence[Path],
    data: Path, seed: int,
) -> None:  # fmt: skip
    """Print what was simulated, the files written, and the command that fits the data."""
    size = f"{counted(simulation.trials.n_participants, 'participant')}, {simulation.trials.n_trials} trials"
    say(f"{restricted!r}: {size}, seed {seed}")
    rows = [[p.name, p.role, _describe(values[p.name])] for p in restricted.parameters]
    table(["name", "description", "values"], rows, title="true parameters")
    if any(isinstance(value, FromPrior) for value in values.values()):
        say("  prior: median of the default prior, with the central 95 % interval in brackets", "dim")
    descriptions = {
        "trials.csv": "one row per trial",
        "trials_by_row.csv": "one row per row of the recorded file",
        "true_parameters.csv": "one row per participant",
        "potential_outcomes.csv": "one row per trial",
    }
    results.print_files([(path, descriptions.get(path.name, "one column per participant")) for path in written])
    say()
    say("Fit the data to see whether the parameters are recovered:")
    file, options = results.quoted(data), restrictions.as_typed()
    words = [
        "trialwise fit",
        shlex.quote(learner),
        file,
        options_to_read(restricted, simulation.trials),
        options,
        "-o results",
    ]
    command(" ".join(filter(None, words)))


def _values(learner: Learner, texts: Sequence[str], spread: float) -> dict[str, Any]:
    """A value, range or distribution for each free parameter."""
    import math

    values: dict[str, Any] = {p.name: FromPrior(p, math.log(spread) * p.per_outcome) for p in learner.parameters}
    return values | ranges_of([learner], texts)


def _describe(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g} for all participants"
    if isinstance(value, FromPrior):
        import numpy as np

        low, middle, high = value.ppf(np.array([0.025, 0.5, 0.975]))
        return f"drawn from the prior, {middle:.2g} ({low:.2g} to {high:.2g})"
    return f"uniform on {value[0]:g} to {value[1]:g}"
