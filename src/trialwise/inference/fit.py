"""Fitting: from a learner and trials to a posterior, kept as one labelled tree with how it came about."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from importlib.metadata import version
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message, to_json
from trialwise.data.stored import trials_to_datasets
from trialwise.data.trials import Trials
from trialwise.inference.fitted import Fit
from trialwise.learners.learner import Learner
from trialwise.learners.stored import learner_to_attributes
from trialwise.population.population import Population, population_of

if TYPE_CHECKING:
    import xarray as xr

    from trialwise.inference.samplers.nuts import Run
    from trialwise.inference.samplers.pseudo_marginal.particle import ParticleRun
    from trialwise.likelihoods.likelihood import Likelihood

DRAWS, TUNE, CHAINS = 1000, 300, 4
"""Defaults, with a third of the usual tuning, since whitened coordinates leave little to tune. Four times 400 effective draws
of every group parameter on the human data, 400 to 800 on the bundled ones, where the two spreads are hard to tell apart."""

NUTS, PSEUDO_MARGINAL = "nuts", "pseudo-marginal"
"""What ``fit.attrs["sampler"]`` says of how the posterior was sampled."""

PACKAGES = ("trialwise", "numba", "nutpie", "numpy", "arviz")


def fit(
    learner: Learner,
    trials: Trials,
    draws: int | None = None,
    tune: int = TUNE,
    chains: int = CHAINS,
    seed: int | None = None,
    priors: Mapping[str, Any] | None = None,
    pooling: str = "partial",
    *,
    progress: bool = True,
    checkpoint: str | PathLike[str] | None = None,
    executor: Any = None,
) -> Fit:
    """Fit a learner to trials, hierarchically: by NUTS, or by particles if it makes a choice that nobody observed.

    Parameters
    ----------
    learner
        E.g. ``QLearning(initial=1.2)``.
    trials
        From ``read_wide`` or ``read_long``, or simulated.
    draws, tune, chains
        Kept and tuning draws of each chain, and how many chains. If ``draws`` is left out it is 1000, and as many chains
        are added, up to twice, as long as R-hat or effective draws of the group's parameters ask for it; a note says so. With
        a hidden choice it is 400, and 100 are added up to sixteen times; ``tune`` has no meaning there.
    seed
        The same seed gives the same draws; None takes one from the system and keeps it in ``fit.attrs["seed"]``.
    priors
        Distributions in place of the defaults, ``{"alpha_mu": pm.Normal.dist(-1, 0.5)}``, or of PreliZ: with partial
        pooling for ``alpha_mu`` and ``alpha_sd`` on the unconstrained scale, else for ``alpha`` on the natural scale.
        A Normal for a mean and a HalfNormal for a spread, as the defaults are, cost nothing; with other priors the model
        is compiled anew, which takes half a minute.
    pooling
        ``"partial"``: participants come from a group; ``"none"``: each on its own; ``"complete"``: all share one set of
        parameters. One participant alone is fitted with ``"none"``.
    progress
        Show progress while sampling.
    checkpoint
        For a learner with a hidden choice, whose fit takes minutes: a file that the work so far is kept in. The same call goes
        on from there after an interruption; :meth:`Fit.save` does not remove it.

    executor
        For a learner with a hidden choice: who runs its particle filters. None, the cores of this machine; or a
        :class:`concurrent.futures.Executor`, a ``dask.distributed.Client``, or the address of a Dask scheduler. The draws are the same.

    Returns
    -------
    Fit

    Raises
    ------
    UsageError
        For arguments that do not fit together.
    LearnerError
        If the learner breaks the contract or cannot be compiled.
    ModelError
        If the likelihood is not finite where sampling would start, or a parameter moves nothing; with the reason.
    """
    from trialwise.likelihoods.kinds import likelihood_of

    began = time.perf_counter()
    if not isinstance(learner, Learner):
        raise UsageError(f"fit({learner!r}, ...): a learner is wanted, e.g. QLearning(): the class called")
    for name, value in (("draws", DRAWS if draws is None else draws), ("chains", chains), ("tune", tune)):
        if not isinstance(value, int | np.integer) or value < 1:
            raise UsageError(Argument(name, value), ": a whole number above 0 is wanted")
    if not learner.names:
        raise UsageError(f"{learner} has no free parameter: use log_likelihood or trial_values")
    notes: list[str] = []
    if pooling == "partial" and trials.n_participants == 1:
        pooling = "none"
        alone = "one participant has no group to be pooled with: fitted with "
        notes.append(Message(alone, Argument("pooling", pooling)))
    population = population_of(learner, trials, priors, pooling)
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)

    kept = None if checkpoint is None else Path(fspath(checkpoint))
    how = Asked(draws, int(tune), int(chains), seed, population, progress, kept, executor)
    likelihood = likelihood_of(learner, trials, filters=1)
    sample = _by_gradients if likelihood.has_gradient else _by_particles
    run, told, more = sample(likelihood, how)
    ended = time.perf_counter()
    notes += more

    import xarray as xr

    observed, constant = trials_to_datasets(trials)
    tree = xr.DataTree.from_dict(
        {
            "posterior": run.tree["posterior"].to_dataset(),
            "sample_stats": _plain_stats(run.tree["sample_stats"].to_dataset()),
            "observed_data": observed,
            "constant_data": constant,
        }
    )
    tree.attrs = {
        **learner_to_attributes(learner),
        "call": f"fit({learner!r}, draws={draws}, tune={tune}, chains={chains}, seed={seed}, pooling={pooling!r})",
        "pooling": pooling,
        "priors": json.dumps({name: str(prior) for name, prior in population.priors.items()}),
        "notes": "\n".join(notes),
        "note_parts": to_json(notes),
        "seed": seed,
        "seconds": ended - began,
        "seconds_of_sampling": run.seconds,
        **told,
        "peak_memory_mb": _peak_memory(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python_version": sys.version.split()[0],
        **{f"{package}_version": version(package) for package in PACKAGES},
    }
    return Fit(tree, learner, trials, population.priors)


class Asked(NamedTuple):
    """What was asked of :func:`fit`."""

    draws: int | None
    tune: int
    chains: int
    seed: int
    population: Population
    progress: bool
    checkpoint: Path | None
    executor: Any

    def lacks(self) -> Callable[[xr.DataTree], str] | None:
        """What tells whether draws are enough, where nobody said how many there should be."""
        return partial(_lacks, self.population.group_names) if self.draws is None else None


def _by_gradients(likelihood: Likelihood, asked: Asked) -> tuple[Run, dict[str, Any], list[str]]:
    """NUTS on the exact likelihood: the run, what to keep of it, notes."""
    from trialwise.inference.samplers.nuts import How, sample_model, sample_posterior
    from trialwise.inference.starts import check_starts
    from trialwise.likelihoods.kinds import likelihood_of
    from trialwise.population.density import posterior as compiled_posterior
    from trialwise.population.geometry.expansion import expand

    learner, trials = likelihood.learner, likelihood.trials
    if asked.checkpoint is not None:
        raise UsageError(f"checkpoint={str(asked.checkpoint)!r}: {learner} is fitted in seconds; leave it out")
    if asked.executor is not None:
        raise UsageError(f"executor={asked.executor!r}: {learner} runs no particle filters; leave it out")
    began, population = time.perf_counter(), asked.population
    notes = list(check_starts(likelihood, population.prior, asked.seed))
    draws = DRAWS if asked.draws is None else int(asked.draws)
    how = How(draws, asked.tune, asked.chains, asked.seed, asked.lacks())
    evaluate = likelihood_of(learner, trials, pooled=population.shared)
    expansion = expand(evaluate, population)
    prepared = time.perf_counter()
    if population.unusual:
        from trialwise.population.pymc.model import build_model

        model = build_model(learner, trials, population, "whitened" if population.grouped else "centred", expansion)
        run = sample_model(model, how, progress=asked.progress)
    else:
        target = compiled_posterior(learner, likelihood.packed, population, expansion)
        target(target.start(np.random.default_rng(asked.seed)))  # compiles it, or loads it
        run = sample_posterior(target, trials.participants, how, progress=asked.progress)
    preparing = likelihood.calls + evaluate.calls + (not population.unusual)
    keep = {
        "sampler": NUTS,
        "gradients": run.gradients + preparing,
        "gradients_of_preparation": preparing,
        "seconds_of_preparation": prepared - began,
        "seconds_of_compiling_and_loading": time.perf_counter() - prepared - run.seconds,
        "target_accept": run.target_accept,
        "tune": asked.tune,
    }
    return run, keep, [*notes, *run.notes]


def _by_particles(likelihood: Likelihood, asked: Asked) -> tuple[ParticleRun, dict[str, Any], list[str]]:
    """Particles, for a learner with a hidden choice: the run, what to keep of it, notes."""
    from trialwise.base.progress import bars
    from trialwise.base.workers import crew
    from trialwise.inference.checkpoint import Checkpoint
    from trialwise.inference.samplers.pseudo_marginal.particle import sample_particles
    from trialwise.inference.starts import check_starts

    learner, trials, packed = likelihood.learner, likelihood.trials, likelihood.packed
    population = asked.population
    prior = population.prior
    if population.unusual:
        raise UsageError(
            f"priors of {', '.join(population.unusual)}: with a hidden choice, priors are Normal for means and HalfNormal for spreads of "
            "the group, pm.Normal.dist(-1, 0.5), pm.HalfNormal.dist(0.5), and with other pooling the default ones"
        )
    check_starts(likelihood, prior, asked.seed)
    data = (packed.observed, packed.ints, packed.reals, packed.offsets, prior.mean, prior.width, prior.spread)
    state = Checkpoint(
        asked.checkpoint, learner.key, repr(learner), asked.seed, asked.chains, population.pooling, *data
    )
    people = nullcontext() if asked.executor is None else crew(asked.executor, None, 1)
    with bars(asked.progress) as tell, people as others:
        run = sample_particles(
            learner, trials, population, draws=asked.draws, chains=asked.chains,
            seed=asked.seed, checkpoint=state, tell=tell, lacks=asked.lacks(), crew=others,
        )  # fmt: skip
    return run, {"sampler": PSEUDO_MARGINAL, "gradients": run.gradients, **run.attributes}, list(run.notes)


def _lacks(names: Sequence[str], tree: xr.DataTree) -> str:
    """What the draws of the group's parameters lack, in words; nothing if they are enough."""
    import arviz_stats

    from trialwise.inference.chain_checks import too_few

    table = arviz_stats.summary(tree, var_names=list(names), round_to="none")
    return "; ".join(problem.sentence for problem in too_few(table))


def _plain_stats(stats: xr.Dataset) -> xr.Dataset:
    """Per-draw numbers of the sampler; what netCDF cannot hold is left out."""
    keep = [name for name, values in stats.data_vars.items() if values.dtype.kind in "fiub" and values.ndim == 2]
    return stats[keep]


def _peak_memory() -> float:
    """Peak memory of this process in MB; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1024
