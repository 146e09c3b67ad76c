"""Time of one evaluation of value and gradient: `python -m benchmarks.gradient [--data FOLDER|bundled]`.

Everything runs in one process on one core. Every implementation is checked against the plain loop before any is timed; then they
take turns, so that other load on the machine affects all of them equally. A turn is one untimed call and as many timed calls as fit into
TURN_SECONDS (at least one); median and minimum are over all timed calls. Where a call does more than the
gradient (Stan), the overhead is timed in the same turns and subtracted, median from median and minimum from minimum.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from benchmarks.peers import Peer

MODULES = {"stan": "stan", "pytensor": "pytensor_scan", "jax": "jax_scan"}
"""Modules by the name on the command line, in order of preparation."""

TURN_SECONDS = 0.02
POINTS = 4
"""Number of parameter points that the turns cycle through."""


@contextlib.contextmanager
def single_core() -> Iterator[None]:
    """One core, one thread, and empty caches of compiled code, set before any numerical library is imported."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[variable] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    with tempfile.TemporaryDirectory() as cache:
        os.environ["PYTENSOR_FLAGS"] = f"base_compiledir={cache}/pytensor"
        os.environ["XDG_CACHE_HOME"] = cache
        os.environ["NUMBA_CACHE_DIR"] = f"{cache}/numba"
        yield


def parameter_points(participants: int) -> list[np.ndarray]:
    """Plausible (alpha, beta, forget) of every participant at POINTS points, the same in every run."""
    import numpy as np

    rng = np.random.default_rng(20)
    low, high = np.array([0.05, 0.5, 0.01]), np.array([0.4, 2.5, 0.15])
    return [rng.uniform(low, high, size=(participants, 3)) for _ in range(POINTS)]


def prepare(folder: Path, names: list[str], with_trialwise: bool) -> tuple[list[Peer], list[np.ndarray], int]:
    """Compile every implementation and check it against the oracle; (implementations, parameter points, total trials)."""
    from benchmarks.data import read_wide
    from benchmarks.peers.numpy_loop import check, oracle

    recorded = read_wide(folder)
    points = parameter_points(recorded.participants)
    value, slope = oracle(recorded).value_and_gradient(points[0])
    implementations: list[Peer] = []
    for name in names:
        try:
            module = importlib.import_module(f"benchmarks.peers.{MODULES[name]}")
        except ImportError as error:
            raise SystemExit(
                f"{name}: {error}. Install the `peers` dependency group, or leave it out: --peers ..."
            ) from error
        print(f"compiling {name} ...", file=sys.stderr)
        implementations += module.peers(recorded)
    if with_trialwise:
        from benchmarks.peers.trialwise import trialwise_peers

        implementations += trialwise_peers(folder)
    for implementation in implementations:
        check(implementation, points[0], value, slope)
    return implementations, points, recorded.choice.size


@dataclass
class Timing:
    """Seconds of every timed call of one implementation, and of its overhead."""

    calls: list[float] = field(default_factory=list)
    overheads: list[float] = field(default_factory=list)

    def net(self, summary: Callable[[list[float]], float]) -> float:
        """The median or minimum of a call minus that of the overhead."""
        return summary(self.calls) - (summary(self.overheads) if self.overheads else 0.0)


def take_turns(implementations: list[Peer], points: list[np.ndarray], repeat: int) -> list[Timing]:
    """Time every implementation, `repeat` turns each."""
    from benchmarks.peers import seconds

    timings = [Timing() for _ in implementations]
    gc.collect()
    gc.disable()
    for turn in range(repeat):
        parameters = points[turn % len(points)]
        for implementation, timing in zip(implementations, timings, strict=True):
            implementation.timed(parameters)
            remaining = TURN_SECONDS
            while remaining > 0:
                timing.calls.append(seconds(implementation.timed, parameters))
                remaining -= timing.calls[-1]
                if implementation.overhead is not None:
                    timing.overheads.append(seconds(implementation.overhead, parameters))
    gc.enable()
    return timings


def rows(implementations: list[Peer], timings: list[Timing], trials: int) -> list[tuple[str, ...]]:
    """The cells of the table, slowest implementation first."""
    medians = [timing.net(statistics.median) for timing in timings]
    ours = next(
        (m for implementation, m in zip(implementations, medians, strict=True) if implementation.name == "trialwise"),
        None,
    )
    order = sorted(range(len(implementations)), key=lambda i: -medians[i])
    return [
        (
            implementations[i].name,
            implementations[i].form,
            implementations[i].note,
            f"{1e3 * medians[i]:.2f}",
            f"{1e3 * timings[i].net(min):.2f}",
            f"{1e9 * medians[i] / trials:.0f}",
            f"{implementations[i].compile_seconds:.1f}",
            "-" if ours is None else f"{medians[i] / ours:.2f}",
        )
        for i in order
    ]


HEADINGS = ("way", "form", "how", "ms median", "ms min", "ns/trial", "compile s", "ratio to trialwise")


def show(title: str, table: list[tuple[str, ...]]) -> None:
    """Print with Rich if it is installed, otherwise as plain columns."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        widths = [max(len(row[c]) for row in [HEADINGS, *table]) for c in range(len(HEADINGS))]
        print(title)
        for row in [HEADINGS, *table]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        return
    grid = Table(title=title)
    for column, heading in enumerate(HEADINGS):
        grid.add_column(heading, justify="left" if column < 3 else "right")
    for row in table:
        grid.add_row(*row)
    console = Console()
    (console if console.is_terminal else Console(width=140)).print(grid)


def data_folder(data: str | None) -> Path:
    """The folder of wide files that --data names."""
    data = data or os.environ.get("TRIALWISE_ALIEN_HUMANS") or "bundled"
    if data == "bundled":
        raise SystemExit("trialwise bundles no wide files yet: give --data FOLDER or set TRIALWISE_ALIEN_HUMANS")
    return Path(data)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gradient", description="Time value and gradient of several implementations."
    )
    parser.add_argument("--data", help="folder of wide CSV files, or `bundled` (default: TRIALWISE_ALIEN_HUMANS)")
    parser.add_argument("--repeat", type=int, default=20, help="turns of every implementation")
    parser.add_argument("--peers", default="pytensor,jax,stan", help="comma-separated; empty for none")
    parser.add_argument("--without-trialwise", action="store_true", help="time only the other libraries")
    arguments = parser.parse_args()
    requested = [name for name in arguments.peers.split(",") if name]
    if unknown := set(requested) - set(MODULES):
        parser.error(f"unknown peers: {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}")
    folder = data_folder(arguments.data)
    with single_core():
        names = [name for name in MODULES if name in requested]
        implementations, points, trials = prepare(folder, names, not arguments.without_trialwise)
        timings = take_turns(implementations, points, arguments.repeat)
    show(
        f"value and gradient, {len(points[0])} participants, {trials} trials, one core",
        rows(implementations, timings, trials),
    )


if __name__ == "__main__":
    main()
