r"""Parse docstrings of learners into prose with inline markup, and equations.

They are shown in Unicode in a terminal, and in MathML in a report.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
"""Letters by their LaTeX names, which are also common names of parameters."""

_DIRECTIVE = re.compile(r"^\.\. math::(.*\n(?:[ \t]+.*\n|\s*\n)*)", re.MULTILINE)
_MARKS = re.compile(
    r":math:`(?P<math>[^`]*)`|``(?P<code>[^`]*)``|:\w+:`~?(?P<name>[^`]*)`|\*\*(?P<strong>[^*]+)\*\*|(?<![\w*])\*(?P<emphasis>[^*\s][^*]*)\*"
)


class Part(NamedTuple):
    """A paragraph of prose, on one line, or a displayed equation in LaTeX."""

    text: str
    is_equation: bool


class Piece(NamedTuple):
    """A span of prose: plain ``text``, ``math`` (LaTeX), ``code``, ``name`` (of a class or function), ``strong``, ``emphasis``."""

    text: str
    kind: Literal["text", "math", "code", "name", "strong", "emphasis"]


def parts(docstring: str | None) -> list[Part]:
    """The paragraphs and ``.. math::`` equations of a docstring, in order."""
    result: list[Part] = []
    for n, part in enumerate(_DIRECTIVE.split(inspect.cleandoc(docstring or "") + "\n")):
        if n % 2:
            result.append(Part(part.strip(), True))
        else:
            result += [Part(" ".join(text.split()), False) for text in re.split(r"\n\s*\n", part) if text.strip()]
    return result


def pieces(prose: str) -> Iterator[Piece]:
    """A paragraph split at its inline markup, which is removed: ````code````, ``:math:`x```, ``*emphasis*``, ..."""
    end = 0
    for match in _MARKS.finditer(prose):
        if match.start() > end:
            yield Piece(prose[end : match.start()], "text")
        yield Piece(match[match.lastgroup], match.lastgroup)  # type: ignore[index, arg-type]
        end = match.end()
    if end < len(prose):
        yield Piece(prose[end:], "text")


def lines(latex: str) -> list[list[str]]:
    """The lines of an equation, also those of equations between empty lines, each split at its first alignment mark."""
    rows = [[" ".join(part.split()) for part in line.split("&", 1)] for line in re.split(r"\\\\|\n\s*\n", latex)]
    return [cells for cells in rows if any(cells)]
