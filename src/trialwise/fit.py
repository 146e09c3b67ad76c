"""Fitting: from a learner and trials to a posterior with its diagnostics, kept as one labelled tree."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.errors import DataError, Problem, UsageError
from trialwise.files import whole
from trialwise.learner import Learner
from trialwise.stored import learner_from_attributes, learner_to_attributes, trials_from_datasets, trials_to_datasets
from trialwise.trials import Trials

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm
    import xarray as xr
    from matplotlib.figure import Figure

DRAWS, TUNE, CHAINS = 1000, 300, 4
"""Defaults: enough for 400 effective draws of every group parameter on the hardest data tried, the bundled ones, with a
third of the usual tuning, since whitened coordinates leave little to tune."""

PACKAGES = ("trialwise", "numba", "nutpie", "numpy", "arviz")


@dataclass(frozen=True, eq=False)
class Fit:
    """A posterior with everything needed to read, check and reuse it.

    Attributes
    ----------
    tree
        An ArviZ ``DataTree`` with the groups ``posterior``, ``sample_stats``, ``observed_data`` and ``constant_data``.
        For every free parameter ``alpha``, on the natural scale, ``alpha (chain, draw, participant)``; with partial
        pooling also ``alpha_mu`` and ``alpha_sd``, mean and spread of the group on the unconstrained scale (logit for 0
        to 1, log for positive), ``alpha_group``, the group's **median** on the natural scale, and ``individual``, the
        unconstrained values. Attributes: versions, seed, the learner and its source, the call, seconds, peak memory.
    learner
        Who was fitted; None for a loaded fit whose learner is the user's and was not given to :func:`load`.
    trials
        The data.
    """

    tree: xr.DataTree
    learner: Learner | None
    trials: Trials
    priors: Mapping[str, Any] = field(default_factory=dict)

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the tree."""
        return {str(name): value for name, value in self.tree.attrs.items()}

    @property
    def parameters(self) -> list[str]:
        """Names of the free parameters."""
        import json

        return list(json.loads(self.tree.attrs["parameters"]))

    @property
    def pooling(self) -> str:
        """``"partial"``, ``"none"`` or ``"complete"``: what was really done."""
        return str(self.tree.attrs["pooling"])

    @property
    def notes(self) -> tuple[str, ...]:
        """What fitting had to decide and the user should know."""
        return tuple(line for line in str(self.tree.attrs["notes"]).split("\n") if line)

    @property
    def group_names(self) -> list[str]:
        """Names of what describes the group: means and spreads; the parameters themselves where there is no group."""
        if self.pooling == "partial":
            return [f"{name}_{part}" for name in self.parameters for part in ("mu", "sd")]
        return self.parameters

    @cached_property
    def _summary(self) -> pd.DataFrame:
        import arviz_stats

        medians = [f"{name}_group" for name in self.parameters] if self.pooling == "partial" else []
        people = [name for name in self.parameters if name not in self.group_names]
        wanted = [*medians, *self.group_names, *people]
        table = arviz_stats.summary(self.tree, var_names=wanted, round_to="none")
        return table.apply(lambda column: column.astype(float))

    def summary(self) -> pd.DataFrame:
        """A row a parameter: mean, sd, equal-tailed 89 % interval, bulk and tail effective draws, R-hat, Monte Carlo errors.

        The group comes first: medians on the natural scale (``alpha_group``), means and spreads on the unconstrained one
        (``alpha_mu``, ``alpha_sd``); then participants, ``alpha[label]``.
        """
        return self._summary.copy()

    def group(self) -> pd.DataFrame:
        """The rows of :meth:`summary` that describe the group."""
        names = {*self.group_names, *(f"{name}_group" for name in self.parameters)}
        rows = [label for label in self._summary.index if str(label).split("[")[0] in names]
        return self._summary.loc[rows]

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the draws, each a sentence with advice; empty if they can be trusted."""
        from trialwise.diagnostics import problems

        return problems(self.tree, self.group())

    def means(self) -> dict[str, np.ndarray]:
        """Posterior means of every parameter, natural scale, ``(participants,)``."""
        posterior = self.tree["posterior"]
        count = self.trials.n_participants
        return {
            name: np.broadcast_to(posterior[name].mean(("chain", "draw")).to_numpy(), (count,)).copy()
            for name in self.parameters
        }

    def trial_values(self) -> pd.DataFrame:
        """A row a trial: choice probabilities and signals at the posterior means; see :func:`trialwise.trial_values`.

        Raises
        ------
        UsageError
            If the learner is not at hand.
        """
        from trialwise.evaluate import trial_values

        return trial_values(self._learner("trial_values"), self.trials, self.means())

    @cached_property
    def model(self) -> pm.Model:
        """The PyMC model: for prior predictive draws, log-likelihoods, its graph, and extensions of your own.

        It is written as a PyMC user would, in ``alpha_mu``, ``alpha_sd`` and ``individual``; the sampler moved the same
        posterior in coordinates of its own (:mod:`trialwise.posterior`).
        """
        from trialwise.hierarchy import build_model

        return build_model(self._learner("model"), self.trials, self.pooling, self.priors)  # type: ignore[arg-type]

    def plot_trace(self) -> Figure:
        """Densities by chain and traces of the group's parameters."""
        from trialwise.plots.trace import trace_plot

        return trace_plot(self.tree, self.group_names)

    def save(self, path: str | PathLike[str]) -> None:
        """Write a netCDF file, whole or not at all; :func:`load` reads it."""
        target = Path(fspath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as place:
            self.tree.to_netcdf(place, engine="h5netcdf")

    def _learner(self, verb: str) -> Learner:
        if self.learner is None:
            name = self.tree.attrs["learner_name"]
            raise UsageError(
                f"{verb} needs the learner itself: load('...', learner={name}), with {name} from your file"
            )
        return self.learner

    def __repr__(self) -> str:
        posterior = self.tree["posterior"].sizes
        state = "no problems" if not self.problems else f"{len(self.problems)} problems: see .problems"
        return (
            f"Fit({self.tree.attrs['learner']}, {self.trials.n_participants} participants, "
            f"{posterior['chain']} x {posterior['draw']} draws; {state})"
        )


def fit(
    learner: Learner,
    trials: Trials,
    draws: int = DRAWS,
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
        Kept and tuning draws of each chain, and how many chains.
    seed
        The same seed gives the same draws; None takes one from the system and keeps it in ``fit.attrs["seed"]``.
    priors
        Distributions in place of the defaults, ``{"alpha_mu": pm.Normal.dist(-1, 0.5)}``, or of PreliZ: with partial
        pooling for ``alpha_mu`` and ``alpha_sd`` on the unconstrained scale, else for ``alpha`` on the natural scale. A
        model with priors of your own is compiled anew, which takes half a minute.
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
    from trialwise.inference.nuts import sample_model, sample_posterior
    from trialwise.posterior import posterior as compiled_posterior
    from trialwise.priors import group_prior
    from trialwise.starts import check_starts

    began = time.perf_counter()
    if not isinstance(learner, Learner):
        raise UsageError(f"fit({learner!r}, ...): a learner is wanted, e.g. QLearning(): the class called")
    for name, value in (("draws", draws), ("chains", chains), ("tune", tune)):
        if not isinstance(value, int | np.integer) or value < 1:
            raise UsageError(f"{name}={value!r}: a whole number above 0 is wanted")
    if not learner.names:
        raise UsageError(f"{learner} has no free parameter: use log_likelihood or trial_values")
    if pooling not in ("partial", "none", "complete"):
        raise UsageError(f"pooling={pooling!r}: one of 'partial', 'none', 'complete'")
    notes: list[str] = []
    if pooling == "partial" and trials.n_participants == 1:
        pooling = "none"
        notes.append("one participant has no group to be pooled with: fitted with pooling='none'")
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else int(seed)

    packed, prior = pack(learner, trials), group_prior(learner, trials)
    notes += check_starts(learner, trials, packed, prior, seed)
    how: dict[str, Any] = {"draws": int(draws), "tune": int(tune), "chains": int(chains), "seed": seed}
    evaluate = Evaluator(learner, packed, pooled=pooling == "complete")
    if pooling == "partial":
        expansion = expand(evaluate, prior.mean, prior.width, prior.spread)
    else:
        expansion = expand_alone(evaluate, prior.mean, prior.total)
    prepared = time.perf_counter()
    if priors:
        from trialwise.hierarchy import build_model

        geometry: Any = "whitened" if pooling == "partial" else "centred"
        model = build_model(learner, trials, pooling, priors, geometry, expansion)  # type: ignore[arg-type]
        run = sample_model(model, progress=progress, **how)
    else:
        target = compiled_posterior(learner, packed, prior, expansion, pooling)
        run = sample_posterior(target, trials.participants, progress=progress, **how)
    ended = time.perf_counter()
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
        "priors": ", ".join(f"{name}: {prior}" for name, prior in (priors or {}).items()),
        "notes": "\n".join(notes),
        "seed": seed,
        "gradients": run.gradients + evaluate.calls,
        "gradients_of_preparation": evaluate.calls,
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
    return Fit(tree, learner, trials, dict(priors or {}))


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


def load(path: str | PathLike[str], learner: type | None = None) -> Fit:
    """A fit that :meth:`Fit.save` wrote.

    Summaries and plots need nothing else. ``trial_values`` and ``model`` need the learner: a built-in one is found, the
    class of your own is given as ``learner=MyLearner``. Nothing in the file is executed.

    Raises
    ------
    DataError
        If there is no such file, or it holds no fit.
    UsageError
        If the learner given is another than the one fitted.
    """
    import xarray as xr

    place = fspath(path)

    def damaged(message: str) -> DataError:
        return DataError([Problem("no-fit", place, message, "give a file that fit(...).save(...) wrote")])

    if not Path(place).is_file():
        raise damaged("no such file")
    try:
        with xr.open_datatree(place, engine="h5netcdf") as opened:
            tree = opened.load()
        if "learner_name" not in tree.attrs:
            raise damaged("it is no fit of trialwise")
        trials = trials_from_datasets(tree["observed_data"].to_dataset(), tree["constant_data"].to_dataset())
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise damaged(f"it cannot be read ({type(error).__name__}: {error})") from None
    if learner is not None and learner.__name__ != tree.attrs["learner_name"]:
        raise UsageError(f"the file holds a fit of {tree.attrs['learner_name']}, not of {learner.__name__}")
    attributes = {str(name): value for name, value in tree.attrs.items()}
    return Fit(tree, learner_from_attributes(attributes, learner), trials)
