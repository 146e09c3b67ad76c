"""Simulation-based calibration of the hierarchical fit: ``python scripts/calibration.py [--fits 200]``.

``tw.calibrate`` with a prior that is narrower than the default one, so that agents behave like human participants and not at random. Writes
``docs/calibration.txt`` and ``docs/calibration.png``. Finished fits are stored in ``--work``: a second run, or one for more fits, continues.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

PRIOR = {"alpha": (-1.5, 0.7, 0.6), "beta": (0.7, 0.5, 0.4), "forget": (-2.5, 0.7, 0.6)}
"""Normal(mean, width) of a group mean and HalfNormal(spread) of a group spread, unconstrained."""

AGENTS, PRESENTATIONS = 12, 5


def distributions(prior: dict[str, tuple[float, float, float]]) -> dict[str, Any]:
    """The prior as an argument of :func:`trialwise.calibrate` and :func:`trialwise.fit`."""
    import pymc as pm

    means = {f"{name}_mu": pm.Normal.dist(mean, width) for name, (mean, width, _) in prior.items()}
    return means | {f"{name}_sd": pm.HalfNormal.dist(spread) for name, (_, _, spread) in prior.items()}


def group_prior(prior: dict[str, tuple[float, float, float]]) -> Any:
    """The prior as a population takes it."""
    import numpy as np

    from trialwise.population.priors import GroupPrior

    return GroupPrior(*(np.array(column) for column in zip(*prior.values(), strict=True)))


def text(prior: dict[str, tuple[float, float, float]]) -> str:
    """A description of a group prior."""
    return "; ".join(f"{n}: mu ~ Normal({m}, {w}), sd ~ HalfNormal({s})" for n, (m, w, s) in prior.items())


AT_A_TIME = 5
"""Fits after which a study looks at the clock."""


def in_stages(study_of: Callable[[int], Any], fits: int, minutes: float) -> Any | None:
    """A study of so many ``fits``, which continues from its stored ones; None if the time was over before.

    ``study_of(n)`` returns the study of the first n.
    """
    start = time.monotonic()
    for done in [*range(AT_A_TIME, fits, AT_A_TIME), fits]:
        study, taken = study_of(done), (time.monotonic() - start) / 60
        print(f"{done} of {fits} fits, {taken:.1f} minutes", flush=True)
        if done < fits and taken > minutes:
            return None
    return study


def report(study: Any, folder: Path, name: str, head: list[str]) -> None:
    """Write the table and the figure, ``name.txt`` and ``name.png``; ``head`` describes what was fitted."""
    table = study.table.round(3)
    lines = [
        *head,
        f"rank of the truth among {study.total} draws, as a share: mean (wanted 0.5), share in the outer tenth on either side (wanted 0.2),",
        "largest distance of the ECDF from the diagonal; whether it leaves its own 95 % band, and that for all quantities together",
        "",
        table.to_string(),
        "",
        *study.sentences,
    ]
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    study.plot().savefig(folder / f"{name}.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--work", type=Path, default=Path("results_calibration"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    import trialwise as tw

    study = tw.calibrate(
        tw.QLearning(initial=1.2), tw.environments.AlienTask(presentations=PRESENTATIONS), options.fits, AGENTS, seed=2026,
        priors=distributions(PRIOR), draws=500, tune=300, chains=2, folder=options.work, workers=options.workers,
    )  # fmt: skip
    head = [
        f"Simulation-based calibration: {len(study.ranks)} fits of {AGENTS} agents x {PRESENTATIONS * 36} trials, {study.learner}",
        f"prior: {text(PRIOR)}",
    ]
    report(study, options.out, "calibration", head)


if __name__ == "__main__":
    main()
