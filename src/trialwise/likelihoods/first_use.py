"""Labels of exchangeable options: numbered in the order of their first use, since nothing else tells them apart."""

from __future__ import annotations

import numpy as np

from trialwise.engine import FLAGS, HIDES, RESET, Packed
from trialwise.learners.learner import Learner


def afresh(learner: Learner, resets: np.ndarray) -> np.ndarray:
    """After which resets the options are like new: a learner with a method ``reset`` may keep what it knows of them."""
    return np.asarray(resets & ("reset" not in learner.methods))


def begins_afresh(learner: Learner, packed: Packed) -> np.ndarray:
    """Whether each trial is the first of a participant, or follows a reset to the initial state, ``bool (trials,)``: options that were used before
    are then like any others."""
    first = np.zeros(len(packed.ints), bool)
    first[packed.offsets[:-1][np.diff(packed.offsets) > 0]] = True
    return first | afresh(learner, (packed.ints[:, FLAGS] & RESET) > 0)


def by_first_use(hidden: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Courses with their options numbered from 0 in the order of first use, ``int8 (courses, trials)``.

    Parameters
    ----------
    hidden
        Options, ``(courses, trials)``; -1 on trials without a hidden choice, which stays.
    begins
        Where numbers begin anew, ``bool (trials,)``.
    """
    result = np.full(hidden.shape, -1, np.int8)
    each, options = np.arange(len(hidden)), int(hidden.max(initial=0)) + 1
    label, used = np.full((len(hidden), options), -1, np.int8), np.zeros(len(hidden), np.int8)
    for t, begin in enumerate(begins):
        if begin:
            label[:], used[:] = -1, 0
        chosen = hidden[:, t] >= 0
        courses, option = each[chosen], hidden[chosen, t]
        new = courses[label[courses, option] < 0]
        label[new, hidden[new, t]] = used[new]
        used[new] += 1
        result[courses, t] = label[courses, option]
    return result


def labelled_courses(learner: Learner, packed: Packed, courses: np.ndarray) -> np.ndarray:
    """Courses as they are stored and shown, ``int8 (courses, trials)``: -1 on trials without a hidden choice, and exchangeable options numbered
    by first use."""
    hidden = np.where((packed.ints[:, FLAGS] & HIDES) > 0, courses, -1).astype(np.int8)
    return by_first_use(hidden, begins_afresh(learner, packed)) if learner.exchangeable else hidden
