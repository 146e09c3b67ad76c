"""Simulation-based calibration of the hierarchical fit: ``python scripts/calibration.py [--fits 200]``.

Group means and spreads are drawn from a prior, agents from the group, choices from agents; the model is fitted with that
prior, and the rank of each true value among its posterior draws is kept. If sampler and model are right, ranks are
uniform (Talts et al. 2018, arXiv:1804.06788). Of agents the ranks of the first one count, whose true values are
independent from fit to fit.

Writes ``docs/calibration.txt`` and ``docs/calibration.png``. The prior is narrower than the default one, so that agents
behave like people and not at random; ranges are in the table.
"""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

PRIOR = {"alpha": (-1.5, 0.7, 0.6), "beta": (0.7, 0.5, 0.4), "forget": (-2.5, 0.7, 0.6)}
"""Normal(mean, width) of a group mean and HalfNormal(spread) of a group spread, unconstrained."""

AGENTS, PRESENTATIONS, RANKS = 12, 5, 100


def one_fit(number: int) -> dict[str, float]:
    """Ranks, from 0 to RANKS, of the true values of one simulated group; and how sampling went."""
    import pymc as pm

    import trialwise as tw

    random = np.random.default_rng([2026, number])
    learner = tw.QLearning(initial=1.2)
    truth, agents = {}, {}
    for parameter in learner.parameters:
        name, (mean, width, spread) = parameter.name, PRIOR[parameter.name]
        mu, sd = random.normal(mean, width), abs(random.normal(0, spread))
        u = random.normal(mu, sd, AGENTS)
        truth |= {f"{name}_mu": mu, f"{name}_sd": sd, f"{name}[0]": u[0]}
        agents[name] = parameter.constrain(u)
    trials = tw.simulate(learner, tw.AlienTask(presentations=PRESENTATIONS), agents, seed=number).trials
    priors = {}
    for name, (mean, width, spread) in PRIOR.items():
        priors |= {f"{name}_mu": pm.Normal.dist(mean, width), f"{name}_sd": pm.HalfNormal.dist(spread)}
    fit = tw.fit(learner, trials, draws=500, tune=300, chains=2, seed=number, priors=priors, progress=False)
    posterior = fit.tree["posterior"]
    found = {"number": float(number), "r_hat": float(fit.group()["r_hat"].max())}
    found["divergences"] = float(fit.tree["sample_stats"]["diverging"].sum())
    for k, name in enumerate(learner.names):
        draws = {
            f"{name}_mu": posterior[f"{name}_mu"],
            f"{name}_sd": posterior[f"{name}_sd"],
            f"{name}[0]": posterior["individual"].isel(participant=0, parameter=k),
        }
        for label, values in draws.items():
            thinned = values.to_numpy().ravel()[:: values.size // RANKS][:RANKS]
            found[label] = float((thinned < truth[label]).sum())
    return found


def told(prior: dict[str, tuple[float, float, float]]) -> str:
    """A group prior in words."""
    return "; ".join(f"{n}: mu ~ Normal({m}, {w}), sd ~ HalfNormal({s})" for n, (m, w, s) in prior.items())


def band(fits: int, level: float = 0.95, tries: int = 4000) -> float:
    """How far the ECDF of that many uniform ranks strays from the diagonal, with that probability at most."""
    random = np.random.default_rng(0)
    edges = np.arange(RANKS + 1)
    strays = [
        np.abs((random.integers(0, RANKS + 1, (fits, 1)) <= edges).mean(0) - (edges + 1) / (RANKS + 1)).max()
        for _ in range(tries)
    ]
    return float(np.quantile(strays, level))


def stray(ranks: np.ndarray) -> float:
    """The largest distance of the ranks' ECDF from the diagonal."""
    edges = np.arange(RANKS + 1)
    return float(np.abs((ranks[:, None] <= edges).mean(0) - (edges + 1) / (RANKS + 1)).max())


def report(rows: list[dict[str, float]], folder: Path, name: str, head: list[str]) -> None:
    """The table and the picture, ``name.txt`` and ``name.png``; ``head`` says what was fitted."""
    from matplotlib.figure import Figure

    labels = [label for label in rows[0] if label not in ("number", "r_hat", "divergences")]
    ranks = {label: np.array([row[label] for row in rows]) for label in labels}
    single, all_of_them = band(len(rows)), band(len(rows), 0.95 ** (1 / len(labels)))
    lines = [
        *head,
        f"rank of the truth among {RANKS} draws: mean (wanted {RANKS / 2:g}), share in the outer tenth on either side (wanted 0.20),",
        f"largest distance of the ECDF from the diagonal (95 % band {single:.3f}; for all {len(labels)} together {all_of_them:.3f})",
        "",
        f"{'parameter':12s} {'mean rank':>10s} {'outer':>7s} {'distance':>9s}",
    ]
    for label, r in ranks.items():
        outer = ((r < RANKS / 10) | (r > RANKS * 0.9)).mean()
        lines.append(
            f"{label:12s} {r.mean():10.1f} {outer:7.2f} {stray(r):9.3f}{'  outside' if stray(r) > all_of_them else ''}"
        )
    r_hat = np.array([row["r_hat"] for row in rows])
    lines += [
        "",
        f"R-hat (2 chains x 500) above 1.05 in {(r_hat > 1.05).sum()} fits, largest {r_hat.max():.2f}; "
        f"divergences in {sum(row['divergences'] > 0 for row in rows)} fits",
    ]
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    across = 3 if len(labels) < 10 else 5
    figure = Figure(figsize=(3 * across, 2.3 * -(-len(labels) // across)), layout="constrained")
    edges = np.arange(RANKS + 1)
    for k, (label, r) in enumerate(ranks.items()):
        axis = figure.add_subplot(-(-len(labels) // across), across, k + 1)
        axis.axhspan(-all_of_them, all_of_them, color="0.92")
        axis.axhline(0, color="0.7", lw=0.8)
        axis.step(edges / RANKS, (r[:, None] <= edges).mean(0) - (edges + 1) / (RANKS + 1), where="post", color="C0")
        axis.set_title(label)
        axis.set_ylim(-2.2 * all_of_them, 2.2 * all_of_them)
    figure.supxlabel("rank of the true value among posterior draws")
    figure.supylabel("ECDF minus diagonal; grey: 95 % band for all together")
    figure.savefig(folder / f"{name}.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()
    rows = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for row in pool.map(one_fit, range(options.fits)):
            rows.append(row)
            print(f"\r{len(rows)} of {options.fits}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    head = [
        f"Simulation-based calibration: {len(rows)} fits of {AGENTS} agents x {PRESENTATIONS * 36} trials, QLearning(initial=1.2)",
        f"prior: {told(PRIOR)}",
    ]
    report(rows, options.out, "calibration", head)


if __name__ == "__main__":
    main()
