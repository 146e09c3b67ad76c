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
from trialwise.engine.walks.courses import build_courses, build_follow, work_arrays
from trialwise.engine.walks.particles import build_weigh
from trialwise.engine.walks.parts import PLAIN, build_parts, participant_of, plain_options, plain_preference
from trialwise.learners.learner import Learner
from trialwise.learners.state import Table

PARTICLES = 32
"""Default number of particles."""

THRESHOLD = 0.3
"""Particles are resampled if the effective fraction of them falls below this."""

WINDOW = 8
"""Number of trials by which pasts are compared first, see :mod:`trialwise.engine.walks.courses`."""

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
    chosen
        Which particle's parameters the course has, one number per segment; 0 are the present ones.
    renewed
        Whether the hidden choice of each trial is another particle's than the kept one's, 0 or 1, ``(trials,)``; it may be the same option.
    """

    fine: np.ndarray
    resamplings: np.ndarray
    chosen: np.ndarray
    renewed: np.ndarray


class Candidates(NamedTuple):
    """Parameters of particles, of which one is drawn together with the course.

    Attributes
    ----------
    free
        Natural values ``(particles, rows, slots in all)``; those of the first particle are the present ones.
    chances
        Their probabilities before any response, ``(rows, particles)``, which sum to 1.
    joint
        For which segments candidates are to be drawn, ``bool (segments,)``; the particles of others have the present parameters.
    """

    free: np.ndarray
    chances: np.ndarray
    joint: np.ndarray


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
"""``(free, keys, conditional=True, candidates=None)``: replace the course of every segment of trials in place, given parameters ``free (rows, slots in
all)`` on the natural scale and random streams ``keys uint64 (segments,)``. Unless ``conditional`` a course is drawn without a present one, from the
particles alone: their distribution is the right one only for many of them. With :class:`Candidates` parameters are drawn, too."""


def course_drawer(
    learner: Learner, packed: Packed, particles: int = PARTICLES, *, window: int = WINDOW, threshold: float = THRESHOLD, plain: bool = False
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
    run = (_plain if plain else _compiled)(learner, packed)
    nobody = np.zeros(len(packed.rows), np.bool_)

    def draw(
        free: np.ndarray, keys: np.ndarray, conditional: bool = True, candidates: Candidates | None = None
    ) -> Drawn:
        renewed = np.zeros(len(packed.ints), np.int64)
        own = np.repeat(in_rows(packed, free)[packed.rows][:, None], particles, 1)
        chances, joint = np.full(own.shape[:2], 1.0 / particles), nobody
        if candidates is not None:
            joint = candidates.joint
            own[joint] = np.swapaxes(candidates.free, 0, 1)[packed.rows[joint]]
            chances[joint] = candidates.chances[packed.rows[joint]]
        own, permutations = own.reshape(-1, own.shape[2]), permutations_of(learner, packed.options, keys)
        with explain.compilation(learner, packed, tried=True, free=free):
            settings = permutations, chances, joint, particles, threshold, window, conditional, renewed
            return Drawn(*run(own, keys, *settings), renewed)

    return draw


def _compiled(learner: Learner, packed: Packed) -> Callable:
    with explain.compilation(learner, packed):
        from trialwise.engine.kernels.compiled import constants
        from trialwise.engine.kernels.compiled_hidden import course_kernel

        kernel = course_kernel(learner, packed)
    _, *data = kernel_inputs(packed)
    values = constants(learner)

    def run(free, keys, *settings):
        return kernel(free, values, *data, keys, *settings)

    return run


def _plain(learner: Learner, packed: Packed) -> Callable:
    parts = build_parts(learner, packed.layout, PLAIN, tracing=False)
    weigh = build_weigh(parts, False, PLAIN.every_action, packed.unscored)

    def participant_at(own, group, _constants, _first):
        return participant_of(learner, packed, own[group, :, 0])

    follow = build_follow(parts, PLAIN_SWARM, 1, PLAIN.every_action, packed.unscored)
    loop = build_courses(parts, PLAIN_SWARM, 1, weigh, follow, "reset" not in learner.methods, participant_at)
    options, longest = packed.options, int(np.diff(packed.offsets).max())

    def run(free, keys, permutations, chances, joint, count, *settings):
        work, results = work_arrays(count, 1, free.shape[1], longest, count * len(permutations)), []
        for segment in range(len(joint)):
            first, end = (int(each) for each in packed.offsets[segment : segment + 2])
            result = loop(
                free, None, segment * count, chances[segment], joint[segment], task_of(packed), count, plain_preference(packed),
                plain_options(packed), np.zeros(packed.actions), np.zeros(options), np.zeros(options), np.zeros(options).view(Table),
                work, permutations, packed.observed, packed.ints, packed.reals, first, end,
                keys[segment], *settings,
            )  # fmt: skip
            results.append(result)
        return tuple(np.array(each) for each in zip(*results, strict=True))

    return run
