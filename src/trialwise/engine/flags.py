"""Flags of a trial: what happens on it, and the rule of missing responses.

A trial without a response does not enter the likelihood, unless its family knows the probability of giving none
(:attr:`trialwise.learners.responses.family.ResponseFamily.scores_missing`: a deadline). The learner does not learn on it, unless the family
learns from outcomes alone (``learns_when_missing``); nor on a trial without an outcome. What passes with time, such as
forgetting (``elapse``), happens on every trial. The flags are obeyed by the loops over trials (:mod:`trialwise.engine.walks.replay`).
"""

from __future__ import annotations

import numpy as np

from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner

FLAGS, HIDDEN = 0, 1
"""Columns of a trial's whole numbers: the flags, and for a learner with a hidden choice the given one."""

RESET, TEACHES, SCORED = 1, 2, 4
"""Bits of the flags: reset before this trial; there is an outcome and the learner learns from it; the observed response
enters the likelihood."""

MOST_RESPONSES = 8
RESPONDED = ((1 << MOST_RESPONSES) - 1) << 3
"""The bits of the flags that say which of the learner's responses were observed; see :func:`responded`."""


def responded(number: int) -> int:
    """The bit of the flags that says whether response ``number`` of a learner was observed."""
    return 1 << (3 + number)


def flags_of(learner: Learner, trials: Trials, observed: list[np.ndarray], scored: np.ndarray) -> np.ndarray:
    """The flags of each trial, ``int (trials,)``.

    ``observed`` are the learner's responses, one array each; ``scored (trials,)`` says which trials may enter the likelihood.
    """
    families = list(learner.responses.values())
    flags = RESET * trials.reset  # type: ignore[operator]
    counts = np.zeros(trials.n_trials, bool)
    teaches = ~trials.without_outcome
    for number, (family, values) in enumerate(zip(families, observed, strict=True)):
        there = ~family.missing(values)
        flags = flags + responded(number) * there
        counts |= there | family.scores_missing
        teaches &= there | family.learns_when_missing
    return np.asarray(flags + TEACHES * teaches + SCORED * (counts & scored))
