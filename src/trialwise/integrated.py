r"""Integrated likelihoods: how probable a participant's choices are under a learner and a group, no parameters chosen.

.. math:: p(y_n) = \mathrm{E}_{g} \int L_n(u)\, p(u | g)\, du

with the expectation over the posterior of the group g, found by importance sampling from a t distribution about the
participant's own posterior. The group was learnt from all participants, this one among them: a comparison of learners on
the same data, not a prediction of new people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, logsumexp

from trialwise.engine.packed import pack
from trialwise.engine.run import run_gradient
from trialwise.engine.run_hidden import run_particles, stream_keys
from trialwise.environments.streams import streams
from trialwise.errors import UsageError
from trialwise.fitted import Fit
from trialwise.learner import Learner
from trialwise.marginal import averaged, own_keys
from trialwise.trials import Trials

if TYPE_CHECKING:
    import pandas as pd

FREEDOM, WIDER, GROUPS = 8.0, 1.3, 200
"""Degrees of freedom of the proposal, how much wider than the posterior it is, and draws of the group that are averaged over."""


def integrated_likelihood(fit: Fit, draws: int = 400, particles: int = 200, seed: int = 0) -> pd.DataFrame:
    """The integrated likelihood of every participant.

    Parameters
    ----------
    fit
        With partial pooling.
    draws
        Points of each participant at which the likelihood is computed, or estimated.
    particles
        Of each estimate, for a learner with a hidden choice.
    seed
        The same seed gives the same draws.

    Returns
    -------
    DataFrame
        A row a participant: ``participant``, ``log_likelihood`` (integrated), ``standard_error`` and ``effective``, the
        effective number of draws: below a tenth of ``draws`` the number cannot be relied on.

    Raises
    ------
    UsageError
        Without a group, or without the learner at hand.
    """
    import pandas as pd

    if fit.pooling != "partial":
        raise UsageError(f"pooling={fit.pooling!r} has no group to integrate over: fit with pooling='partial'")
    if fit.learner is None:
        raise UsageError("integrated_likelihood needs the learner itself: load('...', learner=...)")
    posterior = fit.tree["posterior"]
    names = list(fit.learner.names)
    mu, sd = (np.stack([posterior[f"{name}_{part}"].to_numpy().ravel() for name in names], 1) for part in ("mu", "sd"))
    some = np.linspace(0, len(mu) - 1, min(GROUPS, len(mu))).astype(int)
    individual = posterior["individual"].stack(sample=("chain", "draw")).transpose("sample", "participant", "parameter")
    individual = individual.to_numpy()
    trials, size = fit.trials, len(names)
    u, log_q = [], []
    for n, label in enumerate(trials.participants):
        random = streams(seed)(label, "integrated likelihood")
        root = WIDER * np.linalg.cholesky(np.cov(individual[:, n].T).reshape(size, size) + 1e-8 * np.eye(size))
        z = random.standard_normal((draws, size)) / np.sqrt(random.chisquare(FREEDOM, (draws, 1)) / FREEDOM)
        u.append(individual[:, n].mean(0) + z @ root.T)
        norm = gammaln((FREEDOM + size) / 2) - gammaln(FREEDOM / 2) - 0.5 * size * np.log(FREEDOM * np.pi)
        tail = 0.5 * (FREEDOM + size) * np.log1p((z**2).sum(1) / FREEDOM)
        log_q.append(norm - np.log(np.diag(root)).sum() - tail)
    points = np.stack(u, 1)  # draws, participants, parameters
    value = likelihoods_at(fit.learner, trials, points, particles, seed)
    gap = (points[:, :, None] - mu[some]) / sd[some]
    log_p = (-0.5 * gap**2 - np.log(sd[some]) - 0.5 * np.log(2 * np.pi)).sum(-1)
    weight = (value + logsumexp(log_p, 2) - np.log(len(some)) - np.stack(log_q, 1)).T
    result, error, share = averaged(weight)
    return pd.DataFrame(
        {
            "participant": list(trials.participants),
            "log_likelihood": result,
            "standard_error": error,
            "effective": 1.0 / (share**2).sum(1),
        }
    )


def likelihoods_at(learner: Learner, trials: Trials, points: np.ndarray, particles: int, seed: int) -> np.ndarray:
    """At ``points (draws, participants, parameters)``, unconstrained: ``(draws, participants)``."""
    draws, people, _ = points.shape
    packed = pack(learner, trials)
    free = np.stack([p.constrain(points[..., k]) for k, p in enumerate(learner.parameters)], -1)
    if not learner.hides:
        return np.stack([run_gradient(learner, packed, each)[0] for each in free])
    jobs = np.tile(np.arange(people), draws)
    keys = stream_keys(own_keys(trials, seed, "integrated likelihood")[jobs], np.repeat(np.arange(draws), people))
    found = run_particles(learner, packed, free.reshape(draws * people, -1), jobs, keys, particles)
    return found.log_likelihood.reshape(draws, people)
