"""Compiled kernels of learners with a hidden choice: the particle filter, and the sum over all sequences of hidden choices.

Each call runs many *jobs*: one participant at one row of parameters with one random stream. Many parameter values of one
participant, or repeated estimates, are thus one call, and jobs can be distributed over cores.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np
from numba.core.errors import NumbaError

from trialwise.engine.kernels import cache
from trialwise.engine.kernels.compiled import EVERY_ACTION, kernel, kit_for, participant_builder, span
from trialwise.engine.kernels.to_compiled import INLINED, Adapter
from trialwise.engine.numbers.abreast import PARTICLES
from trialwise.engine.numbers.dual import lanes_for, store_tangents, value
from trialwise.engine.objects.task import TaskType, cursors_for, make_task
from trialwise.engine.packed import Packed
from trialwise.engine.swarm import ABREAST, COMPILED
from trialwise.engine.tables.making import flat_over, off_stack, preference_table
from trialwise.engine.walks.courses import build_courses, build_follow, work_arrays
from trialwise.engine.walks.enumeration import build_enumeration
from trialwise.engine.walks.particles import Swarm, build_particles, build_weigh
from trialwise.engine.walks.parts import build_parts
from trialwise.learners.learner import Learner


def particle_kernel(
    learner: Learner, packed: Packed, *, scored: bool, tracing: bool = False, relabel: bool | None = None
):
    """The particle filter of many jobs, on doubles or, ``scored``, on duals.

    ``(free, constants, rows, segments, keys, counts, threshold, offsets, observed, ints, reals, sizes, numbers, record, signals,
    hidden, weight, parent) -> (log-likelihood, score, resamplings)``: job j is participant ``segments[j]`` at ``free[rows[j]]`` with
    stream ``keys[j]`` and ``counts[j]`` particles. The score is ``(jobs, parameters)``, without columns unless ``scored``. The last
    five arguments are filled if ``tracing``; see :func:`trialwise.engine.walks.particles.build_particles`.
    """
    relabel = learner.exchangeable if relabel is None else relabel
    width = lanes_for(packed.all_slots) if scored else 0

    def kernel_of(width: int) -> Callable:
        return kernel(
            f"particles{'_traced' * tracing}{'_relabelled' * relabel}", learner, packed, width,
            lambda: _build_particles(learner, packed, width, tracing, relabel),
        )  # fmt: skip

    if scored or tracing or relabel:
        return kernel_of(width)
    return _vectorised_if_possible(kernel_of, ONE_AT_A_TIME, learner, packed)


ONE_AT_A_TIME, WITH_PARAMETERS = "one particle at a time", "one particle with parameters at a time"
"""What is noted of a learner whose methods cannot be compiled for several particles; for those with parameters of their own."""


def _vectorised_if_possible(kernel_of: Callable, alone: str, learner: Learner, packed: Packed) -> Callable:
    """A kernel of several particles at once, or of one if that cannot be compiled, which is noted."""
    kernel_of(
        -PARTICLES if goes_abreast(learner, packed, alone) else 0
    )  # built here, and compiled when it is first called

    def run(*arguments):
        if goes_abreast(learner, packed, alone):
            try:
                return kernel_of(-PARTICLES)(*arguments)
            except NumbaError:
                cache.note(cache.key(alone, learner.key, packed.layout))
        return kernel_of(0)(*arguments)

    return run


def goes_abreast(learner: Learner, packed: Packed, alone: str = ONE_AT_A_TIME) -> bool:
    """Whether filters compute several particles at once, in vector registers: unless the learner's methods could not be compiled so."""
    return not cache.is_noted(cache.key(alone, learner.key, packed.layout))


def _swarm(adapter: Adapter) -> Swarm:
    """Operations on states, compiled."""
    operations = COMPILED if adapter.width >= 0 else ABREAST
    return operations._replace(**{name: adapter(part) for name, part in operations._asdict().items()})


