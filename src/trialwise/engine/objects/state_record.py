"""A compiled state: ``state(low=..., bias=0.0, last=memory())``, as returned by ``start``, then anchored.

It is a structure in registers; anchoring allocates its numbers in the task's arena, so that they can be set.
"""

from __future__ import annotations

import inspect

from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.core.extending import intrinsic, lower_builtin, models, overload, register_model
from numba.core.imputils import lower_getattr_generic, lower_setattr_generic
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, infer_global, signature

from trialwise.engine.numbers.vector import DOUBLE, INT64, Vector, number_type
from trialwise.engine.objects.task import take
from trialwise.engine.objects.unknown import unknown
from trialwise.engine.tables.table import TableType, load_cell, store_cell
from trialwise.learners.state import memory, state


class MemoryType(types.Type):
    """An integer marked by ``memory``, before it is part of a state."""

    def __init__(self):
        super().__init__(name="memory")


class CellType(types.Type):
    """A number of an anchored state: a pointer into the arena, read and set by name."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(name=f"cell({dtype})")


class StateType(types.Type):
    """``state(low=..., bias=0.0, last=memory())``: as returned by ``start``, or anchored, with its numbers in the arena."""

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
            elif not isinstance(typ, TableType | MemoryType | Vector):
                raise TypingError(f"state({name}=...): a part is a table, a number or a memory, not {typ}")
            parts[name] = typ
        names = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in parts]
        result = signature(StateType(tuple(parts.items())), *parts.values())
        return result.replace(pysig=inspect.Signature(names))


@lower_builtin(state, types.VarArg(types.Any))
def _make_state(context, builder, sig, args):
    result = cgutils.create_struct_proxy(sig.return_type)(context, builder)
    for (name, typ), source, value in zip(sig.return_type.parts.items(), sig.args, args, strict=True):
        setattr(result, name, context.cast(builder, value, source, typ))
        if context.enable_nrt:
            context.nrt.incref(builder, typ, getattr(result, name))
    return result._getvalue()


@intrinsic
def anchor(typingctx, state, task):
    """Allocate a state's numbers in the arena, so that they can be set; tables are already there."""
    if (isinstance(state, TableType) and not state.owned) or state is types.none:
        return state(state, task), lambda context, builder, sig, args: args[0]
    if not isinstance(state, StateType):
        raise TypingError(
            "start returns the state of the learner: task.table(...) or state(name=..., ...). "
            "learn could not change a bare number: write state(value=...)"
        )
    real = number_type(task.width)

    def anchored_type(typ):
        if isinstance(typ, MemoryType):
            return CellType(types.int64)
        if isinstance(typ, TableType):
            if typ.owned:
                raise TypingError("a state is made of task.table(...), not of NumPy arrays")
            return typ
        return CellType(real)

    anchored = StateType(tuple((name, anchored_type(typ)) for name, typ in state.parts.items()))

    def codegen(context, builder, sig, args):
        returned = cgutils.create_struct_proxy(state)(context, builder, args[0])
        result = cgutils.create_struct_proxy(anchored)(context, builder)
        record = cgutils.create_struct_proxy(task)(context, builder, args[1])
        for name, typ in anchored.parts.items():
            part = getattr(returned, name)
            if not isinstance(typ, CellType):
                setattr(result, name, part)
                continue
            is_integer = typ.dtype == types.int64
            pointer = take(
                context,
                builder,
                record,
                "wholes" if is_integer else "reals",
                INT64(1 if is_integer else max(abs(task.width), 1)),
            )
            if not is_integer:
                part = context.cast(builder, part, state.parts[name], real)
            store_cell(builder, TableType(typ.dtype, 0), part, pointer)
            setattr(result, name, pointer)
        return result._getvalue()

    return anchored(state, task), codegen


@infer_getattr
class StateAttributes(AttributeTemplate):
    key = StateType

    def generic_resolve(self, state, name):
        if name not in state.parts:
            raise unknown(name, state.parts, "the state")
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
