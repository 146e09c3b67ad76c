"""Baselines: against plain loops, and added to comparisons."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.learners.baselines import baselines_for

FRAME = pd.DataFrame(
    {
        "participant": ["a"] * 10,
        "choice": [0, 2, 0, 1, 1, 2, 2, 0, 1, 1],
        "reward": [1, 0, 1, 0.5, 1, 1, 0, 0, 1, 1],
    }
)
TRIALS = tw.read_long(FRAME, trial=False)
ROWS = list(zip(FRAME["choice"], FRAME["reward"], strict=True))


def log_likelihood(name: str, **values: float) -> float:
    return float(tw.log_likelihood(baselines_for(TRIALS)[name], TRIALS, values)[0])


def softmax(logits: list[float], choice: int) -> float:
    return logits[choice] - math.log(sum(map(math.exp, logits)))


def test_the_baselines_of_choices():
    made = baselines_for(TRIALS)
    assert set(made) == {"RandomResponding", "NoisyWinStayLoseShift", "ChoiceKernel", "HistoryRegression"}
    assert made["RandomResponding"].names == ("bias_1", "bias_2")
    assert made["NoisyWinStayLoseShift"].settings["threshold"] == pytest.approx(0.65)


def test_random_responding():
    expected = sum(softmax([0.0, 0.4, -0.3], choice) for choice, _ in ROWS)
    assert log_likelihood("RandomResponding", bias_1=0.4, bias_2=-0.3) == pytest.approx(expected, rel=1e-12)


def test_win_stay_lose_shift():
    expected, last = 0.0, None
    for choice, reward in ROWS:
        p = 1 / 3
        if last is not None:
            stay = choice == last[0]
            rule = float(stay) if last[1] > 0.65 else (0.0 if stay else 0.5)
            p = 0.2 / 3 + 0.8 * rule
        expected += math.log(p)
        last = choice, reward
    assert log_likelihood("NoisyWinStayLoseShift", noise=0.2) == pytest.approx(expected, rel=1e-12)


def test_choice_kernel():
    kernel, expected = [0.0] * 3, 0.0
    for choice, _ in ROWS:
        expected += softmax([1.5 * k for k in kernel], choice)
        kernel = [k + 0.2 * ((a == choice) - k) for a, k in enumerate(kernel)]
    assert log_likelihood("ChoiceKernel", alpha_choice=0.2, beta_choice=1.5) == pytest.approx(expected, rel=1e-12)


def test_history_regression():
    reward, habit = (1.2, 0.6, -0.2), (0.3, -0.1, 0.2)
    expected = 0.0
    for t, (choice, _) in enumerate(ROWS):
        logits = [0.0] * 3
        for k in range(min(3, t)):
            past, outcome = ROWS[t - 1 - k]
            logits[past] += reward[k] * (outcome - 0.65) + habit[k]
        expected += softmax(logits, choice)
    values = {f"reward_{k + 1}": w for k, w in enumerate(reward)} | {f"choice_{k + 1}": v for k, v in enumerate(habit)}
    assert log_likelihood("HistoryRegression", **values) == pytest.approx(expected, rel=1e-12)


def test_the_baseline_of_a_continuous_response():
    conditioning = tw.environments.Conditioning()
    truth = {"alpha": 0.2, "intercept": 0, "slope": 1, "noise": 0.1}
    trials = tw.simulate(tw.learners.RescorlaWagner(), conditioning, truth, participants=2, seed=1).trials
    assert list(baselines_for(trials)) == ["ConstantResponse"]
    value = tw.log_likelihood(baselines_for(trials)["ConstantResponse"], trials, {"level": 0.4, "noise": 0.3})
    from scipy.stats import norm

    expected = norm(0.4, 0.3).logpdf(trials.response["response"].reshape(2, -1)).sum(1)
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_a_comparison_with_baselines():
    bandit = tw.environments.ProbabilisticReversal(trials=120)
    learner = tw.QLearning().fix(forget=0)
    trials = tw.simulate(learner, bandit, {"alpha": (0.3, 0.6), "beta": (3, 6)}, participants=6, seed=1).trials
    comparison = tw.compare({"learner": tw.point(learner, trials)}, baselines=True)
    assert set(comparison.table.index) == {"learner", *baselines_for(trials)}
    assert comparison.table.loc["RandomResponding", "bic"] > comparison.table.loc["learner", "bic"]
    with pytest.raises(tw.errors.UsageError, match="name of a baseline"):
        tw.compare({"ChoiceKernel": tw.point(learner, trials)}, baselines=True)
    with pytest.raises(tw.errors.UsageError, match="baselines"):
        tw.compare({"learner": tw.point(learner, trials)})


def test_more_actions_than_biases_have_no_random_baseline():
    frame = FRAME.assign(choice=range(10))
    assert "RandomResponding" not in baselines_for(tw.read_long(frame, trial=False))
