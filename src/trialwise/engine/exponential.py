r"""Exponentials four at a time, and the sums of a softmax made of them.

A call of the C library's ``exp`` costs more than the rest of a trial's softmax together, and the numbers that surround it
leave their registers for it. Here :math:`e^x = 2^n e^r` with :math:`n = \mathrm{round}(x / \ln 2)` and a polynomial for
:math:`|r| \le \ln 2 / 2`, in plain vector arithmetic without branches, to within one unit in the last place over the whole
range: 0 at :math:`-\infty`, subnormal numbers down to -745, infinity above 709.78, NaN at NaN.
"""

from __future__ import annotations

import math

from llvmlite import ir
from numba.core import types
from numba.core.extending import intrinsic, overload, register_jitable

from trialwise.engine import number
from trialwise.engine.dual import DOUBLE, INT32, tangent, value

LANES = 4
QUADS = ir.VectorType(DOUBLE, LANES)
WHOLES = ir.VectorType(ir.IntType(64), LANES)

LN2_HIGH, LN2_LOW = 0.6931471803691238, 1.9082149293851713e-10
"""ln 2 in two parts; the first has so few digits that ``n`` times it is exact."""

EXACT = ("contract",)
"""Flags of every operation here: where there are none, Numba would allow reassociation, which undoes rounding."""

ROUND = 1.5 * 2.0**52
"""Added to a double it leaves the nearest whole number in the last bits."""

REST = (
    0.5000000000000001, 0.16666666666666669, 0.041666666666624, 0.008333333333330065, 0.0013888888917280512,
    0.00019841269863049324, 2.4801521191990575e-05, 2.7557268450654308e-06, 2.7620137949816117e-07,
    2.5100395569647256e-08,
)  # fmt: skip
r"""Near-minimax polynomial for :math:`(e^r - 1 - r) / r^2` on :math:`|r| \le \ln 2 / 2`, relative error 2e-17."""


def _all(constant: float) -> ir.Constant:
    return ir.Constant(QUADS, [constant] * LANES)


def exponentials(builder, x):
    """The exponential of each of four doubles in a vector."""
    # ordered comparisons, so that NaN stays. What comes to nothing is not computed: underflow is slow
    nothing = builder.fcmp_ordered("<", x, _all(-745.2))
    x = builder.select(nothing, _all(0.0), x)
    x = builder.select(builder.fcmp_ordered(">", x, _all(720.0)), _all(720.0), x)

    def times(a, b):
        return builder.fmul(a, b, flags=EXACT)

    def fused(a, b, c):
        return builder.fadd(times(a, b), c, flags=EXACT)

    rounded = fused(x, _all(1.0 / math.log(2.0)), _all(ROUND))
    n = builder.fsub(rounded, _all(ROUND), flags=EXACT)
    r = fused(n, _all(-LN2_LOW), fused(n, _all(-LN2_HIGH), x))
    power, terms = r, [_all(c) for c in REST]
    while len(terms) > 1:  # neighbours in pairs: short chains of dependence
        paired = [fused(b, power, a) for a, b in zip(terms[0::2], terms[1::2], strict=False)]
        terms = paired + terms[2 * len(paired) :]
        power = times(power, power)
    series = builder.fadd(fused(times(r, r), terms[0], r), _all(1.0), flags=EXACT)

    whole = builder.sub(builder.bitcast(rounded, WHOLES), builder.bitcast(_all(ROUND), WHOLES))
    half = builder.ashr(whole, ir.Constant(WHOLES, [1] * LANES))
    for part in (half, builder.sub(whole, half)):  # 2 ** n in two steps: n goes beyond a double's exponents
        biased = builder.add(part, ir.Constant(WHOLES, [1023] * LANES))
        scale = builder.bitcast(builder.shl(biased, ir.Constant(WHOLES, [52] * LANES)), QUADS)
        series = times(series, scale)
    return builder.select(nothing, _all(0.0), series)


@intrinsic
def exp_of_four(typingctx, a, b, c, d):
    """``(exp(a), exp(b), exp(c), exp(d))`` of doubles, at the price of one."""

    def codegen(context, builder, sig, args):
        packed = ir.Constant(QUADS, ir.Undefined)
        for lane, x in enumerate(args):
            packed = builder.insert_element(packed, x, INT32(lane))
        powers = exponentials(builder, packed)
        return context.make_tuple(
            builder, sig.return_type, [builder.extract_element(powers, INT32(lane)) for lane in range(LANES)]
        )

    return types.UniTuple(types.float64, LANES)(*[types.float64] * LANES), codegen


@register_jitable(forceinline=True)
def _below(top, preference, available, action):
    """How far a preference lies from the top one; -inf where there is none, which then weighs nothing."""
    return value(preference[action]) - top if action < len(preference) and available[action] else -math.inf


@register_jitable(forceinline=True)
def _weigh(mean, weight, preference, action):
    # 0 is also the weight of what is not there; and a preference of -inf may carry an infinite tangent
    return mean + weight * tangent(preference[action]) if weight != 0.0 else mean


@overload(number.softmax_sums, jit_options={"forceinline": True})
def _softmax_sums(preference, available):
    def sums(preference, available):
        top = -math.inf
        for action in range(len(preference)):
            if available[action] and value(preference[action]) > top:
                top = value(preference[action])
        total, mean = 0.0, 0.0
        for first in range(0, len(preference), LANES):
            a, b, c, d = exp_of_four(
                _below(top, preference, available, first),
                _below(top, preference, available, first + 1),
                _below(top, preference, available, first + 2),
                _below(top, preference, available, first + 3),
            )
            total += (a + b) + (c + d)
            mean = _weigh(mean, a, preference, first)
            mean = _weigh(mean, b, preference, first + 1)
            mean = _weigh(mean, c, preference, first + 2)
            mean = _weigh(mean, d, preference, first + 3)
        return top, total, mean

    return sums
