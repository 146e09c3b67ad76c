"""Run the kernels of learners with a hidden choice: many jobs on all cores, with errors explained."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from trialwise.base.cores import cores
from trialwise.base.errors import UsageError
from trialwise.engine import explain
from trialwise.engine.arguments import check_jobs, in_rows, kernel_inputs
from trialwise.engine.flags import FLAGS, HIDES, RESET, RESPONDED
from trialwise.engine.packed import WHOLE, Packed
from trialwise.engine.run import record_for, signal_names, task_of
from trialwise.engine.swarm import PLAIN as PLAIN_SWARM
from trialwise.engine.walks.particles import build_particles, build_weigh
from trialwise.engine.walks.parts import PLAIN, build_parts, participant_of, plain_options, plain_preference
from trialwise.learners.learner import Learner
from trialwise.learners.responses.plain_numbers import GOLDEN
from trialwise.learners.state import Table

THRESHOLD = 0.6
"""Particles are resampled if the effective fraction of them falls below this."""

MOST_STEPS = 30_000_000
"""The largest number of trials, summed over all sequences of hidden choices, that :func:`run_exact` computes (a few seconds)."""


class Estimates(NamedTuple):
    """Results of particle filters: log-likelihood ``(jobs,)``, score ``(jobs, parameters)`` (no columns if not computed), and
    numbers of resamplings."""

    log_likelihood: np.ndarray
    score: np.ndarray
    resamplings: np.ndarray


class Trace(NamedTuple):
    """The history of one particle filter of one participant: see :func:`trialwise.engine.walks.particles.build_particles`."""

    record: np.ndarray
    signals: np.ndarray
    hidden: np.ndarray
    weight: np.ndarray
    parent: np.ndarray


def stream_keys(base: np.ndarray | np.uint64, counter: np.ndarray | int) -> np.ndarray:
    """Keys of random streams, ``uint64``, from the participants' keys and a counter."""
    with np.errstate(over="ignore"):
        z = np.asarray(base, np.uint64) + (np.asarray(counter).astype(np.uint64) + np.uint64(1)) * np.uint64(
            0xD1342543DE82EF95
        )
        z = (z ^ (z >> np.uint64(32))) * np.uint64(GOLDEN)
        return np.asarray(z ^ (z >> np.uint64(29)), np.uint64)


def check_particles(learner: Learner, particles: int) -> None:
    """Check that there are enough particles for the hidden options.

    Raises
    ------
    UsageError
        If there are fewer particles than hidden options.
    """
    if (
        isinstance(particles, bool)
        or not isinstance(particles, int | np.integer)
        or particles < max(2, learner.options)
    ):
        options = f": {learner} has {learner.options} hidden options" if learner.options > 2 else ""
        raise UsageError(f"particles={particles!r}: {max(2, learner.options)} or more are wanted{options}")


def run_particles(
    learner: Learner,
    packed: Packed,
    free: np.ndarray,
    segments: np.ndarray,
    keys: np.ndarray,
    particles: int,
    *,
    scored: bool = False,
    threshold: float = THRESHOLD,
    relabel: bool = False,
    threads: int | None = None,
) -> Estimates:
    """Estimates for many jobs, distributed over the cores: job j is participant ``segments[j]`` at ``free[j]`` with stream ``keys[j]``."""
    from trialwise.engine.kernels.compiled import constants

    check_jobs(packed, free, segments, keys)
    free = in_rows(packed, free, np.arange(len(segments)))
    with explain.compilation(learner, _jobs(packed, segments), free=free):
        from trialwise.engine.kernels.compiled_hidden import particle_kernel

        kernel = particle_kernel(learner, packed, scored=scored, relabel=relabel)
        _, *data = kernel_inputs(packed)
        no_trace = (None,) * 5
        constant_values, counts = constants(learner), np.full(len(segments), particles, np.int64)

        def run_jobs(jobs: np.ndarray):
            rows = np.arange(len(jobs))
            return kernel(
                np.ascontiguousarray(free[jobs]),
                constant_values,
                rows,
                segments[jobs],
                keys[jobs],
                counts[jobs],
                threshold,
                *data,
                *no_trace,
            )

        count = len(segments)
        workers = min(threads or cores(), max(count, 1))
        lengths = np.diff(packed.offsets)[segments]
        if workers == 1 or (lengths * counts).sum() < 100_000:
            estimates = Estimates(*run_jobs(np.arange(count)))
            _check_filled(learner, packed, free, segments, estimates.log_likelihood)
            return estimates
        first = run_jobs(np.arange(1))  # this call may compile, which threads must not do concurrently
        chunks = np.array_split(np.arange(1, count), min(count - 1, 8 * workers)) if count > 1 else []
        with ThreadPoolExecutor(workers) as pool:
            parts = [first, *pool.map(run_jobs, chunks)]
        estimates = Estimates(*(np.concatenate([part[k] for part in parts]) for k in range(3)))
    _check_filled(learner, packed, free, segments, estimates.log_likelihood)
    return estimates


def _check_filled(learner: Learner, packed: Packed, free: np.ndarray, segments: np.ndarray, values: np.ndarray) -> None:
    """:func:`trialwise.engine.explain.check_filled` for jobs."""
    for job in np.flatnonzero(np.isnan(values))[:1]:
        explain.run_again(learner, packed.only(int(segments[job])), free[job][None])


def _jobs(packed: Packed, segments: np.ndarray) -> Packed:
    """The trials with the segments of jobs that have a row of parameters each, for messages: a segment's first job."""
    rows = np.zeros(len(packed.rows), WHOLE)
    rows[segments[::-1]] = np.arange(len(segments))[::-1]
    return replace(packed, rows=rows)


