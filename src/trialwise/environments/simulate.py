"""Simulation of learners in environments with known parameters."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.errors import ModelError, UsageError
from trialwise.base.files import write
from trialwise.base.result import Result
from trialwise.base.streams import Stream, checked_seed, stream
from trialwise.data.trials import Trials
from trialwise.environments.environment import Environment, Recorded
from trialwise.environments.stage import Stage, along, as_recorded, generate
from trialwise.environments.tasks import BUILT_IN
from trialwise.learners.learner import Learner
from trialwise.learners.responses.family import random_numbers

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.engine import Packed

EnvironmentLike = Environment | Recorded | Trials
"""What a learner can act in: an environment, one along recorded sequences, or recorded trials alone."""

WIDE = {"seasons.csv": "context", "aliens.csv": "cue", "actions.csv": "choice", "rewards.csv": "outcome"}
"""The four wide files of the public data of the alien task, and their contents."""


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

    contents = {"trials": "one row per trial", "true_parameters": "one row per participant"}

    def tables(self) -> dict[str, pd.DataFrame]:
        """``trials``, with the hidden choice as an additional column, and ``true_parameters``."""
        long = self.trials.to_frame()
        if self.hidden is not None:
            long["hidden_choice"] = self.hidden
        return {"trials": long, "true_parameters": self.parameters}

    def save(self, folder: str | PathLike[str], *, wide: bool = False, potential: bool = False) -> tuple[Path, ...]:
        """Write ``trials.csv`` (one row per trial) and ``true_parameters.csv`` (one row per participant) to a folder.

        A hidden choice is written to the column ``hidden_choice``, which readers ignore. Files are written atomically and replace
        files of the same names.

        Parameters
        ----------
        folder
            Output folder, created if it does not exist.
        wide
            Also write four tables in the format of the public data of the alien task, with participants in columns and
            trials in rows: ``seasons.csv``, ``aliens.csv``, ``actions.csv``, ``rewards.csv``. Cells are empty where a
            choice was missed and below a participant's last trial.
        potential
            Also write ``potential_outcomes.csv``: participant, trial and, for each action (and part of the outcome), a column
            with the outcome that it would have had.

        Returns
        -------
        tuple of Path
            Paths of the files.

        Raises
        ------
        UsageError
            If ``wide=True`` and the trials have no contexts, cues, choices or single outcome.
        """
        tables = {f"{name}.csv": table for name, table in self.tables().items()}
        long = tables["trials.csv"]
        if potential:
            tables["potential_outcomes.csv"] = self.potential_outcomes()
        if wide:
            missing = [column for column in WIDE.values() if column not in long]
            if missing:
                raise UsageError(
                    f"wide=True writes contexts, cues, choices, outcomes; these trials have no {', '.join(missing)}. "
                    "Leave wide=True out: trials.csv contains all columns"
                )
            tables |= {name: _side_by_side(self.trials, long[column].to_numpy()) for name, column in WIDE.items()}
        target = Path(fspath(folder))
        target.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            write(target / name, table.to_csv(index=False, lineterminator="\n"))
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


def simulate(
    learner: Learner,
    environment: EnvironmentLike,
    parameters: Mapping[str, Any] | pd.DataFrame,
    seed: int = 0,
    participants: int | Sequence[Hashable] | None = None,
    *,
    keep_missed: bool = False,
) -> Simulation:
    """Simulate a learner in an environment, with known parameters.

    Random numbers depend only on seed, participant label and purpose: a participant has the same sequences, the same potential
    outcomes and the same random numbers for choices, regardless of the learner and of the other participants.

    Parameters
    ----------
    learner
        A learner, e.g. ``QLearning(initial=1.2)``.
    environment
        An environment, ``AlienTask()``; an environment with recorded sequences, ``AlienTask().on(trials)``; or recorded trials
        alone, for a learner with a continuous response, whose responses do not affect what is shown.
    parameters
        For each free parameter, on its natural scale, a number, an array ``(participants,)``, or a distribution from
        which each participant's value is drawn: a pair ``(low, high)`` for a uniform distribution, or a frozen distribution of
        :mod:`scipy.stats`. The ``parameters`` of another simulation can be used as well.
    seed
        A non-negative integer.
    participants
        Number of participants, or their labels. By default those of the table of parameters or of the recorded trials; otherwise
        the number of values in the arrays, or one.
    keep_missed
        For recorded sequences only: whether the simulated participant also misses responses that were missed in the data. By default,
        it responds on every trial.

    Returns
    -------
    Simulation

    Raises
    ------
    UsageError
        If arguments are inconsistent, or a parameter is missing, unknown or out of its range.
    ModelError
        If a response has no finite probability at these parameters.

    Examples
    --------
    >>> truth = {"alpha": (0, 0.2), "beta": (1, 5), "forget": 0}
    >>> simulation = tw.simulate(tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=40), truth, participants=3)
    >>> simulation.trials.n_trials, list(simulation.parameters)
    (120, ['participant', 'alpha', 'beta', 'forget'])
    """
    import pandas as pd

    from trialwise.learners.parameter_values import matrix

    seed = checked_seed(seed)
    stream_of = partial(stream, seed)
    if not isinstance(environment, Environment | Recorded | Trials):
        raise UsageError(f"environment={environment!r}: expected an environment, e.g. {_names()}, or recorded trials")
    if keep_missed and isinstance(environment, Environment):
        raise UsageError(
            f"keep_missed=True is for recorded sequences; {environment!r} has no missed responses: leave it out"
        )
    labels, values = _participants(parameters, environment, participants)
    stage = _stage(learner, environment, labels, stream_of, keep_missed)
    free = matrix(
        learner, stage.trials, {name: _draw_values(name, value, labels, stream_of) for name, value in values.items()}
    )
    if np.isnan(free).any():
        n, k = np.argwhere(np.isnan(free))[0]
        raise UsageError(f"{learner.names[k]} of participant {labels[n]!r} is missing (NaN): give it a number")
    stage, trials, log_probability, hidden = _run(learner, stage, free, stream_of)
    trials = replace(trials, notes=(*trials.notes, f"simulated: {learner!r} in {environment!r}, seed {seed}"))
    table = pd.DataFrame({"participant": labels, **dict(zip(learner.names, free.T, strict=True))})
    potential = stage.potential[:, :, 0] if len(stage.outcomes) == 1 else stage.potential
    return Simulation(learner, trials, table, int(seed), log_probability, hidden, potential)


def _run(
    learner: Learner, stage: Stage, free: np.ndarray, stream: Stream
) -> tuple[Stage, Trials, np.ndarray, np.ndarray | None]:
    """Simulate all trials; return the final stage, the trials, log-probabilities and hidden choices."""
    from trialwise.engine import pack, responses_of, run_rollout

    random = _random_numbers(learner, stage.trials, stream)
    while True:
        template = _template(learner, stage)
        packed = pack(learner, template)
        potential = np.ascontiguousarray(stage.potential)
        simulated, log_probability, hidden = run_rollout(learner, packed, free, potential, random)
        # Choices can change what is shown on later rows. With the same random numbers, each repetition makes at least one more
        # row consistent with the preceding choices, and the rows before it do not change.
        next_stage = stage.after(_actions(learner, simulated))
        if next_stage is stage:
            break
        stage = next_stage
    _check_finite(learner, template, stage.asked, log_probability, free)
    first = packed.outcome[0][2] if packed.outcome else 0
    outcome = {name: simulated.reals[:, first + k].copy() for k, name in enumerate(stage.outcomes)}
    responses: dict[str, Any] = {}
    for response in responses_of(learner, packed.actions):
        responses |= response.family.as_trials(response.name, response.observed(simulated.observed))
    return stage, replace(template, outcome=outcome, **responses), log_probability, hidden


def _actions(learner: Learner, packed: Packed) -> np.ndarray | None:
    """The action on each trial, ``int64 (trials,)``; None if no response is a choice."""
    from trialwise.engine import responses_of

    acting = [each for each in responses_of(learner, packed.actions) if each.family.acts]
    return acting[0].family.actions(acting[0].observed(packed.observed)) if acting else None


def _template(learner: Learner, stage: Stage) -> Trials:
    """Trials for the engine to overwrite: every choice is the first action, with its potential outcome.

    From them the engine reads which trials require a response and which have an outcome.
    """
    asked = stage.asked
    outcome = {name: stage.potential[:, 0, k].copy() for k, name in enumerate(stage.outcomes)}
    responses: dict[str, Any] = {}
    for name, family in learner.responses.items():
        responses |= family.as_trials(name, family.unanswered(asked))
        if not family.learns_when_missing:
            outcome = {part: np.where(asked, values, np.nan) for part, values in outcome.items()}
    return replace(stage.trials, outcome=outcome, **responses)


def _random_numbers(learner: Learner, trials: Trials, stream: Stream) -> np.ndarray:
    """Random numbers for each trial, ``(trials, numbers)``: for the responses and for the hidden choice."""
    draws = []
    kinds = tuple(kind for family in learner.responses.values() for kind in family.random)
    for label, length in zip(trials.participants, trials.lengths, strict=True):
        response = random_numbers(kinds, stream("response", label), length)
        draws.append(np.column_stack([response, stream("hidden choice", label).random(length)]))
    return np.concatenate(draws)


def _stage(
    learner: Learner, environment: EnvironmentLike, labels: Sequence[Hashable], stream: Stream, keep: bool
) -> Stage:
    chooses = any(family.acts for family in learner.responses.values())
    if isinstance(environment, Trials):
        if chooses:
            raise UsageError(
                "recorded trials contain no outcomes of actions that were not chosen: name the environment that they come from, "
                f"e.g. AlienTask().on(trials); available are {_names()}, and your own (see trialwise.environments)"
            )
        return as_recorded(environment, labels, keep)
    base = environment.environment if isinstance(environment, Recorded) else environment
    has_actions = "action" in base.levels
    if chooses and not has_actions:
        raise UsageError(
            f"{base!r} has no actions but {learner} chooses: use another environment ({_names()}), "
            "or a learner with a continuous response"
        )
    if has_actions and not chooses:
        raise UsageError(
            f"outcomes in {base!r} depend on a choice but {learner} makes none: use an environment without actions, "
            "such as Conditioning(), or recorded trials"
        )
    if isinstance(environment, Recorded):
        return along(environment, labels, stream, keep)
    return generate(environment, labels, stream)


def _participants(
    parameters: Mapping[str, Any] | pd.DataFrame,
    environment: EnvironmentLike,
    participants: int | Sequence[Hashable] | None,
) -> tuple[tuple[Hashable, ...], dict[str, Any]]:
    """Labels of the simulated participants, and the parameter values given for them."""
    values = {name: parameters[name] for name in map(str, parameters)}
    rows = np.asarray(values.pop("participant")).tolist() if "participant" in values else None
    recorded = environment.trials if isinstance(environment, Recorded) else environment
    available = rows if rows is not None else list(recorded.participants) if isinstance(recorded, Trials) else None
    labels: list[Hashable]
    if participants is None:
        lengths = [len(value) for value in values.values() if np.ndim(value) == 1]
        labels = available if available is not None else list(range(lengths[0] if lengths else 1))
    elif isinstance(participants, int | np.integer):
        most = len(available) if available is not None else participants
        if not 1 <= participants <= most:
            expected = f"1 to {most}" if available is not None else "1 or more"
            raise UsageError(f"participants={participants!r}: expected {expected}, or a list of labels")
        labels = list(available[:participants] if available is not None else range(participants))
    else:
        labels = list(participants)
    if not labels or len(set(labels)) < len(labels):
        raise UsageError(f"participants={labels!r}: expected one or more distinct labels")
    if rows is not None:
        row_of = {label: n for n, label in enumerate(rows)}
        unknown = [label for label in labels if label not in row_of]
        if unknown:
            raise UsageError(f"the table of parameters has no participant {unknown[0]!r}")
        values = {name: np.asarray(value)[[row_of[label] for label in labels]] for name, value in values.items()}
    return tuple(labels), values


def _draw_values(name: str, value: Any, labels: Sequence[Hashable], stream: Stream) -> Any:
    """The values of a parameter; for a distribution, one draw per participant."""
    if not isinstance(value, tuple) and not hasattr(value, "ppf"):
        return value
    probability = np.array([stream("parameter", label, name).random() for label in labels])
    if not isinstance(value, tuple):
        return np.asarray(value.ppf(probability), float)
    low, high = range_of(name, value)
    return low + (high - low) * probability


def range_of(name: str, value: Any) -> tuple[float, float]:
    """The ends of a user-specified range of a parameter.

    Raises
    ------
    UsageError
        Unless the range consists of two finite numbers in ascending order.
    """
    ends = [end for end in value if isinstance(end, int | float | np.integer | np.floating) and np.isfinite(end)]
    if len(ends) != 2 or len(value) != 2 or ends[0] > ends[1]:
        raise UsageError(
            f"{name}={value!r}: a range is a pair (low, high) of finite numbers in ascending order; for one value per participant, use a list"
        )
    return float(ends[0]), float(ends[1])


def _check_finite(
    learner: Learner, trials: Trials, asked: np.ndarray, log_probability: np.ndarray, free: np.ndarray
) -> None:
    invalid = np.flatnonzero(asked & ~np.isfinite(log_probability))
    if len(invalid):
        n = trials.participant_index[invalid[0]]
        values = ", ".join(f"{name}={value:g}" for name, value in zip(learner.names, free[n], strict=True))
        raise ModelError(
            f"{learner}: on trial {invalid[0] - trials.offsets[n] + 1} of participant {trials.participants[n]!r} the "
            f"response has no finite probability at {values}. Check what the learner computes there, or draw parameters "
            "from smaller ranges"
        )


def _names() -> str:
    return ", ".join(f"{name}()" for name in BUILT_IN)


def _side_by_side(trials: Trials, values: np.ndarray) -> pd.DataFrame:
    """A table with participants in columns and trials in rows, empty below the last trial."""
    import pandas as pd

    spans = zip(trials.offsets, trials.offsets[1:], strict=False)
    columns = [pd.Series(values[first:end], dtype=object) for first, end in spans]
    table = pd.concat(columns, axis=1)
    table.columns = pd.Index(trials.participants)
    return table
