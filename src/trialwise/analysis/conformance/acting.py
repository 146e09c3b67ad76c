"""Trials of a learner that acts in an environment, to check it on."""

from __future__ import annotations

from trialwise.base.streams import stream
from trialwise.data.trials import Trials
from trialwise.environments.environment import Environment, Recorded
from trialwise.environments.simulate import simulate
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
    parameters = {p.name: p.constrain(p.mean + 0.5 * random.standard_normal(count)) for p in learner.parameters}
    return simulate(
        learner, environment, parameters, seed=seed, participants=count, keep_missed=isinstance(environment, Recorded)
    ).trials
