"""Verdicts of recovery studies of few participants or data sets, from numbers put together by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import linregress, t as student

from trialwise.studies.recovery import Recovery
from trialwise.studies.recovery_verdict import FLAT


def study(true, mean):
    """A study with these true and estimated values, ``(data sets, participants)``, and reliable fits."""
    true, mean = np.atleast_2d(true), np.atleast_2d(mean)
    dataset, participant = np.indices(true.shape)
    values = {
        "true": true.ravel(),
        "mean": mean.ravel(),
        "low": true.ravel() - 1,
        "high": true.ravel() + 1,
        "told": 0.9,
    }
    points = pd.DataFrame(
        {"dataset": dataset.ravel(), "participant": participant.ravel(), "parameter": "alpha", **values}
    )
    index = pd.RangeIndex(len(true), name="dataset")
    fits = pd.DataFrame(
        {"r_hat": 1.0, "ess": 1000.0, "draws": 1000, "divergences": 0, "problems": "", "seconds": 1.0}, index
    )
    columns = ["first", "second", "posterior_correlation", "error_correlation", "product_correlation"]
    return Recovery("QLearning", points, pd.DataFrame(columns=columns), fits, {}, 0.89)


def verdict(true, mean):
    return study(true, mean).table.loc["alpha", "verdict"]


@pytest.mark.parametrize("estimates", [[0.3, 0.2], [0.2, 0.8], [0.5, 0.5001], [0.21, 0.2, 0.19], [0.2, 0.5, 0.8]])
def test_two_or_three_participants_decide_nothing(estimates):
    assert verdict(np.linspace(0.2, 0.8, len(estimates)), estimates) == "not decided"


@pytest.mark.parametrize("seed", range(8))
def test_the_slope_and_its_limit_are_those_of_a_regression(seed):
    random = np.random.default_rng(seed)
    true, slope = random.random(5), random.choice([0.0, 0.1, 0.2])
    mean = slope * true + 0.03 * random.standard_normal(5)
    evidence = study(true, mean)._evidence("alpha", study(true, mean).table.loc["alpha"])
    expected = linregress(true, mean)
    np.testing.assert_allclose([evidence.slope, evidence.slope_error], [expected.slope, expected.stderr])
    high = np.tanh(np.arctanh(expected.rvalue) + 1.96 / np.sqrt(2))
    assert evidence.lost == (expected.slope + student.ppf(0.975, 3) * expected.stderr < FLAT or high < 0.5)


def test_data_sets_of_one_participant_each_count_like_one_of_all():
    random = np.random.default_rng(1)
    true = random.random(40)
    mean = true + 0.05 * random.standard_normal(40)
    assert verdict(true, mean) == verdict(true[:, None], mean[:, None]) == "found"
    lost = 0.5 + 0.1 * random.standard_normal(40)
    assert verdict(true, lost) == verdict(true[:, None], lost[:, None]) == "not found"


def test_true_values_that_differ_only_between_data_sets_count_once_for_each():
    random = np.random.default_rng(1)
    true = np.repeat(np.linspace(0.1, 0.8, 5)[:, None], 13, axis=1)  # the mean of 13 numbers .1 is not .1
    mean = true + 0.01 * random.standard_normal(true.shape)
    recovery = study(true, mean)
    evidence = recovery._evidence("alpha", recovery.table.loc["alpha"])
    expected = linregress(true[:, 0], mean.mean(1))
    np.testing.assert_allclose([evidence.correlation, evidence.slope], [expected.rvalue, expected.slope])
    assert evidence.count == 5 and np.isnan(recovery.table.loc["alpha", "within"])


def test_one_true_value_is_constant_whatever_its_last_digit():
    random = np.random.default_rng(1)
    for value in (0.1, 0.3, 0.7):
        (finding, *_) = study(np.full((4, 13), value), random.random((4, 13))).findings
        assert finding.code == "constant-truth" and "nan" not in finding.text


@pytest.mark.parametrize(("participants", "claimed"), [(3, False), (200, True)])
def test_a_product_is_recovered_better_only_if_that_is_beyond_chance(participants, claimed):
    random = np.random.default_rng(1)
    part = study(random.random(participants), random.random(participants))
    points = pd.concat([part.points, part.points.assign(parameter="beta")], ignore_index=True)
    pair = {
        "first": "alpha",
        "second": "beta",
        "posterior_correlation": -0.8,
        "error_correlation": -0.8,
        "product_correlation": 0.97,
    }
    findings = replace(part, points=points, pairs=pd.DataFrame([pair])).findings
    (trade_off,) = [finding for finding in findings if finding.code == "trade-off"]
    assert ("is recovered better" in trade_off.sentence) == claimed
