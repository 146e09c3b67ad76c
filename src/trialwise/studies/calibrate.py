"""Simulation-based calibration: are draws of the posterior what they claim to be?

A group is drawn from the prior, participants from the group, choices from participants; the learner is fitted with that prior.
If sampler and model are right, the rank of each true value among its posterior draws is uniform (Talts et al. 2018,
arXiv:1804.06788). So is that of any quantity that depends on data and parameters: the log-likelihood is one (Modrak et al.
2023, arXiv:2211.02383), and sees errors that parameters one by one do not show. How far the ECDF of ranks may stray is told by
simultaneous bands (Säilynoja, Bürkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6).
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
from trialwise.environments.simulate import Simulation, Surroundings
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
"""Draws, spread evenly over the posterior, among which the truth has its rank: from 0 to this."""

PROBABILITY = 0.95
"""Of the bands: how often right draws stay inside, all quantities together."""

LIKELIHOOD = "log-likelihood"

PARTICLES = 200
"""Of each estimate of the log-likelihood, for a learner with a hidden choice."""


class Band(NamedTuple):
    """Where the ECDF of ranks may be: share of ranks ``x``, and the ends at each."""

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Calibration(Result):
    """What simulation-based calibration found.

    Attributes
    ----------
    learner
        In words.
    ranks
        A row a data set, a column a quantity: how many of ``total`` posterior draws lie below the truth.
    fits
        A row a data set: ``r_hat`` (largest, of the group), ``divergences``, ``problems`` (in words), ``seconds``.
    failed
        Why data sets could not be fitted, by their number.
    total
        Draws among which the truth has its rank.
    """

    learner: str
    ranks: pd.DataFrame
    fits: pd.DataFrame
    failed: Mapping[int, str]
    total: int = RANKS

    contents = {
        "calibration": "a row a quantity",
        "calibration_ranks": "the rank of each true value, a row a data set",
        "calibration_fits": "a row a fit: can its draws be relied on?",
    }

    @property
    def joint(self) -> float:
        """The probability of each quantity's band with which all stay inside together with 95 %, were they independent."""
        return float(PROBABILITY ** (1 / self.ranks.shape[1]))

    def band(self, probability: float = PROBABILITY) -> Band:
        """Where the ECDF of a quantity stays, all along, with this probability, if its ranks are uniform."""
        return simultaneous_band(len(self.ranks), probability)

    def ecdf(self, quantity: str) -> np.ndarray:
        """The ECDF of a quantity's ranks at the band's ``x``.

        Whole ranks are spread evenly over the part of 0 to 1 that each stands for, so that uniform ones are uniform there.
        """
        rank = self.ranks[quantity].to_numpy(float)
        spread = (rank + stream(0, "ranks within their bins", quantity).random(len(rank))) / (self.total + 1)
        return np.searchsorted(np.sort(spread), self.band().x, side="right") / len(rank)

    @property
    def table(self) -> pd.DataFrame:
        """A row a quantity.

        ``mean_rank`` as a share (wanted .5); ``outer``, the share of ranks in the outer tenth on either side (wanted .2);
        ``distance``, of the ECDF from the diagonal at most; ``outside``, whether it leaves its own 95 % band, and
        ``outside_joint``, whether it leaves the band that is meant for all quantities together.
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
        """What is wrong with which quantity, if anything; and how sampling went."""
        count, table = len(self.ranks), self.table
        found = [_wrong(str(name), row) for name, row in table[table["outside_joint"]].iterrows()]
        if not found:
            sentence = (
                f"calibrated: the ranks of all {len(table)} quantities are uniform as far as {count} data sets can tell: a stray "
                f"of more than {np.abs(self.band(self.joint).high - self.band().x).max():.2f} would have been seen"
            )
            found = [Finding("note", "calibrated", sentence)]
        high, diverged = int((self.fits["r_hat"] > 1.05).sum()), int((self.fits["divergences"] > 0).sum())
        sentence = f"R-hat above 1.05 in {high} of {count} fits, largest {self.fits['r_hat'].max():.2f}; divergences in {diverged}"
        found.append(Finding("caution" if high or diverged else "note", "sampling", sentence))
        return (*found, *failures(self.failed, count))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in words."""
        return tuple(finding.text for finding in self.findings)

    def tables(self) -> dict[str, pd.DataFrame]:
        """``calibration`` (:attr:`table`), ``calibration_ranks`` and ``calibration_fits``."""
        return {"calibration": self.table, "calibration_ranks": self.ranks, "calibration_fits": self.fits}

    @property
    def headline(self) -> str:
        """Learner and data sets."""
        return f"Calibration of {self.learner}, {len(self.ranks)} data sets"


