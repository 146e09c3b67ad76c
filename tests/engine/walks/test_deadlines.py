"""Hidden choices on trials without any response, where that has a probability: no response before a deadline."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logsumexp

import trialwise as tw
from oracles.waiting import Waiting
from trialwise.analysis.conformance.by_hand import HIDDEN_CHOICE, walk_by_hand
from trialwise.data.trials import Column, Trials
from trialwise.engine import pack, run, run_exact, run_forward, run_particles, stream_keys
from trialwise.engine.flags import HIDDEN
from trialwise.engine.run_courses import course_drawer

pytestmark = pytest.mark.compile


class Latency(Waiting):
    """A wait beside a choice."""

    name = "latency"
    method = "latency"


LATENCY = Latency()


@tw.learner
class Learning:
    """Choices by one of two modes, only one of which follows the values; and waits that are shorter the more the second action is worth. Learning depends on
    the mode."""

    alpha: float = tw.unit("learning rate")
    bias: float = tw.real("log odds of following the values")
    base: float = tw.positive("rate of waits")
    modes: int = tw.hidden(2, "following, random")

    def start(self, task):
        return task.table("action")

    def hide(self, q, trial, preference):
        preference[0] = self.bias + q[0]
        preference[1] = 0.0

    def choose(self, q, trial, mode, preference):
        for action in range(len(preference)):
            preference[action] = 2.0 * q[action] if mode == 0 else 0.3 * action

    @LATENCY.of
    def latency(self, q, trial):
        return (self.base * np.exp(q[1]),)

    def learn(self, q, trial, mode, choice, outcome):
        q[choice] += (self.alpha if mode == 0 else 0.1) * (outcome - q[choice])


@tw.learner
class Staying:
    """The same with a Markov chain of modes, which learning does not depend on."""

    alpha: float = tw.unit("learning rate")
    bias: float = tw.real("log odds of following the values")
    base: float = tw.positive("rate of waits")
    modes: int = tw.hidden(2, "following, random", markov=True)

    start, choose, latency = (Learning.methods[name] for name in ("start", "choose", "latency"))

    def hide(self, q, trial, last, preference):
        preference[0] = self.bias + q[0] + (1.0 if last == 0 else 0.0)
        preference[1] = 0.0

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * (outcome - q[choice])


CHOICES = np.array([0, -1, 1, -1, 1, -1, 0])
WAITS = np.array([0.5, -2.0, 0.8, 1.1, 0.3, -1.5, 0.9])  # on the second and sixth trial none before the deadline
OUTCOMES = np.array([1.0, np.nan, 0.4, np.nan, 1.5, np.nan, 0.2])
FREE = np.array([[0.4, -0.6, 0.7]])
COPIES = 20000


def trials_of(copies=1):
    def repeated(values):
        return np.tile(values, copies)

    return Trials(
        participants=tuple(map(str, range(copies))), offsets=np.arange(copies + 1) * len(CHOICES), choice=repeated(CHOICES),
        response={"latency": repeated(WAITS)}, outcome={"outcome": repeated(OUTCOMES)}, levels={"action": ("left", "right")},
        reset=repeated(np.arange(len(CHOICES)) == 4),
    )  # fmt: skip


def log_joint(modes, markov, alpha, bias, base):
    """Of one sequence of modes, with one on each trial, and all responses; from the equations."""
    total, q, last = 0.0, np.zeros(2), -1
    for t, (mode, choice, wait, outcome) in enumerate(zip(modes, CHOICES, WAITS, OUTCOMES, strict=True)):
        if t == 4:
            q, last = np.zeros(2), -1
        logit = bias + q[0] + (markov and last == 0)
        total += np.log(expit(logit if mode == 0 else -logit))
        rate = base * np.exp(q[1])
        total += np.log(rate) - rate * wait if wait >= 0 else rate * wait
        if choice >= 0:
            difference = 2.0 * (q[1] - q[0]) if mode == 0 else 0.3
            total += np.log(expit(difference if choice else -difference))
            q[choice] += (alpha if mode == 0 or markov else 0.1) * (outcome - q[choice])
        last = mode
    return total


SEQUENCES = np.array(list(itertools.product(range(2), repeat=len(CHOICES))))


def expected(markov):
    return np.array([log_joint(modes, markov, *FREE[0]) for modes in SEQUENCES])


@pytest.mark.parametrize(("learner", "markov"), [(Learning(), False), (Staying(), True)], ids=["learning", "markov"])
def test_a_deadline_counts_in_every_likelihood(learner, markov):
    trials, scores = trials_of(), expected(markov)
    packed = pack(learner, trials)
    for modes, score in zip(SEQUENCES[::9], scores[::9], strict=True):
        given = packed.with_hidden(modes)
        np.testing.assert_allclose(run.run_gradient(learner, given, FREE)[0], score, rtol=1e-10)
        np.testing.assert_allclose(run.run_plain(learner, given, FREE), score, rtol=1e-10)
        known = replace(trials, columns={**trials.columns, HIDDEN_CHOICE: Column(modes)})
        by_hand = walk_by_hand(learner, known, 0, dict(zip(learner.names, FREE[0], strict=True)))
        np.testing.assert_allclose(by_hand.sum(), score, rtol=1e-10)
    exact, slope, sequences = run_exact(learner, packed, FREE)
    assert sequences == len(SEQUENCES)
    np.testing.assert_allclose(exact, logsumexp(scores), rtol=1e-10)
    for k in range(3):
        step = np.zeros_like(FREE)
        step[:, k] = 1e-5
        high, low = (run_exact(learner, packed, FREE + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(slope[:, k], (high - low) / 2e-5, rtol=1e-5, atol=1e-6)
    if markov:
        value, gradient = run_forward(learner, packed, FREE)
        np.testing.assert_allclose(value, exact, rtol=1e-10)
        np.testing.assert_allclose(gradient, slope, rtol=1e-8)


def test_a_deadline_counts_in_filters_and_courses():
    scores = expected(False)
    packed = pack(Learning(), trials_of(COPIES))
    free = np.repeat(FREE, COPIES, 0)
    estimate = run_particles(
        Learning(), packed, free[:200], np.arange(200), stream_keys(np.uint64(1), np.arange(200)), 50
    )[0]
    likelihood = np.exp(estimate - logsumexp(scores))
    assert abs(likelihood.mean() - 1.0) < 4 * likelihood.std() / np.sqrt(200)
    random, share = np.random.default_rng(2), np.exp(scores - logsumexp(scores))
    many = packed.with_hidden(SEQUENCES[random.choice(len(SEQUENCES), COPIES, p=share)].ravel())
    for draw in range(3):
        keys = stream_keys(np.uint64(3), np.arange(COPIES) + draw * COPIES)
        assert course_drawer(Learning(), many, 4, window=2, threshold=1.01)(free, keys).fine.all()
    found = many.ints[:, HIDDEN].reshape(COPIES, -1).mean(0)
    probability = share @ SEQUENCES
    assert (np.abs(found - probability) < 4 * np.sqrt(probability * (1 - probability) / COPIES)).all()
