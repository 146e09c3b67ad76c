"""Functions of duals: powers, selections, elementary functions, predicates."""

from __future__ import annotations

import math
import operator

import numpy as np
from numba.core import types
from numba.core.extending import intrinsic, overload, register_jitable

from trialwise.engine.numbers.dual import chain, tangent, value
from trialwise.engine.numbers.vector import INT64, Dual, Vector
from trialwise.learners.functions import digamma, logistic
from trialwise.learners.responses import plain_numbers


def _is_dual(*args) -> bool:
    return any(isinstance(a, Dual) for a in args)


@overload(pow)
@overload(operator.pow)
@overload(operator.ipow)
@overload(math.pow)
@overload(np.power)
def _power(base, exponent):
    if isinstance(base, Dual) and isinstance(exponent, types.Integer | types.Boolean):

        def integer(base, exponent):
            b = value(base)
            lower = b ** (exponent - 1) if exponent != 0 else 0.0
            return chain(base, b**exponent, exponent * lower)

        return integer
    if isinstance(base, Dual) and isinstance(exponent, types.Float):

        def constant(base, exponent):
            b = value(base)
            # the slope of b ** p at 0 is infinite for p < 1; it is set to 0, so that a surprise of exactly 0 has no effect
            slope = 0.0 if exponent == 0.0 or (b == 0.0 and exponent < 1.0) else exponent * b ** (exponent - 1.0)
            return chain(base, b**exponent, slope)

        return constant
    if isinstance(exponent, Dual) and not isinstance(base, Dual):

        def exponential(base, exponent):
            power = base ** value(exponent)
            return chain(exponent, power, 0.0 if base == 0.0 else power * np.log(base))

        return exponential
    if isinstance(exponent, Dual):

        def general(base, exponent):
            b, e = value(base), value(exponent)
            power = b**e
            by_base = 0.0 if e == 0.0 or (b == 0.0 and e < 1.0) else e * b ** (e - 1.0)
            by_exponent = 0.0 if b == 0.0 else power * np.log(b)
            result = chain(base + 0.0 * exponent, power, by_base)
            return result + chain(exponent, 0.0, by_exponent)

        return general


@overload(abs)
@overload(math.fabs)
@overload(np.abs)
@overload(np.fabs)
def _absolute(x):
    if _is_dual(x):
        return lambda x: -x if value(x) < 0.0 else x


def where(condition, x=None, y=None):
    """``np.where`` in compiled learners: a number if all are numbers, of which Numba makes an array."""


@overload(where)
def _where(condition, x=None, y=None):
    if _selects_numbers(condition, x, y):
        return lambda condition, x=None, y=None: x if condition else y
    if x is None or isinstance(x, types.Omitted):
        return lambda condition, x=None, y=None: np.where(condition)
    return lambda condition, x=None, y=None: np.where(condition, x, y)


@overload(np.where)
def _where_of_duals(condition, x, y):
    if _selects_numbers(condition, x, y) and _is_dual(x, y):
        return lambda condition, x, y: x if condition else y


def _selects_numbers(condition, x, y) -> bool:
    plain = types.Number | types.Boolean
    return isinstance(condition, plain) and all(isinstance(each, plain | Vector) for each in (x, y))


@overload(float)
def _float(x):
    if _is_dual(x):
        return lambda x: x


def _to_whole(function):
    """Extend a function that rounds to a whole number, which has no slope."""

    @overload(function)
    def whole(x):
        if _is_dual(x):
            return lambda x: function(value(x))


for _function in (int, math.floor, math.ceil, math.trunc, round):
    _to_whole(_function)


@overload(round)
def _round(x, digits):
    if _is_dual(x):
        return lambda x, digits: chain(x, round(value(x), digits), 0.0)


@overload(np.round)
def _round_to_decimals(a, decimals=0):
    if _is_dual(a):
        return lambda a, decimals=0: chain(a, np.round(value(a), decimals), 0.0)


@overload(operator.floordiv)
@overload(operator.ifloordiv)
@overload(np.floor_divide)
def _floor_divide(x, y):
    if _is_dual(x, y):
        return lambda x, y: value(x) // value(y)


