"""Numbers of things and lists, in words."""

from __future__ import annotations

from collections.abc import Iterable


def counted(count: int, thing: str) -> str:
    """``1 chain``, ``13,640 trials``."""
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def listed(words: Iterable[str], last: str = "and") -> str:
    """``a, b and c``."""
    *most, end = list(words) or [""]
    return f"{', '.join(most)} {last} {end}" if most else end
