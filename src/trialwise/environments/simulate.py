"""Simulation: learners act in environments, at parameters that are known because they were chosen."""

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
"""The four wide files in which the public data of the alien task come."""


@dataclass(frozen=True, eq=False, repr=False)
class Simulation(Result):
    """What simulated participants saw, did and got, and the parameters that made them do it.

    Attributes
    ----------
    learner
        Who acted.
    trials
        The data, as if they had been read from a file.
    parameters
        One row a participant: ``participant`` and the true value of each free parameter, on its natural scale.
    seed
        With learner, environment and parameters it determines everything.
    log_probability
        ``(trials,)``: log-probability (or density) of what was drawn, NaN where nothing was; of observed and hidden choice
        together where there is a hidden one.
    hidden
        ``(trials,)``: the hidden choice of each trial, from 0; None for a learner without one.
    potential
        ``(trials, actions)``: what each action would have brought, chosen or not, NaN where there was no feedback; outcomes of
        several parts ``(trials, actions, parts)``; one column where nothing is chosen.
    """

    learner: Learner
    trials: Trials
    parameters: pd.DataFrame
    seed: int
    log_probability: np.ndarray
    hidden: np.ndarray | None = None
    potential: np.ndarray | None = None

    contents = {"trials": "a row a trial", "true_parameters": "a row a participant"}

    def tables(self) -> dict[str, pd.DataFrame]:
        """``trials``, with the hidden choice in a column of its own, and ``true_parameters``."""
        long = self.trials.to_frame()
        if self.hidden is not None:
            long["hidden_choice"] = self.hidden
        return {"trials": long, "true_parameters": self.parameters}

    def save(self, folder: str | PathLike[str], *, wide: bool = False, potential: bool = False) -> tuple[Path, ...]:
        """Write ``trials.csv`` (a row a trial) and ``true_parameters.csv`` (a row a participant) into a folder.

        A hidden choice is told in the column ``hidden_choice``, which readers leave alone.

        Each file appears whole or not at all; files of the same names are replaced.

        Parameters
        ----------
        folder
            Made if it does not exist.
        wide
            Also write the four tables in which the public data of the alien task come, participants in columns and
            trials in rows: ``seasons.csv``, ``aliens.csv``, ``actions.csv``, ``rewards.csv``. Cells are empty where a
            choice was missed and below a participant's last trial.
        potential
            Also write ``potential_outcomes.csv``: participant, trial and a column an action (and part of an outcome), what it
            would have brought.

        Returns
        -------
        tuple of Path
            The files.

        Raises
        ------
        UsageError
            If ``wide`` is asked for without contexts, cues, choices or a single outcome.
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
                    "Leave wide=True out: trials.csv holds everything"
                )
            tables |= {name: _side_by_side(self.trials, long[column].to_numpy()) for name, column in WIDE.items()}
        place = Path(fspath(folder))
        place.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            write(place / name, table.to_csv(index=False, lineterminator="\n"))
        return tuple(place / name for name in tables)

    def potential_outcomes(self) -> pd.DataFrame:
        """What each action would have brought, a row a trial: participant, trial, and a column an action (``action part``, if
        outcomes have several).

        Raises
        ------
        UsageError
            If nothing was chosen.
        """
        actions, parts = self.trials.levels.get("action"), list(self.trials.outcome)
        if self.potential is None or actions is None:
            raise UsageError(f"outcomes did not depend on choices: {self.learner!r} made none")
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
    """Let a learner act in an environment, at known parameters.

    Random numbers belong to seed, participant label and purpose: a participant sees the same sequences, would get the
    same outcomes and has the same luck in choosing, whoever else is simulated and whatever the learner.

    Parameters
    ----------
    learner
        E.g. ``QLearning(initial=1.2)``.
    environment
        An environment, ``AlienTask()``; one along recorded sequences, ``AlienTask().on(trials)``; or recorded trials
        alone, for a learner with a continuous response: what it is shown does not depend on what it does.
    parameters
        For each free parameter, on its natural scale, a number, an array ``(participants,)``, or a distribution to draw
        each participant's value from: a pair ``(low, high)``, in which every value is equally likely, or any frozen distribution of :mod:`scipy.stats`. The
        ``parameters`` of another simulation serve as well.
    seed
        A whole number, 0 or larger.
    participants
        How many, or their labels. By default those of the table of parameters or of the recorded trials; else as many
        as the arrays have values, or one.
    keep_missed
        Recorded sequences only: where a choice or response was missed, the agent misses it too. By default it responds
        on every trial.

    Returns
    -------
    Simulation

    Raises
    ------
    UsageError
        If the arguments do not fit together, or a parameter is missing, unknown or out of its range.
    ModelError
        If a response has no finite probability at these parameters.

    Examples
    --------
    >>> truth = {"alpha": (0, 0.2), "beta": (1, 5), "forget": 0}
    >>> simulation = simulate(QLearning(initial=1.2), AlienTask(), truth, participants=30)      # doctest: +SKIP
    """
    import pandas as pd

    from trialwise.learners.parameter_values import matrix

    seed = checked_seed(seed)
    stream_of = partial(stream, seed)
    if not isinstance(environment, Environment | Recorded | Trials):
        raise UsageError(f"environment={environment!r}: wanted an environment, e.g. {_names()}, or recorded trials")
    if keep_missed and isinstance(environment, Environment):
        raise UsageError(
            f"keep_missed=True is for recorded sequences; in {environment!r} nothing is missed: leave it out"
        )
    labels, given = _people(parameters, environment, participants)
    stage = _stage(learner, environment, labels, stream_of, keep_missed)
    free = matrix(
        learner, stage.trials, {name: _drawn(name, value, labels, stream_of) for name, value in given.items()}
    )
    if np.isnan(free).any():
        n, k = np.argwhere(np.isnan(free))[0]
        raise UsageError(f"{learner.names[k]} of participant {labels[n]!r} is missing (NaN): give it a number")
    stage, trials, log_probability, hidden = _act(learner, stage, free, stream_of)
    trials = replace(trials, notes=(*trials.notes, f"simulated: {learner!r} in {environment!r}, seed {seed}"))
    table = pd.DataFrame({"participant": labels, **dict(zip(learner.names, free.T, strict=True))})
    potential = stage.potential[:, :, 0] if len(stage.outcomes) == 1 else stage.potential
    return Simulation(learner, trials, table, int(seed), log_probability, hidden, potential)


def _act(
    learner: Learner, stage: Stage, free: np.ndarray, stream: Stream
) -> tuple[Stage, Trials, np.ndarray, np.ndarray | None]:
    """What is done and got, and the stage on which it was."""
    from trialwise.engine import pack, responses_of, run_rollout

    random = _luck(learner, stage.trials, stream)
    while True:
        template = _before(learner, stage)
        packed = pack(learner, template)
        potential = np.ascontiguousarray(stage.potential)
        done, log_probability, hidden = run_rollout(learner, packed, free, potential, random)
        # Choices may lead elsewhere than to where they were made. The same luck again, and one more row at least is where its
        # choices lead: those before it stay as they are.
        after = stage.after(_actions(learner, done))
        if after is stage:
            break
        stage = after
    _check_finite(learner, template, stage.asked, log_probability, free)
    first = packed.outcome[0][2] if packed.outcome else 0
    outcome = {name: done.reals[:, first + k].copy() for k, name in enumerate(stage.outcomes)}
    responses: dict[str, Any] = {}
    for response in responses_of(learner, packed.actions):
        responses |= response.family.as_trials(response.name, response.observed(done.observed))
    return stage, replace(template, outcome=outcome, **responses), log_probability, hidden


def _actions(learner: Learner, done: Packed) -> np.ndarray | None:
    """The action of each trial, ``int64 (trials,)``; None if no response is one."""
    from trialwise.engine import responses_of

    acting = [each for each in responses_of(learner, done.actions) if each.family.acts]
    return acting[0].family.actions(acting[0].observed(done.observed)) if acting else None


def _before(learner: Learner, stage: Stage) -> Trials:
    """Trials for the engine to overwrite: every choice is the first action and every outcome what it would bring.

    The engine takes from them which trials are asked and which have an outcome.
    """
    asked = stage.asked
    outcome = {name: stage.potential[:, 0, k].copy() for k, name in enumerate(stage.outcomes)}
    responses: dict[str, Any] = {}
    for name, family in learner.responses.items():
        responses |= family.as_trials(name, family.unanswered(asked))
        if not family.learns_when_missing:
            outcome = {part: np.where(asked, values, np.nan) for part, values in outcome.items()}
    return replace(stage.trials, outcome=outcome, **responses)


def _luck(learner: Learner, trials: Trials, stream: Stream) -> np.ndarray:
    """Random numbers of each trial, ``(trials, numbers)``: for the responses, and for the hidden choice."""
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
                "recorded trials hold no outcome for what was not chosen: name the environment that they come from, "
                f"e.g. AlienTask().on(trials); there are {_names()}, and your own (see trialwise.environments)"
            )
        return as_recorded(environment, labels, keep)
    task = environment.environment if isinstance(environment, Recorded) else environment
    acts = "action" in task.levels
    if chooses and not acts:
        raise UsageError(
            f"{task!r} has no actions and {learner} chooses: take another environment ({_names()}), "
            "or a learner with a continuous response"
        )
    if acts and not chooses:
        raise UsageError(
            f"outcomes in {task!r} depend on a choice and {learner} makes none: take an environment without actions, "
            "such as Conditioning(), or recorded trials"
        )
    if isinstance(environment, Recorded):
        return along(environment, labels, stream, keep)
    return generate(environment, labels, stream)


def _people(
    parameters: Mapping[str, Any] | pd.DataFrame,
    environment: EnvironmentLike,
    participants: int | Sequence[Hashable] | None,
) -> tuple[tuple[Hashable, ...], dict[str, Any]]:
    """Who is simulated, and the values given for them."""
    given = {name: parameters[name] for name in map(str, parameters)}
    rows = np.asarray(given.pop("participant")).tolist() if "participant" in given else None
    recorded = environment.trials if isinstance(environment, Recorded) else environment
    known = rows if rows is not None else list(recorded.participants) if isinstance(recorded, Trials) else None
    labels: list[Hashable]
    if participants is None:
        lengths = [len(value) for value in given.values() if np.ndim(value) == 1]
        labels = known if known is not None else list(range(lengths[0] if lengths else 1))
    elif isinstance(participants, int | np.integer):
        most = len(known) if known is not None else participants
        if not 1 <= participants <= most:
            wanted = f"1 to {most}" if known is not None else "1 or more"
            raise UsageError(f"participants={participants!r}: wanted {wanted}, or a list of labels")
        labels = list(known[:participants] if known is not None else range(participants))
    else:
        labels = list(participants)
    if not labels or len(set(labels)) < len(labels):
        raise UsageError(f"participants={labels!r}: wanted one label or more, each once")
    if rows is not None:
        place = {label: n for n, label in enumerate(rows)}
        unknown = [label for label in labels if label not in place]
        if unknown:
            raise UsageError(f"the table of parameters has no participant {unknown[0]!r}")
        given = {name: np.asarray(value)[[place[label] for label in labels]] for name, value in given.items()}
    return tuple(labels), given


def _drawn(name: str, value: Any, labels: Sequence[Hashable], stream: Stream) -> Any:
    """The values of a parameter; each participant's own draw where a distribution was given."""
    if not isinstance(value, tuple) and not hasattr(value, "ppf"):
        return value
    share = np.array([stream("parameter", label, name).random() for label in labels])
    if not isinstance(value, tuple):
        return np.asarray(value.ppf(share), float)
    low, high = range_of(name, value)
    return low + (high - low) * share