def _build_particles(learner: Learner, packed: Packed, width: int, tracing: bool, relabel: bool) -> Callable:
    adapter, scored, group_size = Adapter(width), width > 0, max(-width, 1)
    parts = build_parts(learner, packed.layout, kit_for(adapter), tracing=tracing)
    swarm = _swarm(adapter)
    weigh = adapter(build_weigh(parts, relabel, EVERY_ACTION, packed.unscored))
    loop = adapter(build_particles(parts, swarm, weigh, relabel, "reset" not in learner.methods, scored, tracing))
    participant_of = participant_builder(learner, adapter, packed.slots)
    task_of = make_task(TaskType(packed.names, packed.actions, width, packed.forgets))
    lanes, tangents, actions, options = max(abs(width), 1), max(width - 1, 1), packed.actions, packed.options
    plain_width = min(width, 0)  # predicted probabilities carry no tangents
    lengths = [
        off_stack(w, n) + 1
        for w, n in ((width, actions), (plain_width, actions), (width, options), (plain_width, options))
    ]
    a, b, c, d = lengths

    def particles(
        free, constants, rows, segments, keys, counts, threshold, offsets, observed, ints, reals, sizes, numbers, record, signals, hidden,
        weight, parent,
    ):  # fmt: skip
        jobs, parameters, count = len(rows), free.shape[1], counts.max()
        likelihood, resampling_counts = np.zeros(jobs), np.zeros(jobs, np.int64)
        slope = np.zeros((jobs, parameters if scored else 0))
        flat = slope.reshape(-1)
        places = (count + group_size - 1) // group_size
        arena, lines = np.empty(numbers[0] * lanes * places), np.empty(numbers[2] * 2 * lanes * places)
        task = task_of(arena, np.empty(numbers[1] * places, np.int64), lines, cursors_for(numbers, lanes), sizes)
        s1, s2, s3, s4, s5, s6 = np.zeros(a), np.zeros(b), np.zeros(c), np.zeros(c), np.zeros(d), np.zeros(d)
        preference, shares = preference_table(width, actions, s1), preference_table(plain_width, actions, s2)
        logits, slopes = preference_table(width, options, s3), preference_table(width, options, s4)
        prior, joint = preference_table(plain_width, options, s5), preference_table(plain_width, options, s6)
        path_memory = np.zeros(count * lanes if scored else 0)
        padded = places * group_size
        weights, uniforms, used = np.zeros(padded), np.zeros(padded), np.zeros(count, np.int64)
        order, place = np.zeros(count, np.int64), np.zeros(count, np.int64)
        children, tally = np.zeros(padded, np.int64), np.zeros(options, np.int64)
        for j in range(jobs):
            begin, end = span(offsets, segments[j])
            n = counts[j]
            weights[n:] = 0.0
            path = flat_over(width, path_memory[: n * lanes if scored else 0])
            for first in range(0, max(parameters, 1) if scored else 1, tangents):
                participant = participant_of(free, rows[j], constants, first)
                task.rewind()
                total, score, resamplings = loop(
                    participant, task, n, preference, logits, shares, prior, joint, slopes, path, weights, used, uniforms, order[:n],
                    place[:n], children, tally, observed, ints, reals, begin, end, keys[j], threshold, record, signals,
                    hidden, weight, parent,
                )  # fmt: skip
                likelihood[j], resampling_counts[j] = total, resamplings
                if scored:
                    store_tangents(score, flat, j * parameters + first, min(tangents, parameters - first))
        s1[0], s2[0], s3[0], s4[0], s5[0], s6[0] = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0  # tables do not keep their memory alive
        if scored:
            path_memory[0] = 0.0
        return likelihood, slope, resampling_counts

    return numba.njit(particles, **INLINED)


def course_kernel(learner: Learner, packed: Packed):
    """The conditional filter of many participants, on numbers of several particles, or on doubles if the learner cannot be compiled so.

    ``(free, constants, offsets, observed, ints, reals, sizes, numbers, keys, permutations, chances, joint, count, threshold, window, conditional,
    renewed) -> (fine, resamplings, chosen)``, one of each per segment: segment s, whose particles have parameters from row ``s * count`` of
    ``free`` on, ``chances (segments, count)``, and stream ``keys[s]``, has its course in ``ints`` replaced; see
    :func:`trialwise.engine.walks.courses.build_courses`.
    """

    def kernel_of(width: int) -> Callable:
        return kernel("courses", learner, packed, width, lambda: _build_courses(learner, packed, width))

    return _vectorised_if_possible(kernel_of, WITH_PARAMETERS, learner, packed)


