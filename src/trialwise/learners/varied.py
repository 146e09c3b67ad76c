"""Parameters that vary within a run of trials, between conditions or with a number, while the state goes on."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import brief
from trialwise.base.message import MOST, Argument, Message
from trialwise.data.reading.cells import key
from trialwise.data.trials import Trials, row_of
from trialwise.learners.parameters import Parameter
from trialwise.learners.places import some

PRIOR_OF_SLOPES = 0.5
"""Width of a slope's default prior, and of its spread, in units of the parameter's spread."""

CONDITION, STANDARDISED = "condition of ", " (standardised)"
"""Parts of the names of columns that fits with formulas make: of the conditions of a parameter, and of a number of the trials."""

INSTEAD = str.maketrans({"/": "|", ",": ";"})
"""Characters of labels that names of parameters cannot have: a slash separates groups of a file, a comma the names in a list."""


def made_for_formulas(column: str) -> bool:
    """Whether a fit with formulas made this column."""
    return column.startswith(CONDITION) or column.endswith(STANDARDISED)


@dataclass(frozen=True)
class Varied:
    """How one parameter varies.

    Attributes
    ----------
    column
        The column of conditions, or of numbers.
    levels
        The labels that have a value each, in order; None for numbers :math:`x_t`, with which the value is
        :math:`g(g^{-1}(\\theta) + b x_t)`, :math:`g` = :meth:`Parameter.constrain`.
    """

    column: str
    levels: tuple[Hashable, ...] | None = None

    @property
    def given(self) -> str | dict[str, list[Hashable]]:
        """What :meth:`trialwise.learners.learner.Learner.vary` takes for it."""
        return self.column if self.levels is None else {self.column: [*self.levels]}

    def names(self, parameter: str) -> tuple[str, ...]:
        """The name of the value of each label, ``alpha[stable]``, ``alpha[volatile]``; or of value and slope, ``beta``, ``beta:stake``."""
        if self.levels is None:
            return parameter, f"{parameter}:{text_in_names(self.column)}"
        return tuple(f"{parameter}[{text_in_names(level)}]" for level in self.levels)

    def parameters(self, parameter: Parameter) -> tuple[Parameter, ...]:
        """The parameter of each label, with the range and the default prior of the one that varies; or this one and the slope."""
        if self.levels is None:
            role, spread = f"change of {parameter.name} with {self.column}", PRIOR_OF_SLOPES * parameter.spread
            return parameter, Parameter(
                self.names(parameter.name)[1], role, "real", -np.inf, np.inf, 0.0, spread, spread
            )
        return tuple(
            replace(parameter, name=name, role=f"{parameter.role}, {self.column} {level}")
            for name, level in zip(self.names(parameter.name), self.levels, strict=True)
        )

    def at(self, parameter: Parameter, free: Mapping[str, float], value: Hashable) -> float:
        """The value of the parameter, from those of :meth:`names`, at one label or number.

        Raises
        ------
        UsageError
            If it is none of the labels.
        """
        names = self.names(parameter.name)
        if self.levels is None:
            return parameter.shifted(free[parameter.name], free[names[1]] * float(np.asarray(value)))
        known = {key(each): name for each, name in zip(self.levels, names, strict=True)}
        if key(value) not in known:
            raise UsageError(
                f"{parameter.name} has no value at {self.column} {value!r}: its levels are {some(self.levels, most=20)}"
            )
        return free[known[key(value)]]

    def slots(self, trials: Trials) -> np.ndarray:
        """The number of the label of each trial, ``int64 (trials,)``; see :meth:`problem`."""
        return self._place(trials)[trials.columns[self.column].values]

    def absent(self, trials: Trials) -> tuple[int, ...]:
        """The numbers of the labels that no trial has."""
        used = set() if self.levels is None else set(self.slots(trials).tolist())
        return tuple(n for n in range(len(self.levels or ())) if n not in used)

    def problem(self, parameter: str, trials: Trials) -> Message | None:
        """What the trials lack that is needed to know the value of each; None if nothing."""
        start = f"{parameter} varies by {self.column}, "
        column = trials.columns.get(self.column)
        kind, other = ("numbers", "labels") if self.levels is None else ("labels", "numbers")
        if column is None and made_for_formulas(self.column):
            return Message(
                f"{start}a column that a fit with formulas made, and these trials do not have it\n    -> take the trials of that fit, "
                "fit.trials, which have it; a simulation follows them in environment.on(fit.trials)"
            )
        if column is None:
            known = ", ".join(trials.columns) or "none"
            return Message(
                f"{start}and there is no such column (known before the choice: {known})\n    -> keep the column when reading: ",
                Argument(kind, [self.column]),
                "; an environment shows it, or a simulation follows recorded trials that have it",
            )
        if (column.levels is None) != (self.levels is None) or column.values.ndim > 1:
            what = f"has several {kind} a trial" if column.values.ndim > 1 else f"was read as {other}"
            return Message(
                f"{start}which {what}\n    -> read it as one column of {kind}: ", Argument(kind, [self.column])
            )
        if self.levels is None:
            wrong = np.flatnonzero(~np.isfinite(column.values))
            if not len(wrong):
                return None
            return Message(
                f"{start}which is no finite number on {len(wrong)} of {trials.n_trials} trials (first on {_where(trials, wrong[0])})\n    -> leave "
                "these trials out, or fill in their numbers"
            )
        unlisted = np.flatnonzero(self._place(trials)[column.values] < 0)
        if not len(unlisted):
            return None
        labels = trials.levels[str(column.levels)]
        others = [labels[code] for code in np.unique(column.values[unlisted])]
        where = _where(trials, unlisted[0])
        return Message(
            f"{start}with a value at each of {some(self.levels, most=20)}; the data also have {some(others)} (first on {where})\n    -> list "
            f"all levels: vary({parameter}={{{self.column!r}: {[*self.levels, *others]!r}}}), or leave these trials out"
        )

    def _place(self, trials: Trials) -> np.ndarray:
        """The number of each label of the data among the levels, -1 if it is none, ``int64 (labels,)``."""
        number = {key(level): n for n, level in enumerate(self.levels or ())}
        labels = trials.levels[str(trials.columns[self.column].levels)]
        return np.array([number.get(key(label), -1) for label in labels], np.int64)


def as_varied(name: str, given: object) -> Varied:
    """What the user wrote for one parameter, ``{"volatility": ["stable", "volatile"]}`` or ``"stake"``, checked.

    Raises
    ------
    UsageError
        If it is not one column of numbers, or one with a list of labels, all different.
    """
    if isinstance(given, str) and given:
        return Varied(given)
    example = f"vary({name}={{'volatility': ['stable', 'volatile']}})"
    if not isinstance(given, Mapping) or len(given) != 1:
        count = f", not {len(given)} columns" if isinstance(given, Mapping) else ""
        raise UsageError(
            f"vary({name}={brief(given)}): one column and its levels are wanted{count}: {example}, or a column of numbers: vary({name}='stake')"
        )
    ((column, levels),) = given.items()
    if not isinstance(column, str) or not isinstance(levels, list | tuple) or not levels:
        raise UsageError(
            f"vary({name}={_short(given)}): the name of a column and a list of its levels are wanted: {example}"
        )
    plain = tuple(level.item() if isinstance(level, np.generic) else level for level in levels)
    odd = [level for level in plain if not isinstance(level, str | int | float)]
    if odd:
        raise UsageError(f"vary({name}={_short(given)}): levels are texts or numbers, and this is none: {odd[0]!r}")
    for same in (key, text_in_names):
        seen: dict[str, Hashable] = {}
        for level in plain:
            if same(level) in seen:
                raise UsageError(
                    f"vary({name}={_short(given)}): {seen[same(level)]!r} and {level!r} are the same level; list it once"
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


def _short(given: Mapping) -> str:
    text = repr(given)
    return text if len(text) <= MOST else brief(given)


def _where(trials: Trials, t: int | np.integer) -> str:
    n = trials.participant_index[t]
    return f"trial {t - trials.offsets[n] + 1} of participant {trials.participants[n]!r}{row_of(trials.row, trials.file, int(t))}"


def text_in_names(level: Hashable) -> str:
    """A level, or the name of a column, as names of parameters have it: ``a|b`` of ``a/b``."""
    return " ".join(str(level).translate(INSTEAD).split())
