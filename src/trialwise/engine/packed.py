"""Trials packed for the engine: matrices with one row per trial and only the columns that the learner reads.

The matrix of integers holds flags, labels, availability and slots of parameters; that of reals, numbers and outcomes. Observed
choices and other responses are a third matrix. A trial takes one or two cache lines. The layout (the column of each name) is
compiled into the kernels, the data are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.data.trials import row_of
from trialwise.engine.flags import FLAGS, HIDDEN, SCORED
from trialwise.learners.learner import Learner, arguments_of
from trialwise.learners.responses.family import Place, ResponseFamily

WHOLE = np.int32
"""The integer type of packed data, the same as that of data in PyMC models."""

Layout = tuple[tuple[str, str, int, int], ...]


class Slot(NamedTuple):
    """The columns of one field (:attr:`trialwise.learners.learner.Learner.free_fields`) in the matrix of parameters.

    Attributes
    ----------
    size
        Their number; they are adjacent.
    kind
        "one"; "level", the value of a trial is one of them; or "number", they are the value at 0 and the slope.
    column
        Of "level", the column of integers with the column of parameters of each trial; of "number", the column of reals with the
        number of each trial; -1 otherwise.
    """

    size: int
    kind: str
    column: int


ONE = Slot(1, "one", -1)

Slots = tuple[Slot, ...]


@dataclass(frozen=True)
class Packed:
    """The trials and the dimensions of a learner, as a kernel needs them.

    Attributes
    ----------
    observed
        The learner's responses, ``(trials, columns of all)``: ``int32`` if all are integers, as choices are, else ``float64``.
    ints, reals
        ``int32 (trials, ...)`` and ``float64 (trials, ...)``, C-contiguous.
    trial, outcome
        Layouts: ``(name, kind, start, length)``; kind "i" is an integer, "u" a non-negative integer, "r" a real; length 0 is
        a scalar. A scalar outcome has the single name ``""``.
    offsets
        ``int32 (segments + 1,)``, and ``rows``, the row of parameters of each segment.
    sizes
        ``int32``, in the order of ``names``.
    capacity
        Numbers of real and of integer cells in a state, and of its tables of reals.
    forgets
        Whether the learner uses ``decay`` on a table.
    options
        Number of options of the hidden choice; 1 without one.
    slots
        For each field with a free value, its columns in the matrix of parameters: several, if it varies from trial to trial
        (:meth:`trialwise.learners.learner.Learner.vary`). The state goes on. Parameters of kernels are ``(rows, slots in all)``.
    unscored
        Whether on any trial with a response, or watched, no response enters the likelihood.
    participants
        The label of each segment, for messages.
    file_rows
        The row of the file of each trial, for messages; None if not known.
    files
        The name of the file of each trial, if there are several.
    """

    observed: np.ndarray
    ints: np.ndarray
    reals: np.ndarray
    trial: Layout
    outcome: Layout
    masked: bool
    names: tuple[str, ...]
    sizes: np.ndarray
    offsets: np.ndarray
    rows: np.ndarray
    actions: int
    capacity: tuple[int, int, int]
    forgets: bool
    options: int
    slots: Slots
    unscored: bool = False
    participants: tuple[str, ...] = ()
    file_rows: np.ndarray | None = None
    files: np.ndarray | None = None

    @property
    def all_slots(self) -> int:
        """The total number of slots of all parameters."""
        return sum(slot.size for slot in self.slots)

    @property
    def scored(self) -> np.ndarray:
        """Whether each trial enters the likelihood, ``bool (trials,)``."""
        flags: np.ndarray = self.ints[:, FLAGS] & SCORED
        return flags != 0

    @property
    def layout(self) -> tuple:
        """The properties of the data on which compiled code depends."""
        return (self.trial, self.outcome, self.masked, self.names, self.actions, self.slots, self.unscored)

    def only(self, n: int) -> Packed:
        """The trials of participant ``n``."""
        first, end = self.offsets[n : n + 2]
        parts = {name: getattr(self, name)[first:end] for name in ("observed", "ints", "reals")}
        for name in ("file_rows", "files"):
            if (values := getattr(self, name)) is not None:
                parts[name] = values[first:end]
        names = self.participants[n : n + 1]
        return replace(
            self, **parts, offsets=np.array([0, end - first], WHOLE), rows=np.zeros(1, WHOLE), participants=names
        )

    def place(self, t: int) -> str:
        """Where trial ``t`` of the packed trials is, for messages: ``participant 'a', trial 3, row 4 of the file``."""
        n = int(np.searchsorted(self.offsets, t, side="right")) - 1
        name = repr(self.participants[n]) if n < len(self.participants) else f"number {n + 1}"
        row = row_of(self.file_rows, self.files, t)
        return f"participant {name}, trial {t - self.offsets[n] + 1}{row}"

    def with_hidden(self, hidden: np.ndarray) -> Packed:
        """The same trials with given hidden choices, ``(trials,)``: options from 0, or -1 where none was made.

        Raises
        ------
        UsageError
            If one is not an option, since learners use it as an index.
        """
        outside = np.flatnonzero((hidden < -1) | (hidden >= self.options))
        if len(outside):
            raise UsageError(
                f"hidden choice {hidden[outside[0]]} on trial {outside[0] + 1}: expected 0 to {self.options - 1}, or -1 for none"
            )
        ints = self.ints.copy()
        ints[:, HIDDEN] = hidden
        return replace(self, ints=ints)


def argument(learner: Learner, method: str, role: str) -> str | None:
    """The learner's own name for one argument of a method; None if it has no such method or argument."""
    function = learner.methods.get(method)
    if function is None:
        return None
    roles = arguments_of(method, learner.hidden, learner.responses)
    return function.__code__.co_varnames[1 + roles.index(role)] if role in roles else None


class Response(NamedTuple):
    """One of a learner's responses: its name, its family, and the first of its columns in each matrix."""

    name: str
    family: ResponseFamily
    place: Place

    def observed(self, matrix: np.ndarray) -> np.ndarray:
        """The columns of this response in the matrix of observed responses."""
        return matrix[:, self.place.observed : self.place.observed + len(self.family.columns)]

    def predictions(self, record: np.ndarray, actions: int) -> np.ndarray:
        """The columns of this response in a record of predictions."""
        return record[:, self.place.record : self.place.record + self.family.predictions(actions)]


def responses_of(learner: Learner, actions: int) -> list[Response]:
    """The learner's responses, with the positions of their columns for this number of actions."""
    responses: list[Response] = []
    place = Place(0, 1, 0)  # a record begins with the log-likelihood
    for name, family in learner.responses.items():
        responses.append(Response(name, family, place))
        place = _behind(responses[-1], actions)
    return responses


def end_of(learner: Learner, actions: int) -> Place:
    """The position after the learner's last response, that is, the number of columns in each matrix."""
    return _behind(responses_of(learner, actions)[-1], actions)


def _behind(response: Response, actions: int) -> Place:
    (observed, record, random), family = response.place, response.family
    return Place(observed + len(family.columns), record + family.predictions(actions), random + len(family.random))


def middle(learner: Learner) -> dict[str, float]:
    """A value in the interior of the range of each field with a free value."""
    declared = learner.declared
    return {name: float(declared[name].constrain(declared[name].mean)) for name in learner.free_fields}


def middle_row(learner: Learner) -> np.ndarray:
    """A value in the interior of the range of each free parameter, ``(slots in all,)``."""
    return np.array([float(parameter.constrain(parameter.mean)) for parameter in learner.parameters])
