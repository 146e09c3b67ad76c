"""Indexing of compiled tables: ``table[cue, 1]``, ``table[:, 0]``, ``row[1:] = 0.0``, ``row[-1]``, with range checks."""

from __future__ import annotations

import operator

from numba.core import cgutils, types
from numba.core.extending import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.cpython import slicing

from trialwise.engine.numbers import abreast
from trialwise.engine.numbers.vector import INT64, Abreast, Vector
from trialwise.engine.tables.table import (
    TableType,
    build_view,
    lengths,
    load_cell,
    off_line,
    on_line,
    steps,
    store_cell,
    unpack,
)


def _index_kinds(index):
    return tuple(index) if isinstance(index, types.BaseTuple) else (index,)


def _by_choices(kinds) -> bool:
    """Whether an index differs between the particles of a register."""
    return any(isinstance(kind, abreast.Choices) for kind in kinds)


def _indexable(table, index) -> int | None:
    """The number of axes that remain after indexing, or None if tables do not support this kind of index."""
    kinds = _index_kinds(index)
    if len(kinds) == table.ndim and _by_choices(kinds) and isinstance(table.dtype, Abreast):
        return 0 if all(isinstance(k, types.Integer | types.Boolean | abreast.Choices) for k in kinds) else None
    if len(kinds) > table.ndim or not all(
        isinstance(k, types.Integer | types.SliceType | types.Boolean) for k in kinds
    ):
        return None
    return table.ndim - sum(not isinstance(k, types.SliceType) for k in kinds)


@infer_global(operator.getitem)
class TableGetItem(AbstractTemplate):
    def generic(self, args, kws):
        if kws or not isinstance(args[0], TableType):
            return None
        table, index = args
        remaining = _indexable(table, index)
        if remaining is None:
            return None
        kinds = _index_kinds(index)
        if remaining == 0:
            return signature(table.dtype, table, index)
        sliced = len(kinds) == table.ndim and isinstance(kinds[-1], types.SliceType)
        last_axis_indexed = len(kinds) == table.ndim and not sliced  # the axis before it becomes the last one
        return signature(table.part(remaining, sliced=sliced or last_axis_indexed), table, index)


@infer_global(operator.setitem)
class TableSetItem(AbstractTemplate):
    def generic(self, args, kws):
        if kws or not isinstance(args[0], TableType):
            return None
        table, index, new = args
        remaining = _indexable(table, index)
        if remaining is None:
            return None
        if isinstance(new, TableType):
            return signature(types.none, table, index, new) if new.ndim == remaining else None
        if isinstance(new, types.Number | types.Boolean | Vector):
            if isinstance(new, Vector) and new != table.dtype:
                return None
            return signature(types.none, table, index, table.dtype)
        return None


def _locate(context, builder, typ: TableType, view, index_type, index):
    """Pointer, shape and strides of the selection; raises IndexError if out of range, also in compiled code."""
    kinds = _index_kinds(index_type)
    parts = cgutils.unpack_tuple(builder, index, len(kinds)) if isinstance(index_type, types.BaseTuple) else [index]
    shape, strides = lengths(builder, typ, view), steps(builder, typ, view)
    offset = INT64(0)
    remaining: tuple[list, list] = ([], [])
    for axis, (kind, part) in enumerate(zip(kinds, parts, strict=True)):
        if isinstance(kind, types.SliceType):
            bounds = context.make_helper(builder, kind, value=part)
            slicing.guard_invalid_slice(context, builder, kind, bounds)
            slicing.fix_slice(builder, bounds, shape[axis])
            offset = builder.add(offset, builder.mul(bounds.start, strides[axis]))
            remaining[0].append(slicing.get_slice_length(builder, bounds))
            remaining[1].append(slicing.fix_stride(builder, bounds, strides[axis]))
            continue
        position = context.cast(builder, part, kind, types.int64)
        if not (isinstance(kind, types.IntegerLiteral) and kind.literal_value >= 0):
            from_end = builder.add(position, shape[axis])
            position = builder.select(builder.icmp_signed("<", position, INT64(0)), from_end, position)
        outside = builder.icmp_unsigned(">=", position, shape[axis])
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("index out of range of a table",))
        offset = builder.add(offset, builder.mul(position, strides[axis]))
    rest = len(kinds)
    pointer = builder.gep(view.data, [offset])
    return pointer, remaining[0] + shape[rest:], remaining[1] + strides[rest:]


def _places(context, builder, typ: TableType, view, index_type, index):
    kinds = _index_kinds(index_type)
    parts = cgutils.unpack_tuple(builder, index, len(kinds)) if isinstance(index_type, types.BaseTuple) else [index]
    return abreast.places(context, builder, kinds, parts, lengths(builder, typ, view), steps(builder, typ, view))


@lower_builtin(operator.getitem, TableType, types.Any)
def _getitem(context, builder, sig, args):
    typ, index_type = sig.args
    view = unpack(context, builder, typ, args[0])
    if _by_choices(_index_kinds(index_type)):
        stored = abreast.gather(builder, view.data, _places(context, builder, typ, view, index_type, args[1]))
        return on_line(builder, typ, stored, view.line) if typ.forgets else stored
    pointer, shape, strides = _locate(context, builder, typ, view, index_type, args[1])
    line = view.line if typ.forgets else None
    if not isinstance(sig.return_type, TableType):
        return load_cell(builder, typ, pointer, line)
    owner = view.owner if typ.owned else None
    return build_view(context, builder, sig.return_type, pointer, shape, strides, owner, line)


@lower_builtin(operator.setitem, TableType, types.Any, types.Any)
def _setitem(context, builder, sig, args):
    typ, index_type, new_type = sig.args
    view = unpack(context, builder, typ, args[0])
    if _by_choices(_index_kinds(index_type)):
        stored = off_line(builder, typ, args[2], view.line) if typ.forgets else args[2]
        abreast.scatter(builder, stored, view.data, _places(context, builder, typ, view, index_type, args[1]))
        return context.get_dummy_value()
    pointer, shape, strides = _locate(context, builder, typ, view, index_type, args[1])
    line = view.line if typ.forgets else None
    if not shape:
        store_cell(builder, typ, args[2], pointer, line)
        return context.get_dummy_value()
    source = None
    if isinstance(new_type, TableType):
        source = unpack(context, builder, new_type, args[2])
        source_strides = steps(builder, new_type, source)
        for length, source_length in zip(shape, lengths(builder, new_type, source), strict=True):
            with builder.if_then(builder.icmp_signed("!=", length, source_length), likely=False):
                context.call_conv.return_user_exc(builder, ValueError, ("tables of different shapes",))
    with cgutils.loop_nest(builder, shape, INT64) as indices:
        target = builder.gep(pointer, [_dot(builder, indices, strides)])
        cell = args[2]
        if source is not None:
            origin = builder.gep(source.data, [_dot(builder, indices, source_strides)])
            cell = load_cell(builder, new_type, origin, source.line if new_type.forgets else None)
            cell = context.cast(builder, cell, new_type.dtype, typ.dtype)
        store_cell(builder, typ, cell, target, line)
    return context.get_dummy_value()


def _dot(builder, indices, strides):
    total = INT64(0)
    for index, stride in zip(indices, strides, strict=True):
        total = builder.add(total, builder.mul(index, stride))
    return total
