r"""Dual numbers for Numba: a value and its tangents in one vector register.

A dual of width ``W`` is :math:`a_0 + \sum_{i=1}^{W-1} a_i \varepsilon_i` with :math:`\varepsilon_i \varepsilon_j = 0`, held as one
LLVM vector ``<W x double>``: the value in lane 0, tangents in the others. Arithmetic on it is a handful of vector
instructions; floats and integers promote to it wherever Numba unifies types, so that ordinary Python compiles on duals.

Floating-point flags allow contraction and reassociation but never assume NaN or infinity away: a NaN outcome must
reach the caller.
"""

from __future__ import annotations

import math
import operator

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.extending import intrinsic, lower_builtin, lower_cast, models, overload, register_model
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from trialwise.engine import number

FLAGS = ("contract", "reassoc", "arcp", "nsz")
DOUBLE = ir.DoubleType()
INT32 = ir.IntType(32)


class Dual(types.Type):
    """The Numba type of a dual number with ``width - 1`` tangents."""

    def __init__(self, width: int):
        self.width = width
        super().__init__(name=f"dual{width}")

    def unify(self, typingctx, other):
        if isinstance(other, types.Number | types.Boolean):
            return self
        return None

    def can_convert_from(self, typingctx, other):
        if isinstance(other, types.Number | types.Boolean):
            return Conversion.safe
        return None


@register_model(Dual)
class DualModel(models.PrimitiveModel):
    """A vector in registers; an array of doubles in memory, where nobody promises a vector's alignment."""

    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.VectorType(DOUBLE, fe_type.width))

    def get_data_type(self):
        return ir.ArrayType(DOUBLE, self._fe_type.width)

    def as_data(self, builder, value):
        data = ir.Constant(self.get_data_type(), ir.Undefined)
        for lane in range(self._fe_type.width):
            data = builder.insert_value(data, builder.extract_element(value, INT32(lane)), lane)
        return data

    def from_data(self, builder, value):
        vector = ir.Constant(self.get_value_type(), ir.Undefined)
        for lane in range(self._fe_type.width):
            vector = builder.insert_element(vector, builder.extract_value(value, lane), INT32(lane))
        return vector

    def load_from_data_pointer(self, builder, ptr, align=None):
        return builder.load(builder.bitcast(ptr, self.get_value_type().as_pointer()), align=8)


# -- pieces of code generation ------------------------------------------------------------------------------------------


def splat(builder, scalar, width: int):
    """A vector with the same double in every lane."""
    vector = ir.VectorType(DOUBLE, width)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, INT32(0))
    zeros = ir.Constant(ir.VectorType(INT32, width), [0] * width)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


def value_of(builder, vector):
    return builder.extract_element(vector, INT32(0))


def with_value(builder, vector, scalar):
    return builder.insert_element(vector, scalar, INT32(0))


def tangent_of(builder, vector):
    """The same dual with value zero."""
    return with_value(builder, vector, ir.Constant(DOUBLE, 0.0))


def promote(builder, scalar, width: int):
    """A double as a dual without tangents."""
    return with_value(builder, ir.Constant(ir.VectorType(DOUBLE, width), [0.0] * width), scalar)


def _flagged(builder, operation, a, b):
    return getattr(builder, operation)(a, b, flags=FLAGS)


# -- promotion ----------------------------------------------------------------------------------------------------------


@lower_cast(types.Float, Dual)
@lower_cast(types.Integer, Dual)
@lower_cast(types.Boolean, Dual)
def cast_number_to_dual(context, builder, fromty, toty, value):
    return promote(builder, context.cast(builder, value, fromty, types.float64), toty.width)


# -- arithmetic ---------------------------------------------------------------------------------------------------------


def _binary_template(*functions):
    """Type ``dual op number`` and ``number op dual``: the number stays a double, which is cheaper than promoting it."""

    class Template(AbstractTemplate):
        def generic(self, args, kws):
            if kws or len(args) != 2 or not any(isinstance(a, Dual) for a in args):
                return None
            a, b = (arg if isinstance(arg, Dual) else types.float64 for arg in args)
            if not all(isinstance(arg, Dual | types.Number | types.Boolean) for arg in args):
                return None
            if isinstance(a, Dual) and isinstance(b, Dual) and a != b:
                return None
            return signature(a if isinstance(a, Dual) else b, a, b)

    for function in functions:
        infer_global(function)(type(f"Dual_{function.__name__}", (Template,), {}))


