r"""The coefficients of a design given participants and their spreads, which are exactly Normal.

.. math:: B \mid u, G \sim \mathrm{Normal}\Bigl(C\,\bigl(\textstyle\sum_n X_n'\Omega_n^{-1}u_n + \Lambda m\bigr),\; C\Bigr), \quad
    C^{-1} = \textstyle\sum_n X_n'\Omega_n^{-1}X_n + \Lambda, \quad \Omega_n = Z_n G Z_n'

with all rows of a participant stacked, and the prior Normal(m, :math:`\Lambda^{-1}`). It needs :math:`\Omega_n` of full rank: as many effects of
participants as they have values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trialwise.population.design import Design
from trialwise.population.population import GroupDraw


@dataclass(frozen=True, eq=False)
class Conditional:
    """The coefficients given the participants of each draw.

    Attributes
    ----------
    chosen
        Which coefficients, as indices ``(f,)``.
    mean, covariance
        ``(chains, draws, f)`` and ``(chains, draws, f, f)``.
    """

    chosen: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    def log_density_at_zero(self, vectors: np.ndarray) -> np.ndarray:
        """The log-density of ``vectors @ B`` at 0 in each draw, ``(chains, draws)``, for ``vectors (m, F)``."""
        own = vectors[:, self.chosen]
        return log_normal_at_zero(self.mean @ own.T, own @ self.covariance @ own.T)


def log_normal_at_zero(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The log-density at 0 of Normals with means ``(..., m)`` and covariances ``(..., m, m)``, ``(...)``."""
    factor = np.linalg.cholesky(covariance)
    z = np.linalg.solve(factor, mean[..., None])[..., 0]
    diagonal = np.diagonal(factor, axis1=-2, axis2=-1)
    return np.asarray(-0.5 * np.sum(z**2, -1) - np.sum(np.log(diagonal), -1) - 0.5 * mean.shape[-1] * np.log(2 * np.pi))


def connected(design: Design, parameters: Iterable[str]) -> list[str]:
    """These parameters with all whose effects are correlated with theirs, directly or through others."""
    found = set(parameters)
    blocks = [{design.effects[q].parameter for q in block} for block in design.blocks]
    while any(block & found and not block <= found for block in blocks):
        found |= {name for block in blocks if block & found for name in block}
    return [name for name in design.parameters if name in found]


def given_participants(
    design: Design, mean: np.ndarray, width: np.ndarray, group: GroupDraw, parameters: Iterable[str]
) -> Conditional | None:
    """The coefficients of some parameters, and of those correlated with them, given the participants of each draw.

    Parameters
    ----------
    design
        The design.
    mean, width
        Means and standard deviations of the coefficients' priors, ``(F,)``.
    group
        Draws, ``(chains, draws, ...)``.
    parameters
        Names of the parameters.

    Returns
    -------
    Conditional or None
        None if participants have fewer effects than values, so that their values do not vary in all directions.
    """
    names = connected(design, parameters)
    k = np.array([n for n, column in enumerate(design.columns) if column.parameter in names])
    f = np.array([n for n, term in enumerate(design.coefficients) if term.parameter in names])
    q = np.array([n for n, term in enumerate(design.effects) if term.parameter in names])
    shape = group.spreads.shape[:2]
    effects = covariance_of_effects(design, group.spreads, group.correlations)[..., q[:, None], q]
    effects = effects.reshape(-1, len(q), len(q))
    u = group.u[..., k].reshape(-1, group.u.shape[2], len(k))
    precision = np.broadcast_to(np.diag(width[f] ** -2.0), (len(u), len(f), len(f))).copy()
    sums = np.broadcast_to(mean[f] / width[f] ** 2, (len(u), len(f))).copy()
    for rows in _alike(design, k, q):
        random = design.random[np.ix_(rows[0], k, q)].reshape(-1, len(q))
        size = len(random)
        if np.linalg.matrix_rank(random) < size:
            return None
        inverse = _inverse(random @ effects @ random.T)
        if inverse is None:
            return None
        fixed = design.fixed[np.ix_(rows.ravel(), k, f)].reshape(len(rows), size, len(f))
        products = np.einsum("nif,njg->ijfg", fixed, fixed).reshape(size**2, -1)
        precision += (inverse.reshape(len(u), -1) @ products).reshape(precision.shape)
        values = u[:, rows.ravel()].reshape(len(u), len(rows), size)
        sums += (values @ inverse).reshape(len(u), -1) @ fixed.reshape(-1, len(f))
    covariance = np.linalg.inv(precision)
    covariance = (covariance + covariance.transpose(0, 2, 1)) / 2
    centre = (covariance @ sums[..., None])[..., 0]
    return Conditional(f, centre.reshape(*shape, -1), covariance.reshape(*shape, len(f), len(f)))


def covariance_of_effects(design: Design, spreads: np.ndarray, correlations: np.ndarray) -> np.ndarray:
    """The covariance G of participants' effects, ``(..., Q, Q)``, from spreads ``(..., Q)`` and correlations ``(..., pairs)``."""
    count = len(design.effects)
    total = np.zeros((*spreads.shape[:-1], count, count))
    total[..., np.arange(count), np.arange(count)] = spreads**2
    for p, (i, j) in enumerate(design.pairs):
        total[..., i, j] = total[..., j, i] = correlations[..., p] * spreads[..., i] * spreads[..., j]
    return total


def _alike(design: Design, k: np.ndarray, q: np.ndarray) -> list[np.ndarray]:
    """The rows of participants with the same weights of effects, ``(participants, rows of each)`` each."""
    groups: dict[tuple[int, bytes], list[np.ndarray]] = {}
    for n in range(design.participants):
        rows = np.flatnonzero(design.owner == n)
        weights = np.ascontiguousarray(design.random[np.ix_(rows, k, q)])
        groups.setdefault((len(rows), weights.tobytes()), []).append(rows)
    return [np.stack(rows) for rows in groups.values()]


def _inverse(covariance: np.ndarray) -> np.ndarray | None:
    """The inverse of each matrix; None if one is singular."""
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    if not np.all(sd > 0):
        return None
    scale = sd[..., :, None] * sd[..., None, :]
    try:
        inverse = np.linalg.inv(covariance / scale) / scale
    except np.linalg.LinAlgError:
        return None
    return inverse if np.isfinite(inverse).all() else None
