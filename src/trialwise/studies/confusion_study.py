"""The study behind model recovery: each data set is simulated by one learner and fitted by all."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from trialwise.analysis.comparison.integrated import integrated_likelihood
from trialwise.analysis.true_values import Truth
from trialwise.environments.simulation import Simulation
from trialwise.inference.fit import fit
from trialwise.inference.point import point
from trialwise.learners.learner import Learner
from trialwise.studies.confusion import Confusion
from trialwise.studies.resume import divided
from trialwise.studies.store import Piece
from trialwise.studies.study import Study

SHORT: dict[str, Any] = {"draws": 300, "chains": 2}
"""Settings of each hierarchical fit; few draws suffice, since they only determine where to integrate, and over which groups."""


STARTS = 4
"""Starting points of each point estimate: likelihoods of learners are smooth, and the best of several optima is taken."""


@dataclass(frozen=True, eq=False)
class ConfusionStudy(Study[Confusion]):
    """A study in which each data set is simulated by one of the learners, in turn, and fitted by all."""

    kind, stage = "confuse", "confusing"

    learners: tuple[Learner, ...]
    truths: tuple[Truth, ...]
    criterion: str

    @property
    def examples(self) -> range:
        return range(len(self.learners))

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the learners in tables."""
        return tuple(repr(learner) for learner in self.learners)

    def description(self) -> dict[str, str]:
        return {"learners": ", ".join(self.labels)}

    def simulation(self, number: int) -> Simulation:
        which = number % len(self.learners)
        values = self.truths[which].values(len(self.participants), self.truth_stream(number))
        return self.simulated(self.learners[which], values, number)

    def task(self, number: int) -> Piece:
        """The criterion, ``(learners, participants)``."""
        start = time.perf_counter()
        trials, fit_seed = self.simulation(number).trials, self.fit_seed(number)
        score = [self._score(learner, trials, fit_seed) for learner in self.learners]
        return {
            "score": np.stack(score),
            "simulated": np.array(number % len(self.learners)),
            "participants": np.array([str(label) for label in self.participants]),
            "seconds": np.array(time.perf_counter() - start),
        }

    def gather(self, pieces: dict[int, Piece]) -> Confusion:
        return _gathered(self.labels, self.criterion, pieces)

    def _score(self, learner: Learner, trials: Any, seed: int) -> np.ndarray:
        if self.criterion == "integrated":
            fitted = fit(learner, trials, seed=seed, progress=False, **SHORT)
            return -2 * integrated_likelihood(fitted, seed=seed)["log_likelihood"].to_numpy()
        return point(learner, trials, STARTS, seed).maximum_likelihood[self.criterion].to_numpy()


def _gathered(labels: tuple[str, ...], criterion: str, pieces: dict[int, Piece]) -> Confusion:
    import pandas as pd

    done, failed = divided(pieces)
    parts = []
    for number, piece in done.items():
        for label, score in zip(labels, piece["score"], strict=True):
            columns = {
                "dataset": number,
                "simulated": labels[int(piece["simulated"])],
                "participant": piece["participants"],
            }
            parts.append(pd.DataFrame({**columns, "fitted": label, "score": score}))
    seconds = pd.Series({number: piece["seconds"].item() for number, piece in done.items()}, name="seconds")
    return Confusion(labels, criterion, pd.concat(parts, ignore_index=True), seconds, failed)
