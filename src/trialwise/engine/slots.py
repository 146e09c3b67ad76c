"""Slots of parameters: the columns of the matrix of parameters that a field takes its value from on each trial."""

from __future__ import annotations

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.data.trials import Trials
from trialwise.engine.packed import ONE, Slot, Slots
from trialwise.learners.learner import Learner
from trialwise.learners.varied import check_varied


def slots_of(learner: Learner, trials: Trials, ints: list[np.ndarray], reals: list[np.ndarray]) -> Slots:
    """The slots of each field with a free value; appends the columns that they refer to.

    Raises
    ------
    UsageError
        If the trials lack what the parameters vary with (:func:`trialwise.learners.varied.check_varied`), or if a participant has no
        trials, and so no first value.
    """
    fields = learner.free_fields
    check_varied(str(learner), {name: learner.varied[name] for name in fields if name in learner.varied}, trials)
    if learner.varied and not trials.lengths.all():
        empty = trials.participants[int(np.argmin(trials.lengths))]
        raise UsageError(
            f"participant {empty!r} has no trials, and parameters of {learner} vary: there is no first value"
        )
    slots: list[Slot] = []
    first = 0
    for name in fields:
        slot, varied = ONE, learner.varied.get(name)
        if varied is not None and varied.levels is None:
            slot = Slot(2, "number", len(reals))
            reals.append(np.asarray(trials.columns[varied.column].values, float))
        elif varied is not None:
            slot = Slot(len(varied.levels), "level", len(ints))
            ints.append(first + varied.slots(trials))
        slots.append(slot)
        first += slot.size
    return tuple(slots)
