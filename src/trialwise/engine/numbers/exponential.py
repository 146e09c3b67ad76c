r"""Exponentials four at a time, and the sums of a softmax based on them.

A call of the C library's ``exp`` costs more than the rest of a trial's softmax, and spills the surrounding numbers from
their registers. Here :math:`e^x = 2^n e^r` with :math:`n = \mathrm{round}(x / \ln 2)` and a polynomial for
:math:`|r| \le \ln 2 / 2`, in vector arithmetic without branches. Range and accuracy are those that a softmax needs:
:math:`|x| \le 200`, with a relative error of 1e-13.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import intrinsic, overload, register_jitable

from trialwise.engine.numbers.dual import value
from trialwise.engine.numbers.vector import DOUBLE, INT32, Abreast, Dual, every
from trialwise.learners.responses import plain_numbers, softmax

LANES = 4
QUADS = ir.VectorType(DOUBLE, LANES)

EXACT = ("contract",)
"""Flags of every operation here: by default Numba would allow reassociation, which undoes the rounding."""

ROUND = 1.5 * 2.0**52
"""Added to a double, it leaves the nearest integer in the last bits."""

FARTHEST = 200.0
"""Numbers larger in magnitude are not computed four at a time: sums and products of their exponentials would overflow."""

COEFFICIENTS = (
    0.4999999999995492, 0.16666666666633875, 0.041666666786638204, 0.008333333363326216, 0.0013888839007800417,
    0.00019841192755494107, 2.4867938313521168e-05, 2.7632715951609425e-06,
)  # fmt: skip
r"""Near-minimax polynomial for :math:`(e^r - 1 - r) / r^2` on :math:`|r| \le \ln 2 / 2`; its eight terms are summed in three steps."""


def _constant(constant: float, width: int = LANES) -> ir.Constant:
    return ir.Constant(ir.VectorType(DOUBLE, width), [constant] * width)


def within(builder, x):
    """Whether no entry of a vector is NaN or larger in magnitude than FARTHEST."""
    integers = ir.VectorType(ir.IntType(64), x.type.count)
    magnitude = builder.bitcast(
        builder.and_(builder.bitcast(x, integers), ir.Constant(integers, [2**63 - 1] * x.type.count)), x.type
    )
    return every(builder, builder.fcmp_ordered("<=", magnitude, _constant(FARTHEST, x.type.count)))


def exponentials(builder, x):
    """The exponential of each entry of a vector; magnitudes must not exceed FARTHEST."""
    width = x.type.count
    integers = ir.VectorType(ir.IntType(64), width)

    def constant_vector(constant):
        return _constant(constant, width)

    def times(a, b):
        return builder.fmul(a, b, flags=EXACT)

    def fused(a, b, c):
        return builder.fadd(times(a, b), c, flags=EXACT)

    rounded = fused(x, constant_vector(1.0 / math.log(2.0)), constant_vector(ROUND))
    n = builder.fsub(rounded, constant_vector(ROUND), flags=EXACT)
    r = fused(n, constant_vector(-math.log(2.0)), x)
    square = times(r, r)
    power, terms = r, [constant_vector(c) for c in COEFFICIENTS]
    while len(terms) > 1:  # combining neighbouring terms in pairs keeps chains of dependent operations short
        terms = [fused(b, power, a) for a, b in zip(terms[0::2], terms[1::2], strict=True)]
        power = times(power, power)
    series = fused(square, terms[0], builder.fadd(r, constant_vector(1.0), flags=EXACT))
    exponent = builder.shl(builder.bitcast(rounded, integers), ir.Constant(integers, [52] * width))
    return builder.bitcast(builder.add(builder.bitcast(series, integers), exponent), x.type)


@intrinsic
def exp_of_four(typingctx, a, b, c, d):
    """``(exp(a), exp(b), exp(c), exp(d), ok)`` at the cost of one; ``ok`` if no argument is NaN or exceeds FARTHEST."""
    result = types.Tuple((*[types.float64] * LANES, types.boolean))

    def codegen(context, builder, sig, args):
        packed = ir.Constant(QUADS, ir.Undefined)
        for lane, x in enumerate(args):
            packed = builder.insert_element(packed, x, INT32(lane))
        ok = within(builder, packed)
        powers = exponentials(builder, packed)
        return context.make_tuple(
            builder, sig.return_type, [*(builder.extract_element(powers, INT32(lane)) for lane in range(LANES)), ok]
        )

    return result(*[types.float64] * LANES), codegen


_plain_sums = numba.njit(softmax.softmax_sums)


@intrinsic
def _checked(typingctx, sums, ok, preference, available, choice):
    """``sums`` if ``ok``, else the sums computed one preference at a time; a preference of weight 0 may be infinite."""
    inner = typingctx.resolve_value_type(_plain_sums)
    call = inner.get_call_type(typingctx, (preference, available, choice), {})

    def codegen(context, builder, sig, args):
        result = cgutils.alloca_once_value(builder, args[0])
        with builder.if_then(builder.not_(args[1]), likely=False):  # rare, hence a separate function
            exact_sums = context.get_function(inner, call)(builder, args[2:])
            builder.store(context.cast(builder, exact_sums, call.return_type, sums), result)
        return builder.load(result)

    return sums(sums, types.boolean, preference, available, choice), codegen


@intrinsic
def _tangents(typingctx, x):
    """The tangents of a dual (the value is not cleared, since it is not used); 0.0 for a float."""
    if isinstance(x, Dual):
        return x(x), lambda context, builder, sig, args: args[0]
    return types.float64(types.float64), lambda context, builder, sig, args: DOUBLE(0.0)


@register_jitable(forceinline=True)
def _is_available(preference, available, action):
    return action < len(preference) and available[action]


@register_jitable(forceinline=True)
def _relative(base, preference, available, action):
    """A preference minus the base; 0 for actions that are not available."""
    return value(preference[action]) - base if _is_available(preference, available, action) else 0.0


@register_jitable(forceinline=True)
def _add(total, mean, weight, preference, available, action):
    if _is_available(preference, available, action):
        return total + weight, mean + weight * _tangents(preference[action])
    return total, mean


@overload(softmax.softmax_sums, jit_options={"forceinline": True})
def _softmax_sums(preference, available, choice):
    if isinstance(preference.dtype, Abreast):
        return None

    def softmax_sums(preference, available, choice):
        # relative to the first action (or the chosen one) rather than the largest, which takes a search
        first = preference[0 if available[0] else choice]
        base = value(first)
        total, mean, ok = 0.0, 0.0 * _tangents(first), True
        if available[0]:
            total, mean = 1.0, _tangents(first)
        for k in range(1, len(preference), LANES):
            a, b, c, d, in_range = exp_of_four(
                _relative(base, preference, available, k),
                _relative(base, preference, available, k + 1),
                _relative(base, preference, available, k + 2),
                _relative(base, preference, available, k + 3),
            )
            ok &= in_range
            total, mean = _add(total, mean, a, preference, available, k)
            total, mean = _add(total, mean, b, preference, available, k + 1)
            total, mean = _add(total, mean, c, preference, available, k + 2)
            total, mean = _add(total, mean, d, preference, available, k + 3)
        return _checked((value(preference[choice]) - base, total, mean), ok, preference, available, choice)

    return softmax_sums


_plain_shares = numba.njit(softmax.softmax_shares)


@intrinsic
def _checked_shares(typingctx, ok, weights, preference, available):
    """Recompute the weights one preference at a time unless ``ok``."""
    inner = typingctx.resolve_value_type(_plain_shares)
    call = inner.get_call_type(typingctx, (weights, preference, available), {})

    def codegen(context, builder, sig, args):
        with builder.if_then(builder.not_(args[0]), likely=False):
            context.get_function(inner, call)(builder, args[1:])
        return context.get_dummy_value()

    return types.void(types.boolean, weights, preference, available), codegen


@register_jitable(forceinline=True)
def _put(weights, weight, preference, available, action):
    if action < len(preference):
        weights[action] = weight if available[action] else 0.0


@overload(softmax.softmax_shares, jit_options={"forceinline": True})
def _softmax_shares(weights, preference, available):
    if isinstance(preference.dtype, Abreast):
        return None

    def softmax_shares(weights, preference, available):
        base = value(preference[0])
        if not available[0]:
            for action in range(1, len(preference)):
                if available[action]:
                    base = value(preference[action])
        weights[0] = 1.0 if available[0] else 0.0
        ok = True
        for k in range(1, len(preference), LANES):
            a, b, c, d, in_range = exp_of_four(
                _relative(base, preference, available, k),
                _relative(base, preference, available, k + 1),
                _relative(base, preference, available, k + 2),
                _relative(base, preference, available, k + 3),
            )
            ok &= in_range
            _put(weights, a, preference, available, k)
            _put(weights, b, preference, available, k + 1)
            _put(weights, c, preference, available, k + 2)
            _put(weights, d, preference, available, k + 3)
        _checked_shares(ok, weights, preference, available)

    return softmax_shares


@overload(plain_numbers.uniform, jit_options={"forceinline": True})
def _uniform(key, counter):
    golden, first, second = (
        np.uint64(plain_numbers.GOLDEN),
        np.uint64(0xBF58476D1CE4E5B9),
        np.uint64(0x94D049BB133111EB),
    )
    a, b, c, d = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)

    def uniform(key, counter):
        z = np.uint64(key) + np.uint64(counter) * golden
        z = (z ^ (z >> a)) * first
        z = (z ^ (z >> b)) * second
        return np.float64((z ^ (z >> c)) >> d) * 2.0**-53

    return uniform
