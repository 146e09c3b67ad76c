r"""Frequencies of models in the population: random-effects Bayesian model selection.

Participants may follow different models. With frequencies :math:`r \sim \mathrm{Dirichlet}(1, \dots, 1)`, a model
:math:`m_n \sim r` of each participant and its log evidence :math:`\ell_{nk} = \log p(y_n | m_n = k)`, a variational Dirichlet
:math:`q(r) = \mathrm{Dirichlet}(a)` is computed by iterating (Stephan et al. 2009, NeuroImage 46:1004, equations 11 to 14)

.. math:: g_{nk} \propto \exp\bigl(\ell_{nk} + \psi(a_k) - \psi(\textstyle\sum_j a_j)\bigr), \qquad a_k = 1 + \textstyle\sum_n g_{nk} .

The *exceedance probability* of a model is the probability that it is more frequent than every other. The *protected* one
allows for the chance that all are equally frequent, the Bayes omnibus risk (Rigoux et al. 2014, NeuroImage 84:971).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import digamma, gammaln, logsumexp, xlogy
from scipy.stats import gamma

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE, LONGEST = 1e-9, 100_000
"""Change of the Dirichlet parameters below which the iteration ends, and the largest number of iterations."""

NODES = 400
"""Nodes of the quadrature of exceedance probabilities."""


@dataclass(frozen=True, eq=False)
class Frequencies:
    """The posterior of the models' frequencies.

    Attributes
    ----------
    dirichlet
        ``(models,)``, a: one plus the expected number of participants that follow each model.
    responsibility
        ``(participants, models)``, g: the probability that each participant follows each model.
    exceedance, protected
        ``(models,)``: see the module.
    omnibus_risk
        Probability that all models are equally frequent.
    """

    dirichlet: np.ndarray
    responsibility: np.ndarray
    exceedance: np.ndarray
    protected: np.ndarray
    omnibus_risk: float

    def table(self, names: Sequence[str]) -> pd.DataFrame:
        """A row a model: ``frequency`` (expected), ``exceedance``, ``protected``."""
        import pandas as pd

        expected = self.dirichlet / self.dirichlet.sum()
        columns = {"frequency": expected, "exceedance": self.exceedance, "protected": self.protected}
        return pd.DataFrame(columns, index=pd.Index(names, name="learner"))


def frequencies(log_evidence: np.ndarray) -> Frequencies:
    """Estimate the frequencies of models in the population.

    Parameters
    ----------
    log_evidence
        ``(participants, models)``, finite.

    Returns
    -------
    Frequencies
    """
    participants, models = log_evidence.shape
    dirichlet = np.ones(models) + participants / models
    for _ in range(LONGEST):
        share, before = _responsibility(log_evidence, dirichlet), dirichlet
        dirichlet = 1.0 + share.sum(0)
        if abs(dirichlet - before).max() < TOLERANCE:
            break
    share = _responsibility(log_evidence, dirichlet)
    null = float((logsumexp(log_evidence, 1) - np.log(models)).sum())
    risk = float(1.0 / (1.0 + np.exp(np.clip(_free_energy(log_evidence, dirichlet, share) - null, -700, 700))))
    above = exceedance(dirichlet)
    return Frequencies(dirichlet, share, above, (1.0 - risk) * above + risk / models, risk)


def _responsibility(log_evidence: np.ndarray, dirichlet: np.ndarray) -> np.ndarray:
    joint = log_evidence + digamma(dirichlet)
    return np.asarray(np.exp(joint - logsumexp(joint, 1, keepdims=True)))


def _free_energy(log_evidence: np.ndarray, dirichlet: np.ndarray, share: np.ndarray) -> float:
    """The bound on the log evidence of unequal frequencies (Rigoux et al. 2014, appendix), under a flat Dirichlet prior."""
    log_r = digamma(dirichlet) - digamma(dirichlet.sum())
    joint = gammaln(len(dirichlet)) + (share * (log_evidence + log_r)).sum()
    entropy_r = gammaln(dirichlet).sum() - gammaln(dirichlet.sum()) - ((dirichlet - 1.0) * log_r).sum()
    return float(joint + entropy_r - xlogy(share, share).sum())


def exceedance(dirichlet: np.ndarray) -> np.ndarray:
    r"""The probability that each of Dirichlet frequencies is the largest, by quadrature.

    Frequencies are Gamma variates divided by their sum, so that with distribution functions :math:`F_k` of
    :math:`\mathrm{Gamma}(a_k)` it is :math:`\int_0^1 \prod_{j \ne k} F_j(F_k^{-1}(q))\, dq`.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    # the integrand is steep near the ends: q = s^2 (3 - 2 s) puts more nodes there
    s = 0.5 * (nodes + 1.0)
    q, weights = s * s * (3.0 - 2.0 * s), 0.5 * weights * 6.0 * s * (1.0 - s)
    probability = np.empty(len(dirichlet))
    for k, shape in enumerate(dirichlet):
        others = np.delete(dirichlet, k)
        probability[k] = (weights * gamma.cdf(gamma.ppf(q, shape)[:, None], others).prod(1)).sum()
    return probability / probability.sum()
