"""Compare numerical results before and after a change of the code: ``python scripts/same_numbers.py record BEFORE.npz``, then ``compare BEFORE.npz``.

Likelihoods, gradients, trial-wise values, posterior draws without and with a hidden choice, simulations, checks, comparisons and studies for fixed
seeds. ``compare`` prints the largest relative difference of each case that is not equal to the last bit. It ends with an error if a case
differs by more than ``--tolerance`` (0, which asks for equality to the last bit) or is missing.

The last bits depend on the processor and on versions: record and compare on the same machine.
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
from trialwise import environments, learners

QUIET = {"progress": False}
Q_LEARNING = {"alpha": (0.05, 0.4), "beta": (1, 3), "forget": (0, 0.1)}
TASK_SETS = {"alpha": (0.1, 0.5), "beta": (0.8, 2.5), "forget": (0.0, 0.1)}


def numbers(name: str, result: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The numeric arrays of a result with their names: each numeric column of a table, each member of a mapping or sequence."""
    import pandas as pd

    if isinstance(result, pd.DataFrame):
        for column in result.columns:
            values = result[column].to_numpy()
            if values.dtype.kind in "fiub":
                yield f"{name}/{column}", values
    elif isinstance(result, pd.Series):
        yield name, result.to_numpy()
    elif isinstance(result, dict):
        for key, value in result.items():
            yield from numbers(f"{name}/{key}", value)
    elif isinstance(result, tuple | list) and not all(np.isscalar(each) for each in result):
        for k, value in enumerate(result):
            yield from numbers(f"{name}/{k}", value)
    else:
        yield name, np.asarray(result)


