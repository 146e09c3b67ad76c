"""Effective sample size per second of fits with a hidden choice: ``python -m benchmarks.hidden_sampling [--data FOLDER]``.

The same hierarchical posterior of ``TaskSets`` is sampled by ``tw.fit`` and by particle Metropolis within Gibbs
without emulators: in every sweep, a draw from the group and steps around the current value are proposed for each participant,
each accepted or rejected by its own estimate (100 particles); then means and spreads are drawn given the participants (conjugate,
and by slice sampling). Both target the true posterior; their means are printed side by side. The effective sample size is
min(bulk, tail) over all group means and spreads; seconds run from the call to the last draw, without compilation.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sampling import effective_size

PARTICLES, CHAINS = 100, 4
STEPS = (0.15, 0.5, 1.0)
"""Sizes of the steps of one sweep, relative to the current group spread."""


def metropolis_within_gibbs(learner: Any, trials: Any, minutes: float, seed: int) -> Any:
    """Sweeps of four chains for a number of minutes, without the first half, as a tree; and the number of sweeps."""
    import xarray as xr

    from trialwise.likelihoods.filter_streams import FreshStreams
    from trialwise.likelihoods.kinds import likelihood_of
    from trialwise.population.population import population_of

    streams, population = FreshStreams(trials, seed, "estimates"), population_of(learner, trials)
    prior = population.prior
    likelihood = likelihood_of(learner, trials, particles=PARTICLES, filters=1, streams=streams)
    random, participants, size = np.random.default_rng(seed), trials.n_participants, len(learner.names)
    participant = np.tile(np.arange(participants), CHAINS)
    mu = prior.mean + 0.3 * random.standard_normal((CHAINS, size))
    sd = np.tile(prior.spread, (CHAINS, 1))
    u = mu[:, None] + sd[:, None] * random.standard_normal((CHAINS, participants, size))

    def estimate(points):
        result = likelihood.value(points.reshape(-1, size), participant).log_likelihood
        return np.where(np.isfinite(result), result, -1e10).reshape(CHAINS, participants)

    value, stored = estimate(u), []
    end = time.perf_counter() + 60 * minutes
    while time.perf_counter() < end:
        group_draw = mu[:, None] + sd[:, None] * random.standard_normal(u.shape)
        for step in (None, *STEPS):
            proposal = group_draw if step is None else u + step * sd[:, None] * random.standard_normal(u.shape)
            result = estimate(proposal)
            gain = result - value
            if step is not None:
                gain = gain - 0.5 * (
                    ((proposal - mu[:, None]) / sd[:, None]) ** 2 - ((u - mu[:, None]) / sd[:, None]) ** 2
                ).sum(2)
            accept = np.log(random.random(gain.shape)) < gain
            u, value = np.where(accept[..., None], proposal, u), np.where(accept, result, value)
        mu, sd = population.given_participants(u, sd, random)
        stored.append(np.concatenate([mu, sd], 1))
    draws = np.stack(stored[len(stored) // 2 :], 1)
    names = [f"{name}_{part}" for part in ("mu", "sd") for name in learner.names]
    posterior = xr.Dataset({name: (("chain", "draw"), draws[..., k]) for k, name in enumerate(names)})
    return xr.DataTree.from_dict({"posterior": posterior}), len(stored)


def main() -> None:
    """Print one row per method of sampling, then the posteriors side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", default=os.environ.get("TRIALWISE_ALIEN_HUMANS", "bundled"), help="folder, or bundled"
    )
    parser.add_argument("--fit", type=Path, help="a stored fit of these data, instead of a new one")
    parser.add_argument("--minutes", type=float, default=10.0, help="duration of Metropolis within Gibbs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    import trialwise as tw

    bundled = options.data == "bundled"
    trials = tw.load_data("alien_task_sets")[0] if bundled else tw.read_wide(Path(options.data))
    learner = tw.learners.TaskSets(initial=1.2)
    names = [f"{name}_{part}" for name in learner.names for part in ("mu", "sd")]
    fit = tw.load(options.fit) if options.fit else tw.fit(learner, trials, seed=options.seed)
    plain, sweeps = metropolis_within_gibbs(learner, trials, options.minutes, options.seed)
    size = fit.tree["posterior"].sizes
    rows = (
        ("tw.fit", fit.tree, f"{size['chain']} x {size['draw']}", fit.attrs["seconds"]),
        ("Metropolis within Gibbs", plain, f"{CHAINS} x {sweeps}", 60 * options.minutes),
    )
    print(f"{learner!r}, {trials!r}, data: {'bundled' if bundled else 'human'}")
    print(f"{'way':24s} {'draws':>10s} {'seconds':>8s} {'min ESS':>8s} {'ESS/s':>8s} {'R-hat':>7s}")
    tables = []
    for name, tree, draws, seconds in rows:
        ess, r_hat, table = effective_size(tree, names)
        tables.append(table)
        print(f"{name:24s} {draws:>10s} {seconds:8.0f} {ess:8.0f} {ess / seconds:8.3f} {r_hat:7.3f}")
    print(f"\n{'mean (standard deviation)':24s} {'tw.fit':>20s} {'within Gibbs':>20s}")
    for name in names:
        print(f"{name:24s}" + "".join(f" {t.loc[name, 'mean']:11.3f} ({t.loc[name, 'sd']:.3f})" for t in tables))


if __name__ == "__main__":
    main()
