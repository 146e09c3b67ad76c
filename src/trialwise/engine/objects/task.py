"""The task argument of a compiled ``start``: sizes by name, and the arenas that hold the tables of a state."""

from __future__ import annotations

import inspect

import numpy as np
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.extending import intrinsic, lower_builtin, models, overload_method, register_jitable, register_model
from numba.core.typing.templates import AttributeTemplate, bound_function, infer_getattr, signature

from trialwise.engine.numbers.vector import DOUBLE, INT64, number_type
from trialwise.engine.tables.table import TableType, build_view, row_major, store_cell, store_line


class TaskType(types.Type):
    """``task``: sizes by name, and arenas in which tables are allocated.

    ``width`` is that of the numbers (:func:`trialwise.engine.numbers.vector.number_type`). ``forgets`` is true if the learner uses
    ``decay`` on any table. The number of actions is part of the type, so that loops over actions can be unrolled without range checks.
    """

    def __init__(self, names: tuple[str, ...], actions: int, width: int, forgets: bool):
        self.names, self.actions, self.width, self.forgets = names, actions, width, forgets
        super().__init__(name=f"task({names}, {actions}, {width}, {forgets})")


_CURSORS, _SIZES = types.Array(types.int64, 1, "C"), types.Array(types.int32, 1, "C")
ARENAS = (
    ("reals", types.Array(types.float64, 1, "C")),
    ("wholes", types.Array(types.int64, 1, "C")),
    ("lines", types.Array(types.float64, 1, "C")),
)
"""The arrays that hold the tables of states, by name: reals, integers, and lines (see :mod:`trialwise.engine.tables.forget`)."""


@register_model(TaskType)
class TaskModel(models.StructModel):
    """``cursors`` are the lengths used of the three arenas, followed by the lengths of one state in each."""

    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, [*ARENAS, ("cursors", _CURSORS), ("sizes", _SIZES)])


def make_task(task_type: TaskType):
    """An intrinsic ``(reals, wholes, lines, cursors, sizes) -> task``."""

    @intrinsic
    def build(typingctx, reals, wholes, lines, cursors, sizes):
        def codegen(context, builder, sig, args):
            task = cgutils.create_struct_proxy(task_type)(context, builder)
            task.reals, task.wholes, task.lines, task.cursors, task.sizes = args
            for typ, arg in zip(sig.args, args, strict=True):
                context.nrt.incref(builder, typ, arg)
            return task._getvalue()

        return task_type(reals, wholes, lines, cursors, sizes), codegen

    return build


def _dimension(context, builder, task: TaskType, record, kind, dim):
    """The size of one dimension, given by a name or a number; that of actions is known at compile time.

    Names without labels have size 1.
    """
    if not isinstance(kind, types.StringLiteral):
        return context.cast(builder, dim, kind, types.int64)
    name = kind.literal_value
    if name == "action":
        return INT64(task.actions)
    if name not in task.names:
        return INT64(1)
    sizes = context.make_array(_SIZES)(context, builder, record.sizes).data
    size = builder.load(builder.gep(sizes, [INT64(task.names.index(name))]))
    size.set_metadata("invariant.load", builder.module.add_metadata([]))
    return builder.sext(size, INT64)


@intrinsic(prefer_literal=True)
def _size(typingctx, task, name):
    def codegen(context, builder, sig, args):
        record = cgutils.create_struct_proxy(task)(context, builder, args[0])
        return _dimension(context, builder, task, record, name, args[1])

    return types.int64(task, name), codegen


@overload_method(TaskType, "size", prefer_literal=True)
def _task_size(task, name):
    if isinstance(name, types.StringLiteral):
        return lambda task, name: _size(task, name)
    raise TypingError("task.size takes a name in quotes")


@infer_getattr
class TaskAttributes(AttributeTemplate):
    """``task.table(*dims, fill=0.0)`` and ``task.memory(*dims, fill=-1)``, with any number of dimensions."""

    key = TaskType

    @bound_function("task.table")
    def resolve_table(self, task, args, kws):
        real = number_type(task.width)
        table = TableType(real, len(args), forgets="whole" if task.forgets else "", last=_last(task, args))
        return _table_signature(table, args, kws)

    @bound_function("task.memory")
    def resolve_memory(self, task, args, kws):
        return _table_signature(TableType(types.int64, len(args), last=_last(task, args)), args, kws)


