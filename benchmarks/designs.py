"""Fits with groups and sessions beside Stan and PyMC: ``python -m benchmarks.designs [agree] [speed] [human]``.

``agree``: the posterior of a design with two groups and of one with two sessions, beside Stan's; differences of means and standard
deviations in units of their Monte Carlo error.

``speed``: participants with two sessions each, ``alpha ~ session``, ``beta ~ session``, correlated; effective draws a second (the smallest of bulk and
tail over all parameters of the group) of trialwise, of Stan, and of PyMC with a scan, sampled in turn. Compilation is left out everywhere.

``human``: flat Q-learning of the alien data, with two made-up groups and a made-up covariate on all three parameters, beside the fit without.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.bandit import LEARNER, Bandit, two_groups, two_sessions

SEED = 2029
Sampled = tuple[dict[str, np.ndarray], float, int]
"""Draws of the group's parameters by name, ``(chains, draws)``; seconds; divergences."""


def with_trialwise(bandit: Bandit, draws: int, tune: int, chains: int, seed: int) -> Sampled:
    import trialwise as tw

    settings: dict[str, Any] = {"draws": draws, "tune": tune, "chains": chains, "seed": seed, "progress": False}
    fit = tw.fit(LEARNER, bandit.trials, **settings, **bandit.arguments)
    posterior = fit.tree["posterior"]
    found = {name: posterior[name].to_numpy() for name in names_of(bandit)}
    return found, float(fit.attrs["seconds_of_sampling"]), int(fit.tree["sample_stats"]["diverging"].sum())


def with_stan(bandit: Bandit, draws: int, tune: int, chains: int, seed: int) -> Sampled:
    from benchmarks.peers.stan_designs import sample

    return sample(bandit, draws, tune, chains, seed)


def with_pymc(bandit: Bandit, draws: int, tune: int, chains: int, seed: int) -> Sampled:
    from benchmarks.peers.pymc_designs import sample

    return sample(bandit, draws, tune, chains, seed)


def names_of(bandit: Bandit) -> list[str]:
    """The group's parameters."""
    every = [(*t.coefficients, *t.spreads, t.correlation) for t in bandit.terms.values()]
    return [name for names in every for name in names if name]


def effective(draws: np.ndarray) -> float:
    """The smaller of the bulk and the tail effective sample size."""
    import arviz_stats

    return float(min(arviz_stats.ess(draws, method="bulk"), arviz_stats.ess(draws, method="tail", prob=(0.05, 0.95))))


def agree() -> None:
    """Two posteriors side by side."""
    import arviz_stats

    for bandit, label in (
        (two_groups(24, 100, SEED), "24 participants in two groups"),
        (two_sessions(24, 100, SEED), "24 x two sessions"),
    ):
        ours = with_trialwise(bandit, 2500, 1000, 4, SEED)[0]
        stan = with_stan(bandit, 2500, 1000, 4, SEED)[0]
        print(
            f"\n{label} x 100 trials, {bandit.arguments['formulas']}; 10 000 draws each; differences in Monte Carlo errors"
        )
        print(f"{'':42s}{'trialwise':>18s}{'Stan':>18s}{'mean':>8s}{'SD':>8s}")
        worst = 0.0
        for name in names_of(bandit):
            pair = [ours[name], stan[name]]
            gaps = []
            for method in ("mean", "sd"):
                first, second = (float(x.mean() if method == "mean" else x.std()) for x in pair)
                errors = [float(arviz_stats.mcse(x, method=method)) for x in pair]
                gaps.append((first - second) / float(np.hypot(*errors)))
            worst = max(worst, *map(abs, gaps))
            cells = "".join(f"{f'{x.mean():.3f} ({x.std():.3f})':>18s}" for x in pair)
            print(f"{name:42s}{cells}{gaps[0]:8.2f}{gaps[1]:8.2f}")
        print(f"largest {worst:.2f}, of {2 * len(names_of(bandit))}")


