r"""How the weights of joint draws depend on the group.

Errors of emulators that all participants share do not average out: where the group's learning rate is low, say, every emulator may
promise a little too much. Then the logarithm of a joint draw's weight has a slope along the group's parameters, and draws are better
proposed from the emulated posterior times :math:`e^{h(g)}`,

.. math:: h(g) = \min(b'z, c), \qquad z = \mathrm{diag}(s)^{-1} (g - m), \quad g = (\mu, \log \sigma)

than from the emulated posterior as it is: each of its draws is kept with probability :math:`e^{h - c}`, and weighs :math:`e^{-h}` times
what it did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SLOPES = 0.05
"""Prior variance of each slope, in units of the weights' variance: some hundred noisy weights tell little of a dozen slopes."""

TOP = 0.9
"""Share of draws that are below the cap c of their tilt: a higher cap keeps fewer draws."""


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
        """Which draws of the emulated posterior, ``(..., parameters)``, are ones of the tilted posterior, ``(...)``."""
        return np.asarray(np.log(random.random(mu.shape[:-1])) < self(mu, sd) - self.top)


def group_of(mu: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """The group's parameters as one vector, ``(..., 2 x parameters)``: means, and logarithms of spreads."""
    return np.concatenate([mu, np.log(sd)], -1)


def learnt(mu: np.ndarray, sd: np.ndarray, height: np.ndarray) -> Tilt:
    """The tilt of joint draws, ``mu, sd (draws, parameters)``, whose weights' logarithms are ``height (draws,)``.

    By ridge regression: of noise no slope is made.
    """
    g = group_of(mu, sd)
    centre, scale = g.mean(0), g.std(0) + 1e-9
    z, gap = (g - centre) / scale, height - height.mean()
    slope = np.linalg.solve(z.T @ z + np.eye(z.shape[1]) / SLOPES, z.T @ gap)
    return Tilt(centre, scale, slope, np.asarray(np.quantile(z @ slope, TOP)))
