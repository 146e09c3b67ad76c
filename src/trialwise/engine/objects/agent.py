"""The agent, ``self`` in a compiled method: a structure in registers."""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic, models, register_model
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, signature

from trialwise.engine.numbers.vector import DOUBLE, INT32, INT64, Abreast, Dual, load
from trialwise.engine.objects.shift import shift_function
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


Plan = tuple[tuple, ...]
"""The source of the value of each field of an agent: ``("free", k)`` is column k of the parameters; ``("constant", k)``, constant k;
``("level", k)``, the column of the parameters that is given in column k of a trial's integers; and ``("number", k, j, support, lower,
upper)``, column k of the parameters, shifted by column k + 1 times column j of a trial's reals on the unconstrained scale."""


class ParticipantType(types.Type):
    """What is needed to build the agent of each trial if parameters vary: the agent with the fields that do not,
    the values of all slots, and the first slot that has a tangent."""

    def __init__(self, agent: AgentType, plan: Plan):
        self.agent, self.plan = agent, plan
        super().__init__(name=f"participant({agent}; {plan})")


@register_model(ParticipantType)
class ParticipantModel(models.StructModel):
    def __init__(self, dmm, fe_type):
        members = [("agent", fe_type.agent), ("values", types.CPointer(types.float64)), ("first", types.int64)]
        super().__init__(dmm, fe_type, members)


def _lanes(agent_type: AgentType) -> int:
    """How many particles with parameters of their own an agent stands for."""
    return max((typ.width for typ in agent_type.fields.values() if isinstance(typ, Abreast)), default=1)


def _read(builder, values, column, lanes: int):
    """The number in a column of a row of parameters; of several particles, their numbers, which are adjacent."""
    pointer = builder.gep(values, [builder.mul(column, INT64(lanes))])
    return load(builder, pointer, lanes) if lanes > 1 else builder.load(pointer)


def _with_tangents(builder, typ, number, derivatives, first):
    """A number; a dual has its ``derivatives``, by columns of the parameters, in lanes ``column - first + 1``."""
    if not isinstance(typ, Dual):
        return number
    lanes = [ir.Constant(INT32, i) for i in range(typ.width)]
    vector = ir.Constant(ir.VectorType(DOUBLE, typ.width), [0.0] * typ.width)
    vector = builder.insert_element(vector, number, lanes[0])
    own = [builder.trunc(builder.add(builder.sub(column, first), INT64(1)), INT32) for column, _ in derivatives]
    for i in range(1, typ.width):
        entry = DOUBLE(0.0)
        for lane, (_, derivative) in zip(own, derivatives, strict=True):
            entry = builder.select(builder.icmp_signed("==", lane, lanes[i]), derivative, entry)
        vector = builder.insert_element(vector, entry, lanes[i])
    return vector


def make_participant(agent_type: AgentType, plan: Plan):
    """An intrinsic ``(free, row, constants, first) -> agent``, or ``-> participant`` if a parameter varies.

    ``free`` is ``(rows, slots)``; or ``(groups, slots, particles)`` if each particle of a group has parameters of its own.
    """
    lanes = _lanes(agent_type)
    varies = any(origin in ("level", "number") for origin, *_ in plan)
    result_type = ParticipantType(agent_type, plan) if varies else agent_type

    @intrinsic
    def build(typingctx, free, row, constants, first):
        def codegen(context, builder, sig, args):
            matrix = context.make_array(sig.args[0])(context, builder, args[0])
            constant_array = context.make_array(sig.args[2])(context, builder, args[2])
            columns = builder.extract_value(matrix.shape, 1)
            agent = cgutils.create_struct_proxy(agent_type)(context, builder)
            for (name, typ), (origin, k, *_) in zip(agent_type.fields.items(), plan, strict=True):
                if origin == "constant":
                    number = builder.load(builder.gep(constant_array.data, [INT64(k)]))
                    setattr(agent, name, context.cast(builder, number, types.float64, typ))
                elif origin == "free":
                    position = builder.add(builder.mul(args[1], columns), INT64(k))
                    number = _read(builder, matrix.data, position, lanes)
                    setattr(agent, name, _with_tangents(builder, typ, number, [(INT64(k), DOUBLE(1.0))], args[3]))
            if not varies:
                return agent._getvalue()
            participant = cgutils.create_struct_proxy(result_type)(context, builder)
            participant.agent, participant.first = agent._getvalue(), args[3]
            row = builder.mul(builder.mul(args[1], columns), INT64(lanes))
            participant.values = builder.gep(matrix.data, [row])
            return participant._getvalue()

        return result_type(free, types.int64, constants, types.int64), codegen

    return build


def make_agent_at(agent_type: AgentType, plan: Plan):
    """An intrinsic ``(participant, ints, reals, t) -> agent``, with the values of trial t."""
    lanes = _lanes(agent_type)

    @intrinsic
    def agent_at(typingctx, participant, ints, reals, t):
        def codegen(context, builder, sig, args):
            parts = cgutils.create_struct_proxy(sig.args[0])(context, builder, args[0])

            def entry(matrix, column):
                array = context.make_array(sig.args[matrix])(context, builder, args[matrix])
                start = builder.mul(args[3], builder.extract_value(array.shape, 1))
                return builder.load(builder.gep(array.data, [builder.add(start, INT64(column))]))

            def value_of(column):
                return _read(builder, parts.values, column, lanes)

            agent = cgutils.create_struct_proxy(agent_type)(context, builder, parts.agent)
            for (name, typ), (origin, k, *how) in zip(agent_type.fields.items(), plan, strict=True):
                if origin == "level":
                    column = builder.zext(entry(1, k), INT64)
                    number, derivatives = value_of(column), [(column, DOUBLE(1.0))]
                elif origin == "number":
                    columns = [INT64(k), INT64(k + 1)]
                    x, shifted = entry(2, how[0]), shift_function(*how[1:])
                    result = types.UniTuple(types.float64, 3)(types.float64, types.float64, types.float64)

                    def found(value, slope, x=x, shifted=shifted, result=result):
                        whole = context.compile_internal(builder, shifted, result, [value, slope, x])
                        return [builder.extract_value(whole, part) for part in range(3)]

                    read = [value_of(column) for column in columns]
                    if lanes > 1:
                        number = ir.Constant(ir.VectorType(DOUBLE, lanes), ir.Undefined)
                        for lane in map(INT32, range(lanes)):
                            one = found(*(builder.extract_element(each, lane) for each in read))[0]
                            number = builder.insert_element(number, one, lane)
                        derivatives = []
                    else:
                        number, *slopes = found(*read)
                        derivatives = list(zip(columns, slopes, strict=True))
                else:
                    continue
                setattr(agent, name, _with_tangents(builder, typ, number, derivatives, parts.first))
            return agent._getvalue()

        return agent_type(participant, ints, reals, types.int64), codegen

    return agent_at