def speed(participants: int, trials: int, ways: list[str], draws_of_peers: int) -> None:
    """Effective draws a second, side by side."""
    import arviz_stats

    methods: dict[str, tuple[Callable[..., Sampled], int, int]] = {
        "trialwise": (with_trialwise, 1000, 1000), "stan": (with_stan, draws_of_peers, draws_of_peers), "pymc": (with_pymc, draws_of_peers, draws_of_peers),
    }  # fmt: skip
    bandit = two_sessions(participants, trials, SEED)
    with_trialwise(two_sessions(6, 20, SEED), 10, 10, 2, SEED)  # compiles
    print(
        f"\n{participants} participants x 2 sessions x {trials} trials, {bandit.arguments['formulas']}, correlated; 2 chains on {os.cpu_count()} cores"
    )
    print(f"{'':12s}{'draws':>7s}{'seconds':>9s}{'min ESS':>9s}{'ESS/s':>9s}{'R-hat':>8s}{'diverg':>8s}{'ratio':>8s}")
    reference = None
    for way in ways:
        sample, draws, tune = methods[way]
        found, seconds, diverged = sample(bandit, draws, tune, 2, SEED)
        size = min(effective(values) for values in found.values())
        r_hat = max(float(arviz_stats.rhat(values)) for values in found.values())
        rate = size / seconds
        reference = reference or rate
        print(
            f"{way:12s}{2 * draws:7d}{seconds:9.1f}{size:9.0f}{rate:9.2f}{r_hat:8.3f}{diverged:8d}{reference / rate:8.1f}",
            flush=True,
        )


def human(folder: str) -> None:
    """The cost of a design on real data."""
    import trialwise as tw

    trials = tw.read_wide(Path(folder))
    random = np.random.default_rng(SEED)
    labels = list(trials.participants)
    people = {
        "participant": labels,
        "group": random.permutation(["a", "b"] * len(labels))[: len(labels)],
        "age": random.normal(30, 8, len(labels)),
    }
    learner = tw.QLearning(initial=1.2)
    design: dict[str, Any] = {"formulas": dict.fromkeys(learner.names, "group + age"), "participants": people}
    tw.fit(learner, trials.first(20), draws=10, tune=50, chains=2, seed=SEED, progress=False)  # compiles
    print(f"\nhuman data, {learner!r}, {design['formulas']}; made-up groups and covariate")
    print(f"{'':10s}{'draws':>7s}{'sampling s':>12s}{'whole call':>12s}{'min ESS':>9s}{'R-hat':>8s}{'diverg':>8s}")
    for name, arguments in (("plain", {}), ("design", design), ("plain", {}), ("design", design)):
        start = time.perf_counter()
        fit = tw.fit(learner, trials, seed=SEED, progress=False, **arguments)
        wall, table = time.perf_counter() - start, fit.group()
        size = table[["ess_bulk", "ess_tail"]].min().min()
        print(
            f"{name:10s}{fit.draws.count:7d}{fit.attrs['seconds_of_sampling']:12.2f}{wall:12.2f}{size:9.0f}{table['r_hat'].max():8.4f}"
            f"{int(fit.tree['sample_stats']['diverging'].sum()):8d}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["agree", "speed", "human", []])
    parser.add_argument("--participants", type=int, default=100)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument(
        "--draws", type=int, default=250, help="draws, and tuning steps, of each chain of Stan and PyMC"
    )
    parser.add_argument("--ways", nargs="*", default=["trialwise", "stan", "pymc"])
    parser.add_argument("--data", default=os.environ.get("TRIALWISE_ALIEN_HUMANS"), help="folder of the human data")
    options = parser.parse_args()
    parts = options.parts or ["agree", "speed", "human"]
    if "agree" in parts:
        agree()
    if "speed" in parts:
        speed(options.participants, options.trials, options.ways, options.draws)
    if "human" in parts:
        human(options.data)


if __name__ == "__main__":
    main()
