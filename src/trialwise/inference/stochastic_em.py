r"""Maximise likelihoods with a hidden choice by stochastic approximation EM: courses of hidden choices given parameters, and parameters given courses.

The likelihood of responses y is a sum over all *courses* z of hidden choices, which cannot be computed, but given a course the likelihood, its gradient
:math:`s` and its curvature :math:`C` are exact. For courses drawn given parameters u and responses, by conditional particle filters
(:func:`trialwise.engine.course_drawer`; Lindsten 2013, ICASSP, p. 6274), Fisher's and Louis's identities (Louis 1982, J. R. Statist. Soc. B 44:226) give
the gradient and curvature of the likelihood itself,

.. math:: \nabla \log p(y | u) = \mathrm{E}[s], \qquad -\nabla^2 \log p(y | u) = \mathrm{E}[C] - \mathrm{Var}[s] = A .

1. **EM with steps of size 1**, from every start: a course, then a Newton step given it, in turn. The iterates wander about an optimum;
   the mean of the second half of them is a first estimate.
2. **Averaging**, from the best first estimate: rounds of :math:`u \leftarrow u + \gamma A^{-1} s`, a course at a time, with small :math:`\gamma`
   (Delyon, Lavielle & Moulines 1999, Ann. Statist. 27:94; with Louis's curvature Gu & Kong 1998, PNAS 95:7270). The mean of the second half of a round,
   and a last step by the mean of its gradients, is the estimate (Polyak & Juditsky 1992, SIAM J. Control Optim. 30:838). The curvature
   for the next round comes from the courses of this one. Rounds become longer until the estimate is settled: until its Monte Carlo error, by batch means
   of the gradients, and the last step are each worth less than :data:`TOLERANCE` in log-posterior.

With EM's own curvature :math:`\mathrm{E}[C]` it takes many iterations where the hidden choices leave much open. Louis's is the difference of two estimates, and
noisy; so no direction is taken to have less than a certain fraction of EM's curvature, which falls as there are more courses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from trialwise.data.trials import Trials
from trialwise.engine import course_drawer, stream_keys
from trialwise.learners.learner import Learner
from trialwise.likelihoods.complete import CompleteLikelihood, check_explained
from trialwise.likelihoods.filter_streams import own_keys
from trialwise.population.geometry.expansion import climb, floored

STEPS = 30
"""Number of steps of EM from a start; the mean of the second half is the first estimate."""

ROUNDS = (60, 100, 200, 400, 800)
"""Numbers of courses of the rounds of averaging; parameters do not move in the first, which only measures the curvature."""

TOLERANCE = 0.1
"""In nats: the Monte Carlo error of an estimate lowers the log-posterior by this much on average, if the estimate is called settled."""

TURNS = 10.0
"""The sum of the sizes of steps in a round: whatever the start, it is forgotten by a factor of exp(-5) in the first half of the round."""

BATCHES = 10
"""Number of batches of gradients whose means show the Monte Carlo error."""

SELDOM = 4
"""Number of courses after which the curvature is computed, which takes as long as drawing a course."""

LONGEST = 1.0
"""Largest change of an unconstrained parameter in a step."""

FLATTEST = 1e-3
"""Smallest curvature given a course."""

ATTEMPTS = 50
"""How often a start is drawn, in search of one at which hidden choices can explain the responses."""


class Settled(NamedTuple):
    """Estimates ``u (rows, parameters)`` on the unconstrained scale, and which of them settled, ``(rows,)``."""

    u: np.ndarray
    settled: np.ndarray


class Prior(NamedTuple):
    """The term ``-(u - mean)' diag(precision) (u - mean) / 2`` of the function that is maximised, ``(parameters,)`` each."""

    mean: np.ndarray
    precision: np.ndarray

    def slope(self, u: np.ndarray) -> np.ndarray:
        """Its gradient at ``u (..., parameters)``."""
        return -self.precision * (u - self.mean)

    def value(self, u: np.ndarray) -> np.ndarray:
        """Its value at ``u (..., parameters)``."""
        return np.asarray(-0.5 * (self.precision * (u - self.mean) ** 2).sum(-1))


class Courses:
    """The participants' courses of hidden choices, and the likelihood given the present ones."""

    def __init__(self, learner: Learner, trials: Trials, seed: int):
        self.likelihood = CompleteLikelihood(learner, trials, np.zeros(trials.n_trials, int))
        self._draw = course_drawer(
            learner, self.likelihood.packed
        )  # draws in place: the likelihood reads the same array
        self._keys = own_keys(trials, seed, "courses of an ascent")
        self._count = 0

    def tried(self, u: np.ndarray, conditional: bool = False) -> np.ndarray:
        """Draw courses at ``u (rows, parameters)``, given the present ones or from scratch; False for participants whose responses no particle can
        explain."""
        keys = stream_keys(self._keys, self._count)
        self._count += 1
        return np.asarray(self._draw(self.likelihood.natural(u), keys, conditional).fine, bool)

    def draw(self, u: np.ndarray, conditional: bool = True) -> None:
        """As :meth:`tried`.

        Raises
        ------
        ModelError
            If no particle can explain a response.
        """
        fine = self.tried(u, conditional)
        known = self.likelihood
        check_explained(known.learner, known.packed, known.trials.participants, fine, known.natural(u))


