"""Compiled kernels: a learner's likelihood with gradient, its trial-wise trace, its rollout. Each is compiled once.

A kernel's key covers everything it depends on: the learner's text, helpers and restrictions, the layout of the data, the width, the
engine's text and the versions of its dependencies. The key identifies the kernel in memory within a process, and its machine code on
disk across processes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import numba
import numpy as np
from numba.core import types
from numba.core.extending import intrinsic, lower_builtin, models, register_jitable, register_model, typeof_impl
from numba.core.imputils import lower_constant
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from trialwise.engine.kernels import cache
from trialwise.engine.kernels.to_compiled import INLINED, Adapter
from trialwise.engine.numbers.dual import lanes_for, store_tangents, value
from trialwise.engine.numbers.vector import number_type
from trialwise.engine.objects.agent import AgentType, Plan, make_agent_at, make_participant
from trialwise.engine.objects.row import RowType, make_row
from trialwise.engine.objects.state_record import anchor
from trialwise.engine.objects.task import TaskType, cursors_for, make_task
from trialwise.engine.packed import Packed, Slots
from trialwise.engine.tables.making import off_stack, preference_table
from trialwise.engine.walks.parts import Kit, build_parts
from trialwise.engine.walks.replay import build_replay, build_rollout
from trialwise.learners.learner import Learner

__all__ = [
    "gradient_kernel",
    "kernel",
    "kit_for",
    "lanes_for",
    "participant_builder",
    "rollout_kernel",
    "span",
    "trace_kernel",
]


class EveryAction(types.Type):
    def __init__(self):
        super().__init__(name="every action")


class _EveryAction:
    """A mask in which every action is available; it costs nothing in compiled code."""


EVERY_ACTION = _EveryAction()


@typeof_impl.register(_EveryAction)
def _typeof_every_action(value, context):
    return EveryAction()


register_model(EveryAction)(models.OpaqueModel)


@lower_constant(EveryAction)
def _constant_every_action(context, builder, typ, value):
    return context.get_dummy_value()


@infer_global(operator.getitem)
class GetEveryAction(AbstractTemplate):
    def generic(self, args, kws):
        if isinstance(args[0], EveryAction):
            return signature(types.boolean, *args)
        return None


@lower_builtin(operator.getitem, EveryAction, types.Any)
def _every_action_is_open(context, builder, sig, args):
    return context.get_constant(types.boolean, True)


@intrinsic
def store_signals(typingctx, signals, t, result):
    """Write the result of ``learn``, a number or a tuple of numbers, to ``signals[t]``."""
    if not isinstance(result, types.BaseTuple | types.Number | types.Boolean | types.NoneType):
        from numba.core.errors import TypingError

        raise TypingError(f"learn returns its signals: numbers, or a tuple of numbers, not {result}")
    kinds = list(result) if isinstance(result, types.BaseTuple) else [] if result is types.none else [result]

    def codegen(context, builder, sig, args):
        matrix = context.make_array(sig.args[0])(context, builder, args[0])
        columns = builder.extract_value(matrix.shape, 1)
        for k, kind in enumerate(kinds):
            part = builder.extract_value(args[2], k) if isinstance(result, types.BaseTuple) else args[2]
            place = builder.add(builder.mul(args[1], columns), columns.type(k))
            builder.store(context.cast(builder, part, kind, types.float64), builder.gep(matrix.data, [place]))
        return context.get_dummy_value()

    return types.void(signals, types.int64, result), codegen


def kit_for(adapter: Adapter, *, own: bool = False) -> Kit:
    """What compiled code builds arguments with; ``own`` as for :func:`participant_builder`."""
    return Kit(
        adapt=adapter,
        row=lambda what, layout: make_row(RowType(what, layout)),
        anchor=anchor,
        store_signals=store_signals,
        every_action=EVERY_ACTION,
        agent_at=lambda learner, slots: make_agent_at(*_agent(learner, adapter, slots, own)),
    )


def participant_builder(learner: Learner, adapter: Adapter, slots: Slots, *, own: bool = False):
    """Builds a participant from a row of parameters, see :func:`trialwise.engine.objects.agent.make_participant`; ``own`` if each of the
    particles in a vector register has parameters of its own."""
    return make_participant(*_agent(learner, adapter, slots, own))


def _agent(learner: Learner, adapter: Adapter, slots: Slots, own: bool) -> tuple[AgentType, Plan]:
    """The type of the compiled ``self``, and the source of each field's value."""
    real = number_type(adapter.width) if own or adapter.width > 0 else types.float64
    names, constants, fields, plan, words = list(learner.free_fields), constant_names(learner), [], [], []
    first_columns = [sum(slot.size for slot in slots[:k]) for k in range(len(slots))]
    for name, field_value in learner.values(dict.fromkeys(names, 0.0)).items():
        source = learner.tied.get(name, name)
        if source in names:
            fields.append((name, real))
            _, kind, column = slots[k := names.index(source)]
            if kind == "number":
                parameter = learner.declared[source]
                link = parameter.support, parameter.lower, parameter.upper
                plan.append(("number", first_columns[k], column, *link))
            else:
                plan.append(("level", column) if kind == "level" else ("free", first_columns[k]))
        elif isinstance(field_value, str | bool | int):
            words.append((name, field_value))
        else:
            fields.append((name, types.float64))
            plan.append(("constant", constants.index(source)))
    helpers = tuple((name, adapter(function)) for name, function in learner.helper_methods.items())
    return AgentType(f"{learner.key[:16]}", tuple(fields), helpers, tuple(words)), tuple(plan)