@lru_cache(maxsize=64)
def simultaneous_band(count: int, probability: float, tries: int = 4000) -> Band:
    """The band in which the ECDF of so many uniform values stays all along with this probability."""
    from arviz_stats.ecdf_utils import ecdf_pit

    if count < 2:  # one rank says nothing
        return Band(np.array([0.0, 1.0]), np.zeros(2), np.ones(2))
    x, _, low, high = ecdf_pit(np.linspace(0, 1, count), probability, tries, rng=stream(0, "band of uniform ranks"))
    return Band(x, low, high)


def calibrate(
    learner: Learner, environment: Surroundings, datasets: int = 200, participants: int | Sequence[Hashable] | None = None,
    seed: int = 0, *, priors: Mapping[str, Any] | None = None, draws: int | None = None, tune: int = TUNE,
    chains: int = CHAINS, sampler: str | None = None, ranks: int = RANKS, folder: str | PathLike[str] | None = None,
    executor: Any = None, workers: int | None = None, progress: bool = True,
) -> Calibration:  # fmt: skip
    """Simulation-based calibration of the hierarchical fit of a learner, in a design.

    The quantities: mean and spread of each parameter in the group (``alpha_mu``, ``alpha_sd``); the values of the first participant,
    unconstrained (``alpha[0]``), which are independent from data set to data set; the log-likelihood of all choices.

    Parameters
    ----------
    learner, environment, participants, seed
        As for :func:`recover`; two participants or more.
    datasets
        How many. With 200 a stray of the ECDF of about .1 is seen.
    priors
        The prior that groups are drawn from and fitted with, by name, in place of the default one (which is wide: agents at
        random and agents that never err are in it): ``{"alpha_mu": pm.Normal.dist(-1.5, 0.7), "alpha_sd": pm.HalfNormal.dist(0.6)}``.
        The default one is taken at the design's spread of outcomes, and is the same for all data sets.
    draws, tune, chains, sampler
        Of each fit, see :func:`fit`.
    ranks
        Draws among which the truth has its rank.
    folder, executor, workers, progress
        As for :func:`recover`.

    Returns
    -------
    Calibration

    Raises
    ------
    UsageError
        For arguments that do not fit together.
    ModelError
        If no data set could be fitted.
    """
    people = participants_of(environment, participants, datasets, seed)
    check_count("ranks", ranks)
    if len(people) < 2:
        raise UsageError("calibrate is about groups: participants=2 or more")
    if ranks > (DRAWS if draws is None else draws) * chains:
        raise UsageError(f"ranks={ranks}: more than there are draws; draw more, draws=, or rank among fewer")
    population = population_in(learner, environment, seed, priors)
    how = {"draws": draws, "tune": tune, "chains": chains, "sampler": sampler}
    study = CalibrationStudy(environment, people, seed, learner, population, how, ranks)
    return study.run(datasets, folder=folder, executor=executor, workers=workers, progress=progress)


