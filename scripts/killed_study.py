"""Does a study that is killed repeatedly give the results of an uninterrupted one? ``python scripts/killed_study.py [--kills 10]``.

A recovery study of 200 small fits runs in a separate process and is killed (SIGKILL, which cannot be caught) at a random
moment, ten times; then it runs to completion. The tables must equal those of an uninterrupted study to the last bit.
No piece that a killed process had finished may be lost or repeated: a piece records its duration, so that a repeated
piece would be a different file.

Writes ``docs/killed_study.txt``. Both studies are stored in ``--work``; an earlier killed study in that folder is deleted.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    import trialwise as tw


def study(folder: Path, datasets: int, workers: int | None) -> tw.results.Recovery:
    """The study: seven agents of 60 trials, short fits."""
    import trialwise as tw

    ranges = {"alpha": (0.05, 0.5), "beta": (1, 4), "forget": (0, 0.1)}
    return tw.recover(
        tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=60), ranges, datasets, participants=7, seed=2026,
        draws=100, tune=100, chains=2, folder=folder, workers=workers, progress=False,
    )  # fmt: skip


def pieces(folder: Path) -> dict[str, str]:
    """A hash of each finished piece."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("pieces/*/*.npz")}


def orphans(folder: Path) -> int:
    """The number of processes still running the study (where the system can list them)."""
    count = 0
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # another user's process, or one that has ended
            count += str(folder).encode() in path.read_bytes()
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--longest", type=float, default=20.0, help="Seconds until a kill, at most.")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--work", type=Path, default=Path("results_killed"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        study(options.run, options.fits, options.workers)
        return
    killed, whole = options.work.absolute() / "killed", options.work.absolute() / "whole"
    shutil.rmtree(killed, ignore_errors=True)
    random_numbers, stored, kills = random.Random(1), {}, []
    command = [
        *sys.orig_argv[1 : sys.orig_argv.index(sys.argv[0]) + 1],
        "--fits",
        str(options.fits),
        "--run",
        str(killed),
    ]
    if options.workers:
        command += ["--workers", str(options.workers)]
    for number in range(1, options.kills + 1):
        process = subprocess.Popen([sys.executable, *command], env=os.environ | {"KILLED_STUDY": str(killed)})
        delay = random_numbers.uniform(0.0, options.longest)
        time.sleep(delay)
        if process.poll() is not None:
            sys.exit(f"the study ended by itself, status {process.returncode}, before kill {number}: more --fits")
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(1.0)
        current, left = pieces(killed), orphans(killed)
        kills.append(f"kill {number:2d} after {delay:4.1f} s: {len(current):3d} pieces, {left} processes left")
        print(kills[-1], flush=True)
        assert all(current.get(name) == digest for name, digest in stored.items()), (
            "a finished piece was lost or repeated"
        )
        assert not left, "processes of a killed study are still running"
        stored = current
    resumed = study(killed, options.fits, options.workers)
    final = pieces(killed)
    assert all(final.get(name) == digest for name, digest in stored.items()), "a finished piece was lost or repeated"
    uninterrupted = study(whole, options.fits, options.workers)
    same = resumed.table.equals(uninterrupted.table) and resumed.points.equals(uninterrupted.points)
    lines = [
        f"A recovery study of {options.fits} fits, killed {options.kills} times at random moments, and the same done at one go",
        *kills,
        f"then let finish: {len(final)} pieces; all {len(stored)} of killed processes kept as they were, none done again",
        f"tables and points {'equal to the last bit' if same else 'DIFFER'}",
        "",
        resumed.table.round(3).to_string(),
    ]
    print("\n".join(lines))
    assert same and len(final) == options.fits
    (options.out / "killed_study.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
