"""Parameters that vary between conditions within a run of trials, while the state goes on."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import brief
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import key
from trialwise.data.trials import Trials, row_of
from trialwise.learners.parameters import Parameter
from trialwise.learners.places import some

INSTEAD = str.maketrans({"/": "|", ",": ";"})
"""Characters of labels that names of parameters cannot have: a slash separates groups of a file, a comma the names in a list."""


@dataclass(frozen=True)
class Varied:
    """How one parameter varies: the column of conditions, and the labels that have a value each, in order."""

    column: str
    levels: tuple[Hashable, ...]

    def names(self, parameter: str) -> tuple[str, ...]:
        """The name of the value of each label: ``alpha[stable]``, ``alpha[volatile]``."""
        return tuple(f"{parameter}[{_text(level)}]" for level in self.levels)

    def parameters(self, parameter: Parameter) -> tuple[Parameter, ...]:
        """The parameter of each label, with the range and the default prior of the one that varies."""
        return tuple(
            replace(parameter, name=name, role=f"{parameter.role}, {self.column} {level}")
            for name, level in zip(self.names(parameter.name), self.levels, strict=True)
        )

    def name_at(self, parameter: str, level: Hashable) -> str:
        """The name of the value at one label.

        Raises
        ------
        UsageError
            If it is none of the labels.
        """
        known = {key(each): name for each, name in zip(self.levels, self.names(parameter), strict=True)}
        if key(level) not in known:
            raise UsageError(
                f"{parameter} has no value at {self.column} {level!r}: its levels are {some(self.levels, most=20)}"
            )
        return known[key(level)]

    def slots(self, parameter: str, trials: Trials) -> np.ndarray:
        """The number of the label of each trial, ``int64 (trials,)``; see :meth:`problem`."""
        return self._place(trials)[trials.columns[self.column].values]

    def absent(self, trials: Trials) -> tuple[int, ...]:
        """The numbers of the labels that no trial has."""
        used = set(self.slots("", trials).tolist())
        return tuple(n for n in range(len(self.levels)) if n not in used)

    def problem(self, parameter: str, trials: Trials) -> Message | None:
        """What the trials lack that is needed to know the value of each; None if nothing."""
        start = f"{parameter} varies by {self.column}, "
        column = trials.columns.get(self.column)
        if column is None:
            known = ", ".join(trials.columns) or "none"
            return Message(
                f"{start}and there is no such column (known before the choice: {known})\n    -> keep the column when reading: ",
                Argument("labels", [self.column]),
                "; an environment shows it, or a simulation follows recorded trials that have it",
            )
        if column.levels is None or column.values.ndim > 1:
            what = "has several labels a trial" if column.values.ndim > 1 else "was read as numbers"
            return Message(
                f"{start}which {what}\n    -> read it as one column of labels: ", Argument("labels", [self.column])
            )
        unlisted = np.flatnonzero(self._place(trials)[column.values] < 0)
        if not len(unlisted):
            return None
        labels = trials.levels[column.levels]
        others = [labels[code] for code in np.unique(column.values[unlisted])]
        first = int(unlisted[0])
        n = int(np.searchsorted(trials.offsets, first, side="right")) - 1
        where = f"trial {first - trials.offsets[n] + 1} of participant {trials.participants[n]!r}{row_of(trials.row, trials.file, first)}"
        return Message(
            f"{start}with a value at each of {some(self.levels, most=20)}; the data also have {some(others)} (first on {where})\n    -> list "
            f"all levels: vary({parameter}={{{self.column!r}: {[*self.levels, *others]!r}}}), or leave these trials out"
        )

    def _place(self, trials: Trials) -> np.ndarray:
        """The number of each label of the data among the levels, -1 if it is none, ``int64 (labels,)``."""
        number = {key(level): n for n, level in enumerate(self.levels)}
        labels = trials.levels[str(trials.columns[self.column].levels)]
        return np.array([number.get(key(label), -1) for label in labels], np.int64)


def as_varied(name: str, given: Any) -> Varied:
    """What the user wrote for one parameter, ``{"volatility": ["stable", "volatile"]}``, checked.

    Raises
    ------
    UsageError
        If it is not one column with a list of labels, all different.
    """
    example = f"vary({name}={{'volatility': ['stable', 'volatile']}})"
    if not isinstance(given, Mapping) or len(given) != 1:
        count = f", not {len(given)} columns" if isinstance(given, Mapping) else ""
        raise UsageError(f"vary({name}={brief(given)}): one column and its levels are wanted{count}: {example}")
    ((column, levels),) = given.items()
    if not isinstance(column, str) or not isinstance(levels, list | tuple) or not levels:
        raise UsageError(f"vary({name}={given!r}): the name of a column and a list of its levels are wanted: {example}")
    plain = tuple(level.item() if isinstance(level, np.generic) else level for level in levels)
    odd = [level for level in plain if not isinstance(level, str | int | float)]
    if odd:
        raise UsageError(f"vary({name}={given!r}): levels are texts or numbers, and this is none: {odd[0]!r}")
    for same in (key, _text):
        seen: dict[str, Hashable] = {}
        for level in plain:
            if same(level) in seen:
                raise UsageError(
                    f"vary({name}={given!r}): {seen[same(level)]!r} and {level!r} are the same level; list it once"
                )
            seen[same(level)] = level
    return Varied(column, plain)


def check_varied(learner: str, varied: Mapping[str, Varied], trials: Trials) -> None:
    """Refuse trials in which the value of a varied parameter is not known on every trial; all problems at once.

    Raises
    ------
    UsageError
        With what to type.
    """
    problems = [each.problem(name, trials) for name, each in varied.items()]
    found = [problem for problem in problems if problem is not None]
    if found:
        raise UsageError(Message.join("\n", [Message(f"{learner}: ", each) for each in found]))


def _text(level: Hashable) -> str:
    return " ".join(str(level).translate(INSTEAD).split())
