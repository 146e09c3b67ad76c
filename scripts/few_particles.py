"""Whether the number of particles changes the posterior: ``python scripts/few_particles.py``.

Particle Gibbs draws from the exact posterior however few its particles are: with fewer, courses of hidden choices only renew more slowly. Fits ``TaskSets``
hierarchically to 5 agents of 40 trials with 4, 8 and 32 particles, and reports posterior means and spreads, and the distances between them in
Monte Carlo errors.

Writes ``docs/few_particles.txt``.
"""

from __future__ import annotations

import argparse
import os
from itertools import combinations
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from calibration import distributions, text
from calibration_hidden import PRIOR
from distances import distances, group_draws

AGENTS, TRIALS, CHAINS, SEED = 5, 40, 12, 2031
PARTICLES = (4, 8, 32)
TRUTH = {
    "alpha": (0.2, 0.5),
    "beta": (1.0, 3.0),
    "forget": (0.0, 0.1),
    "alpha_high": (0.2, 0.5),
    "beta_high": (1.0, 2.5),
    "forget_high": (0.0, 0.1),
}
"""Ranges of the agents' true parameters."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=6000, help="per chain")
    parser.add_argument("--work", type=Path, default=Path("results_few_particles"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    import trialwise as tw
    from trialwise.inference.samplers.particle_gibbs import run

    options.work.mkdir(exist_ok=True, parents=True)
    learner, task = tw.learners.TaskSets(initial=1.2), tw.environments.AlienTask(trials=TRIALS)
    trials = tw.simulate(learner, task, TRUTH, participants=AGENTS, seed=SEED).trials
    fits = {}
    for particles in PARTICLES:
        run.PARTICLES = particles
        stored = options.work / f"{particles}_{CHAINS}x{options.draws}.nc"
        if not stored.is_file():
            tw.fit(
                learner, trials, draws=options.draws, chains=CHAINS, seed=SEED + particles, priors=distributions(PRIOR), progress=False,
            ).save(stored)  # fmt: skip
        fits[particles] = tw.load(stored)
        assert fits[particles].attrs["particles_of_a_filter"] == particles
    names, _ = group_draws(fits[PARTICLES[0]])
    lines = [
        f"Particle Gibbs with few particles: {learner!r}, {AGENTS} agents x {TRIALS} trials, {CHAINS} chains x {options.draws} draws",
        f"prior: {text(PRIOR)}",
        "",
        "mean (standard deviation) of the posterior, effective draws",
        f"{'':16s}" + "".join(f"{f'{particles} particles':>24s}" for particles in PARTICLES),
    ]
    for name in names:
        row = [fits[particles].group().loc[name] for particles in PARTICLES]
        lines.append(
            f"{name:16s}"
            + "".join(f"{f'{each["mean"]:.3f} ({each["sd"]:.3f}) {each["ess_bulk"]:6.0f}':>24s}" for each in row)
        )
    lines += [
        "",
        "distances in Monte Carlo errors, of means and of mean absolute deviations: root mean square (wanted about 1), largest",
    ]
    for one, other in combinations(PARTICLES, 2):
        between = distances(fits[one], fits[other])
        lines.append(
            f"{one:3d} and {other:2d} particles: {np.sqrt(np.mean(between**2)):.2f}, {np.abs(between).max():.2f} of {between.size}"
        )
    options.out.mkdir(exist_ok=True)
    (options.out / "few_particles.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
