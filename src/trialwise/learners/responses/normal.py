r"""A real response with Normal noise: a rating, a skin conductance.

Parameters: ``mean`` and ``sd``, returned by ``respond``. Observed: one real.

.. math:: \log p = -\tfrac12 z^2 - \log \sigma - \tfrac12 \log 2\pi, \qquad z = (y - \mu) / \sigma

As for choices, the scale is handed back as a factor, :math:`\log p = d - \log s` with :math:`s = \sigma \sqrt{2\pi}`.
"""

from __future__ import annotations

import math

from trialwise.learners.responses.number import chain, value

PARAMETERS = ("mean", "sd")


def log_density(mean, sd, observed):
    """Log-density of one response, as ``(log p + log s, s)``."""
    z = (observed - mean) / sd
    half_square = z * z * -0.5
    # minus the tangent of log sd; its value travels in the factor
    return half_square - chain(sd + 0.0 * half_square, 0.0, 1.0 / value(sd)), value(sd) * math.sqrt(2.0 * math.pi)


def draw(mean, sd, standard_normal):
    """One response, from a standard normal number."""
    return value(mean) + value(sd) * standard_normal
