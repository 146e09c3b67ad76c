"""Calibration of particle Gibbs where the right answer is known: ``python scripts/calibration_belief.py [--fits 100]``.

Groups of agents with a hidden belief about which of two options is better, a Markov chain whose probability to stay depends on the last outcome.
The same model is fitted twice: declared a Markov chain, so that the likelihood is an exact forward sum and NUTS draws, and with the last belief as
part of the learner's state, so that courses of beliefs are drawn by particle Gibbs. Reports the ranks of true values among the draws of the
latter, and the distances between the posterior means, and mean absolute deviations, of the two in units of their Monte Carlo errors, whose mean square
should be 1.

Writes ``docs/calibration_belief.txt`` and ``.png`` when all fits are finished. They are stored in ``--work``: after ``--minutes`` the
script stops, and a second run continues.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import trialwise as tw
from calibration import distributions, group_prior, in_stages, report, text
from distances import distances

PRIOR = {"beta": (0.7, 0.4, 0.4), "stay": (1.5, 0.6, 0.5), "leave": (-0.5, 0.6, 0.5)}
"""Normal(mean, width) of a group mean and HalfNormal(spread) of a group spread, unconstrained."""

AGENTS, TRIALS, SEED, CHAINS, DRAWS = 5, 80, 2030, 2, 750


@tw.learner
class Belief:
    """A belief about which option is better, a Markov chain: it stays with one probability after a reward, with another after none."""

    beta: float = tw.positive("weight of the belief")
    stay: float = tw.unit("probability to keep the belief after a reward")
    leave: float = tw.unit("probability to keep the belief without a reward")
    options: int = tw.hidden(2, "the better option", markov=True)

    def start(self, task):
        return task.table(2, fill=0.0)

    def hide(self, outcomes, trial, last, preference):
        for option in range(len(preference)):
            preference[option] = 0.0
        if last >= 0:
            kept = outcomes[0] * self.stay + (1.0 - outcomes[0]) * self.leave
            preference[last] = np.log(kept / (1.0 - kept))

    def choose(self, outcomes, trial, belief, preference):
        for option in range(len(preference)):
            preference[option] = 0.0
        preference[belief] = self.beta

    def learn(self, outcomes, trial, choice, outcome):
        outcomes[0] = outcome


@tw.learner
class BeliefInState:
    """The same with the last belief as part of the state."""

    beta: float = tw.positive("weight of the belief")
    stay: float = tw.unit("probability to keep the belief after a reward")
    leave: float = tw.unit("probability to keep the belief without a reward")
    options: int = tw.hidden(2, "the better option")

    def start(self, task):
        return task.table(3, fill=0.0)

    def hide(self, state, trial, preference):
        kept = state[2] * self.stay + (1.0 - state[2]) * self.leave
        for option in range(len(preference)):
            preference[option] = state[option] * np.log(kept / (1.0 - kept))

    def choose(self, state, trial, belief, preference):
        for option in range(len(preference)):
            preference[option] = 0.0
        preference[belief] = self.beta

    def learn(self, state, trial, belief, choice, outcome):
        state[0] = 0.0
        state[1] = 0.0
        state[belief] = 1.0
        state[2] = outcome


def both_fits(number: int, draws: int) -> tuple[Any, Any, Any]:
    """What is true of a group, drawn from the prior; its fit by particle Gibbs with so many draws per chain, and that with the exact forward sum."""
    from trialwise.base.streams import stream, stream_seed
    from trialwise.population.population import Population

    prior = group_prior(PRIOR)
    learner: Any = Belief()
    population = Population(learner.parameters, "partial", prior, {}, {})
    truth = population.draw(AGENTS, stream(SEED, "true parameters", part=number))
    task, seed = (
        tw.environments.ProbabilisticReversal(trials=TRIALS),
        stream_seed(SEED, "simulated data set", part=number),
    )
    trials = tw.simulate(Belief(), task, population.natural(truth.u), seed).trials
    settings = {
        "priors": distributions(PRIOR),
        "chains": CHAINS,
        "progress": False,
        "seed": stream_seed(SEED, "fit of a data set", part=number),
    }
    fit = tw.fit(BeliefInState(), trials, draws=draws, **settings)
    return truth, fit, tw.fit(Belief(), trials, draws=1000, **settings)


@dataclass(frozen=True)
class Pair:
    """Ranks of what is true among the draws by particle Gibbs, and distances between both fits: a function of the group's number."""

    draws: int

    def __call__(self, number: int) -> dict[str, np.ndarray]:
        from trialwise.inference.draws import Draws, row_label
        from trialwise.studies.calibration import RANKS
        from trialwise.studies.ranks import rank, thinned

        start = time.perf_counter()
        truth, fit, exact = both_fits(number, self.draws)
        names = [f"{name}_{part}" for part in ("mu", "sd") for name in PRIOR]
        draws = fit.tree["posterior"]
        group = np.stack([draws[name].values for name in names], -1).reshape(-1, 1, len(names))
        each = (
            Draws(draws.to_dataset(), tuple(PRIOR), "partial", AGENTS).unconstrained().reshape(-1, AGENTS, len(PRIOR))
        )
        true = dict(zip(names, np.concatenate([truth.coefficients, truth.spreads]), strict=True))
        result = {name: rank(true[name], thinned(group, RANKS)[:, 0, k]) for k, name in enumerate(names)}
        for k, name in enumerate(PRIOR):
            result[row_label(name, 0)] = rank(truth.u[0, k], thinned(each, RANKS)[:, 0, k])
        table = fit.group().loc[names]
        return {
            "quantities": np.array(list(result)), "ranks": np.array(list(result.values())), "r_hat": np.array(table["r_hat"].max()),
            "ess": np.array(table[["ess_bulk", "ess_tail"]].min().min()), "draws": np.array(CHAINS * self.draws),
            "divergences": np.array(int(fit.tree["sample_stats"]["diverging"].sum())), "problems": np.array(""),
            "seconds": np.array(time.perf_counter() - start), "distances": distances(fit, exact),
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--work", type=Path, default=Path("results_calibration_belief"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    from trialwise.studies.calibration_study import calibration_of
    from trialwise.studies.resume import run_pieces
    from trialwise.studies.store import Store

    pair, pieces = Pair(DRAWS), {}
    store = Store(options.work, "calibrate-belief", (pair, PRIOR), {"learner": repr(BeliefInState())})

    def study_of(fits: int) -> Any:
        pieces.update(run_pieces(pair, range(fits), store, workers=options.workers, progress=False))
        return calibration_of(repr(BeliefInState()), pieces)

    study = in_stages(study_of, options.fits, options.minutes)
    if study is None:
        return
    between = np.array([piece["distances"] for piece in pieces.values() if "distances" in piece])
    means, spreads = between[:, 0], between[:, 1]
    head = [
        f"Simulation-based calibration: {len(study.ranks)} groups of {AGENTS} agents x {TRIALS} trials with a hidden belief, by particle Gibbs",
        f"prior: {text(PRIOR)}",
        f"against the exact forward sum, in Monte Carlo errors: mean square distance of means {np.mean(means**2):.2f}, of absolute deviations "
        f"{np.mean(spreads**2):.2f}; largest of {between.size} distances {np.abs(between).max():.1f}",
    ]
    report(study, options.out, "calibration_belief", head)


if __name__ == "__main__":
    main()
