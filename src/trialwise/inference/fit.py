"""Fit a learner to trials; the posterior is stored as one labelled tree with its provenance."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, FLAG, MAPPING, NAME, PATH, expects
from trialwise.base.message import Argument, Message, to_json
from trialwise.base.streams import checked_seed
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.stored import trials_to_datasets
from trialwise.data.trials import Trials
from trialwise.inference.design_of import design_of
from trialwise.inference.draws import HIDDEN_CHOICES
from trialwise.inference.fitted import Fit
from trialwise.inference.sampler import CHAINS, TUNE, Request
from trialwise.learners.learner import LEARNER, Learner
from trialwise.learners.stored import learner_to_attributes
from trialwise.population.designs.build import Correlated, MissingCovariates, Random
from trialwise.population.designs.formula import Formulas
from trialwise.population.designs.join import ParticipantsTable
from trialwise.population.designs.priors_of_differences import with_differences
from trialwise.population.designs.stored import StoredDesign
from trialwise.population.implied import implied_notes
from trialwise.population.population import Population, population_of
from trialwise.population.priors import check_supports
from trialwise.population.stored import text_of, to_plain

if TYPE_CHECKING:
    import xarray as xr


PACKAGES = ("trialwise", "numba", "nutpie", "numpy", "arviz")


@expects(
    learner=LEARNER,
    trials=DATA,
    draws=COUNT,
    tune=COUNT,
    chains=COUNT,
    priors=MAPPING,
    pooling=NAME,
    progress=FLAG,
    checkpoint=PATH,
    sampler=NAME,
)
def fit(
    learner: Learner,
    trials: Data,
    draws: int | None = None,
    tune: int = TUNE,
    chains: int = CHAINS,
    seed: int | None = 0,
    priors: Mapping[str, Any] | None = None,
    pooling: str = "partial",
    *,
    progress: bool = True,
    checkpoint: str | PathLike[str] | None = None,
    executor: Any = None,
    sampler: str | None = None,
    formulas: Formulas | None = None,
    participants: ParticipantsTable | None = None,
    random: Random = "full",
    correlated: Correlated = False,
    missing_covariates: MissingCovariates = "refuse",
) -> Fit:
    """Sample the hierarchical posterior of a learner: by NUTS, or by particle Gibbs if it makes an unobserved choice.

    Parameters
    ----------
    learner
        The learner, e.g. ``QLearning(initial=1.2)``.
    trials
        The data, from ``read_wide`` or ``read_long``, or simulated; or a path (also a folder, a pattern, a list of paths) or a
        DataFrame, which is read with all columns recognised by their names: the fit's findings say how.
    draws, tune, chains
        Retained and tuning draws per chain, and number of chains. By default ``draws`` is 1000, and up to twice as many
        chains again are run while R-hat or the effective draws of the group's parameters are insufficient; a note reports it.
        With a hidden choice that is no Markov chain it is 500, and 250 are added up to fourteen times; ``tune`` is ignored there.
    seed
        The same seed gives the same draws; None takes one from the operating system and stores it in ``fit.attrs["seed"]``.
    priors
        Distributions of PyMC or PreliZ that replace defaults, ``{"alpha_mu": pm.Normal.dist(-1, 0.5)}``: with partial
        pooling for ``alpha_mu`` and ``alpha_sd`` on the unconstrained scale, else for ``alpha`` on the natural scale.
        With formulas also for differences, ``{"alpha": {"group": {"patient - control": pm.Normal.dist(0, 0.5)}}}``, named as in tables of
        contrasts, for all pairs of levels, ``{"alpha": {"site": pm.Normal.dist(0, 0.5)}}``, and for coefficients, ``{"alpha_effects": ...}``.
        A Normal for a mean and a HalfNormal for a spread, the families of the defaults, add no cost; for other priors the model
        is compiled again, which takes half a minute.
    pooling
        ``"partial"``: participants come from a group; ``"none"``: each is fitted separately; ``"complete"``: all share one
        set of parameters. A single participant is fitted with ``"none"``.
    progress
        Show progress while sampling.
    checkpoint
        For a learner with a hidden choice, whose fit takes minutes: a file in which progress is saved. After an interruption
        the same call continues from there; :meth:`Fit.save` does not remove the file. A file of anything else, or of another fit, is refused.

    executor
        For a learner with a hidden choice: where its chains run. None: the cores of this machine; or a
        :class:`concurrent.futures.Executor`, a ``dask.distributed.Client``, or the address of a Dask scheduler. The draws are the same.
    sampler
        Name of a sampler, e.g. ``"nuts"``; by default the one that suits the learner. The message about a wrong name lists all.
    formulas
        How parameters depend on groups, covariates, sessions and conditions, on the unconstrained scale: ``"alpha ~ group * age"``, a list,
        or ``{"alpha": "group * age", "beta": "session"}``. Factors are coded so that all levels have the same prior, and the intercept
        ``alpha_mu`` is the mean over levels; numbers are standardised over participants. A number that changes from trial to trial
        while the state goes on, ``"beta ~ stake"``, has a slope, the change for one standard deviation (:meth:`Learner.vary`). What changes within participants has an effect of each
        of them.
    participants
        A table with a row for each participant, a path, a DataFrame or a dict of columns, in which the columns of the formulas are looked
        for; those that it lacks are taken from the trials.
    random
        ``"full"``: what changes within participants has an effect of each of them, unless its formula contains ``(... | participant)``;
        ``"intercept"``: participants differ in intercepts only, which makes the intervals of such differences too narrow.
    correlated
        Which effects of participants are correlated: none; True: those of each parameter, or all parameters where each has one; or
        blocks of parameters, ``[["alpha", "beta"]]``.
    missing_covariates
        ``"refuse"``, or ``"drop"`` to leave out participants without a value, which a note reports.

    Returns
    -------
    Fit
        Draws, with everything needed to read, check and reuse them; its ``problems`` say whether they can be trusted.

    Raises
    ------
    UsageError
        For invalid arguments or combinations of them; for formulas that cannot be read, or that the data cannot support.
    DataError
        For covariates that are missing, not unique or unusable, all at once.
    LearnerError
        If the learner breaks the contract or cannot be compiled.
    ModelError
        If the likelihood is not finite where sampling would start, or does not depend on a parameter; with the reason.

    References
    ----------
    Hoffman & Gelman (2014), Journal of Machine Learning Research 15:1593 (NUTS); Lindsten, Jordan & Schön (2014), Journal of Machine
    Learning Research 15:2145 (particle Gibbs).

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> fit.draws["alpha"].shape
    (2, 50, 3)
    >>> list(fit.group().index)
    ['alpha_group', 'beta_group', 'forget_group', 'alpha_mu', 'alpha_sd', 'beta_mu', 'beta_sd', 'forget_mu', 'forget_sd']
    """
    trials = as_trials(trials)
    from trialwise.likelihoods.kinds import likelihood_of

    start = time.perf_counter()
    if not learner.names:
        raise UsageError(f"{learner} has no free parameter to fit: use log_likelihood or trial_values")
    notes: list[str] = []
    if pooling == "partial" and trials.n_participants == 1:
        pooling = "none"
        single = "a single participant cannot be pooled with others: fitted with "
        notes.append(Message(single, Argument("pooling", pooling)))
    stored = None
    if formulas is not None:
        learner, trials, stored, decisions = design_of(
            learner, trials, formulas, participants, pooling,
            random=random, correlated=correlated, missing_covariates=missing_covariates,
        )  # fmt: skip
        notes += decisions
    else:
        _refuse_without_formulas(learner, participants, random, correlated, missing_covariates)
    population = _population(learner, trials, priors or {}, pooling, stored)
    if stored is not None:
        notes += implied_notes(population, stored.models)
    seed = checked_seed(seed)

    said = _said(stored, participants, random, correlated, missing_covariates)
    call = f"fit({learner!r}, draws={draws}, tune={tune}, chains={chains}, seed={seed}, pooling={pooling!r}{said})"
    checkpoint_path = None if checkpoint is None else Path(fspath(checkpoint))
    likelihood = likelihood_of(learner, trials, filters=1)
    request = Request(likelihood, population, draws, int(tune), int(chains), seed, progress, checkpoint_path, executor)
    return sampled(request, stored, sampler, call, notes, start)


def sampled(
    request: Request, stored: StoredDesign | None, sampler: str | None, call: str, notes: Sequence[str], start: float
) -> Fit:
    """Sample a posterior, and store it with its provenance.

    Parameters
    ----------
    request
        What is sampled, and how.
    stored
        The design of its population; None without formulas.
    sampler
        As for :func:`fit`.
    call
        The call that asked for it, as a text.
    notes
        What was decided before.
    start
        When that began, by :func:`time.perf_counter`.
    """
    from trialwise.inference.samplers import sampler_for
    from trialwise.learners.violations import assumption_notes

    learner, trials, population = request.likelihood.learner, request.likelihood.trials, request.population
    notes = [*notes, *assumption_notes(learner, trials)]
    method = sampler_for(request.likelihood, sampler)
    run = method.sample(request)
    end = time.perf_counter()
    notes += run.notes

    tree = _tree(run.tree, trials)
    design = {} if stored is None else {"design": stored.to_json()}
    tree.attrs = {
        **learner_to_attributes(learner),
        "call": call,
        "pooling": population.pooling,
        **design,
        **_priors_of(population),
        "notes": "\n".join(notes),
        "note_parts": to_json(notes),
        "seed": request.seed,
        "seconds": run.earlier + end - start,
        "seconds_of_sampling": run.seconds,
        "sampler": method.name,
        **run.attributes,
        **_provenance(),
    }
    return Fit(tree, learner, trials, population.priors)


def _population(
    learner: Learner, trials: Trials, priors: Mapping[str, Any], pooling: str, stored: StoredDesign | None
) -> Population:
    """The population, with the user's priors checked."""
    models, design = (None, None) if stored is None else (stored.models, stored.design)
    population = population_of(learner, trials, with_differences(priors, models, design), pooling, design)
    check_supports(population.parameters, pooling, population.unusual, design)
    return population


