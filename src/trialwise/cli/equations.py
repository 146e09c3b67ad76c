"""Docstrings for a terminal: their equations in Unicode instead of LaTeX."""

from __future__ import annotations

import inspect
import re

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ",
    "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}  # fmt: skip
_SIGNS = {
    "leftarrow": "←", "rightarrow": "→", "sim": "~", "cdot": "·", "times": "×", "sum": "Σ", "in": "∈", "le": "≤", "ge": "≥",
    "quad": "  ", "qquad": "   ", "left": "", "right": "", "infty": "∞", "mid": "|", "neq": "≠", "approx": "≈",
}  # fmt: skip
_LOWERED = str.maketrans("0123456789aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")


def symbol(name: str) -> str:
    """The Greek letter of a parameter: ``α`` of ``alpha``, ``α high`` of ``alpha_high``; empty for other names."""
    stem, _, rest = name.partition("_")
    return f"{GREEK[stem]} {rest}".rstrip() if stem in GREEK else ""


def plain(latex: str) -> str:
    """An equation in Unicode, a line for each of its lines, their relation signs below each other."""
    lines = [[_signs(part) for part in line.split("&", 1)] for line in re.split(r"\\\\", latex)]
    width = max((len(parts[0].strip()) for parts in lines if len(parts) == 2), default=0)
    drawn = [
        f"{parts[0].strip():>{width}} {parts[1].strip()}" if len(parts) == 2 else parts[0].strip() for parts in lines
    ]
    return "\n".join(line for line in drawn if line.strip())


def _signs(text: str) -> str:
    text = re.sub(r"\\(?:mathrm|text|mathit|operatorname)\{((?:[^{}]|\{[^{}]*\})*)\}", r"\1", text)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"(\1) / (\2)", text)
    text = re.sub(r"\\[,;: ]\s*", " ", text).replace(r"\!", "")
    text = re.sub(r"\\([A-Za-z]+)", lambda m: GREEK.get(m[1], _SIGNS.get(m[1], m[1])), text)
    text = re.sub(
        r"_\{?(\w)\}?", lambda m: m[1].translate(_LOWERED) if m[1].translate(_LOWERED) != m[1] else f"_{m[1]}", text
    )
    return re.sub(r" {2,}", "  ", text.replace("{", "").replace("}", ""))


def sections(docstring: str | None) -> list[tuple[str, bool]]:
    """The paragraphs of a docstring and its equations, in their order; True for equations."""
    parts: list[tuple[str, bool]] = []
    indented = re.compile(r"^\.\. math::(.*\n(?:[ \t]+.*\n|\s*\n)*)", re.MULTILINE)
    for n, part in enumerate(indented.split(inspect.cleandoc(docstring or "") + "\n")):
        if n % 2:
            parts.append((plain(part), True))
        else:
            parts += [(_prose(paragraph), False) for paragraph in re.split(r"\n\s*\n", part) if paragraph.strip()]
    return parts


def _prose(text: str) -> str:
    text = re.sub(r":math:`([^`]*)`", lambda m: _signs(m[1]), text)
    text = re.sub(r":\w+:`~?([^`]*)`", r"\1", text)
    return " ".join(text.replace("``", "").split())
