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
    register_jitable,
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
from trialwise.engine.table import (
    TableType,
    arena_table,
    build_view,
    cells_of,
    fill_flat,
    forgetting_table,
    load_cell,
    store_cell,
)
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

    ``layout`` lists ``(name, kind, start, length)``; kind ``"i"`` reads the whole numbers, ``"r"`` the reals; length 0 is a
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
            return TableType(types.int32 if kind == "i" else types.float64, 1)
        return types.int64 if kind == "i" else types.float64


@lower_getattr_generic(RowType)
def _row_getattr(context, builder, typ, value, name):
    kind, start, length = typ.layout[name]
    data = getattr(cgutils.create_struct_proxy(typ)(context, builder, value), kind)
    pointer = builder.gep(data, [INT64(start)])
    if not length:
        number = builder.load(pointer)
        if kind == "i":  # labels are never written: read once a trial, whatever is stored in between
            number.set_metadata("invariant.load", builder.module.add_metadata([]))
            return builder.sext(number, INT64)
        return number
    item = types.int32 if kind == "i" else types.float64
    return build_view(context, builder, TableType(item, 1), pointer, [INT64(length)], [INT64(1)])


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

    ``width`` 0 makes tables of doubles. ``forgets`` says whether the learner lets a table forget, wherever it does.
    """

    def __init__(self, names: tuple[str, ...], width: int, forgets: bool):
        self.names, self.width, self.forgets = names, width, forgets
        super().__init__(name=f"task({names}, {width}, {forgets})")


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


@intrinsic(prefer_literal=True)
def _part(typingctx, task, name):
    """One of the arrays that a task is made of."""
    member = name.literal_value
    typ = dict(_ARENAS).get(member, _CURSORS)

    def codegen(context, builder, sig, args):
        array = getattr(cgutils.create_struct_proxy(task)(context, builder, args[0]), member)
        context.nrt.incref(builder, typ, array)
        return array

    return typ(task, name), codegen


def _size_of(task: TaskType, dim):
    """How to find one dimension's size: its place among the sizes, or None for a number."""
    if isinstance(dim, types.StringLiteral):
        return task.names.index(dim.literal_value) if dim.literal_value in task.names else -1
    return None


@intrinsic(prefer_literal=True)
def _shape(typingctx, task, dims):
    """The shape that dimensions, told by name or number, come to; names without labels have size 1."""
    kinds = tuple(dims)
    places = [_size_of(task, kind) for kind in kinds]
    if any(p is None and not isinstance(k, types.Integer) for p, k in zip(places, kinds, strict=True)):
        raise TypingError('a dimension of a table is a name in quotes ("cue") or a whole number')

    def codegen(context, builder, sig, args):
        record = cgutils.create_struct_proxy(task)(context, builder, args[0])
        sizes = context.make_array(_SIZES)(context, builder, record.sizes).data
        sides = []
        for axis, (place, kind) in enumerate(zip(places, kinds, strict=True)):
            if place is None:
                side = context.cast(builder, builder.extract_value(args[1], axis), kind, types.int64)
            else:
                side = INT64(1) if place < 0 else builder.sext(builder.load(builder.gep(sizes, [INT64(place)])), INT64)
            sides.append(side)
        return cgutils.pack_array(builder, sides, INT64) if sides else context.get_constant_null(sig.return_type)

    return types.UniTuple(types.int64, len(kinds))(task, dims), codegen


@overload_method(TaskType, "size", prefer_literal=True)
def _task_size(task, name):
    if isinstance(name, types.StringLiteral):
        return lambda task, name: _shape(task, (name,))[0]
    raise TypingError("task.size takes a name in quotes")


@register_jitable
def _cut_table(task, dims, fill):
    """A table of reals cut from the arena."""
    shape, width = _shape(task, dims), _width(task)
    cursors, arena = _part(task, "cursors"), _part(task, "reals")
    start = cursors[0]
    cursors[0] = start + cells_of(shape) * max(width, 1)
    at, lines = cursors[2], _part(task, "lines")
    cursors[2] = at + 1
    if cursors[0] > arena.size or cursors[2] * 2 * max(width, 1) > lines.size:
        raise MemoryError("start made larger tables than it did when it was tried")
    new = _real_view(task, arena, start, shape, lines, at)
    fill_flat(new, fill)
    return new


