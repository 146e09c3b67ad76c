"""Simulation-based calibration of a fit with formulas: ``python scripts/calibration_designs.py [--fits 200]``.

Two groups of participants with two sessions each: ``alpha ~ group + session``, ``beta ~ session``, with the values of both parameters in
sessions correlated within participants. Writes ``docs/calibration_designs.txt`` and ``docs/calibration_designs.png``. Finished fits are
stored in ``--work``: a second run, or one for more fits, continues.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import trialwise as tw
from calibration import report
from trialwise.base.streams import stream, stream_seed
from trialwise.data.trials import Trials
from trialwise.inference.sampler import Request
from trialwise.inference.samplers.nuts import sample
from trialwise.learners.learner import Learner
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.designs.build import designed
from trialwise.population.population import Population, population_of
from trialwise.studies.ranks import rank, thinned

PARTICIPANTS, TRIALS, SEED, RANKS = 20, 100, 2027, 100
FORMULAS = {"alpha": "group + session", "beta": "session"}
DRAWS, TUNE, CHAINS = 500, 300, 2


@dataclass(frozen=True)
class TwoGroupsTwoSessions:
    """One data set after another: true values from the prior, simulated choices, a fit, and ranks of the true values."""

    learner: Learner
    population: Population

    def __call__(self, number: int) -> dict[str, np.ndarray]:
        """The ranks of the true values of one data set among draws of its posterior."""
        import arviz_stats

        start = time.perf_counter()
        design = self.population.matrices(0)
        drawn = self.population.draw(design.rows, stream(SEED, "true parameters", part=number))
        simulation = tw.simulate(
            self.learner, environment(), self.population.natural(drawn.u), participants=list(range(design.rows)),
            seed=stream_seed(SEED, "simulated data set", part=number),
        )  # fmt: skip
        likelihood = likelihood_of(self.learner, simulation.trials)
        seed = stream_seed(SEED, "fit of a data set", part=number)
        run = sample(Request(likelihood, self.population, DRAWS, TUNE, CHAINS, seed, progress=False))
        truth = self.population.by_name(*drawn[:3])
        posterior = run.tree["posterior"]
        draws = {name: thinned(posterior[name].to_numpy().ravel(), RANKS) for name in truth}
        result = {name: rank(value, draws[name]) for name, value in truth.items()}
        for k, name in enumerate(self.population.names):
            values = thinned(posterior["individual"].to_numpy()[:, :, 0, k].ravel(), RANKS)
            result[f"{name}[0]"] = rank(drawn.u[0, k], values)
        table = arviz_stats.summary(run.tree, var_names=list(truth), round_to="none").astype(float)
        return {
            "quantities": np.array(list(result)),
            "ranks": np.array(list(result.values())),
            "r_hat": np.array(table["r_hat"].max()),
            "ess": np.array(table[["ess_bulk", "ess_tail"]].min().min()),
            "draws": np.array(DRAWS * CHAINS),
            "divergences": np.array(int(run.tree["sample_stats"]["diverging"].sum())),
            "problems": np.array(""),
            "seconds": np.array(time.perf_counter() - start),
        }


def environment() -> tw.environments.ProbabilisticReversal:
    """The task of every session."""
    return tw.environments.ProbabilisticReversal(trials=TRIALS)


def template() -> Trials:
    """Trials with the columns of the formulas; their choices do not matter."""
    import pandas as pd

    shape = (PARTICIPANTS, 2, TRIALS)
    participant, session, trial = (index.ravel() for index in np.indices(shape))
    rows = pd.DataFrame(
        {"participant": participant, "session": session, "trial": trial, "choice": trial % 2, "outcome": trial % 2}
    )
    return tw.read_long(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--work", type=Path, default=Path("results_calibration"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    from trialwise.studies.calibration_study import calibration_of
    from trialwise.studies.resume import run_pieces
    from trialwise.studies.store import Store

    learner = tw.QLearning().fix(forget=0)
    people = {"participant": list(range(PARTICIPANTS)), "group": ["patient", "control"] * (PARTICIPANTS // 2)}
    built = designed(learner.names, learner, template(), FORMULAS, people, correlated=True)
    population = population_of(learner, 0.5, design=built.design)
    study = TwoGroupsTwoSessions(learner, population)
    about = {"learner": repr(learner), "design": repr(FORMULAS)}
    store = Store(options.work, "calibrate-designs", (study.learner, FORMULAS, PARTICIPANTS, TRIALS), about)
    pieces = run_pieces(study, range(options.fits), store, workers=options.workers, stage="calibrating")
    calibration = calibration_of(repr(learner), pieces)
    formulas = "; ".join(f"{name} ~ {right}" for name, right in FORMULAS.items())
    head = [
        f"Simulation-based calibration: {len(calibration.ranks)} fits of {PARTICIPANTS} agents in two groups x 2 sessions x {TRIALS} trials",
        f"{learner!r}, {formulas}; effects of each parameter correlated; default priors, from which true values are drawn",
    ]
    report(calibration, options.out, "calibration_designs", head)


if __name__ == "__main__":
    main()
