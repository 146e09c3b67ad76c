"""Predictions and checks: the two kinds of prediction, and the detection of a wrong learner."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import trialwise as tw
from trialwise.analysis.behaviour.general import general
from trialwise.analysis.behaviour.measures import measured
from trialwise.analysis.calibration_curve import calibration, of_actions
from trialwise.analysis.predict import PARTICLES, one_step, predict
from trialwise.analysis.replicated import compared
from trialwise.base.result import Finding
from trialwise.cli.app import app
from trialwise.learners.parameter_values import matrix
from trialwise.likelihoods.kinds import likelihood_of

pytestmark = pytest.mark.sample

FLAT = tw.QLearning(initial=1.2)
RANGES = {"alpha": (0.1, 0.3), "beta": (1.0, 2.5), "forget": (0.0, 0.05)}


@pytest.fixture(scope="module")
def agents():
    """Ten agents of 216 trials, a few choices missed."""
    trials = tw.simulate(FLAT, tw.environments.AlienTask(presentations=6), RANGES, participants=10, seed=3).trials
    choice, outcome = trials.choice.copy(), trials.outcome["outcome"].copy()
    choice[[5, 300, 301]], outcome[[5, 300, 301]] = -1, np.nan
    return replace(trials, choice=choice, outcome={"outcome": outcome})


@pytest.fixture(scope="module")
def fit(agents):
    return tw.fit(FLAT, agents, draws=200, chains=2, seed=2, progress=False)


def choice_probabilities(learner, trials, parameters):
    """Probabilities of all actions given the past, ``(trials, actions)``."""
    record = likelihood_of(learner, trials, particles=PARTICLES, seed=0).predictions(
        matrix(learner, trials, parameters)
    )
    return record[:, 1 : 1 + trials.sizes["action"]]


def test_rollouts_follow_the_sequences_and_are_simulated_on_access(fit, agents):
    predictions = predict(fit, "rollout", tw.environments.AlienTask(), datasets=7, seed=2)
    assert len(predictions) == 7
    first, again, last = predictions[0], predictions[0], predictions[-1]
    np.testing.assert_array_equal(first.choice, again.choice)
    assert (first.choice != last.choice).mean() > 0.2
    for name in ("context", "cue", "block"):
        np.testing.assert_array_equal(first.columns[name].values, agents.columns[name].values)
    np.testing.assert_array_equal(first.choice == -1, agents.choice == -1)
    posterior = fit.tree["posterior"]["alpha"].to_numpy().reshape(400, 10)
    np.testing.assert_array_equal(predictions.table(2)["alpha"], posterior[int(2 * 400 / 7)])
    with pytest.raises(IndexError, match="draw 7 of 7"):
        predictions[7]
    assert len(list(predictions)) == 7


def test_one_step_draws_each_choice_given_the_real_ones_before_it(agents):
    values = {"alpha": 0.2, "beta": 1.5, "forget": 0.02}
    p = choice_probabilities(FLAT, agents, values)
    responded = agents.choice >= 0
    np.testing.assert_allclose(p[responded].sum(1), 1.0)
    chosen = tw.trial_values(FLAT, agents, values)["choice_probability"].to_numpy()
    np.testing.assert_allclose(p[responded, agents.choice[responded]], chosen[responded])
    drawn = np.stack([one_step(FLAT, agents, values, seed).choice for seed in range(300)])
    share = np.stack([(drawn == action).mean(0) for action in range(3)], 1)
    z = (share - p)[responded] / np.sqrt(p * (1 - p) / 300 + 1e-9)[responded]
    assert abs(z).max() < 6 and abs(z.std() - 1) < 0.05
    one = one_step(FLAT, agents, values, 0)
    same = one.choice == agents.choice
    assert np.isnan(one.outcome["outcome"][~same]).all() and (drawn[:, ~responded] == -1).all()


def test_hidden_choices_are_averaged_over_one_step_ahead():
    learner = tw.learners.TaskSets(initial=1.2)
    values = {"alpha": 0.3, "beta": 2, "forget": 0.02, "alpha_high": 0.3, "beta_high": 3, "forget_high": 0.02}
    trials = tw.simulate(learner, tw.environments.AlienTask(trials=40), values, participants=2, seed=1).trials
    p = choice_probabilities(learner, trials, values)
    chosen = tw.trial_values(learner, trials, values)["choice_probability"]
    np.testing.assert_allclose(p.sum(1), 1.0)
    np.testing.assert_allclose(p[np.arange(80), trials.choice], chosen, atol=0.12)


def test_predictions_of_a_prior():
    prior = predict(FLAT, "rollout", tw.environments.AlienTask(trials=60), datasets=3, participants=4, seed=1)
    assert [trials.n_participants for trials in prior] == [4, 4, 4]
    assert len({float(prior.table(k)["beta"].iloc[0]) for k in range(3)}) == 3
    along = predict(FLAT, "one-step", prior[0], datasets=2)
    np.testing.assert_array_equal(along[1].columns["cue"].values, prior[0].columns["cue"].values)


def test_the_two_kinds_cannot_be_confused(fit, agents):
    with pytest.raises(tw.errors.UsageError, match='"rollout", agents act on their own, or "one-step"'):
        predict(fit, "onestep")
    with pytest.raises(tw.errors.UsageError, match=r"needs an environment.*AlienTask\(\)"):
        predict(fit, "rollout")
    with pytest.raises(tw.errors.UsageError, match="leave the environment out"):
        predict(fit, "one-step", tw.environments.AlienTask())
    with pytest.raises(tw.errors.UsageError, match="1 or larger"):
        predict(fit, "one-step", datasets=0)


def test_a_right_learner_passes_and_a_wrong_one_does_not(fit, agents):
    right = tw.check(fit, tw.environments.AlienTask(), datasets=40, progress=False)
    assert right.findings[0].code == "reproduced"
    assert right.kind == "rollout" and len(right.missed) < 0.25 * len(right.table)
    few, again = (tw.check(fit, tw.environments.AlienTask(), datasets=4, progress=False) for _ in range(2))
    assert again.table.equals(few.table)
    wrong = tw.fit(tw.learners.StimulusLearning(initial=1.2), agents, draws=500, chains=2, seed=1, progress=False)
    estimate = tw.check(wrong, tw.environments.AlienTask(), datasets=40, progress=False)
    assert estimate.findings[0].code == "deviates"
    assert estimate.table.loc["accuracy", "tail"] == 0.0 and "accuracy" in estimate.missed.index
    assert len(estimate.missed) > 2 * len(right.missed)
    one_step_check = tw.check(wrong, datasets=4, progress=False)
    assert one_step_check.kind == "one-step"
    assert right.plot().axes and "of" in repr(right)


def test_calibration_of_probabilities():
    random = np.random.default_rng(1)
    p = random.dirichlet([1, 1, 1], 30_000)
    choice = (np.cumsum(p, 1) < random.random((30_000, 1))).sum(1)
    table = of_actions(choice, p)
    np.testing.assert_allclose(table["observed"], table["probability"], atol=0.02)
    assert table["count"].sum() == 90_000


def test_undefined_measures_are_left_out():
    nan = np.nan
    observed = pd.Series({"both": nan, "half": 0.5, "never": 0.5, "ties": 1.0})
    simulated = pd.DataFrame(
        {"both": [nan, nan, nan, nan], "half": [0.6, 0.4, nan, nan], "never": [nan] * 4, "ties": [1.0, 1.0, 0.0, nan]}
    )
    table = compared(observed, simulated)
    np.testing.assert_array_equal(table["tail"], [nan, 0.5, nan, 2 / 3])
    np.testing.assert_allclose(table["predicted"], [nan, 0.5, nan, 2 / 3])
    check = tw.results.Check("rollout", table, simulated, of_actions(np.zeros(1, int), np.ones((1, 1))))
    verdict, undefined = check.findings
    assert undefined.about == ("both", "never") and "of 2 measures" in verdict.sentence
    assert verdict.code == "not-decided" and "4 simulated data sets are too few" in verdict.sentence


def test_measures_of_one_simulated_data_set_or_infinite_ones_decide_nothing():
    random = np.random.default_rng(1)
    simulated = pd.DataFrame({"once": [0.5] + [np.nan] * 99, "infinite": random.normal(size=100)})
    table = compared(pd.Series({"once": 9.0, "infinite": np.inf}), simulated)
    check = tw.results.Check("rollout", table, simulated, of_actions(np.zeros(1, int), np.ones((1, 1))))
    verdict, undefined = check.findings
    assert (verdict.code, undefined.about, len(check.missed)) == ("not-decided", ("once", "infinite"), 0)


def test_no_verdict_rests_on_draws_that_are_not_reliable():
    trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=20, tune=20, chains=1, progress=False)
    verdict = tw.check(fit, datasets=40, progress=False).findings[0]
    assert (
        verdict.code == "not-decided" and "one chain" in verdict.sentence and verdict.advice == fit.findings[0].advice
    )


def test_a_verdict_on_draws_of_which_there_might_be_more_is_provisional():
    random = np.random.default_rng(4)
    simulated = pd.DataFrame({"once": random.normal(size=100)})
    table, few = (
        compared(pd.Series({"once": 0.0}), simulated),
        Finding("problem", "few-draws", "70 draws", "run longer"),
    )
    given = (table, simulated, of_actions(np.zeros(1, int), np.ones((1, 1))))
    (verdict,) = tw.results.Check("rollout", *given, draws=few).findings
    assert (verdict.severity, verdict.code, verdict.advice) == ("caution", "reproduced", "run longer")
    assert verdict.sentence.endswith("this is provisional, since the draws of the fit have a problem: 70 draws")
    (withheld,) = tw.results.Check("rollout", *given, draws=few, withheld=True).findings
    assert withheld.code == "not-decided"


def test_frequencies_off_their_predictions_are_named():
    random = np.random.default_rng(3)
    p = random.dirichlet([1, 1], 4_000)
    table, simulated = (
        pd.DataFrame({"observed": [0.0], "low": -1.0, "high": 1.0, "tail": 0.5}),
        random.normal(size=(50, 1)),
    )
    for sharper, code in ((1.0, []), (1.6, ["calibration"])):
        odds = p**sharper / (p**sharper).sum(1, keepdims=True)
        choice = (random.random(4_000) > odds[:, 0]).astype(int)
        check = tw.results.Check("one-step", table, pd.DataFrame(simulated), of_actions(choice, p))
        assert [each.code for each in check.findings] == ["reproduced", *code]


@pytest.mark.parametrize(
    ("predicted", "times", "count"), [(0.003, 1, 20), (0.003, 3, 20), (0.997, 19, 20), (0.5, 30, 100), (0.5, 36, 100)]
)
def test_rare_responses_in_small_bins_are_off_only_beyond_chance(predicted, times, count):
    """Where three standard errors, which hold for many trials, would be exceeded by one rare response in twenty."""
    curve = pd.DataFrame({"probability": [predicted], "observed": [times / count], "count": [count]})
    table = pd.DataFrame({"observed": [0.0], "low": -1.0, "high": 1.0, "tail": 0.5})
    check = tw.results.Check("one-step", table, pd.DataFrame(np.random.default_rng(1).normal(size=(50, 1))), curve)
    farther = sum(
        math.comb(count, k) * predicted**k * (1 - predicted) ** (count - k)
        for k in range(count + 1)
        if (k >= times if times / count > predicted else k <= times)
    )
    assert ("calibration" in [finding.code for finding in check.findings]) == (farther < 0.00135)


def test_the_past_of_one_step_predictions_by_hand():
    def one(choice, outcome):
        return tw.Trials(
            ("a",),
            np.array([0, 4]),
            choice=np.array(choice),
            outcome={"outcome": np.array(outcome)},
            levels={"action": (0, 1)},
        )

    recorded, drawn = one([0, 0, 1, 1], [1.0, 0.0, 0.0, 1.0]), one([1, 0, 0, 1], [np.nan, 0.0, np.nan, 1.0])
    table = general(drawn, recorded).iloc[0]
    assert table["share of 0"] == 0.5 and table["repeated"] == 1.0  # 0 after 0, 0 after 0, 1 after 1
    assert table["repeated after better"] == 1.0 and table["repeated after worse"] == 1.0
    with pytest.raises(tw.errors.UsageError, match="the same participants with as many"):
        general(drawn, recorded.first(3))
    with pytest.raises(tw.errors.UsageError, match="the same participants with as many"):
        tw.behaviour.of_responses(drawn, recorded.first(3))


CONDITIONED = {"alpha": (0.2, 0.5), "intercept": (0, 1), "slope": (0.5, 1.5), "noise": (0.2, 0.4)}


@pytest.fixture(scope="module")
def conditioned():
    """Continuous responses, a few missing."""
    learner, task = tw.learners.RescorlaWagner(), tw.environments.Conditioning(60, 40, 24)
    trials = tw.simulate(learner, task, CONDITIONED, participants=8, seed=1).trials
    response = trials.response["response"].copy()
    response[[3, 100, 101]] = np.nan
    return replace(trials, response={"response": response})


def test_measures_of_continuous_responses(conditioned):
    one = conditioned.select([conditioned.participants[2]])
    table, y = tw.behaviour.measured(one), one.response["response"]
    cue = one.columns["cue"].values
    third = np.arange(100) * 3 // 100
    expected = {
        "response: mean": np.nanmean(y),
        "response: sd": np.nanstd(y, ddof=1),
        "response: mean at CS+": np.nanmean(y[cue == 0]),
        "response: mean at CS-": np.nanmean(y[cue == 1]),
        "response: late - early": np.nanmean(y[third == 2]) - np.nanmean(y[third == 0]),
        "response: change": np.nanmean(abs(np.diff(y))),
    }
    assert list(table.columns) == list(expected)
    np.testing.assert_allclose(table.iloc[0], list(expected.values()))


def test_continuous_responses_are_checked(conditioned, tmp_path):
    fit = tw.fit(tw.learners.RescorlaWagner(), conditioned, draws=200, chains=2, seed=1, progress=False)
    check = tw.check(fit, datasets=60, progress=False)
    assert check.kind == "one-step" and len(check.missed) <= 1
    np.testing.assert_allclose(check.calibration["observed"], check.calibration["probability"], atol=0.06)
    assert (check.calibration["count"] == 797).all()
    drawn = one_step(fit.learner, conditioned, fit.means(), 0)
    assert (np.isnan(drawn.response["response"]) == np.isnan(conditioned.response["response"])).all()
    np.testing.assert_array_equal(drawn.outcome["outcome"], conditioned.outcome["outcome"])
    rollout = tw.check(fit, tw.environments.Conditioning(60, 40, 24), datasets=20, progress=False)
    assert rollout.kind == "rollout" and len(rollout.missed) <= 2 and rollout.plot().axes
    page = tw.report(fit, tmp_path / "page.html", checks=check, progress=False).read_text("utf-8")
    assert "response: mean at CS+" in page
    shifted = replace(conditioned, response={"response": conditioned.response["response"] ** 3})
    wrong = calibration(fit.learner, shifted, fit.means())
    assert abs(wrong["observed"] - wrong["probability"]).max() > 0.1


def test_measures_of_any_environment():
    trials = tw.simulate(
        tw.QLearning(), tw.environments.RestlessBandit(trials=80), {"alpha": 0.5, "beta": 0.2, "forget": 0}, seed=1
    ).trials
    table = measured(trials)
    assert list(table.columns) == list(general(trials).columns)
    assert table[[f"share of {k}" for k in range(4)]].sum(axis=1).item() == pytest.approx(1)
    choice, got = trials.choice, trials.outcome["outcome"]
    stay = choice[1:] == choice[:-1]
    better = got[:-1] > got.mean()
    assert table["repeated"].item() == pytest.approx(stay.mean())
    assert table["repeated after better"].item() == pytest.approx(stay[better].mean())
    assert table["repeated after worse"].item() == pytest.approx(stay[~better].mean())


def test_a_fit_is_checked_on_the_command_line(fit, tmp_path):
    fit.save(tmp_path / "fit.nc")
    result = CliRunner().invoke(
        app, ["check", str(tmp_path / "fit.nc"), "--environment", "AlienTask", "--datasets", "5"]
    )
    assert result.exit_code == 0 and "5 simulated data sets" in result.output
    table = pd.read_csv(tmp_path / "check.csv", index_col="measure")
    expected = tw.check(fit, tw.environments.AlienTask(), datasets=5, progress=False).table
    np.testing.assert_allclose(table["tail"], expected["tail"])
    assert (tmp_path / "check_plot.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "calibration.csv").is_file()
    one_step = CliRunner().invoke(
        app, ["check", str(tmp_path / "fit.nc"), "--datasets", "3", "-o", str(tmp_path / "led")]
    )
    assert "given the real past" in " ".join(one_step.output.split()) and (tmp_path / "led" / "check.csv").is_file()
