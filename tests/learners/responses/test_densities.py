"""Log-densities of the response families and all their partial derivatives, compiled, against mpmath at more than 40 digits, tails included."""

from types import SimpleNamespace
from typing import NamedTuple

import mpmath as mp
import numba
import numpy as np
import pytest

from trialwise.engine.kernels.to_compiled import Adapter
from trialwise.engine.numbers.dual import seed, store_tangents, value
from trialwise.learners.responses import (
    lognormal,
    negative_binomial,
    normal,
    ordered,
    poisson,
    slider,
    student,
    von_mises,
)
from trialwise.learners.responses.lapse import mixed_with_lapse

DIGITS = 120
"""Of which a numerical derivative at a far response uses up half."""


def exact_normal(m, s, y):
    return -(((y - m) / s) ** 2) / 2 - mp.log(s) - mp.log(2 * mp.pi) / 2


def exact_lognormal(m, s, y):
    return -(((mp.log(y) - m) / s) ** 2) / 2 - mp.log(y) - mp.log(s) - mp.log(2 * mp.pi) / 2


def exact_student(m, s, df, y):
    tail = (df + 1) / 2 * mp.log1p(((y - m) / s) ** 2 / df)
    return mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2 - mp.log(s) - tail


def exact_poisson(m, y):
    return y * mp.log(m) - m - mp.loggamma(y + 1)


def exact_negative_binomial(m, r, y):
    ways = mp.loggamma(y + r) - mp.loggamma(r) - mp.loggamma(y + 1)
    return ways - r * mp.log1p(m / r) + y * (mp.log(m) - mp.log(r + m))


def exact_von_mises(m, k, y):
    return k * mp.cos(y - m) - mp.log(2 * mp.pi * mp.besseli(0, k))


def exact_between(location, lower, upper, _):
    return mp.log(1 / (1 + mp.exp(location - upper)) - 1 / (1 + mp.exp(location - lower)))


def exact_beta(m, precision, share):
    a, b = m * precision, (1 - m) * precision
    beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(precision)
    return (a - 1) * mp.log(share) + (b - 1) * mp.log1p(-share) - beta


def log_beta(mean, precision, share):
    """Between the ends of a slider."""
    return slider.log_between(mean, precision, share, 1.0 - share), 1.0


PERCENT = slider.Slider(-50.0, 100.0)
RATING = ordered.Ordered(1, 4)


def exact_percent(m, precision, ends, upper, y):
    if y in (-50, 100):
        return mp.log(ends) + (mp.log(upper) if y == 100 else mp.log1p(-upper))
    return mp.log1p(-ends) + exact_beta(m, precision, (y + 50) / mp.mpf(150)) - mp.log(150)


def exact_rating(location, first, second, third, y):
    logistic = [1 / (1 + mp.exp(location - cut)) for cut in (first, second, third)]
    return mp.log(mp.mpf(1 if y == 4 else logistic[int(y) - 1]) - (0 if y == 1 else logistic[int(y) - 2]))


def of_family(family, *answer):
    """The density of a family as learners have it: with a lapse, if a learner has one."""
    model = SimpleNamespace(declared=("lapse",) if len(answer) > len(family.parameters) else ())
    return family.density(model)


percent, percent_lapsing = (of_family(PERCENT, *range(count)) for count in (4, 5))
rating, rating_lapsing = (of_family(RATING, *range(count)) for count in (4, 5))


class Agent(NamedTuple):
    lapse: float


def lapsing(m, k, lapse, y):
    part, scale = von_mises.log_density(m, k, y)
    return mixed_with_lapse(part, scale, lapse, 0.15625)


def exact_lapsing(m, k, lapse, y):
    return mp.log((1 - lapse) * mp.exp(exact_von_mises(m, k, y)) + lapse * 0.15625)


def lapsing_at_an_end(m, k, lapse, y):
    part, scale = von_mises.log_density(m, k, y)
    return mixed_with_lapse(part, scale, lapse, 0.0)


