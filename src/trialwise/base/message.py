"""Messages that know which of their words are to be typed, so that the command line can write them as options."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

MOST = 40
"""Letters of a value that are shown: a cell of a table can hold anything."""

NAME_ALONE = "name alone"
"""The value of an :class:`Argument` of which only the name is written: ``draws=``."""


@dataclass(frozen=True)
class Argument:
    """A keyword argument as it is typed in Python: ``choice='key'``.

    Attributes
    ----------
    name
        Of the argument.
    value
        Any value; ``...``, also inside a list, set or dict, stands for what the reader puts in.
    """

    name: str
    value: Any

    def __str__(self) -> str:
        return f"{self.name}={'' if self.value == NAME_ALONE else in_python(self.value)}"


@dataclass(frozen=True)
class Restriction:
    """A parameter held at a value or tied to another: ``.fix(alpha=0.1)``; without a parameter the method alone, ``.fix``.

    Attributes
    ----------
    method
        What is called.
    parameter, value
        Its argument.
    subject
        What stands before the method: by default only the dot.
    """

    method: Literal["fix", "tie"]
    parameter: str = ""
    value: Any = ...
    subject: str = "."

    def __str__(self) -> str:
        argument = f"({Argument(self.parameter, self.value)})" if self.parameter else ""
        return f"{self.subject}{self.method}{argument}"


@dataclass(frozen=True)
class LearnerSetting:
    """A setting of a learner: ``QLearning(initial=1.2)``."""

    learner: str
    name: str
    value: Any = ...

    def __str__(self) -> str:
        return f"{self.learner}({Argument(self.name, self.value)})"


Input = Argument | Restriction | LearnerSetting
"""What a user types."""


class Message(str):
    """A text that keeps as data what of it a user would type; as text it is written for Python.

    Attributes
    ----------
    parts
        The text in pieces: strings, and what is typed between them.

    Examples
    --------
    >>> message = Message("name the column, ", Argument("choice", "key"))
    >>> str(message), message.inputs[0].value
    ("name the column, choice='key'", 'key')
    """

    parts: tuple[str | Input, ...]

    def __new__(cls, *parts: str | Input) -> Message:
        """Texts, messages and what is typed, one after the other."""
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
        """As ``separator.join(messages)``, without losing what is typed."""
        parts: list[str | Input] = []
        for message in messages:
            parts += [separator, message] if parts else [message]
        return cls(*parts)

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What a user would type, in the order of the text."""
        return tuple(part for part in self.parts if not isinstance(part, str))

    def with_capital(self) -> Message:
        """The message beginning with a capital letter, unless it begins with what is typed."""
        first, *rest = self.parts or ("",)
        return Message(first[:1].upper() + first[1:] if isinstance(first, str) else first, *rest)


def to_json(messages: Iterable[str]) -> str:
    """Messages as text that :func:`from_json` reads; of what is typed they may hold arguments with plain values."""
    return json.dumps([[_to_plain(part) for part in Message(each).parts] for each in messages])


def from_json(text: str) -> tuple[Message, ...]:
    """The messages that :func:`to_json` wrote."""
    return tuple(
        Message(*(part if isinstance(part, str) else Argument(*part) for part in parts)) for parts in json.loads(text)
    )


def _to_plain(part: str | Input) -> str | list[Any]:
    if isinstance(part, str):
        return part
    assert isinstance(part, Argument)
    return [part.name, part.value]


def in_python(value: Any) -> str:
    """A value as it stands in code, cut short if it is very long; ``...`` for what the reader puts in."""
    if value is ...:
        return "..."
    if isinstance(value, list):
        return "[" + ", ".join(map(in_python, value)) + "]"
    if isinstance(value, set):
        return "{" + ", ".join(map(in_python, value)) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {in_python(each)}' for key, each in value.items()) + "}"
    text = repr(value)
    return text if len(text) <= MOST else f"{text[: MOST - 4]}...{text[-1]}"
