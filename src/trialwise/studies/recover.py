"""Parameter recovery: can a learner's parameters be estimated in this design? Simulate, fit, compare, for many data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

from trialwise.analysis.against_truth import INTERVAL
from trialwise.analysis.effects.set_effects import Effects
from trialwise.analysis.true_values import labels_in, truth_of
from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, FLAG, LABELS, MAPPING, NAME, PATH, expects
from trialwise.base.message import Argument
from trialwise.environments.as_environment import ENVIRONMENT_OR_DATA, EnvironmentOrData, as_environment
from trialwise.environments.environment import Environment
from trialwise.inference.fitted import FIT, Fit
from trialwise.inference.sampler import CHAINS, TUNE
from trialwise.learners.learner import LEARNER, Learner
from trialwise.population.designs.build import Correlated, Random
from trialwise.population.designs.formula import Formulas
from trialwise.population.designs.join import Participants
from trialwise.population.priors import check_priors
from trialwise.studies.designed import PARTICIPANTS, Sessions, study_design
from trialwise.studies.effects_of_fit import refuse_formulas
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
    participants=PARTICIPANTS,
    pooling=NAME,
    sessions=COUNT | LABELS,
    effects=MAPPING,
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
    participants: Participants | None = None, seed: int = 0, *, pooling: str = "partial",
    priors: Mapping[str, Any] | None = None, draws: int | None = None, tune: int = TUNE, chains: int = CHAINS,
    sampler: str | None = None, interval: float = INTERVAL, folder: str | PathLike[str] | None = None, executor: Any = None,
    workers: int | None = None, progress: bool = True, formulas: Formulas | None = None, effects: Effects | None = None,
    sessions: Sessions | None = None, random: Random = "full", correlated: Correlated = False,
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
        Number of participants of each data set, or their labels. By default 30, or those of the recorded trials. With formulas also a table
        with a row for each, a path, a DataFrame or a dict of columns, whose columns are covariates; labels are those of its column of
        participants or, without one, numbers from 0.
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
    formulas, random, correlated
        How parameters depend on groups, covariates, sessions and conditions, see :func:`fit`: true values are drawn from the prior of this
        model, :math:`u = X B + Z v`, and data sets fitted with it. A formula can name columns of the table of participants, and of what
        the environment or the recorded trials show.
    effects
        True differences, the same in all data sets, on the unconstrained scale (logit for 0 to 1, log for positive), in the words of
        :func:`contrasts`. Of levels of a factor, ``{"alpha": {"group": {"patient - control": -0.5}}}``: of three levels or more, any that
        determine the others. Slopes, ``{"alpha": {"age": 0.3}}`` for one standard deviation, ``{"alpha": {"age": {"age + 1": 0.02}}}`` for
        one unit. Differences of differences, ``{"alpha": {"group:session": {"(patient - control) x (2 - 1)": 0.4}}}``. Everything else is
        drawn from the prior given these. A parameter with a value or range in ``truth`` has no effects but
        those that are set, which are added to each participant's value; the range is that at average covariates, and over levels.
    sessions
        The number of sessions of each participant in a new environment, or their labels: each is a run through the environment, before which the
        learner starts anew or, if it has a method ``reset``, is reset; formulas name them ``session``.

    Returns
    -------
    Recovery
        Its ``table`` has a row a parameter, and ``effects`` a row a difference: how often it is found; ``sentences`` say what is recovered.

    Raises
    ------
    UsageError
        If the arguments do not fit together; for formulas and effects that are not possible, with all problems of either.
    DataError
        With all problems of covariates.
    ModelError
        If no data set could be fitted.

    References
    ----------
    Wilson & Collins (2019), eLife 8:e49547. Errors of sign: Gelman & Carlin (2014), Perspectives on Psychological Science 9:641.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> ranges = {"alpha": (0, 0.5), "beta": (1, 5), "forget": 0}
    >>> short = {"draws": 50, "tune": 100, "chains": 2, "workers": 1, "progress": False}
    >>> recovery = tw.recover(tw.QLearning(initial=1.2), task, ranges, datasets=1, participants=4, folder="recovery", **short)
    >>> list(recovery.table.index), len(recovery.points)
    (['alpha', 'beta', 'forget'], 12)

    Is a difference of 0.8 logits between four patients and four controls found?

    >>> people, lower = {"group": ["patient", "control"] * 4}, {"alpha": {"group": {"patient - control": -0.8}}}
    >>> learner = tw.QLearning(initial=1.2).fix(forget=0)
    >>> power = tw.recover(
    ...     learner, task, datasets=1, participants=people, formulas={"alpha": "group"}, effects=lower, **short
    ... )
    >>> power.effects["true"].to_dict()
    {('alpha', 'group', 'patient - control'): -0.8}
    """
    environment = as_environment(environment)
    if isinstance(truth, Fit):
        refuse_formulas(truth, environment)
    if isinstance(truth, Fit) and isinstance(environment, Environment):
        environment = environment.on(truth.trials)
    chosen, design = study_design(learner, environment, participants, formulas, random, correlated, sessions, effects)
    labels = participants_of(environment, chosen, seed)
    if pooling == "complete":
        raise UsageError(
            Argument("pooling", "complete"),
            " estimates no participants' parameters to recover: use 'partial' or 'none'",
        )
    if not 0 < interval < 1:
        raise UsageError(Argument("interval", interval), ": wanted a probability between 0 and 1, e.g. 0.89")
    if design is None:
        check_priors(learner.names, pooling, dict(priors or {}))
    elif pooling != "partial":
        raise UsageError(
            Argument("formulas", formulas),
            " describe how participants of a group differ: fit with ",
            Argument("pooling", "partial"),
        )
    if isinstance(truth, Fit):
        labels = tuple(labels_in(environment, list(truth.trials.participants)))
    settings = FitSettings(draws, tune, chains, sampler, pooling)
    if design is not None:  # unknown priors are refused before anything is fitted
        design.arranged(learner, environment, labels, seed).population(environment, seed, priors)
    source = truth_of(truth, learner, environment, seed)
    study = RecoveryStudy(environment, labels, seed, learner, source, settings, dict(priors or {}), interval, design)
    return study.run(datasets, folder=folder, executor=executor, workers=workers, progress=progress, truth=repr(truth))
