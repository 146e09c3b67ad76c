"""Baselines: against plain loops, and added to comparisons."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.cli.output.words import in_options
from trialwise.learners.baselines import baselines_for

FRAME = pd.DataFrame(
    {
        "participant": ["a"] * 10,
        "choice": [0, 2, 0, 1, 1, 2, 2, 0, 1, 1],
        "reward": [1, 0, 1, 0.5, 1, 1, 0, 0, 1, 1],
    }
)
TRIALS = tw.read_long(FRAME, trial=False)


def test_the_baselines_of_choices():
    made = baselines_for(TRIALS)
    assert set(made) == {"RandomResponding", "NoisyWinStayLoseShift", "ChoiceKernel", "HistoryRegression"}
    assert made["RandomResponding"].names == ("bias_1", "bias_2")
    assert made["NoisyWinStayLoseShift"].settings["threshold"] == pytest.approx(0.65)


# -- against plain loops --------------------------------------------------------------------------------------------------------


def rough(actions: int, masked: bool, seed: int = 1, outcomes: tuple[str, ...] = ("outcome",)) -> tw.Trials:
    """Graded outcomes of both signs; missed trials, some with an outcome; choices without one; forced choices, resets, masks."""
    random = np.random.default_rng(seed)
    offsets = np.array([0, 60, 61, 110])
    count = offsets[-1]
    available = random.random((count, actions)) < 0.6
    choice = random.integers(0, actions, count)
    available[np.arange(count), choice] = True
    choice[random.random(count) < 0.15] = -1
    values = {name: random.normal(0.2, 1.0, count).round(2) for name in outcomes}
    empty = random.random(count) < 0.25
    trials = tw.Trials(
        participants=("a", "b", "c"),
        offsets=offsets,
        choice=choice,
        outcome={name: np.where(empty, np.nan, each) for name, each in values.items()},
        reset=random.random(count) < 0.06,
        scored=random.random(count) > 0.2,
        available=available if masked else None,
        levels={"action": tuple(range(actions))},
    )
    chose = choice >= 0
    assert (chose & empty).any()
    assert (~chose & ~empty).any()
    assert (chose & ~trials.scored).any()
    return trials


class History:
    """What a participant chose and got since the last reset: ``(choice, outcome)``, the outcome NaN without one."""

    def __init__(self, trials: tw.Trials):
        self.trials = trials

    def likelihoods(self, probabilities) -> list[float]:
        """Log-likelihood of each participant; ``probabilities(past, open actions)`` are those of all actions."""
        trials, result = self.trials, []
        for first, end in itertools.pairwise(trials.offsets):
            past, total = [], 0.0
            for t in range(first, end):
                if trials.reset[t]:
                    past = []
                choice = trials.choice[t]
                if choice < 0:
                    continue
                every = range(trials.sizes["action"])
                masked = trials.available is not None
                usable = [a for a in every if trials.available[t, a]] if masked else list(every)
                if trials.scored[t]:
                    total += math.log(probabilities(past, usable)[choice])
                past.append((choice, trials.outcome["outcome"][t]))
            result.append(total)
        return result


def softmax_of(logits: dict[int, float]) -> dict[int, float]:
    total = sum(map(math.exp, logits.values()))
    return {action: math.exp(logit) / total for action, logit in logits.items()}


def random_responding(past, usable):
    return softmax_of({a: BIASES[a] for a in usable})


def win_stay_lose_shift(past, usable):
    informed = [(c, r) for c, r in past if not math.isnan(r)]
    p = dict.fromkeys(usable, 1 / len(usable))
    if informed and informed[-1][0] in usable and len(usable) > 1:
        last, better = informed[-1][0], informed[-1][1] > 0.1
        for a in usable:
            rule = float(a == last) if better else (a != last) / (len(usable) - 1)
            p[a] = 0.3 / len(usable) + 0.7 * rule
    return p


def choice_kernel(past, usable):
    kernel = dict.fromkeys(range(8), 0.0)
    for c, _ in past:
        kernel = {a: 0.8 * k + 0.2 * (a == c) for a, k in kernel.items()}
    return softmax_of({a: 1.5 * kernel[a] for a in usable})


def history_regression(past, usable):
    logits = dict.fromkeys(range(8), 0.0)
    for k, (c, r) in enumerate(past[:-4:-1]):
        logits[c] += HABIT[k] + (0.0 if math.isnan(r) else REWARD[k] * (r - 0.1))
    return softmax_of({a: logits[a] for a in usable})


BIASES = [0.0, 0.4, -0.3, 1.1, 0.2, -0.9, 0.6, -0.1]
REWARD, HABIT = (1.2, 0.6, -0.2), (0.3, -0.1, 0.2)
LEARNERS = {
    random_responding: (tw.learners.RandomResponding(), {f"bias_{a}": BIASES[a] for a in range(1, 8)}),
    win_stay_lose_shift: (tw.learners.NoisyWinStayLoseShift(threshold=0.1), {"noise": 0.3}),
    choice_kernel: (tw.learners.ChoiceKernel(), {"alpha_choice": 0.2, "beta_choice": 1.5}),
    history_regression: (
        tw.learners.HistoryRegression(threshold=0.1),
        {f"reward_{k + 1}": w for k, w in enumerate(REWARD)} | {f"choice_{k + 1}": v for k, v in enumerate(HABIT)},
    ),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("actions", [2, 3, 5, 8])
@pytest.mark.parametrize("loop", LEARNERS)
def test_baselines_against_plain_loops(loop, actions, masked):
    learner, values = LEARNERS[loop]
    idle = [f"bias_{a}" for a in range(actions, 8)] if loop is random_responding else []
    learner, trials = learner.fix(**dict.fromkeys(idle, 0.0)), rough(actions, masked)
    values = {name: value for name, value in values.items() if name not in idle}
    expected = History(trials).likelihoods(loop)
    np.testing.assert_allclose(tw.log_likelihood(learner, trials, values, plain=True), expected, rtol=1e-12)
    if actions == 3 and masked:
        np.testing.assert_allclose(tw.log_likelihood(learner, trials, values), expected, rtol=1e-12)


# -- for which data -------------------------------------------------------------------------------------------------------------


def test_choices_without_outcomes_have_baselines_of_choices_alone():
    test_phase = replace(TRIALS, outcome={})
    assert set(baselines_for(test_phase)) == {"RandomResponding", "ChoiceKernel"}
    gains = replace(TRIALS, outcome={"gain": TRIALS.outcome["outcome"], "loss": TRIALS.outcome["outcome"]})
    assert set(baselines_for(gains)) == {"RandomResponding", "ChoiceKernel"}
    alike = replace(TRIALS, outcome={"outcome": np.ones(10)})
    assert set(baselines_for(alike)) == {"RandomResponding", "ChoiceKernel"}


@pytest.mark.parametrize(
    ("outcomes", "threshold"),
    [
        ([0.0, 1.0] * 20, 0.5),
        ([1.0] * 1999 + [0.0], 0.9995),  # rounded to 1, no outcome would be better
        ([0.0001, 0.0003], 0.0002),
        ([1000.25, 1000.75], 1000.5),
        ([-3.0, 1.0], -1.0),
    ],
)
def test_the_threshold_is_the_mean_outcome(outcomes, threshold):
    count = len(outcomes)
    frame = pd.DataFrame({"participant": "a", "choice": [0, 1] * (count // 2), "reward": outcomes})
    trials = tw.read_long(frame, trial=False)
    made = baselines_for(trials)["NoisyWinStayLoseShift"].settings["threshold"]
    assert made == pytest.approx(threshold, abs=0.01 * np.std(outcomes))
    np.testing.assert_array_equal(np.array(outcomes) > made, np.array(outcomes) > np.mean(outcomes))


def test_outcomes_without_a_choice_do_not_move_the_threshold():
    frame = pd.DataFrame({"participant": "a", "choice": [0, 1, None, None], "reward": [0.0, 1.0, 50.0, 70.0]})
    trials = tw.read_long(frame, trial=False)
    assert baselines_for(trials)["NoisyWinStayLoseShift"].settings["threshold"] == 0.5


def test_biases_of_actions_that_the_data_lack_are_refused_with_what_to_type():
    learner = tw.learners.RandomResponding()
    with pytest.raises(tw.errors.UsageError) as caught:
        tw.point(learner, TRIALS)
    typed = "RandomResponding().fix(bias_3=0, bias_4=0, bias_5=0, bias_6=0, bias_7=0)"
    assert str(caught.value).endswith(f"-> {typed}")
    assert in_options(caught.value.message).endswith(
        "-> --fix bias_3=0 --fix bias_4=0 --fix bias_5=0 --fix bias_6=0 --fix bias_7=0"
    )
    assert baselines_for(TRIALS)["RandomResponding"] == eval(typed, {"RandomResponding": tw.learners.RandomResponding})
    with pytest.raises(tw.errors.UsageError, match="bias_2, bias_3"):
        tw.simulate(learner, tw.environments.ProbabilisticReversal(), dict.fromkeys(learner.names, 0.0), seed=1)
    tied = learner.fix(**{f"bias_{a}": 0 for a in range(4, 8)}).tie(bias_1="bias_3")
    assert np.isfinite(
        tw.log_likelihood(tied, TRIALS, {"bias_2": 0.1, "bias_3": 0.2}, plain=True)
    ).all()  # at work as bias_1
    ten = tw.read_long(FRAME.assign(choice=range(10)), trial=False)
    with pytest.raises(tw.errors.UsageError, match="parameters of 8 actions; the data have 10"):
        tw.point(learner, ten)
    assert "RandomResponding" not in baselines_for(ten)


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


@pytest.fixture(scope="module")
def rated() -> tw.Trials:
    """Choices with a rating on each trial."""
    return tw.read_long(
        FRAME.assign(rating=[0.1, 0.4, 0.2, 0.9, 0.5, 0.3, 0.8, 0.6, 0.7, 0.2]), trial=False, response="rating"
    )


def test_a_learner_is_compared_with_baselines_of_its_own_responses(rated):
    rating = tw.point(tw.learners.ConstantResponse(), rated)
    choosing = tw.point(tw.QLearning().fix(forget=0), rated)
    assert [*tw.compare({"q": choosing}, baselines=True).table.index].count("ConstantResponse") == 0
    with pytest.raises(
        tw.errors.UsageError, match="'r' response: learners are compared by how well they predict the same"
    ):
        tw.compare({"q": choosing, "r": rating})


@tw.learner
class Counts:
    rate: float = tw.positive("mean count")

    @tw.responses.poisson
    def respond(self, nothing, trial):
        return self.rate


def test_responses_without_a_baseline_are_refused(rated):
    counts = tw.read_long(
        pd.DataFrame({"participant": "a", "n": [1, 2, 0, 4]}), trial=False, response="n", outcome=False
    )
    with pytest.raises(tw.errors.UsageError, match=r"none of response \(poisson\): leave it out"):
        tw.compare({"counts": tw.point(Counts(), counts)}, baselines=True)


def test_an_own_fit_of_a_baseline_takes_its_place():
    kernel = tw.point(tw.learners.ChoiceKernel(), TRIALS)
    names = [*tw.compare({"habit": kernel}, baselines=True).table.index]
    assert "habit" in names
    assert "ChoiceKernel" not in names


def test_rows_of_several_stages_have_baselines_that_need_no_outcome():
    made = baselines_for(TRIALS, {"choice": "categorical"}, staged=True)
    assert set(made) == {"RandomResponding", "ChoiceKernel"}


def test_arguments_are_checked_before_baselines_are_fitted(monkeypatch):
    monkeypatch.setattr("trialwise.analysis.comparison.compare.with_baselines", None)
    point = tw.point(tw.learners.ChoiceKernel(), TRIALS)
    with pytest.raises(tw.errors.UsageError, match="for points, wanted one of"):
        tw.compare({"a": point}, "future", baselines=True)


def test_biases_are_relative_to_one_action_of_each_set_that_is_offered_together():
    """Two of a first stage, then three: the softmax of each stage has one bias less than actions."""
    available = np.tile([[1, 1, 0, 0, 0], [0, 0, 1, 1, 1]], (5, 1)).astype(bool)
    staged = replace(TRIALS, available=available, levels={"action": ("red", "blue", "5", "50", "95")})
    assert baselines_for(staged)["RandomResponding"].names == ("bias_1", "bias_3", "bias_4")
    pairs = np.array([[1, 1, 0], [0, 1, 1]] * 5, bool)  # all are compared with each other by the second
    assert baselines_for(replace(TRIALS, available=pairs))["RandomResponding"].names == ("bias_1", "bias_2")


# -- fitted by hand to rows of stages -------------------------------------------------------------------------------------------

BETS = "colour: choice=colour, outcome=0; bet: choice=bet, outcome=win"
OFFERED = {"red": "stage == 'colour'", "blue": "stage == 'colour'"} | dict.fromkeys(
    ("low", "mid", "high"), "stage == 'bet'"
)


def bets(count: int = 60) -> pd.DataFrame:
    """A colour and a bet on it in each row, of two participants; some bets were missed."""
    random = np.random.default_rng(4)
    frame = pd.DataFrame({"id": np.repeat(["a", "b"], count // 2)})
    frame["colour"] = random.choice(["red", "blue"], count, p=[0.7, 0.3])
    frame["bet"] = random.choice(["low", "mid", "high"], count, p=[0.5, 0.3, 0.2])
    frame["win"] = random.integers(0, 2, count)
    frame.loc[[3, 40], "bet"] = None
    return frame


def bic_by_pandas(frame: pd.DataFrame) -> float:
    """BIC of the observed frequencies of each stage: a parameter less than options in each, and all choices counted."""
    total = 0.0
    for _, part in frame.groupby("id"):
        counts = [part[stage].value_counts() for stage in ("colour", "bet")]
        fitted = sum((each * np.log(each / each.sum())).sum() for each in counts)
        total += sum(len(each) - 1 for each in counts) * np.log(sum(each.sum() for each in counts)) - 2 * fitted
    return total


def test_random_responding_by_hand_is_the_baseline_of_stages():
    frame = bets()
    trials = tw.read_long(frame, expand=BETS, available=OFFERED, actions=[*OFFERED])
    with pytest.raises(tw.errors.UsageError, match="never available together") as caught:
        tw.point(tw.learners.RandomResponding(), trials)
    typed = str(caught.value).split("-> ")[1]
    assert typed == "RandomResponding().fix(bias_2=0, bias_5=0, bias_6=0, bias_7=0)"
    assert in_options(caught.value.message).endswith("-> --fix bias_2=0 --fix bias_5=0 --fix bias_6=0 --fix bias_7=0")
    by_hand = eval(typed, {"RandomResponding": tw.learners.RandomResponding})
    assert by_hand == baselines_for(trials)["RandomResponding"]
    other = tw.learners.RandomResponding().fix(
        bias_4=0, bias_5=0, bias_6=0, bias_7=0
    )  # another action of the bets as the reference
    points = {"hand": tw.point(by_hand, trials), "other": tw.point(other, trials)}
    table = tw.compare(points, baselines=True).table
    assert set(table.index) == {"hand", "other", "ChoiceKernel"}
    assert table.loc["hand", "parameters"] == 6
    for name in points:
        assert table.loc[name, "bic"] == pytest.approx(bic_by_pandas(frame), abs=1e-3)
    tied = tw.learners.RandomResponding().fix(bias_5=0, bias_6=0, bias_7=0)
    with pytest.raises(tw.errors.UsageError, match=r"-> .*fix\(bias_3=0\)"):
        tw.point(tied.tie(bias_2="bias_3", bias_4="bias_3"), trials)  # all alike: they say nothing
    assert np.isfinite(tw.point(tied.tie(bias_2="bias_1"), trials).log_likelihood)  # held by the colours


@pytest.mark.parametrize("learner", ["NoisyWinStayLoseShift", "HistoryRegression"])
def test_baselines_that_take_rows_for_trials_are_refused_for_rows_of_stages(learner):
    baseline = getattr(tw.learners, learner)(threshold=0.5)
    trials = tw.read_long(bets(), expand=BETS, available=OFFERED, actions=[*OFFERED])
    with pytest.raises(tw.errors.UsageError, match=f"{learner} takes the row before for the trial before"):
        tw.point(baseline, trials)
    series = tw.read_long(
        pd.DataFrame({"id": "a", "n": [2, 3, 1], "burst": [0, 1, 0]}), expand="repeats: count=n, ended=burst"
    )
    with pytest.raises(tw.errors.UsageError, match="several rows"):
        tw.point(baseline, series)
    assert tw.point(baseline, replace(trials, expansion=None)).log_likelihood < 0
    one = tw.read_long(bets(), expand="colour: choice=colour, outcome=win")
    assert tw.point(baseline, one).log_likelihood < 0


def test_baselines_that_take_rows_for_trials_are_not_compared_with_learners_of_stages():
    task = tw.environments.TwoStepTask(trials=40)
    truth = {
        "alpha": 0.4,
        "beta": 2,
        "alpha_second": 0.3,
        "beta_second": 3,
        "perseveration": 0.3,
        "omega": 0.6,
        "trace": 0.5,
    }
    trials = tw.simulate(tw.learners.HybridTwoStep(), task, truth, participants=2, seed=1).trials
    points = {
        "hybrid": tw.point(tw.learners.HybridTwoStep(), trials),
        "wsls": tw.point(tw.learners.NoisyWinStayLoseShift(threshold=0.5), trials),
    }
    with pytest.raises(
        tw.errors.UsageError, match="'wsls' is of NoisyWinStayLoseShift, which takes each row for a trial"
    ):
        tw.compare(points)
