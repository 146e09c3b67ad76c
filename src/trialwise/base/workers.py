"""Who does the work: processes of this machine, any executor, or a Dask cluster, all behind one face.

A process of ours has one core, imports nothing of the user's script, and ends with the process that started it, however that
one ends: what is killed does not go on in the dark.
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

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What libraries read once, when they are loaded."""

GUARD = (
    "a script that starts processes is read again by each of them, so what it does must be guarded. Put it into a function and "
    'end the script with\n    if __name__ == "__main__":\n        main()\nor do all in one process: workers=1'
)

WAIT = "10s"
"""For a scheduler to answer."""


class Crew(NamedTuple):
    """An executor, and how many pieces it has in hand at a time: some more than it works on, so that nobody waits."""

    executor: Executor
    at_once: int


def not_in_a_starting_process() -> None:
    """End a process that is only reading its parent's script, at the point where the parent wanted it to help."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)


def unguarded() -> bool:
    """Whether the script that runs has no ``if __name__ == "__main__":``."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    try:
        tree = ast.parse(Path(script or "").read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return False
    guards = (node.test for node in tree.body if isinstance(node, ast.If))
    return not any("__name__" in ast.unparse(test) for test in guards)


@contextmanager
def crew(executor: Any, workers: int | None, pieces: int) -> Iterator[Crew | None]:
    """The crew that was asked for; None where this process does it all.

    Parameters
    ----------
    executor
        None: processes of this machine. A :class:`concurrent.futures.Executor`; a ``dask.distributed.Client``; or the address
        of a Dask scheduler, ``"tcp://10.0.0.1:8786"``. What was given is not shut down.
    workers
        Processes of this machine; by default one a core.
    pieces
        How many there are to be done.

    Raises
    ------
    UsageError
        If it is none of these, or no scheduler answers.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise UsageError(f"workers={workers!r}: a whole number above 0 is wanted")
    if executor is None:
        count = min(workers or cores(), pieces)
        if count == 1:
            yield None
        else:
            with local(count) as pool:
                yield Crew(pool, count + 1)
    elif workers is not None:
        raise UsageError(f"workers={workers}: the executor knows its own workers; leave one of the two out")
    elif isinstance(executor, Executor):
        yield Crew(executor, 2 * (getattr(executor, "_max_workers", None) or cores()))
    elif isinstance(executor, str):
        with connected(executor) as client:
            yield _of_cluster(client)
    elif hasattr(executor, "get_executor"):
        yield _of_cluster(executor)
    else:
        raise UsageError(
            f"executor={executor!r}: wanted a concurrent.futures.Executor, a dask.distributed.Client, or a scheduler's address"
        )


def _of_cluster(client: Any) -> Crew:
    return Crew(client.get_executor(pure=False), 2 * max(1, sum(client.nthreads().values())))


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of a Dask scheduler, closed again at the end."""
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
            "`dask worker ADDRESS`; its address is what it prints, tcp://...:8786"
        ) from None
    with client:
        yield client


@contextmanager
def local(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes of this machine, started afresh (spawn) on every platform, one core each; gone at the end."""
    context = multiprocessing.get_context("spawn")
    held, leash = context.Pipe(duplex=False)
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    pool = ProcessPoolExecutor(count, context, initializer=_begin, initargs=(held,))
    try:
        yield pool
        pool.shutdown()
    finally:
        leash.close()
        pool.shutdown(wait=False, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin(leash: Any) -> None:
    """In a new process: end with the parent; leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(leash,), daemon=True).start()


def _follow(leash: Any) -> None:
    """Nothing ever comes: the other end closes when the parent is done, or dead."""
    with suppress(EOFError, OSError):
        leash.recv()
    os._exit(1)
