"""Simulation-based calibration: do posterior draws have the distribution that they should have?

A group is drawn from the prior, participants from the group, and choices from the participants; the learner is fitted with that
prior. If sampler and model are right, the rank of each true value among its posterior draws is uniform (Talts et al. 2018,
arXiv:1804.06788). So is the rank of any quantity that depends on data and parameters. The log-likelihood is one of these (Modrak
et al. 2023, arXiv:2211.02383): it reveals errors that single parameters do not show. How far the ECDF of ranks may deviate from
the diagonal is given by simultaneous bands (Säilynoja, Bürkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6).
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from trialwise.analysis.true_values import population_in
from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, FLAG, LABELS, MAPPING, NAME, PATH, expects
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.environments.as_environment import ENVIRONMENT_OR_DATA, EnvironmentOrData, as_environment
from trialwise.inference.sampler import CHAINS, DRAWS, TUNE
from trialwise.learners.learner import LEARNER, Learner
from trialwise.population.designs.build import Correlated, Random
from trialwise.population.designs.formula import Formulas
from trialwise.population.designs.join import Participants
from trialwise.studies.calibration import RANKS, Calibration
from trialwise.studies.calibration_study import CalibrationStudy
from trialwise.studies.designed import PARTICIPANTS, Sessions, study_design
from trialwise.studies.fits import FitSettings
from trialwise.studies.study import participants_of


@expects(
    learner=LEARNER,
    environment=ENVIRONMENT_OR_DATA,
    datasets=COUNT,
    participants=PARTICIPANTS,
    sessions=COUNT | LABELS,
    priors=MAPPING,
    draws=COUNT,
    tune=COUNT,
    chains=COUNT,
    sampler=NAME,
    ranks=COUNT,
    folder=PATH,
    workers=COUNT,
    progress=FLAG,
)
def calibrate(
    learner: Learner, environment: EnvironmentOrData, datasets: int = 200, participants: Participants | None = None,
    seed: int = 0, *, priors: Mapping[str, Any] | None = None, draws: int | None = None, tune: int = TUNE,
    chains: int = CHAINS, sampler: str | None = None, ranks: int = RANKS, folder: str | PathLike[str] | None = None,
    executor: Any = None, workers: int | None = None, progress: bool = True, formulas: Formulas | None = None,
    sessions: Sessions | None = None, random: Random = "full", correlated: Correlated = False,
) -> Calibration:  # fmt: skip
    """Is the fit calibrated? (simulation-based calibration)

    The learner is fitted hierarchically to data sets simulated from the prior in an environment. Quantities whose ranks are
    tested: the group's mean and spread of each parameter (``alpha_mu``, ``alpha_sd``), with formulas all coefficients, spreads and
    correlations; the unconstrained values of the first
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
    formulas, sessions, random, correlated
        How parameters depend on groups, covariates, sessions and conditions, as for :func:`recover`; ``participants`` may then be a table.

    Returns
    -------
    Calibration
        Its ``table`` has a row a quantity; ``calibrated`` tells whether all of them are within the band.

    Raises
    ------
    UsageError
        If the arguments do not fit together; for formulas that are not possible.
    DataError
        With all problems of covariates.
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
    environment = as_environment(environment)
    chosen, design = study_design(learner, environment, participants, formulas, random, correlated, sessions)
    labels = participants_of(environment, chosen, seed)
    if len(labels) < 2:
        raise UsageError("calibrate needs a group: ", Argument("participants", 2), " or more")
    if ranks > (DRAWS if draws is None else draws) * chains:
        raise UsageError(
            Argument("ranks", ranks),
            ": more than there are draws; ask for more, ",
            Argument("draws", NAME_ALONE),
            ", or rank among fewer",
        )
    if design is None:
        population = population_in(learner, environment, seed, priors)
    else:
        population = design.arranged(learner, environment, labels, seed).population(environment, seed, priors)
    settings = FitSettings(draws, tune, chains, sampler)
    study = CalibrationStudy(environment, labels, seed, learner, population, settings, ranks, design)
    return study.run(datasets, folder=folder, executor=executor, workers=workers, progress=progress)