def _refuse_without_formulas(
    learner: Learner, participants: object, random: Random, correlated: Correlated, missing: MissingCovariates
) -> None:
    """Refuse arguments that nothing uses without formulas, with a formula that makes them work."""
    if participants is not None:
        raise UsageError(
            Argument("participants", ...),
            ": a table of covariates is used by formulas; add ",
            Argument("formulas", {learner.names[0]: "age"}),
        )
    given = [Argument("random", random)] if random != "full" else []
    given += [Argument("missing_covariates", missing)] if missing != "refuse" else []
    if given:
        raise UsageError(given[0], " is for formulas, and there are none: leave it out")
    if correlated is not False:
        raise UsageError(
            Argument("correlated", correlated), " is for formulas: add one, of an intercept alone if nothing else, ", Argument("formulas", {learner.names[0]: "1"})
        )  # fmt: skip


def _said(
    stored: StoredDesign | None, participants: object, random: Random, correlated: Correlated, missing: MissingCovariates
) -> str:  # fmt: skip
    """The formulas of a call and what goes with them, as further arguments; a table of participants is only mentioned."""
    if stored is None:
        return ""
    parts = [f"formulas={dict(stored.formulas)!r}"]
    parts += [] if participants is None else ["participants=..."]
    parts += [] if random == "full" else [f"random={random!r}"]
    parts += [] if correlated is False else [f"correlated={correlated!r}"]
    parts += [] if missing == "refuse" else [f"missing_covariates={missing!r}"]
    return "".join(f", {part}" for part in parts)


