"""Messages that keep the arguments they mention as data, so that the command line can write them as options."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

MOST = 80
"""Maximum number of characters of a displayed value, since a cell of a table can contain anything."""

NAME_ALONE = "name alone"
"""The value of an :class:`Argument` that is written without a value: ``draws=``."""


def is_name_alone(value: Any) -> bool:
    """Whether an argument is written without a value; the value itself may be anything, a table too."""
    return isinstance(value, str) and value == NAME_ALONE


class Code(str):
    """The value of an :class:`Argument` that is shown as it is: an expression of Python, ``MyEnvironment()``."""

    def __repr__(self) -> str:
        return str(self)


class Whole(str):
    """The value of an :class:`Argument` that is never truncated, since it has to be typed as it is."""


@dataclass(frozen=True)
class Argument:
    """A keyword argument as it is typed in Python: ``choice='key'``.

    Attributes
    ----------
    name
        Name of the argument.
    value
        Any value; ``...``, also inside a list, set or dict, is a placeholder for a value that the user chooses.
    """

    name: str
    value: Any

    def __str__(self) -> str:
        return f"{self.name}={'' if is_name_alone(self.value) else in_python(self.value)}"


@dataclass(frozen=True)
class Restriction:
    """A parameter fixed at a value or tied to another: ``.fix(alpha=0.1)``; without a parameter only the method, ``.fix``.

    Attributes
    ----------
    method
        Name of the method.
    parameter, value
        Argument of the method.
    subject
        Text before the name of the method, by default a dot.
    others
        Further arguments and their values.
    """

    method: Literal["fix", "tie", "vary"]
    parameter: str = ""
    value: Any = ...
    subject: str = "."
    others: tuple[tuple[str, Any], ...] = ()

    @property
    def arguments(self) -> tuple[tuple[str, Any], ...]:
        """All arguments of the method and their values; empty without a parameter."""
        return ((self.parameter, self.value), *self.others) if self.parameter else ()

    def __str__(self) -> str:
        arguments = ", ".join(str(Argument(name, value)) for name, value in self.arguments)
        return f"{self.subject}{self.method}{f'({arguments})' if arguments else ''}"


@dataclass(frozen=True)
class LearnerSetting:
    """A setting of a learner: ``QLearning(initial=1.2)``."""

    learner: str
    name: str
    value: Any = ...

    def __str__(self) -> str:
        return f"{self.learner}({Argument(self.name, self.value)})"


@dataclass(frozen=True)
class Lapse:
    """A lapse that is added to a learner: ``.with_lapse()``."""

    def __str__(self) -> str:
        return ".with_lapse()"


Input = Argument | Restriction | LearnerSetting | Lapse
"""An element of a message that a user can type."""


class Message(str):
    """A string that also keeps as data the arguments it mentions; the string itself is written for Python.

    Attributes
    ----------
    parts
        The parts of the message: strings and elements to type.

    Examples
    --------
    >>> message = Message("name the column, ", Argument("choice", "key"))
    >>> str(message), message.inputs[0].value
    ("name the column, choice='key'", 'key')
    """

    parts: tuple[str | Input, ...]

    def __new__(cls, *parts: str | Input) -> Message:
        """Concatenate strings, messages and elements to type."""
        pieces: list[str | Input] = []
        for part in parts:
            pieces += part.parts if isinstance(part, Message) else [part]
        message = super().__new__(cls, "".join(map(str, pieces)))
        message.parts = tuple(pieces)
        return message

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.parts

    @classmethod
    def join(cls, separator: str, messages: Iterable[str | Input]) -> Message:  # type: ignore[override]
        """Join messages as ``separator.join(messages)`` does, keeping the elements to type."""
        parts: list[str | Input] = []
        for message in messages:
            parts += [separator, message] if parts else [message]
        return cls(*parts)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The elements to type, in the order of the text."""
        return tuple(part for part in self.parts if not isinstance(part, str))

    def with_capital(self) -> Message:
        """The message with a capital first letter, unless it begins with an element to type."""
        first, *rest = self.parts or ("",)
        return Message(first[:1].upper() + first[1:] if isinstance(first, str) else first, *rest)


def to_json(messages: Iterable[str]) -> str:
    """Encode messages as JSON for :func:`from_json`; elements to type must be arguments with plain values."""
    return json.dumps([[_to_plain(part) for part in Message(each).parts] for each in messages])


def from_json(text: str) -> tuple[Message, ...]:
    """Decode messages written by :func:`to_json`."""
    return tuple(
        Message(*(part if isinstance(part, str) else Argument(*part) for part in parts)) for parts in json.loads(text)
    )


def _to_plain(part: str | Input) -> str | list[Any]:
    if isinstance(part, str):
        return part
    assert isinstance(part, Argument)
    return [part.name, part.value]


def in_python(value: Any) -> str:
    """A value as Python code, truncated if it is long; ``...`` is a placeholder for a value that the user chooses."""
    if value is ...:
        return "..."
    if isinstance(value, list):
        return "[" + ", ".join(map(in_python, value)) + "]"
    if isinstance(value, set):
        return "{" + ", ".join(map(in_python, value)) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {in_python(each)}' for key, each in value.items()) + "}"
    text = repr(value)
    return text if isinstance(value, Code | Whole) or len(text) <= MOST else f"{text[: MOST - 4]}...{text[-1]}"
