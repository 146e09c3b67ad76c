"""What can go wrong, by whose hand, and how it is told.

Every message says what came, what was wanted and what to type.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trialwise.base.message import Input, Message

__all__ = ["DataError", "FetchError", "LearnerError", "ModelError", "Problem", "TrialwiseError", "UsageError"]


class TrialwiseError(Exception):
    """Any error that trialwise raises on purpose.

    Parameters
    ----------
    parts
        The message: texts, and between them what is to be typed, as data (:class:`~trialwise.base.message.Argument`).

    Attributes
    ----------
    message : Message
    """

    def __init__(self, *parts: str | Input):
        self.message = Message(*parts)
        super().__init__(self.message)


class UsageError(TrialwiseError, ValueError):
    """A call whose arguments do not fit together."""


class LearnerError(TrialwiseError):
    """A learner that breaks the contract of a trial, or that cannot be compiled."""


class ModelError(TrialwiseError):
    """A model that cannot be sampled: no finite start, a parameter without gradient, a prior that does not fit."""


class FetchError(TrialwiseError):
    """Public data that cannot be fetched: no network, another file than expected, a folder that cannot be written."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the data.

    Attributes
    ----------
    code
        Short stable name of the kind of problem, e.g. ``"missing-column"``.
    where
        File and column, e.g. ``"trials.csv, column 'choice'"``.
    rows
        The rows concerned, counted as in the file (the header is row 1). May be empty.
    message
        What was found and what was expected.
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
        """All of it."""
        rows = f" ({_rows(self.rows)})" if len(self.rows) else ""
        remedy = Message("\n    -> ", self.remedy) if self.remedy else ""
        return Message(f"{self.where}: ", self.message, rows, remedy)

    def __str__(self) -> str:
        return str(self.text)


class DataError(TrialwiseError, ValueError):
    """Everything wrong with the data, collected first and raised once.

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
    shown = ", ".join(str(row) for row in rows[:most])
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return f"row {shown}" if len(rows) == 1 else f"rows {shown}{more}"


def did_you_mean(name: str, known: Iterable[str], kind: str) -> str:
    """A sentence on what could have been meant, and what there is: of parameters, say."""
    known = list(known)
    if not known:
        return f"There are no {kind}."
    near = difflib.get_close_matches(name, known, 1)
    guess = f"Did you mean '{near[0]}'? " if near else ""
    return f"{guess}The {kind} are {', '.join(known)}."
