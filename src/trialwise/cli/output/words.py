"""Messages in the words of the command line: what the library calls ``choice='key'`` is typed ``--choice key`` here."""

from __future__ import annotations

import shlex
from typing import Any

from trialwise.base.message import MOST, NAME_ALONE, Argument, Input, LearnerSetting, Message, Restriction

FLAGS = ("refit",)
"""Options without a value."""


def in_options(message: str) -> str:
    """A message of the library with what is typed spelt as options; other text as it is."""
    parts = message.parts if isinstance(message, Message) else (message,)
    return "".join(part if isinstance(part, str) else _option(part) for part in parts)


def _option(typed: Input) -> str:
    if isinstance(typed, Restriction):
        return f"--{typed.method} {typed.parameter}={_plain(typed.value)}" if typed.parameter else f"--{typed.method}"
    if isinstance(typed, LearnerSetting):
        return f"--set {typed.name}={_plain(typed.value)}"
    if typed.value == NAME_ALONE or typed.name in FLAGS:
        return f"--{typed.name}"
    return f"--{typed.name} {_value(typed)}"


def _value(argument: Argument) -> str:
    """The value of an argument as that of an option."""
    value = argument.value
    if value is False:
        return "none"
    if value is True and argument.name == "reset":
        return "block"
    if isinstance(value, list):
        return _listed(value)
    if isinstance(value, dict):
        return " ".join(f"{name}={_listed(labels)}" for name, labels in value.items())
    if isinstance(value, set):
        return "context=a,b,c"
    return "COLUMN" if value in (..., "...") else shlex.quote(_plain(value))


def _listed(labels: list[Any]) -> str:
    return "a,b,c" if labels == [...] else shlex.quote(",".join(map(_plain, labels)))


def _plain(value: Any) -> str:
    """A value as text on one line, cut short if it is very long."""
    text = "..." if value is ... else str(value)
    text = text if text.isprintable() else repr(text)[1:-1]
    return text if len(text) <= MOST - 2 else f"{text[: MOST - 5]}..."
