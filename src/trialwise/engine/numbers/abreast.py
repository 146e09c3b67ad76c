"""Numbers of several particles, each in one lane of a vector register, so that one instruction computes all of them.

Particles of one filter have the same trials; their values differ, their hidden choices (:class:`Choices`), and in filters that draw courses their
parameters. Arithmetic is lane by lane. A condition on a value, which could differ between particles, does not compile:
such learners run one particle at a time, on doubles.
"""

from __future__ import annotations

import math
import operator

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import (
    intrinsic,
    lower_builtin,
    lower_cast,
    models,
    overload,
    register_jitable,
    register_model,
)
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from trialwise.engine.numbers.exponential import exponentials, within
from trialwise.engine.numbers.vector import (
    DOUBLE,
    FLAGS,
    INT32,
    INT64,
    Abreast,
    Dual,
    Vector,
    every,
    flagged,
    load,
    splat,
    store,
)
from trialwise.learners.responses import softmax

PARTICLES = 8
"""Particles per register."""


class Choices(types.Type):
    """The Numba type of the hidden choices of these particles: integers, which index tables."""

    def __init__(self, width: int):
        self.width = width
        super().__init__(name=f"choices{width}")

    def unify(self, typingctx, other):
        return self if isinstance(other, types.Integer) else None


@register_model(Choices)
class ChoicesModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.VectorType(INT64, fe_type.width))


@lower_cast(types.Integer, Choices)
def _choice_in_all_lanes(context, builder, fromty, toty, value):
    return splat(builder, context.cast(builder, value, fromty, types.int64), toty.width)


@lower_cast(types.Float, Abreast)
@lower_cast(types.Integer, Abreast)
@lower_cast(types.Boolean, Abreast)
def _number_in_all_lanes(context, builder, fromty, toty, value):
    return splat(builder, context.cast(builder, value, fromty, types.float64), toty.width)


@intrinsic
def all_between(typingctx, x, lower, upper):
    """Whether a number is between two bounds, both included: the value of a dual; each of several particles. NaN is not."""
    lanes = x.width if isinstance(x, Abreast) else 1

    def codegen(context, builder, sig, args):
        number, *bounds = args
        if isinstance(x, Dual):
            number = builder.extract_element(number, INT32(0))
        number = number if lanes > 1 else splat(builder, number, 1)
        above, below = (
            builder.fcmp_ordered(sign, number, splat(builder, bound, lanes))
            for sign, bound in zip((">=", "<="), bounds, strict=True)
        )
        return every(builder, builder.and_(above, below))

    kind = x if isinstance(x, Vector) else types.float64
    return types.boolean(kind, types.float64, types.float64), codegen


# -- arithmetic --------------------------------------------------------------------------------------------------------


def _template(name):
    class Template(AbstractTemplate):
        def generic(self, args, kws):
            kind = next((a for a in args if isinstance(a, Abreast)), None)
            if kind is None or kws or len(args) < 2:
                return None
            if not all(a == kind or isinstance(a, types.Number | types.Boolean) for a in args):
                return None
            return signature(kind, *([kind] * len(args)))

    return type(f"Abreast_{name}", (Template,), {})


def _define(functions, operation):
    for function in functions:
        infer_global(function)(_template(function.__name__))
        lower_builtin(function, Abreast, Abreast)(
            lambda context, builder, sig, args: flagged(builder, operation, *args)
        )


_define((operator.add, operator.iadd), "fadd")
_define((operator.sub, operator.isub), "fsub")
_define((operator.mul, operator.imul), "fmul")
_define((operator.truediv, operator.itruediv), "fdiv")


class _Unary(AbstractTemplate):
    def generic(self, args, kws):
        return signature(args[0], args[0]) if len(args) == 1 and isinstance(args[0], Abreast) and not kws else None


@infer_global(operator.neg)
class AbreastNegative(_Unary):
    pass


@infer_global(operator.pos)
class AbreastPositive(_Unary):
    pass


@lower_builtin(operator.neg, Abreast)
def _negative(context, builder, sig, args):
    return builder.fneg(args[0], flags=FLAGS)


@lower_builtin(operator.pos, Abreast)
def _positive(context, builder, sig, args):
    return args[0]


@intrinsic
def _lane(typingctx, x, place):
    """The number in one lane; any other number is the same in every lane."""
    if not isinstance(x, Abreast):
        return types.float64(types.float64, types.int64), lambda context, builder, sig, args: args[0]
    return types.float64(x, types.int64), lambda context, builder, sig, args: builder.extract_element(*args)


@intrinsic
def _with_lane(typingctx, x, place, new):
    return x(x, types.int64, types.float64), lambda context, builder, sig, args: builder.insert_element(
        args[0], args[2], args[1]
    )


def by_lane(function, width):
    """An implementation of a function of floats for these numbers, lane by lane."""

    def loop(x):
        for place in range(width):
            x = _with_lane(x, place, function(_lane(x, place)))
        return x

    return loop


