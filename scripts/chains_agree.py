"""Whether chains of particle Gibbs agree, whatever the seed: ``python scripts/chains_agree.py [FOLDER] [--seeds 1 2 3 4 5] [--enough 1500]``.

Fits ``TaskSets`` hierarchically to the bundled ``alien_task_sets``, 30 agents of 440 trials, and, if FOLDER holds the four files that
``trialwise data alien`` fetches, to the 31 people, once with each seed. A chain that stands still would show in R-hat: each fit runs until the
fewest effective draws of the group are ``--enough``, and R-hat and time are taken when they were 400, 800 and 1 500.

A fit takes up to an hour. Fits are stored in ``--work``, and one that was interrupted continues from its checkpoint there, so that the script may be
killed and run again. Each adds a line to ``docs/chains_agree.txt``, or replaces that of an earlier fit to the same data with the same seed. Printed are also
how fast each parameter of the group mixes, and the distances between the fits to the same data, of means and mean absolute deviations of these parameters.
"""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np

from distances import distances, group_draws

AFTER = (400, 800, 1500)
"""Effective draws after which R-hat is taken."""

DRAWS, MOST = 1500, 12000
"""Draws per chain of a fit at first, and at most."""

HEAD = f"""\
Chains of particle Gibbs that started apart: TaskSets(initial=1.2), 4 chains; draws per chain (of 4 sweeps each) until the fewest effective draws
of the group, in bulk or tail, are {AFTER[0]}, {AFTER[1]} and {AFTER[2]}, or "-" where a fit ended before; the largest R-hat of the group then; minutes on two cores by then,
start and warm-up included (those of drawing by the share of the draws); number of sweeps for each of the fewest effective draws, over the whole fit

{"data":9s}  seed  {"  ".join(f"{each:5d}   R-hat   min." for each in AFTER)}  sweeps  divergences
"""
"""What stands above the table."""


def fewest(draws: np.ndarray) -> float:
    """The fewest effective draws, in the bulk or the tail."""
    from arviz_stats.base import array_stats

    bulk = array_stats.ess(draws, chain_axis=1, draw_axis=2, method="bulk")
    tail = array_stats.ess(draws, chain_axis=1, draw_axis=2, method="tail", prob=(0.05, 0.95))
    return float(min(bulk.min(), tail.min()))


def largest_r_hat(draws: np.ndarray) -> float:
    """The largest R-hat."""
    from arviz_stats.base import array_stats

    return float(array_stats.rhat(draws, chain_axis=1, draw_axis=2).max())


def when(draws: np.ndarray, effective: int) -> int | None:
    """After how many draws per chain there are so many effective ones, in hundredths of all; None if there never are."""
    steps = np.linspace(0, draws.shape[2], 101).astype(int)[5:]
    return next((int(count) for count in steps if fewest(draws[:, :, :count]) >= effective), None)


def fitted(trials, seed: int, effective: int, work: Path):
    """The fit with a seed, of as many draws as it takes; loaded if it is stored."""
    import trialwise as tw

    stored, draws = work / f"{seed}_{effective}.nc", DRAWS
    if stored.is_file():
        return tw.load(stored)
    work.mkdir(exist_ok=True, parents=True)
    while True:
        fit = tw.fit(
            tw.learners.TaskSets(initial=1.2), trials, draws=draws, seed=seed, checkpoint=work / f"{seed}.npz", progress=False
        )  # fmt: skip
        enough = fewest(group_draws(fit)[1])
        print(f"{work.name}, seed {seed}: {draws} draws per chain, at least {enough:.0f} effective", flush=True)
        if enough >= effective or draws >= MOST:
            fit.save(stored)
            return fit
        draws = min(MOST, int(draws * min(2.0, 1.1 * effective / enough)))


def row(name: str, seed: int, fit) -> str:
    """A line of the table."""
    draws, parts = group_draws(fit)[1], []
    before = fit.attrs["seconds"] - fit.attrs["seconds_of_sampling"] + fit.attrs["seconds_of_warm_up"]
    for effective in AFTER:
        count = when(draws, effective)
        if count is None:
            parts.append(f"{'-':>5s}  {'':6s}  {'':5s}")
        else:
            minutes = (before + count / draws.shape[2] * (fit.attrs["seconds"] - before)) / 60
            parts.append(f"{count:5d}  {largest_r_hat(draws[:, :, :count]):6.4f}  {minutes:5.1f}")
    sweeps = fit.attrs["sweeps"] * draws.shape[1] / fewest(draws)
    diverged = int(fit.tree["sample_stats"]["diverging"].sum())
    return f"{name:9s}  {seed:4d}  {'  '.join(parts)}  {sweeps:6.0f}  {diverged:11d}"


def mixing(fit) -> str:
    """Sweeps of all chains for each effective draw in the bulk, and effective draws a second, start and warm-up included."""
    from arviz_stats.base import array_stats

    names, draws = group_draws(fit)
    effective = np.array(array_stats.ess(draws, chain_axis=1, draw_axis=2, method="bulk"))
    sweeps = fit.attrs["sweeps"] * draws.shape[1] / effective
    a_second = effective / fit.attrs["seconds"]
    each = ", ".join(f"{name} {count:.0f}" for name, count in zip(names, sweeps, strict=True))
    mean = np.exp(np.log(a_second).mean())
    return (
        f"  sweeps: {each}\n  effective draws a second: {a_second.min():.2f} of the slowest, {mean:.2f} geometric mean"
    )


def add(line: str, table: Path) -> None:
    """Add a line to the table, in place of an earlier one of the same data and seed unless that fit was longer."""
    lines, named = table.read_text().splitlines()[len(HEAD.splitlines()) :] if table.is_file() else [], {}
    for each in sorted([*lines, line], key=lambda each: each.count(" - "), reverse=True):
        data, seed = each.split()[:2]
        named[data, int(seed)] = each
    table.write_text(HEAD + "".join(f"{named[key]}\n" for key in sorted(named)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--enough", type=int, choices=AFTER, default=AFTER[-1], help="effective draws of a fit")
    parser.add_argument("--work", type=Path, default=Path("results_chains"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    import trialwise as tw

    data = {"people": tw.read_wide(options.folder)} if options.folder else {}
    data["simulated"] = tw.load_data("alien_task_sets")[0]
    for name, trials in data.items():
        fits = []
        for seed in options.seeds:
            fits.append(fitted(trials, seed, options.enough, options.work / name))
            line = row(name, seed, fits[-1])
            print(line, mixing(fits[-1]), sep="\n", flush=True)
            add(line, options.out / "chains_agree.txt")
        between = [distances(one, other) for one, other in combinations(fits, 2)]
        if between:
            print(
                f"{name}: distances between fits, in Monte Carlo errors: {np.sqrt(np.mean(np.square(between))):.2f} (root mean square, wanted about 1)"
            )


if __name__ == "__main__":
    main()