CASES = {
    "normal": (
        normal.log_density,
        exact_normal,
        [(m, s, y) for m, s in ((0.3, 0.7), (-20.0, 1e-6), (0.0, 1e9)) for y in (0.31, 1e-30, -45.0, 1e30)],
    ),
    "lognormal": (
        lognormal.log_density,
        exact_lognormal,
        [(m, s, y) for m, s in ((0.3, 0.7), (-6.5, 0.02), (2.0, 5.0)) for y in (1e-300, 1e-9, 0.4, 1.5, 3e4, 1e300)],
    ),
    "student": (
        student.log_density,
        exact_student,
        [
            (m, s, df, y)
            for m, s in ((0.3, 0.7), (-20.0, 1e-3))
            for df in (1e-3, 0.4, 1.0, 3.7, 30.0, 31.9, 1e4, 1e8)
            for y in (0.31, 1.5, -45.0, 3e9, -1e30)
        ],
    ),
    "poisson": (
        poisson.log_probability,
        exact_poisson,
        [(m, y) for m in (1e-9, 0.3, 4.2, 31.0, 1e6) for y in (0, 1, 3, 15, 16, 40, 1_000_300, 10**12)],
    ),
    "negative binomial": (
        negative_binomial.log_probability,
        exact_negative_binomial,
        [
            (m, r, y)
            for m in (1e-9, 0.3, 4.2, 1e6)
            for r in (1e-6, 0.4, 3.0, 15.9, 1e4, 1e9)
            for y in (0, 1, 5, 17, 1_000_300)
        ],
    ),
    "von Mises": (
        von_mises.log_density,
        exact_von_mises,
        [
            (m, k, y)
            for m in (0.3, -40.0)
            for k in (0, 1e-9, 0.7, 3.0, 24.9, 25.0, 700.0, 1e6)
            for y in (0.31, -3.1, 1.8)
        ],
    ),
    "lowest category": (
        lambda location, cut, _: (ordered.log_probability(location, cut, cut, True, False), 1.0),
        lambda location, cut, _: -mp.log1p(mp.exp(location - cut)),
        [(location, 0.4, 0) for location in (-600.0, -3.0, 0.5, 40.0, 600.0)],
    ),
    "highest category": (
        lambda location, cut, _: (ordered.log_probability(location, cut, cut, False, True), 1.0),
        lambda location, cut, _: -mp.log1p(mp.exp(cut - location)),
        [(location, 0.4, 0) for location in (-600.0, -3.0, 0.5, 40.0, 600.0)],
    ),
    "category between": (
        lambda location, lower, upper, _: (ordered.log_probability(location, lower, upper, False, False), 1.0),
        exact_between,
        [
            (location, 0.4, upper, 0)
            for location in (-90.0, -40.0, 0.6, 3.0, 90.0)
            for upper in (0.4 + 2.0**-20, 1.5, 60.0, 100.0)
        ],
    ),
    "slider": (
        log_beta,
        exact_beta,
        [
            (m, precision, share)
            for m in (2.0**-20, 0.3, 0.5, 0.97)
            for precision in (1e-3, 0.7, 5.0, 40.0, 1e6)
            for share in (2.0**-40, 0.01, 0.31, 0.9, 1 - 2.0**-30)
        ],
    ),
    "slider with ends": (
        lambda m, precision, ends, upper, y: percent(0.0, (m, precision, ends, upper), y),
        exact_percent,
        [
            (m, precision, ends, upper, y)
            for m, precision in ((0.3, 5.0), (0.97, 300.0))
            for ends, upper in ((0.2, 0.7), (2.0**-40, 1 - 2.0**-40))
            for y in (-50.0, 100.0, -49.5, 37.0)
        ],
    ),
    "slider with lapse": (
        lambda m, precision, ends, upper, lapse, y: percent_lapsing(Agent(lapse), (m, precision, ends, upper), y),
        lambda m, precision, ends, upper, lapse, y: mp.log(
            (1 - lapse) * mp.exp(exact_percent(m, precision, ends, upper, y)) + (0 if y in (-50, 100) else lapse / 150)
        ),
        [(0.3, 5.0, 0.2, 0.7, lapse, y) for lapse in (1e-9, 0.05, 0.999) for y in (-50.0, 100.0, -49.5, 37.0)],
    ),
    "ratings": (
        lambda location, first, second, third, y: rating(0.0, (location, first, second, third), y),
        exact_rating,
        [(location, -1.0, 0.5, 2.0, y) for location in (-30.0, 0.3, 30.0) for y in (1, 2, 3, 4)],
    ),
    "ratings with lapse": (
        lambda location, first, second, third, lapse, y: rating_lapsing(
            Agent(lapse), (location, first, second, third), y
        ),
        lambda location, first, second, third, lapse, y: mp.log(
            (1 - lapse) * mp.exp(exact_rating(location, first, second, third, y)) + lapse / 4
        ),
        [(location, -1.0, 0.5, 2.0, lapse, y) for location in (-30.0, 0.3) for lapse in (1e-9, 0.999) for y in (1, 3)],
    ),
    "with lapse": (
        lapsing,
        exact_lapsing,
        [(0.3, k, lapse, y) for k in (0.7, 30.0, 1e6) for lapse in (1e-9, 0.05, 0.999) for y in (0.31, -3.1)],
    ),
    "with lapse, at an end": (
        lapsing_at_an_end,
        lambda m, k, lapse, y: mp.log1p(-lapse) + exact_von_mises(m, k, y),
        [(0.3, k, lapse, -3.1) for k in (0.7, 1e6) for lapse in (1e-9, 0.05, 0.999)],
    ),
}


def compiled(density, count):
    """The value of a log-density and its slopes in all but the last argument, on dual numbers."""
    adapted = Adapter(8)(density)
    arguments = ", ".join(f"x{k}" for k in range(count))
    seeded = ", ".join(f"seed(8, x{k}, {k + 1})" for k in range(count))
    text = (
        f"def run({arguments}, y, slopes):\n    part, scale = density({seeded}, y)\n"
        f"    store_tangents(part, slopes, 0, {count})\n    return value(part) - np.log(scale)\n"
    )
    space = {"seed": seed, "store_tangents": store_tangents, "value": value, "density": adapted, "np": np}
    exec(text, space)
    run = numba.njit(space["run"])

    def both(*given):
        slopes = np.zeros(count)
        return run(*given, slopes), slopes

    return both


@pytest.mark.parametrize("name", CASES)
def test_densities_and_slopes(name):
    density, exact, points = CASES[name]
    count = len(points[0]) - 1
    both = compiled(density, count)
    for point in points:
        got, slopes = both(*map(float, point))
        part, scale = density(*map(float, point))
        with mp.workdps(DIGITS):
            numbers = [mp.mpf(each) for each in point]
            expected = exact(*numbers)
            error = abs(got - expected) / max(1, abs(expected))
            assert error < 1e-12, (point, got, expected)
            assert abs(part - mp.log(mp.mpf(scale)) - expected) < 1e-12 * max(1, abs(expected)), point
            for k in range(count):
                slope = mp.diff(exact, tuple(numbers), tuple(int(j == k) for j in range(count + 1)))
                assert abs(slopes[k] - slope) <= 1e-12 * abs(slope), (point, k, slopes[k], slope)
