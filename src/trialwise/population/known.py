r"""Coefficients of which some linear combinations are known, such as the difference of two groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_REDUNDANT = 1e-10
"""Relative size below which a combination is one of the others."""


class Known(NamedTuple):
    """Linear combinations of coefficients: ``vectors (combinations, F)``, and their ``values (combinations,)``, consistent with each other."""

    vectors: np.ndarray
    values: np.ndarray

    def determines(self, vector: np.ndarray) -> bool:
        """Whether the value of another combination ``(F,)`` follows from them."""
        if not len(self.vectors):
            return not np.any(vector)
        rank = np.linalg.matrix_rank(self.vectors, _REDUNDANT)
        return bool(np.linalg.matrix_rank(np.vstack([self.vectors, vector]), _REDUNDANT) == rank)


def with_known(coefficients: np.ndarray, width: np.ndarray, known: Known) -> np.ndarray:
    r"""Move coefficients so that the known combinations have their values, and nothing else changes.

    .. math:: B + W C' (C W C')^{+} (d - C B), \qquad W = \mathrm{diag}(w^2)

    If B is a draw from :math:`\mathrm{Normal}(m, W)`, the result is one from that distribution given :math:`C B = d` (Matheron's rule;
    Wilson et al. 2021, Journal of Machine Learning Research 22:105).

    Parameters
    ----------
    coefficients
        B, ``(F,)``.
    width
        Standard deviations w of their priors, ``(F,)``.
    known
        C and d.
    """
    weighted = known.vectors * width**2
    gain = weighted.T @ np.linalg.pinv(weighted @ known.vectors.T, rcond=_REDUNDANT, hermitian=True)
    return np.asarray(coefficients + gain @ (known.values - known.vectors @ coefficients))
