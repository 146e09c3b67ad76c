"""Exceptions.

Every message states what was received, what was expected and what to type.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trialwise.base.message import Input, Message

__all__ = ["DataError", "FetchError", "LearnerError", "ModelError", "Problem", "TrialwiseError", "UsageError"]


class TrialwiseError(Exception):
    """Base class of all exceptions that trialwise raises on purpose.

    Parameters
    ----------
    parts
        The message: strings, and elements to type as data (:class:`~trialwise.base.message.Argument`).

    Attributes
    ----------
    message : Message
    """

    def __init__(self, *parts: str | Input):
        self.message = Message(*parts)
        super().__init__(self.message)


class UsageError(TrialwiseError, ValueError):
    """Raised if arguments are invalid or inconsistent."""


class LearnerError(TrialwiseError):
    """Raised if a learner does not meet the requirements for learners or cannot be compiled."""


class ModelError(TrialwiseError):
    """Raised if a model cannot be sampled: no finite starting point, a parameter without gradient, an unsuitable prior."""


class FetchError(TrialwiseError):
    """Raised if public data cannot be downloaded: no network, an unexpected file, a folder without write permission."""


@dataclass(frozen=True)
class Problem:
    """A problem with the data.

    Attributes
    ----------
    code
        Short stable name of the kind of problem, e.g. ``"missing-column"``.
    where
        File and column, e.g. ``"trials.csv, column 'choice'"``.
    rows
        Row numbers in the file (the header is row 1); may be empty.
    message
        What was received and what was expected.
    remedy
        What to change or type.
    """

    code: str
    where: str
    message: str
    remedy: str = ""
    rows: Sequence[int] = ()

    @property
    def text(self) -> Message:
        """The complete text: location, message, rows and remedy."""
        rows = f" ({_rows(self.rows)})" if len(self.rows) else ""
        remedy = Message("\n    -> ", self.remedy) if self.remedy else ""
        return Message(f"{self.where}: ", self.message, rows, remedy)

    def __str__(self) -> str:
        return str(self.text)


class DataError(TrialwiseError, ValueError):
    """Raised with all problems of a data set at once.

    Attributes
    ----------
    problems : tuple of Problem
    """

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        count = len(self.problems)
        heading = "1 problem with the data" if count == 1 else f"{count} problems with the data"
        numbered = (Message(f"  {n}. ", problem.text) for n, problem in enumerate(self.problems, 1))
        super().__init__(Message.join("\n", [f"{heading}:", *numbered]))

    def __reduce__(self) -> tuple[type[DataError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def _rows(rows: Sequence[int], most: int = 8) -> str:
    listed = ", ".join(str(row) for row in rows[:most])
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return f"row {listed}" if len(rows) == 1 else f"rows {listed}{more}"


def did_you_mean(name: str, known: Iterable[str], kind: str) -> str:
    """A sentence that suggests the closest known name and lists all of this kind, e.g. ``"parameters"``."""
    known = list(known)
    if not known:
        return f"There are no {kind}."
    near = difflib.get_close_matches(name, known, 1)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    return f"{guess}The {kind} are {', '.join(known)}."
