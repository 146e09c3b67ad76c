"""What happens to damaged files and killed commands: ``python scripts/damage.py [--tables 10000] [--fits 2000] [--kills 20]``.

* Tables: bytes of a table of 4 participants are replaced, inserted, deleted or cut off outside its header. A damaged table must be refused with the
  project's own error, or read so that every line that was not touched has its own participant, trial, cue, choice and outcome, by a
  reading of the text with plain Python.
* Fits: bytes of a saved fit are changed, or its end is missing. It must be refused with the project's own error, or hold the same numbers.
* Kills: ``trialwise fit -o FOLDER`` into a folder with an older result is killed (SIGKILL) at random moments. Afterwards the folder must hold
  the old or the new result, or be refused by readers.

Writes ``docs/damage.txt``.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import trialwise as tw

HEADER = "participant,trial,block,cue,choice,outcome"
LINES = [
    f"p{n},{t},{'early' if t < 6 else 'late'},{['sun', 'moon', 'star'][(n + t) % 3]},{['left', 'right'][(n * t) % 2]},{(n + 3 * t) % 7 / 4}"
    for n in range(1, 5)
    for t in range(1, 11)
]
"""The undamaged table."""

BYTES = [
    b'"',
    b"\0",
    b"\n",
    b",",
    b"\xff",
    b"\r",
    b";",
    b"\t",
    b" ",
    b"#",
    b"-",
    b"1",
    b"9",
    b"a",
    b".",
    b"'",
    b"=",
    b"\xc3\xa9",
]


def values(line: str) -> tuple[Any, ...]:
    """A line of the table, read by hand."""
    participant, trial, block, cue, choice, outcome = line.split(",")
    return participant, int(trial), block, cue, choice, float(outcome)


def damaged(rng: random.Random) -> tuple[bytes, list[str]]:
    """A damaged table, and the lines of which no byte was touched, nor the line break before or after them."""
    lines = list(LINES)
    text = bytearray("\n".join([HEADER, *lines, ""]).encode())
    owner = [-1] * (len(HEADER) + 1)  # the line of each byte
    for number, line in enumerate(lines):
        owner += [number] * (len(line) + 1)
    touched: set[int] = set()
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(HEADER) + 1, len(text))
        touched.add(owner[place])
        if chr(text[place]) == "\n":
            touched.add(owner[place] + 1)
        change, inserted = rng.choice(["replace", "insert", "delete", "cut"]), rng.choice(BYTES)
        if change == "cut" and rng.random() < 0.2:
            touched |= set(range(owner[place], len(lines)))
            del text[place:], owner[place:]
        elif change == "replace":
            text[place : place + len(inserted)] = inserted
            owner[place : place + len(inserted)] = [owner[place]] * len(inserted)
        elif change == "insert":
            text[place:place] = inserted
            owner[place:place] = [owner[place]] * len(inserted)
        elif change == "delete":
            del text[place], owner[place]
        if len(text) <= len(HEADER) + 2:
            break
    return bytes(text), [line for number, line in enumerate(lines) if number not in touched]


def tables(count: int, folder: Path) -> Counter[str]:
    """What became of damaged tables."""
    results: Counter[str] = Counter()
    for number in range(count):
        rng = random.Random(number)
        content, whole = damaged(rng)
        path = folder / "trials.csv"
        path.write_bytes(content)
        try:
            trials = tw.read_long(path)
        except tw.errors.TrialwiseError:
            results["refused"] += 1
            continue
        except Exception as error:
            results[f"FOREIGN {type(error).__name__}"] += 1
            print("table", number, repr(error), flush=True)
            continue
        lost = set(map(values, whole)) - as_read(trials)
        if lost:
            results["MISREAD"] += 1
            print("table", number, sorted(lost)[:3], [str(note) for note in trials.notes], flush=True)
        else:
            results["untouched lines read as they were"] += 1
    return results


def as_read(trials: Any) -> set[tuple[Any, ...]]:
    """Rows of the trials in the form of :func:`values`."""
    frame = trials.to_frame(inputs=True)
    levels = trials.levels
    rows = set()
    for _, row in frame.iterrows():
        try:
            choice = (
                levels["action"][int(row["choice"])]
                if isinstance(row["choice"], int | np.integer | float)
                else row["choice"]
            )
            rows.add(
                (
                    str(row["participant"]),
                    int(float(row["trial"])),
                    str(row["block"]),
                    str(row["cue"]),
                    str(choice),
                    float(row["outcome"]),
                )
            )
        except (TypeError, ValueError, KeyError):
            continue
    return rows


def saved_fit(folder: Path) -> tuple[Any, bytes]:
    """A small fit, and the bytes of its file."""
    trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(20)
    fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=20, tune=30, chains=2, progress=False, seed=1)
    fit.save(folder / "fit.nc")
    return fit, (folder / "fit.nc").read_bytes()


def fits(count: int, folder: Path) -> Counter[str]:
    """What became of damaged fits."""
    fit, good = saved_fit(folder)
    results: Counter[str] = Counter()
    for number in range(count):
        rng = random.Random(number)
        content = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            content[rng.randrange(len(content))] ^= rng.randint(1, 255)
        if rng.random() < 0.3:
            content = content[: rng.randrange(len(content))]
        path = folder / "damaged.nc"
        path.write_bytes(content)
        try:
            loaded = tw.load(path)
        except tw.errors.TrialwiseError:
            results["refused"] += 1
        except Exception as error:
            results[f"FOREIGN {type(error).__name__}"] += 1
            print("fit", number, repr(error), flush=True)
        else:
            results["the same numbers" if same(loaded, fit) else "OTHER NUMBERS"] += 1
    return results


def same(a: Any, b: Any) -> bool:
    """Whether two fits hold the same numbers."""
    return all(
        np.array_equal(a.tree[group][name], b.tree[group][name], equal_nan=True)
        for group in ("posterior", "sample_stats", "observed_data", "constant_data")
        for name in b.tree[group].data_vars
    )


def kills(count: int, folder: Path) -> Counter[str]:
    """What a folder holds after ``trialwise fit`` was killed at a random moment."""
    data = folder / "trials.csv"
    data.write_text("\n".join([HEADER, *LINES, ""]))

    def command(seed: int) -> list[str]:
        options = f"--draws 20 --tune 30 --chains 2 --seed {seed} --set initial=0.5 -o {folder / 'results'}"
        return [
            sys.executable,
            "-c",
            "from trialwise.cli import main; main()",
            "fit",
            "QLearning",
            str(data),
            *options.split(),
        ]

    quiet: dict[str, Any] = {
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "env": os.environ | {"PYTHONWARNINGS": "ignore"},
    }
    start = time.perf_counter()
    subprocess.run(command(0), check=False, **quiet)
    seconds = time.perf_counter() - start
    results: Counter[str] = Counter()
    current = 0
    for number in range(1, count + 1):
        process = subprocess.Popen(command(number), **quiet)
        moment = random.Random(number).uniform(0.0 if number % 2 else 0.7, 1.05) * seconds
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        current = state(folder / "results", results, current, number)
    return results


def state(folder: Path, results: Counter[str], before: int, after: int) -> int:
    """Note whether the files are of the earlier run, of the killed one, or refused; returns the seed of the run that is there."""
    try:
        fit = tw.load(folder / "fit.nc")
        summary = (folder / "model_summary.csv").read_text()
    except tw.errors.TrialwiseError:
        results["refused as mixed"] += 1
        return before
    seed = int(fit.attrs["seed"])
    mean = float(fit.tree["posterior"]["alpha_mu"].mean())
    whole = any(
        line.startswith("alpha_mu,") and abs(float(line.split(",")[1]) - mean) < 1e-3 * max(1, abs(mean))
        for line in summary.splitlines()
    )
    if not whole or seed not in (before, after):
        results["MIXED"] += 1
    else:
        results["the earlier result" if seed == before else "the new result"] += 1
    return seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, default=10_000)
    parser.add_argument("--fits", type=int, default=2_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    lines = ["Damaged files and killed commands. What must not occur is written in capitals.", ""]
    with tempfile.TemporaryDirectory() as name:
        for title, study, count in (
            ("damaged tables", tables, options.tables),
            ("damaged fits", fits, options.fits),
            ("fit -o, killed at random moments", kills, options.kills),
        ):
            results = study(count, Path(name))
            lines.append(
                f"{title}: {count}; " + ", ".join(f"{what} {number}" for what, number in results.most_common())
            )
            print(lines[-1], flush=True)
    options.out.mkdir(exist_ok=True)
    (options.out / "damage.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
