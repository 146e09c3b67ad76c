"""Compiled kernels of learners whose hidden choices are a Markov chain: the likelihood with its gradient, and its trial-wise trace."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

from trialwise.engine.kernels.compiled import (
    EVERY_ACTION,
    gradient_kernel,
    kernel,
    kit_for,
    lanes_for,
    participant_builder,
    span,
)
from trialwise.engine.kernels.to_compiled import INLINED, Adapter
from trialwise.engine.numbers.dual import store_tangents, value
from trialwise.engine.objects.task import TaskType, cursors_for, make_task
from trialwise.engine.packed import Packed
from trialwise.engine.tables.making import off_stack, preference_table
from trialwise.engine.walks.forward import build_advance, build_forward, build_hidden_shares
from trialwise.engine.walks.parts import build_parts
from trialwise.learners.learner import Learner


def likelihood_kernel(learner: Learner, packed: Packed) -> Callable:
    """The log-likelihood and its gradient, as :func:`trialwise.engine.kernels.compiled.gradient_kernel` has them.

    Hidden choices that are a Markov chain are summed over; others are those given in the trials, so that the likelihood is that of
    the responses and of hidden choices jointly.
    """
    return (forward_kernel if learner.markov else gradient_kernel)(learner, packed)


def forward_kernel(learner: Learner, packed: Packed) -> Callable:
    """The likelihood and its gradient, on duals; arguments and results as for :func:`trialwise.engine.kernels.compiled.gradient_kernel`."""
    width = lanes_for(packed.all_slots)

    def build() -> Callable:
        run = _build(learner, packed, width, tracing=False)

        def gradient(free, constants, rows, offsets, observed, ints, reals, sizes, numbers):
            return run(free, constants, rows, offsets, observed, ints, reals, sizes, numbers, None, None, None, None)

        return numba.njit(gradient, **INLINED)

    return kernel("forward", learner, packed, width, build)


def forward_trace_kernel(learner: Learner, packed: Packed) -> Callable:
    """``(free, constants, rows, offsets, observed, ints, reals, sizes, numbers, record, signals, transitions, chances) -> (log-likelihood, _)``,
    on doubles; fills the last four, see :func:`trialwise.engine.walks.forward.build_forward`."""
    return kernel("forward_trace", learner, packed, 0, lambda: _build(learner, packed, 0, tracing=True))


def _build(learner: Learner, packed: Packed, width: int, tracing: bool) -> Callable:
    adapter = Adapter(width)
    parts = build_parts(learner, packed.layout, kit_for(adapter), tracing=tracing)
    options, pairs = packed.options, packed.options**2
    hidden_shares = adapter(build_hidden_shares(parts, EVERY_ACTION, options))
    loop = adapter(build_forward(parts, hidden_shares, adapter(build_advance(options)), options, tracing))
    participant_of = participant_builder(learner, adapter, packed.slots)
    task_of = make_task(TaskType(packed.names, packed.actions, width, packed.forgets))
    lanes, tangents, actions = max(width, 1), max(width - 1, 1), packed.actions
    size, option_size, pair_size = off_stack(width, actions), off_stack(width, options), off_stack(width, pairs)

    def forward(
        free, constants, rows, offsets, observed, ints, reals, sizes, numbers, record, signals, transitions, chances
    ):
        segments, parameters = len(offsets) - 1, free.shape[1]
        likelihood, slope = np.zeros(segments), np.zeros((segments, parameters))
        flat = slope.reshape(-1)
        arena, lines = np.empty(numbers[0] * lanes), np.empty(numbers[2] * 2 * lanes)
        task = task_of(arena, np.empty(numbers[1], np.int64), lines, cursors_for(numbers, lanes), sizes)
        s1, s2, s3 = np.zeros(size + 1), np.zeros(option_size + 1), np.zeros(option_size + 1)
        s4, s5, s6 = np.zeros(option_size + 1), np.zeros(option_size + 1), np.zeros(pair_size + 1)
        preference, logits = preference_table(width, actions, s1), preference_table(width, options, s2)
        slopes, path = preference_table(width, options, s3), preference_table(width, options, s4)
        new_path, steps = preference_table(width, options, s5), preference_table(width, pairs, s6)
        shares, ahead, belief = np.zeros(options), np.zeros(options), np.zeros(options)
        joint, logs, moves = np.zeros(options), np.zeros(options), np.zeros(pairs)
        for s in range(segments):
            begin, end = span(offsets, s)
            for first in range(0, max(parameters, 1) if width else 1, tangents):
                participant = participant_of(free, rows[s], constants, first)
                task.rewind()
                total = loop(
                    participant, task, preference, logits, shares, ahead, belief, joint, logs, moves, slopes, path, new_path, steps, observed,
                    ints, reals, begin, end, record, signals, transitions, chances,
                )  # fmt: skip
                likelihood[s] = value(total)
                if width:
                    store_tangents(total, flat, s * parameters + first, min(tangents, parameters - first))
        s1[0], s2[0], s3[0], s4[0], s5[0], s6[0] = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0  # tables do not keep their memory alive
        return likelihood, slope

    return numba.njit(forward, **INLINED)
