"""The states of many particles of one learner: in compiled code, one structure whose pointers are shifted within the task's arenas.

Each position holds one particle, or a group of particles that share vector registers (:mod:`trialwise.engine.numbers.abreast`).
"""

from __future__ import annotations

import copy
import math

import numpy as np
from numba.core import cgutils, types
from numba.core.extending import intrinsic

from trialwise.engine.numbers.abreast import PARTICLES, all_between, choices, force, or_zero, pick, put, take, total
from trialwise.engine.numbers.vector import INT64
from trialwise.engine.objects.state_record import CellType, StateType
from trialwise.engine.objects.task import ARENAS, block
from trialwise.engine.tables.table import TableType
from trialwise.engine.walks.particles import Swarm


def _arena(dtype) -> str:
    return "wholes" if isinstance(dtype, types.Integer) else "reals"


@intrinsic
def at(typingctx, state, task, place):
    """The state at a position of the arenas, from the one at position 0."""

    def shifted(context, builder, typ, value, shifts):
        if isinstance(typ, CellType):
            return builder.gep(value, [shifts[_arena(typ.dtype)]])
        if isinstance(typ, TableType):
            view = cgutils.create_struct_proxy(typ)(context, builder, value)
            view.data = builder.gep(view.data, [shifts[_arena(typ.dtype)]])
            if typ.forgets:
                view.line = builder.gep(view.line, [shifts["lines"]])
            return view._getvalue()
        result = cgutils.create_struct_proxy(typ)(context, builder, value)
        for name, part in typ.parts.items():
            setattr(result, name, shifted(context, builder, part, getattr(result, name), shifts))
        return result._getvalue()

    def codegen(context, builder, sig, args):
        if not isinstance(state, StateType | TableType | CellType):
            return args[0]  # None: a learner without a state
        record = cgutils.create_struct_proxy(task)(context, builder, args[1])
        shifts = {arena: builder.mul(args[2], block(context, builder, record, arena)) for arena, _ in ARENAS}
        return shifted(context, builder, state, args[0], shifts)

    return state(state, task, types.int64), codegen


@intrinsic
def _copy(typingctx, state, task, source, target):
    def codegen(context, builder, sig, args):
        record = cgutils.create_struct_proxy(task)(context, builder, args[1])
        for arena, typ in ARENAS:
            size = block(context, builder, record, arena)
            data = context.make_array(typ)(context, builder, getattr(record, arena)).data
            destination, origin = (builder.gep(data, [builder.mul(place, size)]) for place in (args[3], args[2]))
            cgutils.raw_memcpy(builder, destination, origin, size, 8)
        return context.get_dummy_value()

    return types.void(state, task, types.int64, types.int64), codegen


def _one_each(count):
    return count


def _take_one(array, place):
    return array[place]


def _put_one(array, place, new):
    array[place] = new


def _total_of_one(x):
    return x


def _pick_one(joint, left):
    chosen, searching = 0, True
    for k in range(len(joint)):
        if searching and joint[k] > 0.0:
            chosen = k
            searching = left >= joint[k]
            left -= joint[k]
    return chosen


def _force_one(chosen, option):
    return option


def _or_zero_one(x):
    return x if x < math.inf else 0.0


def _within_one(x, lower, upper):
    return lower <= x <= upper


def _log_one(x):
    return math.log(x) if x > 0.0 else -math.inf


_ALONE = (_take_one, _put_one, _total_of_one, _pick_one, _take_one, _force_one, _or_zero_one, _within_one, _log_one)


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


COMPILED = Swarm(_one_each, _spread_compiled, _at_compiled, _copy_compiled, _renew_compiled, *_ALONE)


@intrinsic
def _copy_lane(typingctx, state, task, source, target):
    """Copy the state of one of the particles that share vector registers; integers are common to all particles of a register."""

    def codegen(context, builder, sig, args):
        record = cgutils.create_struct_proxy(task)(context, builder, args[1])
        width = INT64(PARTICLES)
        for arena, typ in ARENAS:
            size = block(context, builder, record, arena)
            data = context.make_array(typ)(context, builder, getattr(record, arena)).data
            if arena == "wholes":
                destination, origin = (
                    builder.gep(data, [builder.mul(builder.udiv(place, width), size)]) for place in (args[3], args[2])
                )
                cgutils.raw_memmove(builder, destination, origin, size, 8)
                continue
            origin, destination = (
                builder.gep(data, [builder.add(builder.mul(builder.udiv(i, width), size), builder.urem(i, width))])
                for i in args[2:]
            )
            with cgutils.for_range_slice(builder, INT64(0), size, width, INT64) as (cell, _):
                builder.store(builder.load(builder.gep(origin, [cell])), builder.gep(destination, [cell]))
        return context.get_dummy_value()

    return types.void(state, task, types.int64, types.int64), codegen


def _groups_abreast(count):
    return (count + PARTICLES - 1) // PARTICLES


def _copy_abreast(states, task, source, target):
    _copy_lane(states, task, source, target)


def _take_abreast(array, group):
    return take(array, group)


def _put_abreast(array, group, new):
    put(array, group, new)


def _total_abreast(x):
    return total(x)


def _pick_abreast(joint, left):
    return pick(joint, left)


def _choices_abreast(array, group):
    return choices(array, group)


def _force_abreast(chosen, option):
    return force(chosen, option)


def _or_zero_abreast(x):
    return or_zero(x)


def _within_abreast(x, lower, upper):
    return all_between(x, lower, upper)


def _log_abreast(x):
    return np.log(x)


ABREAST = Swarm(
    _groups_abreast, _spread_compiled, _at_compiled, _copy_abreast, _renew_compiled, _take_abreast, _put_abreast, _total_abreast,
    _pick_abreast, _choices_abreast, _force_abreast, _or_zero_abreast, _within_abreast, _log_abreast,
)  # fmt: skip


def _spread_plain(state, task, count):
    return [copy.deepcopy(state) for _ in range(count)]


def _at_plain(states, task, place):
    return states[place]


def _copy_plain(states, task, source, target):
    states[target] = copy.deepcopy(states[source])


def _renew_plain(states, place, state):
    states[place] = state


PLAIN = Swarm(_one_each, _spread_plain, _at_plain, _copy_plain, _renew_plain, *_ALONE)
