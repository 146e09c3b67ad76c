"""The interface of an environment: the sequence shown to a participant, and the potential outcome of each choice."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, brief, check, expects, instance
from trialwise.base.message import Argument
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.expansion.declared import Expansion
from trialwise.data.trials import Column, Trials


@dataclass(frozen=True, eq=False)
class Shown:
    """The sequence shown to one participant.

    Attributes
    ----------
    trials
        Number of trials (rows).
    columns
        ``{name: array}`` with shape ``(trials,)``, or ``(trials, length)`` for vectors. Whole numbers are codes of labels,
        which index the environment's ``levels`` of the same name; reals are numbers. To use the labels of another set, give a
        :class:`~trialwise.data.trials.Column`: ``Column(pairs, "cue")`` contains codes of cues.
    reset
        ``bool (trials,)``: whether the learner's state is reset before the trial; None for never.
    available
        ``bool (trials, actions)``; None if every action is always available.
    forced
        ``int (trials,)``: the action that is forced on the participant, which teaches and is not scored; -1 where the choice is free.
        None if all are.

    Examples
    --------
    >>> shown = tw.environments.Shown(3, {"cue": np.array([0, 1, 0])}, reset=np.array([True, False, False]))
    >>> shown["cue"].tolist()
    [0, 1, 0]
    """

    trials: int
    columns: Mapping[str, np.ndarray | Column] = field(default_factory=dict)
    reset: np.ndarray | None = None
    available: np.ndarray | None = None
    forced: np.ndarray | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        """The values of a column.

        Raises
        ------
        UsageError
            If there is no such column.
        """
        if name not in self.columns:
            known = ", ".join(self.columns) or "none"
            raise UsageError(
                f"the outcomes depend on the column '{name}', which the trials do not have; their columns: {known}"
            )
        column = self.columns[name]
        return column.values if isinstance(column, Column) else np.asarray(column)


class Environment(ABC):
    """Base class of environments.

    Attributes
    ----------
    levels
        ``{name: labels}`` of the columns of codes, and of ``"action"``. In an environment without actions, outcomes do not
        depend on the participant's behaviour (conditioning).
    outcomes
        Names of the parts of an outcome; a single part is called ``"outcome"``.
    reads
        Names of the columns that :meth:`potential` reads. Recorded sequences must have these columns, with as many labels.
    mean_rewards
        Mean reward of each action, ``(contexts, cues, actions)``, where context and cue determine it: what makes a choice correct
        for the measures of :mod:`trialwise.analysis.behaviour.measures`. None if there is no such table.
    learners
        Names of the built-in learners that were made for this environment: it is their default on the command line, where other
        learners need an environment by name.
    expansion
        How tables with a row a trial, as files of the task often have, become rows as in this environment: :func:`trialwise.stages`. The
        reader accepts the environment as ``expand``. None if they need not be expanded.

    Examples
    --------
    >>> class Coin(tw.environments.Environment):
    ...     levels = {"action": ("left", "right")}
    ...
    ...     def show(self, random):
    ...         return tw.environments.Shown(trials=30)
    ...
    ...     def potential(self, shown, random):
    ...         return (random.random((shown.trials, 2)) < (0.3, 0.7)).astype(float)
    >>> tw.simulate(tw.QLearning(), Coin(), {"alpha": 0.2, "beta": 3, "forget": 0}, participants=2, seed=1).trials
    Trials(2 participants, 60 trials; 2 actions)
    """

    levels: Mapping[str, Sequence[Hashable]] = MappingProxyType({})
    outcomes: Sequence[str] = ("outcome",)
    reads: Sequence[str] = ()
    mean_rewards: np.ndarray | None = None
    learners: Sequence[str] = ()
    expansion: ClassVar[Expansion | None] = None

    @classmethod
    def of_length(cls, trials: int | None = None) -> Self:
        """The environment as the command line uses it.

        Parameters
        ----------
        trials
            Number of trials of a participant; None for the default length.

        Returns
        -------
        Environment
            Made by ``cls(trials=trials)`` unless the environment defines it otherwise.

        Raises
        ------
        UsageError
            If the number of trials cannot be chosen.
        """
        if trials is None:
            return cls()
        check(f"{cls.__name__}.of_length", "trials", trials, COUNT)
        if "trials" not in inspect.signature(cls).parameters:
            raise UsageError(Argument("trials", trials), f": {cls.__name__} itself determines its number of trials")
        return cls(trials=trials)  # type: ignore[call-arg]

    def __repr__(self) -> str:
        """The class and its public attributes; the same text for equal environments."""
        own = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        texts = (f"{name}={brief(value)}" for name, value in own.items())
        return f"{type(self).__name__}({', '.join(texts)})"

    @abstractmethod
    def show(self, random: np.random.Generator) -> Shown:
        """Generate the sequence shown to one participant.

        Parameters
        ----------
        random
            The participant's own generator; the only source of randomness.

        Returns
        -------
        Shown
            Number of trials, columns, resets and available actions.
        """

    @abstractmethod
    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """Generate the outcome that each action would have, chosen or not.

        Parameters
        ----------
        shown
            What :meth:`show` returned for the participant or, with recorded trials, their sequence.
        random
            The participant's own generator; the only source of randomness.

        Returns
        -------
        array
            ``(trials, actions)`` or, with several parts, ``(trials, actions, parts)``. NaN for all actions of a trial means no feedback. An
            environment without actions returns ``(trials, 1)``.
        """

    def follow(self, shown: Shown, choice: np.ndarray) -> Mapping[str, np.ndarray]:
        """Columns that depend on earlier choices, such as the state that a first choice leads to.

        For environments with several stages, one row per stage. A row may depend only on choices in earlier rows, and all
        randomness is drawn in :meth:`show`.

        Parameters
        ----------
        shown
            What :meth:`show` returned for the participant.
        choice
            Codes of the choices, ``int64 (trials,)``, -1 where there was none.

        Returns
        -------
        dict
            ``{name: (trials,)}``, which replace those of ``shown`` when ``potential`` is called; empty by default.
        """
        return {}

    @expects(trials=DATA)
    def on(self, trials: Data) -> Recorded:
        """This environment with recorded sequences: contexts, cues, ... of the data, and newly drawn outcomes.

        Labels are matched by their order in ``trials.levels``, not by their names. If they are words, declare them in the order
        of the environment when reading the data: ``levels={"context": ["hot", "cold", "rainy"]}``.

        Parameters
        ----------
        trials
            Recorded trials.

        Returns
        -------
        Recorded
            What :func:`trialwise.simulate`, :func:`trialwise.predict` and the studies accept as an environment.

        Raises
        ------
        UsageError
            If a column is missing, or its number of labels differs from the environment's.

        Examples
        --------
        >>> trials = tw.load_data("alien_flat").trials.select([0, 1]).first(40)
        >>> along = tw.environments.AlienTask().on(trials)
        >>> simulation = tw.simulate(tw.QLearning(initial=1.2), along, {"alpha": 0.2, "beta": 2, "forget": 0}, seed=1)
        >>> bool((simulation.trials.columns["cue"].values == trials.columns["cue"].values).all())
        True
        """
        trials = as_trials(trials, warn=True)
        return Recorded(self, trials)


@dataclass(frozen=True, eq=False)
class Recorded:
    """An environment with the sequences of recorded trials, created by :meth:`Environment.on`.

    Attributes
    ----------
    environment
        Where the outcomes come from.
    trials
        Where the sequences come from.

    Raises
    ------
    UsageError
        If a column that the environment reads is missing, or its number of labels differs from the environment's.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0]).first(40)
    >>> tw.environments.AlienTask().on(trials).shown(0).trials
    40
    """

    environment: Environment
    trials: Trials

    def __post_init__(self) -> None:
        name, sizes = type(self.environment).__name__, self.trials.sizes
        for column in self.environment.reads:
            if column not in self.trials.columns:
                known = ", ".join(self.trials.columns) or "none"
                role = column in ("context", "cue", "block", "session")
                further = "labels" if column in self.environment.levels else "numbers"
                raise UsageError(
                    f"{name}'s outcomes depend on the {column}, and the trials have no such column (only: {known}). "
                    "Read them with ",
                    Argument(column, "name of the column") if role else Argument(further, [column]),
                )
        for kind, labels in self.environment.levels.items():
            read = kind in (*self.environment.reads, "action")
            if kind not in sizes and kind not in self.environment.reads:
                continue
            recorded = self.trials.levels.get(kind, ())
            if read and len(recorded) != len(labels):
                raise UsageError(
                    f"{name} has {len(labels)} {kind}s; these trials have {len(recorded)}: {', '.join(map(str, recorded))}. "
                    f"If labels do not occur in the data, declare them when reading: ",
                    Argument("levels", {kind: list(labels)}),
                )
            theirs, own = [str(each) for each in recorded], [str(each) for each in labels]
            if theirs != own and {each.casefold() for each in theirs} == {each.casefold() for each in own}:
                raise UsageError(
                    f"{name} has the {kind}s {', '.join(own)}, and these trials have the same in another order, {', '.join(theirs)}: "
                    "labels are matched by their order. Declare it when reading: ",
                    Argument("levels", {kind: list(labels)}),
                )

    def shown(self, participant: int) -> Shown:
        """The recorded sequence of a participant, by index.

        Parameters
        ----------
        participant
            Index of the participant, from 0.

        Returns
        -------
        Shown
            Columns, resets, available and forced actions as recorded.
        """
        rows = slice(*self.trials.offsets[participant : participant + 2])
        available, forced = self.trials.available, self.trials.forced
        return Shown(
            trials=int(self.trials.lengths[participant]),
            columns={name: Column(c.values[rows], c.levels) for name, c in self.trials.columns.items()},
            reset=None if self.trials.reset is None else self.trials.reset[rows],
            available=None if available is None else available[rows],
            forced=None if forced is None else forced[rows],
        )

    def __repr__(self) -> str:
        return f"{self.environment!r}.on({self.trials!r})"


EnvironmentLike = Environment | Recorded | Trials
"""What a learner can act in: an environment, one along recorded sequences, or recorded trials alone."""


def _remedy(value: Any) -> str:
    """What to write where something else was given for an environment."""
    if isinstance(value, type) and issubclass(value, Environment):
        return f"{value.__name__}()"
    return "environment.on(trials), with the environment they come from" if isinstance(value, Trials) else ""


ENVIRONMENT = instance("an environment, built in or your own", Environment, Recorded, remedy=_remedy)
"""What functions expect that take an environment."""
