"""Fits whose posterior is known: the trials are replaced by one observation of each value, which makes the model conjugate."""

import json

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import multivariate_normal

import trialwise as tw
from trialwise.data.by_rows import by_rows
from trialwise.inference.design_of import row_text
from trialwise.inference.draws import Layout
from trialwise.inference.fitted import Fit
from trialwise.population.designs.build import designed
from trialwise.population.designs.stored import StoredDesign, runs_of_rows
from trialwise.population.population import GroupDraw, population_of

LEARNER = tw.QLearning()
PEOPLE = [f"p{n:02d}" for n in range(24)]
PLAIN = {
    "participant": PEOPLE,
    "group": ["control", "patient"] * 12,
    "site": ["x", "y", "z"] * 8,
    "age": [20.0 + (n * 7) % 40 for n in range(24)],
    "smoker": [0, 1] * 12,
    "drug": [0, 0, 1, 1] * 6,
}
CHAINS, LENGTH, NOISE = 4, 1500, 0.6


def trials_of(sessions=1):
    rows = [
        {"participant": label, "session": f"s{s + 1}", "choice": "ab"[(n + k) // 2 % 2], "outcome": (n + s + k * k) % 3}
        for n, label in enumerate(PEOPLE)
        for s in range(sessions)
        for k in range(6)
    ]
    table = pd.DataFrame(rows)
    return tw.read_long(table, session="session") if sessions > 1 else tw.read_long(table.drop(columns="session"))


class Conjugate:
    """A fit whose posterior is known: each value u is observed as Normal(u, NOISE²), and spreads and correlations are constants.

    Attributes
    ----------
    fit
        Draws from the posterior of coefficients and participants.
    mean, covariance
        Of the coefficients' posterior.
    """

    def __init__(self, formulas, sessions=1, correlation=0.0, seed=0, length=LENGTH, shift=0.0, vary=1e-7, **how):
        trials, random = trials_of(sessions), np.random.default_rng(seed)
        built = designed(list(LEARNER.names), LEARNER, trials, formulas, PLAIN, **how)
        self.design = d = built.design
        self.population = population_of(LEARNER, trials, design=d)
        self.prior = self.population.prior
        self.spreads = 0.5 + 0.2 * np.arange(len(d.effects)) / len(d.effects)
        self.correlations = np.full(len(d.pairs), correlation)
        self.covariance_of_effects = np.diag(self.spreads**2)
        for (i, j), r in zip(d.pairs, self.correlations, strict=True):
            self.covariance_of_effects[i, j] = self.covariance_of_effects[j, i] = r * self.spreads[i] * self.spreads[j]
        x = d.fixed.reshape(-1, len(d.coefficients))
        count, q = d.participants, len(d.effects)
        z = np.zeros((len(x), count * q))
        for r, owner in enumerate(d.owner):
            rows = slice(r * len(d.columns), (r + 1) * len(d.columns))
            z[rows, owner * q : (owner + 1) * q] = d.random[r]
        both = np.concatenate([x, z], 1)
        precision = np.zeros((both.shape[1], both.shape[1]))
        f = len(d.coefficients)
        precision[:f, :f] = np.diag(self.prior.width**-2)
        precision[f:, f:] = np.kron(np.eye(count), np.linalg.inv(self.covariance_of_effects))
        truth = np.where([t.like_intercept for t in d.coefficients], self.prior.mean, shift)
        y = x @ truth + z @ random.multivariate_normal(np.zeros(q), self.covariance_of_effects, count).ravel()
        y = y + random.normal(0, NOISE, len(y))
        self.y, self.x, self.z = y, x, z
        covariance = np.linalg.inv(precision + both.T @ both / NOISE**2)
        centre = covariance @ (
            np.r_[self.prior.mean / self.prior.width**2, np.zeros(count * q)] + both.T @ y / NOISE**2
        )
        self.mean, self.covariance = centre[:f], covariance[:f, :f]
        draws = random.multivariate_normal(centre, covariance, (CHAINS, length), method="cholesky")
        u = (draws @ both.T).reshape(CHAINS, length, d.rows, len(d.columns))
        wiggle = np.exp(vary * random.normal(size=(CHAINS, length, q)))
        spreads = self.spreads * wiggle
        correlations = self.correlations + vary * random.normal(size=(CHAINS, length, len(d.pairs)))
        group = GroupDraw(draws[..., :f], spreads, correlations, u)
        labels = [str(label) for label in trials.participants]
        rows = [row_text(label) for label in d.labels]
        if d.rows > d.participants:
            trials = by_rows(trials, built.row_of_trial, rows).trials
        runs = runs_of_rows(built.row_of_trial)
        stored = StoredDesign(d, built.models, built.formulas, tuple(labels), runs, built.covariates)
        self.group, self.models = group, built.models
        self.fit = fit_of(Layout(self.population, rows).dataset(group), trials, stored)

    def factor(self, vectors, scale=1.0):
        """The Bayes factor for ``vectors @ B = 0``, with another width of the prior in these directions, by the marginal likelihoods."""
        vectors = np.atleast_2d(vectors)
        width = np.diag(self.prior.width**2)
        gain = width @ vectors.T @ np.linalg.inv(vectors @ width @ vectors.T)
        wide = width + (scale**2 - 1) * gain @ vectors @ width
        null = width - gain @ vectors @ width
        mean_null = self.prior.mean - gain @ vectors @ self.prior.mean
        effects = self.z @ np.kron(np.eye(self.design.participants), self.covariance_of_effects) @ self.z.T
        noise = effects + NOISE**2 * np.eye(len(self.y))
        with_it = multivariate_normal.logpdf(self.y, self.x @ self.prior.mean, self.x @ wide @ self.x.T + noise)
        without = multivariate_normal.logpdf(self.y, self.x @ mean_null, self.x @ null @ self.x.T + noise)
        return np.exp(without - with_it)


def fit_of(posterior, trials, stored):
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    coords = {name: posterior[name] for name in ("chain", "draw")}
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros(shape, bool))}, coords)
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})
    tree.attrs = {
        "learner": repr(LEARNER), "learner_name": "QLearning", "parameters": json.dumps(list(LEARNER.names)), "pooling": "partial", "priors": "{}",
        "notes": "", "design": stored.to_json(),
    }  # fmt: skip
    return Fit(tree, LEARNER, trials, {})
