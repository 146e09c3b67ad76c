"""Trials of a learner that acts in an environment, to check it on."""

from __future__ import annotations

import linecache
from types import FunctionType

import numpy as np

from trialwise.base.streams import stream
from trialwise.data.trials import Trials
from trialwise.environments.environment import Environment, Recorded
from trialwise.environments.simulate import simulate
from trialwise.environments.simulation import Simulation
from trialwise.learners.learner import Learner

AGENTS = 4
"""Number of agents in an environment of their own sequences."""


def acting(learner: Learner, environment: Environment | Recorded, seed: int) -> Trials:
    """Simulated trials of agents with parameters about the middle of their priors.

    Raises
    ------
    UsageError
        If the environment does not suit the learner.
    LearnerError, ModelError
        If the learner fails there.
    """
    count = environment.trials.n_participants if isinstance(environment, Recorded) else AGENTS
    random = stream(seed, "conformance in an environment")
    columns = [p.constrain(p.mean + 0.5 * random.standard_normal(count)) for p in learner.parameters]
    return act(learner, environment, np.stack(columns, 1) if columns else np.zeros((count, 0)), seed).trials


def act(learner: Learner, environment: Environment | Recorded, free: np.ndarray, seed: int) -> Simulation:
    """Agents with the parameters ``(agents, parameters)``, who also miss the responses that were missed in recorded sequences.

    Raises
    ------
    UsageError
        If the environment does not suit the learner.
    LearnerError, ModelError
        If the learner fails there.
    """
    parameters = dict(zip(learner.names, free.T, strict=True))
    recorded = isinstance(environment, Recorded)
    return simulate(learner, environment, parameters, seed=seed, participants=len(free), keep_missed=recorded)


def line_in(environment: Environment | Recorded, error: Exception) -> str:
    """The method and line of an environment that raised an exception; empty if none of its methods did."""
    kind = type(environment.environment if isinstance(environment, Recorded) else environment)
    functions = (each for name in dir(kind) if isinstance(each := getattr(kind, name), FunctionType))
    methods = {each.__code__ for each in functions if not each.__module__.startswith("trialwise.")}
    place, frame = "", error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code in methods:
            code = frame.tb_frame.f_code
            text = linecache.getline(code.co_filename, frame.tb_lineno).strip()
            place = f"{kind.__name__}.{code.co_name}, line {frame.tb_lineno}: {text}"
        frame = frame.tb_next
    return place
