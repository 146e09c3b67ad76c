"""What readers accept for ``expand=``: an expansion, a mapping, the text form, or a thing that declares one."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from trialwise.base.errors import UsageError
from trialwise.base.expects import Kind
from trialwise.base.message import Argument
from trialwise.data.expansion.declared import (
    EXAMPLE,
    NUMBER,
    REPEATS,
    SEVERAL_LABELS,
    Expansion,
    Repeats,
    Stages,
    repeats,
    stages,
)

type Expand = Expansion | Mapping[str, Mapping[str, Any]] | str
"""Stages or repeats; a mapping of stages; or the text form."""

_TOKEN = re.compile(
    r"\s*(?:`(?P<name>[^`]+)`|'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<mark>[:;,=|])|(?P<word>[^\s:;,=|'\"`]+))"
)
_OF_REPEATS = ("count", "ended", "step", "actions", "most")

type Keywords = dict[str, Any]
type Token = tuple[str, str]
"""Its kind, ``name`` (in backquotes), ``text`` (in quotes), ``mark`` or ``word``, and its text."""


def as_expansion(value: object) -> Expansion | None:
    """The expansion that a value is, says or declares; None for None.

    Raises
    ------
    UsageError
        If it is none.
    """
    if value is None or isinstance(value, Expansion):
        return value
    if isinstance(value, str):
        return from_text(value)
    if isinstance(value, Mapping):
        return stages(value)
    declared = declared_by(value)
    if declared is None:
        raise UsageError(
            f"{(value if isinstance(value, type) else type(value)).__name__} declares no expansion; write ",
            Argument("expand", EXAMPLE),
        )
    return declared


def declared_by(thing: object) -> Expansion | None:
    """The expansion that an environment has as ``expansion``, or a learner among what it assumes; None if there is none."""
    for owner in (thing, getattr(thing, "assumptions", None)):
        own = getattr(owner, "expansion", None)
        if isinstance(own, Expansion | str | Mapping):
            return as_expansion(own)
    return None


def _declares(value: object) -> bool:
    return isinstance(value, Expansion | str | Mapping) or value is None or declared_by(value) is not None


EXPAND = Kind(
    "stages or repeats, tw.stages(...), their text, or an environment that declares them",
    _declares,
    lambda value: repr(EXAMPLE),
)
"""What readers expect of ``expand``."""


def from_text(text: str) -> Stages | Repeats:
    """Read the text form.

    ``first: choice=level1, outcome=0; second: choice=level2, groups=1 2 | 3 4, outcome=reward``: stages are separated by semicolons, their roles by
    commas. A number is a value, anything else the name of a column; names with blanks or marks, or of digits, stand in backquotes.
    Groups are separated by ``|``, each after its cue if it has one, ``groups=A: 1 2 | B: 3 4``; labels with blanks or marks stand in quotes.
    ``repeats: count=pumps, ended=burst`` is the other kind.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    sections: dict[str, dict[str, list[Token]]] = {}
    for tokens in _split(_tokens(text), ";"):
        if len(tokens) < 2 or tokens[0][0] not in ("name", "word") or tokens[1] != ("mark", ":"):
            raise _wrong(text, f"{_shown(tokens)} does not begin with the name of a stage and a colon")
        name = tokens[0][1]
        if name in sections:
            raise _wrong(text, f"there are two stages {name!r}")
        sections[name] = dict(_roles(text, name, tokens[2:]))
    if [*sections] == [REPEATS] and "choice" not in sections[REPEATS]:
        return _repeats(text, sections[REPEATS])
    read = {
        name: {role: _labels(text, role, value) if role in SEVERAL_LABELS else _source(text, value) for role, value in roles.items()}
        for name, roles in sections.items()
    }  # fmt: skip
    return stages(read)


def _tokens(text: str) -> list[Token]:
    tokens, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _wrong(text, f"a quotation mark is open in {text[at:].strip()!r}")
        kind = str(match.lastgroup)
        tokens.append(("text" if kind in ("single", "double") else kind, str(match[kind])))
        at = match.end()
    return tokens


def _split(tokens: Sequence[Token], mark: str) -> Iterator[list[Token]]:
    """The parts between a mark; one that is empty at the end is none."""
    part: list[Token] = []
    for token in tokens:
        if token == ("mark", mark):
            yield part
            part = []
        else:
            part.append(token)
    if part:
        yield part


def _roles(text: str, name: str, tokens: Sequence[Token]) -> Iterator[tuple[str, list[Token]]]:
    seen = set()
    for part in _split(tokens, ","):
        if len(part) < 3 or part[0][0] not in ("name", "word") or part[1] != ("mark", "="):
            raise _wrong(text, f"{_shown(part)} in {name!r} is no role with its column, choice=...")
        role = part[0][1]
        if role in seen:
            raise _wrong(text, f"{name!r} has the {role} twice")
        seen.add(role)
        yield role, part[2:]


def _source(text: str, tokens: Sequence[Token]) -> str | float:
    if len(tokens) != 1 or tokens[0][0] not in ("name", "word"):
        raise _wrong(
            text, f"{_shown(tokens)} is neither a column nor a number; names with blanks or marks stand in backquotes"
        )
    kind, word = tokens[0]
    if kind == "word" and NUMBER.fullmatch(word):
        return int(word) if re.fullmatch(r"[+-]?\d+", word) else float(word)
    return word


def _labels(
    text: str, role: str, tokens: Sequence[Token]
) -> list[Hashable] | list[list[Hashable]] | dict[Hashable, list[Hashable]]:
    """The labels of actions; or of groups, by cue if they have one."""
    if role == "actions":
        return [_label(text, token) for token in tokens]
    groups: list[list[Hashable]] = []
    cues: list[Hashable] = []
    for part in _split(tokens, "|"):
        if len(part) > 1 and part[1] == ("mark", ":"):
            cues.append(_label(text, part[0]))
            part = part[2:]
        groups.append([_label(text, token) for token in part])
    if cues and (len(cues) < len(groups) or len(set(cues)) < len(cues)):
        raise _wrong(text, f"{_shown(tokens)}: give each group a cue of its own, or none")
    return dict(zip(cues, groups, strict=True)) if cues else groups


def _label(text: str, token: Token) -> Hashable:
    kind, word = token
    if kind == "mark":
        raise _wrong(text, f"{word!r} is no label")
    return int(word) if kind == "word" and re.fullmatch(r"-?(0|[1-9]\d*)", word) else word


def _repeats(text: str, roles: Mapping[str, list[Token]]) -> Repeats:
    unknown = [role for role in roles if role not in _OF_REPEATS]
    if unknown or not {"count", "ended"} <= roles.keys():
        raise _wrong(
            text,
            f"{REPEATS} have count and ended, perhaps step, actions and most"
            + (f", no {unknown[0]}" if unknown else ""),
        )
    more: Keywords = {role: _source(text, tokens) for role, tokens in roles.items() if role != "actions"}
    if "actions" in roles:
        more["actions"] = [_label(text, token) for token in roles["actions"]]
    return repeats(**more)


def _shown(tokens: Sequence[Token]) -> str:
    return repr(" ".join(word for _, word in tokens)) if tokens else "an empty part"


def _wrong(text: str, what: str) -> UsageError:
    return UsageError(Argument("expand", text), f": {what}; write ", Argument("expand", EXAMPLE))
