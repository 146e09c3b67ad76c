"""Exclusion of participants by rules with reasons, which every result can report."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import replace

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import key, quote_list
from trialwise.data.reading.frame import frame_table
from trialwise.data.reading.measures import ended_before, measures_of
from trialwise.data.reading.where import decided_where
from trialwise.data.trials import Trials

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
    measures = measures_of(trials)
    table = frame_table(pd.DataFrame(measures.values), "the participants")
    left = np.ones(trials.n_participants, bool)
    excluded: dict[str, tuple[Hashable, ...]] = dict(trials.excluded)
    notes: list[str] = []
    for reason, rule in by_reason.items():
        if isinstance(rule, str):
            _refuse_label(trials, reason, rule)
            decided = decided_where(table, rule, notes.append, "exclude")
            measures.refuse_ambiguous(rule, decided.columns)
            measures.refuse_units(rule, decided.bounds)
            if "missed" in decided.columns and (ended := ended_before(trials)):
                notes.append(
                    f"exclude: {counted(ended, 'row')} of the file {'ends' if ended == 1 else 'end'} before the last stage, not counted as missed, since the stages after the last "
                    "choice are empty; if one was shown there, name in expand a column that says so, such as that of its cue"
                )
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
