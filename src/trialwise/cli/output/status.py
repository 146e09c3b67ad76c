"""Exit codes: what a script learns from a command without reading its words."""

from __future__ import annotations

from enum import IntEnum

from trialwise.base.errors import DataError, FetchError, LearnerError, ModelError, TrialwiseError, UsageError


class Status(IntEnum):
    """How a command ended."""

    OK = 0
    UNEXPECTED = 1
    """A bug: the traceback tells where."""
    USAGE = 2
    """Arguments that do not fit together, files that cannot be found."""
    DATA = 3
    """Something is wrong with the data."""
    MODEL = 4
    """Something is wrong with the learner, or the model cannot be sampled."""
    DIAGNOSTICS = 5
    """Sampled and written, but the draws are not to be relied on yet."""
    FETCH = 6
    """Public data could not be fetched."""


_STATUS = {
    DataError: Status.DATA,
    UsageError: Status.USAGE,
    LearnerError: Status.MODEL,
    ModelError: Status.MODEL,
    FetchError: Status.FETCH,
}


def status_of(error: TrialwiseError) -> Status:
    """The exit code of an error."""
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), Status.UNEXPECTED)