@overload(operator.mod)
@overload(operator.imod)
@overload(np.mod)
@overload(np.remainder)
def _remainder(x, y):
    if _is_dual(x, y):
        return lambda x, y: tangent(x) - (value(x) // value(y)) * tangent(y) + value(x) % value(y)


def _elementary(functions, on_value):
    """Extend a smooth function to duals: ``on_value(v)`` returns its value and slope at ``v``."""
    pair = register_jitable(on_value)

    def define(function):
        @overload(function)
        def elementary(x):
            if _is_dual(x):

                def apply(x):
                    result, slope = pair(value(x))
                    return chain(x, result, slope)

                return apply

    for function in functions:
        define(function)


def _exp(v):
    e = math.exp(v)
    return e, e


def _expm1(v):
    return math.expm1(v), math.exp(v)


def _log(v):
    return np.log(v), 1.0 / v


def _log2(v):
    return np.log2(v), 1.0 / (v * math.log(2.0))


def _log10(v):
    return np.log10(v), 1.0 / (v * math.log(10.0))


def _log1p(v):
    return np.log1p(v), 1.0 / (1.0 + v)


def _sqrt(v):
    root = np.sqrt(v)
    return root, 0.0 if root == 0.0 else 0.5 / root  # as for the power 0.5


def _sin(v):
    return math.sin(v), math.cos(v)


def _cos(v):
    return math.cos(v), -math.sin(v)


def _tan(v):
    t = math.tan(v)
    return t, 1.0 + t * t


def _tanh(v):
    slope = 1.0 / math.cosh(v)
    return math.tanh(v), slope * slope


def _sinh(v):
    return math.sinh(v), math.cosh(v)


def _cosh(v):
    return math.cosh(v), math.sinh(v)


def _arctan(v):
    return math.atan(v), 1.0 / (1.0 + v * v)


def _arcsin(v):
    return math.asin(v), 1.0 / np.sqrt((1.0 - v) * (1.0 + v))


def _arccos(v):
    return math.acos(v), -1.0 / np.sqrt((1.0 - v) * (1.0 + v))


def _arcsinh(v):
    return math.asinh(v), 1.0 / math.hypot(1.0, v)


def _arccosh(v):
    return math.acosh(v), 1.0 / (np.sqrt(v - 1.0) * np.sqrt(v + 1.0))


def _arctanh(v):
    return math.atanh(v), 1.0 / ((1.0 - v) * (1.0 + v))


def _exp2(v):
    power = np.exp2(v)
    return power, math.log(2.0) * power


def _cbrt(v):
    root = np.cbrt(v)
    return root, 1.0 / (3.0 * root * root)


def _erf(v):
    return math.erf(v), 2.0 / math.sqrt(math.pi) * math.exp(-v * v)


def _erfc(v):
    return math.erfc(v), -2.0 / math.sqrt(math.pi) * math.exp(-v * v)


def _lgamma(v):
    return math.lgamma(v), digamma(v)


def _gamma(v):
    g = math.gamma(v)
    return g, g * digamma(v)


def _sign(v):
    return np.sign(v), 0.0


def _floor(v):
    return np.floor(v), 0.0


def _ceil(v):
    return np.ceil(v), 0.0


def _trunc(v):
    return np.trunc(v), 0.0


def _square(v):
    return v * v, 2.0 * v


for _functions, _on_value in (
    ((math.exp, np.exp), _exp),
    ((math.expm1, np.expm1), _expm1),
    ((math.log, np.log), _log),
    ((math.log2, np.log2), _log2),
    ((math.log10, np.log10), _log10),
    ((math.log1p, np.log1p), _log1p),
    ((math.sqrt, np.sqrt), _sqrt),
    ((math.sin, np.sin), _sin),
    ((math.cos, np.cos), _cos),
    ((math.tan, np.tan), _tan),
    ((math.tanh, np.tanh), _tanh),
    ((math.sinh, np.sinh), _sinh),
    ((math.cosh, np.cosh), _cosh),
    ((math.atan, np.arctan), _arctan),
    ((math.asin, np.arcsin), _arcsin),
    ((math.acos, np.arccos), _arccos),
    ((math.asinh, np.arcsinh), _arcsinh),
    ((math.acosh, np.arccosh), _arccosh),
    ((math.atanh, np.arctanh), _arctanh),
    ((np.exp2,), _exp2),
    ((np.cbrt,), _cbrt),
    ((math.gamma,), _gamma),
    ((math.erf,), _erf),
    ((math.erfc,), _erfc),
    ((math.lgamma,), _lgamma),
    ((np.sign,), _sign),
    ((np.floor,), _floor),
    ((np.ceil,), _ceil),
    ((np.trunc,), _trunc),
    ((np.square,), _square),
):
    _elementary(_functions, _on_value)


def _predicate(functions):
    def define(function):
        @overload(function)
        def predicate(x):
            if _is_dual(x):
                return lambda x: function(value(x))

    for function in functions:
        define(function)


_predicate((math.isnan, math.isinf, math.isfinite, np.isnan, np.isinf, np.isfinite))


@intrinsic
def _is_extreme(typingctx, x):
    """From the exponent bits, with integer instructions, since the floating-point units are busy."""

    def codegen(context, builder, sig, args):
        bits = builder.lshr(builder.bitcast(args[0], INT64), INT64(52))  # negative numbers appear huge
        above = builder.sub(bits, INT64(1023 - plain_numbers.EXTREME))
        return builder.icmp_unsigned(">=", above, INT64(2 * plain_numbers.EXTREME))

    return types.boolean(types.float64), codegen


overload(plain_numbers.is_extreme)(lambda scale: lambda scale: _is_extreme(scale))


@overload(math.hypot)
@overload(np.hypot)
def _hypot(x, y):
    if _is_dual(x, y):

        def hypotenuse(x, y):
            length = math.hypot(value(x), value(y))
            across = value(x) / length if length > 0.0 else 0.0
            up = value(y) / length if length > 0.0 else 0.0
            return chain(x + 0.0 * y, length, across) + chain(0.0 * x + y, 0.0, up)

        return hypotenuse


@overload(divmod)
def _divmod(x, y):
    if _is_dual(x, y):
        return lambda x, y: (x // y, x % y)


@overload(math.atan2)
@overload(np.arctan2)
def _arctan2(y, x):
    if _is_dual(y, x):

        def angle(y, x):
            a, b = value(y), value(x)
            square = a * a + b * b
            return chain(y + 0.0 * x, math.atan2(a, b), b / square) - chain(0.0 * y + x, 0.0, a / square)

        return angle


@overload(math.copysign)
@overload(np.copysign)
def _copysign(x, y):
    if _is_dual(x, y):
        return lambda x, y: x if math.copysign(1.0, value(x)) == math.copysign(1.0, value(y)) else -x


@overload(np.logaddexp)
def _logaddexp(x, y):
    if _is_dual(x, y):

        def log_of_sum(x, y):
            a, b = value(x), value(y)
            gap = a - b if a != b else 0.0  # 0 for equal infinities, whose difference is not a number
            total = max(a, b) + np.log1p(np.exp(-abs(gap)))
            return chain(x + 0.0 * y, total, logistic(gap)) + chain(0.0 * x + y, 0.0, logistic(-gap))

        return log_of_sum