def _define_by_lane(function):
    @overload(function)
    def on_lanes(x):
        if isinstance(x, Abreast):
            return by_lane(function, x.width)


for _function in (
    math.exp, np.exp, math.log, np.log, math.log1p, np.log1p, math.sqrt, np.sqrt, math.tanh, np.tanh, math.expm1, np.expm1,
    abs, np.abs, math.fabs, np.fabs, np.square, math.log2, np.log2, math.log10, np.log10, math.sin, np.sin, math.cos, np.cos,
    math.tan, np.tan, math.sinh, np.sinh, math.cosh, np.cosh, math.atan, np.arctan, math.erf, math.erfc, math.lgamma,
    np.sign, np.floor, np.ceil, math.asin, np.arcsin, math.acos, np.arccos, math.asinh, np.arcsinh, math.acosh, np.arccosh, math.atanh,
    np.arctanh, np.exp2, np.cbrt, math.gamma,
):  # fmt: skip
    _define_by_lane(_function)


def _define_by_pair_of_lanes(function):
    """Extend a function of two floats to these numbers, lane by lane; one of them may be a float."""

    @overload(function)
    def on_lanes(x, y):
        kind = next((each for each in (x, y) if isinstance(each, Abreast)), None)
        if kind is None or not all(each == kind or isinstance(each, types.Number | types.Boolean) for each in (x, y)):
            return None
        width = kind.width

        def loop(x, y):
            result = x + y
            for place in range(width):
                result = _with_lane(result, place, function(_lane(x, place), _lane(y, place)))
            return result

        return loop


for _of_two in (math.hypot, np.hypot, np.logaddexp, math.atan2, np.arctan2, math.copysign, np.copysign):
    _define_by_pair_of_lanes(_of_two)


@overload(float)
def _float(x):
    if isinstance(x, Abreast):
        return lambda x: x


@overload(pow)
@overload(operator.pow)
def _power(base, exponent):
    if isinstance(base, Abreast) and isinstance(exponent, types.Integer | types.Float):
        width = base.width

        def loop(base, exponent):
            for place in range(width):
                base = _with_lane(base, place, _lane(base, place) ** exponent)
            return base

        return loop


# -- hidden choices as indices -----------------------------------------------------------------------------------------


def places(context, builder, kinds, parts, shape, strides):
    """The offsets of the indexed cells from a table's first cell, one per lane, with a range check."""
    width = next(kind.width for kind in kinds if isinstance(kind, Choices))
    offset = ir.Constant(ir.VectorType(INT64, width), list(range(width)))
    for kind, part, length, stride in zip(kinds, parts, shape, strides, strict=True):
        place = (
            part if isinstance(kind, Choices) else splat(builder, context.cast(builder, part, kind, types.int64), width)
        )
        length = splat(builder, length, width)
        if not isinstance(kind, Choices):
            below = builder.icmp_signed("<", place, ir.Constant(place.type, [0] * width))
            place = builder.select(below, builder.add(place, length), place)
        outside = builder.bitcast(builder.icmp_unsigned(">=", place, length), ir.IntType(width))
        with builder.if_then(builder.icmp_unsigned("!=", outside, outside.type(0)), likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("index out of range of a table",))
        offset = builder.add(offset, builder.mul(place, splat(builder, stride, width)))
    return offset


def gather(builder, data, offset):
    """Load doubles from several offsets."""
    vector = ir.Constant(ir.VectorType(DOUBLE, offset.type.count), ir.Undefined)
    for lane in range(offset.type.count):
        number = builder.load(builder.gep(data, [builder.extract_element(offset, INT32(lane))]))
        vector = builder.insert_element(vector, number, INT32(lane))
    return vector


def scatter(builder, numbers, data, offset):
    """Store several doubles at their offsets."""
    for lane in range(offset.type.count):
        place = builder.gep(data, [builder.extract_element(offset, INT32(lane))])
        builder.store(builder.extract_element(numbers, INT32(lane)), place)


# -- the softmax ---------------------------------------------------------------------------------------------------------


@intrinsic
def _exponentials(typingctx, x):
    return x(x), lambda context, builder, sig, args: exponentials(builder, args[0])


@intrinsic
def _within(typingctx, x):
    return types.boolean(x), lambda context, builder, sig, args: within(builder, args[0])


@register_jitable
def _top(preference, available):
    top = -np.inf
    for action in range(len(preference)):
        if available[action]:
            top = max(top, preference[action])
    return top


@register_jitable
def _stable_weights(weights, preference, available):
    """Weights relative to the largest preference, for preferences that are far apart, infinite or NaN."""
    top = _top(preference, available)
    for action in range(len(preference)):
        if available[action]:
            weights[action] = np.exp(preference[action] - top)
        else:
            weights[action] = 0.0


