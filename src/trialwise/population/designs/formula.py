"""Formulas of parameters, ``alpha ~ group * age + (1 | participant)``: their text, checked and expanded into terms.

The right side is that of the library ``formulae``; columns and calls are replaced by plain names beforehand, so that the library sees names
and operators only. It reads some texts in another way than they look (whatever follows a complete expression is dropped, ``a**2`` is ``a``, a
number is a column): these are refused here, and so is what it expands in another way than :mod:`~trialwise.population.designs.expansion`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, NoReturn

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument, Message
from trialwise.data.reading.column_names import NAMES, plain
from trialwise.population.designs.calls import FUNCTIONS, Call, checked_call
from trialwise.population.designs.expansion import INTERCEPT, Expansion, Product, has_bar
from trialwise.population.names import SPREAD, spread_name

type Formulas = str | Sequence[str] | Mapping[str, str]
"""``"alpha ~ group"``, a list of these, or ``{"alpha": "group"}``."""

PARTICIPANT = "participant"
"""What stands right of ``|``."""

_LONGEST, _MOST_TOKENS, _MOST_PRODUCTS = 1000, 200, 6
"""Limits, since the number of terms grows exponentially with the number of products."""

_TOKEN = re.compile(
    r"(?P<name>[^\W\d_][\w.]*)|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?![\w.]))|(?P<string>'[^'\"\\]*'|\"[^'\"\\]*\")"
    r"|(?P<quoted>`[^`]+`)|(?P<operator>\*\*|\|\||[-+*/:|(),=])"
)
_ADVICE: dict[str, str] = {
    "**": "write a*b for a product, poly(age, 2) or I(age**2) for a power",
    "||": Message("write |; effects are independent of each other with ", Argument("correlated", False)),
    "%": "write a:b for an interaction, a/b for one factor within another",
    "^": "write a*b for a product, poly(age, 2) for a power",
    "~": "one formula has one ~, between the parameter and what it depends on",
    "[": "cells and attributes cannot be addressed in a formula; write the name of a column",
    "_": "write names that begin with _ between backquotes",
    ",": "terms are joined by +",
    "=": "terms are joined by +",
    ">": "make a column of it in the table, and write its name",
    "<": "make a column of it in the table, and write its name",
}
_SPACE = "terms are joined by +, and a name with spaces stands between backquotes, `total score`"


@dataclass(frozen=True)
class Atom:
    """What terms are products of: a column by its name, or a call.

    Attributes
    ----------
    label
        Name of the column, or text of the call.
    call
        The call, or None.
    """

    label: str
    call: Call | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that it reads."""
        return (self.label,) if self.call is None else self.call.columns


@dataclass(frozen=True)
class Part:
    """The common part of a formula, or that of participants.

    Attributes
    ----------
    intercept
        Whether it has an intercept.
    terms
        The products, main effects first.
    """

    intercept: bool
    terms: tuple[tuple[Atom, ...], ...] = ()


@dataclass(frozen=True)
class Formula:
    """The formula of a parameter.

    Attributes
    ----------
    parameter
        Name of the parameter.
    text
        Its right side, as it was written.
    common
        What participants share.
    own
        The effects of each participant, None unless written as ``(... | participant)``.
    spread
        Factors whose levels have their own spreads: ``alpha_sd ~ group``; empty for none.
    spread_text
        The right side of the formula of the spread.
    """

    parameter: str
    text: str = "1"
    common: Part = Part(True)
    own: Part | None = None
    spread: tuple[Atom, ...] = ()
    spread_text: str = ""

    @property
    def atoms(self) -> tuple[Atom, ...]:
        """All columns and calls, in order."""
        parts = [self.common] if self.own is None else [self.common, self.own]
        used = [atom for part in parts for term in part.terms for atom in term]
        return tuple(dict.fromkeys([*used, *self.spread]))


