"""The shape of an environment: what a participant is shown, and what each choice would bring."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.data.trials import Column, Trials


@dataclass(frozen=True, eq=False)
class Shown:
    """What one participant is shown, before any choice.

    Attributes
    ----------
    trials
        How many.
    columns
        ``{name: array}`` with shape ``(trials,)``, or ``(trials, length)`` for vectors. Codes of labels are whole
        numbers and point into the environment's ``levels`` of the same name; numbers are reals. A
        :class:`~trialwise.data.trials.Column` says otherwise: ``Column(pairs, "cue")`` holds codes of cues under its name.
    reset
        ``bool (trials,)``: the state is reset before this trial; None for never.
    available
        ``bool (trials, actions)``; None where every action is always available.
    """

    trials: int
    columns: Mapping[str, np.ndarray | Column] = field(default_factory=dict)
    reset: np.ndarray | None = None
    available: np.ndarray | None = None

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
                f"the outcomes depend on the column '{name}', which the trials do not have; there is: {known}"
            )
        column = self.columns[name]
        return column.values if isinstance(column, Column) else np.asarray(column)


class Environment(ABC):
    """A task: it shows, and it answers.

    Attributes
    ----------
    levels
        ``{name: labels}`` of the columns of codes, and of ``"action"``; an environment without actions is one in which
        outcomes come whatever the participant does (conditioning).
    outcomes
        Names of the parts of an outcome; one part is called ``"outcome"``.
    reads
        Names of the columns that :meth:`potential` reads. Recorded sequences must have them, with as many labels.
    """

    levels: Mapping[str, Sequence[Hashable]] = MappingProxyType({})
    outcomes: Sequence[str] = ("outcome",)
    reads: Sequence[str] = ()

    @abstractmethod
    def show(self, random: np.random.Generator) -> Shown:
        """What one participant is shown."""

    @abstractmethod
    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        """What each action would bring, ``(trials, actions)``; outcomes of several parts ``(trials, actions, parts)``.

        NaN for all actions of a trial: no feedback. An environment without actions gives ``(trials, 1)``.
        """

    def follow(self, shown: Shown, choice: np.ndarray) -> Mapping[str, np.ndarray]:
        """Columns that earlier choices decide, as these choices ``(trials,)`` make them: the place that a first choice leads to.

        For tasks of several stages, a row each. A row may depend on choices in rows before it alone, and luck is settled in
        :meth:`show`. ``potential`` is then asked with these columns. By default nothing follows from choices.
        """
        return {}

    def on(self, trials: Trials) -> Recorded:
        """This environment along recorded sequences: contexts, cues, ... of the data, freshly drawn outcomes.

        Labels are matched by their order in ``trials.levels``, not by their names: declare them in the task's order
        when they are words, ``levels={"context": ["hot", "cold", "rainy"]}``.

        Raises
        ------
        UsageError
            If a column is missing, or has another number of labels than the environment.
        """
        return Recorded(self, trials)


@dataclass(frozen=True, eq=False)
class Recorded:
    """An environment along the sequences of recorded trials; made by :meth:`Environment.on`."""

    environment: Environment
    trials: Trials

    def __post_init__(self) -> None:
        name, sizes = type(self.environment).__name__, self.trials.sizes
        for column in self.environment.reads:
            if column not in self.trials.columns:
                known = ", ".join(self.trials.columns) or "none"
                raise UsageError(
                    f"{name}'s outcomes depend on the {column}, and the trials have no such column (only: {known}). "
                    "Read them with ",
                    Argument(column, "name of the column"),
                )
        for kind in [*self.environment.reads, "action"]:
            labels = self.environment.levels.get(kind)
            if labels is None or (kind == "action" and "action" not in sizes):
                continue
            found = self.trials.levels.get(kind, ())
            if len(found) != len(labels):
                raise UsageError(
                    f"{name} has {len(labels)} {kind}s; these trials have {len(found)}: {', '.join(map(str, found))}. "
                    f"If labels do not occur in the data, declare them when reading: ",
                    Argument("levels", {kind: list(labels)}),
                )

    def shown(self, participant: int) -> Shown:
        """What the participant with this number was shown."""
        rows = slice(*self.trials.offsets[participant : participant + 2])
        available = self.trials.available
        return Shown(
            trials=int(self.trials.lengths[participant]),
            columns={name: Column(c.values[rows], c.levels) for name, c in self.trials.columns.items()},
            available=None if available is None else available[rows],
        )

    def __repr__(self) -> str:
        return f"{self.environment!r}.on({self.trials!r})"
