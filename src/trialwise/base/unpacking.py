"""Limits on unpacking: a small file may unpack to more than the memory holds.

Whatever unpacks asks for the :func:`limit` and stops there: at once where the file says how much it contains, otherwise while it unpacks.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO

import numpy as np

from trialwise.base.errors import DataError, Problem, UsageError

VARIABLE = "TRIALWISE_UNPACK_MB"
"""Environment variable with the largest size, in megabytes, to which any file may unpack."""

SMALL, RATIO = 32_000_000, 100
"""Up to so many bytes anything may unpack, and beyond them to so many times its size: tables of trials unpack to 5 to 50 times."""
LARGE, RATIO_OF_LARGE = 2_000_000_000, 10
"""From so many bytes on, a file may unpack to so many times its size only."""
PIECE = 1_000_000

_OUTSIDE: ContextVar[int | None] = ContextVar("outside", default=None)
"""Inside :func:`unpacked_from`: the size of the file on disk."""


@contextmanager
def unpacked_from(packed: int) -> Iterator[None]:
    """Whatever is unpacked inside was itself unpacked from a file of so many bytes, whose limit holds for it."""
    token = _OUTSIDE.set(packed)
    try:
        yield
    finally:
        _OUTSIDE.reset(token)


def limit(packed: int) -> int:
    """The largest number of bytes to which a file of so many bytes may unpack.

    Raises
    ------
    UsageError
        If the environment variable is no positive number.
    """
    packed = _on_disk(packed)
    text = os.environ.get(VARIABLE)
    if not text:
        return max(min(max(SMALL, RATIO * packed), LARGE), RATIO_OF_LARGE * packed)
    try:
        megabytes = float(text)
    except ValueError:
        megabytes = math.nan
    if not 0 < megabytes < math.inf:
        raise UsageError(
            f"the environment variable {VARIABLE} is {text!r}: set it to a number of megabytes, such as 500"
        )
    return int(megabytes * 1e6)


def check_size(name: str, packed: int, unpacked: int, by_hand: str = "", is_all: bool = True) -> None:
    """Refuse a file that unpacks to more than the limit.

    Parameters
    ----------
    name
        Of the file, for the message.
    packed, unpacked
        Bytes; `unpacked` is what the file says of itself, or what has been counted.
    by_hand
        What to do with the file oneself, for the message.
    is_all
        Whether it unpacks to no more than `unpacked`.

    Raises
    ------
    DataError
        If it is more.
    """
    most = limit(packed)
    if unpacked > most:
        size = f"unpacks from {_size(_on_disk(packed))} to {'' if is_all else 'more than '}{_size(unpacked)}"
        message = f"{size}, and {_size(most)} is the limit for a file of this size"
        number = f"{math.ceil(unpacked / 1e6)}" if is_all else "the megabytes that you allow"
        variable = f"set the environment variable {VARIABLE} to {number}"
        remedy = f"if you trust it, {by_hand}{', or ' if by_hand else ''}{variable}"
        raise DataError([Problem("unpacks-too-large", name, message, remedy)])


def _on_disk(packed: int) -> int:
    return min(packed, _OUTSIDE.get() or packed)


def _size(count: int) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"


def gunzip(raw: bytes, name: str) -> bytes:
    """Unpack gzip.

    Raises
    ------
    DataError
        If it unpacks to more than the limit, of which no more is unpacked.
    OSError, EOFError, zlib.error
        If it is damaged.
    """
    whole, most = io.BytesIO(), limit(len(raw))
    said = int.from_bytes(raw[-4:], "little")  # the size of the last member, modulo 4 GB
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
        while piece := packed.read(PIECE):
            whole.write(piece)
            if whole.tell() > most:
                by_hand = "unpack it with gunzip and read the unpacked file"
                check_size(name, len(raw), max(said, whole.tell()), by_hand, is_all=said > whole.tell())
    return whole.getvalue()


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """The arrays of an .npz file; None if it cannot be read, or says that it contains more than it may.

    Nothing in it is executed.
    """
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as members:
            check_size(path.name, size, sum(member.file_size for member in members.infolist()))
            for member in members.infolist():
                with members.open(member) as stream:
                    _check_header(stream, member.file_size)
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError, zlib.error):
        return None


def _check_header(stream: IO[bytes], size: int) -> None:
    """Raise ValueError if an array says to be larger than its member: NumPy makes room for it first."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if math.prod(shape) * dtype.itemsize > size:
        raise ValueError(f"an array of shape {shape} in {size} bytes")
