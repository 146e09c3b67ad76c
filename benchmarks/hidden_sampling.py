"""Cost and effective draws of fits with a hidden choice: ``python -m benchmarks.hidden_sampling [--data FOLDER] [--particles 16 32 64]``.

``TaskSets`` is fitted hierarchically by particle Gibbs. The first table has a row for each number of particles: sweeps over parameters and
courses of hidden choices, seconds without warm-up, the effective sample size, min(bulk, tail) over all group means and spreads, and the effective draws
a second of the whole fit. The second table says how the cost of a sweep of one chain grows with trials, participants and particles, each alone, for
simulated agents: seconds, and their ratio to those of the smallest number beside the ratio of the numbers. Cost is linear where both are equal.

Each fit runs in a process of its own, whose peak memory is printed; seconds are without compilation.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

BASE = {"trials": 110, "participants": 8, "particles": 32}
"""Of simulated agents, in the second table."""

FACTORS = (1, 2, 4)
"""Multiples of each number there."""

TRUTH = {"alpha": (0.05, 0.3), "beta": (1, 5), "forget": (0, 0.1), "alpha_high": (0.05, 0.3), "beta_high": (1, 5), "forget_high": (0, 0.1)}  # fmt: skip
"""Ranges of the true parameters of simulated agents."""


class Job(NamedTuple):
    """A fit: of data in a folder, bundled or simulated, or of the first ``participants`` and ``trials`` of them."""

    data: str
    participants: int | None
    trials: int | None
    particles: int
    draws: int | None
    chains: int
    seed: int


class Measured(NamedTuple):
    """What a fit took: sweeps of each chain, draws, seconds of warm-up and of all, effective sample size, R-hat, and memory in MB."""

    size: str
    draws: int
    sweeps: int
    warm_up: float
    seconds: float
    ess: float
    r_hat: float
    memory: float


def measured(job: Job) -> Measured:
    """Fit, in a process for nothing else."""
    import trialwise as tw
    from benchmarks.sampling import effective_size
    from trialwise.inference.samplers.particle_gibbs import run

    learner = tw.learners.TaskSets(initial=1.2)
    if job.data == "simulated":
        trials = tw.simulate(
            learner, tw.environments.AlienTask(), TRUTH, participants=job.participants or 8, seed=1
        ).trials
    else:
        trials = tw.load_data("alien_task_sets")[0] if job.data == "bundled" else tw.read_wide(Path(job.data))
    trials = trials.select(trials.participants[: job.participants])
    trials = trials.first(job.trials) if job.trials else trials
    run.PARTICLES = job.particles
    tw.fit(
        learner, trials.select(trials.participants[:2]).first(20), draws=2, chains=1, progress=False
    )  # compiles or loads
    fit = tw.fit(learner, trials, draws=job.draws, chains=job.chains, seed=job.seed, progress=False)
    assert fit.attrs["particles_of_a_filter"] == job.particles
    names = [f"{name}_{part}" for name in learner.names for part in ("mu", "sd")]
    ess, r_hat, _ = effective_size(fit.tree, names)
    attrs = fit.attrs
    return Measured(
        f"{trials.n_participants} x {trials.lengths.max()}", fit.tree["posterior"].sizes["draw"], attrs["sweeps"], attrs["seconds_of_warm_up"],
        attrs["seconds_of_sampling"], ess, r_hat, attrs["peak_memory_mb"],
    )  # fmt: skip


def alone(job: Job) -> Measured:
    """:func:`measured` in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measured, job).result()


def effective(options: argparse.Namespace) -> None:
    """Print the first table."""
    print(f"TaskSets(initial=1.2), data: {options.data if options.data in ('bundled', 'simulated') else 'human'}")
    print(
        f"{'people x trials':>16s} {'particles':>9s} {'draws':>9s} {'sweeps':>7s} {'warm-up':>8s} {'seconds':>8s} {'a sweep':>9s} {'min ESS':>8s} "
        f"{'sweeps/ESS':>10s} {'ESS/s':>7s} {'R-hat':>7s} {'MB':>6s}"
    )
    for particles in options.particles:
        m = alone(
            Job(
                options.data,
                options.participants,
                options.trials,
                particles,
                options.draws,
                options.chains,
                options.seed,
            )
        )
        print(
            f"{m.size:>16s} {particles:9d} {f'{options.chains} x {m.draws}':>9s} {m.sweeps:7d} {m.warm_up:8.1f} {m.seconds - m.warm_up:8.1f} "
            f"{(m.seconds - m.warm_up) / m.sweeps:9.5f} {m.ess:8.0f} {options.chains * m.sweeps / m.ess:10.1f} {m.ess / m.seconds:7.3f} "
            f"{m.r_hat:7.3f} {m.memory:6.0f}",
            flush=True,
        )


def growth(options: argparse.Namespace) -> None:
    """Print the second table."""
    whole = ", ".join(f"{number} {name}" for name, number in BASE.items())
    print(
        f"\nsimulated agents, {whole} where nothing else is said; one chain, {options.sweep_draws} draws after warm-up"
    )
    print(f"{'':>16s} {'times':>6s} {'a sweep':>9s} {'ratio':>6s} {'ratio/times':>11s} {'MB':>6s}")
    for name, number in BASE.items():
        first = 0.0
        for factor in FACTORS:
            sizes = BASE | {name: number * factor}
            m = alone(
                Job(
                    "simulated",
                    sizes["participants"],
                    sizes["trials"],
                    sizes["particles"],
                    options.sweep_draws,
                    1,
                    options.seed,
                )
            )
            sweep = (m.seconds - m.warm_up) / m.sweeps
            first = first or sweep
            print(
                f"{f'{sizes[name]} {name}':>16s} {factor:6d} {sweep:9.5f} {sweep / first:6.2f} {sweep / first / factor:11.2f} {m.memory:6.0f}",
                flush=True,
            )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    human = os.environ.get("TRIALWISE_ALIEN_HUMANS", "bundled")
    parser.add_argument("--data", default=human, help="folder, bundled or simulated")
    parser.add_argument("--participants", type=int, help="only the first")
    parser.add_argument("--trials", type=int, help="only the first of each participant")
    parser.add_argument("--particles", type=int, nargs="*", default=[32], help="a row each")
    parser.add_argument("--draws", type=int, help="per chain; until there are enough if left out")
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument(
        "--sweep-draws", type=int, default=100, help="per chain in the second table; 0 for no such table"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    effective(options)
    if options.sweep_draws:
        growth(options)


if __name__ == "__main__":
    main()