def _last(task: TaskType, dims) -> int | None:
    """The length of a new table's last axis, if known at compile time."""
    kind = dims[-1] if dims else None
    if isinstance(kind, types.IntegerLiteral):
        return kind.literal_value
    return task.actions if isinstance(kind, types.StringLiteral) and kind.literal_value == "action" else None


def _table_signature(table, args, kws):
    for dim in args:
        if not isinstance(dim, types.StringLiteral | types.Integer):
            raise TypingError('a dimension of a table is a name in quotes ("cue") or a whole number')
    if set(kws) - {"fill"}:
        raise TypingError(f"a table takes dimensions and fill=..., not {', '.join(set(kws) - {'fill'})}")
    names = [inspect.Parameter(f"dim{n}", inspect.Parameter.POSITIONAL_ONLY) for n in range(len(args))]
    names += [inspect.Parameter("fill", inspect.Parameter.POSITIONAL_OR_KEYWORD)] if kws else []
    return signature(table, *args, *kws.values()).replace(pysig=inspect.Signature(names))


def take(context, builder, record, arena: str, count):
    """Allocate the next ``count`` numbers of an arena and return a pointer to them."""
    number = [name for name, _ in ARENAS].index(arena)
    cursor = builder.gep(context.make_array(_CURSORS)(context, builder, record.cursors).data, [INT64(number)])
    memory = context.make_array(dict(ARENAS)[arena])(context, builder, getattr(record, arena))
    start = builder.load(cursor)
    end = builder.add(start, count)
    with builder.if_then(builder.icmp_signed(">", end, builder.extract_value(memory.shape, 0)), likely=False):
        message = "start created larger tables than in its dry run in plain Python"
        context.call_conv.return_user_exc(builder, MemoryError, (message,))
    builder.store(end, cursor)
    return builder.gep(memory.data, [start])


def _lower_table(name: str, arena: str, default):
    @lower_builtin(name, TaskType, types.VarArg(types.Any))
    def allocate(context, builder, sig, args):
        task, table = sig.args[0], sig.return_type
        record = cgutils.create_struct_proxy(task)(context, builder, args[0])
        dims = zip(sig.args[1 : 1 + table.ndim], args[1 : 1 + table.ndim], strict=True)
        lengths = [_dimension(context, builder, task, record, kind, dim) for kind, dim in dims]
        strides, count = row_major(builder, lengths, table.width)
        data = take(context, builder, record, arena, count)
        line = None
        if table.forgets:
            line = take(context, builder, record, "lines", INT64(2 * table.width))
            one, zero = (context.cast(builder, DOUBLE(x), types.float64, table.dtype) for x in (1.0, 0.0))
            store_line(builder, table, line, one, zero)
        if len(args) > 1 + table.ndim:
            fill = context.cast(builder, args[-1], sig.args[-1], table.dtype)
        else:
            default_type = types.float64 if isinstance(default, float) else types.int64
            fill = context.cast(builder, context.get_constant(default_type, default), default_type, table.dtype)
        with cgutils.for_range_slice(builder, INT64(0), count, INT64(table.width), INT64) as (cell, _):
            store_cell(builder, TableType(table.dtype, 0), fill, builder.gep(data, [cell]))
        return build_view(context, builder, table, data, lengths, strides, line=line)


_lower_table("task.table", "reals", 0.0)
_lower_table("task.memory", "wholes", -1)


def block(context, builder, record, arena: str):
    """The number of entries that one state occupies in an arena."""
    number = len(ARENAS) + [name for name, _ in ARENAS].index(arena)
    cursors = context.make_array(_CURSORS)(context, builder, record.cursors).data
    return builder.load(builder.gep(cursors, [INT64(number)]))


@intrinsic
def _rewind(typingctx, task, place):
    def codegen(context, builder, sig, args):
        record = cgutils.create_struct_proxy(task)(context, builder, args[0])
        cursors = context.make_array(_CURSORS)(context, builder, record.cursors).data
        for n, (arena, _) in enumerate(ARENAS):
            start = builder.mul(args[1], block(context, builder, record, arena))
            builder.store(start, builder.gep(cursors, [INT64(n)]))
        return context.get_dummy_value()

    return types.void(task, types.int64), codegen


@overload_method(TaskType, "rewind")
def _task_rewind(task, place=0):
    return lambda task, place=0: _rewind(task, place)


@register_jitable
def cursors_for(numbers, width):
    """The cursors of a new task; ``numbers`` are the cells, memories and tables of one state."""
    cursors = np.zeros(6, np.int64)
    cursors[3], cursors[4], cursors[5] = numbers[0] * width, numbers[1], numbers[2] * 2 * width
    return cursors
