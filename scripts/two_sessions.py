"""Two sessions of the same participants, again and again: ``python scripts/two_sessions.py [differences] [correlations]``.

``differences``: how often the 95 % interval of a difference between sessions that is zero on average excludes zero (false positives), with effects
of participants, with ``random="intercept"``, and with a prior so wide that it does not matter. Participants do differ in their differences.

``correlations``: posterior of the correlation between sessions, where the true one is 0, .4 and .8, beside the correlation of the true
values themselves (which no analysis could improve on) and that of separate estimates.

Writes ``docs/two_sessions_differences.txt`` and ``docs/two_sessions_correlations.txt``. Finished fits are stored in ``--work``: a second run continues.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

import trialwise as tw
from trialwise.base.streams import stream, stream_seed
from trialwise.studies.resume import run_pieces
from trialwise.studies.store import Piece, Store

SEED = 2028
SESSIONS = (1, 2)
MEANS = {"alpha": -0.5, "beta": 1.2}
LEARNER = tw.QLearning().fix(forget=0)
KEPT: dict[str, Any] = {"draws": 500, "tune": 300, "chains": 2, "progress": False}
WIDE = 10.0
"""Prior SD with which the prior of the difference does not matter."""


def choices(values: dict[str, np.ndarray], trials: int, seed: int) -> tw.Trials:
    """Choices of participants whose parameters are ``values``, unconstrained, ``(participants, sessions)`` each."""
    tables = []
    for number, session in enumerate(SESSIONS):
        truth = {"alpha": 1 / (1 + np.exp(-values["alpha"][:, number])), "beta": np.exp(values["beta"][:, number])}
        task = tw.environments.ProbabilisticReversal(trials=trials)
        simulation = tw.simulate(LEARNER, task, truth, seed=stream_seed(seed, "simulated data set", session))
        tables.append(simulation.trials.to_frame().assign(session=session))
    return tw.read_long(pd.concat(tables, ignore_index=True))


@dataclass(frozen=True)
class Differences:
    """Data sets whose participants change from session to session, but not on average; three fits of each."""

    participants: int = 20
    trials: int = 100
    changes: float = 0.7
    """SD of the participants' differences between sessions, in logits."""

    def __call__(self, number: int) -> Piece:
        import pymc as pm

        random = stream(SEED, "true parameters", "differences", number)
        each = {name: mean + 0.5 * random.standard_normal(self.participants) for name, mean in MEANS.items()}
        change = self.changes * random.standard_normal(self.participants)
        both = {name: np.stack([value, value], 1) for name, value in each.items()}
        both["alpha"] = both["alpha"] + change[:, None] * np.array([-0.5, 0.5])
        trials = choices(both, self.trials, stream_seed(SEED, "simulated data set", "differences", number))
        wide = {"alpha_effects": pm.Normal.dist(0, WIDE)}
        ways: dict[str, dict[str, Any]] = {
            "full": {}, "random='intercept'": {"random": "intercept"}, f"full, prior SD {WIDE:g}": {"priors": wide},
        }  # fmt: skip
        rows = []
        for way in ways.values():
            fit = tw.fit(LEARNER, trials, formulas={"alpha": "session"}, seed=number, **KEPT, **way)
            answer = tw.contrasts(fit, "alpha", by="session").differences.iloc[0]
            interval = [answer[column] for column in ("mean", "hdi_low", "hdi_high")]
            rows.append([*interval, float(fit.tree["sample_stats"]["diverging"].sum()), fit.group()["r_hat"].max()])
        return {"ways": np.array(list(ways)), "rows": np.array(rows, dtype=float), "change": np.array(change.mean())}

    def report(self, pieces: dict[int, Piece]) -> list[str]:
        rows = np.array([piece["rows"] for piece in pieces.values()])
        lines = [
            f"{len(rows)} data sets of {self.participants} agents x 2 sessions x {self.trials} trials, {LEARNER!r}, alpha ~ session.",
            f"Agents' differences between sessions have mean 0 and SD {self.changes} logits. Share of 95 % highest-density intervals that exclude 0:",
            "",
        ]
        for way, values in zip(next(iter(pieces.values()))["ways"], np.swapaxes(rows, 0, 1), strict=True):
            wrong = (values[:, 1] > 0) | (values[:, 2] < 0)
            error = np.sqrt(wrong.mean() * (1 - wrong.mean()) / len(wrong))
            lines.append(
                f"{way:22} {wrong.mean():6.3f} +- {error:.3f}   median width {np.median(values[:, 2] - values[:, 1]):.2f}"
                f"   divergences {values[:, 3].sum():.0f}   largest R-hat {values[:, 4].max():.3f}"
            )
        return lines


