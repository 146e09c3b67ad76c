"""Random streams: one for each purpose of each participant, the same however the work is cut."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from functools import partial

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument

Stream = Callable[[Hashable, str], np.random.Generator]
"""Gives the generator of a participant (by label) and a purpose."""


def streams(seed: int) -> Stream:
    """The random streams of a seed.

    Streams are counter-based (Philox 4x64): the key is a hash of seed, label and purpose, so that a participant gets
    the same numbers whoever else is simulated, in whatever order, in whatever process. Labels count as they are
    written: the 1 of a table in memory and the ``"1"`` read from a file are one participant.

    Parameters
    ----------
    seed
        A whole number, 0 or larger.

    Returns
    -------
    Stream
        ``stream(label, purpose)``, a fresh :class:`numpy.random.Generator` at each call.

    Raises
    ------
    UsageError
        If the seed is not such a number.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise UsageError(Argument("seed", seed), ": wanted a whole number, 0 or larger, e.g. ", Argument("seed", 1))
    return partial(_stream, int(seed))


def stream_key(seed: int, label: Hashable, purpose: str) -> int:
    """A key of 64 bits for the stream of a participant and a purpose, for generators of other kinds."""
    return _hash(seed, label, purpose) % 2**64


def _hash(seed: int, label: Hashable, purpose: str) -> int:
    name = repr((seed, str(label), purpose)).encode()  # repr keeps the three apart whatever characters they hold
    return int.from_bytes(hashlib.blake2b(name, digest_size=16).digest(), "little")


def _stream(seed: int, label: Hashable, purpose: str) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=_hash(seed, label, purpose)))
