"""trialwise itself, through its public functions."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.data import FILES, INITIAL
from benchmarks.peers import Peer

NAMES = ("alpha", "beta", "forget")


def trialwise_peer(folder: Path) -> Peer:
    """The library's flat learner on the same files: log-likelihood (N,) and gradient (N, 3).

    Timed is the public call as it stands, with its checks of the parameters and its arrangement of the data; the
    seconds to compile are those of the first call.
    """
    import trialwise as tw

    learner = tw.QLearning(initial=INITIAL)
    trials = tw.read_wide(**{word: folder / name for word, name in FILES.items()})

    def value_and_gradient(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        named = dict(zip(NAMES, parameters.T, strict=True))
        value, gradient = tw.log_likelihood(learner, trials, named, gradient=True)
        return value, np.column_stack([gradient[name] for name in NAMES])

    start = time.perf_counter()
    value_and_gradient(np.full((len(trials.participants), len(NAMES)), 0.5))
    return Peer("trialwise", "common", "learner as written", time.perf_counter() - start, value_and_gradient)