@dataclass(frozen=True)
class Correlations:
    """Data sets whose participants' values in two sessions are correlated; a fit of each with correlated effects."""

    participants: int = 40
    trials: int = 200
    spread: float = 0.8
    true: tuple[float, ...] = (0.0, 0.4, 0.8)

    def __call__(self, number: int) -> Piece:
        r = self.true[number % len(self.true)]
        random = stream(SEED, "true parameters", "correlations", number)
        factor = np.linalg.cholesky([[1.0, r], [r, 1.0]])
        values = {
            name: mean + self.spread * random.standard_normal((self.participants, 2)) @ factor.T
            for name, mean in MEANS.items()
        }
        trials = choices(values, self.trials, stream_seed(SEED, "simulated data set", "correlations", number))
        cells = dict.fromkeys(MEANS, "0 + session")
        fit = tw.fit(LEARNER, trials, formulas=cells, correlated=True, seed=number, **KEPT)
        rows = []
        for name in MEANS:
            result = tw.reliability(fit, name, over="session")
            row = result.table.iloc[0]
            posterior, _ = next(iter(result.draws.values()))
            low, high = np.quantile(posterior, [0.025, 0.975])
            sample = np.corrcoef(values[name].T)[0, 1]
            rows.append([r, row["mean"], low, high, sample, row["attenuated"]])
        table = fit.group()
        health = [float(fit.tree["sample_stats"]["diverging"].sum()), table["r_hat"].max()]
        return {"names": np.array(list(MEANS)), "rows": np.array(rows, dtype=float), "health": np.array(health)}

    def report(self, pieces: dict[int, Piece]) -> list[str]:
        rows = np.array([piece["rows"] for piece in pieces.values()])
        health = np.array([piece["health"] for piece in pieces.values()])
        lines = [
            f"{len(rows)} data sets of {self.participants} agents x 2 sessions x {self.trials} trials, {LEARNER!r},",
            f"alpha ~ 0 + session, beta ~ 0 + session, correlated; spreads {self.spread}. Mean over data sets of the correlation between sessions:",
            f"posterior mean, share of 95 % intervals that contain the true one, and two correlations without a model: of the {self.participants}",
            "true values (SD over data sets in brackets) and of separate estimates of each session.",
            f"{health[:, 0].sum():.0f} divergences, largest R-hat {health[:, 1].max():.3f}",
            "",
            "parameter  true   fits  posterior mean    coverage         true values      separate estimates",
        ]
        for k, name in enumerate(MEANS):
            for r in self.true:
                of = rows[rows[:, k, 0] == r, k]
                inside = (of[:, 2] <= r) & (r <= of[:, 3])
                error = np.sqrt(max(inside.mean() * (1 - inside.mean()), 0.25 / len(of) ** 2) / len(of))
                lines.append(
                    f"{name:9} {r:5.1f} {len(of):6d}  {of[:, 1].mean():6.3f} ({of[:, 1].std():.3f})  {inside.mean():5.3f} +- {error:.3f}   "
                    f"{of[:, 4].mean():6.3f} ({of[:, 4].std():.3f})   {np.nanmean(of[:, 5]):6.3f} ({np.nanstd(of[:, 5]):.3f})"
                )
        return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["differences", "correlations", []])
    parser.add_argument("--differences", type=int, default=400, help="number of data sets")
    parser.add_argument(
        "--correlations", type=int, default=300, help="number of data sets, a third with each true correlation"
    )
    parser.add_argument("--workers", type=int)
    parser.add_argument("--work", type=Path, default=Path("results_two_sessions"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "docs")
    options = parser.parse_args()
    studies: dict[str, tuple[Differences | Correlations, int]] = {
        "differences": (Differences(), options.differences),
        "correlations": (Correlations(), options.correlations),
    }
    for part in options.parts or studies:
        study, count = studies[part]
        store = Store(options.work, part, study, {"learner": repr(LEARNER)})
        pieces = run_pieces(study, range(count), store, workers=options.workers, stage=part)
        lines = study.report(pieces)
        (options.out / f"two_sessions_{part}.txt").write_text("\n".join(lines) + "\n")
        print("\n".join(lines))


if __name__ == "__main__":
    main()
