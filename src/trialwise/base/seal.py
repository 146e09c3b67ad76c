"""A hash at the end of a file's contents: damage is found before a library parses the file, which may not end on damaged structures."""

from __future__ import annotations

import hashlib
from pathlib import Path

MARK = b"\nsha256 of what precedes: "
"""What stands before the hash. Formats that know their own length ignore bytes behind it."""

LENGTH = len(MARK) + 64 + 1


def sealed(contents: bytes) -> bytes:
    """Contents with their hash behind them."""
    return contents + MARK + hashlib.sha256(contents).hexdigest().encode() + b"\n"


def is_broken(path: Path) -> bool:
    """Whether a file ends with a hash that is not of what precedes it; a file without a hash is not broken.

    A damaged hash is still recognised, by its mark or by its digits.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(size - LENGTH, 0))
        end = stream.read()
        digits = end[len(MARK) : -1]
        is_hash = len(digits) == 64 and not digits.translate(None, b"0123456789abcdef")
        if not (end.startswith(MARK) or is_hash):
            return False
        stream.seek(0)
        left, digest = size - LENGTH, hashlib.sha256()
        while left > 0 and (piece := stream.read(min(left, 1 << 20))):
            digest.update(piece)
            left -= len(piece)
    return end != MARK + digest.hexdigest().encode() + b"\n"