def _lower(functions, implement):
    def dual_dual(context, builder, sig, args):
        return implement(builder, *args)

    def dual_float(context, builder, sig, args):
        return implement(builder, args[0], promote(builder, args[1], sig.return_type.width))

    def float_dual(context, builder, sig, args):
        return implement(builder, promote(builder, args[0], sig.return_type.width), args[1])

    for function in functions:
        lower_builtin(function, Dual, Dual)(dual_dual)
        lower_builtin(function, Dual, types.Float)(dual_float)
        lower_builtin(function, types.Float, Dual)(float_dual)


_binary_template(
    operator.add, operator.iadd, operator.sub, operator.isub,
    operator.mul, operator.imul, operator.truediv, operator.itruediv,
)  # fmt: skip
_lower((operator.add, operator.iadd), lambda builder, a, b: _flagged(builder, "fadd", a, b))
_lower((operator.sub, operator.isub), lambda builder, a, b: _flagged(builder, "fsub", a, b))


def times(builder, a, b):
    width = a.type.count
    cross = _flagged(builder, "fmul", splat(builder, value_of(builder, b), width), tangent_of(builder, a))
    return _flagged(builder, "fadd", _flagged(builder, "fmul", splat(builder, value_of(builder, a), width), b), cross)


def over(builder, a, b):
    width = a.type.count
    divisor = value_of(builder, b)
    quotient = builder.fdiv(value_of(builder, a), divisor)
    inverse = builder.fdiv(ir.Constant(DOUBLE, 1.0), divisor)
    cross = _flagged(builder, "fmul", splat(builder, quotient, width), b)
    tangent = _flagged(builder, "fmul", _flagged(builder, "fsub", a, cross), splat(builder, inverse, width))
    return with_value(builder, tangent, quotient)


_lower((operator.mul, operator.imul), times)
_lower((operator.truediv, operator.itruediv), over)


@lower_builtin(operator.mul, Dual, types.Float)
@lower_builtin(operator.imul, Dual, types.Float)
def _dual_times_float(context, builder, sig, args):
    return _flagged(builder, "fmul", args[0], splat(builder, args[1], sig.return_type.width))


@lower_builtin(operator.mul, types.Float, Dual)
def _float_times_dual(context, builder, sig, args):
    return _flagged(builder, "fmul", splat(builder, args[0], sig.return_type.width), args[1])


@lower_builtin(operator.truediv, Dual, types.Float)
@lower_builtin(operator.itruediv, Dual, types.Float)
def _dual_over_float(context, builder, sig, args):
    return builder.fdiv(args[0], splat(builder, args[1], sig.return_type.width))


class _UnaryDual(AbstractTemplate):
    def generic(self, args, kws):
        if len(args) == 1 and isinstance(args[0], Dual) and not kws:
            return signature(args[0], args[0])
        return None


@infer_global(operator.neg)
class DualNegative(_UnaryDual):
    pass


@infer_global(operator.pos)
class DualPositive(_UnaryDual):
    pass


@lower_builtin(operator.neg, Dual)
def _negative(context, builder, sig, args):
    return builder.fneg(args[0], flags=FLAGS)


@lower_builtin(operator.pos, Dual)
def _positive(context, builder, sig, args):
    return args[0]


# -- comparison: of values ----------------------------------------------------------------------------------------------


class _CompareDual(AbstractTemplate):
    def generic(self, args, kws):
        numbers = all(isinstance(a, Dual | types.Number | types.Boolean) for a in args)
        if len(args) != 2 or not numbers or not any(isinstance(a, Dual) for a in args):
            return None
        return signature(types.boolean, *(a if isinstance(a, Dual) else types.float64 for a in args))


def _lower_comparison(function, symbol):
    def compare(context, builder, sig, args):
        values = [value_of(builder, v) if isinstance(t, Dual) else v for v, t in zip(args, sig.args, strict=True)]
        test = builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered
        return test(symbol, *values)

    infer_global(function)(type(f"Dual_{function.__name__}", (_CompareDual,), {}))
    lower_builtin(function, Dual, Dual)(compare)
    lower_builtin(function, Dual, types.Float)(compare)
    lower_builtin(function, types.Float, Dual)(compare)


