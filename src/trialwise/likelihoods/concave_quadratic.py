"""Concave quadratics through log-likelihoods at scattered points: where a participant's parameters are plausible, and how precisely."""

from __future__ import annotations

import numpy as np

DEPTH = 15.0
"""Distance below the maximum, in nats, beyond which log-likelihoods are compressed."""

STEEP = 0.05
"""Least curvature of a quadratic in any direction."""

RIDGE, RIDGE_OF_LINE = 1e-3, 1e-6
"""Penalties of squared coefficients: of the whole quadratic, and of its line once the curvature is known."""


def compressed(values: np.ndarray, top: float) -> np.ndarray:
    """Compress log-likelihoods more than :data:`DEPTH` below the maximum ``top``; a smooth, increasing function.

    No posterior has mass so far down, where log-likelihoods are unlike any quadratic and would dominate a fit by least squares.
    """
    low = top - DEPTH
    below = np.maximum(low - values, 0.0)
    return np.where(values < low, low - DEPTH * np.log1p(below / DEPTH), values)


def concave_quadratic(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    r"""The concave quadratic that fits values best, by weighted least squares.

    .. math:: y \approx c + b' x + \tfrac12 x' H x

    All coefficients are fitted, the eigenvalues of H are limited to at most minus :data:`STEEP`, and c and b are fitted again.

    Parameters
    ----------
    x
        Points, ``(points, size)``, in units in which the region of interest is about 1 wide.
    y, weight
        Values at the points, and their weights, ``(points,)``.

    Returns
    -------
    tuple
        ``c``, ``b (size,)`` and ``H (size, size)``, symmetric and negative definite.
    """
    size = x.shape[1]

    def solve(features: np.ndarray, target: np.ndarray, ridge: float) -> np.ndarray:
        weighted = features * weight[:, None]
        penalty = np.full(features.shape[1], ridge)
        penalty[0] = 1e-9
        return np.linalg.solve(weighted.T @ features + np.diag(penalty), weighted.T @ target)

    full = solve(_features(x), y, RIDGE)
    h = np.zeros((size, size))
    h[np.triu_indices(size)] = full[1 + size :]
    values, vectors = np.linalg.eigh(h + h.T)
    h = (vectors * np.minimum(values, -STEEP)) @ vectors.T
    rest = y - 0.5 * np.einsum("ni,ij,nj->n", x, h, x)
    line = solve(_features(x)[:, : 1 + size], rest, RIDGE_OF_LINE)
    return float(line[0]), line[1:], h


def _features(x: np.ndarray) -> np.ndarray:
    """1, the coordinates, and their products, ``(points, features)``."""
    i, j = np.triu_indices(x.shape[1])
    return np.concatenate([np.ones((len(x), 1)), x, x[:, i] * x[:, j]], 1)
