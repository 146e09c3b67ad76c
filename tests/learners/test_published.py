"""Published learners, written as a user would, at reference values of their equations: what differs between programs is the order of updates.

Each is one small class of the contract, compared with values of other programs' equations and, on longer data with missed trials, with the
plain loops of ``oracles/published.py``; each passes every check.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from oracles import published
from trialwise.engine import pack, run_gradient

C = [0, 1, 0, 0, 1, 1, 0, 1, 1, 0]
R = [1, 0, 1, 0, 1, 1, 0, 0, 1, 1]
SIGNED = [2 * r - 1 for r in R]
FORGONE = [0, 1, 0, 1, 0, 0, 1, 1, 0, 1]
C4 = [0, 2, 3, 1, 0, 2, 2, 3, 1, 0]
GAIN, LOSS = [1, 0, 1, 0, 0.5, 1, 0, 0, 1, 0.5], [0, 1, 0, 0.5, 0, 0, 1, 0, 0.25, 1]
NET = [1, -1, 1, -0.5, 0.5, 1, -1, 0, 0.75, -0.5]


@tw.learner
class TwoRates:
    alpha_gain: float = tw.unit("learning rate for positive prediction errors")
    alpha_loss: float = tw.unit("learning rate for negative ones")
    beta: float = tw.positive("inverse temperature")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        error = outcome - q[choice]
        q[choice] += (self.alpha_gain if error > 0 else self.alpha_loss) * error


@tw.learner
class VolatileRate:
    kappa: float = tw.unit("weight of the associability")
    eta: float = tw.unit("weight of the latest surprise")
    beta: float = tw.positive("inverse temperature")

    def start(self, task):
        return tw.state(q=task.table("action"), rate=task.table("action", fill=1.0))

    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * now.q[action]

    def learn(self, now, trial, choice, outcome):
        error = outcome - now.q[choice]
        now.q[choice] += self.kappa * now.rate[choice] * error
        now.rate[choice] = self.eta * abs(error) + (1 - self.eta) * now.rate[choice]


@tw.learner
class Confirmation:
    beta: float = tw.positive("inverse temperature")
    chosen_gain: float = tw.unit("learning rate of the chosen option, better than expected")
    chosen_loss: float = tw.unit("learning rate of the chosen option, worse than expected")
    other_gain: float = tw.unit("learning rate of the other option, better than expected")
    other_loss: float = tw.unit("learning rate of the other option, worse than expected")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        other = 1 - choice
        own, forgone = outcome.outcome - q[choice], outcome.forgone - q[other]
        q[choice] += (self.chosen_gain if own > 0 else self.chosen_loss) * own
        q[other] += (self.other_gain if forgone > 0 else self.other_loss) * forgone


@tw.learner
class Fictitious:
    eta: float = tw.unit("learning rate")
    bias: float = tw.real("indecision point")
    beta: float = tw.positive("inverse temperature")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        preference[0] = self.beta * (q[0] - q[1] - self.bias)
        preference[1] = 0.0

    def learn(self, q, trial, choice, outcome):
        own, other = outcome - q[choice], -outcome - q[1 - choice]
        q[choice] += self.eta * own
        q[1 - choice] += self.eta * other


@tw.learner
class ReversalBelief:
    hazard: float = tw.interval(0.0, 0.5, "probability of a reversal")
    reliability: float = tw.interval(0.5, 1.0, "probability of reward of the good option")
    beta: float = tw.positive("inverse temperature")

    def start(self, task):
        return tw.state(good=0.5)

    def choose(self, belief, trial, preference):
        preference[0] = self.beta * belief.good
        preference[1] = self.beta * (1 - belief.good)

    def learn(self, belief, trial, choice, outcome):
        p = self.reliability if outcome == 1 else 1 - self.reliability
        if choice == 0:
            first, second = belief.good * p, (1 - belief.good) * (1 - p)
        else:
            first, second = belief.good * (1 - p), (1 - belief.good) * p
        good = first / (first + second)
        belief.good = (1 - self.hazard) * good + self.hazard * (1 - good)


@tw.learner
class OutcomeRepresentation:
    gain: float = tw.unit("learning rate after gains")
    loss: float = tw.unit("learning rate after losses")
    decay: float = tw.interval(0.0, 5.0, "decay of perseverance")
    frequency: float = tw.real("weight of how often a deck wins")
    perseverance: float = tw.real("weight of perseverance")

    def start(self, task):
        return tw.state(ev=task.table("action"), ef=task.table("action"), persists=task.table("action"))

    def choose(self, now, trial, preference):
        for deck in range(len(preference)):
            preference[deck] = now.ev[deck] + self.frequency * now.ef[deck] + self.perseverance * now.persists[deck]

    def learn(self, now, trial, choice, outcome):
        own, other = (self.gain, self.loss) if outcome >= 0 else (self.loss, self.gain)
        sign = np.sign(outcome)
        now.ev[choice] += own * (outcome - now.ev[choice])
        now.persists[choice] = 1.0
        for deck in range(len(now.ev)):
            if deck == choice:
                now.ef[deck] += own * (sign - now.ef[deck])
            else:
                now.ef[deck] += other * (-sign / 3 - now.ef[deck])
            now.persists[deck] /= 3**self.decay


@tw.learner
class HierarchicalFilter:
    """The three-level Gaussian filter of binary inputs; the response is to the prediction before the input."""

    kappa: float = tw.positive("coupling of the levels")
    omega2: float = tw.real("log tonic volatility", mean=-3.0, width=2.0)
    omega3: float = tw.real("log meta-volatility", mean=-6.0, width=2.0)
    zeta: float = tw.positive("inverse decision noise")

    def start(self, task):
        return tw.state(mu2=0.0, sigma2=1.0, mu3=0.0, sigma3=1.0)

    def choose(self, now, trial, preference):
        preference[0] = 0.0
        preference[1] = self.zeta * now.mu2

    def watch(self, now, trial, outcome):
        m = 1 / (1 + math.exp(-now.mu2))
        v = math.exp(self.kappa * now.mu3 + self.omega2)
        ahead2, ahead3 = now.sigma2 + v, now.sigma3 + math.exp(self.omega3)
        sigma2 = 1 / (1 / ahead2 + m * (1 - m))
        mu2 = now.mu2 + sigma2 * (outcome - m)
        w = v / ahead2
        d = (sigma2 + (mu2 - now.mu2) ** 2) / ahead2 - 1
        precision = 1 / ahead3 + 0.5 * self.kappa**2 * w * (w + (2 * w - 1) * d)
        now.sigma3 = 1 / precision
        now.mu3 += 0.5 * now.sigma3 * self.kappa * w * d
        now.mu2, now.sigma2 = mu2, sigma2
        return mu2, sigma2, now.mu3, now.sigma3


@tw.learner
class UltimatumDelta:
    envy: float = tw.positive("aversion to offers below the norm")
    rate: float = tw.unit("learning rate of the norm")
    tau: float = tw.positive("inverse temperature of the decision")

    def start(self, task):
        return tw.state(norm=10.0)

    def choose(self, belief, trial, preference):
        preference[0] = 0.0
        preference[1] = self.tau * (trial.offer - self.envy * max(belief.norm - trial.offer, 0.0))

    def between(self, belief, trial):
        belief.norm += self.rate * (trial.offer - belief.norm)


@tw.learner
class GainLoss:
    """Values of gains and of losses; with ``fades``, those of all options that were not chosen fade at a rate of their own."""

    alpha_gain: float = tw.unit("learning rate for gains")
    alpha_loss: float = tw.unit("learning rate for losses")
    gain: float = tw.positive("sensitivity to gains")
    loss: float = tw.positive("sensitivity to losses")
    decay: float = tw.unit("how fast values of other options fade")
    fades: float = tw.constant(0.0, "whether this rate is other than the learning rates")
    data = tw.assumes(outcome={"gain": (0, None), "loss": (0, None)})

    def start(self, task):
        return tw.state(gains=task.table("action"), losses=task.table("action"))

    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            preference[action] = now.gains[action] + now.losses[action]

    def learn(self, now, trial, choice, outcome):
        for action in range(len(now.gains)):
            if action == choice:
                now.gains[action] += self.alpha_gain * (self.gain * outcome.gain - now.gains[action])
                now.losses[action] += self.alpha_loss * (-self.loss * outcome.loss - now.losses[action])
            else:
                now.gains[action] *= 1 - (self.decay if self.fades else self.alpha_gain)
                now.losses[action] *= 1 - (self.decay if self.fades else self.alpha_loss)


@tw.learner
class Balloon:
    """Pumps of balloons, a row a pump: how many are planned follows from the share of pumps that went well before this balloon."""

    phi: float = tw.unit("belief that a pump goes well, before any")
    eta: float = tw.positive("weight of experience")
    gamma: float = tw.positive("risk taking")
    tau: float = tw.positive("consistency")
    data = tw.assumes(action=("stop", "pump"))

    def start(self, task):
        return tw.state(pumps=0.0, good=0.0, burst=0.0, before_pumps=0.0, before_good=0.0)

    def see(self, now, trial):
        if trial.pump == 1:
            now.before_pumps, now.before_good = now.pumps, now.good

    def choose(self, now, trial, preference):
        burst = 1 - (self.phi + self.eta * now.before_good) / (1 + self.eta * now.before_pumps)
        planned = -self.gamma / math.log1p(-burst)
        preference[0] = 0.0
        preference[1] = self.tau * (planned - trial.pump)

    def learn(self, now, trial, choice, outcome):
        if choice == 1:
            now.pumps += 1.0
            now.good += 1.0 - outcome


def read(choice: list, **columns) -> tw.Trials:
    frame = pd.DataFrame({"participant": "a", "choice": choice, **columns})
    numbers = [name for name in columns if name in ("offer", "pump")]
    outcome = [name for name in columns if name in ("outcome", "forgone", "gain", "loss")] or False
    actions = sorted({each for each in choice if each is not None})
    return tw.read_long(frame, trial=False, numbers=numbers, outcome=outcome, actions=actions)


def balloons(each) -> dict[str, list]:
    """Balloons of so many pumps, and whether they burst, as rows."""
    rows = [
        (pump, int(pump <= pumps), float(burst and pump == pumps))
        for pumps, burst in each
        for pump in range(1, pumps + 2 - burst)
    ]
    pump, choice, outcome = zip(*rows, strict=True)
    return {"choice": list(choice), "pump": np.array(pump, float), "outcome": list(outcome)}


class Balloons(tw.environments.Environment):
    """Balloons that burst at the latest at the twelfth pump; what is next depends on what was done."""

    levels = {"action": ("stop", "pump")}

    def show(self, random):
        return tw.environments.Shown(80, {"pump": np.ones(80), "luck": random.random(80)})

    def potential(self, shown, random):
        burst = shown["luck"] < 1 / (13 - shown["pump"])
        return np.column_stack([np.zeros(80), burst.astype(float)])

    def follow(self, shown, choice):
        pump = np.ones(80)
        for t in range(1, 80):
            goes_on = choice[t - 1] == 1 and shown["luck"][t - 1] >= 1 / (13 - pump[t - 1])
            pump[t] = pump[t - 1] + 1 if goes_on else 1
        return {"pump": pump}


class Published(NamedTuple):
    """A learner at the values of its reference, its plain loop, and what makes data on which it can be checked."""

    learner: tw.Learner
    columns: dict[str, list]
    values: dict[str, float]
    expected: float
    oracle: Callable[..., float] | None
    check: dict | None


def longer(name: str) -> tuple[tw.Trials, list]:
    """Eighty random rows with the columns of a learner's reference, some without a choice, and the rows for its plain loop."""
    random, columns = np.random.default_rng(5), CASES[name].columns
    if "pump" in columns:
        made = balloons(
            [(int(n), int(b)) for n, b in zip(random.integers(1, 12, 12), random.integers(0, 2, 12), strict=True)]
        )
    else:
        made = {each: random.choice(values, 80) for each, values in columns.items()}
        made["choice"] = [None if random.random() < 0.2 else int(each) for each in made["choice"]]
        if "outcome" in made:
            made["outcome"] = np.where(random.random(80) < 0.1, np.nan, made["outcome"])
        if "forgone" in made:
            made["forgone"] = np.where(np.isnan(made["outcome"]), np.nan, made["forgone"])
    rows = list(pd.DataFrame(made).itertuples())
    return read(**made), [row._replace(choice=None if pd.isna(row.choice) else int(row.choice)) for row in rows]


