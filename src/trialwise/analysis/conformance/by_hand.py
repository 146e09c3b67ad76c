"""A reference implementation of the contract of a trial, in as few lines as possible.

It is independent of the engine and shares only the learner's own methods with it; on a missed trial without an
outcome it calls nothing but ``see``, ``elapse`` and ``between``. It is slow, and used only by the checks of a learner.
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
"""The column of given hidden choices; a learner's source cannot read it, since its name has a space."""


def agent_at(learner: Learner, trials: Trials, t: int, free: Mapping[str, float]) -> Any:
    """``self`` with the values of one trial."""
    columns = {varied.column: trials.columns[varied.column] for varied in learner.varied.values()}
    values = {
        name: column.values[t] if column.levels is None else trials.levels[column.levels][column.values[t]]
        for name, column in columns.items()
    }
    return learner.agent(learner.at(free, values))


def walk_by_hand(learner: Learner, trials: Trials, participant: int, free: Mapping[str, float]) -> np.ndarray:
    """Log-likelihood of each trial of one participant, including given hidden choices, if any; NaN on trials that are not scored."""
    task, methods = Task(trials.sizes), learner.methods
    rows = range(trials.offsets[participant], trials.offsets[participant + 1])
    agent = agent_at(learner, trials, rows[0], free) if learner.varied else learner.agent(free)
    state = methods["start"](agent, task) if "start" in methods else None
    responses = [(family, family.observed(trials, name)) for name, family in learner.responses.items()]
    scores, last, last_hidden = np.full(len(rows), np.nan), -1, -1

    def by_itself(name: str, trial: object) -> None:
        if name in methods:
            methods[name](agent, state, trial)

    for n, t in enumerate(rows):
        agent = agent_at(learner, trials, t, free) if learner.varied else agent
        hidden = (int(trials.columns[HIDDEN_CHOICE].values[t]),) if learner.hides else ()
        trial, outcome = _before_choice(trials, t), _outcome(trials, t)
        if trials.reset[t] and n > 0:  # type: ignore[index]
            last = last_hidden = -1
            if "reset" in methods:
                methods["reset"](agent, state, trial)
            elif "start" in methods:
                state = methods["start"](agent, task)
        by_itself("see", trial)
        answers = [(family, values[t], not family.missing(values[t : t + 1])[0]) for family, values in responses]
        present = [(family, row) for family, row, there in answers if there]
        answered = responses[0][0] in [family for family, _ in present]
        watched = "watch" in methods and outcome is not None and not (answered and "learn" in methods)
        own = [(family, row) for family, row, there in answers if there or family.scores_missing]
        own = own if trials.scored is None or trials.scored[t] else []
        drawn = hidden if own or present or watched else ()
        if own or drawn:
            scores[n] = sum(family.by_hand(learner, agent, state, trial, hidden, last, row) for family, row in own)
            scores[n] += _log_hidden(learner, agent, state, trial, hidden, last_hidden)
        last_hidden = drawn[0] if drawn else last_hidden
        after = () if learner.markov else hidden
        for family, row in present:
            last = family.received(row) if family.acts else last
        family, observed = responses[0]
        if answered and "act" in methods:
            methods["act"](agent, state, trial, family.received(observed[t]))
        by_itself("elapse", trial)
        if watched:
            methods["watch"](agent, state, trial, *after, outcome)
        elif "learn" in methods and outcome is not None and (answered or family.learns_when_missing):
            methods["learn"](agent, state, trial, *after, family.received(observed[t]), outcome)
        by_itself("between", trial)
    return scores


def _log_hidden(learner: Learner, agent: Any, state: Any, trial: Any, hidden: tuple[int, ...], last: int) -> float:
    """Log-probability of a given hidden choice after the last one, -1 if there was none; 0 without one."""
    log_probability = 0.0
    for option in hidden:
        logits = np.zeros(learner.options).view(Table)
        learner.methods["hide"](agent, state, trial, *((last,) if learner.markov else ()), logits)
        log_probability = float(logits[option] - np.log(np.exp(logits - logits.max()).sum()) - logits.max())
    return log_probability


def _before_choice(trials: Trials, t: int) -> SimpleNamespace:
    """The columns of a trial that are known before the choice."""
    every_action = np.ones(trials.sizes.get("action", 1), bool)
    fields: dict[str, Any] = {"context": 0, "cue": 0}
    fields["available"] = every_action if trials.available is None else trials.available[t]
    return SimpleNamespace(**fields | {name: column.values[t] for name, column in trials.columns.items()})


def _outcome(trials: Trials, t: int) -> Any:
    """The outcome of a trial: a number, a record, or None if there is none."""
    parts = {name: values[t] for name, values in trials.outcome.items()}
    if all(math.isnan(part) for part in parts.values()):
        return None
    return SimpleNamespace(**parts) if len(parts) > 1 else next(iter(parts.values()))
