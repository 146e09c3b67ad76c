"""Fitting: from a learner and trials to a posterior, kept as one labelled tree with how it came about."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.errors import UsageError
from trialwise.fitted import Fit
from trialwise.learner import Learner
from trialwise.stored import learner_to_attributes, trials_to_datasets
from trialwise.trials import Trials

if TYPE_CHECKING:
    import xarray as xr

DRAWS, TUNE, CHAINS = 1000, 300, 4
"""Defaults, with a third of the usual tuning, since whitened coordinates leave little to tune. Four times 400 effective draws
of every group parameter on the human data, 400 to 800 on the bundled ones, where the two spreads are hard to tell apart."""

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
) -> Fit:
    """Fit a learner to trials, hierarchically, by NUTS.

    Parameters
    ----------
    learner
        E.g. ``QLearning(initial=1.2)``.
    trials
        From ``read_wide`` or ``read_long``, or simulated.
    draws, tune, chains
        Kept and tuning draws of each chain, and how many chains. If ``draws`` is left out it is 1000, and as many chains
        are added, up to twice, as long as R-hat or effective draws of the group's parameters ask for it; a note says so.
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
    from trialwise.engine.packed import pack
    from trialwise.expansion import Evaluator, expand, expand_alone
    from trialwise.inference.nuts import How, sample_model, sample_posterior
    from trialwise.posterior import posterior as compiled_posterior
    from trialwise.priors import check_priors, group_names, group_prior, told
    from trialwise.starts import check_starts

    began = time.perf_counter()
    if not isinstance(learner, Learner):
        raise UsageError(f"fit({learner!r}, ...): a learner is wanted, e.g. QLearning(): the class called")
    for name, value in (("draws", DRAWS if draws is None else draws), ("chains", chains), ("tune", tune)):
        if not isinstance(value, int | np.integer) or value < 1:
            raise UsageError(f"{name}={value!r}: a whole number above 0 is wanted")
    if not learner.names:
        raise UsageError(f"{learner} has no free parameter: use log_likelihood or trial_values")
    notes: list[str] = []
    if pooling == "partial" and trials.n_participants == 1:
        pooling = "none"
        notes.append("one participant has no group to be pooled with: fitted with pooling='none'")
    priors = dict(priors or {})
    check_priors(learner, pooling, priors)
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)

    packed = pack(learner, trials)
    prior, unusual = told(group_prior(learner, trials), learner, priors, pooling)
    start = Evaluator(learner, packed)
    notes += check_starts(start, trials, prior, seed)
    lacks = partial(_lacks, group_names(learner.names, pooling)) if draws is None else None
    how = How(DRAWS if draws is None else int(draws), int(tune), int(chains), seed, lacks)
    evaluate = Evaluator(learner, packed, pooled=pooling == "complete")
    if pooling == "partial":
        expansion = expand(evaluate, prior.mean, prior.width, prior.spread)
    else:
        expansion = expand_alone(evaluate, prior.mean, prior.total)
    prepared = time.perf_counter()
    if unusual:
        from trialwise.hierarchy import build_model

        geometry: Any = "whitened" if pooling == "partial" else "centred"
        model = build_model(learner, trials, pooling, priors, geometry, expansion)  # type: ignore[arg-type]
        run = sample_model(model, how, progress=progress)
    else:
        target = compiled_posterior(learner, packed, prior, expansion, pooling)
        target(target.start(np.random.default_rng(seed)))  # compiles it, or loads it
        run = sample_posterior(target, trials.participants, how, progress=progress)
    ended = time.perf_counter()
    preparing = start.calls + evaluate.calls + (not unusual)
    notes += run.notes

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
        "priors": json.dumps({name: str(prior) for name, prior in priors.items()}),
        "notes": "\n".join(notes),
        "seed": seed,
        "gradients": run.gradients + preparing,
        "gradients_of_preparation": preparing,
        "seconds": ended - began,
        "seconds_of_preparation": prepared - began,
        "seconds_of_compiling_and_loading": ended - prepared - run.seconds,
        "seconds_of_sampling": run.seconds,
        "target_accept": run.target_accept,
        "peak_memory_mb": _peak_memory(),
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python_version": sys.version.split()[0],
        **{f"{package}_version": version(package) for package in PACKAGES},
    }
    return Fit(tree, learner, trials, priors)


def _lacks(names: Sequence[str], tree: xr.DataTree) -> str:
    """What the draws of the group's parameters lack, in words; nothing if they are enough."""
    import arviz_stats

    from trialwise.diagnostics import too_few

    table = arviz_stats.summary(tree, var_names=list(names), round_to="none")
    return "; ".join(problem.words for problem in too_few(table))


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
