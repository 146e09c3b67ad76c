r"""Signed spreads z, :math:`\sigma = |z|`, as smooth functions of their coordinates s.

.. math:: z = \frac{k}{b} \sinh(b s), \qquad \frac{dz}{ds} = \sqrt{k^2 + b^2 z^2}; \qquad z = k s \text{ where } b = 0.

Data tell a spread from others by the ratio of the two where it exceeds the error with which participants are known, and by the difference where
it is below. So s is linear below :math:`h = k / b`, some such errors, and logarithmic above, and the posterior is about equally curved everywhere. A sampler that has one size
of steps for all places is rejected at small spreads where h is infinite, and stands still there; in the logarithm itself there is an infinite tail.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np


class SpreadMap(NamedTuple):
    """Of each spread k and b, ``(Q,)``."""

    slope: np.ndarray
    rate: np.ndarray

    def coordinates(self, spreads: np.ndarray) -> np.ndarray:
        """The coordinates s of signed spreads, ``(Q,)``."""
        linear = spreads / self.slope
        return np.where(self.rate > 0, np.arcsinh(self.rate * linear) / np.where(self.rate > 0, self.rate, 1.0), linear)


def spread_map(curvature: np.ndarray, mode: np.ndarray, sd: np.ndarray, errors: float) -> SpreadMap:
    """The map in which a unit at the mode of a spread is its posterior standard deviation.

    Parameters
    ----------
    curvature
        Minus the second derivatives of participants' log-likelihoods by their effects, ``(participants, Q, Q)``, with positive diagonals. The
        square of an error is the inverse of its mean.
    mode, sd
        The modes of spreads and their posterior standard deviations, ``(Q,)``.
    errors
        The number of errors from which s is logarithmic; infinite for a linear map.
    """
    ratio = mode / (errors / np.sqrt(np.einsum("nqq->nq", curvature).mean(0)))
    slope = sd / np.sqrt(1.0 + ratio**2)
    return SpreadMap(slope, slope * ratio / mode)


@numba.njit(nogil=True, cache=True, error_model="numpy")
def spread_at(s, slope, rate):
    """A signed spread z, :math:`dz / ds`, and :math:`d \\log(dz / ds) / ds`."""
    if rate == 0.0:
        return slope * s, slope, 0.0
    return slope / rate * np.sinh(rate * s), slope * np.cosh(rate * s), rate * np.tanh(rate * s)