def parse_formulas(formulas: Formulas, parameters: Sequence[str]) -> dict[str, Formula]:
    """Parse formulas of parameters.

    Parameters
    ----------
    formulas
        ``"alpha ~ group * age"``, a list of such texts, or ``{"alpha": "group * age"}``. On the left the name of a parameter, or of its
        spread (``alpha_sd``); on the right terms joined by ``+``, with ``*`` and ``:`` for interactions, ``a/b`` for b within a, ``0 +``
        for means of cells instead of an intercept, and ``(... | participant)`` for what differs between participants.
    parameters
        Names of the free parameters.

    Returns
    -------
    dict
        A formula for each free parameter, in their order; those without one have an intercept only.

    Raises
    ------
    UsageError
        With all formulas that cannot be read.

    Examples
    --------
    >>> from trialwise.population.designs.formula import parse_formulas
    >>> parsed = parse_formulas("alpha ~ group * age", ["alpha", "beta"])
    >>> [":".join(atom.label for atom in term) for term in parsed["alpha"].common.terms]
    ['group', 'age', 'group:age']
    """
    result = {name: Formula(name) for name in parameters}
    problems: list[Message] = []
    seen = set()
    for left, right in _sides(formulas):
        written = f"{left} ~ {right}"
        try:
            if left in seen:
                raise UsageError(f"{left} has two formulas: join their terms by +")
            seen.add(left)
            name, is_spread = _parameter(left, parameters)
            common, own = _parts(right)
            if is_spread:
                spread = _crossed(common, own, left, right)
                result[name] = replace(result[name], spread=spread, spread_text=right)
            else:
                result[name] = replace(result[name], text=right, common=common, own=own)
        except UsageError as error:
            problems.append(Message(f"formula {written!r}: ", error.message))
    for formula in result.values():
        if formula.spread and formula.own is not None:
            problems.append(
                Message(
                    f"{spread_name(formula.parameter)} has a formula, and that of {formula.parameter} has a part of participants: write "
                    f"(0 + ... | {PARTICIPANT}) there and nothing for {spread_name(formula.parameter)}"
                )
            )
    if problems:
        raise UsageError(*Message.join("\n", problems).parts)
    return result


def _sides(formulas: Formulas) -> list[tuple[str, str]]:
    """Left and right sides."""
    if isinstance(formulas, Mapping):
        pairs = list(formulas.items())
        if not all(isinstance(each, str) for pair in pairs for each in pair):
            raise UsageError(Argument("formulas", {"alpha": "group + age"}), ": wanted a text for each parameter")
        return [(left.strip(), right.strip()) for left, right in pairs]
    texts: list[object] = [formulas] if isinstance(formulas, str) else list(formulas)
    pairs = []
    for text in texts:
        if not isinstance(text, str) or "~" not in text:
            raise UsageError(
                f"{text!r} is not a formula: wanted the name of a parameter, ~, and what it depends on, as in ",
                Argument("formulas", "alpha ~ group + age"),
            )
        left, right = text.split("~", 1)
        pairs.append((left.strip(), right.strip()))
    return pairs


def _parameter(left: str, parameters: Sequence[str]) -> tuple[str, bool]:
    if left in parameters:
        return left, False
    if left.endswith(SPREAD) and left.removesuffix(SPREAD) in parameters:
        return left.removesuffix(SPREAD), True
    raise UsageError(f"there is no free parameter {left!r}. {did_you_mean(left, parameters, 'free parameters')}")


@lru_cache(maxsize=256)
def _parts(right: str) -> tuple[Part, Part | None]:
    """The parts of the right side of a formula; read once, since a study has the same formulas in all its data sets and fits."""
    return _Reader(right).parts()


def _crossed(common: Part, own: Part | None, left: str, right: str) -> tuple[Atom, ...]:
    """The factors of a formula of spreads: each combination of their levels has its own."""
    if own is not None:
        raise UsageError(f"a formula of spreads has no part of participants: write {left} ~ group")
    return tuple(dict.fromkeys(atom for term in common.terms for atom in term))


@dataclass
class _Frame:
    """An open parenthesis: whether it contains ``|`` at its own level, and whether that was passed."""

    has_bar: bool = False
    passed: bool = False


