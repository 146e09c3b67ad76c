"""One file a peer; each offers `peers(recorded)`, the ways of computing the same thing with that library.

The thing is the flat Q-learner's log-likelihood and its gradient. With d = Q - Q0 (which the softmax does not notice),
participant n and trial t, visited row (s, u), choice k, outcome r:

    l_t   = beta d[s, u, k] - log sum_j exp(beta d[s, u, j])        from the table at the start of the trial
    d     <- (1 - forget) d                                         every cell
    d[s, u, k] <- d[s, u, k] + alpha (r - Q0 - d[s, u, k])          the chosen cell, after forgetting

The parameters are an (N, 3) array (alpha, beta, forget) on the natural scale, the gradient an (N, 3) array.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

ValueAndGradient = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Parameters (N, 3) -> log-likelihood (summed, or one per participant) and its gradient (N, 3)."""


@dataclass
class Peer:
    """One way of computing value and gradient."""

    name: str
    form: Literal["common", "best"]
    note: str
    compile_seconds: float
    value_and_gradient: ValueAndGradient
    measure: Callable[[np.ndarray], float] | None = None
    """Seconds of one value-and-gradient, where calling from Python would time something else (Stan)."""

    def seconds(self, parameters: np.ndarray) -> float:
        """Time one value-and-gradient."""
        if self.measure is not None:
            return self.measure(parameters)
        start = time.perf_counter()
        self.value_and_gradient(parameters)
        return time.perf_counter() - start
