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
from trialwise.studies.fits import FitSettings, sampling_of, sampling_table
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

    def description(self) -> dict[str, str]:
        return {"learner": repr(self.learner)}

    def simulation(self, number: int) -> Simulation:
        values = self.truth.values(len(self.participants), self.truth_stream(number))
        return self.simulated(self.learner, values, number)

    def task(self, number: int) -> Piece:
        """Arrays ``(parameters, participants)`` of true values, estimates and variance removed; ``(pairs, participants)`` of pairs."""
        start = time.perf_counter()
        simulation = self.simulation(number)
        fitted = self.settings.fit(self.learner, simulation.trials, self.fit_seed(number), self.priors)
        estimates = points(fitted, simulation.parameters, self.interval)
        size = len(self.learner.names), len(self.participants)
        u = unconstrained(fitted)
        return {
            **{name: estimates[name].to_numpy().reshape(size) for name in ("true", "mean", "low", "high")},
            "told": variance_removed(fitted, u),
            **of_pairs(fitted, u),
            **sampling_of(fitted),
            "seconds": np.array(time.perf_counter() - start),
            "participants": np.array([str(label) for label in self.participants]),
        }

    def gather(self, pieces: dict[int, Piece]) -> Recovery:
        return gathered(self.learner, pieces, self.interval)


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
        before = np.array([float(np.square(fitted.draws.spread(name)).mean()) for name in fitted.parameters])
    else:
        before = fitted.population.prior.total**2
    return np.asarray(1 - u.var(0).T / before[:, None])


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


def gathered(learner: Learner, pieces: dict[int, Piece], interval: float) -> Recovery:
    """Gather finished pieces into one result.

    Raises
    ------
    ModelError
        If no data set could be fitted.
    """
    import pandas as pd

    done, failed = divided(pieces)
    names = list(learner.names)
    parts = []
    for number, piece in done.items():
        for k, name in enumerate(names):
            columns = {column: piece[column][k] for column in ("true", "mean", "low", "high", "told")}
            labels = {"dataset": number, "participant": piece["participants"], "parameter": name}
            parts.append(pd.DataFrame({**labels, **columns}))
    fits = sampling_table(done)
    return Recovery(repr(learner), pd.concat(parts, ignore_index=True), _pairs(learner, done), fits, failed, interval)


def _pairs(learner: Learner, done: dict[int, Piece]) -> pd.DataFrame:
    import pandas as pd

    names, rows = list(learner.names), []
    for row, (a, b) in enumerate(combinations(range(len(names)), 2)):
        true, product = ([], [])  # type: ignore[var-annotated]
        errors, posterior = ([], [])  # type: ignore[var-annotated]
        for piece in done.values():
            error = piece["mean"] - piece["true"]
            errors.append(error[[a, b]] - error[[a, b]].mean(1, keepdims=True))
            posterior.append(piece["pair_correlation"][row])
            true.append(piece["true"][a] * piece["true"][b])
            product.append(piece["product"][row])
        positive = learner.lower[a] >= 0 and learner.lower[b] >= 0
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
    return pd.DataFrame(rows, columns=columns)
