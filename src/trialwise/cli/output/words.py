"""Messages in the words of the command line: what the library calls ``choice='key'`` is typed ``--choice key`` here."""

from __future__ import annotations

import re
import shlex

COLUMNS = ("participant", "trial", "session", "block", "context", "cue", "choice", "outcome", "response", "reset")
"""Roles of columns, each an option and an argument of the readers."""

QUOTES = "'\""

_ROLE = re.compile(rf"\b({'|'.join(COLUMNS)})=('[^']*'|\"[^\"]*\"|False\b|True\b|\.\.\.)")
_LISTS = re.compile(r"\b(actions|labels|numbers|missing)=\[([^\]]*)\]")
_LEVELS = re.compile(r"\blevels=\{(?:(['\"])(\w+)\1: \[([^\]]*)\]|\.\.\.)\}")
_RESTRICTION = re.compile(r"(?:^|(?<=write ))(?:\w+\(\)\.)?(fix|tie)\((\w+)=['\"]?([^()\s'\"]+)['\"]?\)")
_SETTING = re.compile(
    r"(?:(?<=write )\w+\((\w+)=([^()\s]+)\)|^\w+\((\w+)=([^()\s]+)\)(?=: (?:no such setting|an? \w+ is wanted)))"
)

_SAMPLING = re.compile(r"\b(draws|tune|chains|seed|pooling)=(['\"]?)(\w+)\2")

_BARE = re.compile(r"\b(?:(refit)=True|(draws)=(?= |$))")

_METHODS = re.compile(r"(?<=[( ])\.(fix|tie)(?=[,)])")


def in_options(message: str) -> str:
    """A message of the library with its arguments spelt as options."""
    message = _ROLE.sub(lambda m: f"--{m[1]} {_value(m[1], m[2])}", message)
    message = _LEVELS.sub(lambda m: f"--levels {m[2]}={_list(m[3])}" if m[2] else "--levels context=a,b,c", message)
    message = _LISTS.sub(lambda m: f"--{m[1]} {_list(m[2])}", message)
    message = _SAMPLING.sub(r"--\1 \3", message)
    message = _BARE.sub(lambda m: f"--{m[1] or m[2]}", message)
    message = _RESTRICTION.sub(lambda m: f"--{m[1]} {m[2]}={m[3]}", message)
    message = _METHODS.sub(r"--\1", message)
    message = _SETTING.sub(lambda m: f"--set {m[1] or m[3]}={(m[2] or m[4]).strip(QUOTES)}", message)
    return message


def _value(role: str, value: str) -> str:
    if value == "True":
        return "block"
    if value == "False":
        return "none"
    if value.strip("'\".") == "":
        return "COLUMN"
    return shlex.quote(value[1:-1])


def _list(inside: str) -> str:
    parts = [part.strip().strip("'\"") for part in inside.split(",")]
    return shlex.quote(",".join(part for part in parts if part)) if inside != "..." else "a,b,c"
