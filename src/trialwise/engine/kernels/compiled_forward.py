"""Compiled kernels of learners whose hidden choices are a Markov chain: the likelihood with its gradient, and its trial-wise trace."""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

from trialwise.engine.kernels.compiled import EVERY_ACTION, kernel, kit_for, lanes_for, participant_builder, span
from trialwise.engine.kernels.to_compiled import INLINED, Adapter
from trialwise.engine.numbers.dual import store_tangents, value
from trialwise.engine.objects.task import TaskType, cursors_for, make_task
from trialwise.engine.packed import Packed
from trialwise.engine.tables.making import flat_over, off_stack, preference_table
from trialwise.engine.walks.forward import build_advance, build_forward, build_hidden_shares
from trialwise.engine.walks.parts import build_parts
from trialwise.learners.learner import Learner


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
    hidden_shares = adapter(build_hidden_shares(parts, EVERY_ACTION))
    advance = adapter(build_advance(packed.options))
    loop = adapter(build_forward(parts, hidden_shares, advance, tracing))
    participant_of = participant_builder(learner, adapter, packed.slots)
    task_of = make_task(TaskType(packed.names, packed.actions, width, packed.forgets))
    lanes, tangents, actions, options = max(width, 1), max(width - 1, 1), packed.actions, packed.options
    size, option_size = off_stack(width, actions), off_stack(width, options)

    def forward(
        free, constants, rows, offsets, observed, ints, reals, sizes, numbers, record, signals, transitions, chances
    ):
        segments, parameters = len(offsets) - 1, free.shape[1]
        likelihood, slope = np.zeros(segments), np.zeros((segments, parameters))
        flat = slope.reshape(-1)
        arena, lines = np.empty(numbers[0] * lanes), np.empty(numbers[2] * 2 * lanes)
        task = task_of(arena, np.empty(numbers[1], np.int64), lines, cursors_for(numbers, lanes), sizes)
        buffer, option_buffer = np.zeros(size + 1), np.zeros(option_size + 1)
        preference, logits = preference_table(width, actions, buffer), preference_table(width, options, option_buffer)
        shares, ahead, belief = np.zeros(options), np.zeros(options), np.zeros(options)
        joint, logs, moves = np.zeros(options), np.zeros(options), np.zeros((options, options))
        m1, m2, m3 = np.zeros(options * lanes), np.zeros(options * lanes), np.zeros(options * lanes)
        m4 = np.zeros(options * options * lanes)
        slopes, path, new_path = flat_over(width, m1), flat_over(width, m2), flat_over(width, m3)
        steps = flat_over(width, m4)
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
        buffer[0], option_buffer[0] = 0.0, 0.0  # tables do not keep their memory alive
        m1[0], m2[0], m3[0], m4[0] = 0.0, 0.0, 0.0, 0.0
        return likelihood, slope

    return numba.njit(forward, **INLINED)
