"""Flags of a trial: what happens on it, and the rule for missing responses.

A trial without a response does not enter the likelihood, unless its family has a probability for a missing response
(:attr:`trialwise.learners.responses.family.ResponseFamily.scores_missing`: a deadline); nor does a response that was not the
participant's own (:attr:`trialwise.data.trials.Trials.scored`). On a trial with an outcome but without the response that ``learn``
receives, the learner learns by ``watch``, if it has that method; otherwise it does not learn on it, unless the family learns from
outcomes alone (``learns_when_missing``). It never learns on a trial without an outcome; ``act`` is
called wherever that response was observed, with or without an outcome. What happens by itself (``see``, ``elapse``,
``between``) happens on every trial. The loops over trials (:mod:`trialwise.engine.walks.replay`) follow the flags.
"""

from __future__ import annotations

import numpy as np

from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.learners.responses import MOST_RESPONSES

FLAGS, HIDDEN = 0, 1
"""Columns of the integers of a trial: the flags and, for a learner with a hidden choice, the given hidden choice."""

RESET, TEACHES, SCORED, WATCHES = 1, 2, 4, 8
"""Bits of the flags: the state is reset before this trial; the learner learns from its response and the outcome; the response enters
the likelihood; the learner learns from the outcome alone, by ``watch``."""

FIRST_RESPONSE = 4
RESPONDED = ((1 << MOST_RESPONSES) - 1) << FIRST_RESPONSE
"""The flag bits of the learner's observed responses; see :func:`responded`."""

ACTED = 1 << FIRST_RESPONSE
"""The flag bit of the first response, the choice if there is one: what ``act`` and ``learn`` receive."""

HIDES = RESPONDED | SCORED | WATCHES
"""Bits of which one is set on the trials with a hidden choice, in a learner that makes one: those on which something may depend on it. ``SCORED`` adds
those without any response whose family has a probability for that."""


def responded(number: int) -> int:
    """The flag bit that is set if response ``number`` of a learner was observed."""
    return 1 << (FIRST_RESPONSE + number)


def flags_of(learner: Learner, trials: Trials, observed: list[np.ndarray]) -> np.ndarray:
    """The flags of each trial, ``int (trials,)``; ``observed`` are the learner's responses, one array each."""
    families = list(learner.responses.values())
    flags = RESET * trials.reset  # type: ignore[operator]
    scorable = np.zeros(trials.n_trials, bool)
    for number, (family, values) in enumerate(zip(families, observed, strict=True)):
        present = ~family.missing(values)
        flags = flags + responded(number) * present
        scorable |= present | family.scores_missing
    flags = flags + SCORED * (scorable if trials.scored is None else scorable & trials.scored)
    with_outcome, first = ~trials.without_outcome, (flags & ACTED) > 0
    if "watch" in learner.methods:
        watches = with_outcome & ~first if "learn" in learner.methods else with_outcome
        return np.asarray(flags + TEACHES * (with_outcome & ~watches) + WATCHES * watches)
    return np.asarray(flags + TEACHES * (with_outcome & (first | families[0].learns_when_missing)))
