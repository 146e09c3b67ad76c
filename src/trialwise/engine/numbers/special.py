"""The functions of :mod:`trialwise.learners.functions` in compiled code: on doubles their own text, on duals with slopes by hand, on
numbers of several particles one lane at a time.
"""

from __future__ import annotations

import math

import numpy as np
from numba.core import types
from numba.core.extending import overload, register_jitable

from trialwise.engine.numbers.abreast import by_lane
from trialwise.engine.numbers.dual import chain, value
from trialwise.engine.numbers.vector import Abreast, Dual
from trialwise.learners import functions

for _helper in (functions.normal_density, functions.mills_ratio, functions.polynomial, functions.from_whole):
    register_jitable(_helper)


def _slope_of_normal_cdf(x, result):
    return functions.normal_density(x)


def _slope_of_log_normal_cdf(x, result):
    if x > 0.0:
        return functions.normal_density(x) / (1.0 - 0.5 * math.erfc(functions.ROOT_HALF * x))
    return 1.0 / functions.mills_ratio(-x)


def _slope_of_normal_quantile(p, result):
    # the density at the quantile, from the tail, which is known exactly
    return functions.mills_ratio(abs(result)) / min(p, 1.0 - p)


def _slope_of_logistic(x, result):
    return result * functions.logistic(-x)


def _slope_of_softplus(x, result):
    return functions.logistic(x)


TRIGAMMA = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


def trigamma(x, digamma=0.0):
    """The slope of the digamma function, by recurrence, asymptotic series and reflection as there (DLMF 5.15.5, 5.15.6, 5.15.8)."""
    total, sign = 0.0, 1.0
    if x <= 0.0:
        sine = math.sin(math.pi * functions.from_whole(x))
        total, sign = (math.pi / sine) ** 2, -1.0
        x = 1.0 - x
    while x < 10.0:
        total += sign / (x * x)
        x += 1.0
    s = 1.0 / (x * x)
    return total + sign * ((1.0 + s * functions.polynomial(TRIGAMMA, s)) / x + 0.5 * s)


def _define(function, on_slope):
    slope = register_jitable(on_slope)

    @overload(function, strict=False)  # not strict, since arguments have names and annotations of their own
    def on_number(*args):
        (x,) = args
        if isinstance(x, Dual):

            def on_dual(x):
                result = function(value(x))
                return chain(x, result, slope(value(x), result))

            return on_dual
        if isinstance(x, Abreast):
            return by_lane(function, x.width)
        if isinstance(x, types.Number | types.Boolean):
            return function


for _function, _slope in (
    (functions.normal_cdf, _slope_of_normal_cdf),
    (functions.log_normal_cdf, _slope_of_log_normal_cdf),
    (functions.normal_quantile, _slope_of_normal_quantile),
    (functions.logistic, _slope_of_logistic),
    (functions.softplus, _slope_of_softplus),
    (functions.digamma, trigamma),
):
    _define(_function, _slope)


def _log_sum_exp_abreast(values):
    total = values[0]
    for k in range(1, len(values)):
        total = np.logaddexp(total, values[k])
    return total


@overload(functions.log_sum_exp, strict=False)  # not strict, since the plain function has annotations
def _log_sum_exp(values):
    if isinstance(values, types.BaseTuple) and len(values) and not isinstance(values, types.UniTuple):
        # entries of several types, such as a dual and a constant, become a list of one type
        entries = ", ".join(f"values[{k}]" for k in range(len(values)))
        namespace = {"log_sum_exp": functions.log_sum_exp}
        exec(f"def of_list(values):\n    return log_sum_exp([{entries}])", namespace)
        return namespace["of_list"]
    if isinstance(getattr(values, "dtype", None), Abreast):
        return _log_sum_exp_abreast
    return functions.log_sum_exp
