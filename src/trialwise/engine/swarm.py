"""Many states of one learner side by side: in compiled code one structure, moved along the task's arenas."""

from __future__ import annotations

import copy

from numba.core import cgutils, types
from numba.core.extending import intrinsic

from trialwise.engine.particles import Swarm
from trialwise.engine.state_record import CellType, StateType
from trialwise.engine.table import TableType
from trialwise.engine.task import _ARENAS, block


def _arena(dtype) -> str:
    return "wholes" if isinstance(dtype, types.Integer) else "reals"


@intrinsic
def at(typingctx, state, task, place):
    """The state at another place of the arenas; that given is the one at place 0."""

    def moved(context, builder, typ, value, shifts):
        if isinstance(typ, CellType):
            return builder.gep(value, [shifts[_arena(typ.dtype)]])
        if isinstance(typ, TableType):
            view = cgutils.create_struct_proxy(typ)(context, builder, value)
            view.data = builder.gep(view.data, [shifts[_arena(typ.dtype)]])
            if typ.forgets:
                view.line = builder.gep(view.line, [shifts["lines"]])
            return view._getvalue()
        made = cgutils.create_struct_proxy(typ)(context, builder, value)
        for name, part in typ.parts.items():
            setattr(made, name, moved(context, builder, part, getattr(made, name), shifts))
        return made._getvalue()

    def codegen(context, builder, sig, args):
        if not isinstance(state, StateType | TableType | CellType):
            return args[0]  # None: a learner that remembers nothing
        record = cgutils.create_struct_proxy(task)(context, builder, args[1])
        shifts = {arena: builder.mul(args[2], block(context, builder, record, arena)) for arena, _ in _ARENAS}
        return moved(context, builder, state, args[0], shifts)

    return state(state, task, types.int64), codegen


@intrinsic
def _copy(typingctx, state, task, source, target):
    def codegen(context, builder, sig, args):
        record = cgutils.create_struct_proxy(task)(context, builder, args[1])
        for arena, typ in _ARENAS:
            size = block(context, builder, record, arena)
            data = context.make_array(typ)(context, builder, getattr(record, arena)).data
            to, come = (builder.gep(data, [builder.mul(place, size)]) for place in (args[3], args[2]))
            cgutils.raw_memcpy(builder, to, come, size, 8)
        return context.get_dummy_value()

    return types.void(state, task, types.int64, types.int64), codegen


def _spread_compiled(state, task, count):
    for place in range(1, count):
        _copy(state, task, 0, place)
    return state


def _at_compiled(states, task, place):
    return at(states, task, place)


def _copy_compiled(states, task, source, target):
    _copy(states, task, source, target)


def _renew_compiled(states, place, state):
    pass


COMPILED = Swarm(_spread_compiled, _at_compiled, _copy_compiled, _renew_compiled)


def _spread_plain(state, task, count):
    return [copy.deepcopy(state) for _ in range(count)]


def _at_plain(states, task, place):
    return states[place]


def _copy_plain(states, task, source, target):
    states[target] = copy.deepcopy(states[source])


def _renew_plain(states, place, state):
    states[place] = state


PLAIN = Swarm(_spread_plain, _at_plain, _copy_plain, _renew_plain)
