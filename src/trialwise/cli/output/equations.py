"""Docstrings for the terminal, with LaTeX equations converted to Unicode."""

from __future__ import annotations

import re

from trialwise.learners.docstring import GREEK, lines, parts, pieces

_SIGNS = {
    "leftarrow": "←", "rightarrow": "→", "sim": "~", "cdot": "·", "times": "×", "sum": "Σ", "in": "∈", "le": "≤", "ge": "≥",
    "quad": "  ", "qquad": "   ", "left": "", "right": "", "infty": "∞", "mid": "|", "neq": "≠", "approx": "≈",
}  # fmt: skip
_SUBSCRIPTS = str.maketrans("0123456789aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")


def symbol(name: str) -> str:
    """The Greek symbol of a parameter: ``α`` for ``alpha``, ``α high`` for ``alpha_high``; empty for other names."""
    stem, _, rest = name.partition("_")
    return f"{GREEK[stem]} {rest}".rstrip() if stem in GREEK else ""


def plain(latex: str) -> str:
    """An equation in Unicode, one line per line of LaTeX, aligned at the relation signs."""
    rows = [[_signs(part).strip() for part in cells] for cells in lines(latex)]
    width = max((len(cells[0]) for cells in rows if len(cells) == 2), default=0)
    return "\n".join(f"{cells[0]:>{width}} {cells[1]}" if len(cells) == 2 else cells[0] for cells in rows)


def _signs(text: str) -> str:
    text = re.sub(r"\\(?:mathrm|text|mathit|operatorname)\{((?:[^{}]|\{[^{}]*\})*)\}", r"\1", text)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1) / (\2)", text)
    text = re.sub(r"\\[,;: ]\s*", " ", text).replace(r"\!", "")
    text = re.sub(r"\\([A-Za-z]+)", lambda m: GREEK.get(m[1], _SIGNS.get(m[1], m[1])), text)
    text = re.sub(
        r"_\{?(\w)\}?",
        lambda m: m[1].translate(_SUBSCRIPTS) if m[1].translate(_SUBSCRIPTS) != m[1] else f"_{m[1]}",
        text,
    )
    return re.sub(r" {2,}", "  ", text.replace("{", "").replace("}", ""))


def sections(docstring: str | None) -> list[tuple[str, bool]]:
    """The paragraphs and equations of a docstring in order, each with True if it is an equation."""
    return [(plain(text), True) if is_equation else (_prose(text), False) for text, is_equation in parts(docstring)]


def _prose(text: str) -> str:
    return "".join(_signs(piece) if kind == "math" else piece for piece, kind in pieces(text))
