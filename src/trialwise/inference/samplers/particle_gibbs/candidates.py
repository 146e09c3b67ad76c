r"""Candidates for participants' parameters, which the particles of a filter carry, so that parameters and courses move together.

Given a course of hidden choices, some parameters are determined far better than by the responses alone: drawn in turn, both creep. Where
:math:`w` are a participant's coordinates given the group, a centre :math:`m \sim \mathrm{Normal}(w, R R')` is drawn, and from it candidates
:math:`w_i \sim \mathrm{Normal}(m, R R')` for all particles but the first, which has :math:`w` itself. Since :math:`w` could have been drawn from
the centre just as well, the candidates compete by their prior density given the group, and by the responses (Fearnhead & Meligkotsidou 2016, Stat.
Comput. 26:1293).

R reaches as far as courses hold parameters back: :math:`R R'` is proportional to the positive part of the difference between the covariance of
:math:`w` in a run and its covariance given a course.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from trialwise.engine import FLAGS, RESET, Candidates, Packed
from trialwise.learners.learner import Learner
from trialwise.population.density import Posterior

LEAST = 0.25
"""Smallest precision given a course that counts as such."""

FAR = 1.5
"""The reach, in units of the standard deviations that courses hold back."""


class Candidacy(NamedTuple):
    """Who has candidates.

    Attributes
    ----------
    owner
        The participant of each segment, ``int (segments,)``.
    joint
        Which segments have candidates: those of participants with a single one, ``bool (segments,)``.
    sections
        Which segments have sections that are independent given the parameters, ``bool (segments,)``: candidates would tie them together, so that
        these segments have candidates on every second sweep only.
    """

    owner: np.ndarray
    joint: np.ndarray
    sections: np.ndarray

    @classmethod
    def of(cls, learner: Learner, packed: Packed, posterior: Posterior) -> Candidacy:
        """Of the trials of a posterior; nobody has any if parameters belong to all participants, or do not differ between them."""
        owner = posterior.owners[packed.rows]
        single = np.bincount(owner)[owner] == 1
        starts = (packed.ints[:, FLAGS] & RESET) > 0
        sections = np.array([starts[first + 1 : end].any() for first, end in pairwise(packed.offsets)])
        return cls(owner, single & (posterior.shape[1] > 0), sections & ("reset" not in learner.methods))

    def at(self, sweep: int) -> np.ndarray:
        """Which segments have candidates in a sweep."""
        return np.asarray(self.joint & (~self.sections | (sweep % 2 == 0)))


def reach_of(w: np.ndarray, given_courses: np.ndarray) -> np.ndarray:
    """The reach R ``(Q, Q)``, the same for all participants.

    Parameters
    ----------
    w
        Coordinates of participants in a run, ``(sweeps, participants, Q)``.
    given_courses
        Their precision given courses, ``(participants, Q, Q)``.
    """
    deviations = (w - w.mean(0)).reshape(-1, w.shape[2])
    whole = deviations.T @ deviations / max(len(deviations) - w.shape[1], 1)
    values, vectors = np.linalg.eigh(given_courses.mean(0))
    held, axes = np.linalg.eigh(whole - (vectors / np.maximum(values, LEAST)) @ vectors.T)
    return np.asarray(FAR * axes * np.sqrt(np.maximum(held, 0.0)))


def candidates(
    posterior: Posterior,
    x: np.ndarray,
    reach: np.ndarray,
    particles: int,
    joint: np.ndarray,
    random: np.random.Generator,
) -> tuple[Candidates, np.ndarray]:
    """Candidates around the coordinates ``x (dimension,)``, and their coordinates ``w (particles, participants, Q)``."""
    participants, size = posterior.shape
    present = x[posterior.group_size :].reshape(participants, size)
    centre = present + random.standard_normal((participants, size)) @ reach.T
    w = centre + random.standard_normal((particles, participants, size)) @ reach.T
    w[0] = present
    free, log_prior = posterior.participants_at(x, w)
    chances = np.exp(log_prior - log_prior.max(0))
    return Candidates(free, (chances / chances.sum(0)).T[posterior.owners], joint), w


def with_chosen(
    x: np.ndarray, w: np.ndarray, chosen: np.ndarray, candidacy: Candidacy, joint: np.ndarray
) -> np.ndarray:
    """Coordinates ``(dimension,)`` with the candidates that were drawn, ``chosen (segments,)``."""
    new, owner = w[0].copy(), candidacy.owner[joint]
    new[owner] = w[chosen[joint], owner]
    return np.concatenate([x[: len(x) - new.size], new.ravel()])
