r"""What is left of the gamma function when its large parts have been cancelled by hand, on doubles.

Log-densities of counts and of the Beta and Student distributions are differences of log-gamma functions that are a million times
larger than their result. With Stirling's formula the large parts cancel in the formula (Loader 2000, *Fast and accurate computation of
binomial probabilities*), so that every digit is right for parameters of any size. Series are those of DLMF 5.11.
"""

from __future__ import annotations

import math

LARGE = 16.0
"""From here on asymptotic series are accurate to the last digit."""

HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def stirling_error(x):
    r""":math:`\log \Gamma(x + 1) - (x + \tfrac12) \log x + x - \tfrac12 \log 2\pi`, for :math:`x > 0`."""
    if x < LARGE:
        return math.lgamma(x + 1.0) - (x + 0.5) * math.log(x) + x - HALF_LOG_TWO_PI
    s = 1.0 / (x * x)
    series = 1 / 12 - s * (1 / 360 - s * (1 / 1260 - s * (1 / 1680 - s * (1 / 1188 - s * (691 / 360360 - s / 156)))))
    return series / x


def digamma_tail(x):
    r""":math:`\log x - 1 / (2 x) - \psi(x)`, for :math:`x > 0`."""
    shifted, total = x, 0.0
    if x < LARGE:
        total = 0.5 / x
        shifted += 1.0
        while shifted < LARGE:
            total += 1.0 / shifted
            shifted += 1.0
        total += 0.5 / shifted - math.log(shifted / x)
    s = 1.0 / (shifted * shifted)
    series = 1 / 12 - s * (1 / 120 - s * (1 / 252 - s * (1 / 240 - s * (1 / 132 - s * (691 / 32760 - s / 12)))))
    return total + s * series


def excess(change, ratio):
    r""":math:`t - \log(1 + t)` of a relative change :math:`t`, never negative; ``ratio`` is :math:`1 + t`."""
    if not -0.3 < change < 0.3:
        return change - math.log(ratio)
    v = change / (2.0 + change)  # log(1 + t) = 2 artanh(v), of which t - 2 v = t v
    s = v * v
    series = 1 / 9 + s * (1 / 11 + s * (1 / 13 + s * (1 / 15 + s * (1 / 17 + s * (1 / 19 + s / 21)))))
    return v * (change - 2.0 * s * (1 / 3 + s * (1 / 5 + s * (1 / 7 + s * series))))


def log_ratio(change, ratio):
    r""":math:`\log(1 + t)` of a relative change :math:`t`; ``ratio`` is :math:`1 + t`."""
    return math.log1p(change) if -0.3 < change < 0.3 else math.log(ratio)


def log_half_step(x):
    r""":math:`\log \Gamma(x + \tfrac12) - \log \Gamma(x) - \tfrac12 \log x`, for :math:`x > 0`, and its slope."""
    shifted, product, slope = x, 1.0, 0.0
    while shifted < LARGE:
        product *= shifted / (shifted + 0.5)
        slope += 0.5 / (shifted * (shifted + 0.5))
        shifted += 1.0
    total = 0.0
    if shifted > x:
        total = math.log(product) + 0.5 * math.log(shifted / x)
        slope += 0.5 / shifted - 0.5 / x
    s = 1.0 / (shifted * shifted)
    a, b, c, d, e, f, g = 1 / 8, 1 / 192, 1 / 640, 17 / 14336, 31 / 18432, 691 / 180224, 5461 / 425984
    series = -(a - s * (b - s * (c - s * (d - s * (e - s * (f - s * g))))))
    by_x = a - s * (3 * b - s * (5 * c - s * (7 * d - s * (9 * e - s * (11 * f - s * 13 * g)))))
    return total + series / shifted, slope + s * by_x