def range_of(name: str, value: Any) -> tuple[float, float]:
    """The ends of a range that a user gave for a parameter.

    Raises
    ------
    UsageError
        Unless they are two finite numbers that go upwards.
    """
    ends = [end for end in value if isinstance(end, int | float | np.integer | np.floating) and np.isfinite(end)]
    if len(ends) != 2 or len(value) != 2 or ends[0] > ends[1]:
        raise UsageError(
            f"{name}={value!r}: a range is a pair (low, high) of finite numbers; for one value a participant, write a list"
        )
    return float(ends[0]), float(ends[1])


def _check_finite(
    learner: Learner, trials: Trials, asked: np.ndarray, log_probability: np.ndarray, free: np.ndarray
) -> None:
    wrong = np.flatnonzero(asked & ~np.isfinite(log_probability))
    if len(wrong):
        n = trials.participant_index[wrong[0]]
        at = ", ".join(f"{name}={value:g}" for name, value in zip(learner.names, free[n], strict=True))
        raise ModelError(
            f"{learner}: on trial {wrong[0] - trials.offsets[n] + 1} of participant {trials.participants[n]!r} the "
            f"response has no finite probability at {at}. Look at what the learner computes there, or draw parameters "
            "from smaller ranges"
        )


def _names() -> str:
    return ", ".join(f"{name}()" for name in BUILT_IN)


def _side_by_side(trials: Trials, values: np.ndarray) -> pd.DataFrame:
    """Participants in columns, trials in rows; empty below the last trial."""
    import pandas as pd

    spans = zip(trials.offsets, trials.offsets[1:], strict=False)
    columns = [pd.Series(values[first:end], dtype=object) for first, end in spans]
    table = pd.concat(columns, axis=1)
    table.columns = pd.Index(trials.participants)
    return table
