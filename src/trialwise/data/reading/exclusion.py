"""Exclusion of participants by rules with reasons, which every result can report, and the measures that rules are about."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import key, quote_list
from trialwise.data.reading.frame import frame_table
from trialwise.data.reading.response_times import FASTEST, SLOWEST
from trialwise.data.reading.where import decided_where, written
from trialwise.data.trials import MISSED, Trials

RT = "the median response time"

type Rules = str | Iterable[str] | Mapping[str, str | Iterable[Hashable]]
"""Conditions on participants; or ``{reason: condition}``, ``{reason: labels}``."""


def excluding(trials: Trials, rules: Rules) -> Trials:
    """Trials without the participants to whom a rule applies; see :func:`trialwise.data.exclude.exclude`.

    Raises
    ------
    UsageError
        If a condition cannot be read, a label is unknown, or nobody is left.
    """
    import pandas as pd

    by_reason = _by_reason(rules)
    if not by_reason:
        return trials
    measures = _measures(trials)
    table = frame_table(pd.DataFrame(measures.values), "the participants")
    left = np.ones(trials.n_participants, bool)
    excluded: dict[str, tuple[Hashable, ...]] = dict(trials.excluded)
    notes: list[str] = []
    if trials.expansion is not None and any(isinstance(rule, str) for rule in by_reason.values()):
        notes.append(
            "exclude: a row of the file is several trials, and the measures of participants count these: each has its own choice, outcome and "
            "response time"
        )
    for reason, rule in by_reason.items():
        if isinstance(rule, str):
            _refuse_label(trials, reason, rule)
            decided = decided_where(table, rule, notes.append, "exclude")
            measures.refuse_ambiguous(rule, decided.columns)
            measures.refuse_units(rule, decided.bounds)
            out = decided.satisfied
            if (open_cases := decided.undecided & left).any():
                notes.append(
                    _undecided(trials, by_reason, reason, open_cases, measures.missing(decided.columns, open_cases))
                )
        else:
            out = _labelled(trials, reason, rule)
        now = out & left
        excluded[reason] = (*excluded.get(reason, ()), *(trials.participants[n] for n in np.flatnonzero(now)))
        left &= ~out
    if not left.any():
        counts = "; ".join(f"{reason}: {len(labels)}" for reason, labels in excluded.items())
        raise UsageError(Argument("exclude", rules), f" leaves none of {counted(len(left), 'participant')} ({counts})")
    kept = trials.select(label for label, stays in zip(trials.participants, left, strict=True) if stays)
    kept = replace(kept, excluded=excluded, notes=(*kept.notes, *notes))
    count = sum(map(len, excluded.values()))
    words = f"{count} of {counted(count + kept.n_participants, 'participant')} excluded ({_counts(excluded)})"
    return replace(kept, mapping={**kept.mapping, "excluded": words if count else f"nobody ({'; '.join(excluded)})"})


def exclusions(trials: Trials) -> str:
    """A sentence part on who was excluded and why; empty if nobody was."""
    count = sum(map(len, trials.excluded.values()))
    return f"{counted(count, 'participant')} excluded ({_counts(trials.excluded)})" if count else ""


def _counts(excluded: Mapping[str, tuple[Hashable, ...]]) -> str:
    """How many participants were excluded for each reason for which any was."""
    return ", ".join(f"{len(labels)} for {reason!r}" for reason, labels in excluded.items() if labels)


def _undecided(trials: Trials, rules: Rules, reason: str, cases: np.ndarray, undefined: list[str]) -> Message:
    """A note on participants of whom a condition says nothing, since a measure is not defined for them."""
    labels = quote_list([trials.participants[n] for n in np.flatnonzero(cases)])
    what = " or ".join(undefined)
    assert isinstance(rules, Mapping)
    stricter = {**rules, reason: " or ".join([f"({rules[reason]})", *(f"{name} is missing" for name in undefined)])}
    return Message(
        f"exclude: {rules[reason]!r} says nothing about {counted(int(cases.sum()), 'participant')} ({labels}), since {what} is not defined "
        "there; left in. To leave them out: ", Argument("exclude", stricter),
    )  # fmt: skip


def _refuse_label(trials: Trials, reason: str, rule: str) -> None:
    """Refuse a label of a participant where a condition or a list of labels is wanted."""
    same = [label for label in trials.participants if key(label) == key(rule)]
    if same:
        raise UsageError(
            Argument("exclude", {reason: rule}), f": {rule!r} is a participant; labels stand in a list, ",
            Argument("exclude", {reason if reason != rule else "withdrew": same}),
        )  # fmt: skip


def _by_reason(rules: Rules) -> Mapping[str, str | Iterable[Hashable]]:
    if isinstance(rules, Mapping):
        return rules
    conditions = (
        [rules] if isinstance(rules, str) else sorted(rules, key=str) if isinstance(rules, Set) else list(rules)
    )
    wrong = [each for each in conditions if not isinstance(each, str)]
    if wrong:
        raise UsageError(
            Argument("exclude", rules),
            f": {wrong[0]!r} is no condition; for labels give the reason, ",
            Argument("exclude", {"withdrew": wrong}),
        )
    return {condition: condition for condition in conditions}


def _labelled(trials: Trials, reason: str, labels: Iterable[Hashable]) -> np.ndarray:
    """The participants with these labels, ``bool (participants,)``."""
    if not isinstance(labels, Iterable):
        raise UsageError(
            Argument("exclude", {reason: labels}), f": {labels!r} is no condition; labels stand in a list, ",
            Argument("exclude", {reason: [labels]}),
        )  # fmt: skip
    wanted = {key(label): label for label in labels}
    earlier = [label for labels in trials.excluded.values() for label in labels]
    known = {key(label) for label in (*trials.participants, *earlier)}
    unknown = [label for name, label in wanted.items() if name not in known]
    if unknown:
        raise UsageError(
            Argument("exclude", {reason: [*wanted.values()]}),
            f": no participant {unknown[0]!r}; there are {quote_list(trials.participants, 12)}",
        )
    return np.array([key(each) in wanted for each in trials.participants])


@dataclass
class _Measures:
    """What rules can be about: a value for each participant, by name; NaN or None where it is not defined.

    Attributes
    ----------
    values
        The values, in the order of participants.
    sources
        What each name stands for.
    ambiguous
        What else a name could stand for.
    """

    values: dict[str, np.ndarray] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    ambiguous: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, source: str, values: np.ndarray) -> None:
        if name in self.values:
            self.ambiguous[name] = source
        else:
            self.values[name], self.sources[name] = values, source

    def refuse_ambiguous(self, rule: str, names: tuple[str, ...]) -> None:
        for name in names:
            if name in self.ambiguous:
                raise UsageError(
                    Argument("exclude", rule),
                    f": {name!r} is {self.sources[name]}, and also {self.ambiguous[name]}: give that column another name in the file",
                )

    def refuse_units(self, rule: str, bounds: tuple[tuple[str, float], ...]) -> None:
        """Refuse percentages, and response times in milliseconds: nobody would satisfy such a condition, or everybody."""
        for name, bound in bounds:
            source = self.sources[name]
            if source.startswith("the share") and bound > 1:
                unit = f"{source}, from 0 to 1: write {bound / 100:g} for {bound:g} %"
            elif source == RT and bound > SLOWEST:
                unit = f"{source} in seconds: write {bound / 1000:g} for {bound:g} ms"
            else:
                continue
            raise UsageError(Argument("exclude", rule), f": {name} is {unit}")

    def missing(self, names: tuple[str, ...], cases: np.ndarray) -> list[str]:
        """The names of which some of these cases have no value, as conditions spell them."""
        import pandas as pd

        return [written(name) for name in names if pd.isna(pd.Series(self.values[name])[cases]).any()]


def _measures(trials: Trials) -> _Measures:
    """The measures of each participant, and their constant columns."""
    import pandas as pd

    owner, number, own = trials.participant_index, trials.n_participants, trials.own

    def mean(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
        rows = rows & ~np.isnan(values)
        with np.errstate(invalid="ignore"):
            return np.asarray(
                np.bincount(owner[rows], values[rows], number) / np.bincount(owner[rows], minlength=number)
            )

    result = _Measures()
    result.add("participant", "the label of the participant", np.array([*trials.participants, None], object)[:-1])
    result.add("trials", "the number of trials", trials.lengths)
    result.add(
        "missed", "the share of trials without a response", mean((~trials.responded).astype(float), trials.unforced)
    )
    if trials.choice is not None:
        choices = [trials.choice[a:b][own[a:b]] for a, b in pairwise(trials.offsets)]
        same = [np.bincount(each).max() / len(each) if len(each) else np.nan for each in choices]
        result.add("same", "the share of the most frequent choice", np.array(same))
        result.add("run", "the longest run of one choice", np.array([_longest_run(each) for each in choices]))
    if trials.rt is not None:
        times = pd.Series(np.where(own, trials.rt, np.nan)).groupby(owner).median().reindex(range(number))
        result.add("rt", RT, times.to_numpy())
        result.add(
            "fast",
            f"the share of response times below {FASTEST} s",
            mean((trials.rt < FASTEST).astype(float), own & ~np.isnan(trials.rt)),
        )
    for name, values in trials.outcome.items():
        result.add(name, "the mean outcome", mean(values, own))
    for name, values in _constant_columns(trials).items():
        result.add(name, f"the column {name!r}", values)
    return result


def _constant_columns(trials: Trials) -> dict[str, np.ndarray]:
    """Columns that are constant within every participant, one value each, NaN or None where there is none."""
    import pandas as pd

    starts, present = trials.offsets[:-1][trials.lengths > 0], trials.lengths > 0
    constant = {}
    for name, column in trials.columns.items():
        values = column.values
        if values.ndim > 1 or not len(values):
            continue
        first = np.repeat(values[starts], trials.lengths[present])
        if not ((values == first) | ((values != values) & (first != first))).all():
            continue
        each = (
            values[starts] if column.levels is None else [trials.levels[column.levels][code] for code in values[starts]]
        )
        constant[name] = np.full(trials.n_participants, None, object)
        constant[name][present] = each
        if column.levels is None:
            constant[name] = pd.to_numeric(constant[name])
    return constant


def _longest_run(choices: np.ndarray) -> float:
    """The length of the longest run of one choice; NaN without choices."""
    if not len(choices):
        return np.nan
    ends = np.flatnonzero(np.diff(choices, append=MISSED - 1))
    return float(np.diff(ends, prepend=-1).max())
