"""Draws of a group from its prior, to be shown beside the posterior."""

from __future__ import annotations

import numpy as np

from trialwise.population.names import names_of_design
from trialwise.population.population import GroupDraw, Population

DRAWS = 4000
"""Draws of the prior."""


def prior_groups(population: Population) -> GroupDraw:
    """Coefficients, spreads and correlations ``(1, draws, ...)`` from the prior; without participants."""
    draws = population.prior_draws(DRAWS)
    coefficients, spreads, correlations = (
        np.stack([draws[name] for name in names], -1)[None] if names else np.zeros((1, DRAWS, 0))
        for names in names_of_design(population.terms)
    )
    return GroupDraw(coefficients, spreads, correlations, np.zeros((1, DRAWS, 0, 0)))
