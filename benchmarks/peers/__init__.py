"""One file per library; each offers `peers(recorded)`, implementations of the same computation with that library.

The computation is the flat Q-learner's log-likelihood and its gradient. With d = Q - Q0 (the softmax is invariant to the shift),
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
    """One implementation of value and gradient."""

    name: str
    form: Literal["common", "best"]
    note: str
    compile_seconds: float
    value_and_gradient: ValueAndGradient
    """What is checked, and what is timed unless `other` is given."""
    other: Callable[[np.ndarray], object] | None = None
    """What is timed instead, where the check needs more than the timing (Stan)."""
    overhead: Callable[[np.ndarray], object] | None = None
    """The work of `other` besides the gradient; timed separately and subtracted, median from median (Stan)."""

    @property
    def timed(self) -> Callable[[np.ndarray], object]:
        return self.other or self.value_and_gradient


def seconds(function: Callable[[np.ndarray], object], parameters: np.ndarray) -> float:
    """Time one call."""
    start = time.perf_counter()
    function(parameters)
    return time.perf_counter() - start
