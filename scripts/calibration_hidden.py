"""Simulation-based calibration of fits with a hidden choice: ``python scripts/calibration_hidden.py one|group [--fits 200]``.

As ``calibration.py``, for ``TaskSets``: small groups, or single agents, whose prior is the group prior with the group's parameters integrated out. The
log-likelihood among the quantities is estimated by particles, with independent noise at the truth and at each draw, which leaves
ranks uniform if the posterior draws are correct.

Writes ``docs/calibration_hidden_one.txt`` and ``.png``, or those of ``group``, when all fits are finished. They are stored in ``--work``: after
``--minutes`` the script stops, and a second run, or one for more fits, continues.
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

from calibration import distributions, group_prior, in_stages, report, text

PRIOR = {
    "alpha": (-1.0, 0.6, 0.5), "beta": (0.5, 0.4, 0.4), "forget": (-3.0, 0.6, 0.5),
    "alpha_high": (-1.0, 0.6, 0.5), "beta_high": (0.3, 0.5, 0.4), "forget_high": (-3.0, 0.6, 0.5),
}  # fmt: skip
"""Normal(mean, width) of a group mean and HalfNormal(spread) of a group spread, unconstrained."""

PRESENTATIONS, AGENTS, SEED, CHAINS = 3, 5, 2027, 2
DRAWS = {"one": 400, "group": 500}


@dataclass(frozen=True)
class SingleAgent:
    """A fit of one agent with the prior passed directly to the sampler: a function of its number, as in the library's own studies."""

    learner: Any
    environment: Any
    draws: int

    def __call__(self, number: int) -> dict[str, np.ndarray]:
        import arviz_stats

        import trialwise as tw
        from trialwise.analysis.comparison.integrated import integrand, values_at
        from trialwise.base.streams import stream, stream_seed
        from trialwise.inference.draws import Draws, row_label
        from trialwise.inference.sampler import TUNE, Request
        from trialwise.inference.samplers import sampler_for
        from trialwise.likelihoods.kinds import likelihood_of
        from trialwise.population.population import Population
        from trialwise.studies.calibration import RANKS
        from trialwise.studies.calibration_study import LIKELIHOOD, PARTICLES
        from trialwise.studies.ranks import rank, thinned

        start = time.perf_counter()
        random = stream(SEED, "true parameters", part=number)
        simulating = stream_seed(SEED, "simulated data set", part=number)
        fitting = stream_seed(SEED, "fit of a data set", part=number)
        prior = group_prior(PRIOR)
        population = Population(self.learner.parameters, "none", prior, {}, {})
        u = random.normal(prior.mean, prior.total, (1, len(prior.mean)))
        trials = tw.simulate(self.learner, self.environment, population.natural(u), simulating).trials
        likelihood = likelihood_of(self.learner, trials, filters=1)
        request = Request(likelihood, population, self.draws, TUNE, CHAINS, fitting, progress=False)
        tree = sampler_for(likelihood).sample(request).tree
        names = self.learner.names
        draws = Draws(tree["posterior"].to_dataset(), names, population.pooling, 1).unconstrained()
        draws = thinned(draws.reshape(-1, 1, len(names)), RANKS)
        result = {row_label(name, 0): rank(u[0, k], draws[:, 0, k]) for k, name in enumerate(names)}
        values = values_at(integrand(self.learner, trials, PARTICLES, fitting), np.concatenate([u[None], draws])).sum(1)
        result[LIKELIHOOD] = rank(values[0], values[1:])
        table = arviz_stats.summary(tree, var_names=list(names), round_to="none").astype(float)
        return {
            "quantities": np.array(list(result)),
            "ranks": np.array(list(result.values())),
            "r_hat": np.array(table["r_hat"].max()),
            "ess": np.array(table[["ess_bulk", "ess_tail"]].min().min()),
            "draws": np.array(CHAINS * self.draws),
            "divergences": np.array(int(tree["sample_stats"]["diverging"].sum())),
            "problems": np.array(""),
            "seconds": np.array(time.perf_counter() - start),
        }


def adjusted(study: Any) -> str:
    """The mean ranks of the group's spreads, adjusted for the ranks of the true ones in the prior.

    Few agents say little about a spread, so that its rank among the draws is nearly that in the prior. How far the mean of the latter is from 0.5 is
    chance, known, and predicts most of how far the mean of the former is (a control variate).
    """
    from scipy.stats import halfnorm

    import trialwise as tw
    from trialwise.base.streams import stream
    from trialwise.population.population import Population

    prior = group_prior(PRIOR)
    population = Population(tw.learners.TaskSets(initial=1.2).parameters, "partial", prior, {}, {})
    numbers = range(len(study.ranks))
    truth = [
        population.draw(AGENTS, stream(SEED, "true parameters", "calibrate", number)).spreads for number in numbers
    ]
    in_prior = halfnorm.cdf(np.array(truth), scale=prior.spread) - 0.5
    ranks = study.ranks[[f"{name}_sd" for name in PRIOR]].to_numpy() / study.total
    slope = [np.polyfit(x, y, 1)[0] for x, y in zip(in_prior.T, ranks.T, strict=True)]
    rest = ranks - slope * in_prior
    parts = [
        f"{name}_sd {mean:.3f} (standard error {error:.3f})"
        for name, mean, error in zip(PRIOR, rest.mean(0), rest.std(0) / np.sqrt(len(rest)), strict=True)
    ]
    return f"mean ranks of spreads, adjusted for where the true ones lie in the prior: {', '.join(parts)}"


def study_of(kind: str, fits: int, work: Path, workers: int | None) -> Any:
    """The calibration by this many fits, of which those in ``work`` are finished."""
    import trialwise as tw
    from trialwise.studies.calibration_study import calibration_of
    from trialwise.studies.resume import run_pieces
    from trialwise.studies.store import Store

    learner, environment = tw.learners.TaskSets(initial=1.2), tw.environments.AlienTask(presentations=PRESENTATIONS)
    if kind == "group":
        return tw.calibrate(
            learner, environment, fits, AGENTS, seed=SEED, priors=distributions(PRIOR), draws=DRAWS["group"], chains=CHAINS, folder=work,
            workers=workers, progress=False,
        )  # fmt: skip
    single_agent = SingleAgent(learner, environment, DRAWS["one"])
    described = {"learner": repr(learner), "design": repr(environment)}
    store = Store(work, "calibrate-alone", (single_agent, PRIOR), described)
    pieces = run_pieces(single_agent, range(fits), store, workers=workers, progress=False)
    return calibration_of(repr(learner), pieces)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=["one", "group"])
    parser.add_argument("--fits", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--work", type=Path, default=Path("results_calibration"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()

    study = in_stages(
        lambda fits: study_of(options.kind, fits, options.work, options.workers), options.fits, options.minutes
    )
    if study is None:
        return
    agents, description = f"{AGENTS} agents", text(PRIOR)
    if options.kind == "one":
        total = {name: (m, round(float(np.hypot(w, s)), 3)) for name, (m, w, s) in PRIOR.items()}
        agents = "1 agent"
        description = "; ".join(f"{name} ~ Normal{pair}, unconstrained" for name, pair in total.items())
    head = [
        f"Simulation-based calibration: {len(study.ranks)} fits of {agents} x {PRESENTATIONS * 36} trials, {study.learner}, the task set hidden, by particle Gibbs",
        f"prior: {description}",
    ]
    if options.kind == "group":
        head.append(adjusted(study))
    report(study, options.out, f"calibration_hidden_{options.kind}", head)


if __name__ == "__main__":
    main()
