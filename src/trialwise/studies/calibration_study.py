"""The study behind simulation-based calibration: each data set is drawn from the prior and fitted, and true values are ranked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trialwise.analysis.comparison.integrated import integrand, values_at
from trialwise.analysis.true_values import TrueRows
from trialwise.base.errors import ModelError
from trialwise.environments.simulation import Simulation
from trialwise.inference.draws import row_label
from trialwise.learners.learner import Learner
from trialwise.population.population import Population
from trialwise.studies.calibration import RANKS, Calibration
from trialwise.studies.designed import DesignedSimulation, StudyDesign
from trialwise.studies.fits import FitSettings, sampling_of, sampling_table
from trialwise.studies.ranks import rank, thinned
from trialwise.studies.resume import divided
from trialwise.studies.store import Piece
from trialwise.studies.study import Study

LIKELIHOOD = "log-likelihood"


PARTICLES = 200
"""Particles of each estimate of the log-likelihood, for a learner with a hidden choice."""


@dataclass(frozen=True, eq=False)
class CalibrationStudy(Study[Calibration]):
    """A study in which each data set is drawn from the prior and fitted, and true values are ranked among the draws."""

    kind, stage = "calibrate", "calibrating"

    learner: Learner
    population: Population
    settings: FitSettings
    ranks: int
    design: StudyDesign | None = None

    def description(self) -> dict[str, str]:
        design = {} if self.design is None else {"formulas": self.design.text}
        return {"learner": repr(self.learner), "prior": repr(self.population.prior), **design}

    def simulation(self, number: int) -> tuple[Simulation | DesignedSimulation, dict[str, np.ndarray], np.ndarray]:
        """The data set, the group's true means and spreads by name, and the participants' true values, unconstrained."""
        random, population = self.truth_stream(number), self.population
        if self.design is None:
            drawn = population.draw(len(self.participants), random)
            simulation = self.simulated(self.learner, population.natural(drawn.u), number)
            return simulation, population.by_name(*drawn[:3]), drawn.u
        seed = self.simulation_seed(number)
        arranged = self.design.arranged(self.learner, self.environment, self.participants, seed)
        own = arranged.population(self.environment, self.seed, population.priors)
        if own.group_names != population.group_names or own.names != population.names:
            raise ModelError(
                "the conditions that are shown differ from those of other data sets: show all to every participant"
            )
        drawn = own.draw(len(self.participants), random)
        designed = arranged.simulated(TrueRows(own.natural(drawn.u), drawn.coefficients), seed)
        return designed, own.by_name(*drawn[:3]), drawn.u

    def task(self, number: int) -> Piece:
        """Ranks by quantity, and R-hat, divergences and problems of the fit."""
        start = time.perf_counter()
        simulation, truth, u = self.simulation(number)
        rows = simulation.rows if isinstance(simulation, DesignedSimulation) else simulation
        priors, fit_seed = self.population.distributions(), self.fit_seed(number)
        design = None if self.design is None else self.design.arguments
        fitted = self.settings.fit(self.learner, simulation.trials, fit_seed, priors, design)
        individual = fitted.draws.unconstrained()
        individual = thinned(individual.reshape(-1, *individual.shape[2:]), self.ranks)
        ranks = {
            name: rank(value, thinned(fitted.draws[name].to_numpy().ravel(), self.ranks))
            for name, value in truth.items()
        }
        for k, name in enumerate(self.population.names):
            ranks[row_label(name, rows.trials.participants[0])] = rank(u[0, k], individual[:, 0, k])
        likelihood = integrand(rows.learner, rows.trials, PARTICLES, fit_seed)
        values = values_at(likelihood, np.concatenate([u[None], individual])).sum(1)
        ranks[LIKELIHOOD] = rank(values[0], values[1:])
        return {
            "quantities": np.array(list(ranks)),
            "ranks": np.array(list(ranks.values())),
            **sampling_of(fitted),
            "seconds": np.array(time.perf_counter() - start),
        }

    def gather(self, pieces: dict[int, Piece]) -> Calibration:
        return calibration_of(repr(self.learner), pieces, self.ranks)


def calibration_of(learner: str, pieces: Mapping[int, Piece], total: int = RANKS) -> Calibration:
    """Gather finished pieces; each has ``quantities``, their ``ranks``, ``r_hat``, ``divergences``, ``problems``, ``seconds``.

    Raises
    ------
    ModelError
        If no data set could be fitted.
    """
    import pandas as pd

    done, failed = divided(dict(pieces))
    index = pd.Index(done, name="dataset")
    names = [str(name) for name in next(iter(done.values()))["quantities"]]
    ranks = pd.DataFrame([piece["ranks"] for piece in done.values()], index=index, columns=names)
    return Calibration(learner, ranks, sampling_table(done), failed, total)
