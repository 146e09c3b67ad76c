"""One chain of particle Gibbs: parameters given courses of hidden choices, and courses given parameters, in turn.

A *sweep* moves all parameters, of participants and of the group, by a transition of Hamiltonian Monte Carlo given the present courses, and
then draws each participant's course anew by a conditional particle filter, together with the participant's parameters where a course holds
them back (:mod:`.candidates`). Both leave the joint posterior of parameters and courses
invariant, whatever the coordinates, the size of steps and the number of particles, as long as these do not depend on the present
parameters: they are fixed after warm-up.

:func:`advance` is a function of its arguments alone, so that chains can run in threads, processes or on a cluster, and be resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from trialwise.base.streams import stream, stream_key
from trialwise.engine import HIDDEN, Packed, cache, course_drawer, stream_keys
from trialwise.inference.samplers.particle_gibbs.candidates import Candidacy, candidates, with_chosen
from trialwise.inference.samplers.particle_gibbs.hamiltonian import (
    CAREFUL,
    Moved,
    Roots,
    StepSize,
    build_transition,
    draw_transition,
)
from trialwise.learners.learner import Learner
from trialwise.learners.pickling import unpack
from trialwise.likelihoods.complete import check_explained
from trialwise.population.density import Posterior, posterior, text_of_density
from trialwise.population.geometry.expansion import Expansion
from trialwise.population.population import Population

ERRORS = 2.0
"""The number of errors with which participants are known from which coordinates of spreads are logarithmic: trajectories are accepted as often at small
spreads as at large ones, .95 and .88 on average, where in the spreads themselves it was .23 and .94. NUTS does not need it, and its trajectories diverge
a little more often."""


class Target(NamedTuple):
    """What chains draw from, in which coordinates, and how.

    Attributes
    ----------
    learner, packed
        The learner and its trials; courses in ``packed`` are ignored.
    population, expansion
        The population, and the expansion that defines the coordinates.
    seed
        Seed of the random numbers.
    particles
        Number of particles of a filter.
    roots
        The scale of transitions.
    reach
        How far candidates of participants reach, ``(Q, Q)``; zeros for none.
    """

    learner: Learner
    packed: Packed
    population: Population
    expansion: Expansion
    seed: int
    particles: int
    roots: Roots
    reach: np.ndarray

    def posterior(self, courses: np.ndarray) -> tuple[Posterior, Packed]:
        """The posterior given courses ``(trials,)``, and the trials that it reads: a change of their courses changes it."""
        packed = self.packed.with_hidden(courses)
        return posterior(self.learner, packed, self.population, self.expansion, ERRORS), packed


class State(NamedTuple):
    """The state of a chain: coordinates ``x (dimension,)``, ``courses int8 (trials,)``, the number of sweeps, and the size of steps."""

    x: np.ndarray
    courses: np.ndarray
    sweeps: int
    step: StepSize


class Stretch(NamedTuple):
    """Some sweeps of a chain: coordinates ``(sweeps, dimension)``, courses after some sweeps ``int8 (kept, trials)``, in how many sweeps the
    choice of each trial was renewed ``(trials,)``, and acceptance probabilities, divergences of careful transitions and numbers of gradients,
    ``(sweeps,)``."""

    x: np.ndarray
    courses: np.ndarray
    renewed: np.ndarray
    acceptance: np.ndarray
    divergences: np.ndarray
    gradients: np.ndarray


def joined(pieces: Sequence[Stretch]) -> Stretch:
    """Successive stretches of a chain as one."""
    x, courses, renewed, acceptance, divergences, gradients = zip(*pieces, strict=True)
    return Stretch(
        np.concatenate(x), np.concatenate(courses), np.sum(renewed, 0), np.concatenate(acceptance), np.concatenate(divergences),
        np.concatenate(gradients),
    )  # fmt: skip


def transition_of(target: Target, density: Callable) -> Callable:
    """The compiled transition of a posterior."""
    from trialwise.inference.samplers.particle_gibbs import hamiltonian

    text = cache.text(hamiltonian.__file__), text_of_density()
    key = cache.key("transition", *text, target.learner.key, target.packed.layout)
    return cache.on_disk(lambda: build_transition(density), "trialwise_transition", key)


def first_courses(target: Target, chain: int, theta: np.ndarray) -> np.ndarray | None:
    """Courses ``int8 (trials,)`` at natural parameters ``theta (rows, parameters)`` by filters without a present course; None if the particles of
    one cannot explain its responses."""
    packed = target.packed.with_hidden(np.zeros(len(target.packed.ints), int))
    keys = _keys(target, chain, -1, len(packed.rows))
    drawn = course_drawer(target.learner, packed, target.particles)(theta, keys, False)
    return packed.ints[:, HIDDEN].astype(np.int8) if drawn.fine.all() else None


def _keys(target: Target, chain: int, sweep: int, segments: int) -> np.ndarray:
    own = np.uint64(stream_key(target.seed, "sweeps of a chain", part=("courses", chain)))
    return stream_keys(own, np.arange(segments) + (sweep + 1) * segments)


def advance(
    target: Target | bytes, chain: int, state: State, sweeps: int, adapting: bool, keep: Container[int] = ()
) -> tuple[State, Stretch]:
    """Run some sweeps of a chain.

    Parameters
    ----------
    target
        What to draw from; or the same packed by :func:`trialwise.learners.pickling.pack`, for a worker.
    chain
        The number of the chain.
    state
        Its state.
    sweeps
        Number of sweeps.
    adapting
        Whether to adapt the size of steps.
    keep
        The numbers of the sweeps, from 0 at the start of the chain, after which the course is kept.

    Raises
    ------
    ModelError
        If no particle can explain a response.
    """
    if isinstance(target, bytes):
        target = _unpacked(target)
    density, packed = target.posterior(state.courses)
    move, draw = transition_of(target, density.density), course_drawer(target.learner, packed, target.particles)
    candidacy = Candidacy.of(target.learner, packed, density)
    x, step, dimension = state.x, state.step, len(state.x)
    renewed = np.zeros(len(packed.ints), np.int64)
    points, courses, acceptance, divergences, gradients = [], [], [], [], []
    for sweep in range(state.sweeps, state.sweeps + sweeps):
        random, careful = stream(target.seed, "sweeps of a chain", part=(chain, sweep)), sweep % CAREFUL == 0
        numbers = draw_transition(random, dimension, float(np.exp(step.log)), careful)
        moved = Moved(*move(x, *numbers, tuple(target.roots), density.arguments))
        x = moved.x
        theta, keys, joint = density.natural_at(x), _keys(target, chain, sweep, len(packed.rows)), candidacy.at(sweep)
        if joint.any() and target.reach.any():
            random = stream(target.seed, "sweeps of a chain", part=("candidates", chain, sweep))
            given, w = candidates(density, x, target.reach, target.particles, joint, random)
            drawn = draw(theta, keys, True, given)
            x = with_chosen(x, w, drawn.chosen, candidacy, joint)
        else:
            drawn = draw(theta, keys)
        check_explained(target.learner, packed, packed.participants, drawn.fine, theta)
        if adapting and not careful:
            step = step.adapted(moved.acceptance)
        points.append(x)
        if sweep in keep:
            courses.append(packed.ints[:, HIDDEN].astype(np.int8))
        renewed += drawn.renewed
        acceptance.append(moved.acceptance)
        divergences.append(moved.diverged and careful)
        gradients.append(moved.gradients)
    after = State(x, packed.ints[:, HIDDEN].astype(np.int8), state.sweeps + sweeps, step)
    kept = np.array(courses, np.int8).reshape(len(courses), len(renewed))
    return after, Stretch(np.array(points), kept, renewed, *map(np.array, (acceptance, divergences, gradients)))


@lru_cache(2)
def _unpacked(parcel: bytes) -> Target:
    target: Target = unpack(parcel)
    return target
