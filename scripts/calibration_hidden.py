"""Simulation-based calibration of fits with a hidden choice: ``python scripts/calibration_hidden.py one|group [--fits 200]``.

As ``calibration.py``, for ``TaskSets``: of one agent alone, and of small groups. Besides the parameters the log-likelihood is a
test quantity (Modrak et al. 2023, arXiv:2211.02383): estimated by particles at the truth and at the draws alike, with noise of
its own each time, which leaves ranks uniform if draws are right.

Writes ``docs/calibration_hidden_one.txt`` and ``.png``, or those of ``group``. Each finished fit is kept in
``calibration_hidden_*.jsonl`` beside this file's folder until the study is done; started again, it goes on from there.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from calibration import RANKS, report, told

PRIOR = {
    "alpha": (-1.0, 0.6, 0.5), "beta": (0.5, 0.4, 0.4), "forget": (-3.0, 0.6, 0.5),
    "alpha_high": (-1.0, 0.6, 0.5), "beta_high": (0.3, 0.5, 0.4), "forget_high": (-3.0, 0.6, 0.5),
}  # fmt: skip
"""Normal(mean, width) of a group mean and HalfNormal(spread) of a group spread, unconstrained."""

PRESENTATIONS, AGENTS, DRAWS, CHAINS = 3, {"one": 1, "group": 5}, {"one": 250, "group": 300}, 2


def alone() -> None:
    """One core for each worker."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})


def one_fit(kind: str, number: int) -> dict[str, float]:
    """Ranks, from 0 to RANKS, of the true values of one simulated data set; and how sampling went."""
    import arviz_stats
    import pymc as pm

    import trialwise as tw
    from trialwise.engine.packed import pack
    from trialwise.inference.checkpoint import Checkpoint
    from trialwise.inference.estimates import Estimator
    from trialwise.inference.particle import sample_particles
    from trialwise.priors import GroupPrior

    random = np.random.default_rng([2027, len(kind), number])
    learner, truth, agents, true_u = tw.TaskSets(initial=1.2), {}, {}, []
    prior = GroupPrior(*(np.array(column) for column in zip(*PRIOR.values(), strict=True)))
    for k, parameter in enumerate(learner.parameters):
        name = parameter.name
        if kind == "group":
            mu, sd = random.normal(prior.mean[k], prior.width[k]), abs(random.normal(0, prior.spread[k]))
            truth |= {f"{name}_mu": mu, f"{name}_sd": sd}
            u = random.normal(mu, sd, AGENTS[kind])
        else:
            u = random.normal(prior.mean[k], prior.total[k], 1)
        truth[f"{name}[0]"] = u[0]
        true_u.append(u[0])
        agents[name] = parameter.constrain(u)
    trials = tw.simulate(learner, tw.AlienTask(presentations=PRESENTATIONS), agents, seed=number).trials
    packed = pack(learner, trials)
    if kind == "group":
        priors = {}
        for name, (mean, width, spread) in PRIOR.items():
            priors |= {f"{name}_mu": pm.Normal.dist(mean, width), f"{name}_sd": pm.HalfNormal.dist(spread)}
        fit = tw.fit(learner, trials, draws=DRAWS[kind], chains=CHAINS, seed=number, priors=priors, progress=False)
        tree, accepted = fit.tree, fit.attrs["acceptance"]
        first = tree["posterior"]["individual"].to_numpy()[:, :, 0]
        draws = {label: tree["posterior"][label].to_numpy() for label in truth if "[" not in label}
    else:
        run = sample_particles(
            learner, packed, trials.participants, prior, "none", draws=DRAWS[kind], chains=CHAINS, seed=number,
            checkpoint=Checkpoint(None), tell=lambda stage, share: None, lacks=None,
        )  # fmt: skip
        tree, accepted = run.tree, run.attributes["acceptance"]
        first = np.stack([tree["posterior"][f"{name}_unconstrained"].to_numpy()[..., 0] for name in learner.names], -1)
        draws = {}
    draws |= {f"{name}[0]": first[..., k] for k, name in enumerate(learner.names)}
    estimate = Estimator(learner, packed, 10**6 + number)
    thin = first.reshape(-1, first.shape[-1])[:: first.shape[0] * first.shape[1] // RANKS][:RANKS]
    values = estimate(np.concatenate([[true_u], thin]), np.zeros(RANKS + 1, int), 200)
    checked = [label for label in draws if label in tree["posterior"]] if kind == "group" else list(learner.names)
    table = arviz_stats.summary(tree, var_names=checked, round_to="none").astype(float)
    found = {"number": float(number), "r_hat": float(table["r_hat"].max()), "divergences": 0.0, "acceptance": accepted}
    for label, each in draws.items():
        thinned = each.ravel()[:: each.size // RANKS][:RANKS]
        found[label] = float((thinned < truth[label]).sum())
    found["log-likelihood[0]"] = float((values[1:] < values[0]).sum())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["one", "group"])
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()
    kept = options.out / f"calibration_hidden_{options.kind}.jsonl"
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    missing = sorted(set(range(options.fits)) - {int(row["number"]) for row in rows})
    with ProcessPoolExecutor(options.workers, initializer=alone) as pool:
        for row in pool.map(partial(one_fit, options.kind), missing):
            rows.append(row)
            with open(kept, "a") as stream:
                stream.write(json.dumps(row) + "\n")
            print(f"\r{len(rows)} of {options.fits}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rows = sorted((row for row in rows if row["number"] < options.fits), key=lambda row: row["number"])
    accepted = np.array([row.pop("acceptance") for row in rows])
    total = {name: (m, round(float(np.hypot(w, s)), 3)) for name, (m, w, s) in PRIOR.items()}
    words = "; ".join(f"{name} ~ Normal{pair}, unconstrained" for name, pair in total.items())
    head = [
        f"Simulation-based calibration: {len(rows)} fits of {AGENTS[options.kind]} agent{'s' * (options.kind == 'group')} x "
        f"{PRESENTATIONS * 36} trials, TaskSets(initial=1.2), the task set hidden",
        f"prior: {told(PRIOR) if options.kind == 'group' else words}",
        f"proposals accepted: median {np.median(accepted):.2f}, smallest {accepted.min():.2f}",
    ]
    report(rows, options.out, f"calibration_hidden_{options.kind}", head)
    kept.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