@dataclass
class _Reader:
    """Reads the right side of a formula."""

    text: str
    atoms: list[Atom] = field(default_factory=list)

    def parts(self) -> tuple[Part, Part | None]:
        """The common part, and that of participants, if there is one."""
        from formulae import model_description

        pieces = self.replaced()
        expansion = Expansion(pieces)
        try:
            description = model_description(" ".join(pieces))
        except Exception as error:  # the library has many
            raise UsageError(f"cannot be read ({type(error).__name__})") from None
        groups = [each.expr for each in description.group_terms] if description.group_terms else None
        for ours, theirs in ((expansion.common, description.common_terms), (expansion.own, groups)):
            if set(ours or ()) != set(map(_product_of, theirs or ())):
                raise UsageError(
                    "is read in different ways by different libraries: write out its terms, such as a + b + a:b"
                )
        part = self._part(expansion.common)
        if not part.intercept and not part.terms:
            raise UsageError("nothing is left: write 1 for an intercept only")
        return part, None if expansion.own is None else self._part(expansion.own)

    def _part(self, products: list[Product]) -> Part:
        """A part of these products; atoms in the order in which they are first named, main effects first."""
        terms = [tuple(sorted(map(_number_of, product))) for product in products if product != INTERCEPT]
        return Part(INTERCEPT in products, tuple(tuple(self.atoms[n] for n in term) for term in sorted(terms, key=len)))

    def replaced(self) -> list[str]:
        """The text in pieces, with a plain name in place of each column and call, after refusing what has no meaning or might be misread."""
        tokens = self._tokens()
        pieces: list[str] = []
        frames = [_Frame()]
        products, position, expects_operand = 0, 0, True
        while position < len(tokens):
            kind, token = tokens[position]
            position += 1
            if expects_operand and token in ("-", "+"):
                self._check_sign(token, tokens, position)
                pieces.append(token)
            elif expects_operand and token == "(":
                frames.append(_Frame(has_bar([each[1] for each in tokens], position)))
                self._check_opening(frames, pieces)
                pieces.append(token)
            elif expects_operand and kind in ("name", "quoted", "number"):
                if frames[-1].passed:
                    _check_group(token)
                    pieces.append(PARTICIPANT)
                elif kind == "number":
                    self._check_number(token, pieces, tokens, position, frames)
                    pieces.append(token)
                else:
                    position = self._operand(kind, token, tokens, position, pieces)
                expects_operand = False
            elif not expects_operand and token == ")" and len(frames) > 1:
                self._check_closing(frames.pop(), tokens, position)
                pieces.append(token)
            elif not expects_operand and token in ("+", "-", "*", "/", ":", "|"):
                products += token in ("*", "/") or (
                    token == ":" and (pieces[-1] == ")" or _text(tokens, position) == "(")
                )
                self._check_operator(token, frames[-1])
                pieces.append(token)
                expects_operand = True
            else:
                self._refuse(token, _SPACE if kind in ("name", "number", "quoted") else None)
        if expects_operand or len(frames) > 1:
            raise UsageError("a term is missing at the end" if expects_operand else "a parenthesis is not closed")
        if products > _MOST_PRODUCTS or len(pieces) > _MOST_TOKENS:
            raise UsageError("too many products or terms; write out the interactions of interest")
        return pieces

    def _tokens(self) -> list[tuple[str, str]]:
        """Kind and text of each token."""
        if not self.text:
            raise UsageError("nothing stands on the right side: write 1 for an intercept only")
        if len(self.text) > _LONGEST:
            raise UsageError(f"longer than {_LONGEST} characters")
        tokens, position = [], 0
        while position < len(self.text):
            if self.text[position].isspace():
                position += 1
                continue
            match = _TOKEN.match(self.text, position)
            if match is None or match.group() == "||":
                self._refuse(self.text[position] if match is None else match.group())
            tokens.append((str(match.lastgroup), match.group()))
            position = match.end()
        return tokens

    def _refuse(self, token: str, advice: str | None = None) -> NoReturn:
        advice = advice or _ADVICE.get(token)
        place = f"{token!r}" if token not in ("'", '"') else "a text"
        raise UsageError(f"{place} has no meaning in this place", *(("; ", advice) if advice else ()))

    def _operand(self, kind: str, token: str, tokens: list[tuple[str, str]], position: int, pieces: list[str]) -> int:
        """Append the plain name of a column or call; the position after it."""
        is_call = kind == "name" and _text(tokens, position) == "("
        if is_call:
            position, atom = self._call(token, tokens, position)
        else:
            atom = Atom(token.strip("`").strip() if kind == "quoted" else token)
        if atom not in self.atoms:
            self.atoms.append(atom)
        pieces.append(f"x{self.atoms.index(atom)}")
        return position

    def _call(self, name: str, tokens: list[tuple[str, str]], position: int) -> tuple[int, Atom]:
        depth, text = 0, name
        while position < len(tokens):
            kind, token = tokens[position]
            position += 1
            if kind == "quoted":
                raise UsageError(f"{name}({token}): rename this column, to use it in a call")
            depth += (token == "(") - (token == ")")
            text += token if token in "()" else f" {token} "
            if depth == 0:
                if name not in FUNCTIONS:
                    raise UsageError(f"{did_you_mean(name, FUNCTIONS, 'functions of formulas')} Not {name}()")
                call = checked_call(text)
                return position, Atom(call.text, call)
        raise UsageError(f"{name}( is not closed")

    def _check_sign(self, token: str, tokens: list[tuple[str, str]], position: int) -> None:
        following = _text(tokens, position)
        if token == "+" or following != "1":
            raise UsageError(f"two operators follow each other, or a sign stands before a term: {token} {following}")

    def _check_opening(self, frames: list[_Frame], pieces: list[str]) -> None:
        if frames[-1].has_bar and (len(frames) > 2 or (pieces and pieces[-1] != "+")):
            raise UsageError(f"(... | {PARTICIPANT}) stands by itself, after a +")

    def _check_closing(self, frame: _Frame, tokens: list[tuple[str, str]], position: int) -> None:
        following = _text(tokens, position)
        if frame.has_bar and following not in ("", "+", "-"):
            raise UsageError(f"(... | {PARTICIPANT}) cannot be part of a product")

    def _check_operator(self, token: str, frame: _Frame) -> None:
        if token == "|":
            if not frame.has_bar:
                raise UsageError(f"write parentheses around the part of participants: (1 | {PARTICIPANT})")
            if frame.passed:
                raise UsageError("two | in one parenthesis")
            frame.passed = True
        elif frame.passed:
            raise UsageError(f"one name stands right of |, (... | {PARTICIPANT})")

    def _check_number(
        self, token: str, pieces: list[str], tokens: list[tuple[str, str]], position: int, frames: list[_Frame]
    ) -> None:
        following = _text(tokens, position)
        previous = pieces[-1] if pieces else ""
        if token not in ("0", "1"):
            raise UsageError(f"the number {token} has no meaning; 1 is an intercept, 0 is none")
        alone = previous in ("", "+", "-", "(") and following not in ("*", "/", ":")
        outside = len(frames) == 1 or (len(frames) == 2 and frames[-1].has_bar)
        if not alone or not outside or (token == "0" and previous == "-"):
            raise UsageError(f"{token} is an intercept or none, and stands by itself: 0 + session")


def quoted_name(column: str) -> str:
    """The name of a column as a formula has it: between backquotes if it would be read otherwise."""
    match = _TOKEN.fullmatch(column)
    return column if match is not None and match.lastgroup == "name" else f"`{column}`"


def _text(tokens: list[tuple[str, str]], position: int) -> str:
    """The text of a token; empty at the end."""
    return tokens[position][1] if position < len(tokens) else ""


def _number_of(name: str) -> int:
    """The number of an atom, from the plain name in its place."""
    return int(name[1:])


def _product_of(term: Any) -> Product:
    """The names in a term of the library."""
    return INTERCEPT if type(term).__name__ == "Intercept" else frozenset(each.name for each in term.components)


def _check_group(token: str) -> None:
    name = token.strip("`")
    if name == PARTICIPANT:
        return
    if plain(name) in {word for line in NAMES["participant"] for word in line.split()}:
        raise UsageError(f"write (... | {PARTICIPANT}), whatever the column is called")
    raise UsageError(
        f"(... | {name}): effects of {name} would be shared by participants, who would then no longer be independent of each other given "
        f"the group; only (... | {PARTICIPANT}) is possible. As a covariate: + {name}"
    )
