"""Pieces of work: done by whoever there is, kept as soon as they are finished, never done twice.

A piece depends on what was asked and on its number alone. So it does not matter who does it, in what order, and how often the
whole was interrupted: the results are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from typing import Any

import numpy as np

from trialwise.base.cores import limited
from trialwise.base.errors import ModelError, UsageError
from trialwise.base.progress import bars
from trialwise.base.result import Finding
from trialwise.base.workers import GUARD, crew, unguarded
from trialwise.learners.pickling import pack, unpack
from trialwise.studies.store import Piece, Store

FAILED = "failed"
"""What a piece holds alone that could not be done, and why."""

PATIENCE = 3
"""How often a crew may break without having finished anything in between."""

Task = Callable[[int], Piece]


def run_pieces(
    task: Task, numbers: Sequence[int], store: Store, *, executor: Any = None, workers: int | None = None,
    progress: bool = True, stage: str = "fitting",
) -> dict[int, Piece]:  # fmt: skip
    """Do what is not done yet.

    Parameters
    ----------
    task
        ``task(number)`` gives arrays by name; a :class:`~trialwise.base.errors.ModelError` is kept as ``{"failed": reason}``.
    numbers
        Of the pieces.
    store
        Where finished pieces are, and go.
    executor, workers
        See :func:`trialwise.base.workers.crew`.
    progress, stage
        Whether a bar is shown, and its name.

    Returns
    -------
    dict
        Each piece by its number, in the order of ``numbers``.

    Raises
    ------
    UsageError
        If workers end as they start, or again and again.
    """
    found = {number: piece for number in numbers if (piece := store.load(number)) is not None}
    missing = [number for number in numbers if number not in found]
    with bars(progress) as tell:
        tell(stage, len(found) / max(len(numbers), 1))
        breaks = 0
        while missing:
            before = len(found)
            try:
                for number, piece in _finished(task, missing, executor, workers):
                    store.keep(number, piece)
                    found[number] = piece
                    tell(stage, len(found) / len(numbers))
            except BrokenExecutor as error:
                breaks = 1 if len(found) > before else breaks + 1
                _explain(error, executor is not None, len(found), breaks)
            missing = [number for number in missing if number not in found]
    return {number: found[number] for number in numbers}


def _explain(error: BrokenExecutor, given: bool, done: int, breaks: int) -> None:
    """Raise, unless it is worth another try: a process of ours died, as when the system was short of memory."""
    if unguarded() and not done:
        raise UsageError(GUARD) from None
    if given or breaks >= PATIENCE:
        raise UsageError(
            f"processes that did the work ended before it was done ({error}); what they finished is kept, if there is a "
            "folder. If memory was short, take fewer: workers=1"
        ) from error


def _finished(
    task: Task, numbers: Sequence[int], executor: Any, workers: int | None
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Pieces as they are finished."""
    with crew(executor, workers, len(numbers)) as who:
        if who is None:
            for number in numbers:
                yield number, attempt(task, number)
            return
        parcel, waiting = pack(task), iter(numbers)
        running: dict[Future, int] = {}
        try:
            while True:
                for number in waiting:
                    running[who.executor.submit(work, parcel, number)] = number
                    if len(running) >= who.at_once:
                        break
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            for future in running:
                future.cancel()


def work(parcel: bytes, number: int) -> dict[str, np.ndarray]:
    """One piece, where it arrives: with one core, since others work beside it."""
    with limited(1):
        return attempt(unpack(parcel), number)


def attempt(task: Task, number: int) -> dict[str, np.ndarray]:
    """One piece, or why it cannot be."""
    try:
        return dict(task(number))
    except ModelError as error:
        return {FAILED: np.array(str(error))}


def divided(pieces: dict[int, Piece]) -> tuple[dict[int, Piece], dict[int, str]]:
    """Those that were done, and why the others could not be.

    Raises
    ------
    ModelError
        If none was done.
    """
    failed = {number: str(piece[FAILED]) for number, piece in pieces.items() if FAILED in piece}
    done = {number: piece for number, piece in pieces.items() if number not in failed}
    if not done:
        raise ModelError(f"none of {len(pieces)} data sets could be fitted. The first: {next(iter(failed.values()))}")
    return done, failed


def failures(failed: Mapping[int, str], done: int) -> tuple[Finding, ...]:
    """A finding if data sets could not be fitted; ``done`` is how many could."""
    if not failed:
        return ()
    first = next(iter(failed.values()))
    sentence = f"{len(failed)} of {done + len(failed)} data sets could not be fitted; the first: {first}"
    return (Finding("problem", "not-fitted", sentence),)