@overload(softmax.softmax_shares, jit_options={"forceinline": True})
def _softmax_shares(weights, preference, available):
    if not isinstance(preference.dtype, Abreast):
        return None

    def softmax_shares(weights, preference, available):
        first = 0
        if not available[0]:
            for action in range(1, len(preference)):
                if available[action]:
                    first = action
        base, ok = preference[first], True
        for action in range(len(preference)):
            if available[action]:
                if action == first:
                    weights[action] = 1.0
                else:
                    above = preference[action] - base
                    ok &= _within(above)
                    weights[action] = _exponentials(above)
            else:
                weights[action] = 0.0
        if not ok:
            _stable_weights(weights, preference, available)

    return softmax_shares


@overload(softmax.softmax_sums, jit_options={"forceinline": True})
def _softmax_sums(preference, available, choice):
    if not isinstance(preference.dtype, Abreast):
        return None

    def softmax_sums(preference, available, choice):
        top = _top(preference, available)
        total = 0.0 * preference[0]
        for action in range(len(preference)):
            if available[action]:
                total += np.exp(preference[action] - top)
        return preference[choice] - top, total, 0.0

    return softmax_sums


# -- operations of a filter on its particles -------------------------------------------------------------------------------


def _places(typ, builder, context, array, group):
    data = context.make_array(typ)(context, builder, array).data
    return builder.gep(data, [builder.mul(group, INT64(PARTICLES))])


@intrinsic
def take(typingctx, array, group):
    """The numbers of one group of particles, from an array with one number per particle."""

    def codegen(context, builder, sig, args):
        return load(builder, _places(sig.args[0], builder, context, *args), PARTICLES)

    return Abreast(PARTICLES)(array, types.int64), codegen


@intrinsic
def put(typingctx, array, group, new):
    """Overwrite the numbers that :func:`take` reads, or the hidden choices of a group."""
    kind = Choices(PARTICLES) if isinstance(array.dtype, types.Integer) else Abreast(PARTICLES)

    def codegen(context, builder, sig, args):
        store(builder, args[2], _places(sig.args[0], builder, context, *args[:2]))
        return context.get_dummy_value()

    return types.void(array, types.int64, kind), codegen


@intrinsic
def total(typingctx, x):
    """The sum over the particles in a register; any other number unchanged."""
    if not isinstance(x, Abreast):
        return types.float64(types.float64), lambda context, builder, sig, args: args[0]

    def codegen(context, builder, sig, args):
        parts = [builder.extract_element(args[0], INT32(lane)) for lane in range(x.width)]
        while len(parts) > 1:
            parts = [flagged(builder, "fadd", a, b) for a, b in zip(parts[0::2], parts[1::2], strict=True)]
        return parts[0]

    return types.float64(x), codegen


@intrinsic
def choices(typingctx, array, group):
    """The hidden choices of one group of particles, as :func:`put` writes them."""

    def codegen(context, builder, sig, args):
        place = _places(sig.args[0], builder, context, *args)
        return builder.load(builder.bitcast(place, ir.VectorType(INT64, PARTICLES).as_pointer()), align=8)

    return Choices(PARTICLES)(array, types.int64), codegen


@intrinsic
def force(typingctx, chosen, option):
    """Hidden choices with that of the first particle replaced."""

    def codegen(context, builder, sig, args):
        new = context.cast(builder, args[1], option, types.int64)
        return builder.insert_element(args[0], new, INT32(0))

    return chosen(chosen, option), codegen


@intrinsic
def or_zero(typingctx, x):
    """Probabilities with 0 in place of NaN and infinity."""

    def codegen(context, builder, sig, args):
        zero, infinity = (ir.Constant(args[0].type, [number] * x.width) for number in (0.0, math.inf))
        return builder.select(builder.fcmp_ordered("<", args[0], infinity), args[0], zero)

    return x(x), codegen


@intrinsic
def pick(typingctx, joint, left):
    """The hidden choices at which the cumulative sums of ``joint`` exceed ``left``."""
    width = left.width

    def codegen(context, builder, sig, args):
        view = cgutils.create_struct_proxy(joint)(context, builder, args[0])
        integers = ir.VectorType(INT64, width)
        booleans = ir.VectorType(ir.IntType(1), width)
        zero = ir.Constant(args[1].type, [0.0] * width)
        remainder, chosen, searching = args[1], ir.Constant(integers, [0] * width), ir.Constant(booleans, [1] * width)
        for k in range(joint.last):
            part = load(builder, builder.gep(view.data, [INT64(k * width)]), width)
            candidate = builder.and_(searching, builder.fcmp_ordered(">", part, zero))
            chosen = builder.select(candidate, ir.Constant(integers, [k] * width), chosen)
            beyond = builder.fcmp_ordered(">=", remainder, part)
            searching = builder.and_(searching, builder.or_(beyond, builder.not_(candidate)))
            remainder = builder.select(candidate, builder.fsub(remainder, part), remainder)
        return chosen

    return Choices(width)(joint, left), codegen
