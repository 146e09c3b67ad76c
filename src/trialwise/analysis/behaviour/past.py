"""What came before each trial: its own earlier trials, or for one-step predictions the recorded ones."""

from __future__ import annotations

from trialwise.base.errors import UsageError
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.data.trials import Trials


def past_of(trials: Trials, past: Trials | None) -> Trials:
    """The trials that measures look back on: the trials themselves, unless the recorded ones are given.

    Raises
    ------
    UsageError
        If ``past`` are not, row by row, the recorded trials of ``trials``.
    """
    if past is None:
        return trials
    if (
        past.participants != trials.participants
        or past.lengths.tolist() != trials.lengths.tolist()
        or past.levels.get("action") != trials.levels.get("action")
    ):
        raise UsageError(
            Argument("past", NAME_ALONE),
            " are the recorded trials of one-step predictions: the same participants with as many trials each and the same actions",
        )
    return past
