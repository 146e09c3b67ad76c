"""Time and noise of a likelihood with a hidden choice: ``python -m benchmarks.particles``.

The agents of the bundled ``alien_task_sets`` at their true parameters, one core. Each implementation estimates the same likelihood by the
same number of particles; before timing, its mean over many estimates is compared with trialwise's. Medians and minima of
many calls are printed; the standard deviation is that of the logarithm of one estimate.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np


def numpy_filter(data, values, particles, random, initial=1.2):
    """A common NumPy implementation: particles in the first axis of the tables."""
    alpha, beta, forget, alpha_high, beta_high, forget_high = values
    low, high = np.full((particles, 3, 4, 3), initial), np.full((particles, 3, 3), initial)
    index, total = np.arange(particles), 0.0
    weight = np.full(particles, 1.0 / particles)
    for context, cue, action, reward in zip(*data, strict=True):
        logits = beta_high * high[:, context]
        p_set = np.exp(logits - logits.max(1, keepdims=True))
        p_set /= p_set.sum(1, keepdims=True)
        logits = beta * low[:, :, cue]
        p_action = np.exp(logits - logits.max(2, keepdims=True))
        joint = p_set * (p_action / p_action.sum(2, keepdims=True))[:, :, action]
        mass = joint.sum(1)
        chosen = (np.cumsum(joint, 1) < (random.random(particles) * mass)[:, None]).sum(1)
        weight *= mass
        evidence = weight.sum()
        total += np.log(evidence)
        weight /= evidence
        low += forget * (initial - low)
        high += forget_high * (initial - high)
        low[index, chosen, cue, action] += alpha * (reward - low[index, chosen, cue, action])
        high[index, context, chosen] += alpha_high * (reward - high[index, context, chosen])
        if 1.0 / (weight**2).sum() < particles / 2:
            ancestors = np.searchsorted(np.cumsum(weight), (np.arange(particles) + random.random()) / particles)
            ancestors = np.minimum(ancestors, particles - 1)
            low, high, weight = low[ancestors], high[ancestors], np.full(particles, 1.0 / particles)
    return total


def timed(call, turns):
    """Median and minimum of the seconds of a call."""
    seconds = []
    for _ in range(turns):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), min(seconds)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--particles", type=int, default=100)
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    import trialwise as tw
    from trialwise.engine.packing import pack
    from trialwise.engine.run_hidden import run_particles, stream_keys

    trials, truth = tw.load_data("alien_task_sets")
    learner, names = tw.learners.TaskSets(initial=1.2), [name for name in truth if name != "participant"]
    packed, parameters = pack(learner, trials), truth[names].to_numpy()
    index = np.arange(30)

    def filters(particles, scored=False, participants=index, packed=packed, repeats=1):
        jobs = np.tile(participants, repeats)
        keys = stream_keys(jobs.astype(np.uint64), np.arange(len(jobs)))
        return run_particles(learner, packed, parameters[jobs], jobs, keys, particles, scored=scored, threads=1)

    filters(options.particles), filters(options.particles, True)
    noise = filters(options.particles, repeats=100).log_likelihood.reshape(100, 30)
    data = [trials.columns["context"].values, trials.columns["cue"].values, trials.choice, trials.outcome["outcome"]]
    first = [column[:440] for column in data]
    random = np.random.default_rng(0)
    estimates = [numpy_filter(first, parameters[0], options.particles, random) for _ in range(20)]
    assert abs(np.mean(estimates) - noise[:, 0].mean()) < 4 * np.std(estimates) / np.sqrt(20) + 0.05, (
        "NumPy's filter disagrees"
    )
    print(f"one likelihood of 440 trials by {options.particles} particles, one core: milliseconds, median (minimum)")
    value = timed(lambda: filters(options.particles), options.turns)
    score = timed(lambda: filters(options.particles, True), options.turns)
    peer = timed(lambda: numpy_filter(first, parameters[0], options.particles, random), options.turns)
    for name, (median, least), per in (("value", value, 30), ("value and score", score, 30), ("NumPy, value", peer, 1)):
        print(
            f"  {name:18s} {1e3 * median / per:8.2f}  ({1e3 * least / per:.2f})   x {peer[0] / (median / per):.1f} of NumPy"
        )
    spread = noise.std(0)
    print(
        f"standard deviation of the logarithm: median {np.median(spread):.2f}, largest {spread.max():.2f}, of 30 agents"
    )
    print(f"  NumPy's, first agent: {np.std(estimates):.2f} (trialwise {spread[0]:.2f})")
    print("milliseconds a value by particles, and by trials: linear if the last column is constant")
    for particles in (25, 50, 100, 200, 400, 800):
        median, _ = timed(lambda: filters(particles), 5)  # noqa: B023
        print(
            f"  {particles:4d} particles {1e3 * median / 30:8.2f}  {1e9 * median / 30 / 440 / particles:6.1f} ns a particle and trial"
        )
    for count in (55, 110, 220, 440):
        short = tw.simulate(learner, tw.environments.AlienTask(trials=count), truth, seed=1).trials
        small = pack(learner, short)
        median, _ = timed(lambda: filters(100, packed=small), 5)  # noqa: B023
        print(
            f"  {count:4d} trials    {1e3 * median / 30:8.2f}  {1e9 * median / 30 / count / 100:6.1f} ns a particle and trial"
        )


if __name__ == "__main__":
    main()