def run_exact(
    learner: Learner, packed: Packed, free: np.ndarray, *, relabel: bool | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-likelihood ``(participants,)``, its gradient ``(participants, parameters)``, and the number of sequences of hidden
    choices that were summed.

    Raises
    ------
    UsageError
        If there are too many sequences.
    """
    free, relabel = in_rows(packed, free), learner.exchangeable if relabel is None else relabel
    relabel_after_reset = "reset" not in learner.methods
    for n in range(len(packed.rows)):
        trials, steps = packed.ints[packed.offsets[n] : packed.offsets[n + 1], FLAGS], 0.0
        counts = [1.0] + [0.0] * packed.options  # number of sequences so far, by how many options they have used
        for t, flags in enumerate(trials):
            if relabel and relabel_after_reset and flags & RESET and t:
                counts = [sum(counts)] + [0.0] * packed.options
            if flags & HIDES:
                if relabel:
                    counts = [
                        (counts[u] * u if u else 0.0) + (counts[u - 1] if u else 0.0) for u in range(packed.options + 1)
                    ]
                else:
                    counts[0] *= packed.options
            steps += sum(counts)
            if steps > MOST_STEPS:
                choices_left = float((trials[t + 1 :] & HIDES > 0).sum())
                size = math.log10(sum(counts)) + choices_left * math.log10(packed.options)
                raise UsageError(
                    f"method='exact' sums over all sequences of hidden choices: about 10^{size:.0f} of them for participant "
                    f"{n + 1} with {len(trials)} trials. It is meant for a dozen trials; use method='particle'"
                )
    with explain.compilation(learner, packed, free=free):
        from trialwise.engine.kernels.compiled import constants
        from trialwise.engine.kernels.compiled_hidden import enumeration_kernel

        kernel = enumeration_kernel(learner, packed, relabel=relabel)
        segments = np.arange(len(packed.rows))
        _, *data = kernel_inputs(packed)
        longest = int(np.diff(packed.offsets).max())
        likelihood, slope, sequences = kernel(free, constants(learner), segments, segments, longest, *data)
    explain.check_filled(learner, packed, free, likelihood)
    return likelihood, slope, sequences


def run_traced(learner: Learner, packed: Packed, n: int, free: np.ndarray, key: int, particles: int) -> Trace:
    """One filter of participant ``n`` at ``free (parameters,)`` with its history; options are labelled in order of first use."""
    subset, names = packed.only(n), signal_names(learner, packed)
    parameters = in_rows(subset, np.asarray(free)[None])
    with explain.compilation(learner, subset, free=parameters):
        from trialwise.engine.kernels.compiled import constants
        from trialwise.engine.kernels.compiled_hidden import particle_kernel

        kernel = particle_kernel(learner, packed, scored=False, tracing=True)
        rows, *data = kernel_inputs(subset)
        trace = _empty_trace(learner, subset, names, particles)
        keys = np.array([key], np.uint64)
        kernel(
            parameters,
            constants(learner),
            np.zeros(1, np.int64),
            rows,
            keys,
            np.array([particles]),
            THRESHOLD,
            *data,
            *trace,
        )
    explain.check_record(learner, subset, parameters, trace.record)
    return trace


def empty_record(learner: Learner, packed: Packed) -> np.ndarray:
    """A record (:func:`trialwise.engine.run.record_for`) whose predictions are sums, over hidden options, that begin at 0."""
    record = record_for(learner, packed)
    record[(packed.ints[:, FLAGS] & RESPONDED) > 0, 1:] = 0.0
    return record


def _empty_trace(learner: Learner, packed: Packed, names: list[str], particles: int) -> Trace:
    count = len(packed.ints)
    shape = (count, particles)
    return Trace(
        empty_record(learner, packed),
        np.full((count * particles, len(names)), np.nan),
        np.full(shape, -1),
        np.zeros(shape),
        np.zeros(shape, np.int64),
    )


def trace_particles_plain(
    learner: Learner, packed: Packed, n: int, free: np.ndarray, key: int, particles: int
) -> tuple[float, Trace]:
    """As :func:`run_traced`, in plain Python, with the log-likelihood: slow, but a debugger can step through it."""
    subset = packed.only(n)
    (free,) = in_rows(subset, np.asarray(free)[None])
    parts = build_parts(learner, packed.layout, PLAIN, tracing=True)
    relabel = learner.exchangeable
    weigh = build_weigh(parts, relabel, PLAIN.every_action, packed.unscored)
    loop = build_particles(parts, PLAIN_SWARM, weigh, relabel, "reset" not in learner.methods, False, True)
    trace = _empty_trace(learner, subset, signal_names(learner, packed), particles)
    options, (used, *integers) = packed.options, [np.zeros(particles, np.int64) for _ in range(4)]
    with explain.compilation(learner, subset, tried=True, free=free[None]):
        total, _, _ = loop(
            participant_of(learner, packed, free), task_of(packed), particles, plain_preference(packed), plain_options(packed),
            np.zeros(packed.actions), np.zeros(options), np.zeros(options), np.zeros(options).view(Table), None,
            np.zeros(particles), used, np.zeros(particles), *integers, np.zeros(options, np.int64), subset.observed,
            subset.ints, subset.reals, 0, len(subset.ints), key, THRESHOLD, *trace,
        )  # fmt: skip
    explain.check_filled(learner, subset, free[None], np.array([total]))
    return total, trace