for _function, _symbol in (
    (operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"),
    (operator.ge, ">="), (operator.eq, "=="), (operator.ne, "!="),
):  # fmt: skip
    _lower_comparison(_function, _symbol)


@lower_cast(Dual, types.Boolean)
def _truth(context, builder, fromty, toty, value):
    return builder.fcmp_unordered("!=", value_of(builder, value), ir.Constant(DOUBLE, 0.0))


@overload(bool)
def _bool(x):
    if isinstance(x, Dual):
        return lambda x: value(x) != 0.0


@infer_global(operator.not_)
class DualNot(AbstractTemplate):
    def generic(self, args, kws):
        if isinstance(args[0], Dual):
            return signature(types.boolean, args[0])
        return None


@lower_builtin(operator.not_, Dual)
def _not(context, builder, sig, args):
    return builder.fcmp_ordered("==", value_of(builder, args[0]), ir.Constant(DOUBLE, 0.0))


# -- taking duals apart and putting them together: the engine's own words -------------------------------------------------


@intrinsic
def value(typingctx, x):
    """The value of a dual, or a float itself."""
    if isinstance(x, Dual):
        return types.float64(x), lambda context, builder, sig, args: value_of(builder, args[0])
    return types.float64(types.float64), lambda context, builder, sig, args: args[0]


@intrinsic
def tangent(typingctx, x):
    """A dual with its value set to zero; 0.0 for a float."""
    if isinstance(x, Dual):
        return x(x), lambda context, builder, sig, args: tangent_of(builder, args[0])
    return types.float64(types.float64), lambda context, builder, sig, args: ir.Constant(DOUBLE, 0.0)


@intrinsic
def chain(typingctx, x, new, slope):
    """What a smooth function makes of ``x``: value ``new``, tangents times ``slope``."""
    if isinstance(x, Dual):

        def codegen(context, builder, sig, args):
            vector, scalar, factor = args
            scaled = _flagged(builder, "fmul", tangent_of(builder, vector), splat(builder, factor, x.width))
            return with_value(builder, scaled, scalar)

        return x(x, types.float64, types.float64), codegen
    return types.float64(types.float64, types.float64, types.float64), lambda c, b, s, args: args[1]


@intrinsic(prefer_literal=True)
def seed(typingctx, width, x, lane):
    """A dual of literal ``width`` with value ``x`` and tangent 1 in the given lane (no lane if it is out of range)."""
    dual = Dual(width.literal_value)

    def codegen(context, builder, sig, args):
        _, scalar, place = args
        vector = promote(builder, scalar, dual.width)
        inside = builder.and_(
            builder.icmp_signed(">", place, ir.Constant(place.type, 0)),
            builder.icmp_signed("<", place, ir.Constant(place.type, dual.width)),
        )
        marked = builder.insert_element(vector, ir.Constant(DOUBLE, 1.0), builder.trunc(place, INT32))
        return builder.select(inside, marked, vector)

    return dual(width, types.float64, types.int64), codegen


@intrinsic
def store_tangents(typingctx, x, target, start, count):
    """Write the first ``count`` tangents of ``x`` to ``target[start:]`` (a C-contiguous double array)."""

    def codegen(context, builder, sig, args):
        vector, array, begin, number = args
        data = context.make_array(sig.args[1])(context, builder, array).data
        for lane in range(1, x.width):
            inside = builder.icmp_signed("<", ir.Constant(number.type, lane - 1), number)
            with builder.if_then(inside):
                place = builder.add(begin, ir.Constant(begin.type, lane - 1))
                builder.store(builder.extract_element(vector, INT32(lane)), builder.gep(data, [place]))
        return context.get_dummy_value()

    return types.void(x, target, types.int64, types.int64), codegen


@intrinsic
def _is_extreme(typingctx, x):
    """By the exponent, in whole numbers: the units that compare doubles have enough to do."""

    def codegen(context, builder, sig, args):
        bits = builder.lshr(builder.bitcast(args[0], ir.IntType(64)), ir.IntType(64)(52))  # a sign counts as huge
        above = builder.sub(bits, ir.IntType(64)(1023 - number.EXTREME))
        return builder.icmp_unsigned(">=", above, ir.IntType(64)(2 * number.EXTREME))

    return types.boolean(types.float64), codegen


def load(builder, pointer, width: int):
    """Load a dual from a pointer to doubles of no particular alignment."""
    return builder.load(builder.bitcast(pointer, ir.VectorType(DOUBLE, width).as_pointer()), align=8)


def store(builder, vector, pointer):
    return builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()), align=8)


# -- powers, choices between values, elementary functions ------------------------------------------------------------------


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
            # at 0 the slope of b ** p is infinite for p < 1; told as 0, it leaves a surprise of exactly 0 without effect
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


