"""Arithmetic and comparison of duals, in a few vector instructions each; comparisons use the values only."""

from __future__ import annotations

import operator

from llvmlite import ir
from numba.core import types
from numba.core.extending import lower_builtin, lower_cast, overload
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from trialwise.engine.numbers.dual import promote, tangent_of, value, value_of, with_value
from trialwise.engine.numbers.vector import DOUBLE, FLAGS, Dual, flagged, splat


def _binary_template(*functions):
    """Types of ``dual op number`` and ``number op dual``: the number remains a double, which is cheaper than promoting it."""

    class Template(AbstractTemplate):
        def generic(self, args, kws):
            if kws or len(args) != 2 or not any(isinstance(a, Dual) for a in args):
                return None
            a, b = (arg if isinstance(arg, Dual) else types.float64 for arg in args)
            if not all(isinstance(arg, Dual | types.Number | types.Boolean) for arg in args):
                return None
            if isinstance(a, Dual) and isinstance(b, Dual) and a != b:
                return None
            return signature(a if isinstance(a, Dual) else b, a, b)

    for function in functions:
        infer_global(function)(type(f"Dual_{function.__name__}", (Template,), {}))


def _lower(functions, implement):
    def dual_dual(context, builder, sig, args):
        return implement(builder, *args)

    def dual_float(context, builder, sig, args):
        return implement(builder, args[0], promote(builder, args[1], sig.return_type.width))

    def float_dual(context, builder, sig, args):
        return implement(builder, promote(builder, args[0], sig.return_type.width), args[1])

    for function in functions:
        lower_builtin(function, Dual, Dual)(dual_dual)
        lower_builtin(function, Dual, types.Float)(dual_float)
        lower_builtin(function, types.Float, Dual)(float_dual)


_binary_template(
    operator.add, operator.iadd, operator.sub, operator.isub,
    operator.mul, operator.imul, operator.truediv, operator.itruediv,
)  # fmt: skip
_lower((operator.add, operator.iadd), lambda builder, a, b: flagged(builder, "fadd", a, b))
_lower((operator.sub, operator.isub), lambda builder, a, b: flagged(builder, "fsub", a, b))


def times(builder, a, b):
    width = a.type.count
    cross = flagged(builder, "fmul", splat(builder, value_of(builder, b), width), tangent_of(builder, a))
    return flagged(builder, "fadd", flagged(builder, "fmul", splat(builder, value_of(builder, a), width), b), cross)


def over(builder, a, b):
    width = a.type.count
    divisor = value_of(builder, b)
    quotient = builder.fdiv(value_of(builder, a), divisor)
    inverse = builder.fdiv(ir.Constant(DOUBLE, 1.0), divisor)
    cross = flagged(builder, "fmul", splat(builder, quotient, width), b)
    tangent = flagged(builder, "fmul", flagged(builder, "fsub", a, cross), splat(builder, inverse, width))
    return with_value(builder, tangent, quotient)


_lower((operator.mul, operator.imul), times)
_lower((operator.truediv, operator.itruediv), over)


@lower_builtin(operator.mul, Dual, types.Float)
@lower_builtin(operator.imul, Dual, types.Float)
def _dual_times_float(context, builder, sig, args):
    return flagged(builder, "fmul", args[0], splat(builder, args[1], sig.return_type.width))


@lower_builtin(operator.mul, types.Float, Dual)
def _float_times_dual(context, builder, sig, args):
    return flagged(builder, "fmul", splat(builder, args[0], sig.return_type.width), args[1])


@lower_builtin(operator.truediv, Dual, types.Float)
@lower_builtin(operator.itruediv, Dual, types.Float)
def _dual_over_float(context, builder, sig, args):
    return builder.fdiv(args[0], splat(builder, args[1], sig.return_type.width))


class _UnaryDual(AbstractTemplate):
    def generic(self, args, kws):
        if len(args) == 1 and isinstance(args[0], Dual) and not kws:
            return signature(args[0], args[0])
        return None


@infer_global(operator.neg)
class DualNegative(_UnaryDual):
    pass


@infer_global(operator.pos)
class DualPositive(_UnaryDual):
    pass


@lower_builtin(operator.neg, Dual)
def _negative(context, builder, sig, args):
    return builder.fneg(args[0], flags=FLAGS)


@lower_builtin(operator.pos, Dual)
def _positive(context, builder, sig, args):
    return args[0]


# -- comparison of values ----------------------------------------------------------------------------------------------


class _CompareDual(AbstractTemplate):
    def generic(self, args, kws):
        numbers = all(isinstance(a, Dual | types.Number | types.Boolean) for a in args)
        if len(args) != 2 or not numbers or not any(isinstance(a, Dual) for a in args):
            return None
        return signature(types.boolean, *(a if isinstance(a, Dual) else types.float64 for a in args))


def _lower_comparison(function, symbol):
    def compare(context, builder, sig, args):
        values = [value_of(builder, v) if isinstance(t, Dual) else v for v, t in zip(args, sig.args, strict=True)]
        test = builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered
        return test(symbol, *values)

    infer_global(function)(type(f"Dual_{function.__name__}", (_CompareDual,), {}))
    lower_builtin(function, Dual, Dual)(compare)
    lower_builtin(function, Dual, types.Float)(compare)
    lower_builtin(function, types.Float, Dual)(compare)


for _function, _symbol in (
    (operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"),
    (operator.ge, ">="), (operator.eq, "=="), (operator.ne, "!="),
):  # fmt: skip
    _lower_comparison(_function, _symbol)


@lower_cast(Dual, types.Boolean)
def _truth(context, builder, fromty, toty, value):
    return builder.fcmp_unordered("!=", value_of(builder, value), ir.Constant(DOUBLE, 0.0))


@overload(bool)
def _bool(x):
    if isinstance(x, Dual):
        return lambda x: value(x) != 0.0


@infer_global(operator.not_)
class DualNot(AbstractTemplate):
    def generic(self, args, kws):
        if isinstance(args[0], Dual):
            return signature(types.boolean, args[0])
        return None


@lower_builtin(operator.not_, Dual)
def _not(context, builder, sig, args):
    return builder.fcmp_ordered("==", value_of(builder, args[0]), ir.Constant(DOUBLE, 0.0))
