"""Exclusion of participants by rules with reasons, which every result can report, and the measures that rules are about."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.data.reading.cells import key, quote_list
from trialwise.data.reading.frame import frame_table
from trialwise.data.reading.response_times import FASTEST
from trialwise.data.reading.where import rows_where
from trialwise.data.trials import MISSED, Trials

if TYPE_CHECKING:
    import pandas as pd

type Rules = str | Iterable[str] | Mapping[str, str | Iterable[Hashable]]
"""Conditions on participants; or ``{reason: condition}``, ``{reason: labels}``."""


def excluding(trials: Trials, rules: Rules) -> Trials:
    """Trials without the participants to whom a rule applies; see :func:`trialwise.data.exclude.exclude`.

    Raises
    ------
    UsageError
        If a condition cannot be read, a label is unknown, or nobody is left.
    """
    table = frame_table(_measures(trials), "the participants")
    left = np.ones(trials.n_participants, bool)
    excluded: dict[str, tuple[Hashable, ...]] = dict(trials.excluded)
    for reason, rule in _by_reason(rules).items():
        if isinstance(rule, str):
            out = rows_where(table, rule, argument="exclude")
        else:
            out = _labelled(trials, reason, rule)
        now = out & left
        excluded[reason] = (*excluded.get(reason, ()), *(trials.participants[n] for n in np.flatnonzero(now)))
        left &= ~out
    if not left.any():
        counts = "; ".join(f"{reason}: {len(labels)}" for reason, labels in excluded.items())
        raise UsageError(Argument("exclude", rules), f" leaves none of {counted(len(left), 'participant')} ({counts})")
    kept = trials.select(label for label, stays in zip(trials.participants, left, strict=True) if stays)
    kept = replace(kept, excluded=excluded)
    words = exclusions(kept)
    return replace(kept, mapping={**kept.mapping, "excluded": words or f"nobody ({'; '.join(excluded)})"})


def exclusions(trials: Trials) -> str:
    """A sentence part on who was excluded and why; empty if nobody was."""
    reasons = [f"{len(labels)} for {reason!r}" for reason, labels in trials.excluded.items() if labels]
    count = sum(len(labels) for labels in trials.excluded.values())
    return (
        f"{count} of {counted(count + trials.n_participants, 'participant')} excluded ({', '.join(reasons)})"
        if count
        else ""
    )


def _by_reason(rules: Rules) -> Mapping[str, str | Iterable[Hashable]]:
    if isinstance(rules, Mapping):
        return rules
    conditions = [rules] if isinstance(rules, str) else list(rules)
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
    wanted = {key(label): label for label in labels}
    unknown = [label for name, label in wanted.items() if name not in {key(each) for each in trials.participants}]
    if unknown:
        raise UsageError(
            Argument("exclude", {reason: [*wanted.values()]}),
            f": no participant {unknown[0]!r}; there are {quote_list(trials.participants, 12)}",
        )
    return np.array([key(each) in wanted for each in trials.participants])


def _measures(trials: Trials) -> pd.DataFrame:
    """The measures of each participant, and their constant columns."""
    import pandas as pd

    owner, lengths = trials.participant_index, np.maximum(trials.lengths, 1)

    def mean(values: np.ndarray) -> np.ndarray:
        present = ~np.isnan(values)
        counts = np.bincount(owner[present], minlength=trials.n_participants)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.bincount(owner[present], values[present], trials.n_participants) / counts)

    table = {"participant": np.array([*trials.participants, None], object)[:-1], "trials": trials.lengths}
    table["missed"] = np.bincount(owner, ~trials.responded, trials.n_participants) / lengths
    if trials.choice is not None:
        choices = [
            trials.choice[a:b][trials.own[a:b]] for a, b in zip(trials.offsets[:-1], trials.offsets[1:], strict=True)
        ]
        table["same"] = np.array([np.bincount(each).max() / len(each) if len(each) else np.nan for each in choices])
        table["run"] = np.array([_longest_run(each) for each in choices])
    for name, values in trials.outcome.items():
        table[name] = mean(values)
    if trials.rt is not None:
        times = pd.Series(trials.rt).groupby(owner).median()
        table["rt"] = times.reindex(range(trials.n_participants)).to_numpy()
        table["fast"] = mean(np.where(np.isnan(trials.rt), np.nan, trials.rt < FASTEST))
    starts = trials.offsets[:-1][trials.lengths > 0]
    for name, column in trials.columns.items():
        values = column.values
        if (
            values.ndim > 1
            or name in table
            or not len(values)
            or (values != values[starts][np.searchsorted(starts, np.arange(len(values)), "right") - 1]).any()
        ):
            continue
        own = np.full(trials.n_participants, None, object)
        own[trials.lengths > 0] = (
            values[starts] if column.levels is None else [trials.levels[column.levels][code] for code in values[starts]]
        )
        table[name] = own
    return pd.DataFrame(table)


def _longest_run(choices: np.ndarray) -> int:
    """The length of the longest run of one choice."""
    if not len(choices):
        return 0
    ends = np.flatnonzero(np.diff(choices, append=MISSED - 1))
    return int(np.diff(ends, prepend=-1).max())
