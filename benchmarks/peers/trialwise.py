"""trialwise itself, through its public functions."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.data import FILES, INITIAL
from benchmarks.peers import Peer


def trialwise_peer(folder: Path) -> Peer:
    """The library's flat learner on the same files: log-likelihood (N,) and gradient (N, 3)."""
    import trialwise as tw

    learner = tw.QLearning(initial=INITIAL)
    trials = tw.read_wide(**{word: folder / name for word, name in FILES.items()})

    def value_and_gradient(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        named = dict(zip(("alpha", "beta", "forget"), parameters.T, strict=True))
        return tw.log_likelihood(learner, trials, named, gradient=True)

    participants = np.asarray(trials.participants).size
    start = time.perf_counter()
    value_and_gradient(np.full((participants, 3), 0.5))
    return Peer("trialwise", "common", "learner as written", time.perf_counter() - start, value_and_gradient)
