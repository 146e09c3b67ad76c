"""The lower and the higher of numbers, one of them a dual or those of several particles: ``min``, ``max``, ``np.minimum``, ``np.maximum``, ``np.clip``.

NaN is neither lower nor higher than a number: ``min`` and ``max`` keep the number that they have, as in Python, while ``np.minimum``, ``np.maximum`` and
``np.clip`` are NaN if one of their arguments is, as in NumPy. For duals values are compared, and the tangents of the chosen one kept, of the first one if
they are equal; numbers of several particles are compared lane by lane.
"""

from __future__ import annotations

import numpy as np
from numba.core import types
from numba.core.extending import intrinsic, lower_builtin, overload
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from trialwise.engine.numbers.dual import value_of
from trialwise.engine.numbers.vector import Dual, Vector


def _vector_among(args):
    """The type to which all of them are promoted; None unless one of them is a vector and the others can be."""
    vectors = {each for each in args if isinstance(each, Vector)}
    if len(vectors) != 1 or not all(isinstance(each, Vector | types.Number | types.Boolean) for each in args):
        return None
    return vectors.pop()


class _Extreme(AbstractTemplate):
    """``min`` and ``max`` of two or more numbers, one of them a vector."""

    def generic(self, args, kws):
        kind = None if kws or len(args) < 2 else _vector_among(args)
        return kind and signature(kind, *([kind] * len(args)))


def _compared(builder, kind, numbers):
    return [value_of(builder, each) for each in numbers] if isinstance(kind, Dual) else numbers


def _define(function, elementwise, symbol):
    """Define ``min`` or ``max``, and the function of NumPy."""
    infer_global(function)(type(f"Vector_{function.__name__}", (_Extreme,), {}))

    @lower_builtin(function, types.VarArg(Vector))
    def extreme(context, builder, sig, args):
        best = args[0]
        for other in args[1:]:
            better = builder.fcmp_ordered(symbol, *_compared(builder, sig.return_type, (other, best)))
            best = builder.select(better, other, best)
        return best

    @intrinsic
    def of_two(typingctx, x, y):
        kind = _vector_among((x, y))

        def codegen(context, builder, sig, args):
            first, second = _compared(builder, kind, args)
            # the second one if it is NaN; if the first is, no comparison is true, and it is kept
            better = builder.or_(
                builder.fcmp_ordered(symbol, second, first), builder.fcmp_unordered("uno", second, second)
            )
            return builder.select(better, args[1], args[0])

        return kind(kind, kind), codegen

    @overload(elementwise)
    def on_vectors(x, y):
        if _vector_among((x, y)):
            return lambda x, y: of_two(x, y)


_define(min, np.minimum, "<")
_define(max, np.maximum, ">")


@overload(np.clip)
def _clip(a, a_min, a_max):
    """Of plain numbers, too, for which Numba has it in arrays only."""
    kinds = Vector | types.Number | types.Boolean
    if isinstance(a, kinds) and all(isinstance(each, kinds | types.NoneType) for each in (a_min, a_max)):
        return clipped(a_min, a_max)


def clipped(a_min, a_max):
    """The code of ``np.clip`` for bounds of these types, by ``np.minimum`` and ``np.maximum``; without a bound if it is None."""
    if isinstance(a_min, types.NoneType) and isinstance(a_max, types.NoneType):
        return lambda a, a_min, a_max: a
    if isinstance(a_min, types.NoneType):
        return lambda a, a_min, a_max: np.minimum(a, a_max)
    if isinstance(a_max, types.NoneType):
        return lambda a, a_min, a_max: np.maximum(a, a_min)
    return lambda a, a_min, a_max: np.minimum(np.maximum(a, a_min), a_max)
