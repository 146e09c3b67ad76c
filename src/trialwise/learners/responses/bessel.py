r"""Modified Bessel functions of orders 0 and 1, without their exponential growth: :math:`e^{-x} I_0(x)` and :math:`I_1(x) / I_0(x)`.

The power series (DLMF 10.25.2) below 25 and the asymptotic one (DLMF 10.40.1) from there on; all terms have one sign, so that no digits are
lost, whatever the size of the argument.
"""

from __future__ import annotations

import math

LARGE = 25.0


def scaled_bessel(x):
    r"""The logarithm of :math:`e^{-x} I_0(x)`, the ratio :math:`I_1(x) / I_0(x)`, and what it lacks of 1, for :math:`x \ge 0`."""
    if x < LARGE:
        square = 0.25 * x * x
        term, zero, one, k = 1.0, 1.0, 1.0, 1.0
        while term > 1e-18 * zero:
            term *= square / (k * k)
            zero += term
            one += term / (k + 1.0)
            k += 1.0
        ratio = 0.5 * x * one / zero
        return math.log(zero) - x, ratio, 1.0 - ratio
    # of order 0 all terms are positive, of order 1 all but the first negative: that of the difference is never a difference
    first, second, zero, gap, k = 1.0, 1.0, 1.0, 0.0, 1.0
    while first > 1e-18 and k < 2.0 * x:
        first *= (2.0 * k - 1.0) ** 2 / (8.0 * k * x)
        second *= ((2.0 * k - 1.0) ** 2 - 4.0) / (8.0 * k * x)
        zero += first
        gap += first - second
        k += 1.0
    return math.log(zero) - 0.5 * math.log(2.0 * math.pi * x), 1.0 - gap / zero, gap / zero
