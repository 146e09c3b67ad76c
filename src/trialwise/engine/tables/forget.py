r"""Forgetting: ``table.decay(rate, toward, except_)``, in constant time for a whole table.

Forgetting maps every cell to :math:`(1 - f) Q + f Q_0`; the maps of several trials compose to one linear map.
A table that forgets stores its cells as last written, and one line
:math:`Q = \text{offset} + \text{scale} \cdot \text{stored}` for all of them, which is applied when a cell is read and inverted when
it is written. Forgetting changes only the line, and not the cells; views of rows use the same line. A high rate or a small scale
would lose digits: then the line is applied to every cell and reset. If only part of a table forgets, its stored values are changed
cell by cell.
"""

from __future__ import annotations

import numpy as np
from numba.core import types
from numba.core.extending import intrinsic, overload, overload_method, register_jitable

from trialwise.engine.numbers.abreast import all_between
from trialwise.engine.numbers.vector import DOUBLE, INT64, Vector, every, splat
from trialwise.engine.tables.table import (
    TableType,
    build_view,
    flat_table,
    lengths,
    load_line,
    steps,
    store_line,
    unpack,
)

STEEP = 0.9
"""The rate above which lines are not composed, since the tangents of the scale would exceed the scale itself."""

FAINT = 1e-20
"""The scale below which a line is reset."""


@intrinsic
def _stored(typingctx, table):
    """A view of a table's stored cells, as last written."""
    stored_type = TableType(table.dtype, table.ndim, table.owned, last=table.last)

    def codegen(context, builder, sig, args):
        view = unpack(context, builder, table, args[0])
        shape, strides = lengths(builder, table, view), steps(builder, table, view)
        owner = view.owner if table.owned else None
        return build_view(context, builder, stored_type, view.data, shape, strides, owner)

    return stored_type(table), codegen


@intrinsic
def _line(typingctx, table):
    """``(scale, offset)`` of a table that forgets."""

    def codegen(context, builder, sig, args):
        line = load_line(builder, table, unpack(context, builder, table, args[0]).line)
        return context.make_tuple(builder, sig.return_type, line)

    return types.UniTuple(table.dtype, 2)(table), codegen


@intrinsic
def _set_line(typingctx, table, scale, offset):
    def codegen(context, builder, sig, args):
        cast = [context.cast(builder, x, t, table.dtype) for x, t in zip(args[1:], sig.args[1:], strict=True)]
        store_line(builder, table, unpack(context, builder, table, args[0]).line, *cast)
        return context.get_dummy_value()

    return types.void(table, scale, offset), codegen


@intrinsic
def _is_moderate(typingctx, x):
    """Whether a number and all of its tangents are finite and not huge."""

    def codegen(context, builder, sig, args):
        width = x.width if isinstance(x, Vector) else 1
        vector = args[0] if width > 1 else splat(builder, args[0], 1)
        below, above = (
            builder.fcmp_ordered(sign, vector, splat(builder, DOUBLE(bound), width), flags=("nsz",))
            for sign, bound in (("<", 1e100), (">", -1e100))
        )
        return every(builder, builder.and_(below, above))

    return types.boolean(x if isinstance(x, Vector) else types.float64), codegen


@intrinsic
def _cell_step(typingctx, table):
    """Doubles from one cell to the next."""
    return types.int64(table), lambda context, builder, sig, args: INT64(table.width)


@register_jitable
def _is_contiguous(table):
    step = _cell_step(table)
    for axis in range(table.ndim - 1, -1, -1):
        if table.strides[axis] != step:
            return False
        step *= table.shape[axis]
    return True


@register_jitable
def _map_flat(table, factor, shift):
    for cell in range(table.shape[0]):
        table[cell] = factor * table[cell] + shift


@register_jitable
def _map_cells(table, factor, shift):
    """Replace every cell by ``factor * cell + shift``, in a table without a line."""
    if _is_contiguous(table):
        _map_flat(flat_table(table), factor, shift)
    else:
        for index in np.ndindex(table.shape):
            table[index] = factor * table[index] + shift


@register_jitable
def _reset_line(table, rate, toward):
    scale, offset = _line(table)
    factor = 1.0 - rate
    _map_flat(flat_table(_stored(table)), factor * scale, factor * offset + rate * toward)
    _set_line(table, 1.0, 0.0)


@register_jitable
def _compose(table, rate, toward):
    scale, offset = _line(table)
    factor, shift = 1.0 - rate, rate * toward
    scale = factor * scale
    # a single condition without branches, which is loop-invariant
    composable = all_between(rate, 0.0, STEEP) & _is_moderate(rate) & _is_moderate(shift)
    if composable & all_between(scale, FAINT, np.inf):
        _set_line(table, scale, factor * offset + shift)
    else:
        _reset_line(table, rate, toward)


def _decay_all(table, rate, toward):
    """Move every cell of a table, or of a part of one, toward a value; in compiled code."""


@overload(_decay_all, jit_options={"forceinline": True})
def _decay_all_overload(table, rate, toward):
    if table.forgets == "whole":
        return lambda table, rate, toward: _compose(table, rate, toward)
    if table.forgets == "part":

        def part(table, rate, toward):
            scale, offset = _line(table)
            _map_cells(_stored(table), 1.0 - rate, rate * (toward - offset) / scale)

        return part
    return lambda table, rate, toward: _map_cells(table, 1.0 - rate, rate * toward)


@overload_method(TableType, "decay", jit_options={"forceinline": True})
def _decay(table, rate, toward=0.0, except_=None):
    if except_ in (None, types.none) or isinstance(except_, types.Omitted):

        def decay_all(table, rate, toward=0.0, except_=None):
            _decay_all(table, rate, toward)

        return decay_all

    def decay_except(table, rate, toward=0.0, except_=None):
        preserved = table[except_]
        _decay_all(table, rate, toward)
        table[except_] = preserved

    return decay_except
