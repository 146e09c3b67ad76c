"""Expansion of formulas into terms, as R and Wilkinson & Rogers (1973, Applied Statistics 22, 392-399) define it.

The library that reads formulas expands some otherwise (``d * (a + c) - a:d`` keeps ``d:a``, ``(a + b) * (a + b)`` lacks ``a:b``,
``(a + b) / (c * d)`` lacks ``a:b:c:d``). Where the two differ, a formula is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

type Product = frozenset[str]
"""The names in a product; empty for the intercept."""

INTERCEPT: Product = frozenset()


class Expansion:
    """The terms of a formula.

    Parameters
    ----------
    pieces
        Names, operators, parentheses, 0 and 1, in the order of a formula that is known to be complete.

    Attributes
    ----------
    common
        The products that participants share, with the intercept.
    own
        The products of ``( ... | participant)``, with the intercept; None without one.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        self._pieces, self._position = [*pieces, ""], 0
        self.own: list[Product] | None = None
        self.common = self._sum([INTERCEPT])

    def _next(self) -> str:
        return self._pieces[self._position]

    def _take(self) -> str:
        self._position += 1
        return self._pieces[self._position - 1]

    def _sum(self, terms: list[Product]) -> list[Product]:
        """Terms joined by + and -, added to ``terms``; 0 is the absence of an intercept."""
        sign = "+"
        while True:
            if self._next() in ("+", "-"):
                sign = self._take()
            if self._next() in ("0", "1"):
                removes = (self._take() == "0") != (sign == "-")
                others = [INTERCEPT]
            else:
                removes, others = sign == "-", self._product()
            terms = [each for each in terms if each not in others] if removes else _distinct(terms + others)
            if self._next() not in ("+", "-"):
                return terms

    def _product(self) -> list[Product]:
        """Terms joined by * and /, which bind equally."""
        left = self._interaction()
        while self._next() in ("*", "/"):
            operator, right = self._take(), self._interaction()
            within = left if operator == "*" else [frozenset().union(*left)]
            crossed = [a | b for a in within for b in right]
            left = _distinct(left + (right if operator == "*" else []) + crossed)
        return left

    def _interaction(self) -> list[Product]:
        """Terms joined by a colon."""
        left = self._operand()
        while self._next() == ":":
            self._take()
            right = self._operand()
            left = _distinct([a | b for a in left for b in right])
        return left

    def _operand(self) -> list[Product]:
        """A name, or a parenthesis; that of participants is put aside."""
        piece = self._take()
        if piece != "(":
            return [frozenset([piece])]
        if not has_bar(self._pieces, self._position):
            inner = self._sum([])
            self._take()
            return inner
        self.own = _distinct((self.own or []) + self._sum([INTERCEPT]))
        self._position += 3  # | participant )
        return []


def has_bar(pieces: Sequence[str], position: int) -> bool:
    """Whether the parenthesis that was opened before ``position`` contains | at its own level."""
    depth = 1
    for piece in pieces[position:]:
        depth += (piece == "(") - (piece == ")")
        if depth == 0:
            return False
        if piece == "|" and depth == 1:
            return True
    return False


def _distinct(terms: list[Product]) -> list[Product]:
    return list(dict.fromkeys(terms))
