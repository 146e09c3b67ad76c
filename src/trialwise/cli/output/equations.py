"""Docstrings for the terminal, with LaTeX equations converted to Unicode."""

from __future__ import annotations

import re

from trialwise.learners.docstring import GREEK, lines, parts, pieces

_SIGNS = {
    "leftarrow": "←", "rightarrow": "→", "to": "→", "gets": "←", "sim": "~", "propto": "∝", "cdot": "·", "times": "×", "pm": "±",
    "sum": "Σ", "prod": "∏", "int": "∫", "partial": "∂", "sqrt": "√", "in": "∈", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥",
    "neq": "≠", "ne": "≠", "approx": "≈", "equiv": "≡", "mid": "|", "vert": "|", "infty": "∞", "ell": "ℓ", "dots": "...",
    "ldots": "...", "cdots": "...", "quad": "  ", "qquad": "   ", "Delta": "Δ", "Phi": "Φ", "Gamma": "Γ", "Sigma": "Σ", "Lambda": "Λ",
    "Theta": "Θ", "Omega": "Ω", "Pi": "Π", "Psi": "Ψ", "varepsilon": "ε", "varphi": "φ", "odot": "⊙", "circ": "∘", "prime": "'",
}  # fmt: skip
_FUNCTIONS = ("arg", "cos", "det", "exp", "inf", "lim", "ln", "log", "max", "min", "Pr", "sin", "sup", "tan", "tanh")
_SUBSCRIPTS = str.maketrans("0123456789aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_SUPERSCRIPTS = str.maketrans("0123456789+-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ")
_BRACES = r"\{((?:[^{}]|\{[^{}]*\})*)\}"


def symbol(name: str) -> str:
    """The Greek symbol of a parameter: ``α`` for ``alpha``, ``α_high`` for ``alpha_high``; empty for other names."""
    stem, mark, rest = name.partition("_")
    return f"{GREEK[stem]}{mark}{rest}" if stem in GREEK else ""


def plain(latex: str) -> str:
    """An equation in Unicode, one line per line of LaTeX, aligned at the relation signs."""
    rows = [[_signs(part).strip() for part in cells] for cells in lines(latex)]
    width = max((len(cells[0]) for cells in rows if len(cells) == 2), default=0)
    return "\n".join(f"{cells[0]:>{width}} {cells[1]}" if len(cells) == 2 else cells[0] for cells in rows)


def _signs(text: str) -> str:
    text = re.sub(r"\\[,;: ]\s*", " ", text).replace(r"\!", "")
    text = re.sub(r"\\([{}%_&#$|])", r"\1", text) if "\\" in text else text
    text = re.sub(rf"\\(?:mathrm|text|mathit|operatorname\*?){_BRACES}", r"{\1}", text)
    text = re.sub(rf"\\[td]?frac{_BRACES}{_BRACES}", r"(\1) / (\2)", text)
    text = re.sub(r"\\([A-Za-z]+)( ?)", _command, text)
    text = re.sub(rf"_(?:{_BRACES}|(\w))", lambda found: _placed("_", found[1] or found[2], _SUBSCRIPTS), text)
    text = re.sub(rf"\^(?:{_BRACES}|(\S))", lambda found: _placed("^", found[1] or found[2], _SUPERSCRIPTS), text)
    return re.sub(r" {2,}", "  ", re.sub(r"[{}\\]", "", text))


def _command(found: re.Match[str]) -> str:
    """The sign of a command; nothing for commands that only arrange, and for unknown ones."""
    sign = GREEK.get(found[1], _SIGNS.get(found[1], found[1] if found[1] in _FUNCTIONS else None))
    return "" if sign is None else sign + found[2]


def _placed(mark: str, text: str, letters: dict[int, int]) -> str:
    """A subscript or superscript: one letter or a number as small signs if they exist, anything else, words too, after its mark."""
    text = re.sub("[{}]", "", text)
    if all(ord(letter) in letters for letter in text) and (len(text) == 1 or not text.isalpha()):
        return text.translate(letters)
    return f"{mark}{text}" if text.isalnum() else f"{mark}({text})"


def sections(docstring: str | None) -> list[tuple[str, bool]]:
    """The paragraphs and equations of a docstring in order, each with True if it is an equation."""
    return [(plain(text), True) if is_equation else (_prose(text), False) for text, is_equation in parts(docstring)]


def _prose(text: str) -> str:
    return "".join(_signs(piece) if kind == "math" else piece for piece, kind in pieces(text))
