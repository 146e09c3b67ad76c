"""Posterior predictive checks of the fits to the human data: ``python scripts/human_checks.py FOLDER --work F``.

The fits of ``scripts/human_task_sets.py`` are loaded from its ``--work`` folder. Agents drawn from each
posterior are simulated in the alien task with the participants' sequences of trials, and every measure of behaviour is compared with the
participants'; learners are then compared by held-out participants and by later trials. Writes ``docs/human_checks.txt`` and, for each learner,
``docs/human_checks_*.png``.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

AFTER = [f"{kind} context, trial {k} after a switch" for k in (1, 2, 3, 4) for kind in ("current", "previous")]
"""Accuracy and perseveration after a switch."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, default=Path("results_alien"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    parser.add_argument("--draws", type=int, default=200)
    options = parser.parse_args()

    import trialwise as tw

    fits = {name: tw.load(options.work / f"{name}.nc") for name in ("QLearning", "TaskSets")}
    trials = tw.read_wide(options.folder)
    lines = [
        f"{trials.n_participants} people, {trials.n_trials} trials; {options.draws} simulated data sets of each fit"
    ]
    for name, fit in fits.items():
        start = time.perf_counter()
        result = tw.check(fit, tw.environments.AlienTask(), datasets=options.draws, seed=1, progress=False)
        result.plot().savefig(options.out / f"human_checks_{name}.png", dpi=90)
        lines += [
            "",
            f"{fit.learner!r}: {len(result.missed)} of {len(result.table)} measures outside the 89 % interval; "
            f"{time.perf_counter() - start:.0f} s",
            "",
            result.table.loc[AFTER].round(3).to_string(),
            "",
            "outside the interval, the farthest first:",
            result.missed.head(12).round(3).to_string(),
        ]
    for method in ("participant", "future"):
        start = time.perf_counter()
        comparison = tw.compare(fits, method, seed=1, progress=False)
        lines += ["", repr(comparison), f"{time.perf_counter() - start:.0f} s"]
    lines += ["", f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"]
    text = "\n".join(lines) + "\n"
    (options.out / "human_checks.txt").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
