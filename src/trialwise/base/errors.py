"""Exceptions.

Every message states what was received, what was expected and what to type.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trialwise.base.english import counted
from trialwise.base.message import Input, Message

__all__ = ["DataError", "FetchError", "LearnerError", "ModelError", "Problem", "TrialwiseError", "UsageError"]


def __dir__() -> list[str]:
    return __all__  # tw.errors is this module: its own names, without what it imports


class TrialwiseError(Exception):
    """Base class of all exceptions that trialwise raises on purpose.

    Parameters
    ----------
    parts
        The message: strings, and elements to type as data (:class:`~trialwise.base.message.Argument`).

    Attributes
    ----------
    message : Message

    Examples
    --------
    >>> try:
    ...     tw.load_data("aliens")
    ... except tw.errors.TrialwiseError as error:
    ...     print(error)
    there is no data set 'aliens'. Did you mean 'alien'? The data sets are alien_flat, alien_task_sets, alien.
    """

    def __init__(self, *parts: str | Input):
        self.message = Message(*parts)
        super().__init__(self.message)


class UsageError(TrialwiseError, ValueError):
    """Raised if arguments are invalid or inconsistent.

    Examples
    --------
    >>> try:
    ...     tw.QLearning(inital=1.2)
    ... except tw.errors.UsageError as error:
    ...     print(error)
    QLearning(inital=1.2): no such setting. Did you mean 'initial'? The settings are initial.
    """


class LearnerError(TrialwiseError):
    """Raised if a learner does not meet the requirements for learners or cannot be compiled.

    Examples
    --------
    >>> class Silent:
    ...     alpha: float = tw.unit("learning rate")
    >>> try:
    ...     tw.learner(Silent)
    ... except tw.errors.LearnerError as error:
    ...     print(str(error).split(".")[0])
    Silent has no choose
    """


class ModelError(TrialwiseError):
    """Raised if a model cannot be sampled: no finite starting point, a parameter without gradient, an unsuitable prior.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> try:
    ...     tw.fit(tw.learners.ArgmaxTaskSets(initial=1.2), trials, progress=False)
    ... except tw.errors.ModelError as error:
    ...     print(str(error).splitlines()[0])
    ArgmaxTaskSets(initial=1.2): the likelihood does not change with alpha_high at any starting point, so alpha_high cannot be estimated
    """


class FetchError(TrialwiseError):
    """Raised if public data cannot be downloaded: no network, an unexpected file, a folder without write permission.

    Examples
    --------
    >>> from pathlib import Path
    >>> Path("alien").mkdir()
    >>> Path("alien/actions.csv").touch()  # not the file of the data set, and not overwritten
    >>> try:
    ...     tw.load_data("alien")
    ... except tw.errors.FetchError as error:
    ...     print(str(error).splitlines()[0])
    'alien' already contains different versions of actions.csv; nothing was written
    """


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
    files
        The file of each row, if several files were read as one table; otherwise empty.
    message
        What was received and what was expected.
    remedy
        What to change or type.

    Examples
    --------
    >>> problem = tw.errors.Problem("missing-column", "trials.csv", "there is no column of choices", "name it: choice='key'")
    >>> print(problem)
    trials.csv: there is no column of choices
        -> name it: choice='key'
    """

    code: str
    where: str
    message: str
    remedy: str = ""
    rows: Sequence[int] = ()
    files: Sequence[str] = ()

    @property
    def text(self) -> Message:
        """The complete text, with location, message, rows and remedy."""
        rows = f" ({_rows(self.rows, self.files)})" if len(self.rows) else ""
        remedy = Message("\n    -> ", self.remedy) if self.remedy else ""
        return Message(f"{self.where}: ", self.message, rows, remedy)

    def __str__(self) -> str:
        return str(self.text)


class DataError(TrialwiseError, ValueError):
    """Raised with all problems of a data set at once.

    Parameters
    ----------
    problems
        One or more problems.

    Attributes
    ----------
    problems : tuple of Problem
        All problems of the data.
    message : Message
        The text of all problems, numbered.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"subjID": [1, 1], "trial": [1, 1], "choice": ["left", "right"]})
    >>> try:
    ...     tw.read_long(table)
    ... except tw.errors.DataError as error:
    ...     print([problem.code for problem in error.problems])
    ['duplicate-trial']
    """

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        heading = f"{counted(len(self.problems), 'problem')} with the data"
        numbered = (Message(f"  {n}. ", problem.text) for n, problem in enumerate(self.problems, 1))
        super().__init__(Message.join("\n", [f"{heading}:", *numbered]))

    def __reduce__(self) -> tuple[type[DataError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def _rows(rows: Sequence[int], files: Sequence[str] = (), most: int = 8) -> str:
    texts = [str(row) for row in rows[:most]]
    for n, file in enumerate(files[:most]):
        if n + 1 == len(texts) or files[n + 1] != file:
            texts[n] += f" of {file}"
    listed = ", ".join(texts)
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