class _ExtremeOfDuals(AbstractTemplate):
    """``min`` and ``max`` of two or more numbers, one of them dual."""

    def generic(self, args, kws):
        duals = {a for a in args if isinstance(a, Dual)}
        if len(args) < 2 or kws or len(duals) != 1:
            return None
        if not all(isinstance(a, Dual | types.Number | types.Boolean) for a in args):
            return None
        dual = duals.pop()
        return signature(dual, *([dual] * len(args)))


def _lower_extreme(function, symbol):
    infer_global(function)(type(f"Dual_{function.__name__}", (_ExtremeOfDuals,), {}))

    @lower_builtin(function, types.VarArg(Dual))
    def extreme(context, builder, sig, args):
        best = args[0]
        for other in args[1:]:
            better = builder.fcmp_ordered(symbol, value_of(builder, other), value_of(builder, best))
            best = builder.select(better, other, best)
        return best


_lower_extreme(min, "<")
_lower_extreme(max, ">")


@overload(np.minimum)
def _minimum(x, y):
    if _is_dual(x, y):
        return lambda x, y: min(x, y)


@overload(np.maximum)
def _maximum(x, y):
    if _is_dual(x, y):
        return lambda x, y: max(x, y)


@overload(np.clip)
def _clip(x, lower, upper):
    if _is_dual(x, lower, upper):
        return lambda x, lower, upper: min(max(x, lower), upper)


@overload(np.where)
def _where(condition, x, y):
    if _is_dual(x, y) and isinstance(condition, types.Boolean | types.Number):
        return lambda condition, x, y: x if condition else y


@overload(float)
def _float(x):
    if _is_dual(x):
        return lambda x: x


@overload(int)
def _int(x):
    if _is_dual(x):
        return lambda x: int(value(x))


def _elementary(functions, on_value):
    """Teach Numba a smooth function: ``on_value(v)`` returns the value and the slope at ``v``."""
    from numba.core.extending import register_jitable

    pair = register_jitable(on_value)

    def teach(function):
        @overload(function)
        def elementary(x):
            if _is_dual(x):

                def apply(x):
                    new, slope = pair(value(x))
                    return chain(x, new, slope)

                return apply

    for function in functions:
        teach(function)


def _exp(v):
    e = math.exp(v)
    return e, e


def _expm1(v):
    e = math.expm1(v)
    return e, e + 1.0


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
    return root, 0.5 / root


def _sin(v):
    return math.sin(v), math.cos(v)


def _cos(v):
    return math.cos(v), -math.sin(v)


def _tan(v):
    t = math.tan(v)
    return t, 1.0 + t * t


def _tanh(v):
    t = math.tanh(v)
    return t, 1.0 - t * t


def _sinh(v):
    return math.sinh(v), math.cosh(v)


def _cosh(v):
    return math.cosh(v), math.sinh(v)


def _arctan(v):
    return math.atan(v), 1.0 / (1.0 + v * v)


def _erf(v):
    return math.erf(v), 2.0 / math.sqrt(math.pi) * math.exp(-v * v)


def _sign(v):
    return np.sign(v), 0.0


def _floor(v):
    return np.floor(v), 0.0


def _ceil(v):
    return np.ceil(v), 0.0


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
    ((math.erf,), _erf),
    ((np.sign,), _sign),
    ((np.floor,), _floor),
    ((np.ceil,), _ceil),
    ((np.square,), _square),
):
    _elementary(_functions, _on_value)


def _predicate(functions):
    def teach(function):
        @overload(function)
        def predicate(x):
            if _is_dual(x):
                return lambda x: function(value(x))

    for function in functions:
        teach(function)


_predicate((math.isnan, math.isinf, math.isfinite, np.isnan, np.isinf, np.isfinite))


def lanes_for(parameters: int) -> int:
    """The narrowest width that carries so many parameters in one pass; 16, in several passes, if none does."""
    return next((width for width in (4, 8, 16) if width - 1 >= parameters), 16)


# The same words in plain Python (trialwise.engine.number), so that one formula serves interpreted and compiled.
overload(number.is_extreme)(lambda scale: lambda scale: _is_extreme(scale))
overload(number.value)(lambda x: lambda x: value(x))
overload(number.tangent)(lambda x: lambda x: tangent(x))
overload(number.chain)(lambda x, new, slope: lambda x, new, slope: chain(x, new, slope))
