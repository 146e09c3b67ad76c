"""The posterior with emulators in place of likelihoods."""

from __future__ import annotations

import numpy as np

from trialwise.engine import WHOLE, cache
from trialwise.likelihoods import emulator as emulation
from trialwise.likelihoods.emulator import Emulator, emulate
from trialwise.population import correlations, density as density_of
from trialwise.population.density import Posterior, build_density, geometry_of
from trialwise.population.geometry import whitening
from trialwise.population.geometry.expansion import Expansion
from trialwise.population.population import Population


def emulated_posterior(emulator: Emulator, population: Population, expansion: Expansion) -> Posterior:
    """The posterior with emulators in place of likelihoods; with complete pooling there is one emulator of the total."""
    files = (density_of.__file__, whitening.__file__, correlations.__file__, emulation.__file__)
    layout = cache.key("emulated density", cache.text(*files))
    density = cache.on_disk(lambda: build_density(emulate, False), "trialwise_emulated_density", layout)
    rows = np.arange(len(emulator.rows), dtype=WHOLE)
    arguments = (*geometry_of(population, expansion), np.zeros(0), rows, *emulator.arrays)
    return Posterior(population, expansion, density, arguments)
