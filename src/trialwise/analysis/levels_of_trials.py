"""The levels of a group, session or condition in trials: whose trials, and which of them, are at each."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trialwise.analysis.behaviour.runs import runs_of
from trialwise.base.english import counted, listed
from trialwise.base.errors import DataError, UsageError, did_you_mean
from trialwise.base.message import Argument, Code, Message
from trialwise.data.reading.cells import key
from trialwise.data.trials import MISSED, Trials
from trialwise.inference.fitted import Fit
from trialwise.population.designs.covariates import covariates_of
from trialwise.population.designs.formula import Atom, Formula, Part
from trialwise.population.designs.join import ParticipantsTable

MOST = 12
"""Levels; what has more is no factor."""


@dataclass(frozen=True, eq=False)
class LevelsOfTrials:
    """The level of each trial.

    Attributes
    ----------
    name
        Name of the column.
    labels
        The levels, in order.
    codes
        The level of each trial of the data, ``int (trials,)``; -1 where it is missing.
    owner
        The participant of each trial, ``int (trials,)``.
    size
        Number of participants.
    """

    name: str
    labels: tuple[Hashable, ...]
    codes: np.ndarray
    owner: np.ndarray
    size: int

    @property
    def participants(self) -> list[np.ndarray]:
        """Who has trials at each level, ``bool (participants,)`` each."""
        return [np.isin(np.arange(self.size), self.owner[self.codes == n]) for n in range(len(self.labels))]

    @property
    def between(self) -> bool:
        """Whether each participant is at one level only."""
        return int(np.max(np.sum(self.participants, 0))) <= 1 and not self.partly_missing

    @property
    def partly_missing(self) -> bool:
        """Whether a participant has trials with a level and trials without one."""
        absent = self.codes < 0
        return bool(np.isin(self.owner[absent], self.owner[~absent]).any())

    @property
    def without(self) -> int:
        """Number of participants without a level."""
        return int(self.size - len(np.unique(self.owner[self.codes >= 0])))

    @property
    def is_numeric(self) -> bool:
        """Whether there are several levels, and all are numbers."""
        return len(self.labels) > 1 and all(isinstance(label, int | float) for label in self.labels)

    def within_runs(self, trials: Trials) -> bool:
        """Whether the level changes between two starts of the state, so that trials of one level follow those of another."""
        run = runs_of(trials)
        follows = (np.diff(self.owner) == 0) & (np.diff(run) == 0)
        return bool((np.diff(self.codes) != 0)[follows].any())

    def marked(self, trials: Trials) -> list[Trials]:
        """All trials of the participants who have some at a level, of which only those at the level are scored: what came before them stays."""
        parts = []
        for n, chosen in enumerate(self.participants):
            labels = [label for label, own in zip(trials.participants, chosen, strict=True) if own]
            parts.append(replace(trials, scored=trials.own & (self.codes == n)).select(labels))
        return parts

    def divided(self, trials: Trials) -> list[Trials]:
        """The trials of each level alone, of the participants who have some."""
        parts = []
        for n, chosen in enumerate(self.participants):
            rows = np.flatnonzero(self.codes == n)
            lengths = np.bincount(self.owner[rows], minlength=self.size)[chosen]
            labels = tuple(label for label, own in zip(trials.participants, chosen, strict=True) if own)
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            parts.append(replace(trials.take(rows), participants=labels, offsets=offsets))
        return parts


def levels_of(fit: Fit, name: str, participants: ParticipantsTable | None = None) -> LevelsOfTrials:
    """The levels of a column in the data of a fit.

    Parameters
    ----------
    fit
        The fit.
    name
        A factor of its formulas, a column of the trials that is known before the response, or a column of ``participants``.
    participants
        A table with a row for each participant.

    Raises
    ------
    UsageError
        If there is no such column, it holds numbers rather than levels, or all participants are at one level.
    DataError
        If the table cannot be joined to the participants.
    """
    data, stored = fit.data, fit.design
    kept = {} if stored is None else {each.name: each for each in stored.covariates}
    if participants is None and name in kept:
        covariate = kept[name]
        index = data.participant_index if covariate.place == "participant" else stored.row_of_trial  # type: ignore[union-attr]
        labels = covariate.levels or tuple(sorted(set(covariate.values), key=lambda each: float(each)))  # type: ignore[arg-type]
        place = {key(label): n for n, label in enumerate(labels)}
        codes = np.array([place[key(value)] for value in covariate.values])[index]
    else:
        if participants is None and name not in (known := _known(data)):
            raise UsageError(
                f"there is no column {name!r} in the data of the fit. {did_you_mean(name, [*kept, *known], 'columns')} A table with a row for each "
                "participant may have it: ", Argument("participants", ...),
            )  # fmt: skip
        labels, codes = _read(data, name, participants)
    levels = LevelsOfTrials(name, labels, codes, data.participant_index, data.n_participants)
    if not 1 < len(labels) <= MOST:
        what = f"one value, {labels[0]!r}" if len(labels) == 1 else f"{len(labels)} different values"
        split = (
            ("; or for groups of these values type, in Python, ", how_to_split(levels, data))
            if levels.is_numeric
            else ()
        )
        raise UsageError(
            Argument("by", name), f": {name} has {what}, and behaviour is compared between 2 to {MOST} levels: name a column of groups, sessions or conditions", *split,
        )  # fmt: skip
    return levels


def _known(data: Trials) -> list[str]:
    """Columns of the trials that may have levels."""
    own = [name for name, column in data.columns.items() if column.values.ndim == 1]
    return [*own, *(name for name in data.inputs if name not in own)]


def _read(data: Trials, name: str, participants: ParticipantsTable | None) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """Levels, and the code of each trial; whoever has none gets -1."""
    formula = Formula("", name, Part(True, ((Atom(name),),)))
    try:
        covariates = covariates_of(data, [formula], participants, "drop", [])
    except DataError as error:  # there is no formula
        raise DataError([replace(each, where=str(Argument("by", name))) if each.where == "formulas" else each for each in error.problems]) from None  # fmt: skip
    covariate = covariates.columns[name, covariates.bare[name]]
    values: np.ndarray = covariate.values
    levels: Sequence[Hashable] = covariate.levels
    if not levels:
        levels, values = np.unique(values, return_inverse=True)  # type: ignore[assignment]
        levels = [float(each) for each in levels]  # type: ignore[arg-type]
    if not covariate.of_trials:
        values = values[covariates.trials.participant_index]
    codes = np.full(data.n_trials, MISSED)
    codes[np.isin(data.participant_index, [data.participants.index(p) for p in covariates.trials.participants])] = (
        values
    )
    return tuple(levels), codes


def counts(levels: LevelsOfTrials) -> str:
    """How many participants are at each level, in words."""
    numbers = (int(own.sum()) for own in levels.participants)
    return listed(f"{counted(n, 'participant')} at {label}" for n, label in zip(numbers, levels.labels, strict=True))


def how_to_split(levels: LevelsOfTrials, data: Trials) -> Message:
    """What to type for groups of levels, in words that follow "in Python"; empty for two levels, which are groups already.

    Numbers are split into two groups of about as many participants; labels are left to the user, who knows which belong together.
    """
    if len(levels.labels) < 3:
        return Message()
    name, new, table = levels.name, f"{levels.name}_groups", "people" if levels.between else "data"
    if levels.is_numeric:
        last = _last_of_lower_half(levels)
        groups = (
            f"pd.cut({table}[{name!r}], [float('-inf'), {last}, float('inf')], True, ['up to {last}', 'above {last}'])"
        )
    else:
        groups = f"{table}[{name!r}].map({{{', '.join(f'{label!r}: ...' for label in levels.labels)}}})"
    code, check = f"{table}[{new!r}] = {groups}", Message("check with ", Argument("by", new))
    if table == "data":
        return Message(
            f"{code} in the table of trials, read it with ", Argument("labels", [new]), ", fit again, and ", check
        )
    if name in data.columns:
        code = (
            f"people = fit.data.to_frame()[['participant', {name!r}]].dropna().drop_duplicates('participant'); {code}"
        )
    else:
        code = f"{code} in the table of participants"
    return Message(code, ", and ", check, " and ", Argument("participants", Code("people")))


def _last_of_lower_half(levels: LevelsOfTrials) -> str:
    """The number up to which about half of the participants are, as text; some are above it."""
    counts = np.array([own.sum() for own in levels.participants])
    below = np.cumsum(counts)[:-1]
    return f"{levels.labels[int(np.argmin(abs(2 * below - counts.sum())))]:.15g}"