def ranges(bounds: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Uniform distributions."""
    from scipy.stats import uniform

    return {name: uniform(low, high - low) for name, (low, high) in bounds.items()}


def plausible_parameters(learner: Any, participants: int) -> dict[str, np.ndarray]:
    """Parameters of each participant, spread around 0 on the unconstrained scale."""
    u = np.linspace(-1.2, 0.4, participants)
    return {each.name: each.constrain(u + 0.1 * k) for k, each in enumerate(learner.parameters)}


def draws(fit: Any) -> dict[str, np.ndarray]:
    """The posterior of a fit."""
    return {str(name): values.to_numpy() for name, values in fit.tree["posterior"].data_vars.items()}


def likelihoods() -> Iterator[tuple[str, Any]]:
    """Likelihoods of built-in learners on trials simulated from them."""
    alien, experiment = environments.AlienTask(trials=60), environments.AlienExperiment()
    cases = {
        "QLearning": (learners.QLearning(initial=1.2), alien),
        "QLearning tied": (learners.QLearning(initial=1.2).tie(forget="alpha").with_lapse().with_stickiness(), alien),
        "StimulusLearning": (learners.StimulusLearning(), alien),
        "TaskSets": (learners.TaskSets(initial=1.2), alien),
        "HierarchicalBayes": (learners.HierarchicalBayes(), alien),
        "MixedTaskSets": (learners.MixedTaskSets(), alien),
        "HybridTwoStep": (learners.HybridTwoStep(), environments.TwoStepTask()),
        "RescorlaWagner": (learners.RescorlaWagner(), environments.Conditioning()),
        "PearceHall": (learners.PearceHall(), environments.Conditioning()),
        "QLearning bandit": (learners.QLearning(), environments.RestlessBandit()),
        "QLearning reversal": (learners.QLearning(), environments.ProbabilisticReversal()),
        "AlienQLearning": (learners.AlienQLearning(), experiment),
        "AlienTaskSets": (learners.AlienTaskSets(), experiment),
    }
    for name, (learner, environment) in cases.items():
        parameters = plausible_parameters(learner, 3)
        simulated = tw.simulate(learner, environment, parameters, seed=4, participants=3)
        yield f"simulate {name}", simulated.trials.to_frame()
        yield f"simulate {name} log_probability", simulated.log_probability
        settings = {"particles": 30, "seed": 3} if "hide" in learner.methods else {}
        yield f"log_likelihood {name}", tw.log_likelihood(learner, simulated.trials, parameters, **settings)
        if not settings:
            value, gradient = tw.log_likelihood(learner, simulated.trials, parameters, gradient=True)
            yield f"gradient {name}", {"value": value, **gradient} if isinstance(gradient, dict) else [value, gradient]
        yield f"trial_values {name}", tw.trial_values(learner, simulated.trials, parameters)


def fits() -> Iterator[tuple[str, Any]]:
    """Posterior draws without and with a hidden choice, and results computed from them."""
    alien = environments.AlienTask(trials=60)
    learner = learners.QLearning(initial=1.2)
    simulated = tw.simulate(learner, alien, ranges(Q_LEARNING), participants=6, seed=3)
    yield "simulate ranges", simulated.parameters
    fitted = {}
    for pooling in ("partial", "none", "complete"):
        fit = tw.fit(learner, simulated.trials, draws=150, tune=150, chains=2, seed=11, pooling=pooling, **QUIET)
        fitted[pooling] = fit
        yield f"fit {pooling}", draws(fit)
        yield f"fit {pooling} summary", fit.summary()
    fit = fitted["partial"]
    yield "fit trial_values", fit.trial_values()
    point = tw.point(learner, simulated.trials)
    yield "point", point.maximum_likelihood
    yield "check rollout", tw.check(fit, alien, datasets=10).table
    yield "check one-step", tw.check(fit, datasets=10).table
    yield (
        "predict prior",
        [each.to_frame() for each in tw.predict(learner, "rollout", alien, datasets=2, participants=2)],
    )
    yield "diagnose", tw.diagnose(fit).table
    tied = tw.fit(learner.tie(forget="alpha"), simulated.trials, draws=150, tune=150, chains=2, seed=11, **QUIET)
    for method in ("participant", "future", "trial"):
        comparison = tw.compare({"free": fit, "tied": tied}, method, draws=100, **QUIET)
        yield f"compare {method}", comparison.table

    sets = learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
    simulated = tw.simulate(sets, environments.AlienTask(trials=40), ranges(TASK_SETS), participants=3, seed=6)
    yield "simulate hidden", simulated.trials.to_frame()
    yield "simulate hidden choices", simulated.hidden
    for pooling in ("partial", "none"):
        fit = tw.fit(sets, simulated.trials, draws=30, chains=2, seed=1, pooling=pooling, **QUIET)
        yield f"fit hidden {pooling}", draws(fit)
        yield f"fit hidden {pooling} trial_values", fit.trial_values()
    yield "check hidden", tw.check(fit, environments.AlienTask(trials=40), datasets=6).table


def studies() -> Iterator[tuple[str, Any]]:
    """Small studies in one process."""
    environment, learner = environments.AlienTask(trials=40), learners.QLearning(initial=1.2)
    short = {"draws": 80, "tune": 80, "chains": 2}
    one_process = {"workers": 1, "progress": False}
    for name, truth in (("ranges", ranges(Q_LEARNING)), ("prior", None)):
        recovered = tw.recover(learner, environment, truth, 2, participants=4, seed=5, **short, **one_process)
        yield f"recover {name} points", recovered.points
        yield f"recover {name} pairs", recovered.pairs
    calibrated = tw.calibrate(learner, environment, 3, participants=3, seed=5, ranks=20, **short, **one_process)
    yield "calibrate", calibrated.ranks
    candidates = [learners.QLearning(), learners.StimulusLearning()]
    confused = tw.confuse(candidates, environment, None, 2, participants=3, seed=5, **one_process)
    yield "confuse", confused.confusion


def all_cases() -> dict[str, np.ndarray]:
    """All cases by name."""
    results: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ.setdefault("TRIALWISE_STUDIES", folder)
        for part in (likelihoods, fits, studies):
            for name, result in part():
                print(name, flush=True)
                results |= dict(numbers(name, result))
    return results


def difference(before: np.ndarray, after: np.ndarray) -> float:
    """The largest relative difference; 0 only for equality to the last bit; infinite if shapes or missing values differ."""
    if before.dtype == after.dtype and before.shape == after.shape and before.tobytes() == after.tobytes():
        return 0.0
    if before.shape != after.shape or before.dtype.kind not in "fiub":
        return float("inf")
    old, new = before.astype(float), after.astype(float)
    if (np.isnan(old) != np.isnan(new)).any():
        return float("inf")
    relative = np.abs(old - new) / np.maximum(np.maximum(np.abs(old), np.abs(new)), 1e-300)
    return float(np.nanmax(np.where(old == new, 5e-324, relative), initial=5e-324))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["record", "compare"])
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--tolerance", type=float, default=0.0, help="Largest relative difference allowed; 0: equality to the last bit."
    )
    options = parser.parse_args()
    results = all_cases()
    if options.action == "record":
        with open(options.file, "wb") as file:
            np.savez_compressed(file, **{name.replace("/", "|"): values for name, values in results.items()})
        print(f"{len(results)} cases recorded")
        return
    with np.load(options.file) as stored:
        before = {name.replace("|", "/"): stored[name] for name in stored.files}
    differences = {name: difference(before[name], results[name]) for name in before if name in results}
    missing = sorted(set(before) - set(results))
    for name, relative in sorted(differences.items(), key=lambda item: -item[1]):
        if relative > 0:
            print(f"{relative:9.2g}  {name}")
    print(f"{sum(relative == 0 for relative in differences.values())} of {len(before)} cases equal to the last bit")
    if missing:
        print("missing:", ", ".join(missing))
    if missing or any(relative > options.tolerance for relative in differences.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
