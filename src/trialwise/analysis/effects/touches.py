"""Whether a spread may be 0, so that what is divided by it is unstable."""

from __future__ import annotations

import numpy as np

TOUCHES = 0.25
"""The quantile of 5 % of a spread, relative to its median, below which it is said to touch 0; it is 0.1 for a HalfNormal, 0.4 for a
lognormal of which the standard deviation is half the mean."""


def touches_zero(spread: np.ndarray) -> bool:
    """Whether draws of a spread come close to 0."""
    return bool(np.quantile(spread, 0.05) < TOUCHES * np.median(spread))
