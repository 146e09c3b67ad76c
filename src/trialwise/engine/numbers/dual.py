r"""Dual numbers for Numba: a value and its tangents in one vector register.

A dual of width ``W`` is :math:`a_0 + \sum_{i=1}^{W-1} a_i \varepsilon_i` with :math:`\varepsilon_i \varepsilon_j = 0`,
stored as one LLVM vector ``<W x double>``: the value in lane 0, tangents in the others. Floats and integers are promoted to it
wherever Numba unifies types, so that ordinary Python compiles on duals. This file has functions that extract and set values and
tangents; :mod:`.arithmetic`, :mod:`.extremes`, :mod:`.functions` and :mod:`.special` compute with duals.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.core.extending import intrinsic, lower_cast, overload

from trialwise.engine.numbers.vector import DOUBLE, INT32, INT64, Abreast, Dual, flagged, splat
from trialwise.learners.responses import plain_numbers


def lanes_for(parameters: int) -> int:
    """The smallest width that takes this number of parameters in one pass; 16, with several passes, if there is none."""
    return next((width for width in (4, 8, 16) if width - 1 >= parameters), 16)


# -- pieces of code generation -----------------------------------------------------------------------------------------


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


@lower_cast(types.Float, Dual)
@lower_cast(types.Integer, Dual)
@lower_cast(types.Boolean, Dual)
def cast_number_to_dual(context, builder, fromty, toty, value):
    return promote(builder, context.cast(builder, value, fromty, types.float64), toty.width)


# -- values and tangents -----------------------------------------------------------------------------------------------


@intrinsic
def value(typingctx, x):
    """The value of a dual; any other number unchanged."""
    if isinstance(x, Dual):
        return types.float64(x), lambda context, builder, sig, args: value_of(builder, args[0])
    if isinstance(x, Abreast):
        return x(x), lambda context, builder, sig, args: args[0]
    return types.float64(types.float64), lambda context, builder, sig, args: args[0]


@intrinsic
def tangent(typingctx, x):
    """A dual with its value set to zero; 0.0 for any other number."""
    if isinstance(x, Dual):
        return x(x), lambda context, builder, sig, args: tangent_of(builder, args[0])
    return types.float64(
        x if isinstance(x, Abreast) else types.float64
    ), lambda context, builder, sig, args: ir.Constant(DOUBLE, 0.0)


@intrinsic
def index(typingctx, x):
    """A non-negative number as an integer."""

    def codegen(context, builder, sig, args):
        number = builder.fptoui(args[0], INT32) if isinstance(x, types.Float) else args[0]
        return builder.zext(number, INT64)

    return types.int64(types.float64 if isinstance(x, types.Float) else types.int32), codegen


@intrinsic
def chain(typingctx, x, new, slope):
    """A smooth function of ``x`` with value ``new``: its tangents are those of ``x`` times ``slope``."""
    if isinstance(x, Dual):

        def codegen(context, builder, sig, args):
            vector, scalar, factor = args
            scaled = flagged(builder, "fmul", tangent_of(builder, vector), splat(builder, factor, x.width))
            return with_value(builder, scaled, scalar)

        return x(x, types.float64, types.float64), codegen
    kind = next((each for each in (x, new) if isinstance(each, Abreast)), types.float64)
    return kind(x, kind, slope), lambda context, builder, sig, args: args[1]


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


# The same functions exist in plain Python (trialwise.learners.responses.plain_numbers), so that formulas are written once.
overload(plain_numbers.value)(lambda x: lambda x: value(x))
overload(plain_numbers.index)(lambda x: lambda x: index(x))
overload(plain_numbers.tangent)(lambda x: lambda x: tangent(x))


@overload(plain_numbers.share_of_tangent)
def _share_of_tangent(weight, x):
    if isinstance(x, Dual):
        return lambda weight, x: weight * tangent(x) if weight != 0.0 else 0.0
    return lambda weight, x: 0.0


overload(plain_numbers.chain)(lambda x, new, slope: lambda x, new, slope: chain(x, new, slope))
