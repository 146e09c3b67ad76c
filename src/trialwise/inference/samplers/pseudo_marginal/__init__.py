"""Pseudo-marginal chains for estimated likelihoods, with proposals from an emulated posterior.

:mod:`.particle` performs one fit; its parts are :mod:`.explore`, :mod:`.estimates`, :mod:`.correction`, :mod:`.chain` and :mod:`.tilt`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from trialwise.inference.sampler import Request, Sampled, Sampler


def sample(request: Request) -> Sampled:
    """Draw from the posterior, after checking starting points."""
    from trialwise.base.progress import bars
    from trialwise.base.workers import worker_pool
    from trialwise.inference.checkpoint import checkpoint_of
    from trialwise.inference.samplers.pseudo_marginal.particle import sample_particles
    from trialwise.inference.starts import check_starts

    likelihood, population = request.likelihood, request.population
    request.check_normal_priors()
    check_starts(likelihood, population, request.seed)
    state = checkpoint_of(request, NAME)
    executor = nullcontext() if request.executor is None else worker_pool(request.executor, None, 1)
    with bars(request.progress) as tell, executor as workers:
        run = sample_particles(
            likelihood.learner, likelihood.trials, population, draws=request.draws, chains=request.chains, seed=request.seed, checkpoint=state,
            tell=tell, lacks=request.shortfall, workers=workers,
        )  # fmt: skip
    return Sampled(run.tree, run.seconds, {"gradients": run.gradients, **run.attributes}, run.notes)


def _sentence(attrs: Mapping[str, Any], draws: str) -> str:
    return (
        "The likelihood of the unobserved choices was estimated by a fully adapted particle filter; draws of an emulated posterior "
        f"were corrected by pseudo-marginal Metropolis chains, whose target is the exact posterior (Andrieu & Roberts, 2009): {draws}."
    )


def _figures(attrs: Mapping[str, Any], stats: Any) -> list[tuple[str, str]]:
    particles = json.loads(attrs["particles"])
    return [
        ("accepted proposals", f"{float(stats['accepted'].mean()):.0%}"),
        ("particles of a participant", f"{min(particles)} to {max(particles)}"),
        ("particle filters run", f"{attrs['filters']:,}"),
        ("largest SD of a log-likelihood estimate", f"{max(json.loads(attrs['filter_noise'])):.2g}"),
        ("largest error of an emulator (SD)", f"{max(json.loads(attrs['emulator_error'])):.2g}"),
    ]


NAME = "pseudo-marginal"

SAMPLER = Sampler(
    NAME, "particle filters with pseudo-marginal chains", needs_gradient=False, needs_courses=True, takes_formulas=False, preferred=5, sample=sample,
    sentence=_sentence, figures=_figures, works=("pseudo-marginal",), counts_divergences=False,
)  # fmt: skip
