"""The agent, ``self`` in a compiled method: a structure in registers."""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic, models, register_model
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, signature

from trialwise.engine.numbers.vector import DOUBLE, INT32, INT64, Dual
from trialwise.engine.objects.unknown import unknown


class AgentType(types.Type):
    """``self`` in a compiled method: fields, and helper methods as compiled functions."""

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
        raise unknown(name, [*agent.fields, *agent.words, *agent.helpers], "the learner")


def _helper_template(name, dispatcher):
    """``self.helper(...)`` calls the compiled helper with the agent as first argument."""

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
    return value  # a bound helper: the agent itself


Plan = tuple[tuple[str, int], ...]
"""The source of the value of each field of an agent: ``("free", k)`` is column k of the parameters, ``("constant", k)`` constant k, and
``("slot", k)`` the column of the parameters that is given in column k of a trial's integers."""


class ParticipantType(types.Type):
    """What is needed to build the agent of each trial if parameters have several slots: the agent with the fields that do not vary,
    the values of all slots, and the first slot that has a tangent."""

    def __init__(self, agent: AgentType, plan: Plan):
        self.agent, self.plan = agent, plan
        super().__init__(name=f"participant({agent}; {plan})")


@register_model(ParticipantType)
class ParticipantModel(models.StructModel):
    def __init__(self, dmm, fe_type):
        members = [("agent", fe_type.agent), ("values", types.CPointer(types.float64)), ("first", types.int64)]
        super().__init__(dmm, fe_type, members)


def _with_tangent(builder, typ, number, column, first):
    """The value of a column of parameters; a dual has its tangent in lane ``column - first + 1``."""
    if not isinstance(typ, Dual):
        return number
    lane = builder.trunc(builder.add(builder.sub(column, first), INT64(1)), INT32)
    lanes = [ir.Constant(INT32, i) for i in range(typ.width)]
    vector = ir.Constant(ir.VectorType(DOUBLE, typ.width), [0.0] * typ.width)
    vector = builder.insert_element(vector, number, lanes[0])
    for i in range(1, typ.width):
        is_lane = builder.icmp_signed("==", lane, lanes[i])
        entry = builder.select(is_lane, DOUBLE(1.0), DOUBLE(0.0))
        vector = builder.insert_element(vector, entry, lanes[i])
    return vector


def make_participant(agent_type: AgentType, plan: Plan):
    """An intrinsic ``(free, row, constants, first) -> agent``, or ``-> participant`` if ``plan`` has slots."""
    slotted = any(origin == "slot" for origin, _ in plan)
    result_type = ParticipantType(agent_type, plan) if slotted else agent_type

    @intrinsic
    def build(typingctx, free, row, constants, first):
        def codegen(context, builder, sig, args):
            matrix = context.make_array(sig.args[0])(context, builder, args[0])
            constant_array = context.make_array(sig.args[2])(context, builder, args[2])
            columns = builder.extract_value(matrix.shape, 1)
            agent = cgutils.create_struct_proxy(agent_type)(context, builder)
            for (name, typ), (origin, k) in zip(agent_type.fields.items(), plan, strict=True):
                if origin == "constant":
                    number = builder.load(builder.gep(constant_array.data, [INT64(k)]))
                    setattr(agent, name, context.cast(builder, number, types.float64, typ))
                elif origin == "free":
                    position = builder.add(builder.mul(args[1], columns), INT64(k))
                    number = builder.load(builder.gep(matrix.data, [position]))
                    setattr(agent, name, _with_tangent(builder, typ, number, INT64(k), args[3]))
            if not slotted:
                return agent._getvalue()
            participant = cgutils.create_struct_proxy(result_type)(context, builder)
            participant.agent, participant.first = agent._getvalue(), args[3]
            participant.values = builder.gep(matrix.data, [builder.mul(args[1], columns)])
            return participant._getvalue()

        return result_type(free, types.int64, constants, types.int64), codegen

    return build


def make_agent_at(agent_type: AgentType, plan: Plan):
    """An intrinsic ``(participant, ints, t) -> agent``, with the slots of trial t."""

    @intrinsic
    def agent_at(typingctx, participant, ints, t):
        def codegen(context, builder, sig, args):
            parts = cgutils.create_struct_proxy(sig.args[0])(context, builder, args[0])
            matrix = context.make_array(sig.args[1])(context, builder, args[1])
            start = builder.mul(args[2], builder.extract_value(matrix.shape, 1))
            agent = cgutils.create_struct_proxy(agent_type)(context, builder, parts.agent)
            for (name, typ), (origin, k) in zip(agent_type.fields.items(), plan, strict=True):
                if origin == "slot":
                    pointer = builder.gep(matrix.data, [builder.add(start, INT64(k))])
                    column = builder.zext(builder.load(pointer), INT64)
                    number = builder.load(builder.gep(parts.values, [column]))
                    setattr(agent, name, _with_tangent(builder, typ, number, column, parts.first))
            return agent._getvalue()

        return agent_type(participant, ints, types.int64), codegen

    return agent_at
