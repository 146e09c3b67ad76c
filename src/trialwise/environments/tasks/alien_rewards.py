"""Rewards of the alien task: the correct item for each alien in each season, and its mean reward."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

CONTEXTS, CUES, ACTIONS = 3, 4, 3
"""Numbers of seasons, aliens and items."""

WRONG = 1.0
"""Mean reward of any item but the correct one."""

_CORRECT = np.array([[1, 2, 0, 0], [2, 1, 2, 1], [2, 0, 1, 0]])
_REWARD = np.array([[6, 4, 5, 10], [2, 8, 7, 3], [7, 3, 3, 2]], float)

MEANS = np.full((CONTEXTS, CUES, ACTIONS), WRONG)
"""Mean rewards, ``(contexts, cues, actions)``. Over correct items, the seasons sum to 25, 20 and 15, each alien to 15 and each
item to 20 (Eckstein & Collins 2020, PNAS 117(47):29381). Each context has a task set of its own, with the same number."""
np.put_along_axis(MEANS, _CORRECT[:, :, None], _REWARD[:, :, None], axis=2)
MEANS.setflags(write=False)


def correct_action(context: ArrayLike, cue: ArrayLike) -> np.ndarray:
    """The correct action, 0 to 2, for codes of contexts (0-2) and cues (0-3), in the shape of the codes."""
    return _CORRECT[np.asarray(context), np.asarray(cue)]


def mean_reward(context: ArrayLike, cue: ArrayLike, choice: ArrayLike) -> np.ndarray:
    """The mean reward of a choice, 1 to 10; NaN for a missed choice (-1)."""
    choice = np.asarray(choice)
    return np.where(choice < 0, np.nan, MEANS[np.asarray(context), np.asarray(cue), choice])


def is_correct(context: ArrayLike, cue: ArrayLike, choice: ArrayLike) -> np.ndarray:
    """Whether a choice is correct, i.e. its mean reward exceeds 1; False for a missed choice (-1)."""
    return np.asarray(choice) == correct_action(context, cue)


TASK_SETS = ("TS0", "TS1", "TS2", "TS02", "TS12", "none")
"""Labels of a choice by the task sets in which it is correct."""


def task_set_of(cue: ArrayLike, choice: ArrayLike) -> np.ndarray:
    """The task sets in which a choice is correct, as an index into :data:`TASK_SETS`; -1 for a missed choice (-1).

    Of the twelve pairs of cue and action, three are correct in TS0 alone, three in TS1 alone, two in TS2 alone, two in two task
    sets, and two in none.
    """
    cue, choice = np.asarray(cue), np.asarray(choice)
    label = np.full(np.broadcast(cue, choice).shape, TASK_SETS.index("none"))
    correct = _CORRECT[:, cue] == choice
    for n, sets in enumerate(((0,), (1,), (2,), (0, 2), (1, 2))):
        label[np.all([correct[k] == (k in sets) for k in range(CONTEXTS)], axis=0)] = n
    return np.where(choice < 0, -1, label)
