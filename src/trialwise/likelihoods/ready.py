"""Likelihoods made ready: what stays the same from one call to the next is worked out once.

To arrange the trials for a learner, to try it in plain Python and to find its kernel takes longer than the kernel itself.
All of it depends on the learner and the trials alone, and is kept for as long as the trials live. Their arrays become
read-only then: to change one in place would otherwise go unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from trialwise.data.trials import Trials
from trialwise.engine import explain
from trialwise.engine.packed import Packed, pack
from trialwise.engine.run import kernel_inputs
from trialwise.learners.learner import Learner


class Ready(NamedTuple):
    """A learner's gradient kernel with all of its arguments but the parameters."""

    learner: Learner
    packed: Packed
    kernel: Callable
    arguments: tuple[np.ndarray, ...]

    def __call__(self, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihood ``(participants,)`` and gradient ``(participants, parameters)``."""
        with explain.compilation(self.learner, self.packed, tried=True):
            return self.kernel(free, *self.arguments)


_READY: WeakKeyDictionary[Trials, dict[Learner, Ready]] = WeakKeyDictionary()
_MOST = 16
"""Learners remembered for the same trials."""


def ready(learner: Learner, trials: Trials) -> Ready:
    """What evaluates a learner on trials; errors as those of :func:`trialwise.engine.packed.pack` and of compilation."""
    known = _READY.setdefault(trials, {})
    if learner not in known:
        packed = pack(learner, trials)
        with explain.compilation(learner, packed):
            from trialwise.engine.kernels.compiled import constants, gradient_kernel

            kernel = gradient_kernel(learner, packed)
        if len(known) >= _MOST:
            del known[next(iter(known))]
        _freeze(trials)
        known[learner] = Ready(learner, packed, kernel, (constants(learner), *kernel_inputs(packed)))
    return known[learner]


def _freeze(trials: Trials) -> None:
    columns = [column.values for column in trials.columns.values()]
    single = [trials.offsets, trials.choice, trials.reset, trials.available]
    for array in [*single, *columns, *trials.outcome.values(), *trials.response.values()]:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
