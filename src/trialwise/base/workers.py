"""Parallel execution with a common interface: processes on this machine, any executor, or a Dask cluster.

Worker processes use one core each, do not run the user's script, and end with the process that started them, however it ends,
so that no work continues in the background after a kill.
"""

from __future__ import annotations

import ast
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from trialwise.base.cores import cores
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Environment variables for the number of threads, which libraries read when they are loaded."""

GUARD = Message(
    "each process that a script starts runs the script again, so its code must be guarded. Put the code into a function and "
    'end the script with\n    if __name__ == "__main__":\n        main()\nor use a single process: ',
    Argument("workers", 1),
)
"""Advice for scripts without a guard."""

WAIT = "10s"
"""Time limit for the response of a scheduler."""


class WorkerPool(NamedTuple):
    """An executor, and the number of pieces submitted to it at a time: more than it has workers, so that no worker is idle."""

    executor: Executor
    at_once: int


def not_in_a_starting_process() -> None:
    """Exit if this is a worker process that is running its parent's script while it starts."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)


def unguarded() -> bool:
    """Whether the running script has no ``if __name__ == "__main__":``."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    try:
        tree = ast.parse(Path(script or "").read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return False
    guards = (node.test for node in tree.body if isinstance(node, ast.If))
    return not any("__name__" in ast.unparse(test) for test in guards)


@contextmanager
def worker_pool(executor: Any, workers: int | None, pieces: int) -> Iterator[WorkerPool | None]:
    """Provide an executor for a number of pieces of work; None if this process does all the work.

    Parameters
    ----------
    executor
        None for processes on this machine; a :class:`concurrent.futures.Executor`; a ``dask.distributed.Client``; or the
        address of a Dask scheduler, ``"tcp://10.0.0.1:8786"``. An executor or client passed in is not shut down.
    workers
        Number of processes on this machine; by default one per core.
    pieces
        Number of pieces of work.

    Raises
    ------
    UsageError
        If `executor` is none of these, `workers` is not above 0 or is given with an executor, or no scheduler responds.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise UsageError(Argument("workers", workers), ": a whole number above 0 is wanted")
    if executor is None:
        count = min(workers or cores(), pieces)
        if count == 1:
            yield None
        else:
            with local(count) as pool:
                yield WorkerPool(pool, count + 1)
    elif workers is not None:
        raise UsageError(
            Argument("workers", workers), ": an executor has its own number of workers; leave one of the two out"
        )
    elif isinstance(executor, Executor):
        yield WorkerPool(executor, 2 * (getattr(executor, "_max_workers", None) or cores()))
    elif isinstance(executor, str):
        with connected(executor) as client:
            yield _of_cluster(client)
    elif hasattr(executor, "get_executor"):
        yield _of_cluster(executor)
    else:
        raise UsageError(
            Argument("executor", executor),
            ": wanted a concurrent.futures.Executor, a dask.distributed.Client, or a scheduler's address",
        )


def _of_cluster(client: Any) -> WorkerPool:
    return WorkerPool(client.get_executor(pure=False), 2 * max(1, sum(client.nthreads().values())))


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Provide a client of a Dask scheduler, closed at the end."""
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "a cluster needs dask.distributed, which is not installed: pip install 'trialwise[dask]'"
        ) from None
    try:
        client = Client(address, timeout=WAIT, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {address!r} ({type(error).__name__}): start one, `dask scheduler`, and workers, "
            "`dask worker ADDRESS`; the scheduler prints its address, tcp://...:8786"
        ) from None
    with client:
        yield client


@contextmanager
def local(count: int) -> Iterator[ProcessPoolExecutor]:
    """Provide processes on this machine, one core each, started by spawn on every platform and ended with the context."""
    context = multiprocessing.get_context("spawn")
    worker_end, parent_end = context.Pipe(duplex=False)
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    pool = ProcessPoolExecutor(count, context, initializer=_start_worker, initargs=(worker_end,))
    try:
        yield pool
        pool.shutdown()
    finally:
        parent_end.close()
        pool.shutdown(wait=False, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start_worker(pipe: Any) -> None:
    """Prepare a new process: it ends with its parent, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, args=(pipe,), daemon=True).start()


def _exit_with_parent(pipe: Any) -> None:
    """Exit when the parent closes its end of the pipe or dies; nothing is ever sent."""
    with suppress(EOFError, OSError):
        pipe.recv()
    os._exit(1)
