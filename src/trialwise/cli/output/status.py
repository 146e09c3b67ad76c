"""Exit codes of the command line."""

from __future__ import annotations

from enum import IntEnum

from trialwise.base.errors import DataError, FetchError, LearnerError, ModelError, TrialwiseError, UsageError


class Status(IntEnum):
    """Exit code of a command."""

    OK = 0
    UNEXPECTED = 1
    """A bug; a traceback is printed."""
    USAGE = 2
    """Inconsistent arguments, or files that do not exist."""
    DATA = 3
    """Invalid data."""
    MODEL = 4
    """An invalid learner, or a model that cannot be sampled."""
    DIAGNOSTICS = 5
    """Results were written, but sampling diagnostics failed."""
    FETCH = 6
    """Public data could not be downloaded."""


_STATUS = {
    DataError: Status.DATA,
    UsageError: Status.USAGE,
    LearnerError: Status.MODEL,
    ModelError: Status.MODEL,
    FetchError: Status.FETCH,
}


def status_of(error: TrialwiseError) -> Status:
    """The exit code of an error."""
    return next((status for error_type, status in _STATUS.items() if isinstance(error, error_type)), Status.UNEXPECTED)
