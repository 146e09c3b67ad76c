r"""Functions for the methods of learners that have no name in ``math`` or NumPy, exact far into their tails.

They take and return single numbers (:func:`log_sum_exp` takes several), in plain Python and compiled, where they carry derivatives
(:mod:`trialwise.engine.numbers.special`). Outside of its range a function is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from trialwise.learners.responses.plain_numbers import share_of_tangent, tangent, value

__all__ = ["digamma", "log_normal_cdf", "log_sum_exp", "logistic", "normal_cdf", "normal_quantile", "softplus"]

HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)
ROOT_HALF = math.sqrt(0.5)
ROOT_HALF_PI = math.sqrt(0.5 * math.pi)

# -- the normal distribution --------------------------------------------------------------------------------------------


def normal_density(x):
    """The density of the standard normal distribution."""
    return math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def mills_ratio(x):
    """The upper tail of the standard normal distribution divided by its density, for ``x >= 0``.

    Beyond 10 by Laplace's continued fraction (DLMF 7.9.3), where the tail itself would underflow.
    """
    if x < 10.0:
        return ROOT_HALF_PI * math.erfc(ROOT_HALF * x) * math.exp(0.5 * x * x)
    rest = x
    for level in range(20, 0, -1):
        rest = x + level / rest
    return 1.0 / rest


def normal_cdf(x: float) -> float:
    r"""The normal distribution function, :math:`\Phi(x) = \int_{-\infty}^x e^{-t^2/2} dt / \sqrt{2\pi}`.

    Parameters
    ----------
    x
        Any number.

    Returns
    -------
    float
        0 to 1; it underflows to 0 below -38. For its logarithm use :func:`log_normal_cdf`; the upper tail is ``normal_cdf(-x)``.

    Examples
    --------
    >>> round(tw.functions.normal_cdf(1.96), 3)
    0.975
    """
    return 0.5 * math.erfc(-ROOT_HALF * x)


def log_normal_cdf(x: float) -> float:
    r"""The logarithm of the normal distribution function, :math:`\log \Phi(x)`, without underflow.

    Parameters
    ----------
    x
        Any number.

    Returns
    -------
    float
        At most 0; about :math:`-x^2/2 - \log(-x \sqrt{2\pi})` far below 0.

    Examples
    --------
    >>> round(tw.functions.log_normal_cdf(0.0), 4)
    -0.6931
    >>> round(tw.functions.log_normal_cdf(-40.0), 4)
    -804.6084
    """
    if x > 0.0:
        return math.log1p(-0.5 * math.erfc(ROOT_HALF * x))
    if math.isinf(x):
        return x
    return math.log(mills_ratio(-x)) - HALF_LOG_TAU - 0.5 * x * x


CENTRE = (
    (
        3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
        4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
    ),
    (
        1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
        2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
    ),
)  # fmt: skip
TAIL = (
    (
        1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
        1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
    ),
    (
        1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
        1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
    ),
)  # fmt: skip
FAR_TAIL = (
    (
        6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
    ),
    (
        1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
    ),
)  # fmt: skip
"""Numerators and denominators of the rational approximations of the normal quantile (Wichura 1988, Applied Statistics 37, AS 241)."""


def polynomial(coefficients, x):
    """A polynomial with these coefficients, from the constant upwards."""
    total = 0.0
    for k in range(len(coefficients) - 1, -1, -1):
        total = total * x + coefficients[k]
    return total


def normal_quantile(p: float) -> float:
    r"""The normal quantile :math:`\Phi^{-1}(p)`, the inverse of :func:`normal_cdf`.

    Parameters
    ----------
    p
        A probability, 0 to 1.

    Returns
    -------
    float
        ``-inf`` at 0, ``inf`` at 1, NaN outside.

    Examples
    --------
    >>> round(tw.functions.normal_quantile(0.975), 2)
    1.96
    """
    if not 0.0 <= p <= 1.0:
        return math.nan
    from_half = p - 0.5
    tail = min(p, 1.0 - p)
    if tail == 0.0:
        return math.copysign(math.inf, from_half)
    if abs(from_half) <= 0.425:
        r = 0.180625 - from_half * from_half
        return from_half * polynomial(CENTRE[0], r) / polynomial(CENTRE[1], r)
    r = math.sqrt(-math.log(tail))
    if r <= 5.0:
        size = polynomial(TAIL[0], r - 1.6) / polynomial(TAIL[1], r - 1.6)
    else:
        size = polynomial(FAR_TAIL[0], r - 5.0) / polynomial(FAR_TAIL[1], r - 5.0)
    return math.copysign(size, from_half)


# -- the logistic function ----------------------------------------------------------------------------------------------


def logistic(x: float) -> float:
    r"""The logistic function :math:`\sigma(x) = 1 / (1 + e^{-x})`, without overflow.

    Parameters
    ----------
    x
        Any number.

    Returns
    -------
    float
        0 to 1. Its complement is ``logistic(-x)``, its logarithm ``-softplus(-x)``.

    Examples
    --------
    >>> tw.functions.logistic(0.0), tw.functions.logistic(-800.0)
    (0.5, 0.0)
    """
    small = math.exp(-abs(x))
    return (1.0 if x >= 0.0 else small) / (1.0 + small)


def softplus(x: float) -> float:
    r"""A smooth maximum of ``x`` and 0, :math:`\log(1 + e^x)`, without overflow.

    Parameters
    ----------
    x
        Any number.

    Returns
    -------
    float
        A positive number, about :math:`e^x` far below 0 and about ``x`` far above.

    Examples
    --------
    >>> round(tw.functions.softplus(0.0), 4), tw.functions.softplus(800.0)
    (0.6931, 800.0)
    """
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


# -- sums of exponentials -------------------------------------------------------------------------------------------------


def log_sum_exp(values: Sequence[float] | np.ndarray) -> Any:
    r"""The logarithm of a sum of exponentials, :math:`\log \sum_k e^{x_k}`, without overflow or underflow.

    Parameters
    ----------
    values
        A table with one axis (or a row of one), an array, a list or a tuple of numbers.

    Returns
    -------
    float
        At least the largest of the numbers; ``-inf`` if there are none.

    Examples
    --------
    >>> round(tw.functions.log_sum_exp([1000.0, 1000.0]) - 1000.0, 4)
    0.6931
    """
    if len(values) == 0:
        return -math.inf
    first = 0  # the largest, or one that is not a number
    for k in range(1, len(values)):
        number = value(values[k])
        if number > value(values[first]) or math.isnan(number):
            first = k
    top = value(values[first])
    if not math.isfinite(top):
        return values[first]
    total, slopes = 0.0, tangent(values[first])
    for k in range(len(values)):
        if k != first:
            weight = math.exp(value(values[k]) - top)
            total += weight
            slopes = slopes + share_of_tangent(weight, values[k])
    return top + math.log1p(total) + slopes / (1.0 + total)


# -- the digamma function -------------------------------------------------------------------------------------------------

ROOT = 1.4616321449683622
AROUND_ROOT = (
    -9.241265521729427e-17, 0.9676722454476212, -0.4427631689835922, 0.2584997609556511, -0.16394270544240658,
    0.10782405069126241, -0.07219956125645474, 0.04880428816414313, -0.033161126474847376, 0.022597648232218118,
)  # fmt: skip
"""The double next to the positive root of the digamma function, and the Taylor series there: its value, and Hurwitz zeta functions with
alternating signs (DLMF 5.15.1)."""

SERIES = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)


def digamma(x: float) -> float:
    r"""The digamma function, the slope of the log-gamma function: :math:`\psi(x) = \frac{d}{dx} \log \Gamma(x)`.

    By recurrence to above 10 and the asymptotic series there (DLMF 5.5.2, 5.11.2), by reflection below 0 (DLMF 5.5.4), and by a Taylor
    series next to its positive root.

    Parameters
    ----------
    x
        Any number except 0 and negative whole numbers, where it is NaN.

    Returns
    -------
    float
        Any number.

    Examples
    --------
    >>> round(tw.functions.digamma(1.0), 4)
    -0.5772
    """
    if math.isinf(x):
        return x if x > 0.0 else math.nan
    if abs(x - ROOT) < 0.03:
        return polynomial(AROUND_ROOT, x - ROOT)
    total = 0.0
    if x <= 0.0:
        if x == np.floor(x):
            return math.nan
        total = -math.pi / math.tan(math.pi * from_whole(x))
        x = 1.0 - x
    while x < 10.0:
        total -= 1.0 / x
        x += 1.0
    s = 1.0 / (x * x)
    return total + math.log(x) - 0.5 / x - s * polynomial(SERIES, s)


def from_whole(x):
    """The distance of a number from the nearest whole number, with its sign."""
    return x - np.floor(x + 0.5)
