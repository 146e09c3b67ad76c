"""Response families: automatic discovery; a new family, and two families in one learner, need only the family's own definition."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

import trialwise as tw
from oracles.waiting import WAITING
from trialwise import check_learner, constant, learner, positive, real, unit
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.errors import UsageError
from trialwise.data.trials import Trials
from trialwise.engine import run
from trialwise.engine.flags import FLAGS, RESPONDED, SCORED, responded
from trialwise.engine.packing import pack
from trialwise.environments import Conditioning
from trialwise.learners.learner import Learner
from trialwise.learners.responses import FAMILIES, families_in


@learner
class Waiter:
    """Waiting times whose rate depends on an expectation."""

    alpha: float = unit("learning rate")
    base: float = positive("rate at expectation 0")
    slope: float = real("log rate per unit of expectation")
    initial: float = constant(0.0, "expectation before any outcome")

    def start(self, task):
        return task.table("cue", fill=self.initial)

    @WAITING.of
    def respond(self, v, trial):
        return (self.base * np.exp(self.slope * v[trial.cue]),)

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


VALUES = {"alpha": 0.3, "base": 0.8, "slope": 0.5}


def test_families_are_discovered():
    assert list(FAMILIES) == [
        "categorical",
        "lognormal",
        "negative_binomial",
        "normal",
        "ordered",
        "poisson",
        "slider",
        "student",
        "von_mises",
    ]
    for name, family in FAMILIES.items():
        assert (
            family.name == name and family.columns and family.parameters and set(family.random) <= {"uniform", "normal"}
        )
    assert dict(tw.QLearning().responses) == {"choice": FAMILIES["categorical"]}
    assert dict(tw.learners.RescorlaWagner().responses) == {"response": FAMILIES["normal"]}
    assert [w.name for w in tw.QLearning().family.wrappers] == ["stickiness", "lapse"]
    assert families_in(specimen(tw.QLearning())) == [FAMILIES["categorical"]]
    assert families_in(specimen(tw.learners.RescorlaWagner())) == [FAMILIES["normal"]]


def test_a_new_family_against_its_density():
    """The density of a response, or the probability of no response until the deadline."""
    assert Waiter().family is WAITING and Waiter().key != "" and str(WAITING) == "<response family waiting>"
    trials = replace(specimen(Waiter()), scored=None)
    packed, free = pack(Waiter(), trials), np.array([[VALUES[name] for name in Waiter().names]] * 4)
    flags, waits = packed.ints[:, FLAGS], trials.response["response"]
    np.testing.assert_array_equal((flags & RESPONDED) > 0, waits >= 0)
    assert ((flags & SCORED) > 0).all() and (waits < 0).any()
    record = run.run_trace(Waiter(), packed, free)[0]
    rate = record[:, 1]
    by_hand = np.where(waits >= 0, np.log(rate) - rate * waits, rate * waits)
    np.testing.assert_allclose(record[:, 0], by_hand, rtol=1e-12)
    expected = [by_hand[a:b].sum() for a, b in zip(trials.offsets, trials.offsets[1:], strict=False)]
    assert rate.std() > 0.01
    value, slope = run.run_gradient(Waiter(), packed, free)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(run.run_plain(Waiter(), packed, free), expected, rtol=1e-12)
    for k in range(3):
        step = np.zeros_like(free)
        step[:, k] = 1e-6
        high, low = (run.run_gradient(Waiter(), packed, free + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-6, rtol=1e-5, atol=1e-5)


def test_a_new_family_is_simulated_tabulated_and_checked():
    simulation = tw.simulate(Waiter(), Conditioning(), VALUES, seed=1, participants=20)
    waits = simulation.trials.response["response"]
    assert (waits > 0).all()
    assert (waits * tw.trial_values(Waiter(), simulation.trials, VALUES)["rate"]).mean() == pytest.approx(1.0, abs=0.15)
    np.testing.assert_allclose(
        tw.trial_values(Waiter(), simulation.trials, VALUES)["log_likelihood"].to_numpy(),
        simulation.log_probability,
        rtol=1e-12,
    )
    result = check_learner(Waiter, simulation.trials, quiet=True)
    assert {c.name for c in result.checks if not c.passed} <= {"a missed trial only elapses"}, result
    with pytest.raises(UsageError, match="its responses have no lapse"):
        Waiter().with_lapse()


# -- a choice and a rating on one trial -----------------------------------------------------------------------------------------


class RatedChoice:
    """Choices by values, and a rating of the sum of values."""

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    weight: float = real("rating per unit of value")
    noise: float = positive("standard deviation of a rating")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]

    def respond(self, q, trial):
        return self.weight * (q[0] + q[1]), self.noise

    def learn(self, q, trial, choice, outcome):
        error = outcome - q[choice]
        q[choice] += self.alpha * error
        return error


def with_one_response(without, *unused):
    """The learner with one of the two responses, without unused parameters."""
    body = {
        name: member
        for name, member in vars(RatedChoice).items()
        if name not in (without, *unused, "__dict__", "__weakref__")
    }
    body["__annotations__"] = {name: kind for name, kind in RatedChoice.__annotations__.items() if name not in unused}
    return learner(type("RatedChoice", (), body))()


def with_both_responses():
    """The learner with both responses, which the decorator does not allow yet."""
    chooser, rater = with_one_response("respond"), with_one_response("choose")
    cls = type(chooser)
    body = {
        "__doc__": RatedChoice.__doc__,
        "fields": cls.fields,
        "agent_class": RatedChoice,
        "methods": MappingProxyType({**chooser.methods, "respond": rater.methods["respond"]}),
        "responses": MappingProxyType({**chooser.responses, **rater.responses}),
    }
    return type("RatedChoice", (Learner,), body)()


def rated_trials():
    random, count = np.random.default_rng(6), 60
    choice = np.where(random.random(count) < 0.2, -1, random.integers(0, 2, count))
    rating = np.where(random.random(count) < 0.5, np.nan, random.normal(size=count))
    outcome = np.where(random.random(count) < 0.1, np.nan, random.normal(size=count))
    return Trials(
        participants=("a", "b"), offsets=np.array([0, 33, 60]), choice=choice, response={"response": rating},
        outcome={"outcome": outcome}, levels={"action": ("left", "right")},
    )  # fmt: skip


def test_two_responses_on_one_trial():
    """Each response is scored where it was observed; log-densities are summed."""
    trials, model = rated_trials(), with_both_responses()
    packed = pack(model, trials)
    flags = packed.ints[:, FLAGS]
    chose, rated = trials.choice >= 0, ~np.isnan(trials.response["response"])
    np.testing.assert_array_equal((flags & responded(0)) > 0, chose)
    np.testing.assert_array_equal((flags & responded(1)) > 0, rated)
    np.testing.assert_array_equal((flags & SCORED) > 0, chose | rated)
    assert (
        packed.observed.shape == (60, 2) and (chose & rated).any() and (chose ^ rated).any() and (~chose & ~rated).any()
    )
    free = np.array([[0.3, 1.5, 0.7, 0.4], [0.6, 0.8, -0.4, 0.9]])
    record, signals, _ = run.run_trace(model, packed, free)
    chooser = with_one_response("respond")
    choice_record, choice_signals, _ = run.run_trace(chooser, pack(chooser, trials), free)
    np.testing.assert_array_equal(signals, choice_signals)
    np.testing.assert_allclose(record[chose, 1:3], choice_record[chose, 1:3], rtol=1e-12)
    mean, sd = record[:, 3], record[:, 4]
    rating = -0.5 * ((trials.response["response"] - mean) / sd) ** 2 - np.log(sd) - 0.5 * np.log(2 * np.pi)
    expected = np.where(chose, choice_record[:, 0], 0.0) + np.where(rated, rating, 0.0)
    expected = np.where(chose | rated, expected, np.nan)
    np.testing.assert_allclose(record[:, 0], expected, rtol=1e-10)
    np.testing.assert_allclose(run.trace_plain(model, packed, free)[0], record, rtol=1e-10)
    value, slope = run.run_gradient(model, packed, free)
    np.testing.assert_allclose(value, [np.nansum(expected[:33]), np.nansum(expected[33:])], rtol=1e-12)
    for k in range(4):
        step = np.zeros_like(free)
        step[:, k] = 1e-6
        high, low = (run.run_gradient(model, packed, free + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-6, rtol=1e-5, atol=1e-5)
    table = tw.trial_values(model, trials, dict(zip(model.names, free.T, strict=True)))
    np.testing.assert_allclose(table["predicted"][rated], mean[rated])
    assert "choice_probability" in table


def test_the_last_choice_of_several_responses():
    """The last choice is retained over trials with only a rating, and cleared by a reset."""
    trials, values = rated_trials(), {"alpha": 0.3, "beta": 1.5, "weight": 0.7, "noise": 0.4, "stickiness": 0.8}
    model = with_both_responses().with_stickiness()
    chooser = with_one_response("respond", "weight", "noise").with_stickiness()
    trials.reset[[5, 20]] = True
    free = np.array([[values[name] for name in model.names]] * 2)
    record = run.run_trace(model, pack(model, trials), free)[0]
    choice_parameters = np.array([[values[name] for name in chooser.names]] * 2)
    choice_record = run.run_trace(chooser, pack(chooser, trials), choice_parameters)[0]
    with_choice = trials.choice >= 0
    np.testing.assert_allclose(record[with_choice, 1:3], choice_record[with_choice, 1:3], rtol=1e-12)


def test_two_responses_are_simulated():
    """Each response has its own random numbers; the simulated responses have the same log-density when replayed."""
    trials, model, random = rated_trials(), with_both_responses(), np.random.default_rng(7)
    packed, free = pack(model, trials), np.array([[0.3, 1.5, 0.7, 0.4], [0.6, 0.8, -0.4, 0.9]])
    potential = random.normal(size=(60, 2, 1))
    draws = np.column_stack([random.random(60), random.normal(size=60), random.random(60)])
    simulated, score, _ = run.run_rollout(model, packed, free, potential, draws)
    plain, _, _ = run.rollout_plain(model, packed, free, potential, draws)
    np.testing.assert_allclose(plain.observed, simulated.observed, rtol=1e-12)
    record = run.run_trace(model, simulated, free)[0]
    np.testing.assert_allclose(record[:, 0], score, rtol=1e-10)
    rated = ~np.isnan(trials.response["response"])
    np.testing.assert_allclose(
        simulated.observed[rated, 1], (record[:, 3] + record[:, 4] * draws[:, 1])[rated], rtol=1e-10
    )
    np.testing.assert_array_equal(np.isnan(simulated.observed[:, 1]), ~rated)
