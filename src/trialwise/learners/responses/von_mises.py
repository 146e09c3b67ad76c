r"""An angle: a remembered hue or orientation, a direction of movement.

Parameters: ``direction`` :math:`\mu`, the mean direction in radians, any real, and ``concentration`` :math:`\kappa \ge 0`, returned by
``respond``. Observed: an angle :math:`y` in radians from :math:`-\pi` to :math:`\pi`.

.. math:: \log p = \kappa \cos(y - \mu) - \log(2 \pi I_0(\kappa))

With concentration 0 all angles are equally likely; for a large one the angle is Normal with variance :math:`1 / \kappa`. Mardia & Jupp (2000),
Directional Statistics, section 3.5.4. Lapse: an angle at random, uniform over the circle.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from trialwise.learners.responses.bessel import scaled_bessel
from trialwise.learners.responses.family import Responding
from trialwise.learners.responses.lapse import LAPSE, mixed_with_lapse
from trialwise.learners.responses.one_number import OneNumber
from trialwise.learners.responses.plain_numbers import chain, uniform, value
from trialwise.learners.responses.stream_draws import normal, stream_key, uniforms

CIRCLE = 2.0 * math.pi

ROUNDED = 1e-3
"""How far beyond pi an angle may be that was rounded in the data."""


def log_density(direction, concentration, observed):
    """Log-density of one angle, as a score whose scale is 1; without the exponential growth of Bessel functions."""
    kappa, angle = value(concentration), observed - value(direction)
    if not kappa >= 0.0:
        return chain(direction + 0.0 * concentration, math.nan, math.nan), 1.0
    half = math.sin(0.5 * angle)
    log_bessel, ratio, gap = scaled_bessel(kappa)
    part = -2.0 * kappa * half * half - log_bessel - math.log(CIRCLE)
    by_concentration = math.cos(angle) - ratio if kappa < 1.0 else gap - 2.0 * half * half
    return chain(direction, part, kappa * math.sin(angle)) + chain(concentration, 0.0, by_concentration), 1.0


def wrapped(angle):
    """The same angle from -pi to pi."""
    return angle - CIRCLE * np.floor((angle + math.pi) / CIRCLE)


def draw(direction, concentration, number):
    r"""A simulated angle, by rejection from a uniform or a Normal angle, as :math:`1 - \cos d \ge 2 d^2 / \pi^2`."""
    if not 0.0 <= concentration < math.inf:
        return math.nan
    key, counter = stream_key(number), 0
    while True:
        if concentration < 1.0:
            angle, bound = math.pi * (2.0 * uniform(key, counter) - 1.0), 0.0
        else:
            angle = 0.5 * math.pi / math.sqrt(concentration) * normal(key, counter)
            bound = -2.0 * concentration * (angle / math.pi) ** 2
        log_uniform = math.log(1.0 - uniform(key, counter + 2))
        counter += 3
        if abs(angle) <= math.pi and log_uniform <= -2.0 * concentration * math.sin(0.5 * angle) ** 2 - bound:
            return wrapped(direction + angle)


def draws(direction, concentration, numbers):
    """As :func:`draw`, for many at once: arrays of the same length."""
    angles, pending, counter = np.zeros(len(numbers)), np.arange(len(numbers)), 0
    keys = (numbers * 2.0**53).astype(np.uint64)
    while len(pending):
        kappa, own = concentration[pending], keys[pending]
        first, second, third = uniforms(own, counter), uniforms(own, counter + 1), uniforms(own, counter + 2)
        even = kappa < 1.0
        gauss = np.sqrt(-2.0 * np.log(1.0 - first)) * np.cos(CIRCLE * second)
        angle = np.where(
            even, math.pi * (2.0 * first - 1.0), 0.5 * math.pi / np.sqrt(np.where(even, 1.0, kappa)) * gauss
        )
        bound = np.where(even, 0.0, -2.0 * kappa * (angle / math.pi) ** 2)
        taken = (np.abs(angle) <= math.pi) & (np.log(1.0 - third) <= -2.0 * kappa * np.sin(0.5 * angle) ** 2 - bound)
        angles[pending[taken]] = angle[taken]
        pending, counter = pending[~taken], counter + 3
    return wrapped(direction + angles)


class VonMises(OneNumber):
    r"""An angle in radians; ``respond`` returns the mean direction and the concentration.

    .. math:: y \sim \mathrm{vonMises}(\mu, \kappa)
    """

    name = "von_mises"
    parameters = {"direction": "radians", "concentration": "no unit, 0 or above"}
    random = ("uniform", "uniform")
    wrappers = (LAPSE,)
    noun = "angle"
    returns = "the mean direction of the angle and its concentration"
    range = "angles in radians, from -pi to pi"

    def impossible(self, observed: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(observed[:, 0]) > math.pi + ROUNDED)

    def remedy(self, observed: np.ndarray, column: str) -> str:
        if np.nanmax(np.abs(observed)) > CIRCLE + ROUNDED:
            return f"if they are degrees: {column} = np.radians(({column} + 180) % 360 - 180)"
        return f"for angles from 0 to 2 pi: {column} = ({column} + np.pi) % (2 * np.pi) - np.pi"

    def density(self, learner: Responding) -> Callable:
        def density(agent, answer, response):
            return log_density(answer[0], answer[1], response)

        def with_lapse(agent, answer, response):
            part, scale = log_density(answer[0], answer[1], response)
            return mixed_with_lapse(part, scale, agent.lapse, 1.0 / CIRCLE)

        return with_lapse if "lapse" in learner.declared else density

    def sampler(self, learner: Responding) -> Callable:
        def sampler(agent, answer, random, t, first):
            return draw(value(answer[0]), value(answer[1]), random[t, first])

        def with_lapse(agent, answer, random, t, first):
            share, number = value(agent.lapse), random[t, first + 1]
            if number < share:
                return CIRCLE * number / share - math.pi
            return draw(value(answer[0]), value(answer[1]), random[t, first])

        return with_lapse if "lapse" in learner.declared else sampler

    def predictions(self, actions: int) -> int:
        return 3

    def prediction(self, learner: Responding) -> Callable:
        def prediction(agent, answer, k):
            return value(answer[0]) if k == 0 else value(answer[1]) if k == 1 else 0.0

        def with_lapse(agent, answer, k):
            return value(answer[0]) if k == 0 else value(answer[1]) if k == 1 else value(agent.lapse)

        return with_lapse if "lapse" in learner.declared else prediction

    def table(self, log_likelihood: np.ndarray, predictions: np.ndarray) -> dict[str, np.ndarray]:
        return {"predicted": wrapped(predictions[:, 0]), "concentration": predictions[:, 1]}

    def redraw(self, predictions: np.ndarray, random: np.ndarray) -> np.ndarray:
        direction, concentration, lapse = predictions.T
        number = random[:, 1]
        at_random = CIRCLE * number / np.where(number < lapse, lapse, 1.0) - math.pi
        return np.where(number < lapse, at_random, draws(direction, concentration, random[:, 0]))[:, None]

    def specimen(
        self, random: np.random.Generator, missed: np.ndarray, actions: int, masked: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        return np.where(missed, np.nan, random.uniform(-math.pi, math.pi, len(missed)))[:, None], None

    def exact(self, answer: tuple[float, ...], response: float, lapse: float) -> float:
        from scipy import special

        direction, concentration = answer
        density = np.exp(concentration * (np.cos(response - direction) - 1)) / (2 * np.pi * special.i0e(concentration))
        return float(np.log((1 - lapse) * density + lapse / (2 * np.pi)))


VON_MISES = VonMises()