def first_estimate(courses: Courses, starts: np.ndarray, prior: Prior) -> np.ndarray:
    """A first estimate ``(rows, parameters)`` by steps of EM.

    Parameters
    ----------
    courses
        The courses, which are overwritten.
    starts
        Starting points, ``(attempts, rows, parameters)``: each participant's first at which its responses can be explained is taken.
    prior
        What is maximised with the likelihood.

    Raises
    ------
    ModelError
        If a participant's responses cannot be explained at any of its starting points.
    """
    u = starts[0].copy()
    for start in starts[1:]:
        fine = courses.tried(u)
        if fine.all():
            break
        u = np.where(fine[:, None], u, start)
    else:
        courses.draw(u, conditional=False)
    points = []
    for _ in range(STEPS):
        mean = np.broadcast_to(prior.mean, u.shape)
        u = climb(courses.likelihood, u, mean, prior.precision, iterations=1, longest=LONGEST).u
        points.append(u)
        courses.draw(u)
    return np.asarray(np.mean(points[STEPS // 2 :], 0))


def averaged(courses: Courses, u: np.ndarray, prior: Prior) -> Settled:
    """Refine first estimates ``u (rows, parameters)`` of participants by averaging.

    Raises
    ------
    ModelError
        If no particle can explain a response of a participant.
    """
    courses.draw(u, conditional=False)
    inverse = np.zeros((*u.shape, u.shape[1]))
    settled = np.zeros(len(u), bool)
    for count in ROUNDS:
        points, slopes, curvature = _round(courses, u, inverse, count, prior)
        middle = points.mean(0)
        # gradients as they would be if all courses had been drawn at the mean
        residuals = slopes + np.linalg.solve(inverse, (points - middle)[..., None])[..., 0] if inverse.any() else slopes
        inverse = inverse_curvature(curvature, residuals, prior.precision)
        slope = slopes.mean(0)
        step = limited(np.einsum("nkl,nl->nk", inverse, slope))
        batches = np.stack([batch.mean(0) for batch in np.array_split(residuals, BATCHES)])
        away = batches - batches.mean(0)
        loss = 0.5 * np.einsum("bnk,nkl,bnl->n", away, inverse, away) / (BATCHES * (BATCHES - 1))
        u = middle + step
        settled = (loss < TOLERANCE) & (0.5 * (step * slope).sum(1) < TOLERANCE) & (count > ROUNDS[0])
        if settled.all():
            break
    return Settled(u, settled)


def _round(
    courses: Courses, u: np.ndarray, inverse: np.ndarray, count: int, prior: Prior
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One round: points and gradients of its second half, ``(courses, rows, parameters)``, and the mean curvature given a course there."""
    points, slopes, curvatures = [], [], []
    for k in range(count):
        courses.draw(u)
        slope = courses.likelihood.gradient(u)[1] + prior.slope(u)
        if k >= count // 2:
            points.append(u)
            slopes.append(slope)
            if k % SELDOM == 0:
                curvatures.append(courses.likelihood.curvature(u))
        new = u + limited(TURNS / count * np.einsum("nkl,nl->nk", inverse, slope))
        fine = np.isfinite(courses.likelihood.gradient(new)[0])  # the course must stay possible: filters start from it
        u = np.where(fine[:, None], new, u)
    return np.array(points), np.array(slopes), np.mean(curvatures, 0)


def limited(step: np.ndarray) -> np.ndarray:
    """Steps ``(rows, parameters)`` shortened so that no parameter changes by more than :data:`LONGEST`."""
    return step * np.minimum(1.0, LONGEST / np.maximum(np.abs(step).max(1, keepdims=True), 1e-300))


def inverse_curvature(curvature: np.ndarray, slopes: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """The inverse of Louis's curvature of the log-posterior, ``(rows, parameters, parameters)``.

    Parameters
    ----------
    curvature
        Mean curvature of the log-likelihood given a course, ``(rows, parameters, parameters)``.
    slopes
        Gradients given courses, ``(courses, rows, parameters)``.
    precision
        The prior's precision, ``(parameters,)``.
    """
    whole = floored(curvature + np.diag(precision), FLATTEST)
    away = slopes - slopes.mean(0)
    missing = np.einsum("mnk,mnl->nkl", away, away) / max(len(slopes) - 1, 1)
    root = np.linalg.inv(np.linalg.cholesky(whole))
    shares, vectors = np.linalg.eigh(root @ missing @ root.transpose(0, 2, 1))
    remaining = np.maximum(1.0 - shares, np.sqrt(2.0 / len(slopes)))  # the error of an eigenvalue near 1
    directions = root.transpose(0, 2, 1) @ vectors
    return np.asarray((directions / remaining[:, None, :]) @ directions.transpose(0, 2, 1))
