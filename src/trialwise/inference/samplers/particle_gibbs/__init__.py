"""Particle Gibbs for hidden choices: parameters and courses of hidden choices are drawn in turn.

:mod:`.run` performs one fit; :mod:`.chain` is one chain, :mod:`.hamiltonian` the transitions of its parameters, and :mod:`.candidates` their moves
together with courses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.engine import PARTICLES
from trialwise.inference.sampler import Request, Sampled, Sampler


def sample(request: Request) -> Sampled:
    """Draw from the posterior, after checking starting points."""
    from trialwise.base.cores import cores
    from trialwise.base.progress import bars
    from trialwise.base.workers import worker_pool
    from trialwise.inference.checkpoint import checkpoint_of
    from trialwise.inference.samplers.particle_gibbs.chain import ERRORS
    from trialwise.inference.samplers.particle_gibbs.kept import COURSES
    from trialwise.inference.samplers.particle_gibbs.run import LAST, ROUNDS, SAVED, THIN, Run
    from trialwise.inference.starts import check_starts
    from trialwise.population.density import text_of_density

    request.check_normal_priors()
    check_starts(request.likelihood, request.population, request.seed)
    coordinates = text_of_density(), ERRORS  # in other coordinates the saved points would be others
    checkpoint = checkpoint_of(request, NAME, PARTICLES, THIN, ROUNDS, LAST, SAVED, COURSES, *coordinates)
    executor = nullcontext() if request.executor is None else worker_pool(request.executor, None, request.chains)
    with bars(request.progress) as tell, executor as pool, ThreadPoolExecutor(min(request.chains, cores())) as threads:
        run = Run(request, checkpoint, tell, pool.executor if pool else threads, remote=pool is not None)
        try:
            run.warm_up()
            tree = run.sample()
        except BrokenExecutor as error:
            raise UsageError(
                f"worker processes that ran chains ended unexpectedly ({error}). A fit with a checkpoint has saved its progress: the same "
                "call continues from it"
            ) from error
    return Sampled(tree, run.seconds, run.attributes(), run.notes, run.earlier)


def _sentence(attrs: Mapping[str, object], draws: str) -> str:
    return (
        f"The posterior was sampled by particle Gibbs with ancestor sampling (Lindsten, Jordan & Schön, 2014; {attrs['particles_of_a_filter']} particles): "
        "courses of hidden choices by conditional particle filters, whose particles carry candidates for the parameters of their participant "
        "(Fearnhead & Meligkotsidou, 2016), and all parameters given courses by Hamiltonian Monte Carlo with exact "
        f"gradients, in turn: {draws}, each after {attrs['sweeps_per_draw']} such turns."
    )


def _figures(attrs: Mapping[str, object], stats: object) -> list[tuple[str, str]]:
    return [
        ("gradients", f"{attrs['gradients']:,}"),
        ("particles of a filter", f"{attrs['particles_of_a_filter']}"),
        ("draws of each participant's hidden choices", f"{attrs['sweeps']:,} per chain"),
        (
            "hidden choices drawn anew, at the trial where it is rarest",
            f"{np.nanmin(json.loads(str(attrs['renewal']))):.1%} of draws",
        ),
    ]


NAME = "particle-gibbs"

SAMPLER = Sampler(
    NAME, "particle Gibbs with ancestor sampling", needs_gradient=False, needs_courses=True, preferred=4, sample=sample, sentence=_sentence,
    figures=_figures, works=("particle-gibbs", "ancestor-sampling", "candidates"),
)  # fmt: skip
