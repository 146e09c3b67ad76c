"""Whole numbers in learners' functions: divided by zero they raise, as in Python, with ``/`` too; floats give infinity or NaN, as in
NumPy and on duals.
"""

from __future__ import annotations

import itertools
import operator

from numba.core import callconv, cgutils, types
from numba.core.extending import lower_builtin
from numba.cpython import numbers

ERROR_MODEL = "whole numbers raise"

NEGATIVE_POWER = "a whole number to a negative power: write the base as a real number, such as 2.0 ** k"
"""The error in place of a result that would be rounded to a whole number."""


class _WholeNumbersRaise(callconv.NumpyErrorModel):
    def fp_zero_division(self, builder, exc_args=None, loc=None):
        if not (exc_args and str(exc_args[0]).startswith("integer")):
            return False
        self.call_conv.return_user_exc(builder, ZeroDivisionError, exc_args, loc)
        return True


callconv.error_models[ERROR_MODEL] = _WholeNumbersRaise


def _in_learner(context) -> bool:
    return isinstance(context.error_model, _WholeNumbersRaise)


def _quotient(context, builder, sig, args):
    """Numba's own quotient is of floats, with their rule for zero."""
    if _in_learner(context):
        with cgutils.if_unlikely(builder, cgutils.is_scalar_zero(builder, args[1])):
            context.error_model.fp_zero_division(builder, ("integer division by zero",))
    return numbers.int_truediv_impl(context, builder, sig, args)


def _power(implementation):
    """Numba's own power is a whole number, so that ``2 ** -1`` would be 0."""

    def power(context, builder, sig, args):
        exponent = sig.args[1]
        if not _in_learner(context) or not getattr(exponent, "signed", True):
            return implementation(context, builder, sig, args)
        if isinstance(exponent, types.IntegerLiteral):
            negative = cgutils.true_bit if exponent.literal_value < 0 else cgutils.false_bit
        else:
            negative = builder.icmp_signed("<", args[1], args[1].type(0))
        with cgutils.if_unlikely(builder, negative):
            with cgutils.if_unlikely(builder, cgutils.is_scalar_zero(builder, args[0])):
                context.call_conv.return_user_exc(builder, ZeroDivisionError, ("0 to a negative power",))
            context.call_conv.return_user_exc(builder, ValueError, (NEGATIVE_POWER,))
        return implementation(context, builder, sig, args)

    return power


# of these types in particular, so that they come before Numba's own, which are of all whole numbers
_WORDS = (types.int64, types.uint64)
for _pair in itertools.product(_WORDS, _WORDS):
    for _function in (operator.truediv, operator.itruediv):
        lower_builtin(_function, *_pair)(_quotient)
    for _function in (operator.pow, operator.ipow, pow):
        lower_builtin(_function, *_pair)(_power(numbers.int_power_impl))
for _base in _WORDS:
    for _function in (operator.pow, operator.ipow):
        lower_builtin(_function, _base, types.IntegerLiteral)(_power(numbers.static_power_impl))
