"""Simulation-based calibration: do posterior draws have the distribution that they should have?

A group is drawn from the prior, participants from the group, and choices from the participants; the learner is fitted with that
prior. If sampler and model are right, the rank of each true value among its posterior draws is uniform (Talts et al. 2018,
arXiv:1804.06788). So is the rank of any quantity that depends on data and parameters. The log-likelihood is one of these (Modrak
et al. 2023, arXiv:2211.02383): it reveals errors that single parameters do not show. How far the ECDF of ranks may deviate from
the diagonal is given by simultaneous bands (Säilynoja, Bürkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6).
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trialwise.analysis.comparison.integrated import integrand, values_at
from trialwise.analysis.true_values import population_in
from trialwise.base.errors import UsageError
from trialwise.base.result import Finding, Result
from trialwise.base.streams import stream
from trialwise.environments.simulate import EnvironmentLike, Simulation
from trialwise.inference.draws import row_label
from trialwise.inference.fit import fit
from trialwise.inference.sampler import CHAINS, DRAWS, TUNE
from trialwise.learners.learner import Learner
from trialwise.population.population import Population
from trialwise.studies.pieces import divided, failures
from trialwise.studies.recover import worst_r_hat
from trialwise.studies.store import Piece
from trialwise.studies.study import Study, check_count, participants_of

if TYPE_CHECKING:
    import pandas as pd

RANKS = 100
"""Number of posterior draws, evenly spaced, among which the true value is ranked: ranks run from 0 to this number."""

PROBABILITY = 0.95
"""Probability of the bands: how often calibrated draws stay inside, for all quantities together."""

LIKELIHOOD = "log-likelihood"

PARTICLES = 200
"""Particles of each estimate of the log-likelihood, for a learner with a hidden choice."""


class Band(NamedTuple):
    """A band for the ECDF of ranks: the relative ranks ``x``, and the lower and upper end at each."""

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Result):
    """The result of simulation-based calibration.

    Attributes
    ----------
    learner
        Description of the learner.
    ranks
        A row a data set, a column a quantity: how many of ``total`` posterior draws lie below the true value.
    fits
        A row a data set: ``r_hat`` (the largest of the group's), ``divergences``, ``problems`` (text), ``seconds``.
    failed
        Reasons why data sets could not be fitted, by number of the data set.
    total
        Number of draws among which the true value is ranked.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> short = {"draws": 50, "tune": 100, "chains": 2, "workers": 1, "progress": False}
    >>> learner = tw.QLearning(initial=1.2).fix(forget=0)
    >>> calibration = tw.calibrate(learner, task, datasets=3, participants=2, ranks=20, **short)
    >>> calibration.ranks.shape, calibration.total
    ((3, 7), 20)
    """

    learner: str
    ranks: pd.DataFrame
    fits: pd.DataFrame
    failed: Mapping[int, str]
    total: int = RANKS

    contents = {
        "calibration": "a row a quantity",
        "calibration_ranks": "the rank of each true value, a row a data set",
        "calibration_fits": "a row a fit: is its sampling reliable?",
    }

    @property
    def joint(self) -> float:
        """Probability of a single quantity's band such that all quantities, if independent, stay inside theirs with 95 %."""
        return float(PROBABILITY ** (1 / self.ranks.shape[1]))

    def band(self, probability: float = PROBABILITY) -> Band:
        """The band that contains the whole ECDF of a quantity with this probability, if its ranks are uniform.

        Parameters
        ----------
        probability
            Between 0 and 1.

        Returns
        -------
        Band
            Relative ranks ``x``, and the lower and upper end at each, arrays of one length.

        References
        ----------
        Säilynoja, Bürkner & Vehtari (2022), Statistics and Computing 32:32.
        """
        return simultaneous_band(len(self.ranks), probability)

    def ecdf(self, quantity: str) -> np.ndarray:
        """The ECDF of a quantity's ranks at the band's ``x``.

        Each integer rank is jittered uniformly within its bin of the unit interval, so that uniform ranks become uniform
        numbers.

        Parameters
        ----------
        quantity
            Name of a column of :attr:`ranks`.

        Returns
        -------
        array
            Shares from 0 to 1, as long as the band's ``x``.
        """
        rank = self.ranks[quantity].to_numpy(float)
        spread = (rank + stream(0, "ranks within their bins", quantity).random(len(rank))) / (self.total + 1)
        return np.searchsorted(np.sort(spread), self.band().x, side="right") / len(rank)

    @property
    def table(self) -> pd.DataFrame:
        """A row a quantity.

        ``mean_rank`` as a share (.5 if calibrated); ``outer``, the share of ranks in the outer tenth on either side (.2 if
        calibrated); ``distance``, the largest distance of the ECDF from the diagonal; ``outside``, whether the ECDF leaves the
        95 % band of a single quantity, and ``outside_joint``, whether it leaves the wider band for all quantities together.
        """
        import pandas as pd

        alone, joint = self.band(), self.band(self.joint)
        rows = {}
        for name in self.ranks:
            share, ecdf = self.ranks[name].to_numpy(float) / self.total, self.ecdf(str(name))
            rows[name] = {
                "mean_rank": share.mean(),
                "outer": ((share < 0.1) | (share > 0.9)).mean(),
                "distance": np.abs(ecdf - alone.x).max(),
                "outside": bool(((ecdf < alone.low) | (ecdf > alone.high)).any()),
                "outside_joint": bool(((ecdf < joint.low) | (ecdf > joint.high)).any()),
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("quantity")

    @property
    def calibrated(self) -> bool:
        """Whether every quantity stays inside the band for all together."""
        return not self.table["outside_joint"].any()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The quantities that are not calibrated and how; R-hat and divergences of the fits; data sets that failed."""
        count, table = len(self.ranks), self.table
        findings = [_miscalibrated(str(name), row) for name, row in table[table["outside_joint"]].iterrows()]
        if not findings:
            sentence = (
                f"calibrated: the ranks of all {len(table)} quantities are consistent with uniformity in {count} data sets: a "
                f"deviation of more than {np.abs(self.band(self.joint).high - self.band().x).max():.2f} would have been detected"
            )
            findings = [Finding("note", "calibrated", sentence)]
        high, diverged = int((self.fits["r_hat"] > 1.05).sum()), int((self.fits["divergences"] > 0).sum())
        sentence = f"R-hat above 1.05 in {high} of {count} fits, largest {self.fits['r_hat'].max():.2f}; divergences in {diverged}"
        findings.append(Finding("caution" if high or diverged else "note", "sampling", sentence))
        return (*findings, *failures(self.failed, count))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings as text."""
        return tuple(finding.text for finding in self.findings)

    def tables(self) -> dict[str, pd.DataFrame]:
        """``calibration`` (:attr:`table`), ``calibration_ranks`` and ``calibration_fits``."""
        return {"calibration": self.table, "calibration_ranks": self.ranks, "calibration_fits": self.fits}

    @property
    def headline(self) -> str:
        """The learner and the number of data sets."""
        return f"Calibration of {self.learner}, {len(self.ranks)} data sets"


@lru_cache(maxsize=64)
def simultaneous_band(count: int, probability: float, tries: int = 4000) -> Band:
    """The band that contains the whole ECDF of ``count`` uniform values with this probability."""
    from arviz_stats.ecdf_utils import ecdf_pit

    if count < 2:  # a single rank carries no information
        return Band(np.array([0.0, 1.0]), np.zeros(2), np.ones(2))
    x, _, low, high = ecdf_pit(np.linspace(0, 1, count), probability, tries, rng=stream(0, "band of uniform ranks"))
    return Band(x, low, high)


def calibrate(
    learner: Learner, environment: EnvironmentLike, datasets: int = 200, participants: int | Sequence[Hashable] | None = None,
    seed: int = 0, *, priors: Mapping[str, Any] | None = None, draws: int | None = None, tune: int = TUNE,
    chains: int = CHAINS, sampler: str | None = None, ranks: int = RANKS, folder: str | PathLike[str] | None = None,
    executor: Any = None, workers: int | None = None, progress: bool = True,
) -> Calibration:  # fmt: skip
    """Is the fit calibrated? (simulation-based calibration)

    The learner is fitted hierarchically to data sets simulated from the prior in an environment. Quantities whose ranks are
    tested: the group's mean and spread of each parameter (``alpha_mu``, ``alpha_sd``); the unconstrained values of the first
    participant (``alpha[0]``), which are independent between data sets; and the log-likelihood of all choices.

    Parameters
    ----------
    learner, environment, participants, seed
        As for :func:`recover`; two participants or more.
    datasets
        Number of data sets. With 200, deviations of the ECDF of about .1 are detected.
    priors
        The prior that groups are drawn from and fitted with, by name, in place of the default one (which is wide: it includes
        agents that choose at random and agents that never err):
        ``{"alpha_mu": pm.Normal.dist(-1.5, 0.7), "alpha_sd": pm.HalfNormal.dist(0.6)}``. The default prior is scaled by the
        spread of the environment's outcomes, and is the same for all data sets.
    draws, tune, chains, sampler
        Settings of each fit, see :func:`fit`.
    ranks
        Number of posterior draws among which the true value is ranked.
    folder, executor, workers, progress
        As for :func:`recover`.

    Returns
    -------
    Calibration
        Its ``table`` has a row a quantity; ``calibrated`` tells whether all of them are within the band.

    Raises
    ------
    UsageError
        If the arguments do not fit together.
    ModelError
        If no data set could be fitted.

    References
    ----------
    Talts et al. (2018), arXiv:1804.06788; Modrak et al. (2023), arXiv:2211.02383.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> short = {"draws": 50, "tune": 100, "chains": 2, "workers": 1, "progress": False}
    >>> learner = tw.QLearning(initial=1.2).fix(forget=0)
    >>> calibration = tw.calibrate(learner, task, datasets=3, participants=2, ranks=20, **short)
    >>> list(calibration.table.index)
    ['alpha_mu', 'alpha_sd', 'beta_mu', 'beta_sd', 'alpha[0]', 'beta[0]', 'log-likelihood']
    """
    labels = participants_of(environment, participants, datasets, seed)
    check_count("ranks", ranks)
    if len(labels) < 2:
        raise UsageError("calibrate needs a group: participants=2 or more")
    if ranks > (DRAWS if draws is None else draws) * chains:
        raise UsageError(f"ranks={ranks}: more than there are draws; ask for more, draws=, or rank among fewer")
    population = population_in(learner, environment, seed, priors)
    how = {"draws": draws, "tune": tune, "chains": chains, "sampler": sampler}
    study = CalibrationStudy(environment, labels, seed, learner, population, how, ranks)
    return study.run(datasets, folder=folder, executor=executor, workers=workers, progress=progress)


@dataclass(frozen=True, eq=False)
class CalibrationStudy(Study[Calibration]):
    """A study in which each data set is drawn from the prior and fitted, and true values are ranked among the draws."""

    kind, stage = "calibrate", "calibrating"

    learner: Learner
    population: Population
    how: Mapping[str, Any]
    ranks: int

    def description(self) -> dict[str, str]:
        return {"learner": repr(self.learner), "prior": repr(self.population.prior)}

    def simulation(self, number: int) -> tuple[Simulation, dict[str, np.ndarray], np.ndarray]:
        """The data set, the group's true means and spreads by name, and the participants' true values, unconstrained."""
        mu, sd, u = self.population.draw(len(self.participants), self.truth_stream(number))
        simulation = self.simulated(self.learner, self.population.natural(u), number)
        return simulation, self.population.by_name(mu, sd), u

    def task(self, number: int) -> Piece:
        """Ranks by quantity, and R-hat, divergences and problems of the fit."""
        start = time.perf_counter()
        simulation, truth, u = self.simulation(number)
        priors, fit_seed = self.population.distributions(), self.fit_seed(number)
        fitted = fit(self.learner, simulation.trials, seed=fit_seed, priors=priors, progress=False, **self.how)
        individual = fitted.draws.unconstrained()
        individual = thinned(individual.reshape(-1, *individual.shape[2:]), self.ranks)
        ranks = {
            name: rank(value, thinned(fitted.draws[name].to_numpy().ravel(), self.ranks))
            for name, value in truth.items()
        }
        for k, name in enumerate(self.learner.names):
            ranks[row_label(name, self.participants[0])] = rank(u[0, k], individual[:, 0, k])
        likelihood = integrand(self.learner, simulation.trials, PARTICLES, fit_seed)
        values = values_at(likelihood, np.concatenate([u[None], individual])).sum(1)
        ranks[LIKELIHOOD] = rank(values[0], values[1:])
        return {
            "quantities": np.array(list(ranks)),
            "ranks": np.array(list(ranks.values())),
            "r_hat": np.array(worst_r_hat(fitted)),
            "divergences": np.array(int(fitted.tree["sample_stats"]["diverging"].sum())),
            "problems": np.array("\n".join(fitted.problems)),
            "seconds": np.array(time.perf_counter() - start),
        }

    def gather(self, pieces: dict[int, Piece]) -> Calibration:
        return calibration_of(repr(self.learner), pieces, self.ranks)


def thinned(draws: np.ndarray, count: int) -> np.ndarray:
    """``count`` of the draws, evenly spaced."""
    return draws[:: len(draws) // count][:count]


def rank(truth: float | np.ndarray, draws: np.ndarray) -> int:
    """The number of draws below the true value."""
    return int((draws < truth).sum())


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
    columns = ("r_hat", "divergences", "problems", "seconds")
    fits = pd.DataFrame({name: [piece[name].item() for piece in done.values()] for name in columns}, index=index)
    return Calibration(learner, ranks, fits, failed, total)


def _miscalibrated(name: str, row: pd.Series) -> Finding:
    """The finding on a quantity whose ranks are not uniform."""
    if abs(row["mean_rank"] - 0.5) > abs(row["outer"] - 0.2):
        high = row["mean_rank"] > 0.5
        error = f"the posterior is too {'low' if high else 'high'} (mean rank {row['mean_rank']:.2f}, expected 0.50)"
    else:
        narrow = row["outer"] > 0.2
        error = f"the posterior is too {'narrow' if narrow else 'wide'} (outer ranks {row['outer']:.2f}, expected 0.20)"
    return Finding("problem", "not-uniform", f"{name}: not calibrated: {error}", about=(name,))
