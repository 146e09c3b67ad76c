"""Checks at the true parameters: ``python scripts/check_tails.py [--sets 200]``.

A check compares observed behaviour with data sets predicted by a learner. If the learner and its parameters are those that produced the
data, the observed value of each measure is one more draw from the same distribution, and its rank among the predicted values is uniform.
Here, data sets are simulated with parameters that differ between agents, and each is checked at exactly these parameters, without a fit:
``observed_and_predicted`` is what ``tw.check`` itself runs. The ranks of every measure over the data sets are compared with the simultaneous
band of the ECDF of uniform values. Writes ``docs/check_tails.txt``; finished parts are stored in ``--work``: a second run continues.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import trialwise as tw
from trialwise.analysis.predict import Kind, Prediction
from trialwise.analysis.replicated import observed_and_predicted
from trialwise.base.files import write
from trialwise.base.streams import stream
from trialwise.studies.ranks import PROBABILITY, ecdf, simultaneous_band

SECONDS = "seconds of processor time"
"""A column of the finished parts."""

TRIES = 100_000
"""Simulations behind a band: the band of one measure among several hundred is far out in the tail."""


REDRAWS = 4
"""Predicted data sets of each check: ranks among few are as uniform as among many."""


class Task(NamedTuple):
    """A learner in an environment, the ranges of its agents' parameters, and the size of a data set."""

    learner: Any
    environment: Any
    ranges: Mapping[str, tuple[float, float]]
    agents: int = 20


TASKS = {
    "reversal": Task(
        tw.QLearning(initial=0.5),
        tw.environments.ProbabilisticReversal(),
        {"alpha": (0.2, 0.6), "beta": (2.0, 6.0), "forget": (0.0, 0.1)},
    ),
    "alien task": Task(
        tw.QLearning(initial=1.2),
        tw.environments.AlienTask(trials=440),
        {"alpha": (0.05, 0.3), "beta": (1.0, 3.0), "forget": (0.0, 0.05)},
    ),
    "alien experiment": Task(
        tw.learners.AlienQLearning(),
        tw.environments.AlienExperiment(phases=("initial", "hidden", "comparison", "novel")),
        {"alpha": (0.05, 0.3), "beta": (1.0, 3.0), "forget": (0.0, 0.02), "beta_high": (0.5, 2.0), "beta_test": (0.5, 2.0)},
        agents=10,
    ),
    "two-step": Task(
        tw.learners.HybridTwoStep(),
        tw.environments.TwoStepTask(),
        {
            "alpha": (0.3, 0.7), "alpha_second": (0.3, 0.7), "beta": (2.0, 5.0), "beta_second": (2.0, 5.0), "omega": (0.0, 1.0),
            "trace": (0.3, 0.9), "perseveration": (0.0, 0.5),
        },
    ),
    "conditioning": Task(
        tw.learners.RescorlaWagner(),
        tw.environments.Conditioning(60, 40, 24),
        {"alpha": (0.2, 0.5), "intercept": (0.0, 1.0), "slope": (0.5, 1.5), "noise": (0.2, 0.4)},
    ),
}  # fmt: skip


Measures = Callable[[tw.Trials], pd.DataFrame]


def measures_of(task: Task, trials: tw.Trials, kind: Kind) -> Measures | None:
    """The measures of a check: the default ones, one step ahead those of correct choices too, as ``check`` describes it."""
    means = task.environment.mean_rewards
    return (
        partial(tw.behaviour.measured, means=means, past=trials) if kind == "one-step" and means is not None else None
    )


def share_below(observed: float, predicted: np.ndarray, random: np.random.Generator) -> float:
    """The rank of the observed value among the predicted ones from 0 to 1, ties in random order; NaN if it is undefined."""
    defined = predicted[~np.isnan(predicted)]
    if np.isnan(observed) or not len(defined):
        return np.nan
    below, equal = (defined < observed).sum(), (defined == observed).sum()
    return float((below + random.random() * (equal + 1)) / (len(defined) + 1))


