"""Fits of hidden choices with formulas, compared with draws from the prior that are weighted by likelihoods summed over all courses.

Designs, priors and likelihoods of the references are written out in NumPy, and share no code with the package.
"""

import itertools

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from scipy.special import expit, logsumexp

import trialwise as tw
from two_sets import Sets

pytestmark = pytest.mark.sample

TRIALS, COUNT = 6, 20_000
COURSES = np.array(list(itertools.product(range(2), repeat=TRIALS)))
PAID = (0.0, 4.0)


def summed(choice, outcome, alpha, beta):
    """Log-likelihoods ``(points,)`` of one run of trials, ``alpha (points, trials)`` and ``beta (points, trials)``: the sum over all courses."""
    q = np.ones((len(alpha), len(COURSES), 2, 2))
    each, total = np.arange(len(COURSES)), np.zeros((len(alpha), len(COURSES)))
    for t in range(TRIALS):
        k, steep = COURSES[:, t], beta[:, t, None]
        for preferred, other in (
            (q[:, each, k].sum(-1), q[:, each, 1 - k].sum(-1)),
            np.moveaxis(q[:, each, k][..., [choice[t], 1 - choice[t]]], -1, 0),
        ):
            total -= np.logaddexp(0.0, steep * (other - preferred))
        own = q[:, each, k, choice[t]]
        q[:, each, k, choice[t]] = own + alpha[:, t, None] * (outcome[t] - own)
    return logsumexp(total, 1)


def table(runs, seed):
    """Runs of six trials each; the second action pays, and is chosen more and more often in the runs that are ``keen``."""
    random, rows = np.random.default_rng(seed), []
    for run in runs:
        chance = np.array([0.5, 0.8, 0.95, 0.95, 0.95, 0.95]) if run["keen"] else np.full(TRIALS, 0.4)
        choice = (random.random(TRIALS) < chance).astype(int)
        for t in range(TRIALS):
            outcome = PAID[choice[t]] + random.integers(0, 2)
            rows.append({**run, "phase": "early" if t < 3 else "late", "choice": choice[t], "outcome": outcome})
    return pd.DataFrame(rows).drop(columns="keen")


