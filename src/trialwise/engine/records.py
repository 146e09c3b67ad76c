"""What a compiled method sees besides tables: the agent, the trial, the outcome, the task and the state.

All are plain structures in registers; reading ``trial.context`` is one load from the row of the packed data.
"""

from __future__ import annotations

import difflib
import inspect

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.extending import (
    intrinsic,
    lower_builtin,
    models,
    overload,
    overload_method,
    register_model,
)
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    bound_function,
    infer_getattr,
    infer_global,
    signature,
)

from trialwise.engine.dual import Dual
from trialwise.engine.table import TableType, build_view, load_cell, row_major, store_cell, store_line
from trialwise.state import memory, state

INT64 = ir.IntType(64)
DOUBLE = ir.DoubleType()


def _unknown(name: str, known, what: str) -> TypingError:
    near = difflib.get_close_matches(name, list(known), 1)
    guess = f" Did you mean '{near[0]}'?" if near else ""
    return TypingError(f"{what} has no '{name}'.{guess} It has {', '.join(known) or 'nothing'}.")


# -- the agent: `self` -------------------------------------------------------------------------------------------------


class AgentType(types.Type):
    """``self`` inside a compiled method: fields, and helper methods given as compiled functions."""

    def __init__(self, key: str, fields: tuple[tuple[str, types.Type], ...], helpers: tuple = (), words: tuple = ()):
        self.fields, self.helpers, self.words = dict(fields), dict(helpers), dict(words)
        super().__init__(name=f"agent({key}; {', '.join(f'{n}: {t}' for n, t in fields)}; {words})")


@register_model(AgentType)
class AgentModel(models.StructModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, list(fe_type.fields.items()))


@infer_getattr
class AgentAttributes(AttributeTemplate):
    key = AgentType

    def generic_resolve(self, agent, name):
        if name in agent.fields:
            return agent.fields[name]
        if name in agent.words:
            return types.literal(agent.words[name])
        if name in agent.helpers:
            return types.BoundFunction(_helper_template(name, agent.helpers[name]), agent)
        raise _unknown(name, [*agent.fields, *agent.words, *agent.helpers], "the learner")


def _helper_template(name, dispatcher):
    """``self.helper(...)`` calls the compiled helper with the agent in front."""

    class Helper(AbstractTemplate):
        key = ("agent-helper", name, dispatcher)

        def generic(self, args, kws):
            inner = self.context.resolve_value_type(dispatcher)
            sig = inner.get_call_type(self.context, (self.this, *args), kws)
            return signature(sig.return_type, *sig.args[1:], recvr=self.this)

    def call(context, builder, sig, args):
        inner = context.typing_context.resolve_value_type(dispatcher)
        full = inner.get_call_type(context.typing_context, sig.args, {})
        context.add_linking_libs(getattr(context.get_function(inner, full), "libs", ()))
        return context.get_function(inner, full)(builder, args)

    if Helper.key not in _lowered_helpers:
        from numba.core.imputils import builtin_registry

        builtin_registry.lower(Helper.key, AgentType, types.VarArg(types.Any))(call)
        _lowered_helpers.add(Helper.key)
    return Helper


_lowered_helpers: set = set()


@lower_getattr_generic(AgentType)
def _agent_getattr(context, builder, typ, value, name):
    if name in typ.fields:
        return getattr(cgutils.create_struct_proxy(typ)(context, builder, value), name)
    if name in typ.words:
        return context.get_constant_generic(builder, types.literal(typ.words[name]), typ.words[name])
    return value  # a bound helper: the receiver itself