def ranks(task: Task, kind: Kind, sets: int, redraws: int = REDRAWS, measures: Measures | None = None) -> pd.DataFrame:
    """A row a data set, a column a measure: the rank of its observed value, from 0 to 1."""
    rows = []
    for number in range(sets):
        data = tw.simulate(task.learner, task.environment, task.ranges, number, task.agents)
        values = {name: data.parameters[name].to_numpy() for name in task.learner.names}
        place = data.trials if kind == "one-step" else task.environment.on(data.trials)
        labels = list(data.trials.participants)
        predictions = Prediction(kind, task.learner, [values] * redraws, place, labels, number)
        observed, predicted = observed_and_predicted(
            data.trials, predictions, measures or measures_of(task, data.trials, kind)
        )
        random = stream(0, "ranks within their bins", kind, number)
        rows.append({name: share_below(value, predicted[name].to_numpy(), random) for name, value in observed.items()})
    return pd.DataFrame(rows)


def table(found: Mapping[tuple[str, Kind], pd.DataFrame], tries: int = TRIES) -> pd.DataFrame:
    """A row a task, kind and measure: whether the ECDF of its ranks stays inside its own band and inside that for all together.

    The band for all together contains a single ECDF with the probability ``PROBABILITY ** (1 / rows)``: all of them, if they were
    independent; measures of one data set are correlated, so that all are inside at least as often.
    """
    columns = [(*key, str(name), frame[name].dropna().to_numpy()) for key, frame in found.items() for name in frame]
    columns = [each for each in columns if len(each[-1]) > 1]
    rows = []
    for task, kind, measure, values in columns:
        alone = simultaneous_band(len(values), PROBABILITY, tries)
        family = simultaneous_band(len(values), PROBABILITY ** (1 / len(columns)), tries)
        heights = ecdf(values, alone.x)
        rows.append(
            {
                "task": task,
                "kind": kind,
                "measure": measure,
                "data sets": len(values),
                "mean": values.mean(),
                "deviation": np.abs(heights - alone.x).max(),
                "inside its own band": alone.contains(heights),
                "inside the family's": family.contains(heights),
            }
        )
    return pd.DataFrame(rows)


def report(rows: pd.DataFrame, sets: int, minutes: float) -> str:
    """The text of ``docs/check_tails.txt``."""
    agents = ", ".join(f"{name} {task.agents}" for name, task in TASKS.items())
    own, family = (~rows[name] for name in ("inside its own band", "inside the family's"))
    words = rows.assign(**{name: np.where(rows[name], "yes", "NO") for name in rows.columns[-2:]})
    lines = [
        f"Ranks of observed measures among those predicted at the true parameters, over {sets} data sets of each task",
        f"{REDRAWS} predicted data sets each; agents of a data set: {agents}; {minutes:.0f} minutes of processor time",
        f"deviation: largest distance of the ECDF of the ranks from that of uniform values; bands of {PROBABILITY:.0%}: a measure's own, and",
        f"that for all {len(rows)} rows together, if they were independent",
        f"outside their own band: {own.sum()} of {len(rows)} rows (expected {(1 - PROBABILITY) * len(rows):.0f}); outside the family's: {family.sum()}",
        f"mean rank over all rows: {rows['mean'].mean():.3f} (expected 0.500)",
        "",
        words.round(3).to_string(index=False),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200, help="data sets of each task")
    parser.add_argument("--work", type=Path, default=Path("check_tails_work"), help="folder for finished parts")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs" / "check_tails.txt")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[str, Kind], pd.DataFrame] = {}
    kinds: tuple[Kind, ...] = ("one-step", "rollout")
    for name, kind in itertools.product(TASKS, kinds):
        file = options.work / f"{name.replace(' ', '_')}_{kind}_{options.sets}.csv"
        if not file.exists():
            start = time.process_time()
            part = ranks(TASKS[name], kind, options.sets)
            part[SECONDS] = time.process_time() - start
            write(file, part.to_csv(index=False))
        found[name, kind] = pd.read_csv(file)
        sys.stderr.write(f"{name}, {kind}: {found[name, kind][SECONDS].iloc[0]:.0f} s\n")
    minutes = sum(part.pop(SECONDS).iloc[0] for part in found.values()) / 60
    text = report(table(found), options.sets, minutes)
    write(options.out, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
