"""The state of a learner in plain Python: tables, named parts and memories.

These are used when a learner runs in plain Python, for example in a debugger. The engine has compiled versions with the same
behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trialwise.base.errors import LearnerError


class Table(np.ndarray):
    """A table of reals (or of whole numbers, if created by ``task.memory``): a NumPy array that can also forget."""

    def decay(self, rate: float, toward: float = 0.0, except_: Any = None) -> None:
        r"""Forget: every cell moves toward one value, :math:`Q \leftarrow (1 - f) Q + f Q_0`.

        Parameters
        ----------
        rate
            The forgetting rate ``f``, 0 to 1.
        toward
            The value ``Q_0`` toward which all cells move.
        except_
            Index of a cell (an int or a tuple) that does not change.

        """
        preserved = None if except_ is None else self[except_]
        self[...] = self + rate * (toward - self)
        if except_ is not None:
            self[except_] = preserved


class State:
    """The named parts of a state, created by :func:`state`; parts can be set but not added."""

    def __init__(self, **parts: Any):
        self.__dict__.update(parts)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.__dict__:
            raise LearnerError(
                f"the state has no part '{name}'; its parts are {', '.join(self.__dict__)}. "
                f"Add it where the state is created: state({name}=..., ...)"
            )
        if value is self.__dict__[name]:  # state.name *= 0.9 has already changed the table in place
            return
        if isinstance(self.__dict__[name], np.ndarray):
            raise LearnerError(f"'{name}' is a table: fill it in place, state.{name}[...] = value")
        # np.where of numbers is an array without dimensions
        self.__dict__[name] = value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value

    def __repr__(self) -> str:
        return f"state({', '.join(f'{name}={part!r}' for name, part in self.__dict__.items())})"


def state(**parts: Any) -> Any:
    """A state of several named parts: tables, numbers, memories. It is returned by ``start``.

    Parameters
    ----------
    **parts
        Tables of ``task.table(...)``, numbers, or :func:`memory`. Numbers and memories may be set later,
        ``now.last = choice``; tables are filled in place.

    Returns
    -------
    State
        An object with an attribute for each part, which the methods of the learner receive as their state.

    Examples
    --------
    >>> now = tw.state(value=np.zeros(2), last=tw.memory(-1))
    >>> now.value[1] += 0.5
    >>> now.last = 1
    >>> now.value.tolist(), now.last
    ([0.0, 0.5], 1)
    """
    return State(**parts)


def memory(value: int = -1) -> Any:
    """A whole number in a :func:`state`, such as the previous choice; it is not differentiated.

    Parameters
    ----------
    value
        Its value before the first trial; -1 can mean "none yet", since codes of labels begin at 0.

    Returns
    -------
    int
        ``value``, to be set later as ``now.last = choice``; the engine stores it separately from reals.

    Examples
    --------
    >>> now = tw.state(last=tw.memory())
    >>> now.last
    -1
    """
    return int(value)


def numbers_of(state: object) -> np.ndarray:
    """All numbers of a state, ``(numbers,)``."""
    parts = list(vars(state).values()) if isinstance(state, State) else [] if state is None else [state]
    return np.concatenate([np.zeros(0), *(np.asarray(part, float).ravel() for part in parts)])


class Task:
    """What a learner knows before the first trial: the numbers of contexts, cues, actions, ...

    Parameters
    ----------
    sizes
        ``{"context": 3, "cue": 4, "action": 3, ...}``.
    """

    def __init__(self, sizes: Mapping[str, int]):
        self._sizes = dict(sizes)
        self.rewind()

    def rewind(self, place: int = 0) -> None:
        """Free the memory of the last state, or of that at one position, for a new one; the engine calls this at a reset."""
        self.cells = self.memories = self.tables = 0

    def size(self, name: str) -> int:
        """Number of labels of one kind; 1 for kinds that are not in the data."""
        return self._sizes.get(name, 1)

    def _shape(self, dims: tuple[str | int, ...]) -> tuple[int, ...]:
        return tuple(self.size(dim) if isinstance(dim, str) else int(dim) for dim in dims)

    def table(self, *dims: str | int, fill: float = 0.0) -> Table:
        """A table of reals with one axis per dimension (a kind of label, or a length); all cells are ``fill``."""
        table = np.full(self._shape(dims), fill, np.float64).view(Table)
        self.cells += table.size
        self.tables += 1
        return table

    def memory(self, *dims: str | int, fill: int = -1) -> Table:
        """A table of whole numbers, not differentiated."""
        table = np.full(self._shape(dims), fill, np.int64).view(Table)
        self.memories += table.size
        return table


def softmax_into(preference: Any) -> None:
    r"""Turn logits into probabilities in place, :math:`p_j = e^{L_j} / \sum_k e^{L_k}`, without overflow.

    For a learner's own use: the ``preference`` of ``choose`` and ``hide`` goes through a softmax anyway.

    Parameters
    ----------
    preference
        ``(options,)``, any finite numbers; afterwards 0 to 1, summing to 1.

    Returns
    -------
    None
        ``preference`` itself is changed.

    Examples
    --------
    >>> preference = np.log([1.0, 3.0])
    >>> tw.softmax_into(preference)
    >>> preference.round(2)
    array([0.25, 0.75])
    """
    top = preference[0]
    for option in range(1, len(preference)):
        if preference[option] > top:
            top = preference[option]
    total = 0.0
    for option in range(len(preference)):
        preference[option] = np.exp(preference[option] - top)
        total = total + preference[option]
    for option in range(len(preference)):
        preference[option] = preference[option] / total
