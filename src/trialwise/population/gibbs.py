"""Draws of a group given its participants, for samplers that move participants and group in turn."""

from __future__ import annotations

import numpy as np

from trialwise.population.priors import GroupPrior


def group_given_participants(
    u: np.ndarray, sd: np.ndarray, prior: GroupPrior, random: np.random.Generator, turns: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Means and spreads ``(chains, parameters)`` of the group given its participants, by Gibbs and slice sampling in turn.

    Parameters
    ----------
    u
        Unconstrained values of the participants, ``(chains, participants, parameters)``.
    sd
        Spreads to start from, ``(chains, parameters)``.
    turns
        How often means and spreads are drawn in turn.
    """
    people = u.shape[1]
    centre = u.mean(1)
    mu = centre
    for _ in range(turns):
        precision = people / sd**2 + 1.0 / prior.width**2
        mean = (people * centre / sd**2 + prior.mean / prior.width**2) / precision
        mu = mean + random.standard_normal(mean.shape) / np.sqrt(precision)
        squares = ((u - mu[:, None]) ** 2).sum(1)
        sd = _spreads(squares, sd, people, prior, random)
    return mu, sd


def _spreads(
    squares: np.ndarray, sd: np.ndarray, people: int, prior: GroupPrior, random: np.random.Generator
) -> np.ndarray:
    """Spreads given the sums of squared deviations of so many participants, by slice sampling of their logarithms."""

    def density(log_sd: np.ndarray) -> np.ndarray:
        spread = np.exp(log_sd)
        return (1 - people) * log_sd - 0.5 * squares / spread**2 - 0.5 * (spread / prior.spread) ** 2

    log_sd = np.log(sd)
    level = density(log_sd) + np.log(random.random(log_sd.shape))
    below = log_sd - 2.0 * random.random(log_sd.shape)
    above = below + 2.0
    for edge, way in ((below, -1.0), (above, 1.0)):
        for _ in range(30):
            edge += np.where(density(edge) > level, 2.0 * way, 0.0)
    new = log_sd.copy()
    undecided = np.ones(log_sd.shape, bool)
    while undecided.any():
        tried = below + (above - below) * random.random(log_sd.shape)
        inside = density(tried) >= level
        new = np.where(undecided & inside, tried, new)
        undecided &= ~inside
        above = np.where(tried > log_sd, np.where(inside, above, tried), above)
        below = np.where(tried > log_sd, below, np.where(inside, below, tried))
    return np.exp(new)
