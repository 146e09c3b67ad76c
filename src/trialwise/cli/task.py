"""Which task: an environment by its name."""

from __future__ import annotations

from typing import Any

from trialwise.errors import UsageError


def named(task: str) -> Any:
    """The class of a built-in environment.

    Raises
    ------
    UsageError
        If there is none of this name.
    """
    from trialwise.environments import BUILT_IN

    if task not in BUILT_IN:
        raise UsageError(f"--task {task}: there is no such task; there are {', '.join(BUILT_IN)}")
    return BUILT_IN[task]
