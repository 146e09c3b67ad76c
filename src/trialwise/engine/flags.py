"""Flags of a trial: what happens on it, and the rule for missing responses.

A trial without a response does not enter the likelihood, unless its family has a probability for a missing response
(:attr:`trialwise.learners.responses.family.ResponseFamily.scores_missing`: a deadline). The learner does not learn on it, unless the family
learns from outcomes alone (``learns_when_missing``); nor does it learn on a trial without an outcome. Changes with time, such as
forgetting (``elapse``), happen on every trial. The loops over trials (:mod:`trialwise.engine.walks.replay`) follow the flags.
"""

from __future__ import annotations

import numpy as np

from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner

FLAGS, HIDDEN = 0, 1
"""Columns of the integers of a trial: the flags and, for a learner with a hidden choice, the given hidden choice."""

RESET, TEACHES, SCORED = 1, 2, 4
"""Bits of the flags: the state is reset before this trial; the learner learns from the outcome; the response enters the
likelihood."""

MOST_RESPONSES = 8
RESPONDED = ((1 << MOST_RESPONSES) - 1) << 3
"""The flag bits of the learner's observed responses; see :func:`responded`."""


def responded(number: int) -> int:
    """The flag bit that is set if response ``number`` of a learner was observed."""
    return 1 << (3 + number)


def flags_of(learner: Learner, trials: Trials, observed: list[np.ndarray], scored: np.ndarray) -> np.ndarray:
    """The flags of each trial, ``int (trials,)``.

    ``observed`` are the learner's responses, one array each; ``scored (trials,)`` says which trials may enter the likelihood.
    """
    families = list(learner.responses.values())
    flags = RESET * trials.reset  # type: ignore[operator]
    scorable = np.zeros(trials.n_trials, bool)
    teaches = ~trials.without_outcome
    for number, (family, values) in enumerate(zip(families, observed, strict=True)):
        present = ~family.missing(values)
        flags = flags + responded(number) * present
        scorable |= present | family.scores_missing
        teaches &= present | family.learns_when_missing
    return np.asarray(flags + TEACHES * teaches + SCORED * (scorable & scored))
