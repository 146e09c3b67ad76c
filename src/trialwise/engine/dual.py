r"""Dual numbers for Numba: a value and its tangents in one vector register.

A dual of width ``W`` is :math:`a_0 + \sum_{i=1}^{W-1} a_i \varepsilon_i` with :math:`\varepsilon_i \varepsilon_j = 0`,
held as one LLVM vector ``<W x double>``: the value in lane 0, tangents in the others. Floats and integers promote to it
wherever Numba unifies types, so that ordinary Python compiles on duals. Here is the type, and how duals are taken apart
and put together; :mod:`trialwise.engine.arithmetic` and :mod:`trialwise.engine.functions` compute with them.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.core.extending import intrinsic, lower_cast, models, overload, register_model
from numba.core.typeconv import Conversion

from trialwise.engine import number

FLAGS = ("contract", "reassoc", "arcp", "nsz")
"""Floating-point flags of operations on duals. They allow contraction and reassociation but never assume NaN or
infinity away: a NaN outcome must reach the caller."""

DOUBLE = ir.DoubleType()
INT32 = ir.IntType(32)
INT64 = ir.IntType(64)


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


def lanes_for(parameters: int) -> int:
    """The narrowest width that carries so many parameters in one pass; 16, in several passes, if none does."""
    return next((width for width in (4, 8, 16) if width - 1 >= parameters), 16)


# -- pieces of code generation -----------------------------------------------------------------------------------------


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


def flagged(builder, operation, a, b):
    return getattr(builder, operation)(a, b, flags=FLAGS)


def load(builder, pointer, width: int):
    """Load a dual from a pointer to doubles of no particular alignment."""
    return builder.load(builder.bitcast(pointer, ir.VectorType(DOUBLE, width).as_pointer()), align=8)


def store(builder, vector, pointer):
    return builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()), align=8)


@lower_cast(types.Float, Dual)
@lower_cast(types.Integer, Dual)
@lower_cast(types.Boolean, Dual)
def cast_number_to_dual(context, builder, fromty, toty, value):
    return promote(builder, context.cast(builder, value, fromty, types.float64), toty.width)


# -- taking duals apart and putting them together: the engine's own words ----------------------------------------------


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
            scaled = flagged(builder, "fmul", tangent_of(builder, vector), splat(builder, factor, x.width))
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


# The same words in plain Python (trialwise.engine.number), so that one formula serves interpreted and compiled.
overload(number.value)(lambda x: lambda x: value(x))
overload(number.tangent)(lambda x: lambda x: tangent(x))
overload(number.chain)(lambda x, new, slope: lambda x, new, slope: chain(x, new, slope))
