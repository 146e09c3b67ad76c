"""The result of a simulation: trials, true parameters and potential outcomes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.files import create_folder, together, write
from trialwise.base.message import Argument
from trialwise.base.result import Result
from trialwise.base.spreadsheets import as_csv
from trialwise.data.collapse import collapse
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner

if TYPE_CHECKING:
    import pandas as pd


WIDE = {"contexts.csv": "context", "cues.csv": "cue", "choices.csv": "choice", "outcomes.csv": "outcome"}
"""The wide files, whose names readers recognise, and their contents."""


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Result):
    """Simulated trials and the true parameters of the simulated participants.

    Attributes
    ----------
    learner
        The simulated learner.
    trials
        The simulated data, in the same form as data read from a file.
    parameters
        One row per participant: ``participant`` and the true value of each free parameter, on its natural scale.
    seed
        Random seed, which together with learner, environment and parameters determines the data.
    log_probability
        ``(trials,)``: log-probability (or density) of the simulated response, NaN where there is none; for a learner with a hidden
        choice, of response and hidden choice jointly.
    hidden
        ``(trials,)``: the hidden choice of each trial, from 0; None for a learner without one.
    potential
        ``(trials, actions)``: the outcome that each action would have had, chosen or not, NaN where there was no feedback;
        ``(trials, actions, parts)`` for outcomes with several parts; one column if the learner does not choose.

    Examples
    --------
    >>> truth = {"alpha": [0.1, 0.3], "beta": 2, "forget": 0}
    >>> simulation = tw.simulate(tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=20), truth, seed=1)
    >>> simulation.parameters
       participant  alpha  beta  forget
    0            0    0.1   2.0     0.0
    1            1    0.3   2.0     0.0
    >>> simulation.potential.shape, list(simulation.potential_outcomes())
    ((40, 3), ['participant', 'trial', '0', '1', '2'])
    >>> [path.name for path in simulation.save("simulated")]
    ['trials.csv', 'true_parameters.csv']
    """

    learner: Learner
    trials: Trials
    parameters: pd.DataFrame
    seed: int
    log_probability: np.ndarray
    hidden: np.ndarray | None = None
    potential: np.ndarray | None = None

    contents = {
        "trials": "one row per trial",
        "true_parameters": "one row per participant",
        "trials_by_row": "one row per row of the recorded file",
    }

    def tables(self) -> dict[str, pd.DataFrame]:
        """``trials``, with the hidden choice as an additional column, and ``true_parameters``.

        In sequences that were read with ``expand``, ``trials_by_row`` too, if the simulated choices can be rows of such a file: see
        :func:`trialwise.collapse`.
        """
        long = self.trials.to_frame()
        if self.hidden is not None:
            long["hidden_choice"] = self.hidden
        tables = {"trials": long, "true_parameters": self.parameters}
        if self.trials.expansion is not None:
            with suppress(UsageError):  # a series that goes on after stopping is no row of a file
                tables["trials_by_row"] = collapse(self.trials, long)
        return tables

    def save(
        self, folder: str | PathLike[str], *, wide: bool = False, potential: bool = False, for_people: bool = False
    ) -> tuple[Path, ...]:
        """Write ``trials.csv`` (one row per trial) and ``true_parameters.csv`` (one row per participant) to a folder.

        Sequences that were read with ``expand`` are written to ``trials_by_row.csv`` as well, with one row per row of the recorded file. A
        hidden choice is written to the column ``hidden_choice``, which readers ignore. Files replace files of the same names, all
        of them or none.

        Parameters
        ----------
        folder
            Output folder, created if it does not exist.
        wide
            Also write four tables with participants in columns and trials in rows, which :func:`trialwise.read_wide` reads:
            ``contexts.csv``, ``cues.csv``, ``choices.csv``, ``outcomes.csv``. Cells are empty where a choice was missed and below a
            participant's last trial.
        potential
            Also write ``potential_outcomes.csv``: participant, trial and, for each action (and part of the outcome), a column
            with the outcome that it would have had.
        for_people
            Whether labels that a spreadsheet would run as formulas, ``=1+1``, get an apostrophe before them. Readers of data
            take it for a part of the label, so that it is off by default.

        Returns
        -------
        tuple of Path
            Paths of the files.

        Raises
        ------
        UsageError
            If ``wide=True`` and the trials have no contexts, cues, choices or single outcome, or the files cannot be written.
        """
        tables = {f"{name}.csv": table for name, table in self.tables().items()}
        long = tables["trials.csv"]
        if potential:
            tables["potential_outcomes.csv"] = self.potential_outcomes()
        if wide:
            missing = [column for column in WIDE.values() if column not in long]
            if missing:
                raise UsageError(
                    Argument("wide", True),
                    f" writes contexts, cues, choices, outcomes; these trials have no {', '.join(missing)}. Leave ",
                    Argument("wide", True),
                    " out: trials.csv contains all columns",
                )
            tables |= {name: _side_by_side(self.trials, long[column].to_numpy()) for name, column in WIDE.items()}
        target = Path(fspath(folder))
        create_folder(target)
        with together(target, "simulation"):
            for name, table in tables.items():
                write(target / name, as_csv(table, index=False, for_people=for_people))
        return tuple(target / name for name in tables)

    def potential_outcomes(self) -> pd.DataFrame:
        """Outcomes that each action would have had.

        Returns
        -------
        DataFrame
            A row a trial: participant, trial, and one column per action (``action part`` if outcomes have several parts).

        Raises
        ------
        UsageError
            If the learner does not choose.
        """
        actions, parts = self.trials.levels.get("action"), list(self.trials.outcome)
        if self.potential is None or actions is None:
            raise UsageError(f"there are no potential outcomes: {self.learner!r} makes no choices")
        names = [f"{action}" if len(parts) == 1 else f"{action} {part}" for action in actions for part in parts]
        table = self.trials.to_frame()[["participant", "trial"]]
        table[names] = self.potential.reshape(len(table), -1)
        return table

    @property
    def headline(self) -> str:
        """Learner, trials and seed."""
        return f"Simulation({self.learner!r}, {self.trials!r}, seed={self.seed})"


def _side_by_side(trials: Trials, values: np.ndarray) -> pd.DataFrame:
    """A table with participants in columns and trials in rows, empty below the last trial."""
    import pandas as pd

    spans = zip(trials.offsets, trials.offsets[1:], strict=False)
    columns = [pd.Series(values[first:end], dtype=object) for first, end in spans]
    table = pd.concat(columns, axis=1)
    table.columns = pd.Index(trials.participants)
    return table
