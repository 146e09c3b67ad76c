"""Effective draws per second of fits with a hidden choice: ``python -m benchmarks.hidden_sampling [--data FOLDER]``.

The same hierarchical posterior of ``TaskSets`` sampled by ``tw.fit``, and by particle Metropolis within Gibbs as one would
write it without emulators: every sweep each participant is offered a draw of the group and steps around the current value,
each accepted or not by an estimate of its own (100 particles), then means and spreads are drawn given the participants (conjugate,
and by slice). Both have the true posterior as their target; their means are printed side by side. Effective draws are
min(bulk, tail) over all group means and spreads; seconds are all, from the call to the last draw, compiling left out.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.sampling import effective

PARTICLES, CHAINS = 100, 4
STEPS = (0.15, 0.5, 1.0)
"""Sizes of the steps of one sweep, relative to the group's spread now."""


def metropolis_within_gibbs(learner: Any, trials: Any, minutes: float, seed: int) -> Any:
    """Sweeps of four chains for some minutes, without the first half, as a tree; and the number of sweeps."""
    import xarray as xr

    from trialwise.likelihoods.filter_streams import FreshStreams
    from trialwise.likelihoods.kinds import likelihood_of
    from trialwise.population.population import population_of

    streams, population = FreshStreams(trials, seed, "estimates"), population_of(learner, trials)
    prior = population.prior
    likelihood = likelihood_of(learner, trials, particles=PARTICLES, filters=1, streams=streams)
    random, people, size = np.random.default_rng(seed), trials.n_participants, len(learner.names)
    unit = np.tile(np.arange(people), CHAINS)
    mu = prior.mean + 0.3 * random.standard_normal((CHAINS, size))
    sd = np.tile(prior.spread, (CHAINS, 1))
    u = mu[:, None] + sd[:, None] * random.standard_normal((CHAINS, people, size))

    def estimated(points):
        result = likelihood.value(points.reshape(-1, size), unit).log_likelihood
        return np.where(np.isfinite(result), result, -1e10).reshape(CHAINS, people)

    value, kept = estimated(u), []
    end = time.perf_counter() + 60 * minutes
    while time.perf_counter() < end:
        fresh = mu[:, None] + sd[:, None] * random.standard_normal(u.shape)
        for step in (None, *STEPS):
            new = fresh if step is None else u + step * sd[:, None] * random.standard_normal(u.shape)
            result = estimated(new)
            gain = result - value
            if step is not None:
                gain = gain - 0.5 * (
                    ((new - mu[:, None]) / sd[:, None]) ** 2 - ((u - mu[:, None]) / sd[:, None]) ** 2
                ).sum(2)
            accept = np.log(random.random(gain.shape)) < gain
            u, value = np.where(accept[..., None], new, u), np.where(accept, result, value)
        mu, sd = population.given_participants(u, sd, random)
        kept.append(np.concatenate([mu, sd], 1))
    draws = np.stack(kept[len(kept) // 2 :], 1)
    names = [f"{name}_{part}" for part in ("mu", "sd") for name in learner.names]
    simulated = xr.Dataset({name: (("chain", "draw"), draws[..., k]) for k, name in enumerate(names)})
    return xr.DataTree.from_dict({"posterior": simulated}), len(kept)


def main() -> None:
    """Print a row a way of sampling, then the posteriors side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", default=os.environ.get("TRIALWISE_ALIEN_HUMANS", "bundled"), help="folder, or bundled"
    )
    parser.add_argument("--fit", type=Path, help="a fit of these data that is at hand, in place of a new one")
    parser.add_argument("--minutes", type=float, default=10.0, help="of Metropolis within Gibbs")
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
        ess, r_hat, table = effective(tree, names)
        tables.append(table)
        print(f"{name:24s} {draws:>10s} {seconds:8.0f} {ess:8.0f} {ess / seconds:8.3f} {r_hat:7.3f}")
    print(f"\n{'mean (standard deviation)':24s} {'tw.fit':>20s} {'within Gibbs':>20s}")
    for name in names:
        print(f"{name:24s}" + "".join(f" {t.loc[name, 'mean']:11.3f} ({t.loc[name, 'sd']:.3f})" for t in tables))


if __name__ == "__main__":
    main()
