"""Run the forward algorithm on packed trials, compiled or in plain Python."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trialwise.engine import explain
from trialwise.engine.arguments import in_rows, kernel_inputs
from trialwise.engine.flags import FLAGS, HIDES
from trialwise.engine.packed import Packed
from trialwise.engine.run import signal_names, task_of
from trialwise.engine.run_hidden import empty_record
from trialwise.engine.walks.forward import build_advance, build_forward, build_hidden_shares
from trialwise.engine.walks.parts import PLAIN, build_parts, participant_of, plain_options, plain_preference
from trialwise.learners.learner import Learner
from trialwise.learners.state import Table


class ForwardTrace(NamedTuple):
    """What a Markov chain of hidden choices and the responses say of each trial.

    Attributes
    ----------
    record, signals
        Log-probability and predictions of each trial, as :func:`trialwise.engine.run.run_trace` has them, and signals ``(trials, signals)``.
    transitions
        Probability of hidden option k after option j, ``(trials, j, k)``; in all rows the same where there was none before.
    chances
        Log-probability of the trial's responses with each hidden option, ``(trials, options)``.
    drawn
        Whether there is a hidden choice on the trial, ``bool (trials,)``; elsewhere transitions and chances are NaN.
    """

    record: np.ndarray
    signals: np.ndarray
    transitions: np.ndarray
    chances: np.ndarray
    drawn: np.ndarray


def run_forward(learner: Learner, packed: Packed, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood ``(participants,)`` and gradient ``(participants, slots in all)``, compiled on duals."""
    free = in_rows(packed, free)
    with explain.compilation(learner, packed, free=free):
        from trialwise.engine.kernels.compiled import constants
        from trialwise.engine.kernels.compiled_forward import forward_kernel

        likelihood, slope = forward_kernel(learner, packed)(free, constants(learner), *kernel_inputs(packed))
    explain.check_filled(learner, packed, free, likelihood)
    return likelihood, slope


def trace_forward(learner: Learner, packed: Packed, free: np.ndarray) -> tuple[ForwardTrace, list[str]]:
    """The trace at ``free (rows, parameters)``, compiled on doubles, and the names of its signals."""
    free, names = in_rows(packed, free), signal_names(learner, packed)
    trace = _empty(learner, packed, names)
    with explain.compilation(learner, packed, free=free):
        from trialwise.engine.kernels.compiled import constants
        from trialwise.engine.kernels.compiled_forward import forward_trace_kernel

        forward_trace_kernel(learner, packed)(free, constants(learner), *kernel_inputs(packed), *trace[:4])
    explain.check_record(learner, packed, free, trace.record)
    return trace, names


def _empty(learner: Learner, packed: Packed, names: list[str]) -> ForwardTrace:
    count, options = len(packed.ints), packed.options
    return ForwardTrace(
        empty_record(learner, packed), np.full((count, len(names)), np.nan), np.full((count, options, options), np.nan),
        np.full((count, options), np.nan), (packed.ints[:, FLAGS] & HIDES) > 0,
    )  # fmt: skip


def forward_plain(learner: Learner, packed: Packed, free: np.ndarray) -> tuple[np.ndarray, ForwardTrace]:
    """Log-likelihood ``(participants,)`` and the trace, in plain Python: slow, but a debugger can step through it."""
    parts, options = build_parts(learner, packed.layout, PLAIN, tracing=True), packed.options
    hidden_shares = build_hidden_shares(parts, PLAIN.every_action, options)
    loop, free = build_forward(parts, hidden_shares, build_advance(options), options, True), in_rows(packed, free)
    trace, likelihood = _empty(learner, packed, signal_names(learner, packed)), np.empty(len(packed.rows))
    with np.errstate(all="ignore"):
        for segment, row in enumerate(packed.rows):
            with explain.compilation(learner, packed, tried=True, free=free):
                likelihood[segment] = loop(
                    participant_of(learner, packed, free[row]), task_of(packed), plain_preference(packed), plain_options(packed),
                    *np.zeros((5, options)), np.zeros(options**2), *np.zeros((3, options)).view(Table), np.zeros(options**2),
                    packed.observed, packed.ints, packed.reals, *packed.offsets[segment : segment + 2], *trace[:4],
                )  # fmt: skip
    explain.check_filled(learner, packed, free, likelihood)
    return likelihood, trace
