r"""A tilt of the emulated posterior that corrects for the dependence of joint weights on the group.

Errors of emulators that all participants share do not average out: e.g. at low learning rates of the group, every emulator may be
slightly too high. Then the logarithm of a joint draw's weight has a slope in the group's parameters, and proposals are better drawn
from the emulated posterior times :math:`e^{h(g)}`,

.. math:: h(g) = \min(b'z, c), \qquad z = \mathrm{diag}(s)^{-1} (g - m), \quad g = (\mu, \log \sigma)

than from the emulated posterior itself: each of its draws is retained with probability :math:`e^{h - c}`, and its weight is
multiplied by :math:`e^{-h}`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SLOPES = 0.05
"""Prior variance of each slope, in units of the weights' variance: about a hundred noisy weights contain little information on a dozen slopes."""

TOP = 0.9
"""Share of draws below the cap c of the tilt: a higher cap retains fewer draws."""


@dataclass(frozen=True)
class Tilt:
    """The function h of the module's equation: ``centre, scale, slope (2 x parameters,)`` and ``top``, c."""

    centre: np.ndarray
    scale: np.ndarray
    slope: np.ndarray
    top: np.ndarray

    def __call__(self, mu: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """h at groups ``mu, sd (..., parameters)``."""
        return np.minimum((group_of(mu, sd) - self.centre) / self.scale @ self.slope, self.top)

    def kept(self, mu: np.ndarray, sd: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Which draws of the emulated posterior, ``(..., parameters)``, to retain as draws of the tilted posterior, ``(...)``."""
        return np.asarray(np.log(random.random(mu.shape[:-1])) < self(mu, sd) - self.top)


def group_of(mu: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """The group's parameters as one vector, ``(..., 2 x parameters)``: means, and logarithms of spreads."""
    return np.concatenate([mu, np.log(sd)], -1)


def learnt(mu: np.ndarray, sd: np.ndarray, height: np.ndarray) -> Tilt:
    """Estimate the tilt from joint draws, ``mu, sd (draws, parameters)``, with log weights ``height (draws,)``.

    By ridge regression, so that noise is not mistaken for a slope.
    """
    g = group_of(mu, sd)
    centre, scale = g.mean(0), g.std(0) + 1e-9
    z, gap = (g - centre) / scale, height - height.mean()
    slope = np.linalg.solve(z.T @ z + np.eye(z.shape[1]) / SLOPES, z.T @ gap)
    return Tilt(centre, scale, slope, np.asarray(np.quantile(z @ slope, TOP)))
