"""The published prior predictive of the alien task: ``python scripts/prior_predictive.py [--sets 2048]``.

Eckstein & Collins (2020, PNAS 117(47):29381) compared models by data sets simulated from a prior, each of 26 agents with the same
parameters: rates uniform from 0 to 1, inverse temperatures from 1 to 20. Their code of December 2019 printed the mean and standard
deviation of four statistics over 120 000 data sets of each model. This script simulates the same, in the variants that the history of the
code leaves open (value before any outcome, noise of rewards), and compares. Writes ``docs/prior_predictive.txt``.

Statistics, over agents and blocks of a data set: accuracy and perseveration (choices correct in the previous season) on the first trial after a
switch of season, without the first switch; the hidden-season slope, accuracy on trials 1 to 4 after a switch weighted by -1.5, -0.5, 0.5, 1.5;
and the share of preferences for the richer season minus that for the richer alien.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

import trialwise as tw
from trialwise.analysis.behaviour.tasks.alien_phases import preferred
from trialwise.base.files import write
from trialwise.environments import Environment, Noise, Shown
from trialwise.environments.tasks.alien import NOISE, SEASON_ORDERS
from trialwise.environments.tasks.alien_rewards import correct_action
from trialwise.learners.learner import Learner

PUBLISHED = {
    "flat": {"slope": (0.000, 0.065), "accuracy": (0.355, 0.093), "perseveration": (0.330, 0.037), "preference": (-0.046, 0.067)},
    "task sets": {"slope": (0.032, 0.081), "accuracy": (0.308, 0.041), "perseveration": (0.444, 0.096), "preference": (0.044, 0.044)},
    "Bayes": {"slope": (0.009, 0.067), "accuracy": (0.315, 0.038), "perseveration": (0.415, 0.106), "preference": (0.040, 0.039)},
}  # fmt: skip
"""Mean and standard deviation over data sets, printed with three digits."""

SETS = 120_000
"""The number of data sets behind the published figures."""

ORDERS = np.repeat(np.arange(6), (6, 5, 10, 1, 3, 6))
"""The number of participants with each order of seasons, whose sequences the agents receive."""

RATES = ("alpha", "forget", "alpha_high", "forget_high")
PHASES = ("initial", "comparison", "hidden")


class Variant(NamedTuple):
    """The variants that the history of the code leaves open."""

    initial: float
    noise: Noise

    def learners(self) -> dict[str, Learner]:
        """The three models."""
        flat = tw.learners.AlienQLearning(initial=self.initial, frozen=True).fix(beta_high=0.0, beta_test=1.0)
        return {
            "flat": flat,
            "task sets": tw.learners.AlienTaskSets(initial=self.initial, frozen=True).fix(beta_test=1.0),
            "Bayes": tw.learners.AlienHierarchicalBayes(published=True, frozen=True, right_above=0.5).fix(
                beta_test=1.0
            ),
        }


class FixedSequences(Environment):
    """Fixed sequences of the experiment's phases, all equally likely; outcomes are rewards, or only whether a choice was correct."""

    levels = tw.environments.AlienExperiment.levels

    def __init__(self, shown: list[Shown], noise: Noise, only_correctness: bool):
        self.shown, self.only_correctness = shown, only_correctness
        self.experiment = tw.environments.AlienExperiment(phases=PHASES, noise=noise)

    def show(self, random: np.random.Generator) -> Shown:
        return self.shown[int(random.random() * len(self.shown))]

    def potential(self, shown: Shown, random: np.random.Generator) -> np.ndarray:
        if not self.only_correctness:
            return self.experiment.potential(shown, random)
        means = self.experiment.means(shown)
        return np.where((shown["asked"] > 0)[:, None], np.nan, means > 1)


def sequences(seed: int = 0) -> list[Shown]:
    """One sequence for each participant of the public data, initial learning in that participant's order of seasons."""
    random, experiment, result = np.random.default_rng(seed), tw.environments.AlienExperiment(phases=PHASES), []
    for order in ORDERS:
        while True:
            shown = experiment.show(random)
            if (shown["season"][: 9 * 52 : 52] == SEASON_ORDERS[order]).all():
                break
        result.append(shown)
    return result


def parameters(learner: Learner, share: np.ndarray, agents: int) -> dict[str, np.ndarray]:
    """Parameters of each agent, from ``share (sets, parameters)`` in the unit cube."""
    ranges = {name: (0, 1) if name in RATES else (1, 20) for name in learner.names}
    return {
        name: np.repeat(low + (high - low) * share[:, k], agents)
        for k, (name, (low, high)) in enumerate(ranges.items())
    }


