"""Ranks of true values among posterior draws, and the band that contains the ECDF of uniform ranks."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from trialwise.base.streams import stream

PROBABILITY = 0.95
"""Probability of the bands: how often calibrated draws stay inside, for all quantities together."""


class Band(NamedTuple):
    """A band for the ECDF of ranks: the relative ranks ``x``, and the lower and upper end at each."""

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def contains(self, ecdf: np.ndarray) -> bool:
        """Whether an ECDF at ``x`` stays inside."""
        return not ((ecdf < self.low) | (ecdf > self.high)).any()


def ecdf(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The share of values up to each ``x``."""
    return np.searchsorted(np.sort(values), x, side="right") / len(values)


@lru_cache(maxsize=64)
def simultaneous_band(count: int, probability: float, tries: int = 4000) -> Band:
    """The band that contains the whole ECDF of ``count`` uniform values with this probability."""
    from arviz_stats.ecdf_utils import ecdf_pit

    if count < 3:  # so few ranks carry no information
        return Band(np.array([0.0, 1.0]), np.zeros(2), np.ones(2))
    x, _, low, high = ecdf_pit(np.linspace(0, 1, count), probability, tries, rng=stream(0, "band of uniform ranks"))
    return Band(x, low, high)


def thinned(draws: np.ndarray, count: int) -> np.ndarray:
    """``count`` of the draws, evenly spaced."""
    return draws[:: len(draws) // count][:count]


def rank(truth: float | np.ndarray, draws: np.ndarray) -> int:
    """The number of draws below the true value."""
    return int((draws < truth).sum())