def _tree(sampled: xr.DataTree, trials: Trials) -> xr.DataTree:
    """The tree of a fit: draws and statistics of the sampler, and the data."""
    import xarray as xr

    observed, constant = trials_to_datasets(trials)
    drawn = {HIDDEN_CHOICES: sampled[HIDDEN_CHOICES].to_dataset()} if HIDDEN_CHOICES in sampled else {}
    return xr.DataTree.from_dict(
        {
            "posterior": sampled["posterior"].to_dataset(),
            "sample_stats": _plain_stats(sampled["sample_stats"].to_dataset()),
            "observed_data": observed,
            "constant_data": constant,
            **drawn,
        }
    )


def _priors_of(population: Population) -> dict[str, str]:
    """The user's priors as attributes: texts, and numbers from which they can be made again."""
    return {
        "priors": json.dumps({name: text_of(prior) for name, prior in population.priors.items()}),
        "prior_numbers": json.dumps(to_plain(population.priors)),
    }


def _provenance() -> dict[str, str | float]:
    """Where and when a fit was made, and with which versions."""
    return {
        "peak_memory_mb": _peak_memory(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python_version": sys.version.split()[0],
        **{f"{package}_version": version(package) for package in PACKAGES},
    }


def _plain_stats(stats: xr.Dataset) -> xr.Dataset:
    """The sampler's numeric statistics per draw, without those that netCDF cannot store."""
    keep = [name for name, values in stats.data_vars.items() if values.dtype.kind in "fiub" and values.ndim == 2]
    return stats[keep]


def _peak_memory() -> float:
    """Peak memory of this process in MB; NaN where the operating system does not report it."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1024
