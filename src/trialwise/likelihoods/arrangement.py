"""Trials arranged for a learner: what stays the same from one evaluation to the next is worked out once.

To arrange the trials, to try the learner in plain Python and to find its kernel takes longer than the kernel itself. All of
it depends on the learner and the trials alone, and is kept for as long as the trials live. Their arrays become read-only
then: to change one in place would otherwise go unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from trialwise.data.trials import Trials
from trialwise.engine import Packed, compilation, kernel_inputs, pack
from trialwise.learners.learner import Learner


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A learner with its trials as kernels read them."""

    learner: Learner
    packed: Packed

    @cached_property
    def kernel(self) -> Callable:
        """The gradient kernel, see :func:`trialwise.engine.kernels.compiled.gradient_kernel`; errors as those of compilation."""
        with compilation(self.learner, self.packed):
            from trialwise.engine import gradient_kernel

            return gradient_kernel(self.learner, self.packed)

    @cached_property
    def arguments(self) -> tuple[np.ndarray, ...]:
        """All arguments of the kernel but the parameters."""
        from trialwise.engine import constants

        return (constants(self.learner), *kernel_inputs(self.packed))


_ARRANGED: WeakKeyDictionary[Trials, dict[Learner, Arrangement]] = WeakKeyDictionary()
_MOST = 16
"""Learners remembered for the same trials."""


def arrangement(learner: Learner, trials: Trials) -> Arrangement:
    """The arrangement of the trials for the learner; errors as those of :func:`trialwise.engine.packed.pack`."""
    known = _ARRANGED.setdefault(trials, {})
    if learner not in known:
        packed = pack(learner, trials)
        # a copy: a frozen array is of another type to kernels, which would be compiled twice
        packed = replace(packed, observed=packed.observed.copy())
        if len(known) >= _MOST:
            del known[next(iter(known))]
        _freeze(trials)
        known[learner] = Arrangement(learner, packed)
    return known[learner]


def arranged_trials() -> int:
    """How many trials are arranged for some learner at the moment."""
    return len(_ARRANGED)


def _freeze(trials: Trials) -> None:
    columns = [column.values for column in trials.columns.values()]
    single = [trials.offsets, trials.choice, trials.reset, trials.available]
    for array in [*single, *columns, *trials.outcome.values(), *trials.response.values()]:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
