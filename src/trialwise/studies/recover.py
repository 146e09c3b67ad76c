"""Parameter recovery: can a learner's parameters be estimated in this design? Simulate, fit, compare, for many data sets."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

from trialwise.analysis.against_truth import INTERVAL
from trialwise.analysis.true_values import labels_in, truth_of
from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, FLAG, LABELS, MAPPING, NAME, PATH, expects
from trialwise.base.message import Argument
from trialwise.environments.as_environment import ENVIRONMENT_OR_DATA, EnvironmentOrData, as_environment
from trialwise.environments.environment import Environment
from trialwise.inference.fitted import FIT, Fit
from trialwise.inference.sampler import CHAINS, TUNE
from trialwise.learners.learner import LEARNER, Learner
from trialwise.population.priors import check_priors
from trialwise.studies.fits import FitSettings
from trialwise.studies.recovery import Recovery
from trialwise.studies.recovery_study import RecoveryStudy
from trialwise.studies.study import participants_of

TRUTH = replace(
    MAPPING | FIT | NAME, wanted='ranges, {"alpha": (0, 0.2)}, a fit, or None, which draws groups from the prior'
)


@expects(
    learner=LEARNER,
    environment=ENVIRONMENT_OR_DATA,
    truth=TRUTH,
    datasets=COUNT,
    participants=COUNT | LABELS,
    pooling=NAME,
    priors=MAPPING,
    draws=COUNT,
    tune=COUNT,
    chains=COUNT,
    sampler=NAME,
    folder=PATH,
    workers=COUNT,
    progress=FLAG,
)
def recover(
    learner: Learner, environment: EnvironmentOrData, truth: Mapping[str, Any] | Fit | str | None = None, datasets: int = 20,
    participants: int | Sequence[Hashable] | None = None, seed: int = 0, *, pooling: str = "partial",
    priors: Mapping[str, Any] | None = None, draws: int | None = None, tune: int = TUNE, chains: int = CHAINS,
    sampler: str | None = None, interval: float = INTERVAL, folder: str | PathLike[str] | None = None, executor: Any = None,
    workers: int | None = None, progress: bool = True,
) -> Recovery:  # fmt: skip
    """Simulate participants with known parameters, fit them, and compare the estimates with the true values.

    Parameters
    ----------
    learner
        The learner that is simulated and fitted, e.g. ``QLearning(initial=1.2)``.
    environment
        An environment, ``AlienTask()``; one along recorded sequences, ``AlienTask().on(trials)``, missed trials included; or
        recorded ``trials`` alone, for a learner with a continuous response.
    truth
        Source of the true values. None or ``"prior"``: the default prior, a new group for each data set. Ranges,
        ``{"alpha": (0, 0.2)}``, or other values that :func:`simulate` accepts: each participant has its own value; parameters
        without a range are drawn from the prior. A fit of this learner: its posterior, one draw for each data set, with the
        fit's participants along their own sequences.
    datasets
        Number of data sets. If it is raised later, the data sets in the folder are not done again.
    participants
        Number of participants of each data set, or their labels. By default 30, or those of the recorded trials.
    seed
        The same seed gives the same study, whichever executor does the work.
    pooling, priors, draws, tune, chains, sampler
        Settings of each fit, see :func:`fit`; ``pooling="complete"`` is refused, since it estimates no participants' values.
    interval
        Probability of the intervals whose coverage is computed.
    folder
        Folder in which finished pieces are stored; an interrupted study continues from them. None: in memory.
    executor
        None: processes of this machine; any :class:`concurrent.futures.Executor`; a Dask client, or the address of a Dask
        scheduler.
    workers
        Number of processes of this machine; by default one per core. 1: no other process is started.
    progress
        Whether a progress bar is shown.

    Returns
    -------
    Recovery
        Its ``table`` has a row a parameter; ``sentences`` say what is recovered.

    Raises
    ------
    UsageError
        If the arguments do not fit together.
    ModelError
        If no data set could be fitted.

    References
    ----------
    Wilson & Collins (2019), eLife 8:e49547.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> ranges = {"alpha": (0, 0.5), "beta": (1, 5), "forget": 0}
    >>> short = {"draws": 50, "tune": 100, "chains": 2, "workers": 1, "progress": False}
    >>> recovery = tw.recover(tw.QLearning(initial=1.2), task, ranges, datasets=1, participants=4, folder="recovery", **short)
    >>> list(recovery.table.index), len(recovery.points)
    (['alpha', 'beta', 'forget'], 12)
    """
    environment = as_environment(environment)
    labels = participants_of(environment, participants, seed)
    if pooling == "complete":
        raise UsageError(
            Argument("pooling", "complete"),
            " estimates no participants' parameters to recover: use 'partial' or 'none'",
        )
    if not 0 < interval < 1:
        raise UsageError(Argument("interval", interval), ": wanted a probability between 0 and 1, e.g. 0.89")
    check_priors(learner.names, pooling, dict(priors or {}))
    if isinstance(truth, Fit):
        environment = environment.on(truth.trials) if isinstance(environment, Environment) else environment
        labels = tuple(labels_in(environment, list(truth.trials.participants)))
    settings = FitSettings(draws, tune, chains, sampler, pooling)
    source = truth_of(truth, learner, environment, seed)
    study = RecoveryStudy(environment, labels, seed, learner, source, settings, dict(priors or {}), interval)
    return study.run(datasets, folder=folder, executor=executor, workers=workers, progress=progress, truth=repr(truth))