@dataclass(frozen=True, eq=False)
class CalibrationStudy(Study[Calibration]):
    """Each data set is drawn from the prior and fitted, and the truth ranked among the draws."""

    kind, stage = "calibrate", "calibrating"

    learner: Learner
    population: Population
    how: Mapping[str, Any]
    ranks: int

    def described(self) -> dict[str, str]:
        return {"learner": repr(self.learner), "prior": repr(self.population.prior)}

    def simulation(self, number: int) -> tuple[Simulation, dict[str, np.ndarray], np.ndarray]:
        """The data set, the group's true means and spreads by name, and participants' true values, unconstrained."""
        mu, sd, u = self.population.draw(len(self.participants), self.truth_stream(number))
        made = self.simulated(self.learner, self.population.natural(u), number)
        return made, self.population.by_name(mu, sd), u

    def task(self, number: int) -> Piece:
        """Ranks, by quantity, and how sampling went."""
        began = time.perf_counter()
        made, truth, u = self.simulation(number)
        priors, fitting = self.population.distributions(), self.fit_seed(number)
        fitted = fit(self.learner, made.trials, seed=fitting, priors=priors, progress=False, **self.how)
        individual = fitted.draws.unconstrained()
        individual = thinned(individual.reshape(-1, *individual.shape[2:]), self.ranks)
        found = {
            name: rank(value, thinned(fitted.draws[name].to_numpy().ravel(), self.ranks))
            for name, value in truth.items()
        }
        for k, name in enumerate(self.learner.names):
            found[row_label(name, self.participants[0])] = rank(u[0, k], individual[:, 0, k])
        likelihood = integrand(self.learner, made.trials, PARTICLES, fitting)
        values = values_at(likelihood, np.concatenate([u[None], individual])).sum(1)
        found[LIKELIHOOD] = rank(values[0], values[1:])
        return {
            "quantities": np.array(list(found)),
            "ranks": np.array(list(found.values())),
            "r_hat": np.array(worst_r_hat(fitted)),
            "divergences": np.array(int(fitted.tree["sample_stats"]["diverging"].sum())),
            "problems": np.array("\n".join(fitted.problems)),
            "seconds": np.array(time.perf_counter() - began),
        }

    def gather(self, pieces: dict[int, Piece]) -> Calibration:
        return calibration_of(repr(self.learner), pieces, self.ranks)


def thinned(draws: np.ndarray, count: int) -> np.ndarray:
    """So many of the draws, spread evenly."""
    return draws[:: len(draws) // count][:count]


def rank(truth: float | np.ndarray, draws: np.ndarray) -> int:
    """How many draws lie below the truth."""
    return int((draws < truth).sum())


def calibration_of(learner: str, pieces: Mapping[int, Piece], total: int = RANKS) -> Calibration:
    """The study that finished pieces are: of each, ``quantities``, their ``ranks``, ``r_hat``, ``divergences``, ``problems``, ``seconds``.

    Raises
    ------
    ModelError
        If none could be done.
    """
    import pandas as pd

    done, failed = divided(dict(pieces))
    index = pd.Index(done, name="dataset")
    names = [str(name) for name in next(iter(done.values()))["quantities"]]
    ranks = pd.DataFrame([piece["ranks"] for piece in done.values()], index=index, columns=names)
    columns = ("r_hat", "divergences", "problems", "seconds")
    fits = pd.DataFrame({name: [piece[name].item() for piece in done.values()] for name in columns}, index=index)
    return Calibration(learner, ranks, fits, failed, total)


def _wrong(name: str, row: pd.Series) -> Finding:
    """What ranks that are not uniform say."""
    if abs(row["mean_rank"] - 0.5) > abs(row["outer"] - 0.2):
        high = row["mean_rank"] > 0.5
        how = f"they lie too {'low' if high else 'high'} (mean rank {row['mean_rank']:.2f}, wanted 0.50)"
    else:
        narrow = row["outer"] > 0.2
        how = f"they are too {'narrow' if narrow else 'wide'} (outer ranks {row['outer']:.2f}, wanted 0.20)"
    return Finding("problem", "not-uniform", f"{name}: draws are not what they claim to be: {how}", about=(name,))
