"""NUTS by nutpie in whitened coordinates: the default model by its compiled posterior, all other models by PyMC."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.cores import cores
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.base.progress import Update, bars
from trialwise.base.streams import stream, stream_seed
from trialwise.engine import compilation
from trialwise.inference.draws import Layout
from trialwise.inference.sampler import DRAWS, Request, Sampled, Sampler
from trialwise.inference.starts import check_starts
from trialwise.likelihoods.exact import MOST_LOOKS
from trialwise.likelihoods.kinds import likelihood_of

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

    from trialwise.population.density import Posterior

NAME = "nuts"

TARGET_ACCEPT, CAREFUL = 0.8, 0.9
"""Target acceptance rate of the step size; after divergences the run is repeated with smaller steps."""

MORE = 2
"""Maximum number of times that chains are added while draws are too few, if their number was not requested."""


@dataclass(frozen=True)
class ChainSettings:
    """Number of draws and chains.

    Attributes
    ----------
    draws, tune, chains, seed
        Retained and tuning draws per chain, number of chains, and seed.
    shortfall
        Describes what the draws lack, empty if they suffice; chains are added until it is empty. None: never add chains.
    """

    draws: int
    tune: int
    chains: int
    seed: int
    shortfall: Callable[[xr.DataTree], str] | None = None


@dataclass(frozen=True)
class Run:
    """Draws, number of gradients (including tuning and repeated runs), seconds, and notes."""

    tree: xr.DataTree
    gradients: int
    seconds: float
    target_accept: float
    notes: tuple[str, ...] = ()


def sample_posterior(
    posterior: Posterior,
    participants: Sequence[Hashable],
    settings: ChainSettings,
    *,
    progress: bool,
    look: Callable[[np.ndarray], object] | None = None,
) -> Run:
    """Draws of the default model: groups ``posterior``, whose variables are those of :class:`trialwise.inference.draws.Layout`, and
    ``sample_stats`` (and the same with the prefix ``warmup_``). ``look`` is called with some coordinates at which the density is not a
    number, and may raise."""
    from nutpie.compiled_pyfunc import from_pyfunc

    layout = Layout(posterior.population, participants)
    shapes, guarded = layout.shapes, _Guarded(posterior, look)

    def expand(x: np.ndarray) -> dict[str, np.ndarray]:
        group, theta = posterior.values(x)
        values = layout.values(group, theta.T)  # type: ignore[arg-type]
        return {name: np.ascontiguousarray(each).reshape(shapes[name]) for name, each in values.items()}

    model = from_pyfunc(
        posterior.dimension,
        lambda: guarded,
        lambda seed1, seed2, chain: expand,
        [np.dtype("float64")] * len(shapes),
        list(shapes.values()),
        list(shapes),
        coords=layout.coords,
        dims={name: dims for name, dims in layout.dims.items() if dims},
        make_initial_point_fn=lambda seed: posterior.start(stream(int(seed), "first point")),
    )
    expand(posterior.start(stream(settings.seed, "first point")))  # compile before the time of sampling is measured
    try:
        run = _sample(model, settings, progress)
    except Exception:
        if guarded.failure is None:
            raise
    if guarded.failure is not None:
        raise guarded.failure
    return run


class DensityFailed(Exception):
    """The density raised an exception, its cause, at coordinates ``x (dimension,)``."""

    def __init__(self, x: np.ndarray):
        self.x = x.copy()
        super().__init__(f"the density failed at {x}")


class _Guarded:
    """A density that keeps its first exception and is NaN from then on: the sampler's threads would not survive it."""

    def __init__(self, posterior: Posterior, look: Callable[[np.ndarray], object] | None = None):
        self.posterior, self.look = posterior, look
        self.looks = MOST_LOOKS if look else 0
        self.failure: DensityFailed | None = None

    def __call__(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        if self.failure is None:
            try:
                value, slope = self.posterior(x)
                if self.look and self.looks and np.isnan(value):
                    self.looks -= 1
                    self.look(x)
                return value, slope
            except Exception as error:
                self.failure = DensityFailed(x)
                self.failure.__cause__ = error
        return np.nan, np.zeros(len(x))


def sample_model(model: pm.Model, settings: ChainSettings, *, progress: bool) -> Run:
    """Compile a PyMC model and draw from its posterior."""
    import nutpie

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = nutpie.compile_pymc_model(model)
    return _sample(compiled, settings, progress)


class _Sampler:
    """Runs of one compiled model that differ only in seed and step size."""

    def __init__(self, model: Any, settings: ChainSettings, update: Update):
        n_cores = min(settings.chains, cores())
        self.arguments = {"draws": settings.draws, "tune": settings.tune, "chains": settings.chains, "cores": n_cores}
        self.model, self.seed, self.update, self.gradients = model, settings.seed, update, 0

    def run(self, turn: int, target: float, stage: str) -> xr.DataTree:
        import nutpie

        def show(chains: Sequence[nutpie.ChainProgress]) -> None:
            self.update(
                stage, sum(chain.finished_draws for chain in chains) / sum(chain.total_draws for chain in chains)
            )

        self.update(stage, 0.0)
        seed = stream_seed(self.seed, "chains", part=turn)
        tree = nutpie.sample(
            self.model, **self.arguments, seed=seed, progress_bar=False, progress_callback=show, target_accept=target
        )
        self.update(stage, 1.0)
        self.gradients += gradients(tree)
        return tree


def _sample(model: Any, settings: ChainSettings, progress: bool) -> Run:
    with bars(progress) as update:
        return _sample_in_turn(_Sampler(model, settings, update), settings)


def _sample_in_turn(sampler: _Sampler, settings: ChainSettings) -> Run:
    """Sample; if transitions diverge, again with smaller steps; then add chains while draws are too few."""
    start = time.perf_counter()
    notes: list[str] = []
    target, tree = TARGET_ACCEPT, sampler.run(0, TARGET_ACCEPT, "sampling")
    if first := divergences(tree):
        repeated = sampler.run(0, CAREFUL, "smaller steps")
        left = divergences(repeated)
        if left < first:
            target, tree = CAREFUL, repeated
        notes.append(
            f"{first} transitions diverged, so the run was repeated with smaller steps: {min(left, first)} remain in the retained run"
        )
    trees = [tree]
    while settings.shortfall and len(trees) <= MORE and (missing := settings.shortfall(tree)):
        trees.append(sampler.run(len(trees), target, f"more chains {len(trees)}" if len(trees) > 1 else "more chains"))
        tree = joined(trees)
        added = "1 more chain was" if settings.chains == 1 else f"{settings.chains} more chains were"
        notes.append(f"{added} run because the draws were insufficient: {missing}")
    return Run(tree, sampler.gradients, time.perf_counter() - start, target, tuple(notes))


def joined(trees: Sequence[xr.DataTree]) -> xr.DataTree:
    """Combine the chains of several runs into one tree."""
    import xarray as xr

    groups = {}
    for name in ("posterior", "sample_stats"):
        combined = xr.concat([tree[name].to_dataset() for tree in trees], "chain")
        groups[name] = combined.assign_coords(chain=np.arange(combined.sizes["chain"]))
    return xr.DataTree.from_dict(groups)


def divergences(tree: xr.DataTree) -> int:
    """Number of divergent transitions, without those of tuning."""
    return int(tree["sample_stats"]["diverging"].sum())


def gradients(tree: xr.DataTree) -> int:
    """Number of gradients of one run, including tuning."""
    return sum(
        int(tree[group].n_steps.sum()) for group in ("sample_stats", "warmup_sample_stats") if group in tree.children
    )


def sample(request: Request) -> Sampled:
    """Draw from the posterior, after checking starting points."""
    from trialwise.population.density import posterior as compiled_posterior
    from trialwise.population.geometry.expansion import expand

    likelihood, population = request.likelihood, request.population
    learner, trials = likelihood.learner, likelihood.trials
    if request.checkpoint is not None:
        raise UsageError(
            Argument("checkpoint", str(request.checkpoint)),
            f": {learner} needs no checkpoint, it is fitted in seconds; leave it out",
        )
    if request.executor is not None:
        raise UsageError(
            Argument("executor", request.executor), f": chains of {learner} run on this machine; leave it out"
        )
    start = time.perf_counter()
    notes = list(check_starts(likelihood, population, request.seed))
    draws = DRAWS if request.draws is None else int(request.draws)
    settings = ChainSettings(draws, request.tune, request.chains, request.seed, request.shortfall)
    evaluate = likelihood_of(learner, trials, pooled=population.shared)
    expansion = expand(evaluate, population)
    prepared = time.perf_counter()
    if population.unusual:
        from trialwise.population.pymc.model import build_model

        model = build_model(learner, trials, population, "whitened" if population.grouped else "centred", expansion)
        run = sample_model(model, settings, progress=request.progress)
    else:
        target = compiled_posterior(learner, likelihood.packed, population, expansion)
        target(target.start(stream(request.seed, "first point")))  # compiles or loads the density

        def look(x: np.ndarray) -> None:
            """Raise an error if the learner leaves an action without a value there: the sampler would only avoid such places."""
            theta = target.values(x)[1]
            if np.isfinite(theta).all():
                evaluate.value_at(theta)

        try:
            run = sample_posterior(target, trials.participants, settings, progress=request.progress, look=look)
        except DensityFailed as failure:
            theta = target.values(failure.x)[1]
            with compilation(learner, evaluate.packed, tried=True, free=theta):
                raise failure.__cause__ or failure from None
    preparing = likelihood.calls + evaluate.calls + (not population.unusual)
    attributes = {
        "gradients": run.gradients + preparing,
        "gradients_of_preparation": preparing,
        "seconds_of_preparation": prepared - start,
        "seconds_of_compiling_and_loading": time.perf_counter() - prepared - run.seconds,
        "target_accept": run.target_accept,
        "tune": request.tune,
    }
    return Sampled(run.tree, run.seconds, attributes, [*notes, *run.notes])


def _sentence(attrs: Mapping[str, Any], draws: str) -> str:
    tuned = f", after {int(attrs['tune'])} draws of tuning" if "tune" in attrs else ""
    return (
        f"The posterior was sampled by the No-U-Turn Sampler (Hoffman & Gelman, 2014; target acceptance {float(attrs['target_accept']):g}) "
        f"with exact gradients: {draws}{tuned}."
    )


SAMPLER = Sampler(
    NAME, "NUTS in whitened coordinates", needs_gradient=True, preferred=10, sample=sample, sentence=_sentence,
    figures=lambda attrs, stats: [("gradients", f"{attrs['gradients']:,}")], works=("nuts", "bfmi"),
)  # fmt: skip
