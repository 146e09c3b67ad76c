"""Which task: an environment by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialwise.base.errors import UsageError

if TYPE_CHECKING:
    from trialwise.learners.learner import Learner

OWN = {
    "AlienQLearning": "AlienExperiment",
    "AlienTaskSets": "AlienExperiment",
    "AlienHierarchicalBayes": "AlienExperiment",
    "HybridTwoStep": "TwoStepTask",
}
"""The task of a built-in learner that is for one only."""


def named(task: str) -> Any:
    """The class of a built-in environment.

    Raises
    ------
    UsageError
        If there is none of this name.
    """
    from trialwise.environments.tasks import BUILT_IN

    if task not in BUILT_IN:
        raise UsageError(f"--task {task}: there is no such task; there are {', '.join(BUILT_IN)}")
    return BUILT_IN[task]


def suited(learner: Learner) -> str:
    """The name of the task that suits a learner: its own, or conditioning if it responds, or the alien task."""
    return OWN.get(type(learner).__name__, "AlienTask" if learner.family.acts else "Conditioning")