def constant_names(learner: Learner) -> list[str]:
    """Settings and fixed parameters, in the order in which :func:`constants` lists their values."""
    numbers = [name for name, setting in learner.settings.items() if isinstance(setting, float)]
    return [*numbers, *learner.fixed]


def constants(learner: Learner) -> np.ndarray:
    """Values of real settings and fixed parameters. They are data, so that changing one needs no compilation."""
    values = {**learner.settings, **learner.fixed}
    return np.array([float(values[name]) for name in constant_names(learner)])


def kernel(kind: str, learner: Learner, packed: Packed, width: int, build: Callable[[], Callable]) -> Callable:
    return cache.on_disk(build, f"trialwise_{kind}", cache.key(kind, learner.key, packed.layout, width))


def gradient_kernel(learner: Learner, packed: Packed) -> Callable:
    """``(free, constants, rows, offsets, observed, ints, reals, sizes, numbers) -> (log-likelihood, gradient)`` of each segment.

    ``free`` is ``(rows, slots in all)`` on the natural scale, one column per parameter
    (:attr:`trialwise.engine.packed.Packed.slots`); ``numbers`` is ``(cells, memories, tables)``. Results are ``(segments,)`` and
    ``(segments, slots in all)``. Memory does not grow with the number of trials.
    """
    width = lanes_for(packed.all_slots)
    return kernel("gradient", learner, packed, width, lambda: _build_gradient(learner, packed, width))


@register_jitable
def span(offsets, segment):
    """First and end row of a segment; unsigned, so that indices need no check for negative values."""
    return np.uint64(offsets[segment]), np.uint64(offsets[segment + 1])


def _build_gradient(learner: Learner, packed: Packed, width: int) -> Callable:
    adapter = Adapter(width)
    replay = adapter(build_replay(build_parts(learner, packed.layout, kit_for(adapter), tracing=False)))
    participant_of = participant_builder(learner, adapter, packed.slots)
    task_of = make_task(TaskType(packed.names, packed.actions, width, packed.forgets))
    tangents, actions, options, no_trace = width - 1, packed.actions, packed.options, None
    size, option_size = off_stack(width, actions), off_stack(width, options)

    def gradient(free, constants, rows, offsets, observed, ints, reals, sizes, numbers):
        segments, parameters = len(offsets) - 1, free.shape[1]
        likelihood = np.zeros(segments)
        slope = np.zeros((segments, parameters))
        flat = slope.reshape(-1)
        arena, lines, buffer = np.empty(numbers[0] * width), np.empty(numbers[2] * 2 * width), np.zeros(size + 1)
        option_buffer = np.zeros(option_size + 1)
        task = task_of(arena, np.empty(numbers[1], np.int64), lines, cursors_for(numbers, width), sizes)
        preference = preference_table(width, actions, buffer)
        logits = preference_table(width, options, option_buffer)
        for s in range(segments):
            begin, end = span(offsets, s)
            for first in range(0, max(parameters, 1), tangents):
                participant = participant_of(free, rows[s], constants, first)
                task.rewind()
                total, scale = replay(
                    participant, task, preference, logits, observed, ints, reals, begin, end, no_trace, no_trace
                )
                likelihood[s] = value(total) - np.log(scale)
                store_tangents(total, flat, s * parameters + first, min(tangents, parameters - first))
        buffer[0], option_buffer[0] = 0.0, 0.0  # tables do not keep their memory alive; this use does
        return likelihood, slope

    return numba.njit(gradient, **INLINED)


def trace_kernel(learner: Learner, packed: Packed) -> Callable:
    """``(free, constants, rows, offsets, observed, ints, reals, sizes, numbers, record, signals) -> None``, on doubles.

    Fills ``record[t]`` with the log-likelihood of each trial followed by the predictions for each response
    (probabilities of all actions; mean and SD of a real number), and ``signals[t]`` with the values that ``learn`` returned.
    """
    return kernel("trace", learner, packed, 0, lambda: _build_loop(learner, packed, build_replay))


def rollout_kernel(learner: Learner, packed: Packed) -> Callable:
    """As :func:`trace_kernel` with ``potential, first_outcome, random`` appended; writes responses and outcomes in place."""
    return kernel("rollout", learner, packed, 0, lambda: _build_loop(learner, packed, build_rollout))


def _build_loop(learner: Learner, packed: Packed, build: Callable) -> Callable:
    adapter = Adapter(0)
    loop = adapter(build(build_parts(learner, packed.layout, kit_for(adapter), tracing=True)))
    participant_of = participant_builder(learner, adapter, packed.slots)
    task_of = make_task(TaskType(packed.names, packed.actions, 0, packed.forgets))
    actions, options = packed.actions, packed.options
    size, option_size = off_stack(0, actions), off_stack(0, options)

    def loops(free, constants, rows, offsets, observed, ints, reals, sizes, numbers, record, signals, *extra):
        arena, lines, buffer = np.empty(numbers[0]), np.empty(numbers[2] * 2), np.zeros(size + 1)
        option_buffer = np.zeros(option_size + 1)
        task = task_of(arena, np.empty(numbers[1], np.int64), lines, cursors_for(numbers, 1), sizes)
        preference = preference_table(0, actions, buffer)
        logits = preference_table(0, options, option_buffer)
        for s in range(len(offsets) - 1):
            begin, end = span(offsets, s)
            participant = participant_of(free, rows[s], constants, 0)
            task.rewind()
            loop(participant, task, preference, logits, observed, ints, reals, begin, end, record, signals, *extra)
        buffer[0], option_buffer[0] = 0.0, 0.0  # as above

    return numba.njit(loops, **INLINED)
