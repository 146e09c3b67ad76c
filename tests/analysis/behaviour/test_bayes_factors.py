"""Bayes factors from densities of simulated statistics, compared with known results for Normal statistics."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import gaussian_kde, norm

import trialwise as tw
from trialwise.analysis.behaviour.measures import measured
from trialwise.environments.tasks.alien_rewards import MEANS

pytestmark = pytest.mark.sample


def test_bayes_factors_of_normal_statistics():
    random = np.random.default_rng(1)
    simulated = {"low": pd.DataFrame({"s": random.normal(0, 1, 20_000)}), "high": {"s": random.normal(1, 2, 20_000)}}
    table = tw.behaviour.bayes_factors(simulated, {"s": 0.5})
    row = table.loc[("s", "low", "high")]
    true = norm.logpdf(0.5, 0, 1) - norm.logpdf(0.5, 1, 2)
    assert row["log"] == pytest.approx(true, abs=4 * row["error"] + 0.02) and row["error"] < 0.03
    assert row["bayes_factor"] == pytest.approx(np.exp(row["log"]))
    assert table.loc[("s", "high", "low"), "log"] == pytest.approx(-row["log"])
    assert row["known"] and row["near"] > 1000
    densities = [
        norm.pdf(0.5, s, np.std(s, ddof=1) * len(s) ** -0.2).mean()
        for s in map(np.asarray, (simulated["low"]["s"], simulated["high"]["s"]))
    ]
    assert row["bayes_factor"] == pytest.approx(densities[0] / densities[1], rel=1e-9)
    scipy_densities = [gaussian_kde(np.asarray(simulated[name]["s"]))(0.5)[0] for name in ("low", "high")]
    assert row["bayes_factor"] == pytest.approx(scipy_densities[0] / scipy_densities[1], rel=1e-9)


def test_the_error_is_the_standard_deviation_over_repetitions():
    random = np.random.default_rng(2)
    tables = [
        tw.behaviour.bayes_factors(
            {"a": {"s": random.normal(0, 1, 300)}, "b": {"s": random.normal(1, 1, 300)}}, {"s": 0.0}
        )
        for _ in range(300)
    ]
    logs = [table.loc[("s", "a", "b"), "log"] for table in tables]
    reported = np.mean([table.loc[("s", "a", "b"), "error"] for table in tables])
    assert reported == pytest.approx(np.std(logs), rel=0.15)


def test_bayes_factors_in_far_tails_are_unknown():
    random = np.random.default_rng(3)
    table = tw.behaviour.bayes_factors(
        {"a": {"s": random.normal(0, 1, 500)}, "b": {"s": random.normal(9, 1, 500)}}, {"s": 9.0}
    )
    assert np.isfinite(table["log"]).all() and not table["known"].any() and table["near"].min() == 0


def test_a_constant_has_no_density():
    """The published preference of flat agents was .5 irrespective of learning."""
    simulated = {"flat": {"preference": np.full(100, 0.5)}, "other": {"preference": np.linspace(0.4, 0.7, 100)}}
    with pytest.raises(
        tw.errors.UsageError,
        match=r"'preference' is 0.5 in all 100 data sets of 'flat': a constant has no density.*filled in",
    ):
        tw.behaviour.bayes_factors(simulated, {"preference": 0.61})


@pytest.mark.parametrize(
    "simulated, observed, message",
    [
        ({"a": {"s": [0.0, 1.0]}}, {"s": 0.5}, "two or more learners"),
        ({"a": {"s": [0.0, 1.0]}, "b": {"t": [0.0, 1.0]}}, {"s": 0.5}, "'b' has no 's'; it has t"),
        ({"a": {"s": [0.0, 1.0]}, "b": {"s": [np.nan, 1.0]}}, {"s": 0.5}, "1 numbers simulated by 'b'"),
        ({"a": {"s": [0.0, 1.0]}, "b": {"s": [0.0, 1.0]}}, {"s": np.nan}, "observed nan"),
    ],
)
def test_invalid_tables(simulated, observed, message):
    with pytest.raises(tw.errors.UsageError, match=message):
        tw.behaviour.bayes_factors(simulated, observed)


def test_simulated_accuracy_distinguishes_learners():
    """A learner that ignores contexts is less often correct than agents that do not."""
    fixed = {"alpha": 0.3, "forget": 0.02}
    data = tw.simulate(
        tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=200), fixed | {"beta": 3.0}, participants=8, seed=1
    ).trials
    simulated = {}
    for learner in (tw.QLearning(initial=1.2).fix(**fixed), tw.learners.StimulusLearning(initial=1.2).fix(**fixed)):
        sets = tw.predict(learner, "rollout", tw.environments.AlienTask().on(data), datasets=100, seed=1)
        simulated[type(learner).__name__] = pd.DataFrame([measured(trials, MEANS).mean() for trials in sets])
    table = tw.behaviour.bayes_factors(simulated, measured(data, MEANS).mean()[["accuracy"]])
    assert table.loc[("accuracy", "QLearning", "StimulusLearning"), "log"] > 1
