"""Log-likelihoods with a hidden choice integrated out: by particles, with their Monte Carlo error, or exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.streams import stream_key
from trialwise.data.trials import Trials
from trialwise.engine.packed import Packed
from trialwise.engine.run_hidden import check_particles, run_exact, run_particles, stream_keys
from trialwise.learners.learner import Learner

PARTICLES, FILTERS = 100, 8
METHODS = ("particle", "exact")


class Estimate(np.ndarray):
    """Log-likelihoods of participants, ``(participants,)``, with what is known of their error.

    Attributes
    ----------
    standard_error
        ``(participants,)``: Monte Carlo standard error of each; 0 where it is exact.
    particles, filters
        How many particles each of how many filters had; 0 where it is exact.
    """

    standard_error: np.ndarray
    particles: int
    filters: int

    def __array_finalize__(self, other: Any) -> None:
        for name in ("standard_error", "particles", "filters"):
            if hasattr(other, name):
                setattr(self, name, getattr(other, name))


def _with_error(values: np.ndarray, error: np.ndarray, particles: int, filters: int) -> Estimate:
    made = values.view(Estimate)
    made.standard_error, made.particles, made.filters = error, particles, filters
    return made


def own_keys(trials: Trials, seed: int, purpose: str) -> np.ndarray:
    """A key of random streams for each participant, from seed, label and purpose: ``uint64 (participants,)``."""
    return np.array([stream_key(seed, label, purpose) for label in trials.participants], np.uint64)


def marginal(
    learner: Learner, trials: Trials, packed: Packed, free: np.ndarray, particles: int, filters: int, seed: int, method: str,
    scored: bool,
) -> tuple[Estimate, np.ndarray]:  # fmt: skip
    """Log-likelihood of each participant and its gradient ``(participants, parameters)``, empty unless ``scored``.

    By particles the likelihood is the mean of ``filters`` independent estimates, without bias; their spread tells the
    standard error of its logarithm. The gradient is the mean of the filters' scores weighted by their likelihoods.

    Raises
    ------
    UsageError
        For an unknown method, too few particles, or too many trials for the exact one.
    """
    if method not in METHODS:
        raise UsageError(f"method={method!r}: one of {', '.join(map(repr, METHODS))}")
    people = len(packed.rows)
    if method == "exact":
        value, gradient, _ = run_exact(learner, packed, free)
        return _with_error(value, np.zeros(people), 0, 0), gradient
    check_particles(learner, particles)
    if isinstance(filters, bool) or not isinstance(filters, int | np.integer) or filters < 1:
        raise UsageError(f"filters={filters!r}: a whole number above 0 is wanted")
    segments = np.repeat(np.arange(people), filters)
    keys = stream_keys(own_keys(trials, seed, "particles")[segments], np.tile(np.arange(filters), people))
    found = run_particles(learner, packed, free[segments], segments, keys, int(particles), scored=scored)
    each = found.log_likelihood.reshape(people, filters)
    value, error, share = averaged(each)
    score = (share[..., None] * found.score.reshape(people, filters, -1)).sum(1)
    return _with_error(value, error, int(particles), int(filters)), score


def averaged(each: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The logarithm of the mean of likelihoods ``exp(each)`` along the last axis, its standard error, and each one's share."""
    count = each.shape[-1]
    top = each.max(-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        ratio = np.exp(each - np.where(np.isfinite(top), top, 0.0))
        mean = ratio.mean(-1, keepdims=True)
        value = (np.log(mean) + top)[..., 0]
        error = np.full(value.shape, np.nan) if count == 1 else ratio.std(-1, ddof=1) / mean[..., 0] / np.sqrt(count)
        share = ratio / (count * mean)
    return value, error, share
