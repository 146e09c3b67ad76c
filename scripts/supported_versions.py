"""Run the tests with the lowest and the newest allowed versions of dependencies: ``python scripts/supported_versions.py``.

uv creates two fresh environments: the lowest Python of ``pyproject.toml`` with the lowest allowed version of every direct
dependency, and the newest supported Python with the newest allowed versions. In each the inner loop of the tests runs, then the
README's first command with ``--quick``. Each environment has its own folder of compiled learners, so that compilation is
included in the time. Writes ``docs/supported_versions.txt``; an environment that cannot be created is recorded as not run.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from trialwise.base.files import write

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOWEST, NEWEST = PROJECT["requires-python"].removeprefix(">="), "3.13"
INNER_LOOP = "not sample and not browser and not study"


class Versions(NamedTuple):
    """An environment to test in."""

    name: str
    python: str
    resolution: str


ENVIRONMENTS = Versions("lowest", LOWEST, "lowest-direct"), Versions("newest", NEWEST, "highest")


def bounds() -> list[str]:
    """The bounds on Python and on all dependencies of users in ``pyproject.toml``."""
    optional = [each for extra in PROJECT["optional-dependencies"].values() for each in extra]
    return [f"python{PROJECT['requires-python']}", *PROJECT["dependencies"], *optional]


def run(command: Sequence[str], log: Path, folder: Path) -> tuple[int, str, float]:
    """Exit code, output and seconds of a command."""
    env = os.environ | {"TRIALWISE_CACHE": str(folder / "compiled"), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    process = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    log.write_text(process.stdout, encoding="utf-8")
    return process.returncode, process.stdout, time.perf_counter() - start


def run_tests(versions: Versions, work: Path, workers: int) -> list[str]:
    """Test one environment and return its lines of the record."""
    name, folder = versions.name, work / versions.name
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / ("venv/Scripts/python.exe" if os.name == "nt" else "venv/bin/python")

    def step(title: str, *command: str) -> tuple[int, str, float]:
        print(f"{name}: {title}", flush=True)
        result = run(command, folder / f"{title.split()[0]}.log", folder)
        print(f"{name}: {title}: exit code {result[0]}, {result[2]:.0f} s", flush=True)
        return result

    lines = [f"{name}: Python {versions.python}, resolution {versions.resolution}, {datetime.now(UTC):%Y-%m-%d}"]
    for title, command in {
        "environment": ("uv", "venv", "--clear", "--python", versions.python, str(folder / "venv")),
        "install": ("uv", "pip", "install", "--python", str(python), "--resolution", versions.resolution, "--group", "dev", "-e", "."),
    }.items():  # fmt: skip
        status, output, _ = step(title, *command)
        if status:
            return [*lines, f"  NOT RUN, {title} failed: {' '.join(output.split())[-300:]}"]
    _, interpreter, _ = step("python", str(python), "--version")
    _, output, _ = step("versions", "uv", "pip", "freeze", "--python", str(python))
    installed = dict(line.split("==") for line in output.lower().splitlines() if "==" in line)
    direct = [re.split(r"[<>=~ ]", each, maxsplit=1)[0] for each in bounds()[1:]]
    lines += [f"  {interpreter.strip()}", *(f"  {each} {installed.get(each, 'not installed')}" for each in direct)]
    status, output, seconds = step(
        "tests of the inner loop", str(python), "-m", "pytest", "-n", str(workers), "-m", INNER_LOOP, "-p", "no:cacheprovider"
    )  # fmt: skip
    counts = re.findall(r"\d+ (?:passed|failed|skipped|errors?)", (output.splitlines() or [""])[-1])
    lines.append(f"  tests: {', '.join(counts) or 'no summary'}; exit code {status}; {seconds:.0f} s")
    lines += [f"    {line}" for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
    smoke = (str(python.with_name("trialwise")), "demo", "--quick", "--quiet", "-o", str(folder / "results"))
    status, _, seconds = step("demo --quick", *smoke)
    meaning = {0: "", 5: ", diagnostics of its short chains"}.get(status, ", FAILED")
    return [*lines, f"  trialwise demo --quick: exit code {status}{meaning}; {seconds:.0f} s"]


def recorded(record: Path, versions: Versions) -> list[str]:
    """The lines of an environment in an earlier record."""
    sections = record.read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    return next(each for each in sections if each.startswith(f"{versions.name}: ")).split("\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--work", type=Path, default=Path("supported_versions_work"), help="folder for the environments"
    )
    parser.add_argument("--jobs", type=int, default=1, help="environments tested in parallel")
    parser.add_argument("--workers", type=int, default=1, help="test workers per environment")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "supported_versions.txt")
    parser.add_argument(
        "--only", choices=[each.name for each in ENVIRONMENTS], help="leave the record of the other as it is"
    )
    options = parser.parse_args()
    chosen = [each for each in ENVIRONMENTS if options.only in (None, each.name)]
    with ThreadPoolExecutor(options.jobs) as pool:
        run = dict(
            zip(
                chosen,
                pool.map(lambda each: run_tests(each, options.work.absolute(), options.workers), chosen),
                strict=True,
            )
        )
    results = [run[each] if each in run else recorded(options.out, each) for each in ENVIRONMENTS]
    head = [
        f"Tests with the lowest and the newest allowed versions, {platform.system()} {platform.machine()}",
        f"Bounds: {', '.join(bounds())}",
        f"Seconds include compilation of learners that this environment had not compiled before; {options.jobs} environments at the same time, {options.workers} workers each",
    ]
    text = "\n".join([*head, *(line for lines in results for line in ("", *lines))]) + "\n"
    write(options.out, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
