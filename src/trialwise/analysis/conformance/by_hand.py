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

from trialwise.data.trials import MISSED, Trials
from trialwise.learners.learner import Learner
from trialwise.learners.state import Table, Task

HIDDEN_CHOICE = "hidden choice"
"""The column of trials that says what was picked unseen; no text can read a name with a space."""


def walk_by_hand(learner: Learner, trials: Trials, participant: int, free: Mapping[str, float]) -> np.ndarray:
    """Log-likelihood of each trial of one participant, NaN where nothing was chosen; of given hidden choices too, if there are."""
    agent, task, do = learner.agent(free), Task(trials.sizes), learner.methods
    rows = range(trials.offsets[participant], trials.offsets[participant + 1])
    state = do["start"](agent, task) if "start" in do else None
    scores, last = np.full(len(rows), np.nan), -1
    for n, t in enumerate(rows):
        hidden = (int(trials.columns[HIDDEN_CHOICE].values[t]),) if learner.hides else ()
        trial, outcome, answered = _seen(trials, t), _outcome(trials, t), _answer(learner, trials, t)
        if trials.reset[t] and n > 0:  # type: ignore[index]
            last = -1
            if "reset" in do:
                do["reset"](agent, state, trial)
            elif "start" in do:
                state = do["start"](agent, task)
        missed = answered == MISSED if learner.response == "categorical" else math.isnan(answered)
        if not missed and learner.response == "categorical":
            scores[n] = _log_choice(learner, agent, state, trial, hidden, last, int(answered))
            last = int(answered)
        elif not missed:
            mean, sd = do["respond"](agent, state, trial)
            scores[n] = -0.5 * ((answered - mean) / sd) ** 2 - math.log(sd) - 0.5 * math.log(2 * math.pi)
        if "elapse" in do:
            do["elapse"](agent, state, trial)
        if "learn" in do and outcome is not None and not (missed and learner.response == "categorical"):
            do["learn"](agent, state, trial, *hidden, answered, outcome)
    return scores


def _log_choice(
    learner: Learner, agent: Any, state: Any, trial: Any, hidden: tuple[int, ...], last: int, choice: int
) -> float:
    preference = np.zeros(len(trial.available)).view(Table)
    learner.methods["choose"](agent, state, trial, *hidden, preference)
    logits = np.log(preference) if learner.gives_probabilities else np.array(preference)
    if "stickiness" in learner.declared and last >= 0:
        logits[last] += agent.stickiness
    logits[~trial.available] = -np.inf
    p = np.exp(logits - logits.max())
    p = p / p.sum()
    if "lapse" in learner.declared:
        p = (1 - agent.lapse) * p + agent.lapse * trial.available / trial.available.sum()
    unseen = 0.0
    for option in hidden:
        logits = np.zeros(learner.options).view(Table)
        learner.methods["hide"](agent, state, trial, logits)
        unseen = float(logits[option] - np.log(np.exp(logits - logits.max()).sum()) - logits.max())
    return float(np.log(p[choice])) + unseen


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


def _answer(learner: Learner, trials: Trials, t: int) -> Any:
    if learner.response == "categorical":
        return trials.choice[t]  # type: ignore[index]
    return next(iter(trials.response.values()))[t]
