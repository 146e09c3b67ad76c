"""Functions for learners, and what `math` and NumPy have, against mpmath: values and slopes, in the tails too, for every kind of number."""

import functools
import math

import mpmath
import numba
import numpy as np
import pytest

from trialwise.engine.kernels.to_compiled import OPTIONS, Adapter
from trialwise.engine.numbers.abreast import PARTICLES, put, take
from trialwise.engine.numbers.dual import seed, store_tangents, value
from trialwise.learners.functions import (
    digamma,
    log_normal_cdf,
    log_sum_exp,
    logistic,
    normal_cdf,
    normal_quantile,
    softplus,
)

DIGITS = 60
"""Enough where the slope has a formula too: more than 40."""

DIGITS_OF_DIFFERENCES = 700
"""So many that differences over steps of about 1e-350 are derivatives to far more than 40 digits, also at 1e-300 and 1e100."""


def log_cdf(x):
    return mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2)


def quantile(p):
    """The root of a logarithm, of the smaller tail."""
    side, tail = (1, p) if p < 0.5 else (-1, 1 - p)
    start = -mpmath.sqrt(-2 * mpmath.log(2 * tail)) if tail < 0.4 else 2.5 * (tail - 0.5)
    return side * mpmath.findroot(lambda z: log_cdf(z) - mpmath.log(tail), start)


def log_of_sum(*numbers):
    return mpmath.log(sum(mpmath.exp(number) for number in numbers))


