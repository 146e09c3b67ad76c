"""Simulate the data sets bundled with trialwise: ``python scripts/make_bundled_data.py [folder]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from trialwise.environments import AlienTask
from trialwise.environments.simulate import simulate
from trialwise.learners import QLearning, TaskSets

BUNDLED = Path(__file__).resolve().parents[1] / "src" / "trialwise" / "data" / "bundled"


def make(folder: Path) -> None:
    """Write each data set to a folder of the same name."""
    flat = simulate(
        QLearning(initial=1.2),
        AlienTask(trials=440),
        {"alpha": (0, 0.2), "beta": (1, 5), "forget": (0, 0.1)},
        seed=1735,
        participants=30,
    )
    flat.save(folder / "alien_flat")
    low, high = (0, 0.2), (1, 5)
    sets = simulate(
        TaskSets(initial=1.2),
        AlienTask(trials=440),
        {
            "alpha": low, "beta": high, "forget": (0, 0.1),
            "alpha_high": low, "beta_high": high, "forget_high": (0, 0.1),
        },
        seed=1735,
        participants=30,
    )  # fmt: skip
    sets.save(folder / "alien_task_sets")
    for name in ("alien_flat", "alien_task_sets"):
        (folder / name / "levels.json").write_text(json.dumps(AlienTask.levels) + "\n")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else BUNDLED)
