"""Names of learners and measures, folded so that they fit beside and above the axes of plots."""

from __future__ import annotations

import re


def folded(name: str, letters: int) -> str:
    """A name in lines of at most this many letters if possible, broken where words and calls end: ``Learner(a=1)`` and ``.fix(b=0)``."""
    lines = [""]
    for piece in re.split(r"(?<=[ ,])|(?<=\w\()|(?=\.[a-z])", name):
        if lines[-1] and len(lines[-1].rstrip()) + len(piece.rstrip()) > letters:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.strip() for line in lines)
