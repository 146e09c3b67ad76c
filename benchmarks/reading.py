"""Seconds that tables take to be read: `python -m benchmarks.reading [--participants N] [--other PYTHON]`.

Tables of simulated choices are written to a temporary folder and read in new processes, in turns with those of another interpreter
(`--other /path/to/checkout/.venv/bin/python`), so that both meet the same load of the machine. Each process reads a small table
first; seconds are processor time of the calls alone.
"""

from __future__ import annotations

import argparse
import inspect
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

TRIALS = 100
"""Trials per participant."""


def write_tables(folder: Path, participants: int) -> None:
    """Long tables with one row per trial, and wide ones with one column per participant."""
    random, rows = np.random.default_rng(0), participants * TRIALS
    names = [f"s{n:05d}" for n in range(participants)]
    table = pd.DataFrame(
        {
            "subjID": np.repeat(names, TRIALS),
            "trial": np.tile(np.arange(1, TRIALS + 1), participants),
            "cue": random.choice(["A", "B", "C"], rows),
            "choice": random.choice(["left", "right"], rows),
            "reward": random.integers(0, 2, rows),
            "rt": np.round(random.gamma(4, 0.15, rows) + 0.2, 3),
        }
    )
    table.to_csv(folder / "plain.csv", index=False)
    table.to_csv(folder / "plain.csv.gz", index=False)
    table.to_csv(folder / "quoted.csv", quoting=2)  # with row numbers in front, as R writes
    table.sample(frac=1, random_state=1).to_csv(folder / "shuffled.csv", index=False)
    table.assign(rt=random.gamma(4, 0.15, rows), reward=random.normal(size=rows)).to_csv(
        folder / "all digits.csv", index=False
    )
    (folder / "wide").mkdir()
    for name, column in (("choices", "choice"), ("rewards", "reward")):
        cells = table[column].to_numpy().reshape(participants, TRIALS).T
        pd.DataFrame(cells, columns=names).to_csv(folder / "wide" / f"{name}.csv", index=False)


def seconds_of_reading(folder: Path) -> dict[str, float]:
    """Read every table of the folder once."""
    import trialwise as tw

    tw.read_long(pd.DataFrame({"subjID": [1, 1], "trial": [1, 2], "choice": ["left", "right"]}))
    frame = pd.read_csv(folder / "plain.csv")
    calls = {"DataFrame": lambda: tw.read_long(frame), "wide": lambda: tw.read_wide(folder / "wide")}
    calls |= {path.name: lambda path=path: tw.read_long(path) for path in sorted(folder.glob("*.csv*"))}
    if "where" in inspect.signature(tw.read_long).parameters:  # older versions have no conditions
        calls["where"] = lambda: tw.read_long(frame, where="cue == 'A' or rt < 1")
    seconds = {}
    for name, call in calls.items():
        start = time.process_time()
        call()
        seconds[name] = time.process_time() - start
    return seconds


def main() -> None:
    """Print one row per table: the median over all turns, and the ratio of the other's median to it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, default=5000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--other", help="an interpreter in which another version of trialwise is installed")
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(seconds_of_reading(options.once)))
        return
    interpreters = [sys.executable] + [options.other] * bool(options.other)
    runs: dict[str, list[dict[str, float]]] = {python: [] for python in interpreters}
    with tempfile.TemporaryDirectory() as folder:
        write_tables(Path(folder), options.participants)
        for _ in range(options.turns):
            for python in interpreters:
                call = [python, str(Path(__file__).resolve()), "--once", folder]
                runs[python].append(json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout))
    print(f"{options.participants} participants x {TRIALS} trials, medians of {options.turns} turns")
    for name in runs[sys.executable][0]:
        own, *others = [runs[python] for python in interpreters if name in runs[python][0]]
        medians = [statistics.median(run[name] for run in each) for each in (own, *others)]
        other = f"   other {medians[1]:8.2f} s   ratio {medians[1] / medians[0]:6.1f}" if others else ""
        print(f"{name:16s} {medians[0]:8.2f} s{other}")


if __name__ == "__main__":
    main()
