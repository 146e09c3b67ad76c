"""Simulation-based calibration of a fit with formulas: ``python scripts/calibration_designs.py [--fits 200]``.

Two groups of participants with two sessions each: ``alpha ~ group + session``, ``beta ~ session``, with the values of both parameters in
sessions correlated within participants. Writes ``docs/calibration_designs.txt`` and ``docs/calibration_designs.png``. Finished fits are
stored in ``--work``: a second run, or one for more fits, continues.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from calibration import report

PARTICIPANTS, TRIALS, SEED = 20, 100, 2027
FORMULAS = {"alpha": "group + session", "beta": "session"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--work", type=Path, default=Path("results_calibration"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    import trialwise as tw

    people = {"participant": list(range(PARTICIPANTS)), "group": ["patient", "control"] * (PARTICIPANTS // 2)}
    study = tw.calibrate(
        tw.QLearning().fix(forget=0), tw.environments.ProbabilisticReversal(trials=TRIALS), options.fits, people, seed=SEED,
        formulas=FORMULAS, sessions=2, correlated=True, draws=500, tune=300, chains=2, folder=options.work, workers=options.workers,
    )  # fmt: skip
    formulas = "; ".join(f"{name} ~ {right}" for name, right in FORMULAS.items())
    head = [
        f"Simulation-based calibration: {len(study.ranks)} fits of {PARTICIPANTS} agents in two groups x 2 sessions x {TRIALS} trials",
        f"{study.learner}, {formulas}; effects of each parameter correlated; default priors, from which true values are drawn",
    ]
    report(study, options.out, "calibration_designs", head)


if __name__ == "__main__":
    main()
