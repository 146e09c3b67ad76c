"""Numbers with several lanes in one vector register: common code of duals (:mod:`trialwise.engine.numbers.dual`) and of numbers of
several particles (:mod:`trialwise.engine.numbers.abreast`).
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import types
from numba.core.extending import models, register_model
from numba.core.typeconv import Conversion

FLAGS = ("contract", "reassoc", "arcp", "nsz")
"""Floating-point flags of operations on vectors. They allow contraction and reassociation but do not assume that numbers are finite,
since a NaN outcome must propagate to the result."""

DOUBLE = ir.DoubleType()
INT32 = ir.IntType(32)
INT64 = ir.IntType(64)


class Vector(types.Type):
    """The Numba type of a number with ``width`` lanes of double; floats and integers are promoted to it."""

    word = ""

    def __init__(self, width: int):
        self.width = width
        super().__init__(name=f"{self.word}{width}")

    def unify(self, typingctx, other):
        if isinstance(other, types.Number | types.Boolean):
            return self
        return None

    def can_convert_from(self, typingctx, other):
        if isinstance(other, types.Number | types.Boolean):
            return Conversion.safe
        return None


class Dual(Vector):
    """The Numba type of a dual number with ``width - 1`` tangents."""

    word = "dual"


class Abreast(Vector):
    """The Numba type of a number of ``width`` particles, one per lane."""

    word = "abreast"


def number_type(width: int):
    """The type of number for a width: doubles (0), duals of ``width`` lanes or, if negative, numbers of ``-width`` particles."""
    return Dual(width) if width > 0 else Abreast(-width) if width else types.float64


def width_of(number) -> int:
    """The width of a type of number, the inverse of :func:`number_type`."""
    return number.width if isinstance(number, Dual) else -number.width if isinstance(number, Abreast) else 0


@register_model(Dual)
@register_model(Abreast)
class VectorModel(models.PrimitiveModel):
    """A vector in registers; an array of doubles in memory, where a vector's alignment is not guaranteed."""

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


# -- pieces of code generation -----------------------------------------------------------------------------------------


def splat(builder, scalar, width: int):
    """A vector with the same number in every lane."""
    vector = ir.VectorType(scalar.type, width)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, INT32(0))
    zeros = ir.Constant(ir.VectorType(INT32, width), [0] * width)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


def flagged(builder, operation, a, b):
    return getattr(builder, operation)(a, b, flags=FLAGS)


def load(builder, pointer, width: int):
    """Load a vector from an unaligned pointer to doubles."""
    return builder.load(builder.bitcast(pointer, ir.VectorType(DOUBLE, width).as_pointer()), align=8)


def store(builder, vector, pointer):
    return builder.store(vector, builder.bitcast(pointer, vector.type.as_pointer()), align=8)


def every(builder, mask):
    """Whether all entries of a vector of booleans are true."""
    bits = ir.IntType(mask.type.count)
    return builder.icmp_unsigned("==", builder.bitcast(mask, bits), ir.Constant(bits, 2**mask.type.count - 1))
