"""Draw courses of hidden choices: the sequences of participants' hidden choices, given their parameters and responses."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from trialwise.base.streams import stream
from trialwise.engine import explain
from trialwise.engine.arguments import in_rows, kernel_inputs
from trialwise.engine.packed import Packed
from trialwise.engine.run import task_of
from trialwise.engine.swarm import PLAIN as PLAIN_SWARM
from trialwise.engine.walks.courses import build_courses
from trialwise.engine.walks.particles import build_weigh
from trialwise.engine.walks.parts import PLAIN, build_parts, participant_of, plain_options, plain_preference
from trialwise.engine.walks.replay import build_replay
from trialwise.learners.learner import Learner
from trialwise.learners.state import Table

PARTICLES = 32
"""Default number of particles."""

HALF = 0.5
"""Particles are resampled if the effective fraction of them falls below this."""

WINDOW = 8
"""Number of trials by which pasts are compared first, see :mod:`trialwise.engine.walks.courses`; longer windows follow."""

PERMUTED = 4
"""Largest number of exchangeable labels that are permuted, in all 24 ways."""


class Drawn(NamedTuple):
    """What happened while courses were drawn.

    Attributes
    ----------
    fine
        False for each segment of trials of which no particle could explain a response; its course is then meaningless.
    resamplings
        How often particles were resampled, one number per segment.
    renewed
        Whether the hidden choice of each trial is another particle's than the kept one's, 0 or 1, ``(trials,)``; it may be the same option.
    """

    fine: np.ndarray
    resamplings: np.ndarray
    renewed: np.ndarray


def permutations_of(learner: Learner, options: int, keys: np.ndarray) -> np.ndarray:
    """The permutations of the labels of hidden options that are tried, ``(permutations, options)``; the first changes nothing.

    All of them, or with more than four exchangeable options all of four labels, chosen by the streams ``keys``. They have to be a group: seen from
    a permuted course the same permutations must remain.
    """
    same = np.arange(options)
    if not learner.exchangeable:
        return same[None]
    labels = same
    if options > PERMUTED:
        labels = np.sort(stream(int(keys[0]), "permutations of labels").permutation(options)[:PERMUTED])
    orders = np.array(list(itertools.permutations(labels)))
    permutations = np.tile(same, (len(orders), 1))
    permutations[:, labels] = orders
    return permutations


Drawer = Callable[..., Drawn]
"""``(free, keys, conditional=True)``: replace the course of every segment of trials in place, given parameters ``free (rows, slots in all)`` on the
natural scale and random streams ``keys uint64 (segments,)``. Unless ``conditional`` a course is drawn without a present one, from the
particles alone: their distribution is the right one only for many of them."""


def course_drawer(
    learner: Learner, packed: Packed, particles: int = PARTICLES, *, window: int = WINDOW, threshold: float = HALF, plain: bool = False
) -> Drawer:  # fmt: skip
    """A function that draws the courses of trials.

    Parameters
    ----------
    packed
        The trials, with the present courses (:meth:`trialwise.engine.packed.Packed.with_hidden`), which are overwritten.
    particles
        Number of particles.
    window
        Number of trials by which pasts are compared first; 0 for no ancestor sampling.
    threshold
        Effective fraction of particles below which they are resampled.
    plain
        Draw in plain Python: slow, but a debugger can step through it.
    """
    run = _plain(learner, packed, particles) if plain else _compiled(learner, packed)

    def draw(free: np.ndarray, keys: np.ndarray, conditional: bool = True) -> Drawn:
        free, renewed = in_rows(packed, free), np.zeros(len(packed.ints), np.int64)
        permutations = permutations_of(learner, packed.options, keys)
        with explain.compilation(learner, packed, tried=True, free=free):
            return Drawn(*run(free, keys, permutations, particles, threshold, window, conditional, renewed), renewed)

    return draw


def _compiled(learner: Learner, packed: Packed) -> Callable:
    with explain.compilation(learner, packed):
        from trialwise.engine.kernels.compiled import constants
        from trialwise.engine.kernels.compiled_hidden import course_kernel

        kernel = course_kernel(learner, packed)
    rows, *data = kernel_inputs(packed)
    values = constants(learner)

    def run(free, *settings):
        return kernel(free, values, rows, *data, *settings)

    return run


def _plain(learner: Learner, packed: Packed, particles: int) -> Callable:
    parts = build_parts(learner, packed.layout, PLAIN, tracing=False)
    weigh = build_weigh(parts, False, PLAIN.every_action, packed.unscored)
    loop = build_courses(
        parts, PLAIN_SWARM, weigh, build_replay(parts, from_start=False), "reset" not in learner.methods
    )
    options, longest = packed.options, int(np.diff(packed.offsets).max())

    def run(free, keys, permutations, *settings):
        pasts, results = particles * len(permutations), []
        for segment, row in enumerate(packed.rows):
            first, end = (int(each) for each in packed.offsets[segment : segment + 2])
            result = loop(
                participant_of(learner, packed, free[row]), task_of(packed), particles, plain_preference(packed), plain_options(packed),
                np.zeros(packed.actions), np.zeros(options), np.zeros(options), np.zeros(options).view(Table), np.zeros(particles),
                np.zeros(longest, int), np.zeros((longest, particles), int), np.zeros((longest, particles), int), np.zeros(pasts, int),
                np.zeros(pasts), np.zeros(pasts), permutations, packed.observed, packed.ints, packed.reals, first, end, keys[segment],
                *settings[1:],
            )  # fmt: skip
            results.append(result)
        return tuple(np.array(each) for each in zip(*results, strict=True))

    return run
