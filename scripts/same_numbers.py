"""Are the numbers the same before and after a change? ``python scripts/same_numbers.py record BEFORE.npz``, then ``compare BEFORE.npz``.

Likelihoods, gradients, trial-wise values, flat and hidden-choice draws, simulations, checks, comparisons and studies for fixed
seeds. ``compare`` prints a line a case: equal to the last bit, or the largest relative difference. It ends with an error if a case
differs by more than ``--tolerance`` (0, which asks for equality to the last bit) or is missing.

The last bits depend on processor and versions: record and compare on one machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import trialwise as tw
from trialwise import environments as places, learners as shelf

QUIET = {"progress": False}
FLAT = {"alpha": (0.05, 0.4), "beta": (1, 3), "forget": (0, 0.1)}
SETS = {"alpha": (0.1, 0.5), "beta": (0.8, 2.5), "forget": (0.0, 0.1)}


def numbers(name: str, estimate: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The numeric arrays of a result, named: of a table each numeric column, of a mapping or sequence each member."""
    import pandas as pd

    if isinstance(estimate, pd.DataFrame):
        for column in estimate.columns:
            values = estimate[column].to_numpy()
            if values.dtype.kind in "fiub":
                yield f"{name}/{column}", values
    elif isinstance(estimate, pd.Series):
        yield name, estimate.to_numpy()
    elif isinstance(estimate, dict):
        for key, value in estimate.items():
            yield from numbers(f"{name}/{key}", value)
    elif isinstance(estimate, tuple | list) and not all(np.isscalar(each) for each in estimate):
        for k, value in enumerate(estimate):
            yield from numbers(f"{name}/{k}", value)
    else:
        yield name, np.asarray(estimate)


