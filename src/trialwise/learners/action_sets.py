"""Sets of actions that are available together, as in the stages of a trial: choices say nothing about actions of different sets."""

from __future__ import annotations

import numpy as np

from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner


def sets_of_actions(trials: Trials) -> list[list[int]]:
    """The actions that are available together in some trial, directly or by way of others; all of them, if nothing is said of that."""
    actions = trials.sizes.get("action", 0)
    if trials.available is None:
        return [[*range(actions)]]
    together = np.eye(actions, dtype=bool)
    for row in np.unique(trials.available, axis=0):
        together |= np.outer(row, row)
    for _ in range(actions):
        together = together @ together | together
    return [np.flatnonzero(each).tolist() for action, each in enumerate(together) if not each[:action].any()]


def without_reference(learner: Learner, trials: Trials) -> list[list[str]]:
    """Free parameters of each set of actions of which only differences have an effect, since none of the set is fixed."""
    about = {action: name for name, action in learner.assumptions.action_of.items()}
    found = []
    for actions in sets_of_actions(trials):
        if not {*actions} <= about.keys():  # an action without a parameter is the reference
            continue
        inside = {about[action] for action in actions}
        free = {learner.tied.get(name, name) for name in inside}
        elsewhere = {learner.tied.get(name, name) for name in about.values() if name not in inside}
        if free <= {*learner.names} and not free & elsewhere:
            found.append([name for name in learner.names if name in free])
    return found