def statistics(trials: tw.Trials, sets: int) -> dict[str, np.ndarray]:
    """The four statistics of each data set, ``(sets,)``."""
    phase, names = trials.columns["phase"].values, tw.environments.AlienExperiment.levels["phase"]

    def blocks(name: str, *shape: int) -> tuple[np.ndarray, ...]:
        rows = phase == names.index(name)
        columns = (trials.columns["season"].values, trials.columns["cue"].values, trials.choice)
        return tuple(values[rows].reshape(sets, -1, *shape) for values in columns)

    season, cue, choice = blocks("initial", 9, 52)
    current, previous, first_cue, first_choice = (
        season[:, :, 2:, 0],
        season[:, :, 1:-1, 0],
        cue[:, :, 2:, 0],
        choice[:, :, 2:, 0],
    )
    result = {
        "accuracy": (first_choice == correct_action(current, first_cue)).mean((1, 2)),
        "perseveration": (first_choice == correct_action(previous, first_cue)).mean((1, 2)),
    }
    season, cue, choice = (values[..., :4] for values in blocks("hidden", 9, 40))
    result["slope"] = (choice == correct_action(season, cue)).mean((1, 2)) @ np.array([-1.5, -0.5, 0.5, 1.5])
    comparison = phase == names.index("comparison")
    preference = preferred(trials)[comparison].reshape(sets, -1, 60)
    asked = trials.columns["asked"].values[comparison].reshape(sets, -1, 60)
    seasons, aliens = (np.nanmean(np.where(asked == kind, preference, np.nan), axis=(1, 2)) for kind in (1, 2))
    result["preference"] = seasons - aliens
    return result


def simulated(
    variant: Variant, model: str, sets: int, agents: int, seed: int = 0, chunk: int = 60
) -> dict[str, np.ndarray]:
    """Statistics of data sets whose parameters cover the prior evenly."""
    from scipy.stats import qmc

    learner = variant.learners()[model]
    share = qmc.Sobol(len(learner.names), seed=seed).random(sets)
    environment = FixedSequences(sequences(), variant.noise, only_correctness=model == "Bayes")
    statistics_of_parts = []
    for first in range(0, sets, chunk):
        part = share[first : first + chunk]
        labels = [f"{first}-{n}" for n in range(len(part) * agents)]
        data = tw.simulate(learner, environment, parameters(learner, part, agents), seed, participants=labels)
        statistics_of_parts.append(statistics(data.trials, len(part)))
    return {name: np.concatenate([part[name] for part in statistics_of_parts]) for name in PUBLISHED[model]}


def line(model: str, name: str, values: np.ndarray) -> tuple[str, bool]:
    """A row of the table, and whether the published mean is within four standard errors and its rounding."""
    mean, sd = PUBLISHED[model][name]
    error = np.hypot(values.std() / np.sqrt(len(values)), sd / np.sqrt(SETS))
    gap = values.mean() - mean
    agrees = abs(gap) <= 4 * error + 0.0005
    row = f"{model:10}{name:14}{mean:10.3f}{values.mean():10.3f}{gap:10.4f}{error:9.4f}{sd:10.3f}{values.std():8.3f}"
    return f"{row}  {'agrees' if agrees else 'DIFFERS'}", bool(agrees)


STATED, *OTHERS = (
    (f"value before any outcome {initial:.3g}, noise of rewards {NOISE[word].sd}", Variant(initial, NOISE[word]))
    for initial in (1.2, 1.0, 5 / 3)
    for word in ("experiment", "paper")
)
"""The variant of December 2019, and those of earlier and later code and of the text."""


def load_or_simulate(
    work: Path, name: str, variant: Variant, model: str, sets: int, agents: int
) -> dict[str, np.ndarray]:
    """Statistics, loaded if an earlier run has stored them, so that an interrupted run continues."""
    file = work / f"{variant.initial:.3g}_{variant.noise.sd}_{model.replace(' ', '_')}_{sets}_{agents}.npz"
    if not file.exists():
        sys.stderr.write(f"{name}: {model}\n")
        result = simulated(variant, model, sets, agents)
        content = io.BytesIO()
        np.savez(content, **result)
        write(file, content.getvalue())
    with np.load(file) as stored:
        return {statistic: stored[statistic] for statistic in PUBLISHED[model]}


def report(sets: int, others: int, agents: int, work: Path) -> str:
    """The text of ``docs/prior_predictive.txt``."""
    head = (
        f"{'model':10}{'statistic':14}{'published':>10}{'here':>10}{'gap':>10}{'error':>9}{'SD publ.':>10}{'here':>8}"
    )
    lines = [
        "Prior predictive of the alien task, published by Eckstein & Collins (code of December 2019) and simulated here",
        f"{agents} agents a data set; error: standard error of the gap; agrees: within four of them and the rounding",
    ]
    for number, (name, variant) in enumerate((STATED, *OTHERS)):
        count = others if number else sets
        lines += ["", f"{'instead: ' if number else 'as in that code: '}{name}; {count} data sets of each model", head]
        for model in PUBLISHED:
            if number and model == "Bayes":
                continue  # learns only from whether choices were correct, starting at 1/3: the variants do not apply
            result = load_or_simulate(work, name, variant, model, count, agents)
            lines += [line(model, statistic, values)[0] for statistic, values in result.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=2048, help="data sets of each model")
    parser.add_argument("--others", type=int, default=512, help="data sets of each other variant")
    parser.add_argument("--agents", type=int, default=26, help="agents per data set")
    parser.add_argument("--work", type=Path, default=Path("prior_predictive_work"), help="folder for finished parts")
    parser.add_argument("--out", type=Path, default=Path("docs/prior_predictive.txt"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    text = report(options.sets, options.others, options.agents, options.work)
    write(options.out, text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
