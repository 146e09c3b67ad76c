"""Check the user's parameter values and arrange them in a matrix with one row per participant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.expects import brief
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner


def matrix(learner: Learner, trials: Trials, parameters: Mapping[str, Any]) -> np.ndarray:
    """Values as ``(participants, parameters)``, checked: each free parameter is given, has the right length and is in range."""
    for name in parameters:
        if name not in learner.names:
            if name in learner.fixed:
                raise UsageError(f"{name} is fixed at {learner.fixed[name]:g} in {learner}: leave it out")
            if name in learner.tied:
                raise UsageError(f"{name} is tied to {learner.tied[name]} in {learner}: leave it out")
            raise UsageError(f"{learner} has no parameter '{name}'. {did_you_mean(name, learner.names, 'parameters')}")
    missing = [name for name in learner.names if name not in parameters]
    if missing:
        raise UsageError(f"{learner} needs a value for {', '.join(missing)}: {missing[0]}=...")
    count = trials.n_participants
    free = np.empty((count, len(learner.names)))
    for k, name in enumerate(learner.names):
        wanted = f"wanted one number, or one for each of {count} participants"
        try:
            values = np.asarray(parameters[name], float)
        except (TypeError, ValueError):
            raise UsageError(f"{name} = {brief(parameters[name])}: {wanted}") from None
        if values.shape not in ((), (count,)):
            raise UsageError(f"{name} has shape {values.shape}; {wanted}")
        free[:, k] = values
    outside = ~((free >= learner.lower) & (free <= learner.upper) & np.isfinite(free))
    if outside.any():
        row, k = np.argwhere(outside)[0]
        parameter = learner.parameters[k]
        if np.isnan(free[row, k]):
            raise UsageError(f"{parameter.name} of participant {trials.participants[row]} is missing (NaN)")
        raise UsageError(f"{parameter.name} = {free[row, k]:g}: {parameter.role} ranges {parameter.range}")
    return free