def _build_courses(learner: Learner, packed: Packed, width: int) -> Callable:
    adapter, size = Adapter(width), max(-width, 1)
    parts = build_parts(learner, packed.layout, kit_for(adapter, own=True), tracing=False)
    swarm = _swarm(adapter)
    weigh = adapter(build_weigh(parts, False, EVERY_ACTION, packed.unscored))
    follow = adapter(build_follow(parts, swarm, size, EVERY_ACTION, packed.unscored))
    participant_of = participant_builder(learner, adapter, packed.slots, own=True)
    loop = adapter(build_courses(parts, swarm, size, weigh, follow, "reset" not in learner.methods, participant_of))
    work_of = numba.njit(work_arrays, **INLINED)  # an adapter would make tables of arrays
    task_of = make_task(TaskType(packed.names, packed.actions, width, packed.forgets))
    actions, options = packed.actions, packed.options
    a, b = off_stack(width, actions) + 1, off_stack(width, options) + 1

    def courses(
        free, constants, offsets, observed, ints, reals, sizes, numbers, keys, permutations, chances, joint, count, threshold, window, conditional,
        renewed,
    ):  # fmt: skip
        segments, places, longest = len(joint), 2 * ((count + size - 1) // size) + 1, 0
        for s in range(segments):
            longest = max(longest, offsets[s + 1] - offsets[s])
        fine, resamplings, chosen = (
            np.zeros(segments, np.bool_),
            np.zeros(segments, np.int64),
            np.zeros(segments, np.int64),
        )
        arena, lines = np.empty(numbers[0] * size * places), np.empty(numbers[2] * 2 * size * places)
        task = task_of(arena, np.empty(numbers[1] * places, np.int64), lines, cursors_for(numbers, size), sizes)
        s1, s2, s3, s4, s5, s6 = np.zeros(a), np.zeros(a), np.zeros(b), np.zeros(b), np.zeros(b), np.zeros(b)
        preference, shares = preference_table(width, actions, s1), preference_table(width, actions, s2)
        logits, slopes = preference_table(width, options, s3), preference_table(width, options, s4)
        prior, terms = preference_table(width, options, s5), preference_table(width, options, s6)
        work = work_of(count, size, free.shape[1], longest, count * len(permutations))
        for s in range(segments):
            begin, end = np.int64(offsets[s]), np.int64(offsets[s + 1])  # signed: the filter counts back from the end
            task.rewind()
            fine[s], resamplings[s], chosen[s] = loop(
                free, constants, s * count, chances[s], joint[s], task, count, preference, logits, shares, prior, terms, slopes, work, permutations,
                observed, ints, reals, begin, end, keys[s], threshold, window, conditional, renewed,
            )  # fmt: skip
        s1[0], s2[0], s3[0], s4[0], s5[0], s6[0] = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0  # tables do not keep their memory alive
        return fine, resamplings, chosen

    return numba.njit(courses, **INLINED)


def enumeration_kernel(learner: Learner, packed: Packed, *, relabel: bool | None = None):
    """The exact likelihood of many jobs, on duals; arguments and results as for :func:`particle_kernel`, without streams.

    ``(free, constants, rows, segments, longest, offsets, ...) -> (log-likelihood, score, sequences)``.
    """
    relabel = learner.exchangeable if relabel is None else relabel
    width = lanes_for(packed.all_slots)
    return kernel(
        f"enumeration{'_relabelled' * relabel}", learner, packed, width,
        lambda: _build_enumeration(learner, packed, width, relabel),
    )  # fmt: skip


def _build_enumeration(learner: Learner, packed: Packed, width: int, relabel: bool) -> Callable:
    adapter = Adapter(width)
    parts = build_parts(learner, packed.layout, kit_for(adapter), tracing=False)
    swarm = _swarm(adapter)
    weigh = adapter(build_weigh(parts, relabel, EVERY_ACTION, packed.unscored))
    loop = adapter(build_enumeration(parts, swarm, weigh, "reset" not in learner.methods))
    participant_of = participant_builder(learner, adapter, packed.slots)
    task_of = make_task(TaskType(packed.names, packed.actions, width, packed.forgets))
    tangents, actions, options = width - 1, packed.actions, packed.options
    lengths = [off_stack(w, n) + 1 for w, n in ((width, actions), (0, actions), (width, options), (0, options))]
    a, b, c, d = lengths

    def enumeration(free, constants, rows, segments, longest, offsets, observed, ints, reals, sizes, numbers):
        jobs, parameters, places = len(rows), free.shape[1], longest + 1
        likelihood, sequences = np.zeros(jobs), np.zeros(jobs, np.int64)
        slope = np.zeros((jobs, parameters))
        flat = slope.reshape(-1)
        arena, lines = np.empty(numbers[0] * width * places), np.empty(numbers[2] * 2 * width * places)
        task = task_of(arena, np.empty(numbers[1] * places, np.int64), lines, cursors_for(numbers, width), sizes)
        s1, s2, s3, s4, s5, s6 = np.zeros(a), np.zeros(b), np.zeros(c), np.zeros(c), np.zeros(d), np.zeros(d)
        preference, shares = preference_table(width, actions, s1), preference_table(0, actions, s2)
        logits, slopes = preference_table(width, options, s3), preference_table(width, options, s4)
        prior, joint = preference_table(0, options, s5), preference_table(0, options, s6)
        path_memory, step_memory = np.zeros(places * width), np.zeros(places * options * width)
        path, steps = flat_over(width, path_memory), flat_over(width, step_memory)
        mass, chances = np.zeros(places), np.zeros((places, options))
        used, next_option = np.zeros(places, np.int64), np.zeros(places, np.int64)
        for j in range(jobs):
            begin, end = span(offsets, segments[j])
            for first in range(0, max(parameters, 1), tangents):
                participant = participant_of(free, rows[j], constants, first)
                task.rewind()
                total, count = loop(
                    participant, task, preference, logits, shares, prior, joint, slopes, path, mass, used, next_option, chances,
                    steps, observed, ints, reals, begin, end,
                )  # fmt: skip
                likelihood[j], sequences[j] = np.log(value(total)), count
                store_tangents(total, flat, j * parameters + first, min(tangents, parameters - first))
            for k in range(parameters):
                slope[j, k] /= np.exp(likelihood[j])
        s1[0], s2[0], s3[0], s4[0], s5[0], s6[0] = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0  # tables do not keep their memory alive
        path_memory[0], step_memory[0] = 0.0, 0.0
        return likelihood, slope, sequences

    return numba.njit(enumeration, **INLINED)