ONE = {
    "normal_cdf": (lambda x: normal_cdf(x), mpmath.ncdf, [-37.0, -12.5, -1.0, 0.0, 0.3, 5.0]),
    "log_normal_cdf": (
        lambda x: log_normal_cdf(x),
        log_cdf,
        [-1e8, -40.0, -10.1, -9.9, -1.0, 0.0, 0.2, 5.0, 9.0],
    ),
    "normal_quantile": (
        lambda x: normal_quantile(x),
        quantile,
        [1e-300, 1e-20, 1e-3, 0.074, 0.076, 0.3, 0.4999999, 0.6, 0.93, 1 - 1e-16],
        lambda p: mpmath.sqrt(2 * mpmath.pi) * mpmath.exp(quantile(p) ** 2 / 2),
    ),
    "logistic": (lambda x: logistic(x), lambda x: 1 / (1 + mpmath.exp(-x)), [-700.0, -3.0, 0.0, 2.0, 40.0, 700.0]),
    "softplus": (lambda x: softplus(x), lambda x: mpmath.log1p(mpmath.exp(x)), [-700.0, -3.0, 0.0, 2.0, 800.0]),
    "digamma": (
        lambda x: digamma(x),
        mpmath.digamma,
        [1e-9, 0.3, 1.44, 1.4616, 1.4616321449683622, 1.47, 1.5, 9.9, 1e10, -0.4, -2.55, -3.0 + 1e-9, -1e5 - 0.3],
        lambda x: mpmath.polygamma(1, x),
    ),
    "lgamma": (
        lambda x: math.lgamma(x),
        lambda x: mpmath.re(mpmath.loggamma(x)),
        [1e-300, 1e-9, 0.3, 7.7, -2.55, 1e10, 1e100],
        mpmath.digamma,
    ),
    "erf": (lambda x: math.erf(x), mpmath.erf, [1e-9, 0.4, -3.0, 20.0]),
    "erfc": (lambda x: math.erfc(x), mpmath.erfc, [-3.0, 0.4, 5.0, 26.0]),
    "asin": (lambda x: math.asin(x), mpmath.asin, [1e-9, -0.3, 1.0 - 1e-9]),
    "acos": (lambda x: math.acos(x), mpmath.acos, [-0.3, 1.0 - 1e-9, 1e-9 - 1.0]),
    "asinh": (lambda x: math.asinh(x), mpmath.asinh, [1e-9, -3.0, 1e200]),
    "acosh": (lambda x: math.acosh(x), mpmath.acosh, [1.0 + 1e-9, 3.0, 1e200]),
    "atanh": (lambda x: math.atanh(x), mpmath.atanh, [1e-9, -0.3, 1.0 - 1e-9]),
    "gamma": (lambda x: math.gamma(x), mpmath.gamma, [0.3, 7.7, -2.55], lambda x: mpmath.gamma(x) * mpmath.digamma(x)),
    "exp2": (lambda x: np.exp2(x), lambda x: mpmath.mpf(2) ** x, [-900.0, 0.3, 20.0]),
    "cbrt": (lambda x: np.cbrt(x), lambda x: mpmath.cbrt(abs(x)), [1e-30, 0.3, 1e200]),
    "atan2": (lambda x: math.atan2(x, -2.0), lambda x: mpmath.atan2(x, -2), [1e-9, -3.0, 1e100]),
    "expm1": (lambda x: math.expm1(x), mpmath.expm1, [-50.0, 1e-9, 3.0]),
    "tanh": (lambda x: math.tanh(x), mpmath.tanh, [-40.0, 1e-9, 0.4, 20.0]),
    "log_sum_exp of three": (
        lambda x: log_sum_exp((x, -900.0, 0.0)),
        lambda x: log_of_sum(x, -900, 0),
        [-700.0, -3.0, 0.1, 800.0],
    ),
    "log_sum_exp of a list": (
        lambda x: log_sum_exp([-2.0 * x, x]),
        lambda x: log_of_sum(-2 * x, x),
        [-300.0, 0.1, 900.0],
    ),
    "logaddexp": (lambda x: np.logaddexp(x, 0.0), lambda x: log_of_sum(x, 0), [-700.0, -3.0, 0.0, 800.0]),
    "hypot": (lambda x: math.hypot(x, 2.0), lambda x: mpmath.sqrt(x * x + 4), [1e-9, 3.0, -1e200]),
    "floor": (lambda x: np.floor(x) + math.floor(x), lambda x: 2 * mpmath.floor(x), [-2.5, 2.5]),
    "remainder": (lambda x: x % 0.7 + 5.0 // x, lambda x: x % mpmath.mpf(0.7) + mpmath.floor(5 / x), [-2.4, 1.2]),
}  # fmt: skip


@functools.cache
def references(name):
    """Values and derivatives at the points of a function."""
    _, known, points, *formula = ONE[name]
    slope = formula[0] if formula else lambda x: mpmath.diff(known, x)
    with mpmath.workdps(DIGITS if formula else DIGITS_OF_DIFFERENCES):
        return np.array([[float(known(mpmath.mpf(x))), float(slope(mpmath.mpf(x)))] for x in points]).T


def compiled(width, names=tuple(ONE)):
    """A function of a name and points, that returns values and slopes of that function on one kind of number."""
    adapter = Adapter(width)
    namespace = {"seed": seed, "value": value, "store": store_tangents, "take": take, "put": put}
    lines = ["def run(which, points, values, slopes):"]
    for n, name in enumerate(names):
        namespace[f"f{n}"] = adapter(ONE[name][0])
        lines.append(f"    if which == {n}:")
        if width < 0:
            lines.append(f"        put(values, 0, f{n}(take(points, 0)))")
        else:
            number = f"seed({width}, points[k], {width - 1})" if width else "points[k]"
            lines += ["        for k in range(len(points)):", f"            r = f{n}({number})"]
            lines += ["            values[k] = value(r)"]
            lines += [f"            store(0.0 * {number} + r, slopes, k * {width - 1}, {width - 1})"] * bool(width)
    exec("\n".join(lines), namespace)
    kernel = numba.njit(namespace["run"], **OPTIONS)

    def run(name, points):
        values, slopes = np.zeros(len(points)), np.full(len(points) * max(width - 1, 0), np.nan)
        kernel(names.index(name), np.array(points), values, slopes)
        return values, slopes.reshape(len(points), -1)

    return run


@pytest.fixture(scope="module", params=[4, 8, 16])
def duals(request):
    return compiled(request.param)


@pytest.mark.parametrize("name", ONE)
def test_values_and_slopes_on_duals(name, duals):
    values, slopes = references(name)
    found, tangents = duals(name, ONE[name][2])
    np.testing.assert_allclose(found, values, rtol=1e-12)
    np.testing.assert_allclose(tangents[:, -1], slopes, rtol=1e-12)
    assert (tangents[:, :-1] == 0.0).all()


@pytest.fixture(scope="module")
def doubles():
    return compiled(0)


@pytest.mark.parametrize("name", ONE)
def test_values_on_doubles_are_those_of_plain_python(name, doubles):
    function, _, points, *_ = ONE[name]
    plain = [function(x) for x in points]
    np.testing.assert_allclose(plain, references(name)[0], rtol=1e-12)
    np.testing.assert_allclose(doubles(name, points)[0], plain, rtol=1e-13)


ABREAST = tuple(name for name in ONE if name not in ("floor", "remainder"))
"""Without what makes whole numbers, which all particles in a register have in common."""


@pytest.fixture(scope="module")
def side_by_side():
    return compiled(-PARTICLES, ABREAST)


@pytest.mark.parametrize("name", ABREAST)
def test_values_of_particles_side_by_side(name, side_by_side):
    points = [*ONE[name][2], *[ONE[name][2][0]] * PARTICLES]
    known = [*references(name)[0], *[references(name)[0][0]] * PARTICLES]
    for first in range(0, len(ONE[name][2]), PARTICLES):
        values, _ = side_by_side(name, points[first:][:PARTICLES])
        np.testing.assert_allclose(values, known[first:][:PARTICLES], rtol=1e-12)


INFINITE = {
    "normal_cdf": (normal_cdf, {-math.inf: 0.0, math.inf: 1.0, math.nan: math.nan}),
    "log_normal_cdf": (log_normal_cdf, {-math.inf: -math.inf, math.inf: 0.0, math.nan: math.nan}),
    "normal_quantile": (
        normal_quantile,
        {0.0: -math.inf, 1.0: math.inf, -0.1: math.nan, 1.1: math.nan, math.nan: math.nan},
    ),
    "logistic": (logistic, {-math.inf: 0.0, math.inf: 1.0, math.nan: math.nan}),
    "softplus": (softplus, {-math.inf: 0.0, math.inf: math.inf, math.nan: math.nan}),
    "digamma": (digamma, {math.inf: math.inf, -math.inf: math.nan, 0.0: math.nan, -3.0: math.nan, math.nan: math.nan}),
}


@pytest.mark.parametrize("name", INFINITE)
def test_values_at_the_ends_of_their_range(name, doubles):
    function, known = INFINITE[name]
    for run in (lambda x: function(x), lambda x: doubles(name, [x])[0][0]):
        np.testing.assert_array_equal([run(x) for x in known], list(known.values()))


def test_sums_of_exponentials_of_infinite_numbers():
    known = {
        (-math.inf, -math.inf): -math.inf,
        (-math.inf, 1.5): 1.5,
        (math.inf, -math.inf): math.inf,
        (math.inf, 1.0): math.inf,
        (-math.inf, math.nan): math.nan,
        (math.nan, math.inf): math.nan,
    }
    jitted = numba.njit(lambda numbers: log_sum_exp(numbers))
    for numbers, total in known.items():
        for run in (log_sum_exp, jitted):
            np.testing.assert_equal(run(numbers), total)
            np.testing.assert_equal(run(np.array(numbers)), total)
    assert log_sum_exp([]) == -math.inf
