"""Effective sample size per gradient and per second of a hierarchical fit: `python -m benchmarks.sampling [--data FOLDER]`.

The same posterior of flat Q-learning is sampled in three ways by the same NUTS: as `tw.fit` does (whitened coordinates, the
density compiled without a graph), and through the PyMC model, non-centred and centred. The effective sample size is
min(bulk, tail) over all group means and spreads; gradients include tuning and preparation; seconds run from
the call to the last draw, including loading and compilation.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any


def effective_size(tree: Any, names: list[str]) -> tuple[float, float, Any]:
    """Smallest effective sample size, largest R-hat, and the table."""
    import arviz_stats

    table = arviz_stats.summary(tree, var_names=names, round_to="none").astype(float)
    return float(table[["ess_bulk", "ess_tail"]].min().min()), float(table["r_hat"].max()), table


def main() -> None:
    """Print one row per method of sampling, then the posteriors side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", default=os.environ.get("TRIALWISE_ALIEN_HUMANS", "bundled"), help="folder, or bundled"
    )
    parser.add_argument("--plain-draws", type=int, default=1000, help="draws per chain of the plain forms")
    parser.add_argument("--plain", nargs="*", default=["non-centred"], help="non-centred, centred; none: an empty list")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    import trialwise as tw

    trials = tw.load_data("alien_flat")[0] if options.data == "bundled" else tw.read_wide(Path(options.data))
    learner = tw.QLearning(initial=1.2)
    names = [f"{name}_{part}" for name in learner.names for part in ("mu", "sd")]
    tables = {}
    print(f"{learner!r}, {trials!r}, data: {options.data if options.data == 'bundled' else 'human'}")
    print(
        f"{'way':16s} {'draws':>6s} {'gradients':>9s} {'min ESS':>8s} {'ESS/grad':>10s} {'sampling':>9s} {'ESS/s':>8s} "
        f"{'from call':>8s} {'ESS/s':>8s} {'R-hat':>7s} {'diverg':>6s}"
    )
    for method in ("trialwise", "trialwise again", *options.plain):
        start = time.perf_counter()
        if method.startswith("trialwise"):
            fit = tw.fit(learner, trials, seed=options.seed, progress=False)
            tree, gradients = fit.tree, fit.attrs["gradients"]
            sampling = fit.attrs["seconds_of_sampling"]
        else:
            from trialwise.inference.samplers.nuts import ChainSettings, sample_model
            from trialwise.population.pymc.model import build_model

            model = build_model(learner, trials, geometry=method)  # type: ignore[arg-type]
            run = sample_model(model, ChainSettings(options.plain_draws, 1000, 4, options.seed), progress=False)
            tree, gradients, sampling = run.tree, run.gradients, run.seconds
        wall = time.perf_counter() - start
        ess, rhat, tables[method] = effective_size(tree, names)
        divergent = int(tree["sample_stats"]["diverging"].sum())
        draws = tree["posterior"].sizes["chain"] * tree["posterior"].sizes["draw"]
        print(
            f"{method:16s} {draws:6d} {gradients:9d} {ess:8.0f} {ess / gradients:10.4f} {sampling:9.1f} {ess / sampling:8.0f} "
            f"{wall:8.1f} {ess / wall:8.0f} {rhat:7.3f} {divergent:6d}",
            flush=True,
        )
    print("\nmean (sd) of the group's parameters")
    print(f"{'':12s}" + "".join(f"{method:>22s}" for method in tables))
    for name in names:
        cells = [f"{t.loc[name, 'mean']:.3f} ({t.loc[name, 'sd']:.3f})" for t in tables.values()]
        print(f"{name:12s}" + "".join(f"{cell:>22s}" for cell in cells))


if __name__ == "__main__":
    main()
