"""The rewards of the alien task: which item an alien wants in which season, and how much it gives for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

CONTEXTS, CUES, ACTIONS = 3, 4, 3
"""Seasons, aliens, items."""

WRONG = 1.0
"""Mean reward of any item but the correct one."""

_CORRECT = np.array([[1, 2, 0, 0], [2, 1, 2, 1], [2, 0, 1, 0]])
_REWARD = np.array([[6, 4, 5, 10], [2, 8, 7, 3], [7, 3, 3, 2]], float)

MEANS = np.full((CONTEXTS, CUES, ACTIONS), WRONG)
"""Mean rewards, ``(contexts, cues, actions)``: season sums over correct items are 25, 20 and 15, every alien's sum over
seasons is 15, every item's sum is 20 (Eckstein & Collins 2020, PNAS 117(47):29381). A context is its task set."""
np.put_along_axis(MEANS, _CORRECT[:, :, None], _REWARD[:, :, None], axis=2)
MEANS.setflags(write=False)


def correct_action(context: ArrayLike, cue: ArrayLike) -> np.ndarray:
    """The one correct action, 0 to 2, for codes of contexts (0-2) and cues (0-3); same shape as the codes."""
    return _CORRECT[np.asarray(context), np.asarray(cue)]


def mean_reward(context: ArrayLike, cue: ArrayLike, choice: ArrayLike) -> np.ndarray:
    """The reward without noise, 1 to 10; NaN for a missed choice (-1)."""
    choice = np.asarray(choice)
    return np.where(choice < 0, np.nan, MEANS[np.asarray(context), np.asarray(cue), choice])


def is_correct(context: ArrayLike, cue: ArrayLike, choice: ArrayLike) -> np.ndarray:
    """Whether the choice is the correct one, its reward without noise above 1; False for a missed choice (-1)."""
    return np.asarray(choice) == correct_action(context, cue)


TASK_SETS = ("TS0", "TS1", "TS2", "TS02", "TS12", "none")
"""Labels of a choice by the task sets in which it is the correct one."""


def task_set_of(cue: ArrayLike, choice: ArrayLike) -> np.ndarray:
    """The task sets that call a choice correct, as a place in :data:`TASK_SETS`; -1 for a missed choice (-1).

    Of the twelve pairs of cue and action three belong to TS0 alone, three to TS1, two to TS2, two to two of them, and two to none.
    """
    cue, choice = np.asarray(cue), np.asarray(choice)
    found = np.full(np.broadcast(cue, choice).shape, TASK_SETS.index("none"))
    fits = _CORRECT[:, cue] == choice
    for place, sets in enumerate(((0,), (1,), (2,), (0, 2), (1, 2))):
        found[np.all([fits[k] == (k in sets) for k in range(CONTEXTS)], axis=0)] = place
    return np.where(choice < 0, -1, found)