def make_agent(agent_type: AgentType, plan: tuple[tuple[str, int], ...]):
    """An intrinsic ``(free, row, constants, first) -> agent``.

    ``plan`` says for each field where its value comes from: ``("free", k)`` column k of the parameters, ``("constant", k)``.
    The tangent of free parameter k goes to lane ``k - first + 1``.
    """

    @intrinsic
    def build(typingctx, free, row, constants, first):
        def codegen(context, builder, sig, args):
            matrix = context.make_array(sig.args[0])(context, builder, args[0])
            settings = context.make_array(sig.args[2])(context, builder, args[2])
            columns = builder.extract_value(matrix.shape, 1)
            agent = cgutils.create_struct_proxy(agent_type)(context, builder)
            for (name, typ), (origin, k) in zip(agent_type.fields.items(), plan, strict=True):
                if origin == "constant":
                    number = builder.load(builder.gep(settings.data, [INT64(k)]))
                    setattr(agent, name, context.cast(builder, number, types.float64, typ))
                    continue
                place = builder.add(builder.mul(args[1], columns), INT64(k))
                number = builder.load(builder.gep(matrix.data, [place]))
                if not isinstance(typ, Dual):
                    setattr(agent, name, number)
                    continue
                lane = builder.trunc(builder.add(builder.sub(INT64(k), args[3]), INT64(1)), ir.IntType(32))
                lanes = [ir.Constant(ir.IntType(32), i) for i in range(typ.width)]
                vector = ir.Constant(ir.VectorType(DOUBLE, typ.width), [0.0] * typ.width)
                vector = builder.insert_element(vector, number, lanes[0])
                for i in range(1, typ.width):
                    here = builder.icmp_signed("==", lane, lanes[i])
                    one = builder.select(here, DOUBLE(1.0), DOUBLE(0.0))
                    vector = builder.insert_element(vector, one, lanes[i])
                setattr(agent, name, vector)
            return agent._getvalue()

        return agent_type(free, types.int64, constants, types.int64), codegen

    return build


# -- the trial and the outcome: rows of the packed data -------------------------------------------------------------------


class RowType(types.Type):
    """``trial`` or ``outcome``: names that read one row of the packed data.

    ``layout`` lists ``(name, kind, start, length)``; kinds ``"i"`` and ``"u"`` read the whole numbers, ``"r"`` the reals; length 0 is a
    scalar, any other a vector.
    """

    def __init__(self, what: str, layout: tuple[tuple[str, str, int, int], ...]):
        self.what, self.layout = what, {name: (kind, start, length) for name, kind, start, length in layout}
        super().__init__(name=f"{what}{layout}")


@register_model(RowType)
class RowModel(models.StructModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, [("i", types.CPointer(types.int32)), ("r", types.CPointer(types.float64))])


@infer_getattr
class RowAttributes(AttributeTemplate):
    key = RowType

    def generic_resolve(self, row, name):
        if name not in row.layout:
            raise _unknown(name, row.layout, row.what)
        kind, _, length = row.layout[name]
        if length:
            return TableType(types.float64 if kind == "r" else types.int32, 1, last=length)
        return types.float64 if kind == "r" else types.int64


@lower_getattr_generic(RowType)
def _row_getattr(context, builder, typ, value, name):
    kind, start, length = typ.layout[name]
    data = getattr(cgutils.create_struct_proxy(typ)(context, builder, value), "r" if kind == "r" else "i")
    pointer = builder.gep(data, [INT64(start)])
    if not length:
        number = builder.load(pointer)
        if kind == "r":
            return number
        # labels are never written: read once a trial, whatever is stored in between
        number.set_metadata("invariant.load", builder.module.add_metadata([]))
        return builder.zext(number, INT64) if kind == "u" else builder.sext(number, INT64)
    item = types.float64 if kind == "r" else types.int32
    return build_view(context, builder, TableType(item, 1, last=length), pointer, [INT64(length)], [INT64(1)])


def make_row(row_type: RowType):
    """An intrinsic ``(ints, reals, t) -> row t`` of two C-contiguous matrices."""

    @intrinsic
    def build(typingctx, ints, reals, t):
        def codegen(context, builder, sig, args):
            row = cgutils.create_struct_proxy(row_type)(context, builder)
            for member, typ, matrix in (("i", sig.args[0], args[0]), ("r", sig.args[1], args[1])):
                array = context.make_array(typ)(context, builder, matrix)
                step = builder.extract_value(array.shape, 1)
                setattr(row, member, builder.gep(array.data, [builder.mul(args[2], step)]))
            return row._getvalue()

        return row_type(ints, reals, types.int64), codegen

    return build


