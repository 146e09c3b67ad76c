r"""Forgetting: ``table.decay(rate, toward, except_)``, in constant time where the whole table forgets.

Forgetting maps every cell to :math:`(1 - f) Q + f Q_0`; on several trials the maps compose to one linear map.
A table that forgets stores its cells as last written, and one line
:math:`Q = \text{offset} + \text{scale} \cdot \text{stored}` for all of them, which reading applies and writing inverts. Forgetting
changes only the line: no cell is touched, and existing views of rows see the change, since they use the same line. A high rate or
a small scale would lose digits: then the line is applied to every cell and reset. Part of a table forgets cell by cell, in stored
values.
"""

from __future__ import annotations

import numpy as np
from numba.core import types
from numba.core.extending import intrinsic, overload, overload_method, register_jitable

from trialwise.engine.numbers.dual import value
from trialwise.engine.numbers.vector import DOUBLE, INT32, INT64, Vector, every, splat
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
"""The rate above which lines are not composed: the tangents of the scale would exceed the scale itself."""

FAINT = 1e-20
"""The scale below which a line is reset."""


@intrinsic
def _kept(typingctx, table):
    """The cells of a table as they were last written."""
    kept = TableType(table.dtype, table.ndim, table.owned, last=table.last)

    def codegen(context, builder, sig, args):
        view = unpack(context, builder, table, args[0])
        shape, strides = lengths(builder, table, view), steps(builder, table, view)
        owner = view.owner if table.owned else None
        return build_view(context, builder, kept, view.data, shape, strides, owner)

    return kept(table), codegen


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
def _moderate(typingctx, x):
    """Whether a number and all of its tangents are finite, and not huge."""

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
def _size_of(typingctx, scale):
    """The value of a line's scale. Particles in one register have the same one: with rates of their own, comparisons do not compile."""
    several = isinstance(scale, Vector)

    def codegen(context, builder, sig, args):
        return builder.extract_element(args[0], INT32(0)) if several else args[0]

    return types.float64(scale if several else types.float64), codegen


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
def _sweep_flat(table, keep, rest):
    for cell in range(table.shape[0]):
        table[cell] = keep * table[cell] + rest


@register_jitable
def _sweep(table, keep, rest):
    """Replace every cell by ``keep * cell + rest``, in a table without a line."""
    if _is_contiguous(table):
        _sweep_flat(flat_table(table), keep, rest)
    else:
        for index in np.ndindex(table.shape):
            table[index] = keep * table[index] + rest


@register_jitable
def _start_afresh(table, rate, toward):
    scale, offset = _line(table)
    keep = 1.0 - rate
    _sweep_flat(flat_table(_kept(table)), keep * scale, keep * offset + rate * toward)
    _set_line(table, 1.0, 0.0)


@register_jitable
def _compose(table, rate, toward):
    scale, offset = _line(table)
    keep, rest = 1.0 - rate, rate * toward
    scale = keep * scale
    # one condition without branches, which is loop-invariant
    gentle = (value(rate) >= 0.0) & (value(rate) <= STEEP) & _moderate(rate) & _moderate(rest)
    if gentle & (_size_of(scale) > FAINT):
        _set_line(table, scale, keep * offset + rest)
    else:
        _start_afresh(table, rate, toward)


def _decay_all(table, rate, toward):
    """Move every cell of a table, or of part of one, toward a value; in compiled code."""


@overload(_decay_all, jit_options={"forceinline": True})
def _decay_all_overload(table, rate, toward):
    if table.forgets == "whole":
        return lambda table, rate, toward: _compose(table, rate, toward)
    if table.forgets == "part":

        def part(table, rate, toward):
            scale, offset = _line(table)
            _sweep(_kept(table), 1.0 - rate, rate * (toward - offset) / scale)

        return part
    return lambda table, rate, toward: _sweep(table, 1.0 - rate, rate * toward)


@overload_method(TableType, "decay", jit_options={"forceinline": True})
def _decay(table, rate, toward=0.0, except_=None):
    if except_ in (None, types.none) or isinstance(except_, types.Omitted):

        def everything(table, rate, toward=0.0, except_=None):
            _decay_all(table, rate, toward)

        return everything

    def but_one(table, rate, toward=0.0, except_=None):
        kept = table[except_]
        _decay_all(table, rate, toward)
        table[except_] = kept

    return but_one
