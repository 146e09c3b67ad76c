"""NUTS by nutpie: of the default model through its compiled posterior, of any other through PyMC."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.posterior import Posterior

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

TARGET_ACCEPT, CAREFUL = 0.8, 0.9
"""Acceptance that the step size aims at; after divergences the run is repeated with smaller steps."""


@dataclass(frozen=True)
class Run:
    """What sampling gave: draws, gradients taken (tuning and repeated runs included), seconds, and what to know."""

    tree: xr.DataTree
    gradients: int
    seconds: float
    target_accept: float
    notes: tuple[str, ...] = ()


def sample_posterior(
    posterior: Posterior,
    participants: Sequence[Hashable],
    *,
    draws: int,
    tune: int,
    chains: int,
    seed: int,
    progress: bool,
) -> Run:
    """Draws of the default model.

    Groups ``posterior`` and ``sample_stats`` (and their ``warmup_`` twins): of every parameter ``alpha`` the natural
    values, ``(chain, draw, participant)`` or without a participant's dimension under complete pooling; in a group also
    ``alpha_mu``, ``alpha_sd``, ``alpha_group`` ``(chain, draw)`` and ``individual`` (unconstrained values).
    """
    import nutpie
    from nutpie.compiled_pyfunc import from_pyfunc

    names, parameters = list(posterior.learner.names), posterior.learner.parameters
    people, size = posterior.shape
    one = people == 1 and len(participants) != 1
    shapes: dict[str, tuple[int, ...]] = {}
    dims: dict[str, tuple[str, ...]] = {}
    for name in names:
        shapes[name], dims[name] = ((), ()) if one else ((people,), ("participant",))
        if posterior.grouped:
            shapes |= {f"{name}_{part}": () for part in ("mu", "sd", "group")}
        else:
            shapes[f"{name}_unconstrained"], dims[f"{name}_unconstrained"] = shapes[name], dims[name]
    if posterior.grouped:
        shapes["individual"], dims["individual"] = (people, size), ("participant", "parameter")

    def expand(x: np.ndarray) -> dict[str, np.ndarray]:
        mu, sd, u, theta = posterior.values(x)
        values: dict[str, np.ndarray] = {}
        for k, name in enumerate(names):
            values[name] = np.ascontiguousarray(theta[:, k]).reshape(shapes[name])
            if posterior.grouped:
                values[f"{name}_mu"], values[f"{name}_sd"] = mu[k : k + 1].reshape(()), sd[k : k + 1].reshape(())
                values[f"{name}_group"] = np.asarray(parameters[k].constrain(mu[k]))
            else:
                values[f"{name}_unconstrained"] = np.ascontiguousarray(u[:, k]).reshape(shapes[name])
        if posterior.grouped:
            values["individual"] = u
        return values

    model = from_pyfunc(
        posterior.dimension,
        lambda: lambda x: posterior(x),
        lambda seed1, seed2, chain: expand,
        [np.dtype("float64")] * len(shapes),
        list(shapes.values()),
        list(shapes),
        coords={"participant": [str(label) for label in participants], "parameter": names},
        dims={name: d for name, d in dims.items() if d},
        make_initial_point_fn=lambda seed: posterior.start(np.random.default_rng(seed)),
    )
    return _sample(nutpie, model, draws, tune, chains, seed, progress)


def sample_model(model: pm.Model, *, draws: int, tune: int, chains: int, seed: int, progress: bool) -> Run:
    """Draws of a PyMC model, compiled for the purpose."""
    import nutpie

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = nutpie.compile_pymc_model(model)
    return _sample(nutpie, compiled, draws, tune, chains, seed, progress)


def _sample(nutpie: Any, model: Any, draws: int, tune: int, chains: int, seed: int, progress: bool) -> Run:
    """Sample; if transitions diverge, once more with smaller steps, keeping the run with fewer divergences."""
    begin = time.perf_counter()
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    spent, runs = 0, []
    for target in (TARGET_ACCEPT, CAREFUL):
        tree = nutpie.sample(
            model, draws=draws, tune=tune, chains=chains, cores=max(1, min(chains, available)), seed=seed,
            progress_bar=progress, target_accept=target,
        )  # fmt: skip
        spent += gradients(tree)
        runs.append((int(tree["sample_stats"]["diverging"].sum()), target, tree))
        if not runs[-1][0]:
            break
    divergences, target, tree = min(runs, key=lambda run: run[0])
    notes: tuple[str, ...] = ()
    if len(runs) > 1:
        notes = (
            f"{runs[0][0]} transitions diverged, so the run was repeated with smaller steps: {divergences} in the one kept",
        )
    return Run(tree, spent, time.perf_counter() - begin, target, notes)


def gradients(tree: xr.DataTree) -> int:
    """Gradients that one run took, tuning included."""
    return sum(
        int(tree[group].n_steps.sum()) for group in ("sample_stats", "warmup_sample_stats") if group in tree.children
    )
