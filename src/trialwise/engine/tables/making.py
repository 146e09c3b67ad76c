"""Creating compiled tables (of preferences, views of arrays, copies) and filling them."""

from __future__ import annotations

import numpy as np
from numba.core import cgutils, types
from numba.core.extending import intrinsic, overload_method, register_jitable

from trialwise.engine.numbers.vector import DOUBLE, INT64, number_type, width_of
from trialwise.engine.tables.table import TableType, build_view, cells_of, flat_table, row_major

ON_STACK = 2048
"""The largest number of doubles of a table of preferences on the stack, where no other memory can overlap it."""


@intrinsic(prefer_literal=True)
def preference_table(typingctx, width, actions, arena):
    """A flat table of doubles (width 0) or vectors, whose length, the number of actions, is a literal.

    It is on the stack, or in an arena if it is long.
    """
    lanes, cells = width.literal_value, actions.literal_value
    typ = TableType(number_type(lanes), 1, last=cells)
    doubles = cells * typ.width

    def codegen(context, builder, sig, args):
        if doubles <= ON_STACK:
            data = cgutils.alloca_once(builder, DOUBLE, size=doubles)
            cgutils.memset(builder, data, INT64(8 * doubles), 0)
        else:
            data = context.make_array(sig.args[2])(context, builder, args[2]).data
        return build_view(context, builder, typ, data, [INT64(cells)], [INT64(typ.width)])

    return typ(width, actions, arena), codegen


@intrinsic(prefer_literal=True)
def flat_over(typingctx, width, memory):
    """A flat view of an array, without a reference that keeps the array alive."""
    lanes = width.literal_value
    typ = TableType(number_type(lanes), 1)

    def codegen(context, builder, sig, args):
        array = context.make_array(sig.args[1])(context, builder, args[1])
        cells = builder.sdiv(builder.extract_value(array.shape, 0), INT64(typ.width))
        return build_view(context, builder, typ, array.data, [cells], [INT64(typ.width)])

    return typ(width, memory), codegen


def off_stack(width: int, actions: int) -> int:
    """The length of the arena that :func:`preference_table` needs."""
    doubles = actions * max(abs(width), 1)
    return doubles if doubles > ON_STACK else 0


@intrinsic(prefer_literal=True)
def owning_table(typingctx, width, memory, shape):
    """A view of an array, with a reference that keeps the array alive."""
    lanes = width.literal_value
    typ = TableType(number_type(lanes), len(shape), owned=True)

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[1])(context, builder, args[1]).data
        lengths = cgutils.unpack_tuple(builder, args[2], typ.ndim)
        strides, _ = row_major(builder, lengths, typ.width)
        return build_view(context, builder, typ, data, lengths, strides, args[1])

    return typ(width, types.Array(types.float64, 1, "C"), types.UniTuple(types.int64, len(shape))), codegen


@overload_method(TableType, "copy")
def _copy(table):
    width, lanes = width_of(table.dtype), table.width

    def copy(table):
        new = owning_table(width, np.empty(cells_of(table.shape) * lanes), table.shape)
        for index in np.ndindex(table.shape):
            new[index] = table[index]
        return new

    return copy


@register_jitable
def fill_flat(table, new):
    """Fill a C-contiguous table; compiles faster than :func:`fill_table`."""
    flat = flat_table(table)
    for cell in range(flat.shape[0]):
        flat[cell] = new


@register_jitable
def fill_table(table, new):
    """Fill a table with any number of axes."""
    for index in np.ndindex(table.shape):
        table[index] = new


@overload_method(TableType, "fill")
def _fill(table, new):
    return lambda table, new: fill_table(table, new)
