"""A task of the alien task's shape that is another task: every step from simulation to report, and likelihoods by enumeration."""

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest

import trialwise as tw
from trialwise.environments import Environment, Shown

QUIET = {"progress": False}
FLAT = tw.QLearning(initial=0.5)
SETS = tw.learners.TaskSets(initial=0.5, sets=2)
P = {"alpha": 0.35, "beta": 0.9, "forget": 0.08, "alpha_high": 0.25, "beta_high": 0.7, "forget_high": 0.04}
SHORT = {"draws": 25, "chains": 2, "seed": 3, **QUIET}


@dataclass(frozen=True)
class Rooms(Environment):
    """Two rooms by five doors, keys in another order than their names; a key may cost points."""

    trials: int = 30

    levels = {"context": ("red", "blue"), "cue": ("e", "d", "c", "b", "a"), "action": ("up", "no", "down")}
    reads = ("context", "cue")

    @property
    def mean_rewards(self):
        """Points, ``(rooms, doors, keys)``."""
        means = np.full((2, 5, 3), -1.0)
        for room in range(2):
            for door in range(5):
                means[room, door, (door + 2 * room) % 3] = 2.0 + door / 2
        return means

    def show(self, random):
        """Rooms alternate every five trials; doors are drawn at random."""
        number = np.arange(self.trials)
        return Shown(self.trials, {"context": number // 5 % 2, "cue": random.integers(0, 5, self.trials)})

    def potential(self, shown, random):
        """Points without noise."""
        return self.mean_rewards[shown["context"], shown["cue"]]


@dataclass(frozen=True)
class Upright(Rooms):
    """As many contexts, cues and actions as in the alien task, where the first action is always the best."""

    levels = {"context": ("x", "y", "z"), "cue": ("p", "q", "r", "s"), "action": ("up", "no", "down")}

    @property
    def mean_rewards(self):
        """Points, ``(3, 4, 3)``."""
        means = np.zeros((3, 4, 3))
        means[:, :, 0] = 5.0
        return means

    def show(self, random):
        """All contexts in turn."""
        number = np.arange(self.trials)
        return Shown(self.trials, {"context": number // 4 % 3, "cue": random.integers(0, 4, self.trials)})


def log_softmax(values):
    return values - np.log(np.exp(values).sum())


def flat_oracle(p, context, cue, choice, outcome):
    q, total = np.full((2, 5, 3), 0.5), 0.0
    for x, s, a, r in zip(context, cue, choice, outcome, strict=True):
        total += log_softmax(p["beta"] * q[x, s])[a]
        q += p["forget"] * (0.5 - q)
        q[x, s, a] += p["alpha"] * (r - q[x, s, a])
    return total


def joint_oracle(p, hidden, context, cue, choice, outcome):
    """Log-probability of the choices together with one sequence of hidden choices."""
    low, high, total = np.full((2, 5, 3), 0.5), np.full((2, 2), 0.5), 0.0
    for z, x, s, a, r in zip(hidden, context, cue, choice, outcome, strict=True):
        total += log_softmax(p["beta_high"] * high[x])[z] + log_softmax(p["beta"] * low[z, s])[a]
        low += p["forget"] * (0.5 - low)
        high += p["forget_high"] * (0.5 - high)
        low[z, s, a] += p["alpha"] * (r - low[z, s, a])
        high[x, z] += p["alpha_high"] * (r - high[x, z])
    return total


def columns(trials, n):
    own = trials.participant_index == n
    return (
        *(trials.columns[name].values[own] for name in ("context", "cue")),
        trials.choice[own],
        trials.outcome["outcome"][own],
    )


@pytest.fixture(scope="module")
def simulated():
    return {
        "flat": tw.simulate(FLAT, Rooms(), {name: P[name] for name in FLAT.names}, participants=3, seed=5),
        "sets": tw.simulate(SETS, Rooms(), P, participants=3, seed=5),
    }


def test_the_flat_likelihood_is_that_of_the_equations(simulated):
    trials = simulated["flat"].trials
    result = tw.log_likelihood(FLAT, trials, {name: P[name] for name in FLAT.names})
    np.testing.assert_allclose(result, [flat_oracle(P, *columns(trials, n)) for n in range(3)], rtol=1e-10)


def test_the_hidden_likelihood_is_the_sum_over_all_sequences(simulated):
    trials = simulated["sets"].trials.first(8)
    sequences = list(product(range(2), repeat=8))
    expected = [
        np.logaddexp.reduce([joint_oracle(P, hidden, *columns(trials, n)) for hidden in sequences]) for n in range(3)
    ]
    np.testing.assert_allclose(tw.log_likelihood(SETS, trials, P, method="exact"), expected, rtol=1e-10)
    estimate = tw.log_likelihood(SETS, trials, P, particles=2000, filters=4, seed=1)
    np.testing.assert_allclose(estimate, expected, atol=0.05)


@pytest.fixture(scope="module")
def fits(simulated):
    trials = simulated["flat"].trials
    return {"flat": tw.fit(FLAT, trials, tune=40, **SHORT), "sets": tw.fit(SETS, trials, **SHORT)}


@pytest.mark.sample
@pytest.mark.parametrize("name", ["flat", "sets"])
def test_every_verb_takes_it(name, fits, tmp_path):
    fit = fits[name]
    assert fit.trials.levels["action"] == ("up", "no", "down") and fit.trials.levels["cue"] == ("e", "d", "c", "b", "a")
    assert np.isfinite(fit.summary()["mean"]).all()
    check = tw.check(fit, Rooms(), datasets=3, **QUIET)
    shares = [f"share of {action}" for action in ("up", "no", "down")]
    assert set(shares) <= set(check.table.index)
    np.testing.assert_allclose(check.table.loc[shares, "observed"].sum(), 1.0)
    for kind, task in (("rollout", Rooms()), ("one-step", None)):
        prediction = tw.predict(fit, kind, task, datasets=2)
        assert prediction[1].levels == fit.trials.levels and prediction[1].n_trials == 90
    page = tw.report(fit, tmp_path / "page.html", checks="one-step", datasets=2, **QUIET).read_text("utf-8")
    assert "share of down" in page


@pytest.mark.sample
def test_learners_are_compared_on_it(fits):
    table = tw.compare(fits, draws=30, particles=32, **QUIET).table
    assert set(table.index) == {"flat", "sets"} and np.isfinite(table["elpd"]).all()


@pytest.mark.study
@pytest.mark.parametrize("model", [FLAT, SETS], ids=["flat", "sets"])
def test_parameters_are_recovered_on_it(model):
    truth = {name: P[name] for name in model.names}
    study = tw.recover(model, Rooms(), truth, 2, participants=3, tune=40, workers=1, **SHORT)
    assert not study.points[["true", "mean"]].isna().any(axis=None) and set(study.points["parameter"]) == set(
        model.names
    )


def test_choices_are_scored_by_the_rewards_of_the_task_itself():
    trials = tw.simulate(FLAT, Upright(), {"alpha": 0.9, "beta": 5.0, "forget": 0.0}, participants=2, seed=1).trials
    always = replace(trials, choice=np.zeros_like(trials.choice))
    assert (tw.behaviour.scored(always, Upright().mean_rewards)["correct"] == 1).all()
    assert (tw.behaviour.measured(always, Upright().mean_rewards)["accuracy"] == 1).all()
    assert "accuracy" not in tw.behaviour.measured(always)


@pytest.mark.sample
def test_a_check_scores_choices_by_the_rewards_of_its_environment():
    trials = tw.simulate(FLAT, Upright(), {"alpha": 0.9, "beta": 5.0, "forget": 0.0}, participants=2, seed=1).trials
    always = replace(trials, choice=np.zeros_like(trials.choice), outcome={"outcome": np.full(trials.n_trials, 5.0)})
    fit = tw.fit(FLAT, always, tune=40, **SHORT)
    assert tw.check(fit, Upright(), datasets=3, **QUIET).table.loc["accuracy", "observed"] == 1
    assert "accuracy" not in tw.check(fit, datasets=3, **QUIET).table.index
