"""A learner's trials walked by hand, in as few lines as the contract takes to tell.

The referee of the engine: it shares nothing with it but the learner's own methods, and leaves out of a missed trial
all but ``elapse``. Slow, and nothing but the checks of a learner uses it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.learners.state import Table, Task

HIDDEN_CHOICE = "hidden choice"
"""The column of trials that says what was picked unseen; no text can read a name with a space."""


def walk_by_hand(learner: Learner, trials: Trials, participant: int, free: Mapping[str, float]) -> np.ndarray:
    """Log-likelihood of each trial of one participant, NaN where nothing was chosen; of given hidden choices too, if there are."""
    agent, task, do = learner.agent(free), Task(trials.sizes), learner.methods
    rows = range(trials.offsets[participant], trials.offsets[participant + 1])
    state = do["start"](agent, task) if "start" in do else None
    responses = [(family, family.observed(trials, name)) for name, family in learner.responses.items()]
    scores, last = np.full(len(rows), np.nan), -1
    for n, t in enumerate(rows):
        hidden = (int(trials.columns[HIDDEN_CHOICE].values[t]),) if learner.hides else ()
        trial, outcome = _seen(trials, t), _outcome(trials, t)
        if trials.reset[t] and n > 0:  # type: ignore[index]
            last = -1
            if "reset" in do:
                do["reset"](agent, state, trial)
            elif "start" in do:
                state = do["start"](agent, task)
        there = [(family, observed[t]) for family, observed in responses if not family.missing(observed[t : t + 1])[0]]
        if there:
            scores[n] = sum(family.by_hand(learner, agent, state, trial, hidden, last, row) for family, row in there)
            scores[n] += _log_hidden(learner, agent, state, trial, hidden)
        for family, row in there:
            last = family.received(row) if family.acts else last
        if "elapse" in do:
            do["elapse"](agent, state, trial)
        answered = {family for family, _ in there}
        learns = all(family in answered or family.learns_when_missing for family, _ in responses)
        if "learn" in do and outcome is not None and learns:
            family, observed = responses[0]
            do["learn"](agent, state, trial, *hidden, family.received(observed[t]), outcome)
    return scores


def _log_hidden(learner: Learner, agent: Any, state: Any, trial: Any, hidden: tuple[int, ...]) -> float:
    """Log-probability of a given hidden choice; 0 without one."""
    unseen = 0.0
    for option in hidden:
        logits = np.zeros(learner.options).view(Table)
        learner.methods["hide"](agent, state, trial, logits)
        unseen = float(logits[option] - np.log(np.exp(logits - logits.max()).sum()) - logits.max())
    return unseen


def _seen(trials: Trials, t: int) -> SimpleNamespace:
    """What is known before the choice."""
    everything = np.ones(trials.sizes.get("action", 1), bool)
    seen: dict[str, Any] = {"context": 0, "cue": 0}
    seen["available"] = everything if trials.available is None else trials.available[t]
    return SimpleNamespace(**seen | {name: column.values[t] for name, column in trials.columns.items()})


def _outcome(trials: Trials, t: int) -> Any:
    """A number, a record, or None if there was none."""
    parts = {name: values[t] for name, values in trials.outcome.items()}
    if all(math.isnan(part) for part in parts.values()):
        return None
    return SimpleNamespace(**parts) if len(parts) > 1 else next(iter(parts.values()))
