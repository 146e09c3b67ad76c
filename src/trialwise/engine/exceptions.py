"""Exceptions of a learner's methods, as errors that name the line."""

from __future__ import annotations

import traceback

from trialwise.base.errors import LearnerError
from trialwise.learners.learner import Learner


def raised(learner: Learner, error: Exception, place: str = "") -> LearnerError:
    """An exception of a learner's method, with the line that raised it; ``place`` is the trial."""
    frames = _frames(learner, error)
    location = f", line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
    method = f".{frames[-1].name}" if frames else ""
    at = f" ({place})" if place else ""
    return LearnerError(
        f"{type(learner).__name__}{method}{location}\n    {type(error).__name__}: {error}{at}{_advice(error)}"
    )


def comes_from(learner: Learner, error: Exception) -> bool:
    """Whether an exception was raised in a learner's methods, or in what they call."""
    return bool(_frames(learner, error))


def _frames(learner: Learner, error: Exception) -> list[traceback.FrameSummary]:
    files = {m.__code__.co_filename for m in (*learner.methods.values(), *learner.helper_methods.values())}
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]


def _advice(error: Exception) -> str:
    if isinstance(error, ZeroDivisionError):
        return "\n    -> ask whether the divisor is 0 before dividing by it"
    if isinstance(error, IndexError) and "axis" not in str(error):
        return "\n    -> tables are indexed by context, cue and action as task.table(...) lists them"
    if isinstance(error, IndexError):
        return "\n    -> tables have the size that task.table(...) gives them, arrays of your own that of their list"
    if isinstance(error, TypeError) and "NoneType" in str(error):
        return "\n    -> a learner without start has no state: add def start(self, task): return task.table(...)"
    if isinstance(error, AttributeError) and "'Task'" in str(error):
        return "\n    -> task offers table(...) and memory(...), arrays of numbers and of labels, and size(...)"
    if isinstance(error, ValueError) and "math domain" in str(error):
        return "\n    -> a logarithm or root of a number that is not positive: keep it in its range, e.g. max(x, 1e-9)"
    return ""
