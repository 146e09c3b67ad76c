"""Environments by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialwise.base.errors import UsageError

if TYPE_CHECKING:
    from trialwise.learners.learner import Learner

OWN_ENVIRONMENT = {
    "AlienQLearning": "AlienExperiment",
    "AlienTaskSets": "AlienExperiment",
    "AlienHierarchicalBayes": "AlienExperiment",
    "HybridTwoStep": "TwoStepTask",
}
"""The environment of each built-in learner that is specific to one."""


def environment_class(task: str) -> Any:
    """The class of a built-in environment.

    Raises
    ------
    UsageError
        If there is no environment of this name.
    """
    from trialwise.environments.tasks import BUILT_IN

    if task not in BUILT_IN:
        raise UsageError(f"--task {task}: there is no such environment; available are {', '.join(BUILT_IN)}")
    return BUILT_IN[task]


def default_environment(learner: Learner) -> str:
    """The name of a learner's default environment: its own, conditioning if it does not choose, or else the alien task."""
    return OWN_ENVIRONMENT.get(type(learner).__name__, "AlienTask" if learner.family.acts else "Conditioning")
