"""Log-likelihood, gradient and curvature of a learner on trials, on the unconstrained scale."""

from __future__ import annotations

import numpy as np

from trialwise.base.errors import LearnerError
from trialwise.engine.packed import Packed
from trialwise.engine.run import run_gradient
from trialwise.learners.learner import Learner

STEP = 1e-4
"""Step of the central differences of the gradient that make a curvature."""


class Evaluator:
    """Log-likelihood and gradient on the unconstrained scale, counting calls.

    ``pooled`` gives all participants one set of parameters and sums over them.
    """

    def __init__(self, learner: Learner, packed: Packed, pooled: bool = False):
        if learner.hides:
            raise LearnerError(
                f"{learner} makes a choice that nobody observed, so that its likelihood can only be estimated, without a "
                "gradient to follow: trialwise.fit integrates over it, trialwise.log_likelihood estimates it"
            )
        self.learner, self.packed, self.pooled, self.calls = learner, packed, pooled, 0

    @property
    def people(self) -> int:
        """Rows of parameters: participants, or one for all of them."""
        return 1 if self.pooled else len(self.packed.rows)

    def natural(self, u: np.ndarray) -> np.ndarray:
        """Natural values of unconstrained ones, as the kernel takes them."""
        columns = [p.constrain(u[:, k]) for k, p in enumerate(self.learner.parameters)]
        return np.ascontiguousarray(np.stack(columns, 1))

    def __call__(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``(participants,)`` and ``(participants, parameters)`` at ``u (participants, parameters)``."""
        self.calls += 1
        people = len(self.packed.rows)
        at = np.broadcast_to(u, (people, u.shape[1])) if self.pooled else u
        parameters = self.learner.parameters
        slopes = np.stack([p.slope(at[:, k]) for k, p in enumerate(parameters)], 1)
        value, gradient = run_gradient(self.learner, self.packed, self.natural(at))
        gradient = gradient * slopes
        if self.pooled:
            return value.sum(keepdims=True), gradient.sum(0, keepdims=True)
        return value, gradient

    def curvature(self, u: np.ndarray) -> np.ndarray:
        """Minus the second derivatives, ``(participants, parameters, parameters)``, symmetric."""
        columns = []
        for k in range(u.shape[1]):
            step = np.zeros(u.shape[1])
            step[k] = STEP
            columns.append((self(u - step)[1] - self(u + step)[1]) / (2 * STEP))
        curvature = np.stack(columns, 1)
        return 0.5 * (curvature + curvature.transpose(0, 2, 1))
