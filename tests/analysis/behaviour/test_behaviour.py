"""Measures of behaviour: by hand on a few trials, and against the published descriptives of the human data to the last digit."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import ttest_rel

import trialwise as tw
from trialwise.analysis import behaviour
from trialwise.environments.tasks.alien_rewards import MEANS

TWO_CONTEXTS = np.array([[[2.0, 1.0], [1.0, 3.0]], [[1.0, 4.0], [1.0, 5.0]]])
"""Two contexts, two cues, two actions: the correct actions are 0, 1 and 1, 1."""


@pytest.fixture(scope="module")
def nine_trials():
    """Nine trials of one participant; the fifth was missed."""
    table = pd.DataFrame(
        {
            "subjID": ["a"] * 9,
            "season": ["wet", "wet", "wet", "dry", "dry", "dry", "wet", "wet", "dry"],
            "cue": [0, 1, 0, 0, 1, 0, 0, 1, 1],
            "choice": ["l", "r", "r", "r", None, "l", "r", "l", "r"],
            "reward": [2.0, 3.0, 1.0, 4.0, None, 1.0, 1.0, 1.0, 5.0],
        }
    )
    levels = {"context": ["wet", "dry"], "action": ["l", "r"]}
    trials = tw.read_long(table, context="season", levels=levels)
    return behaviour.scored(trials, TWO_CONTEXTS)


def test_by_hand(nine_trials):
    nan = np.nan
    np.testing.assert_array_equal(nine_trials["correct"], [1, 1, 0, 1, nan, 0, 0, 0, 1])
    np.testing.assert_array_equal(nine_trials["block"], [1, 1, 1, 2, 2, 2, 3, 3, 4])
    np.testing.assert_array_equal(nine_trials["visit"], [1, 1, 1, 1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(nine_trials["position"], [1, 2, 3, 1, 2, 3, 1, 2, 1])
    np.testing.assert_array_equal(nine_trials["presentation"], [1, 1, 2, 1, 1, 2, 1, 1, 1])
    np.testing.assert_array_equal(nine_trials["previous"], [-1, -1, -1, 0, 0, 0, 1, 1, 0])
    np.testing.assert_array_equal(nine_trials["fits_previous"], [nan, nan, nan, 0, nan, 1, 1, 0, 1])
    np.testing.assert_array_equal(nine_trials["fits_elsewhere"], [0, 1, 1, 0, nan, 1, 1, 0, 1])
    np.testing.assert_array_equal(nine_trials["value"], [2, 3, 2, 4, 5, 4, 2, 3, 5])
    assert behaviour.accuracy(nine_trials)["accuracy"].item() == 4 / 8
    assert behaviour.intrusions(nine_trials)["intrusions"].item() == 3 / 4
    np.testing.assert_array_equal(behaviour.telling(nine_trials, TWO_CONTEXTS), [0, 0, 0, 1, 0, 1, 1, 0, 0])
    after_switch = behaviour.after_switch(nine_trials)
    np.testing.assert_allclose(after_switch["current"].loc["a", [1, 2, 3]], [2 / 3, 0, 0])
    np.testing.assert_allclose(after_switch["previous"].loc["a", [1, 2, 3]], [2 / 3, 0, 1])


def test_blocks_of_one_context_are_distinguished_by_their_column():
    trials = tw.simulate(
        tw.QLearning(), tw.environments.AlienTask(presentations=2), {"alpha": 0.2, "beta": 1, "forget": 0}
    ).trials
    frame = behaviour.scored(trials, MEANS)
    assert frame["block"].max() == 9 and frame["position"].max() == 8
    np.testing.assert_array_equal(frame["block"], trials.columns["block"].values + 1)
    assert (frame.groupby(["block", "presentation"])["cue"].nunique() == 4).all()


def test_logistic_regression_is_the_maximum():
    random = np.random.default_rng(1)
    x, group = random.normal(size=(300, 2)), random.integers(0, 3, 300)
    y = (random.random(300) < 1 / (1 + np.exp(-(x @ [0.8, -0.3] + 0.5 * group)))).astype(float)
    intercepts = np.eye(3)[group]

    def loss(w, ridge):
        logit = x @ w[:2] + intercepts @ w[2:]
        return np.sum(np.logaddexp(0, logit) - y * logit) + 0.5 / ridge * np.sum(w[:2] ** 2)

    for ridge in (1.0, 1e12):
        best = minimize(loss, np.zeros(5), args=(ridge,), method="BFGS", options={"gtol": 1e-7})
        result, errors = behaviour.logistic(x, y, group, ridge)
        np.testing.assert_allclose(result, best.x[:2], atol=1e-5)
        step = 1e-3 * np.eye(5)
        objective = partial(loss, ridge=ridge)
        hessian = [
            [
                objective(best.x + a + b)
                - objective(best.x + a - b)
                - objective(best.x - a + b)
                + objective(best.x - a - b)
                for a in step
            ]
            for b in step
        ]
        np.testing.assert_allclose(errors, np.sqrt(np.diag(np.linalg.inv(np.array(hessian) / 4e-6)))[:2], rtol=1e-3)


def test_invalid_data(nine_trials):
    trials = tw.simulate(
        tw.QLearning(), tw.environments.AlienTask(trials=20), {"alpha": 0.2, "beta": 1, "forget": 0}
    ).trials
    with pytest.raises(tw.errors.UsageError, match="mean rewards are of 2 contexts and the trials have 3"):
        behaviour.scored(trials, TWO_CONTEXTS)
    without_context = tw.read_long(pd.DataFrame({"subjID": ["a", "a"], "choice": [0, 1], "reward": [1.0, 0.0]}))
    with pytest.raises(tw.errors.UsageError, match="measures of behaviour need a context, and the trials have none"):
        behaviour.scored(without_context, MEANS)
    with pytest.raises(tw.errors.UsageError, match="6 or 7"):
        behaviour.context_index(nine_trials, TWO_CONTEXTS)


# -- the human data, as published --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def human_frame(humans):
    return behaviour.scored(humans, MEANS)


def assert_rounded(values, expected, digits=3):
    np.testing.assert_allclose(np.round(np.asarray(values, float), digits), expected, atol=1e-9)


def test_human_accuracy(human_frame):
    accuracy = behaviour.accuracy(human_frame)["accuracy"]
    assert_rounded([accuracy.mean(), accuracy.std(), accuracy.min(), accuracy.max()], [0.548, 0.108, 0.332, 0.730])
    assert behaviour.below_criterion(human_frame) == ["30"]
    assert_rounded(accuracy[accuracy.index != "30"].agg(["mean", "std"]), [0.555, 0.102])
    assert_rounded(human_frame.groupby("context")["outcome"].mean(), [4.31, 3.51, 2.51], 2)
    cells = human_frame.groupby(["context", "cue"])["correct"].mean().unstack()
    assert_rounded(cells, [[0.643, 0.508, 0.590, 0.681], [0.401, 0.668, 0.655, 0.483], [0.627, 0.476, 0.450, 0.395]])


def test_human_learning_curves(human_frame):
    assert_rounded(
        behaviour.accuracy(human_frame, "block").mean(), [0.484, 0.495, 0.508, 0.547, 0.562, 0.538, 0.635, 0.614, 0.529]
    )
    curve = [0.341, 0.432, 0.496, 0.523, 0.565, 0.563, 0.554, 0.587, 0.598, 0.629, 0.609, 0.652, 0.637]
    assert_rounded(human_frame.groupby("presentation")["correct"].mean(), curve)
    visits = human_frame.groupby(["visit", "presentation"])["correct"].mean()
    assert_rounded([visits[1][1], visits[1][13], visits[3][1], visits[3].max()], [0.320, 0.591, 0.363, 0.745])
    assert behaviour.savings(human_frame)["mean"].mean() > 0.08
    assert behaviour.early_slope(human_frame)["slope"].mean() > 0


def test_human_choices_after_a_switch(human_frame):
    after_switch = behaviour.after_switch(human_frame)
    assert_rounded(after_switch["current"].mean(), [0.294, 0.367, 0.302, 0.371, 0.468, 0.464, 0.399, 0.444])
    assert_rounded([after_switch["previous"][1].mean(), after_switch["other"][1].mean()], [0.407, 0.315])
    assert_rounded(ttest_rel(after_switch["previous"][1], after_switch["current"][1]).statistic, 2.80, 2)
    first = human_frame[(human_frame["position"] == 1) & (human_frame["previous"] >= 0)]
    informative = first[behaviour.telling(human_frame, MEANS).loc[first.index]]
    assert len(first) == 248 and len(informative) == 197
    assert_rounded(informative[["correct", "fits_previous"]].mean(), [0.254, 0.396])
    later_blocks = first.loc[first["block"] > 2, ["correct", "fits_previous", "fits_other"]]
    assert_rounded(later_blocks.mean(), [0.295, 0.396, 0.309])


def test_human_errors_and_values(human_frame):
    assert_rounded(human_frame.loc[human_frame["correct"] == 0, "fits_elsewhere"].mean(), 0.757)
    table = behaviour.pooled_value_regression(human_frame)
    assert_rounded(table["slope"], [0.166, 0.037])
    assert_rounded(table["z"], [20.4, 2.0], 1)
    assert_rounded(table.loc["context_value", "z"], 1.95, 2)
    assert behaviour.value_regression(human_frame)["value"].mean() > 0.15
    index = behaviour.context_index(human_frame, MEANS).mean()
    np.testing.assert_allclose(index[[0, 1, 2]], [0.576, 0.569, 0.545], atol=0.007)  # published over pooled trials


def test_contexts_with_equally_good_actions_are_neither_fitted_nor_missed():
    """By hand: the other context has two equally good actions, so that no choice can be said to fit it or not."""
    table = pd.DataFrame({"id": 1, "context": [0, 1, 0, 0], "choice": [0, 1, 1, 0], "reward": 1.0})
    trials = tw.read_long(table, levels={"context": [0, 1]}, actions=[0, 1])
    means = np.array([[[0.2, 0.8]], [[0.5, 0.5]]])
    frame = behaviour.scored(trials, means)
    np.testing.assert_array_equal(frame["fits_elsewhere"], [np.nan, 1, np.nan, np.nan])


def test_short_blocks_have_no_early_slope():
    table = pd.DataFrame({"id": 1, "context": [0, 0, 1, 1, 0, 0], "choice": [0, 1, 1, 0, 1, 1], "reward": 1.0})
    trials = tw.read_long(table, levels={"context": [0, 1]}, actions=[0, 1])
    means = np.array([[[0.2, 0.8]], [[0.7, 0.5]]])
    assert np.isnan(behaviour.measured(trials, means)["early slope"]).all()


def test_the_past_is_of_the_same_participants(human_frame):
    trials = tw.load_data("alien_flat").trials
    with pytest.raises(tw.errors.UsageError, match="the same participants"):
        behaviour.general(trials.select([0, 1]), past=trials.select([2, 3]))


def test_sessions_that_start_anew_are_no_past_of_each_other():
    """Measures of two sessions of one participant equal those of two participants; a session that goes on continues."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {
            "participant": 1, "session": np.repeat([1, 2], 12), "trial": np.tile(np.arange(12), 2), "choice": rng.integers(0, 3, 24),
            "context": np.tile(np.repeat([0, 1, 0], 4), 2), "cue": rng.integers(0, 2, 24), "reward": rng.random(24),
        }
    )  # fmt: skip
    frame.loc[:2, "choice"] = [0, 1, 2]
    levels = {"context": [0, 1], "cue": [0, 1], "action": [0, 1, 2]}
    means = rng.random((2, 2, 3))
    one = tw.read_long(frame, outcome="reward", levels=levels)
    two = tw.read_long(frame.assign(participant=frame["session"]), outcome="reward", levels=levels)
    on = tw.read_long(frame, outcome="reward", levels=levels, carry=True)
    columns = ["position", "presentation", "visit", "previous", "fits_previous"]
    scored = {
        name: tw.behaviour.scored(trials, means)[columns] for name, trials in {"one": one, "two": two, "on": on}.items()
    }
    pd.testing.assert_frame_equal(scored["one"], scored["two"])
    assert scored["on"]["position"].iloc[12] == 5 and scored["one"]["position"].iloc[12] == 1
    repeated = {name: tw.behaviour.general(trials)["repeated"] for name, trials in {"one": one, "two": two}.items()}
    same, count = 0, 0
    for _, part in frame.groupby(["session", "context", "cue"]):
        same += (part["choice"].to_numpy()[1:] == part["choice"].to_numpy()[:-1]).sum()
        count += len(part) - 1
    assert repeated["one"].iloc[0] == pytest.approx(same / count)
