"""Simulation-based calibration of a fit with formulas and a hidden choice: ``python scripts/calibration_hidden_design.py [--fits 60]``.

TaskSets in two sessions each: ``alpha ~ age + session``, with the effects of alpha correlated within participants, sampled by particle Gibbs.
Writes ``docs/calibration_hidden_design.txt`` and ``docs/calibration_hidden_design.png`` when all fits are finished. They are stored in ``--work``;
after ``--minutes`` the script stops, and a second run continues.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from calibration import in_stages, report

PARTICIPANTS, TRIALS = 8, 20
FORMULAS = {"alpha": "age + session"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=2029)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("results_calibration_hidden_design"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    import trialwise as tw

    tied = {"alpha_high": "alpha", "beta_high": "beta", "forget_high": "forget"}
    learner = tw.learners.TaskSets(initial=1.2, sets=2).tie(**tied).fix(forget=0)
    people = {"participant": list(range(PARTICIPANTS)), "age": [20 + 5 * n for n in range(PARTICIPANTS)]}

    def study_of(fits: int) -> Any:
        return tw.calibrate(
            learner, tw.environments.AlienTask(trials=TRIALS), fits, people, seed=options.seed, formulas=FORMULAS, sessions=2, correlated=True,
            draws=1500, chains=2, folder=options.work, workers=options.workers, progress=False,
        )  # fmt: skip

    study = in_stages(study_of, options.fits, options.minutes)
    if study is None:
        return
    formulas = "; ".join(f"{name} ~ {right}" for name, right in FORMULAS.items())
    head = [
        f"Simulation-based calibration: {len(study.ranks)} fits of {PARTICIPANTS} agents x 2 sessions x {TRIALS} trials, by particle Gibbs",
        f"{study.learner}, {formulas}; effects of alpha correlated; default priors, from which true values are drawn",
    ]
    report(study, options.out, "calibration_hidden_design", head)


if __name__ == "__main__":
    main()
