"""trialwise: the compiled function that a sampler calls, and the public function around it."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.data import FILES, INITIAL
from benchmarks.peers import Peer

NAMES = ("alpha", "beta", "forget")


def trialwise_peers(folder: Path) -> list[Peer]:
    """The library's flat learner on the same files: log-likelihood (N,) and gradient (N, 3).

    The first corresponds to the compiled functions of the other libraries: parameters in, value and gradient out, the data arranged
    beforehand. The second is the public function, including its checks and the arrangement of the data. The compile
    time is that of the first call with empty caches.
    """
    import trialwise as tw
    from trialwise.likelihoods.arrangement import arrangement

    learner = tw.QLearning(initial=INITIAL)
    trials = tw.read_wide(**{word: folder / name for word, name in FILES.items()})
    start = time.perf_counter()
    arranged = arrangement(learner, trials)
    kernel, data = arranged.kernel, arranged.arguments

    def compiled(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return kernel(parameters, *data)

    def public(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        named = dict(zip(NAMES, parameters.T, strict=True))
        value, gradient = tw.log_likelihood(learner, trials, named, gradient=True)
        return value, np.column_stack([gradient[name] for name in NAMES])

    compiled(np.full((len(trials.participants), len(NAMES)), 0.5))
    seconds = time.perf_counter() - start
    return [
        Peer("trialwise", "common", "learner as written", seconds, compiled),
        Peer("trialwise, public call", "common", "learner as written, checks included", 0.0, public),
    ]