def ranges(bounds: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Uniform distributions."""
    from scipy.stats import uniform

    return {name: uniform(low, high - low) for name, (low, high) in bounds.items()}


def middle(learner: Any, people: int) -> dict[str, np.ndarray]:
    """Parameters of each participant, spread around 0 on the unconstrained scale."""
    u = np.linspace(-1.2, 0.4, people)
    return {each.name: each.constrain(u + 0.1 * k) for k, each in enumerate(learner.parameters)}


def draws(fit: Any) -> dict[str, np.ndarray]:
    """The posterior of a fit."""
    return {str(name): values.to_numpy() for name, values in fit.tree["posterior"].data_vars.items()}


def likelihoods() -> Iterator[tuple[str, Any]]:
    """Every built-in learner on trials that it simulated."""
    alien, whole = places.AlienTask(trials=60), places.AlienExperiment()
    rows = {
        "QLearning": (shelf.QLearning(initial=1.2), alien),
        "QLearning tied": (shelf.QLearning(initial=1.2).tie(forget="alpha").with_lapse().with_stickiness(), alien),
        "StimulusLearning": (shelf.StimulusLearning(), alien),
        "TaskSets": (shelf.TaskSets(initial=1.2), alien),
        "HierarchicalBayes": (shelf.HierarchicalBayes(), alien),
        "MixedTaskSets": (shelf.MixedTaskSets(), alien),
        "HybridTwoStep": (shelf.HybridTwoStep(), places.TwoStepTask()),
        "RescorlaWagner": (shelf.RescorlaWagner(), places.Conditioning()),
        "PearceHall": (shelf.PearceHall(), places.Conditioning()),
        "QLearning bandit": (shelf.QLearning(), places.RestlessBandit()),
        "QLearning reversal": (shelf.QLearning(), places.ProbabilisticReversal()),
        "AlienQLearning": (shelf.AlienQLearning(), whole),
        "AlienTaskSets": (shelf.AlienTaskSets(), whole),
    }
    for name, (learner, place) in rows.items():
        at = middle(learner, 3)
        simulated = tw.simulate(learner, place, at, seed=4, participants=3)
        yield f"simulate {name}", simulated.trials.to_frame()
        yield f"simulate {name} log_probability", simulated.log_probability
        hidden = {"particles": 30, "seed": 3} if "hide" in learner.methods else {}
        yield f"log_likelihood {name}", tw.log_likelihood(learner, simulated.trials, at, **hidden)
        if not hidden:
            value, slope = tw.log_likelihood(learner, simulated.trials, at, gradient=True)
            yield f"gradient {name}", {"value": value, **slope} if isinstance(slope, dict) else [value, slope]
        yield f"trial_values {name}", tw.trial_values(learner, simulated.trials, at)


def fits() -> Iterator[tuple[str, Any]]:
    """Flat and hidden-choice draws, and results computed from them."""
    alien = places.AlienTask(trials=60)
    learner = shelf.QLearning(initial=1.2)
    simulated = tw.simulate(learner, alien, ranges(FLAT), participants=6, seed=3)
    yield "simulate ranges", simulated.parameters
    estimate = {}
    for pooling in ("partial", "none", "complete"):
        fit = tw.fit(learner, simulated.trials, draws=150, tune=150, chains=2, seed=11, pooling=pooling, **QUIET)
        estimate[pooling] = fit
        yield f"fit {pooling}", draws(fit)
        yield f"fit {pooling} summary", fit.summary()
    fit = estimate["partial"]
    yield "fit trial_values", fit.trial_values()
    point = tw.point(learner, simulated.trials)
    yield "point", point.maximum_likelihood
    checked = tw.check(fit, alien, datasets=10)
    yield "check rollout", checked.table
    yield "check one-step", tw.check(fit, datasets=10).table
    yield (
        "predict prior",
        [each.to_frame() for each in tw.predict(learner, "rollout", alien, datasets=2, participants=2)],
    )
    text = tw.diagnose(fit)
    yield "diagnose", text.table
    tied = tw.fit(learner.tie(forget="alpha"), simulated.trials, draws=150, tune=150, chains=2, seed=11, **QUIET)
    for method in ("participant", "future", "trial"):
        compared = tw.compare({"free": fit, "tied": tied}, method, draws=100, **QUIET)
        yield f"compare {method}", compared.table

    sets = shelf.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
    few = tw.simulate(sets, places.AlienTask(trials=40), ranges(SETS), participants=3, seed=6)
    yield "simulate hidden", few.trials.to_frame()
    yield "simulate hidden choices", few.hidden
    for pooling in ("partial", "none"):
        fit = tw.fit(sets, few.trials, draws=30, chains=2, seed=1, pooling=pooling, **QUIET)
        yield f"fit hidden {pooling}", draws(fit)
        yield f"fit hidden {pooling} trial_values", fit.trial_values()
    checked = tw.check(fit, places.AlienTask(trials=40), datasets=6)
    yield "check hidden", checked.table


def studies() -> Iterator[tuple[str, Any]]:
    """Small studies, one process."""
    place, learner = places.AlienTask(trials=40), shelf.QLearning(initial=1.2)
    short = {"draws": 80, "tune": 80, "chains": 2}
    alone = {"workers": 1, "progress": False}
    for name, truth in (("ranges", ranges(FLAT)), ("prior", None)):
        recovered = tw.recover(learner, place, truth, 2, participants=4, seed=5, **short, **alone)
        yield f"recover {name} points", recovered.points
        yield f"recover {name} pairs", recovered.pairs
    calibrated = tw.calibrate(learner, place, 3, participants=3, seed=5, ranks=20, **short, **alone)
    yield "calibrate", calibrated.ranks
    learners = [shelf.QLearning(), shelf.StimulusLearning()]
    confused = tw.confuse(learners, place, None, 2, participants=3, seed=5, **alone)
    yield "confuse", confused.confusion


def every() -> dict[str, np.ndarray]:
    """All cases by name."""
    estimate: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.setdefault("TRIALWISE_STUDIES", folder)
        for part in (likelihoods, fits, studies):
            for name, result in part():
                print(name, flush=True)
                estimate |= dict(numbers(name, result))
    return estimate


def difference(before: np.ndarray, after: np.ndarray) -> float:
    """The largest relative difference; 0 only for equality to the last bit; infinite for other shapes or gaps."""
    if before.dtype == after.dtype and before.shape == after.shape and before.tobytes() == after.tobytes():
        return 0.0
    if before.shape != after.shape or before.dtype.kind not in "fiub":
        return float("inf")
    one, two = before.astype(float), after.astype(float)
    if (np.isnan(one) != np.isnan(two)).any():
        return float("inf")
    apart = np.abs(one - two) / np.maximum(np.maximum(np.abs(one), np.abs(two)), 1e-300)
    return float(np.nanmax(np.where(one == two, 5e-324, apart), initial=5e-324))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=["record", "compare"])
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--tolerance", type=float, default=0.0, help="Largest relative difference allowed; 0: none at all."
    )
    asked = parser.parse_args()
    estimate = every()
    if asked.do == "record":
        with open(asked.file, "wb") as file:
            np.savez_compressed(file, **{name.replace("/", "|"): values for name, values in estimate.items()})
        print(f"{len(estimate)} cases recorded")
        return
    with np.load(asked.file) as held:
        before = {name.replace("|", "/"): held[name] for name in held.files}
    apart = {name: difference(before[name], estimate[name]) for name in before if name in estimate}
    missing = sorted(set(before) - set(estimate))
    for name, far in sorted(apart.items(), key=lambda item: -item[1]):
        if far > 0:
            print(f"{far:9.2g}  {name}")
    print(f"{sum(far == 0 for far in apart.values())} of {len(before)} cases equal to the last bit")
    if missing:
        print("missing:", ", ".join(missing))
    if missing or any(far > asked.tolerance for far in apart.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
