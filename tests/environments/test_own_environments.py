"""Environments that users write: order of labels, resets, mean rewards, text."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.environments import Environment, Shown

pytestmark = pytest.mark.sample
LEARNER = tw.QLearning()
VALUES = {"alpha": 0.3, "beta": 4.0, "forget": 0.0}
SHORT = {"draws": 30, "tune": 30, "chains": 2, "progress": False}


class Go(Environment):
    """Going pays, staying does not; labels are not in alphabetical order."""

    levels = {"action": ("stay", "go")}

    def show(self, random):
        """Thirty trials."""
        return Shown(30)

    def potential(self, shown, random):
        """Rewards with probabilities .1 and .9."""
        return (random.random((shown.trials, 2)) < (0.1, 0.9)).astype(float)


class Cued(Go):
    """No context; two cues, of which the second has equally good actions."""

    levels = {"cue": ("a", "b"), "action": ("left", "right")}
    reads = ("cue",)
    mean_rewards = np.array([[[0.3, 0.7], [0.5, 0.5]]])

    def show(self, random):
        """Cues in turn."""
        return Shown(30, {"cue": np.arange(30) % 2})

    def potential(self, shown, random):
        """Rewards with these probabilities."""
        return (random.random((shown.trials, 2)) < self.mean_rewards[0, shown["cue"]]).astype(float)


class Resetting(Go):
    """An outcome is the number of resets that the environment knows of."""

    def show(self, random):
        """A reset before trials 1 and 11."""
        return Shown(20, reset=np.isin(np.arange(20), (0, 10)))

    def potential(self, shown, random):
        """The number of resets."""
        return np.full((shown.trials, 2), float(0 if shown.reset is None else shown.reset.sum()))


def test_the_same_labels_in_another_order_are_refused(tmp_path):
    simulation = tw.simulate(LEARNER, Go(), VALUES, participants=3, seed=1)
    assert Go().on(simulation.trials).shown(0).trials == 30
    simulation.save(tmp_path)
    trials = tw.read_long(tmp_path / "trials.csv")
    with pytest.raises(
        tw.errors.UsageError, match=r"same in another order, go, stay: .*levels=\{\"action\": \['stay', 'go'\]\}"
    ):
        Go().on(trials)
    declared = tw.read_long(tmp_path / "trials.csv", levels={"action": ["stay", "go"]})
    fit = tw.fit(LEARNER, declared, **SHORT)
    share = tw.check(fit, Go(), datasets=10, progress=False).table.loc["share of go"]
    assert abs(share["observed"] - share["predicted"]) < 0.2


def test_recorded_sequences_keep_resets():
    trials = tw.simulate(LEARNER, Resetting(), VALUES, participants=2, seed=1).trials
    again = tw.simulate(LEARNER, Resetting().on(trials), VALUES, seed=2).trials
    np.testing.assert_array_equal(again.outcome["outcome"], trials.outcome["outcome"])
    assert again.outcome["outcome"].mean() == 2 and again.reset.sum() == trials.reset.sum() == 4


def test_mean_rewards_without_a_context_and_with_equally_good_actions():
    trials = tw.simulate(LEARNER, Cued(), VALUES, participants=4, seed=1).trials
    frame = tw.behaviour.scored(trials, Cued.mean_rewards)
    assert frame.loc[frame["cue"] == 1, "correct"].isna().all()
    first = frame[frame["cue"] == 0]
    np.testing.assert_array_equal(first["correct"], (first["choice"] == 1).astype(float))
    fit = tw.fit(LEARNER, trials, **SHORT)
    check = tw.check(fit, Cued(), datasets=3, progress=False)
    expected = first.groupby("participant", observed=True)["correct"].mean().mean()
    assert check.table.loc["accuracy", "observed"] == pytest.approx(expected)
    with pytest.raises(tw.errors.UsageError, match="finite numbers"):
        tw.behaviour.measured(trials, np.full((1, 2, 2), np.nan))


def test_measures_of_ones_own():
    trials = tw.simulate(LEARNER, Go(), VALUES, participants=3, seed=1).trials
    fit = tw.fit(LEARNER, trials, **SHORT)

    def check(measure):
        return tw.check(fit, datasets=2, measures=measure, progress=False)

    labels = [str(each) for each in trials.participants]
    assert list(check(lambda t: pd.DataFrame({"participant": labels, "n": t.lengths})).table.index) == ["n"]
    for wrong in (lambda t: t.n_trials, lambda t: pd.Series({"a": 1.0}), lambda t: pd.DataFrame({"a": ["x"]})):
        with pytest.raises(tw.errors.UsageError, match="measures= returned"):
            check(wrong)


def test_text_of_an_environment_and_labels_that_differ_as_text():
    class Fancy(Go):
        def __init__(self, chance):
            self.chance, self._hidden = chance, object()

    assert repr(Go()) == "Go()" and repr(Fancy(0.3)) == "Fancy(chance=0.3)"
    with pytest.raises(tw.errors.UsageError, match="differ as text"):
        tw.simulate(LEARNER, Go(), VALUES, participants=[1, "1"])


def test_unequal_lengths_are_checked():
    trials = tw.simulate(LEARNER, Go(), VALUES, participants=3, seed=1).trials.first(np.array([30, 12, 20]))
    fit = tw.fit(LEARNER, replace(trials), **SHORT)
    table = tw.check(fit, datasets=3, progress=False).table
    shares = [float((trials.choice[a:b] == 1).mean()) for a, b in zip(trials.offsets, trials.offsets[1:], strict=False)]
    assert table.loc["share of go", "observed"] == pytest.approx(np.mean(shares))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"levels": {"action": 2}}, r"levels\['action'\] is 2; wanted its labels"),
        ({"levels": {"action": ("a", "a")}}, "has a label twice: a, a"),
        ({"show": lambda self, random: 20}, "show gave 20; wanted Shown"),
        ({"show": lambda self, random: tw.environments.Shown(20.0)}, "a whole number of trials"),
        (
            {"show": lambda self, random: tw.environments.Shown(2, {"cue": np.array(["a", "b"])})},
            "wanted codes of labels",
        ),
    ],
)
def test_mistakes_in_an_environment_are_named(members, message):
    right = {
        "levels": {"action": ("left", "right")},
        "show": lambda self, random: tw.environments.Shown(4),
        "potential": lambda self, shown, random: np.zeros((shown.trials, 2)),
    }
    own = type("Own", (tw.environments.Environment,), right | members)()
    with pytest.raises(tw.errors.UsageError, match=message):
        tw.simulate(tw.QLearning(initial=0.5), own, {"alpha": 0.3, "beta": 2.0, "forget": 0.0})
