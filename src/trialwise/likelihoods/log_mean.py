"""The mean of likelihoods, computed from their logarithms."""

from __future__ import annotations

import numpy as np


def log_mean(each: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The logarithm of the mean of likelihoods ``exp(each)`` along the last axis, its standard error, and the share of each in the mean.

    Parameters
    ----------
    each
        Logarithms of likelihoods, in nats, ``(..., estimates)``.

    Returns
    -------
    log_mean, standard_error
        ``(...)``; the error is NaN for a single estimate.
    share
        ``(..., estimates)``, summing to 1 along the last axis.
    """
    count = each.shape[-1]
    top = each.max(-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        ratio = np.exp(each - np.where(np.isfinite(top), top, 0.0))
        mean = ratio.mean(-1, keepdims=True)
        value = (np.log(mean) + top)[..., 0]
        error = np.full(value.shape, np.nan) if count == 1 else ratio.std(-1, ddof=1) / mean[..., 0] / np.sqrt(count)
        share = ratio / (count * mean)
    return value, error, share