@register_jitable
def _cut_memory(task, dims, fill):
    """A table of whole numbers cut from the arena."""
    shape = _shape(task, dims)
    cursors, arena = _part(task, "cursors"), _part(task, "wholes")
    start = cursors[1]
    cursors[1] = start + cells_of(shape)
    if cursors[1] > arena.size:
        raise MemoryError("start made larger memories than it did when it was tried")
    new = arena_table(0, arena, start, shape)
    fill_flat(new, fill)
    return new


@intrinsic
def _width(typingctx, task):
    return types.int64(task), lambda context, builder, sig, args: INT64(task.width)


def _real_view(task, arena, start, shape, lines, at):
    """A table of the task's reals over its arena; in compiled code."""


@overload(_real_view)
def _real_view_overload(task, arena, start, shape, lines, at):
    width = task.width
    if task.forgets:
        return lambda task, arena, start, shape, lines, at: forgetting_table(width, arena, start, shape, lines, at)
    return lambda task, arena, start, shape, lines, at: arena_table(width, arena, start, shape)


@infer_getattr
class TaskAttributes(AttributeTemplate):
    """``task.table(*dims, fill=0.0)`` and ``task.memory(*dims, fill=-1)``: any number of dimensions, and a keyword."""

    key = TaskType

    @bound_function("task.table")
    def resolve_table(self, task, args, kws):
        real = Dual(task.width) if task.width else types.float64
        table = TableType(real, len(args), forgets="whole" if task.forgets else "")
        return _signature_of_cut(table, args, kws)

    @bound_function("task.memory")
    def resolve_memory(self, task, args, kws):
        return _signature_of_cut(TableType(types.int64, len(args)), args, kws)


def _signature_of_cut(table, args, kws):
    for dim in args:
        if not isinstance(dim, types.StringLiteral | types.Integer):
            raise TypingError('a dimension of a table is a name in quotes ("cue") or a whole number')
    if set(kws) - {"fill"}:
        raise TypingError(f"a table takes dimensions and fill=..., not {', '.join(set(kws) - {'fill'})}")
    names = [inspect.Parameter(f"dim{n}", inspect.Parameter.POSITIONAL_ONLY) for n in range(len(args))]
    names += [inspect.Parameter("fill", inspect.Parameter.POSITIONAL_OR_KEYWORD)] if kws else []
    return signature(table, *args, *kws.values()).replace(pysig=inspect.Signature(names))


def _lower_cut(name, cut, default):
    @lower_builtin(name, TaskType, types.VarArg(types.Any))
    def lower(context, builder, sig, args):
        ndim = sig.return_type.ndim
        dims = types.Tuple(tuple(sig.args[1 : 1 + ndim]))
        packed = context.make_tuple(builder, dims, args[1 : 1 + ndim])
        if len(sig.args) > 1 + ndim:
            fill_type, fill = sig.args[-1], args[-1]
        else:
            fill_type = types.float64 if isinstance(default, float) else types.int64
            fill = context.get_constant(fill_type, default)
        inner = signature(sig.return_type, sig.args[0], dims, fill_type)

        def make(task, dims, fill):
            return cut(task, dims, fill)

        return context.compile_internal(builder, make, inner, (args[0], packed, fill))


_lower_cut("task.table", _cut_table, 0.0)
_lower_cut("task.memory", _cut_memory, -1)


@overload_method(TaskType, "rewind")
def _task_rewind(task):
    def rewind(task):
        cursors = _part(task, "cursors")
        cursors[0] = 0
        cursors[1] = 0
        cursors[2] = 0

    return rewind


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
        integers = types.Array(types.int64, 1, "C")
        cursors = context.make_array(integers)(context, builder, record.cursors).data
        for name, typ in anchored.parts.items():
            part = getattr(given, name)
            if not isinstance(typ, CellType):
                setattr(made, name, part)
                continue
            which = int(typ.dtype == types.int64)
            arena_type = integers if which else types.Array(types.float64, 1, "C")
            arena = context.make_array(arena_type)(context, builder, record.wholes if which else record.reals).data
            cursor = builder.gep(cursors, [INT64(which)])
            start = builder.load(cursor)
            builder.store(builder.add(start, INT64(1 if which else max(task.width, 1))), cursor)
            pointer = builder.gep(arena, [start])
            if not which:
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
