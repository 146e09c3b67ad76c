"""The study behind parameter recovery: each data set is simulated, fitted, and its estimates compared with the true values."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.against_truth import correlation, points
from trialwise.analysis.true_values import Truth
from trialwise.environments.simulation import Simulation
from trialwise.inference.fitted import Fit
from trialwise.learners.learner import Learner
from trialwise.studies.designed import DesignedSimulation, StudyDesign
from trialwise.studies.fits import FitSettings, sampling_of, sampling_table
from trialwise.studies.recovered_effects import effect_rows, of_effects
from trialwise.studies.recovery import Recovery
from trialwise.studies.resume import divided
from trialwise.studies.store import Piece
from trialwise.studies.study import Study

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class RecoveryStudy(Study[Recovery]):
    """A study in which each data set is simulated and fitted, and its estimates are compared with the true values."""

    kind, stage = "recover", "recovering"

    learner: Learner
    truth: Truth
    settings: FitSettings
    priors: Mapping[str, Any]
    interval: float
    design: StudyDesign | None = None

    def description(self) -> dict[str, str]:
        design = {} if self.design is None else {"formulas": self.design.text, "effects": repr(self.design.effects)}
        return {"learner": repr(self.learner), **design}

    def simulation(self, number: int) -> Simulation | DesignedSimulation:
        """The data set with this number, with its true values."""
        if self.design is not None:
            return self._designed(self.design, number)
        values = self.truth.values(len(self.participants), self.truth_stream(number))
        return self.simulated(self.learner, values, number)

    def _designed(self, design: StudyDesign, number: int) -> DesignedSimulation:
        seed = self.simulation_seed(number)
        arranged = design.arranged(self.learner, self.environment, self.participants, seed)
        population = arranged.population(self.environment, self.seed)
        true = arranged.truth(self.truth, population, self.truth_stream(number), seed)
        return arranged.simulated(true, seed)

    def task(self, number: int) -> Piece:
        """Arrays ``(parameters, participants)`` of true values, estimates and variance removed; ``(pairs, participants)`` of pairs; and what
        the table of effects rests on."""
        start = time.perf_counter()
        data = self.simulation(number)
        design = None if self.design is None else self.design.arguments
        fitted = self.settings.fit(self.learner, data.trials, self.fit_seed(number), self.priors, design)
        effects = (
            of_effects(fitted, data.differences, data.true, data.is_set) if isinstance(data, DesignedSimulation) else {}
        )
        truth = data.truth if isinstance(data, DesignedSimulation) else data.parameters
        estimates = points(fitted, truth, self.interval)
        labels = data.parameters["participant"]
        size = len(fitted.parameters), len(labels)
        u = unconstrained(fitted)
        return {
            **{name: estimates[name].to_numpy().reshape(size) for name in ("true", "mean", "low", "high")},
            "told": variance_removed(fitted, u),
            **of_pairs(fitted, u),
            **effects,
            **sampling_of(fitted),
            "seconds": np.array(time.perf_counter() - start),
            "participants": np.array([str(label) for label in labels]),
            "parameters": np.array(fitted.parameters),
            "lower": np.array([p.lower for p in fitted.population.parameters]),
        }

    def gather(self, pieces: dict[int, Piece]) -> Recovery:
        return gathered(self.learner, pieces, self.interval, len(self.participants))


def unconstrained(fitted: Fit) -> np.ndarray:
    """Draws of participants' unconstrained values, ``(draws, participants, parameters)``."""
    draws = fitted.draws
    if draws.grouped:
        u = draws.unconstrained()
        return u.reshape(-1, *u.shape[2:])
    with np.errstate(divide="ignore"):
        return np.stack([p.unconstrain(draws.natural(p.name)) for p in fitted.population.parameters], -1)


def variance_removed(fitted: Fit, u: np.ndarray) -> np.ndarray:
    """The share of the variance that each participant's own data removed, ``(parameters, participants)``."""
    if fitted.draws.grouped:
        group = fitted.draws.groups()
        design = fitted.population.matrices(u.shape[1])
        before = design.variance(group.spreads, group.correlations).mean((0, 1)).T
    else:
        before = fitted.population.prior.total[:, None] ** 2
    return np.asarray(1 - u.var(0).T / before)


def of_pairs(fitted: Fit, u: np.ndarray) -> dict[str, np.ndarray]:
    """Posterior correlations of pairs of parameters, and posterior means of their products, ``(pairs, participants)`` each."""
    participants, size = u.shape[1:]
    pairs = list(combinations(range(size), 2))
    correlations, products = np.full((2, len(pairs), participants), np.nan)
    natural = [fitted.draws.natural(name) for name in fitted.parameters]
    for row, (a, b) in enumerate(pairs):
        for n in range(participants):
            correlations[row, n] = correlation(u[:, n, a], u[:, n, b])
        products[row] = (natural[a] * natural[b]).mean(0)
    return {"pair_correlation": correlations, "product": products}


def gathered(learner: Learner, pieces: dict[int, Piece], interval: float, participants: int) -> Recovery:
    """Gather finished pieces into one result; ``participants`` is their number in each.

    Raises
    ------
    ModelError
        If no data set could be fitted.
    """
    import pandas as pd

    done, failed = divided(pieces)
    parts = []
    for number, piece in done.items():
        for k, name in enumerate(piece["parameters"]):
            columns = {column: piece[column][k] for column in ("true", "mean", "low", "high", "told")}
            labels = {"dataset": number, "participant": piece["participants"], "parameter": str(name)}
            parts.append(pd.DataFrame({**labels, **columns}))
    fits = sampling_table(done)
    points = pd.concat(parts, ignore_index=True)
    return Recovery(repr(learner), points, _pairs(done), fits, failed, interval, effect_rows(done), participants)


def _pairs(done: dict[int, Piece]) -> pd.DataFrame:
    import pandas as pd

    first = next(iter(done.values()))
    names, lower, rows = [str(name) for name in first["parameters"]], first["lower"], []
    for row, (a, b) in enumerate(combinations(range(len(names)), 2)):
        true, product = ([], [])  # type: ignore[var-annotated]
        errors, posterior = ([], [])  # type: ignore[var-annotated]
        for piece in done.values():
            error = piece["mean"] - piece["true"]
            errors.append(error[[a, b]] - error[[a, b]].mean(1, keepdims=True))
            posterior.append(piece["pair_correlation"][row])
            true.append(piece["true"][a] * piece["true"][b])
            product.append(piece["product"][row])
        positive = lower[a] >= 0 and lower[b] >= 0
        rows.append(
            {
                "first": names[a],
                "second": names[b],
                "posterior_correlation": np.nanmean(np.concatenate(posterior)),
                "error_correlation": correlation(*np.concatenate(errors, 1)),
                "product_correlation": correlation(np.concatenate(true), np.concatenate(product))
                if positive
                else np.nan,
            }
        )
    columns = ["first", "second", "posterior_correlation", "error_correlation", "product_correlation"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[2:], float))  # also without any pair