class Reference:
    """Draws from the prior of a group and its participants, and the weights that the data give them."""

    def __init__(self, trials_of_runs, sd_of_outcomes, seed):
        self.random, self.runs = np.random.default_rng(seed), trials_of_runs
        self.of_beta = -np.log(sd_of_outcomes)
        self.values, self.total = {}, np.zeros(COUNT)

    def normal(self, mean, sd, *shape):
        return self.random.normal(mean, sd, (COUNT, *shape))

    def spread(self, scale):
        return abs(self.normal(0.0, scale))

    def weigh(self, alpha, beta):
        """Weights by the likelihoods of all runs; of each, ``alpha`` and ``beta (draws, trials)`` on the unconstrained scale, or of every trial."""
        for run, a, b in zip(self.runs, alpha, beta, strict=True):
            choice, outcome = run["choice"].to_numpy(), run["outcome"].to_numpy()
            shape = (COUNT, TRIALS)
            a, b = (np.broadcast_to(x if x.ndim == 2 else x[:, None], shape) for x in (a, b))
            for some in np.array_split(np.arange(COUNT), COUNT // 250):  # to bound memory
                self.total[some] += summed(choice, outcome, expit(a[some]), np.exp(b[some]))
        self.weight = np.exp(self.total - logsumexp(self.total))
        assert 1 / (self.weight**2).sum() > 400

    def compared(self, draws):
        """Differences of means and of mean squares of draws from the weighted ones, in Monte Carlo errors of both."""
        assert set(draws) == set(self.values)
        found = {}
        for name, power in itertools.product(self.values, (1, 2)):
            x, y = draws[name] ** power, self.values[name] ** power
            mean = self.weight @ y
            effective = float(array_stats.ess(x, chain_axis=0, draw_axis=1, method="mean"))
            error = np.hypot(x.std() / np.sqrt(effective), np.sqrt(self.weight**2 @ (y - mean) ** 2))
            found[name, power] = (x.mean() - mean) / error
        return pd.Series(found)


SETTINGS = {"draws": 400, "chains": 4, "seed": 2, "progress": False}


def runs_of(data, *names):
    """The trials of each run, by the columns that tell them apart, in the order of the data."""
    return [run for _, run in data.groupby(list(names), sort=False)]


def drawn(fit, names):
    """Draws ``(chains, draws)`` of variables of the group, by the names of a reference."""
    return {name: fit.tree["posterior"][each].to_numpy() for name, each in names.items()}


def individual(fit, parameter, n):
    """Draws ``(chains, draws)`` of a parameter of row n, unconstrained."""
    return fit.draws.unconstrained()[:, :, n, fit.parameters.index(parameter)]


def between(fit, parameter, first, second):
    """Draws ``(chains, draws)`` of the difference between two levels."""
    at = fit.design.models[parameter].at
    return fit.draws.groups().coefficients @ (at(second) - at(first))


def agrees(found):
    assert found.abs().max() < 4.0 and (found**2).mean() < 2.5, found.round(2).to_string()


def test_two_groups():
    people = [f"p{n}" for n in range(6)]
    data = table([{"participant": label, "keen": n % 2} for n, label in enumerate(people)], seed=1)
    reference = Reference(runs_of(data, "participant"), data["outcome"].std(ddof=0), 1)
    mu, sd = reference.normal(0, 1.5), reference.spread(1)
    of_beta, difference, sd_beta = (
        reference.normal(reference.of_beta, 1),
        reference.normal(0, 0.5 * np.sqrt(2)),
        reference.spread(1),
    )
    alpha = [mu + sd * reference.normal(0, 1) for _ in people]
    beta = [of_beta + side * difference + sd_beta * reference.normal(0, 1) for side in [-0.5, 0.5] * 3]
    reference.weigh(alpha, beta)
    reference.values = {"mu": mu, "sd": sd, "mu of beta": of_beta, "difference": difference, "sd of beta": sd_beta}
    reference.values |= {f"alpha {n}": each for n, each in enumerate(alpha)}
    reference.values |= {f"beta {n}": each for n, each in enumerate(beta)}

    groups = {"participant": people, "group": ["a", "b"] * 3}
    fit = tw.fit(Sets(), tw.read_long(data), formulas={"beta": "group"}, participants=groups, **SETTINGS)
    assert fit.attrs["sampler"] == "particle-gibbs"
    draws = drawn(fit, {"mu": "alpha_mu", "sd": "alpha_sd", "mu of beta": "beta_mu", "sd of beta": "beta_sd"})
    draws["difference"] = between(fit, "beta", {"group": "a"}, {"group": "b"})
    draws |= {f"{name} {n}": individual(fit, name, n) for name in ("alpha", "beta") for n in range(6)}
    agrees(reference.compared(draws))


def test_correlated_sessions():
    """A mean and a spread of beta in each of two sessions, which are correlated; the last participant lacks a session."""
    people = [f"p{n}" for n in range(3)]
    runs = [
        {"participant": label, "session": session, "keen": n < 1 or session == "s2"}
        for n, label in enumerate(people)
        for session in ("s1", "s2")
    ][:-1]
    data = table(runs, seed=2)
    reference = Reference(runs_of(data, "participant", "session"), data["outcome"].std(ddof=0), 2)
    mu, sd = reference.normal(0, 1.5), reference.spread(1)
    cells = [reference.normal(reference.of_beta, 1) for _ in range(2)]
    spreads = [reference.spread(1) for _ in range(2)]
    r = reference.random.uniform(-1, 1, COUNT)
    alpha_of = {label: mu + sd * reference.normal(0, 1) for label in people}
    first, second = ({label: reference.normal(0, 1) for label in people} for _ in range(2))
    beta_of = {
        "s1": {label: cells[0] + spreads[0] * first[label] for label in people},
        "s2": {
            label: cells[1] + spreads[1] * (r * first[label] + np.sqrt(1 - r**2) * second[label]) for label in people
        },
    }
    alpha = [alpha_of[run["participant"]] for run in runs]
    beta = [beta_of[run["session"]][run["participant"]] for run in runs]
    reference.weigh(alpha, beta)
    reference.values = {
        "mu": mu,
        "sd": sd,
        "s1": cells[0],
        "s2": cells[1],
        "sd of s1": spreads[0],
        "sd of s2": spreads[1],
        "r": r,
    }
    reference.values |= {f"{name} {k}": each[k] for name, each in (("alpha", alpha), ("beta", beta)) for k in range(5)}

    fit = tw.fit(Sets(), tw.read_long(data), formulas="beta ~ 0 + session", correlated=True, **SETTINGS)
    assert fit.trials.participants == tuple(f"{run['participant']} / {run['session']}" for run in runs)
    (correlation,) = fit.population.variables.correlations
    names = {"mu": "alpha_mu", "sd": "alpha_sd", "r": correlation}
    for session in ("s1", "s2"):
        names |= {
            session: f"beta_effects[session[{session}]]",
            f"sd of {session}": f"beta_sd_effects[session[{session}]]",
        }
    draws = drawn(fit, names)
    draws |= {f"{name} {n}": individual(fit, name, n) for name in ("alpha", "beta") for n in range(5)}
    agrees(reference.compared(draws))


def test_conditions_within_a_run():
    """Two values of beta, between which a run changes while its state goes on; participants differ in the change."""
    people = [f"p{n}" for n in range(5)]
    data = table([{"participant": label, "keen": n > 1} for n, label in enumerate(people)], seed=3)
    late = np.arange(TRIALS) >= 3
    reference = Reference(runs_of(data, "participant"), data["outcome"].std(ddof=0), 3)
    mu, sd = reference.normal(0, 1.5), reference.spread(1)
    of_beta, sd_beta = reference.normal(reference.of_beta, 1), reference.spread(1)
    change, sd_change = reference.normal(0, 0.5), reference.spread(0.5)
    alpha = [mu + sd * reference.normal(0, 1) for _ in people]
    early, later = [], []
    for _ in people:
        middle, own = of_beta + sd_beta * reference.normal(0, 1), change + sd_change * reference.normal(0, 1)
        early.append(middle - own / np.sqrt(2))
        later.append(middle + own / np.sqrt(2))
    reference.weigh(alpha, [np.where(late, b[:, None], a[:, None]) for a, b in zip(early, later, strict=True)])
    reference.values = {
        "mu": mu,
        "sd": sd,
        "mu of beta": of_beta,
        "sd of beta": sd_beta,
        "change": np.sqrt(2) * change,
        "sd of change": sd_change,
    }
    for n in range(5):
        reference.values |= {f"alpha {n}": alpha[n], f"beta[early] {n}": early[n], f"beta[late] {n}": later[n]}

    fit = tw.fit(Sets(), tw.read_long(data, labels=["phase"]), formulas={"beta": "phase"}, **SETTINGS)
    assert fit.parameters == ["alpha", "beta[early]", "beta[late]"] and not fit.design.by_session
    names = {
        "mu": "alpha_mu",
        "sd": "alpha_sd",
        "mu of beta": "beta_mu",
        "sd of beta": "beta_sd",
        "sd of change": "beta_sd_effects[phase.1]",
    }
    draws = drawn(fit, names)
    draws["change"] = between(fit, "beta", {"phase": "early"}, {"phase": "late"})
    draws |= {f"{name} {n}": individual(fit, name, n) for name in fit.parameters for n in range(5)}
    agrees(reference.compared(draws))