# -- the task: sizes, and the memory that states are made of -----------------------------------------------------------------


class TaskType(types.Type):
    """``task``: sizes by name and an arena of which tables are cut.

    ``width`` 0 makes tables of doubles. ``forgets`` says whether the learner lets a table forget, wherever it does. The
    number of actions is part of the type: loops over actions have no end to test, and their indices no bounds.
    """

    def __init__(self, names: tuple[str, ...], actions: int, width: int, forgets: bool):
        self.names, self.actions, self.width, self.forgets = names, actions, width, forgets
        super().__init__(name=f"task({names}, {actions}, {width}, {forgets})")


_CURSORS, _SIZES = types.Array(types.int64, 1, "C"), types.Array(types.int32, 1, "C")
_ARENAS = (
    ("reals", types.Array(types.float64, 1, "C")),
    ("wholes", types.Array(types.int64, 1, "C")),
    ("lines", types.Array(types.float64, 1, "C")),
)


@register_model(TaskType)
class TaskModel(models.StructModel):
    """``cursors`` are how much of the arenas of reals, of whole numbers and of lines is taken."""

    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, [*_ARENAS, ("cursors", _CURSORS), ("sizes", _SIZES)])


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


def _side(context, builder, task: TaskType, record, kind, dim):
    """The size of one dimension: a name's, known when compiling for actions, or a number. Names without labels have size 1."""
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
        return _side(context, builder, task, record, name, args[1])

    return types.int64(task, name), codegen


@overload_method(TaskType, "size", prefer_literal=True)
def _task_size(task, name):
    if isinstance(name, types.StringLiteral):
        return lambda task, name: _size(task, name)
    raise TypingError("task.size takes a name in quotes")


@infer_getattr
class TaskAttributes(AttributeTemplate):
    """``task.table(*dims, fill=0.0)`` and ``task.memory(*dims, fill=-1)``: any number of dimensions, and a keyword."""

    key = TaskType

    @bound_function("task.table")
    def resolve_table(self, task, args, kws):
        real = Dual(task.width) if task.width else types.float64
        table = TableType(real, len(args), forgets="whole" if task.forgets else "", last=_last(task, args))
        return _signature_of_cut(table, args, kws)

    @bound_function("task.memory")
    def resolve_memory(self, task, args, kws):
        return _signature_of_cut(TableType(types.int64, len(args), last=_last(task, args)), args, kws)


def _last(task: TaskType, dims) -> int | None:
    """The length of a new table's last axis, where it is known."""
    kind = dims[-1] if dims else None
    if isinstance(kind, types.IntegerLiteral):
        return kind.literal_value
    return task.actions if isinstance(kind, types.StringLiteral) and kind.literal_value == "action" else None


def _signature_of_cut(table, args, kws):
    for dim in args:
        if not isinstance(dim, types.StringLiteral | types.Integer):
            raise TypingError('a dimension of a table is a name in quotes ("cue") or a whole number')
    if set(kws) - {"fill"}:
        raise TypingError(f"a table takes dimensions and fill=..., not {', '.join(set(kws) - {'fill'})}")
    names = [inspect.Parameter(f"dim{n}", inspect.Parameter.POSITIONAL_ONLY) for n in range(len(args))]
    names += [inspect.Parameter("fill", inspect.Parameter.POSITIONAL_OR_KEYWORD)] if kws else []
    return signature(table, *args, *kws.values()).replace(pysig=inspect.Signature(names))


