"""Draws of a group given its participants, for samplers that update participants and group in turn."""

from __future__ import annotations

import numpy as np

from trialwise.population.priors import GroupPrior


def group_given_participants(
    u: np.ndarray, sd: np.ndarray, prior: GroupPrior, random: np.random.Generator, turns: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the group's means and spreads ``(chains, parameters)`` given its participants, by Gibbs and slice sampling in turn.

    Parameters
    ----------
    u
        Unconstrained values of the participants, ``(chains, participants, parameters)``.
    sd
        Initial spreads, ``(chains, parameters)``.
    prior
        Prior of the group.
    random
        Generator of random numbers.
    turns
        Number of alternations between means and spreads.
    """
    count = u.shape[1]
    centre = u.mean(1)
    mu = centre
    for _ in range(turns):
        precision = count / sd**2 + 1.0 / prior.width**2
        mean = (count * centre / sd**2 + prior.mean / prior.width**2) / precision
        mu = mean + random.standard_normal(mean.shape) / np.sqrt(precision)
        squares = ((u - mu[:, None]) ** 2).sum(1)
        sd = _spreads(squares, sd, count, prior, random)
    return mu, sd


def _spreads(
    squares: np.ndarray, sd: np.ndarray, count: int, prior: GroupPrior, random: np.random.Generator
) -> np.ndarray:
    """Draw spreads given the participants' sums of squared deviations, by slice sampling of the log spreads (Neal 2003, Annals of
    Statistics 31:705)."""

    def density(log_sd: np.ndarray) -> np.ndarray:
        spread = np.exp(log_sd)
        return (1 - count) * log_sd - 0.5 * squares / spread**2 - 0.5 * (spread / prior.spread) ** 2

    log_sd = np.log(sd)
    level = density(log_sd) + np.log(random.random(log_sd.shape))
    below = log_sd - 2.0 * random.random(log_sd.shape)
    above = below + 2.0
    for edge, direction in ((below, -1.0), (above, 1.0)):
        for _ in range(30):
            edge += np.where(density(edge) > level, 2.0 * direction, 0.0)
    new = log_sd.copy()
    undecided = np.ones(log_sd.shape, bool)
    while undecided.any():
        proposal = below + (above - below) * random.random(log_sd.shape)
        inside = density(proposal) >= level
        new = np.where(undecided & inside, proposal, new)
        undecided &= ~inside
        above = np.where(proposal > log_sd, np.where(inside, above, proposal), above)
        below = np.where(proposal > log_sd, below, np.where(inside, below, proposal))
    return np.exp(new)
