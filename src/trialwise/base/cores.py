"""How many cores work may use: those of the process, or fewer where several pieces of work go on side by side."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_MOST: ContextVar[int | None] = ContextVar("most", default=None)


def cores() -> int:
    """How many cores this process may use, or this thread under :func:`limited`."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = _MOST.get()
    return there if most is None else max(1, min(there, most))


@contextmanager
def limited(most: int) -> Iterator[None]:
    """What this thread does inside uses at most so many cores."""
    token = _MOST.set(most)
    try:
        yield
    finally:
        _MOST.reset(token)