def _take(context, builder, record, arena: str, count):
    """Where the next ``count`` numbers of an arena begin; they are taken from now on."""
    place = [name for name, _ in _ARENAS].index(arena)
    cursor = builder.gep(context.make_array(_CURSORS)(context, builder, record.cursors).data, [INT64(place)])
    memory = context.make_array(dict(_ARENAS)[arena])(context, builder, getattr(record, arena))
    start = builder.load(cursor)
    end = builder.add(start, count)
    with builder.if_then(builder.icmp_signed(">", end, builder.extract_value(memory.shape, 0)), likely=False):
        message = "start made larger tables than it did when it was tried"
        context.call_conv.return_user_exc(builder, MemoryError, (message,))
    builder.store(end, cursor)
    return builder.gep(memory.data, [start])


def _lower_cut(name: str, arena: str, default):
    @lower_builtin(name, TaskType, types.VarArg(types.Any))
    def cut(context, builder, sig, args):
        task, table = sig.args[0], sig.return_type
        record = cgutils.create_struct_proxy(task)(context, builder, args[0])
        dims = zip(sig.args[1 : 1 + table.ndim], args[1 : 1 + table.ndim], strict=True)
        sides = [_side(context, builder, task, record, kind, dim) for kind, dim in dims]
        strides, count = row_major(builder, sides, table.width)
        data = _take(context, builder, record, arena, count)
        line = None
        if table.forgets:
            line = _take(context, builder, record, "lines", INT64(2 * table.width))
            one, zero = (context.cast(builder, DOUBLE(x), types.float64, table.dtype) for x in (1.0, 0.0))
            store_line(builder, table, line, one, zero)
        if len(args) > 1 + table.ndim:
            fill = context.cast(builder, args[-1], sig.args[-1], table.dtype)
        else:
            default_type = types.float64 if isinstance(default, float) else types.int64
            fill = context.cast(builder, context.get_constant(default_type, default), default_type, table.dtype)
        with cgutils.for_range_slice(builder, INT64(0), count, INT64(table.width), INT64) as (cell, _):
            store_cell(builder, TableType(table.dtype, 0), fill, builder.gep(data, [cell]))
        return build_view(context, builder, table, data, sides, strides, line=line)


_lower_cut("task.table", "reals", 0.0)
_lower_cut("task.memory", "wholes", -1)


@intrinsic
def _rewind(typingctx, task):
    def codegen(context, builder, sig, args):
        record = cgutils.create_struct_proxy(task)(context, builder, args[0])
        cursors = context.make_array(_CURSORS)(context, builder, record.cursors).data
        for place in range(len(_ARENAS)):
            builder.store(INT64(0), builder.gep(cursors, [INT64(place)]))
        return context.get_dummy_value()

    return types.void(task), codegen


@overload_method(TaskType, "rewind")
def _task_rewind(task):
    return lambda task: _rewind(task)


# -- the state ---------------------------------------------------------------------------------------------------------------


class MemoryType(types.Type):
    """A whole number marked by ``memory``, on its way into a state."""

    def __init__(self):
        super().__init__(name="memory")


