"""Sessions that start anew: nothing that happened before such a session counts as the past of its trials."""

from __future__ import annotations

import numpy as np

from trialwise.data.trials import Trials


def runs_of(trials: Trials) -> np.ndarray:
    """The number of sessions that started anew up to each trial, ``int64 (trials,)``; blocks, and sessions that go on, start nothing anew."""
    session = trials.columns.get("session")
    if session is None:
        return np.zeros(trials.n_trials, np.int64)
    fresh = np.zeros(trials.n_trials, bool)
    fresh[1:] = session.values[1:] != session.values[:-1]
    return np.cumsum(fresh & np.asarray(trials.reset, bool))
