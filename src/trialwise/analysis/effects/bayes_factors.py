"""The Bayes factors of several differences of one fit."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from trialwise.analysis.effects.coefficients import Conditional, connected, given_participants
from trialwise.analysis.effects.levels import NOTHING, Contrast, Means
from trialwise.analysis.effects.savage_dickey import BayesFactor, bayes_factor
from trialwise.population.names import names_of_design


class BayesFactors:
    """Bayes factors of differences of a fit; what they share is computed once.

    Parameters
    ----------
    means
        The fit's means.
    """

    def __init__(self, means: Means) -> None:
        fit = means.fit
        population, self.design, self.group = fit.population, means.design, means.group
        self.mean, self.width = population.prior.mean, population.prior.width
        unknown = set(json.loads(fit.attrs["priors"])) - set(population.priors)
        unusual = {*population.unusual, *unknown}
        self.names = names_of_design(self.design).coefficients
        self.cells = np.array([term.cell for term in self.design.coefficients])
        self.unusual = np.array([name in unusual for name in self.names])
        self._conditionals: dict[tuple[str, ...], Conditional | None] = {}

    def of(self, contrasts: Sequence[Contrast]) -> BayesFactor | None:
        """The Bayes factor for all of these being 0; None if their prior is not Normal, or there is no such difference."""
        vectors = np.stack([contrast.vector for contrast in contrasts])
        used = np.any(abs(vectors) > NOTHING, 0)
        same = all(contrast.same_scale for contrast in contrasts)
        if not same or np.linalg.matrix_rank(vectors) < len(vectors) or np.any(used & self.unusual):
            return None
        names = tuple(connected(self.design, {self.design.coefficients[f].parameter for f in np.flatnonzero(used)}))
        if names not in self._conditionals:
            others = [term.parameter in names for term in self.design.coefficients]
            normal = not np.any(self.unusual & others)
            self._conditionals[names] = (
                given_participants(self.design, self.mean, self.width, self.group, names) if normal else None
            )
        return bayes_factor(vectors, self.group.coefficients, self.mean, self.width, self._conditionals[names])

    def prior_width(self, contrast: Contrast) -> float:
        """The standard deviation of a difference before the data; NaN if its prior is not Normal."""
        if np.any(self.unusual & (abs(contrast.vector) > NOTHING)):
            return float("nan")
        return float(np.sqrt(np.sum((contrast.vector * self.width) ** 2)))


def columns_of_factor(factor: BayesFactor | None) -> dict[str, object]:
    """The columns of a Bayes factor in a table; NaN where there is none."""
    nan = float("nan")
    factor = BayesFactor(nan, nan, nan, nan, "", nan) if factor is None else factor
    return {
        "bf01": factor.bf01, "bf01_error": factor.error, "bf01_half": factor.half, "bf01_double": factor.double,
        "method": factor.method, "pareto_k": factor.pareto_k, "reliable": factor.reliable,
    }  # fmt: skip
