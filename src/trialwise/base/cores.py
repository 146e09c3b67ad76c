"""The number of cores available to a computation: those of the process, or fewer if several computations run in parallel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_LIMIT: ContextVar[int | None] = ContextVar("limit", default=None)


def cores() -> int:
    """The number of cores that this process may use, or this thread within :func:`limited`."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = _LIMIT.get()
    return available if limit is None else max(1, min(available, limit))


@contextmanager
def limited(most: int) -> Iterator[None]:
    """Limit the number of cores that this thread uses within the context."""
    token = _LIMIT.set(most)
    try:
        yield
    finally:
        _LIMIT.reset(token)
