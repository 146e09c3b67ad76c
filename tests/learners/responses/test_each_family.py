"""Every response family end to end: the contract of a trial, simulation, data that it cannot have, and its own draws."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import trialwise as tw
from trialwise import constant, learner, positive, real, unit
from trialwise.base.errors import UsageError
from trialwise.learners.responses import FAMILIES, negative_binomial, poisson, student, von_mises
from trialwise.learners.responses.family import random_numbers


@learner
class Durations:
    """Reproduced durations, lognormal around an expectation."""

    alpha: float = unit("learning rate")
    weight: float = real("log duration per unit of expectation")
    noise: float = positive("standard deviation of the log duration", mean=-1.0)
    initial: float = constant(0.2, "expectation before any outcome")

    def start(self, task):
        return task.table("cue", fill=self.initial)

    @tw.responses.lognormal
    def respond(self, v, trial):
        return self.weight * v[trial.cue], self.noise

    def learn(self, v, trial, response, outcome):
        error = outcome - v[trial.cue]
        v[trial.cue] += self.alpha * error
        return error


@learner
class Slips:
    """Ratings with slips, Student around an expectation."""

    alpha: float = unit("learning rate")
    noise: float = positive("scale of a rating", mean=-1.0)
    df: float = positive("degrees of freedom", mean=1.5)

    def start(self, task):
        return task.table("cue")

    @tw.responses.student
    def respond(self, v, trial):
        return v[trial.cue], self.noise, self.df

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


@learner
class Presses:
    """Numbers of presses, Poisson with a rate that follows an expectation."""

    alpha: float = unit("learning rate")
    base: float = positive("presses at expectation 0")
    slope: float = real("log presses per unit of expectation")

    def start(self, task):
        return task.table("cue")

    @tw.responses.poisson
    def respond(self, v, trial):
        return self.base * np.exp(self.slope * v[trial.cue])

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


@learner
class BurstsOfPresses:
    """Numbers of presses that vary more."""

    alpha: float = unit("learning rate")
    base: float = positive("presses at expectation 0")
    size: float = positive("size of the counts")

    def start(self, task):
        return task.table("cue")

    @tw.responses.negative_binomial
    def respond(self, v, trial):
        return self.base * np.exp(v[trial.cue]), self.size

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


@learner
class Hues:
    """Remembered hues, von Mises around an expectation."""

    alpha: float = unit("learning rate")
    kappa: float = positive("concentration", mean=1.0)
    initial: float = real("hue before any outcome")

    def start(self, task):
        return task.table("cue", fill=self.initial)

    @tw.responses.von_mises
    def respond(self, v, trial):
        return v[trial.cue], self.kappa

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


LEARNERS = {
    "lognormal": (Durations(), {"alpha": 0.3, "weight": 0.8, "noise": 0.4}),
    "student": (Slips(), {"alpha": 0.3, "noise": 0.4, "df": 2.5}),
    "student, df fixed": (Slips().fix(df=4), {"alpha": 0.3, "noise": 0.4}),
    "poisson": (Presses(), {"alpha": 0.3, "base": 2.0, "slope": 0.7}),
    "negative_binomial": (BurstsOfPresses(), {"alpha": 0.3, "base": 3.0, "size": 1.5}),
    "von_mises": (Hues(), {"alpha": 0.3, "kappa": 3.0, "initial": 2.5}),
    "von_mises with lapse": (Hues().with_lapse(), {"alpha": 0.3, "kappa": 3.0, "initial": 2.5, "lapse": 0.1}),
}


def test_every_family_is_here():
    marked = {model.family.name.partition("(")[0] for model, _ in LEARNERS.values()}
    assert marked | {family.name for family in FAMILIES.values() if family.by_default} == set(FAMILIES)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_with_this_family(name):
    """It passes every check; a simulation has the log-density of its replay; fewer than all trials are answered."""
    model, values = LEARNERS[name]
    tw.check_learner(model, quiet=True).raise_if_failed()
    simulation = tw.simulate(model, tw.environments.Conditioning(), values, seed=1, participants=3)
    table = tw.trial_values(model, simulation.trials, values)
    np.testing.assert_allclose(table["log_likelihood"], simulation.log_probability, rtol=1e-12)
    assert np.isfinite(table["predicted"]).all()
    plain = tw.log_likelihood(model, simulation.trials, values, plain=True)
    np.testing.assert_allclose(plain, tw.log_likelihood(model, simulation.trials, values), rtol=1e-12)
    frame = simulation.trials.to_frame()
    frame.loc[::7, "response"] = np.nan
    fewer = tw.trial_values(model, tw.read_long(frame, response="response"), values)["log_likelihood"]
    assert np.isnan(fewer[::7]).all() and np.isfinite(fewer[1::7]).all()


# -- responses that cannot be ------------------------------------------------------------------------------------------------


def table_with(responses):
    count = len(responses)
    return pd.DataFrame({
        "participant": ["p"] * count, "cue": ["a", "b"] * (count // 2), "response": responses, "outcome": [0.0, 1.0] * (count // 2)
    })  # fmt: skip


IMPOSSIBLE = {
    "lognormal": (
        [0.4, 0.0, 1.2, -0.3],
        "are numbers above 0 (lognormal), and 2 of 4 in the column 'response' are not: 0, -0.3, in rows 3, 5",
        "table['response'].where(table['response'] > 0)",
    ),
    "poisson": (
        [1.0, -1.0, 3.0, 2.0],
        "the counts of Presses are whole numbers from 0 (poisson), and 1 of 4 in the column 'response' is not: -1, in row 3",
        "table['response'].where(table['response'] >= 0)",
    ),
    "von_mises": (
        [1.0, -3.2, 3.0, 6.1],
        "the angles of Hues are angles in radians, from -pi to pi (von_mises), and 2 of 4 in the column 'response' are not: -3.2, 6.1",
        "table['response'] = (table['response'] + np.pi) % (2 * np.pi) - np.pi",
    ),
    "von_mises with lapse": (
        [45.0, 170.0, 1.0, 300.0],
        "3 of 4",
        "= np.radians((table['response'] + 180) % 360 - 180)",
    ),
    "negative_binomial": (
        [1.0, 0.5, 3.0, 2.5],
        "2 of 4 in the column 'response' are not: 0.5, 2.5, in rows 3, 5",
        "give the counts themselves",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_responses_are_refused_with_all_rows(name):
    (model, values), (responses, told, remedy) = LEARNERS[name], IMPOSSIBLE[name]
    trials = tw.read_long(table_with(responses), response="response")
    for refused in (lambda: tw.log_likelihood(model, trials, values), lambda: tw.check_learner(model, trials)):
        with pytest.raises(UsageError) as error:
            refused()
        assert told in str(error.value) and remedy in str(error.value)
    tw.simulate(model, trials, values, seed=1)  # responses are drawn anew


# -- draws --------------------------------------------------------------------------------------------------------------------

DRAWS = {
    "lognormal": [([0.3, 0.7], stats.lognorm(0.7, scale=np.exp(0.3)))],
    "student": [([0.3, 2.0, df], stats.t(df, 0.3, 2.0)) for df in (0.6, 3.0, 1e5)],
    "poisson": [([mean], stats.poisson(mean)) for mean in (0.4, 9.9, 10.0, 3e4)],
    "negative_binomial": [([m, r], stats.nbinom(r, r / (r + m))) for m, r in ((0.4, 0.3), (40.0, 2.0), (5.0, 1e4))],
}


class Mixture:
    """A distribution mixed with a uniform one."""

    dist = None

    def __init__(self, lapse, distribution, low, high):
        self.cdf = lambda y: (1 - lapse) * distribution.cdf(y) + lapse * (y - low) / (high - low)


class Angle:
    """A von Mises distribution from -pi to pi, integrated numerically."""

    dist = None

    def __init__(self, direction, concentration):
        grid = np.linspace(-np.pi, np.pi, 400_001)
        density = np.exp(concentration * (np.cos(grid - direction) - 1))
        total = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
        self.cdf = lambda y: np.interp(y, grid, total / total[-1])


DRAWS["von_mises"] = [([2.5, kappa, 0.0], Angle(2.5, kappa)) for kappa in (0.0, 0.9, 3.0, 1e6)]
DRAWS["von_mises with lapse"] = [([2.5, 3.0, 0.3], Mixture(0.3, Angle(2.5, 3.0), -np.pi, np.pi))]


def differs(drawn, distribution):
    """The p-value of draws: that of Kolmogorov and Smirnov or, of whole numbers, whose steps it does not allow, of ranks drawn among equals."""
    drawn = np.asarray(drawn)
    if isinstance(distribution.dist, stats.rv_discrete):
        ranks = distribution.cdf(drawn) - np.random.default_rng(3).random(len(drawn)) * distribution.pmf(drawn)
        return stats.kstest(ranks, "uniform").pvalue
    return stats.kstest(drawn, distribution.cdf).pvalue


@pytest.mark.parametrize("name", DRAWS)
def test_redrawn_responses(name):
    """Predictive draws of a record of predictions, as checks and one-step predictions make them."""
    family, random = LEARNERS[name][0].family, np.random.default_rng(1)
    for predictions, distribution in DRAWS[name]:
        numbers = random_numbers(family.random, random, 100_000)
        drawn = family.redraw(np.tile(predictions, (100_000, 1)).astype(float), numbers)[:, 0]
        assert differs(drawn, distribution) > 1e-4, predictions


SAMPLERS = {
    "student": (student.draw, 1),
    "poisson": (poisson.draw, 1),
    "negative_binomial": (negative_binomial.draw, 2),
    "von_mises": (lambda direction, concentration, _, number: von_mises.draw(direction, concentration, number), 1),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_drawn_responses(name):
    """Draws of a simulated participant."""
    draw, numbers = SAMPLERS[name]
    random = np.random.default_rng(2)
    for predictions, distribution in DRAWS[name]:
        drawn = [draw(*predictions, *random.random(numbers)) for _ in range(100_000)]
        assert differs(drawn, distribution) > 1e-4, predictions


def test_many_angles_at_once_are_drawn_as_one():
    numbers = np.random.default_rng(4).random(500)
    for concentration in (0.0, 0.9, 30.0):
        at_once = von_mises.draws(np.full(500, 2.5), np.full(500, concentration), numbers)
        np.testing.assert_allclose(at_once, [von_mises.draw(2.5, concentration, each) for each in numbers], rtol=1e-12)