class CellType(types.Type):
    """A number of an anchored state: a place in the arena that is read and set by name."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(name=f"cell({dtype})")


class StateType(types.Type):
    """``state(low=..., bias=0.0, last=memory())``: as returned by ``start``, or anchored, its numbers in the arena."""

    def __init__(self, parts: tuple[tuple[str, types.Type], ...]):
        self.parts = dict(parts)
        super().__init__(name=f"state({', '.join(f'{name}: {typ}' for name, typ in parts)})")


@register_model(MemoryType)
class MemoryModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, INT64)


@register_model(CellType)
class CellModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, INT64.as_pointer() if fe_type.dtype == types.int64 else DOUBLE.as_pointer())


@register_model(StateType)
class StateModel(models.StructModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, list(fe_type.parts.items()))


@intrinsic
def _mark(typingctx, number):
    return MemoryType()(types.int64), lambda context, builder, sig, args: args[0]


@overload(memory)
def _memory(value=-1):
    return lambda value=-1: _mark(value)


@infer_global(state)
class MakeState(AbstractTemplate):
    def generic(self, args, kws):
        if args:
            raise TypingError("state takes names: state(value=..., trace=...)")
        parts = {}
        for name, typ in kws.items():
            if isinstance(typ, types.Number | types.Boolean):
                typ = types.float64  # numbers are reals unless `memory` marks them
            elif not isinstance(typ, TableType | MemoryType | Dual):
                raise TypingError(f"state({name}=...): a part is a table, a number or a memory, not {typ}")
            parts[name] = typ
        names = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in parts]
        made = signature(StateType(tuple(parts.items())), *parts.values())
        return made.replace(pysig=inspect.Signature(names))


@lower_builtin(state, types.VarArg(types.Any))
def _make_state(context, builder, sig, args):
    made = cgutils.create_struct_proxy(sig.return_type)(context, builder)
    for (name, typ), given, value in zip(sig.return_type.parts.items(), sig.args, args, strict=True):
        setattr(made, name, context.cast(builder, value, given, typ))
        if context.enable_nrt:
            context.nrt.incref(builder, typ, getattr(made, name))
    return made._getvalue()


@intrinsic
def anchor(typingctx, state, task):
    """Give a state's numbers a place in the arena, so that they can be set; tables are there already."""
    if (isinstance(state, TableType) and not state.owned) or state is types.none:
        return state(state, task), lambda context, builder, sig, args: args[0]
    if not isinstance(state, StateType):
        raise TypingError(
            "start returns what the learner remembers: task.table(...) or state(name=..., ...). "
            "A bare number could not be changed by learn: write state(value=...)"
        )
    real = Dual(task.width) if task.width else types.float64

    def place(typ):
        if isinstance(typ, MemoryType):
            return CellType(types.int64)
        if isinstance(typ, TableType):
            if typ.owned:
                raise TypingError("a state is made of task.table(...), not of NumPy arrays")
            return typ
        return CellType(real)

    anchored = StateType(tuple((name, place(typ)) for name, typ in state.parts.items()))

    def codegen(context, builder, sig, args):
        given = cgutils.create_struct_proxy(state)(context, builder, args[0])
        made = cgutils.create_struct_proxy(anchored)(context, builder)
        record = cgutils.create_struct_proxy(task)(context, builder, args[1])
        for name, typ in anchored.parts.items():
            part = getattr(given, name)
            if not isinstance(typ, CellType):
                setattr(made, name, part)
                continue
            whole = typ.dtype == types.int64
            pointer = _take(
                context, builder, record, "wholes" if whole else "reals", INT64(1 if whole else max(task.width, 1))
            )
            if not whole:
                part = context.cast(builder, part, state.parts[name], real)
            store_cell(builder, TableType(typ.dtype, 0), part, pointer)
            setattr(made, name, pointer)
        return made._getvalue()

    return anchored(state, task), codegen


@infer_getattr
class StateAttributes(AttributeTemplate):
    key = StateType

    def generic_resolve(self, state, name):
        if name not in state.parts:
            raise _unknown(name, state.parts, "the state")
        typ = state.parts[name]
        return typ.dtype if isinstance(typ, CellType) else typ


@lower_getattr_generic(StateType)
def _state_getattr(context, builder, typ, value, name):
    part = getattr(cgutils.create_struct_proxy(typ)(context, builder, value), name)
    kind = typ.parts[name]
    return load_cell(builder, TableType(kind.dtype, 0), part) if isinstance(kind, CellType) else part


@lower_setattr_generic(StateType)
def _state_setattr(context, builder, sig, args, name):
    kind = sig.args[0].parts[name]
    if kind == sig.args[1]:
        return  # state.name *= 0.9 has already changed the table in place; plain Python refuses any other one
    if not isinstance(kind, CellType):
        raise TypingError(f"'{name}' is a table: fill it in place, state.{name}[...] = value")
    pointer = getattr(cgutils.create_struct_proxy(sig.args[0])(context, builder, args[0]), name)
    store_cell(builder, TableType(kind.dtype, 0), args[1], pointer)


__all__ = [
    "AgentType", "CellType", "MemoryType", "RowType", "StateType", "TaskType", "anchor", "make_agent", "make_row", "make_task",
]  # fmt: skip
