"""Run kernels on packed trials, compiled or in plain Python, and explain their errors in terms of the learner's text."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from trialwise.engine import explain
from trialwise.engine.arguments import check_rollout, in_rows, kernel_inputs
from trialwise.engine.flags import FLAGS, HIDDEN, TEACHES, WATCHES
from trialwise.engine.packed import Packed, end_of
from trialwise.engine.walks.parts import PLAIN, build_parts, participant_of, plain_options, plain_preference
from trialwise.engine.walks.replay import build_replay, build_rollout
from trialwise.learners.learner import Learner
from trialwise.learners.state import Task


def record_for(learner: Learner, packed: Packed) -> np.ndarray:
    """An empty record: log-likelihood, then the predictions of each response."""
    return np.full((len(packed.ints), end_of(learner, packed.actions).record), np.nan)


def run_gradient(learner: Learner, packed: Packed, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihood ``(participants,)`` and gradient ``(participants, slots in all)``, compiled on duals."""
    free = in_rows(packed, free)
    with explain.compilation(learner, packed, free=free):
        from trialwise.engine.kernels.compiled import constants, gradient_kernel

        likelihood, slope = gradient_kernel(learner, packed)(free, constants(learner), *kernel_inputs(packed))
    explain.check_filled(learner, packed, free, likelihood)
    return likelihood, slope


def run_trace(learner: Learner, packed: Packed, free: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Trial-wise record (:func:`record_for`), signals ``(trials, signals)`` and their names, compiled on doubles."""
    free, names = in_rows(packed, free), signal_names(learner, packed)
    record, signals = record_for(learner, packed), np.full((len(packed.ints), len(names)), np.nan)
    with explain.compilation(learner, packed, free=free):
        from trialwise.engine.kernels.compiled import constants, trace_kernel

        kernel = trace_kernel(learner, packed)
        kernel(free, constants(learner), *kernel_inputs(packed), record, signals)
    explain.check_record(learner, packed, free, record)
    return record, signals, names


def run_rollout(
    learner: Learner, packed: Packed, free: np.ndarray, potential: np.ndarray, random: np.ndarray
) -> tuple[Packed, np.ndarray, np.ndarray | None]:
    """The trials with simulated responses and outcomes, the log-probability of the draws, ``(trials,)``, and the hidden
    choices, ``int64 (trials,)``, or None if the learner makes none.

    ``potential`` is ``(trials, actions, outcomes)``; ``random`` holds the random numbers of each trial: those of each
    response (:attr:`trialwise.learners.responses.family.ResponseFamily.random`), then a uniform one for the hidden choice.
    """
    free = in_rows(packed, free)
    check_rollout(learner, packed, potential, random)
    observed, ints, reals = packed.observed.copy(), packed.ints.copy(), packed.reals.copy()
    record = record_for(learner, packed)
    signals = np.full((len(reals), len(signal_names(learner, packed))), np.nan)
    first_outcome = packed.outcome[0][2] if packed.outcome else 0
    rows, offsets, _, _, _, sizes, capacity = kernel_inputs(packed)
    simulated = replace(packed, observed=observed, ints=ints, reals=reals)
    with explain.compilation(learner, simulated, free=free):
        from trialwise.engine.kernels.compiled import constants, rollout_kernel

        kernel = rollout_kernel(learner, packed)
        kernel(
            free, constants(learner), rows, offsets, observed, ints, reals, sizes, capacity,
            record, signals, potential, first_outcome, random,
        )  # fmt: skip
    explain.check_record(learner, simulated, free, record)
    return simulated, record[:, 0], _hidden(learner, ints)


def run_plain(learner: Learner, packed: Packed, free: np.ndarray) -> np.ndarray:
    """Log-likelihood ``(participants,)``, in plain Python."""
    return _loop_plain(learner, packed, free, None, None)


def trace_plain(learner: Learner, packed: Packed, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Trial-wise record and signals, in plain Python."""
    record = record_for(learner, packed)
    signals = np.full((len(packed.ints), max(len(signal_names(learner, packed)), 1)), np.nan)
    _loop_plain(learner, packed, free, record, signals)
    return record, signals


def rollout_plain(
    learner: Learner, packed: Packed, free: np.ndarray, potential: np.ndarray, random: np.ndarray
) -> tuple[Packed, np.ndarray, np.ndarray | None]:
    """As :func:`run_rollout`, in plain Python."""
    free = in_rows(packed, free)
    check_rollout(learner, packed, potential, random)
    observed, ints, reals = packed.observed.copy(), packed.ints.copy(), packed.reals.copy()
    record = record_for(learner, packed)
    signals = np.full((len(reals), len(signal_names(learner, packed))), np.nan)
    loop = build_rollout(build_parts(learner, packed.layout, PLAIN, tracing=True))
    first_outcome = packed.outcome[0][2] if packed.outcome else 0
    simulated = replace(packed, observed=observed, ints=ints, reals=reals)
    for segment, row in enumerate(packed.rows):
        first, end = packed.offsets[segment : segment + 2]
        with explain.compilation(learner, simulated, tried=True, free=free):
            loop(
                participant_of(learner, packed, free[row]), task_of(packed), plain_preference(packed), plain_options(packed), observed, ints, reals, first, end,
                record, signals, potential, first_outcome, random,
            )  # fmt: skip
    explain.check_record(learner, simulated, free, record)
    return simulated, record[:, 0], _hidden(learner, ints)


def _hidden(learner: Learner, ints: np.ndarray) -> np.ndarray | None:
    return ints[:, HIDDEN].astype(np.int64) if learner.hides else None


def _loop_plain(learner, packed, free, record, signals):
    loop = build_replay(build_parts(learner, packed.layout, PLAIN, tracing=record is not None))
    free, likelihood = in_rows(packed, free), np.empty(len(packed.rows))
    with np.errstate(all="ignore"):
        for segment, row in enumerate(packed.rows):
            with explain.compilation(learner, packed, tried=True, free=free):
                total, scale = loop(
                    participant_of(learner, packed, free[row]), task_of(packed), plain_preference(packed), plain_options(packed), packed.observed, packed.ints, packed.reals,
                    packed.offsets[segment], packed.offsets[segment + 1], record, signals,
                )  # fmt: skip
            likelihood[segment] = total - math.log(scale) if scale > 0 else np.nan
    explain.check_filled(learner, packed, free, likelihood)
    return likelihood


def task_of(packed: Packed) -> Task:
    return Task(dict(zip(packed.names, (int(size) for size in packed.sizes), strict=True)))


def signal_names(learner: Learner, packed: Packed) -> list[str]:
    """Names of the signals; their number is that of the values ``learn``, or ``watch``, returns on the first trial with learning."""
    if not (learner.learns and (packed.ints[:, FLAGS] & (TEACHES | WATCHES)).any()):
        return []
    count = explain.signal_count(learner, packed)
    declared = list(learner.signals)
    return declared if len(declared) == count else ["signal", *(f"signal_{k}" for k in range(2, count + 1))][:count]
