"""``TaskSets`` and ``QLearning`` fitted to the human data of the alien task: ``python scripts/human_task_sets.py FOLDER``.

Fits both hierarchically, compares them for each participant by integrated likelihoods, and estimates how long the previous
season's task set stays in use after a switch. FOLDER holds the four files that ``trialwise data alien`` fetches. Fits are stored in ``--work`` and
loaded from there if they exist; one that was interrupted continues from its checkpoint there. Writes ``docs/human_task_sets.txt`` and ``docs/human_task_sets.png``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

AFTER = 12
"""Number of trials after a switch."""

POINTS = 8000
"""Points of each person at which an integrated likelihood is estimated, ten times the usual number: for some people few of them count."""


def after_switch(trials, table):
    """Means over participants and switches of the three probabilities, ``(trials after a switch, 3)``, and the number of values in each mean."""
    probabilities = table[["hidden_current", "hidden_previous", "hidden_other"]].to_numpy()
    context = trials.columns["context"].values
    sums, counts = np.zeros((AFTER, 3)), np.zeros(AFTER)
    for first, end in zip(trials.offsets[:-1], trials.offsets[1:], strict=True):
        switches = [t for t in range(first + 1, end) if context[t] != context[t - 1]]
        for start, stop in zip(switches, [*switches, end][1:], strict=True):
            for k in range(min(AFTER, stop - start)):
                if np.isfinite(probabilities[start + k]).all():
                    sums[k] += probabilities[start + k]
                    counts[k] += 1
    return sums / counts[:, None], counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--work", type=Path, default=Path("results_alien"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--participants", type=int, help="only the first, to try the script")
    parser.add_argument("--trials", type=int, help="only the first of each, to try the script")
    parser.add_argument("--draws", type=int, help="per chain; until there are enough if left out")
    options = parser.parse_args()

    import trialwise as tw
    from trialwise.analysis.comparison.integrated import integrated_likelihood

    options.work.mkdir(exist_ok=True, parents=True)
    trials = tw.read_wide(options.folder)
    trials = trials.select(trials.participants[: options.participants])
    trials = trials.first(options.trials) if options.trials else trials
    fits = {}
    learners = {tw.QLearning(initial=1.2): None, tw.learners.TaskSets(initial=1.2): options.work / "TaskSets.npz"}
    for learner, checkpoint in learners.items():
        stored = options.work / f"{type(learner).__name__}.nc"
        if stored.is_file():
            fits[type(learner).__name__] = tw.load(stored)
            continue
        fit = tw.fit(learner, trials, draws=options.draws, seed=options.seed, checkpoint=checkpoint)
        fit.save(stored)
        fits[type(learner).__name__] = fit
    sets = fits["TaskSets"]
    group = sets.group()[["mean", "sd", "eti89_lb", "eti89_ub", "ess_bulk", "ess_tail", "r_hat"]]
    size, attrs = sets.tree["posterior"].sizes, sets.attrs
    lines = [
        f"The human data of the alien task ({trials.n_participants} people, {trials.lengths.max()} trials each) under TaskSets(initial=1.2), the task set hidden",
        f"by {attrs['sampler']}: {size['chain']} chains of {size['draw']} draws, each after {attrs['sweeps_per_draw']} sweeps, "
        f"{attrs['particles_of_a_filter']} particles, {attrs['seconds'] / 60:.1f} minutes (warm-up {attrs['seconds_of_warm_up'] / 60:.1f}), "
        f"peak memory {attrs['peak_memory_mb']:.0f} MB",
        f"hidden choice drawn anew, at the trial where that is rarest: {np.nanmin(json.loads(attrs['renewal'])):.1%} of sweeps for the participant with "
        f"the fewest; divergent transitions: {int(sets.tree['sample_stats']['diverging'].sum())}",
        f"problems: {'; '.join(sets.problems) or 'none'}; notes: {'; '.join(sets.notes) or 'none'}",
        "",
        group.round(3).to_string(),
        "",
        "integrated log-likelihood of each person, task sets less flat (positive: task sets describe the person better)",
    ]
    integrated = {name: integrated_likelihood(fit, POINTS) for name, fit in fits.items()}
    gain = integrated["TaskSets"]["log_likelihood"] - integrated["QLearning"]["log_likelihood"]
    error = np.hypot(integrated["TaskSets"]["standard_error"], integrated["QLearning"]["standard_error"])
    table = integrated["TaskSets"].assign(flat=integrated["QLearning"]["log_likelihood"], gain=gain, error=error)
    uncertain = ", ".join(str(person) for person in table["participant"][table["effective"] < POINTS / 10])
    table["effective"] = table["effective"].round().astype(int)
    lines += [
        table[["participant", "log_likelihood", "flat", "gain", "error", "effective"]].round(2).to_string(index=False)
    ]
    lines += [
        f"sum {gain.sum():.1f} (Monte Carlo error {np.sqrt((error**2).sum()):.1f}); task sets better for {(gain > 0).sum()} of "
        f"{len(gain)}; mean {gain.mean():.2f}, standard error over people {gain.std(ddof=1) / np.sqrt(len(gain)):.2f}",
        f"fewer than a tenth of the {POINTS} points of a person are effective, so that error and likelihood are less certain: {uncertain or 'nobody'}",
        "",
        "which task set is in use after a switch of season (smoothed, at posterior means; means over people and switches)",
        "settled on for:  the current season   the previous one   another      n",
    ]
    probabilities, counts = after_switch(trials, sets.trial_values())
    for k, (row, n) in enumerate(zip(probabilities, counts, strict=True)):
        lines.append(
            f"  trial {k + 1:2d}            {row[0]:8.3f}           {row[1]:8.3f}          {row[2]:8.3f}    {int(n):5d}"
        )
    options.out.mkdir(exist_ok=True)
    (options.out / "human_task_sets.txt").write_text("\n".join(line.rstrip() for line in lines) + "\n")
    print("\n".join(lines))

    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    order = np.argsort(gain.to_numpy())
    left.axhline(0, color="0.7", linewidth=1)
    left.errorbar(np.arange(len(gain)), gain.to_numpy()[order], yerr=error.to_numpy()[order], fmt="o", markersize=4)
    left.set_xlabel("person, in order")
    left.set_ylabel("integrated log-likelihood,\ntask sets less flat")
    for k, name in enumerate(("the current season", "the previous season", "another")):
        right.plot(np.arange(1, AFTER + 1), probabilities[:, k], "o-", markersize=4, label=name)
    right.set_xlabel("trial after a switch of season")
    right.set_ylabel("probability that the set in use\nis the one settled on for ...")
    right.set_ylim(0, None)
    right.legend(frameon=False, fontsize=9, loc="center right", bbox_to_anchor=(1.0, 0.65))
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(options.out / "human_task_sets.png", dpi=120)


if __name__ == "__main__":
    main()
