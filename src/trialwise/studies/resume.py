"""Pieces of work: done by any executor, stored as soon as they are finished, never done twice.

A piece depends only on the study's settings and on its number. Results are therefore the same whichever process does the work, in
whatever order, and however often the study was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from typing import Any

import numpy as np

from trialwise.base.cores import limited
from trialwise.base.errors import ModelError, UsageError
from trialwise.base.message import Argument
from trialwise.base.progress import bars
from trialwise.base.result import Finding
from trialwise.base.workers import GUARD, unguarded, worker_pool
from trialwise.learners.pickling import pack, unpack
from trialwise.studies.store import Piece, Store

FAILED = "failed"
"""The only entry of a piece that failed: the reason."""

PATIENCE = 3
"""How often in a row worker processes may break without finishing a piece."""

Task = Callable[[int], Piece]


def run_pieces(
    task: Task, numbers: Sequence[int], store: Store, *, executor: Any = None, workers: int | None = None,
    progress: bool = True, stage: str = "fitting",
) -> dict[int, Piece]:  # fmt: skip
    """Do the pieces that are not finished yet.

    Parameters
    ----------
    task
        ``task(number)`` returns arrays by name; a :class:`~trialwise.base.errors.ModelError` is stored as ``{"failed": reason}``.
    numbers
        Numbers of the pieces.
    store
        Where finished pieces are read from and written to.
    executor, workers
        See :func:`trialwise.base.workers.worker_pool`.
    progress, stage
        Whether a progress bar is shown, and its name.

    Returns
    -------
    dict
        Each piece by its number, in the order of ``numbers``.

    Raises
    ------
    UsageError
        If worker processes end at their start, or repeatedly.
    """
    done = {number: piece for number in numbers if (piece := store.load(number)) is not None}
    missing = [number for number in numbers if number not in done]
    with bars(progress) as report:
        report(stage, len(done) / max(len(numbers), 1))
        breaks = 0
        while missing:
            before = len(done)
            try:
                for number, piece in _finished(task, missing, executor, workers):
                    store.save(number, piece)
                    done[number] = piece
                    report(stage, len(done) / len(numbers))
            except BrokenExecutor as error:
                breaks = 1 if len(done) > before else breaks + 1
                _explain(error, executor is not None, len(done), breaks)
            missing = [number for number in missing if number not in done]
    return {number: done[number] for number in numbers}


def _explain(error: BrokenExecutor, own_executor: bool, done: int, breaks: int) -> None:
    """Raise unless another attempt is worthwhile, as after a local process died because memory was short."""
    if unguarded() and not done:
        raise UsageError(GUARD) from None
    if own_executor or breaks >= PATIENCE:
        raise UsageError(
            f"worker processes ended before the work was done ({error}); finished pieces are stored if there is a folder. "
            "If memory was short, use fewer processes: ",
            Argument("workers", 1),
        ) from error


def _finished(
    task: Task, numbers: Sequence[int], executor: Any, workers: int | None
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Numbers and pieces, in the order in which they are finished."""
    with worker_pool(executor, workers, len(numbers)) as pool:
        if pool is None:
            for number in numbers:
                yield number, attempt(task, number)
            return
        parcel, waiting = pack(task), iter(numbers)
        running: dict[Future, int] = {}
        try:
            while True:
                for number in waiting:
                    running[pool.executor.submit(work, parcel, number)] = number
                    if len(running) >= pool.at_once:
                        break
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            for future in running:
                future.cancel()


def work(parcel: bytes, number: int) -> dict[str, np.ndarray]:
    """Do one piece in a worker process, on one core, since other workers run beside it."""
    with limited(1):
        return attempt(unpack(parcel), number)


def attempt(task: Task, number: int) -> dict[str, np.ndarray]:
    """Do one piece; if that fails, return the reason."""
    try:
        return dict(task(number))
    except ModelError as error:
        return {FAILED: np.array(str(error))}


def divided(pieces: dict[int, Piece]) -> tuple[dict[int, Piece], dict[int, str]]:
    """Pieces that were done, and the reasons why the others failed.

    Raises
    ------
    ModelError
        If all failed.
    """
    failed = {number: str(piece[FAILED]) for number, piece in pieces.items() if FAILED in piece}
    done = {number: piece for number, piece in pieces.items() if number not in failed}
    if not done:
        raise ModelError(f"none of {len(pieces)} data sets could be fitted. The first: {next(iter(failed.values()))}")
    return done, failed


def failures(failed: Mapping[int, str], done: int) -> tuple[Finding, ...]:
    """A finding if data sets could not be fitted; ``done`` is the number of those that were."""
    if not failed:
        return ()
    first = next(iter(failed.values()))
    sentence = f"{len(failed)} of {done + len(failed)} data sets could not be fitted; the first: {first}"
    return (Finding("problem", "not-fitted", sentence),)
