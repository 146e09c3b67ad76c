"""Trials arranged for a learner, cached between evaluations of the likelihood.

Arranging the trials, trying the learner in plain Python and looking up its kernel take longer than the kernel itself. All of it
depends only on the learner and the trials, and is cached while the trials exist. Their arrays then become read-only: otherwise a
change in place would go unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np

from trialwise.data.check_arrays import check_arrays
from trialwise.data.trials import Trials
from trialwise.engine import Packed, compilation, kernel_inputs, pack
from trialwise.learners.learner import Learner
from trialwise.learners.violations import check_data


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A learner with its trials in the layout of kernels."""

    learner: Learner
    packed: Packed

    @cached_property
    def kernel(self) -> Callable:
        """The kernel, see :func:`trialwise.engine.kernels.compiled_forward.likelihood_kernel`, with the errors of compilation."""
        with compilation(self.learner, self.packed):
            from trialwise.engine import likelihood_kernel

            return likelihood_kernel(self.learner, self.packed)

    @cached_property
    def arguments(self) -> tuple[np.ndarray, ...]:
        """All arguments of the kernel except the parameters."""
        from trialwise.engine import constants

        return (constants(self.learner), *kernel_inputs(self.packed))


_CACHE: WeakKeyDictionary[Trials, dict[Learner, Arrangement]] = WeakKeyDictionary()
_MAX_LEARNERS = 16
"""Maximum number of learners cached for the same trials."""


def arrangement(learner: Learner, trials: Trials) -> Arrangement:
    """The arrangement of the trials for the learner.

    Raises the errors of :func:`trialwise.engine.packing.pack` and :func:`trialwise.learners.violations.check_data`.
    """
    cached = _CACHE.setdefault(trials, {})
    if learner not in cached:
        check_arrays(trials)
        packed = pack(learner, trials)
        check_data(learner, trials)
        # a copy: to kernels a read-only array has another type, and they would be compiled twice
        packed = replace(packed, observed=packed.observed.copy())
        if len(cached) >= _MAX_LEARNERS:
            del cached[next(iter(cached))]
        _freeze(trials)
        cached[learner] = Arrangement(learner, packed)
    return cached[learner]


def arranged_trials() -> int:
    """Number of data sets with an arrangement in the cache."""
    return len(_CACHE)


def _freeze(trials: Trials) -> None:
    columns = [column.values for column in trials.columns.values()]
    single = [trials.offsets, trials.choice, trials.reset, trials.available, trials.scored]
    for array in [*single, *columns, *trials.outcome.values(), *trials.response.values()]:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