REVERSAL = {"environment": tw.environments.ProbabilisticReversal(trials=40)}
TWO, FOUR = {"columns": {"action": 2}}, {"columns": {"action": 4}}
BANDIT = {"choice": C, "outcome": R}
OF_FOUR = {"choice": C4, "gain": GAIN, "loss": LOSS}
SENSITIVE = {"alpha_gain": 0.3, "alpha_loss": 0.2, "gain": 3, "loss": 2}
CASES = {
    "QLearning": Published(tw.QLearning().fix(forget=0), BANDIT, {"alpha": 0.3, "beta": 3}, -7.731921186190, None, TWO),
    "QLearning from .5": Published(
        tw.QLearning(initial=0.5).fix(forget=0), BANDIT, {"alpha": 0.3, "beta": 3}, -6.893324039287, None, TWO,
    ),
    "TwoRates": Published(
        TwoRates(), BANDIT, {"alpha_gain": 0.4, "alpha_loss": 0.2, "beta": 3}, -8.259573952224, published.two_rates, TWO,
    ),
    "VolatileRate": Published(
        VolatileRate(), BANDIT, {"kappa": 0.5, "eta": 0.3, "beta": 3}, -8.203463060907, published.volatile_rate, TWO,
    ),
    "Confirmation": Published(
        Confirmation(), {**BANDIT, "forgone": FORGONE},
        {"beta": 3, "chosen_gain": 0.4, "chosen_loss": 0.2, "other_gain": 0.2, "other_loss": 0.4}, -8.415789151015,
        published.confirmation, TWO,
    ),
    "Fictitious": Published(
        Fictitious(), {"choice": C, "outcome": SIGNED}, {"eta": 0.3, "bias": 0.1, "beta": 2}, -8.049925867550,
        published.fictitious, TWO,
    ),
    "ReversalBelief": Published(
        ReversalBelief(), BANDIT, {"hazard": 0.1, "reliability": 0.8, "beta": 4}, -9.605044275524,
        published.reversal_belief, TWO,
    ),
    "OutcomeRepresentation": Published(
        OutcomeRepresentation(), {"choice": C4, "outcome": NET},
        {"gain": 0.3, "loss": 0.2, "decay": 0.5, "frequency": 1, "perseverance": 0.8}, -16.026417674230,
        published.outcome_representation, FOUR,
    ),
    "HierarchicalFilter": Published(
        HierarchicalFilter(), BANDIT, {"kappa": 1, "omega2": -3, "omega3": -6, "zeta": 2}, -7.456708985907,
        published.hierarchical_filter, REVERSAL,
    ),
    "UltimatumDelta": Published(
        UltimatumDelta(), {"choice": [0, 1, 1, 0, 1, 1], "offer": [3.0, 8.0, 10.0, 5.0, 12.0, 4.0]},
        {"envy": 0.8, "rate": 0.3, "tau": 0.5}, -2.302075711972, published.ultimatum_delta, TWO,
    ),
    "GainLoss": Published(
        GainLoss().with_lapse(), OF_FOUR, {**SENSITIVE, "decay": 0.5, "lapse": 0}, -14.888602096806, published.gain_loss, None,
    ),
    "GainLoss with lapse": Published(
        GainLoss().with_lapse(), OF_FOUR, {**SENSITIVE, "decay": 0.5, "lapse": 0.1}, -14.755483137589, published.gain_loss, None,
    ),
    "GainLoss with lapse and decay": Published(
        GainLoss(fades=1.0).with_lapse(), OF_FOUR, {**SENSITIVE, "decay": 0.1, "lapse": 0.1}, -15.007014309009,
        partial(published.gain_loss, fades=True), FOUR,
    ),
    "Balloon": Published(
        Balloon(), balloons([(4, 0), (6, 1), (3, 0), (8, 0)]), {"phi": 0.9, "eta": 0.05, "gamma": 0.8, "tau": 0.6}, -6.601418105645,
        published.balloon, {"environment": Balloons()},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_likelihood_at_the_reference(name):
    learner, columns, values, expected, *_ = CASES[name]
    trials = read(**columns)
    plain = tw.log_likelihood(learner, trials, values, plain=True)
    assert plain[0] == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(tw.log_likelihood(learner, trials, values), plain, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.oracle])
def test_likelihood_and_gradient_are_those_of_a_plain_loop(name):
    learner, _, values, _, oracle, _ = CASES[name]
    trials, rows = longer(name)
    for plain in (False, True):
        assert tw.log_likelihood(learner, trials, values, plain=plain)[0] == pytest.approx(
            oracle(rows, **values), rel=1e-10
        )
    slope = run_gradient(learner, pack(learner, trials), np.array([[values[each] for each in learner.names]]))[1][0]
    for k, each in enumerate(learner.names):
        if values[each] == 0:
            continue  # at the border of its range
        high, low = (oracle(rows, **values | {each: values[each] + step}) for step in (1e-5, -1e-5))
        assert slope[k] == pytest.approx((high - low) / 2e-5, rel=1e-6, abs=1e-7), each


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.check])
def test_they_pass_every_check(name):
    result = tw.check_learner(CASES[name].learner, quiet=True, **CASES[name].check)
    assert result.passed, str(result)


def test_states_of_the_hierarchical_filter():
    learner, columns, values, *_ = CASES["HierarchicalFilter"]
    table = tw.trial_values(learner, read(**columns), values)
    signals = [name for name in table if name.startswith(("mu", "sigma", "signal"))]
    first, last = table[signals].iloc[0], table[signals].iloc[9]
    assert first.to_list() == pytest.approx([0.415774786, 0.831549572, -0.001025237, 1.000420592], abs=1e-9)
    assert last.to_list() == pytest.approx([0.36407912, 0.46511362, -0.001052672, 0.993847759], abs=1e-8)
