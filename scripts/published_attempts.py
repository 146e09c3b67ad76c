"""Consequences of the errors in published analyses of the forum thread's data: ``python scripts/published_attempts.py FOLDER``.

Each error that can be written as a learner, or as a change of the data, is compared with the correct version on the human data: the
initial value, rewards truncated to integers, values of the previous trial's row, frozen noise. The cost of the
hierarchical fit is measured. FOLDER holds the four files that ``trialwise data alien`` fetches. Writes ``docs/published_attempts.txt``.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "examples"))

SEQUENCES = 20
"""Number of sequences of frozen draws."""

PLAUSIBLE = {"alpha": 0.2, "beta": 1.2, "forget": 0.05, "alpha_high": 0.2, "beta_high": 1.0, "forget_high": 0.05}
"""The parameters at which likelihoods of task sets are compared."""


def data(trials):
    """The participants' behaviour, by the measures of the authors of the task."""
    from trialwise.analysis.behaviour import accuracy, after_switch, below_criterion, scored
    from trialwise.environments.tasks.alien_rewards import MEANS

    frame = scored(trials, MEANS)
    correct = accuracy(frame)["accuracy"]
    first = after_switch(frame).xs(1, axis=1, level=1)
    pooled = frame[(frame["previous"] >= 0) & (frame["position"] == 1)][["correct", "fits_previous"]].mean()
    return [
        "# data",
        f"{trials.n_participants} participants, {trials.n_trials} trials; right choices {correct.mean():.3f} "
        f"(SD {correct.std():.3f}, {correct.min():.3f} to {correct.max():.3f})",
        f"below the criterion of .35: participant {', '.join(below_criterion(frame))}",
        f"first trial after a switch ({int(first['current'].notna().sum())} participants): right {pooled['correct']:.3f}, "
        f"right in the previous season {pooled['fits_previous']:.3f}",
    ]


def flat(trials):
    """Maximum log-likelihoods of flat learning, with separate parameters for each participant, and of the errors."""
    import trialwise as tw
    from published_attempts import ShiftedRow

    truncated = replace(trials, outcome={name: np.floor(values) for name, values in trials.outcome.items()})
    result = {
        f"Q0 = {q:.3g}": tw.point(tw.QLearning(initial=q), trials).log_likelihood for q in (0.12, 1.0, 1.2, 5 / 3)
    }
    result["Q0 = 1.2, rewards cut to whole numbers"] = tw.point(tw.QLearning(initial=1.2), truncated).log_likelihood
    result["Q0 = 1.2, the row of the trial before"] = tw.point(ShiftedRow(), trials).log_likelihood
    result["guessing"] = trials.n_trials * np.log(1 / 3)
    mean = np.mean(trials.outcome["outcome"] - truncated.outcome["outcome"])
    return [
        "# flat",
        "greatest log-likelihood, three parameters a participant, summed over participants:",
        *(f"  {name:<42}{value:10.0f}" for name, value in result.items()),
        f"cutting takes {mean:.2f} off the mean reward",
    ]


def frozen(trials, seed):
    """The likelihood of task sets at one parameter point: integrated over the hidden choices, and given sequences of frozen draws."""
    import trialwise as tw
    from published_attempts import FrozenTaskSets

    integrated = tw.log_likelihood(tw.learners.TaskSets(initial=1.2), trials, PLAUSIBLE, particles=1000)
    random = np.random.default_rng(seed)
    frame, sums, zero_slopes = trials.to_frame(), [], []
    for _ in range(SEQUENCES):
        draws = random.random(int(trials.lengths.max()))  # one per trial, shared by all participants, as published
        with_draws = tw.read_long(
            frame.assign(draw=draws[frame["trial"] - 1]), numbers=["draw"], levels=dict(trials.levels)
        )
        value, slope = tw.log_likelihood(FrozenTaskSets(), with_draws, PLAUSIBLE, gradient=True)
        sums.append(value.sum())
        zero_slopes.append([np.mean(slope[name] == 0) for name in ("alpha_high", "beta_high", "forget_high")])
    at = ", ".join(f"{name} = {value:g}" for name, value in PLAUSIBLE.items())
    return [
        "# frozen",
        f"log-likelihood of task sets, summed over participants, at {at}:",
        f"  all courses of the sets, by 1000 particles   {integrated.sum():10.0f}",
        f"  one course, {SEQUENCES} sequences of frozen draws      {np.mean(sums):10.0f}   (SD {np.std(sums, ddof=1):.0f}, "
        f"{min(sums):.0f} to {max(sums):.0f})",
        "share of participants and sequences with a slope of exactly 0 in alpha_high, beta_high, forget_high: "
        + ", ".join(f"{share:.2f}" for share in np.mean(zero_slopes, 0)),
    ]


def fit(trials, seed):
    """Time, memory and the trade-off of learning rate and inverse temperature in the hierarchical fit of flat learning."""
    import time

    import trialwise as tw
    from trialwise.base.cores import cores

    cpu = time.process_time()
    fitted = tw.fit(tw.QLearning(initial=1.2), trials, seed=seed)
    cpu = time.process_time() - cpu
    posterior = fitted.tree["posterior"]
    alpha, beta = (np.log(posterior[name].to_numpy().reshape(-1, trials.n_participants)) for name in ("alpha", "beta"))
    correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(alpha.T, beta.T, strict=True)]
    group, ess = fitted.group(), fitted.group()[["ess_bulk", "ess_tail"]].to_numpy().min()
    product = np.exp(alpha + beta)
    return [
        "# fit",
        f"QLearning(initial=1.2), {posterior.sizes['chain']} chains of {posterior.sizes['draw']} draws: "
        f"{cpu:.0f} s of computing time ({fitted.attrs['seconds']:.0f} s by the clock on {cores()} cores), "
        f"peak memory of the process {fitted.attrs['peak_memory_mb']:.0f} MB, {len(fitted.problems)} problems",
        f"smallest effective number of draws of the group {ess:.0f}, largest R-hat {group['r_hat'].max():.3f}",
        f"log alpha and log beta of a participant: posterior correlation {np.median(correlation):.2f} "
        f"(median; {min(correlation):.2f} to {max(correlation):.2f})",
        "posterior SD over mean, median of participants: "
        + ", ".join(
            f"{name} {np.median(values.std(0) / values.mean(0)):.2f}"
            for name, values in (("alpha", np.exp(alpha)), ("beta", np.exp(beta)), ("alpha x beta", product))
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    import trialwise as tw

    trials = tw.read_wide(options.folder)
    parts = [data(trials), flat(trials), frozen(trials, options.seed), fit(trials, options.seed)]
    text = "\n\n".join("\n".join(part) for part in parts) + "\n"
    print(text)
    (options.out / "published_attempts.txt").write_text(text)


if __name__ == "__main__":
    main()
