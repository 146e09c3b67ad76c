"""Compiled tables: strided views of doubles, duals or whole numbers, that index like NumPy arrays and can forget.

A table of duals is an array of doubles with the lanes of a cell side by side; reading or writing a cell moves one whole
vector. Tables of the state live in the engine's arena and are not reference-counted; tables that a learner makes for
itself (``np.zeros(3)``, ``beta * row``) own their memory.
"""

from __future__ import annotations

import operator

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import (
    intrinsic,
    lower_builtin,
    lower_cast,
    make_attribute_wrapper,
    models,
    overload,
    overload_attribute,
    overload_method,
    register_jitable,
    register_model,
)
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.cpython import slicing

from trialwise.engine import dual
from trialwise.engine.dual import Dual

INT64 = ir.IntType(64)


class TableType(types.IterableType):
    """A table of ``dtype`` (double, dual or int64) with ``ndim`` axes; ``owned`` if it holds on to its memory.

    ``forgets`` is ``"whole"`` or ``"part"`` for a table that a learner lets forget, or part of one: its cells are kept as
    they were last written, and one line for all says what they are by now (:mod:`trialwise.engine.forget`). ``last`` is the
    length of the last axis where it is known when compiling: loops over it are unrolled, indices need no check.
    """

    mutable = True  # Numba then lowers ``row *= 0.9`` as itself and not as ``row = row * 0.9``

    def __init__(self, dtype, ndim: int, owned: bool = False, forgets: str = "", last: int | None = None):
        self.dtype, self.ndim, self.owned, self.forgets, self.last = dtype, ndim, owned, forgets, last
        super().__init__(name=f"table({dtype}, {ndim}, {'owned' if owned else 'view'}, {forgets}, {last})")

    @property
    def width(self) -> int:
        """Doubles (or integers) a cell takes."""
        return self.dtype.width if isinstance(self.dtype, Dual) else 1

    @property
    def iterator_type(self):
        from trialwise.engine.iterate import TableIteratorType

        return TableIteratorType(self)

    def part(self, ndim: int, *, sliced: bool = False) -> TableType:
        """The type of what an index selects; ``sliced`` if only part of the last axis."""
        return TableType(self.dtype, ndim, self.owned, self.forgets and "part", None if sliced else self.last)

    def unify(self, typingctx, other):
        if not isinstance(other, TableType):
            return None
        both = other.part(other.ndim, sliced=self.last != other.last)
        return both if all(t == both or both.can_convert_from(typingctx, t) for t in (self, other)) else None

    def can_convert_from(self, typingctx, other):
        if isinstance(other, TableType) and self in (other.part(other.ndim), other.part(other.ndim, sliced=True)):
            return Conversion.safe
        return None


@register_model(TableType)
class TableModel(models.StructModel):
    def __init__(self, dmm, fe_type):
        item = fe_type.dtype if isinstance(fe_type.dtype, types.Integer) else types.float64
        members = [
            ("data", types.CPointer(item)),
            ("shape", types.UniTuple(types.int64, fe_type.ndim)),
            ("strides", types.UniTuple(types.int64, fe_type.ndim)),  # in doubles
        ]
        if fe_type.forgets:
            members.append(("line", types.CPointer(types.float64)))  # scale and offset, see trialwise.engine.forget
        if fe_type.owned:
            members.append(("owner", types.Array(types.float64, 1, "C")))
        super().__init__(dmm, fe_type, members)


make_attribute_wrapper(TableType, "shape", "shape")
make_attribute_wrapper(TableType, "strides", "strides")


def unpack(context, builder, typ: TableType, table):
    return cgutils.create_struct_proxy(typ)(context, builder, table)


def lengths(builder, typ: TableType, view) -> list:
    """How long each axis is."""
    known = {} if typ.last is None else {typ.ndim - 1: INT64(typ.last)}
    return [known.get(axis) or builder.extract_value(view.shape, axis) for axis in range(typ.ndim)]


def steps(builder, typ: TableType, view) -> list:
    """How far it is along each axis from one cell to the next, in doubles."""
    return [builder.extract_value(view.strides, axis) for axis in range(typ.ndim)]


def build_view(context, builder, typ: TableType, data, shape, strides, owner=None, line=None):
    """A table value from its parts; ``owner`` keeps owned memory alive, ``line`` is that of a table that forgets."""
    view = cgutils.create_struct_proxy(typ)(context, builder)
    view.data = data
    view.shape = cgutils.pack_array(builder, shape, INT64) if shape else context.get_constant_null(typ_tuple(0))
    view.strides = cgutils.pack_array(builder, strides, INT64) if strides else context.get_constant_null(typ_tuple(0))
    if typ.forgets:
        view.line = line
    if typ.owned:
        view.owner = owner
        context.nrt.incref(builder, types.Array(types.float64, 1, "C"), owner)
    return view._getvalue()


def typ_tuple(ndim: int):
    return types.UniTuple(types.int64, ndim)


def row_major(builder, shape, width: int):
    """Strides, in doubles, of a C-contiguous table, and its number of doubles."""
    step, strides = INT64(width), []
    for length in reversed(shape):
        strides.append(step)
        step = builder.mul(step, length)
    return strides[::-1], step


def _apart(builder, access, kind: str):
    """Tell LLVM that memory of different kinds never overlaps, so that writing a cell leaves a line in its registers."""
    add = builder.module.add_metadata
    what = add([kind, add(["trialwise"]), INT64(0)])
    access.set_metadata("tbaa", add([what, what, INT64(0)]))


def _load(builder, dtype, pointer, kind="cell"):
    loaded = dual.load(builder, pointer, dtype.width) if isinstance(dtype, Dual) else builder.load(pointer)
    _apart(builder, loaded, kind)
    return loaded


def _store(builder, number, pointer, kind="cell"):
    is_dual = isinstance(number.type, ir.VectorType)
    _apart(builder, dual.store(builder, number, pointer) if is_dual else builder.store(number, pointer), kind)


def load_line(builder, typ: TableType, line):
    """Scale and offset of a table that forgets."""
    return tuple(_load(builder, typ.dtype, builder.gep(line, [INT64(k * typ.width)]), "line") for k in (0, 1))


def store_line(builder, typ: TableType, line, scale, offset):
    for k, part in enumerate((scale, offset)):
        _store(builder, part, builder.gep(line, [INT64(k * typ.width)]), "line")


def load_cell(builder, typ: TableType, pointer, line=None):
    kept = _load(builder, typ.dtype, pointer)
    if not typ.forgets:
        return kept
    scale, offset = load_line(builder, typ, line)
    scaled = dual.times(builder, scale, kept) if isinstance(typ.dtype, Dual) else builder.fmul(scale, kept)
    return builder.fadd(scaled, offset, flags=dual.FLAGS)


def store_cell(builder, typ: TableType, cell, pointer, line=None):
    if typ.forgets:
        scale, offset = load_line(builder, typ, line)
        cell = builder.fsub(cell, offset, flags=dual.FLAGS)
        cell = dual.over(builder, cell, scale) if isinstance(typ.dtype, Dual) else builder.fdiv(cell, scale)
    _store(builder, cell, pointer)


@lower_cast(TableType, TableType)
def _whole_as_part(context, builder, fromty, toty, value):
    return value


# -- indexing -----------------------------------------------------------------------------------------------------------


def _index_kinds(index):
    return tuple(index) if isinstance(index, types.BaseTuple) else (index,)


def _indexable(table, index) -> int | None:
    """The number of axes left after indexing, or None if the index is of no kind that tables know."""
    kinds = _index_kinds(index)
    if len(kinds) > table.ndim or not all(
        isinstance(k, types.Integer | types.SliceType | types.Boolean) for k in kinds
    ):
        return None
    return table.ndim - sum(not isinstance(k, types.SliceType) for k in kinds)


@infer_global(operator.getitem)
class TableGetItem(AbstractTemplate):
    def generic(self, args, kws):
        if kws or not isinstance(args[0], TableType):
            return None
        table, index = args
        left = _indexable(table, index)
        if left is None:
            return None
        kinds = _index_kinds(index)
        if left == 0:
            return signature(table.dtype, table, index)
        sliced = len(kinds) == table.ndim and isinstance(kinds[-1], types.SliceType)
        gone = len(kinds) == table.ndim and not sliced  # an axis before it is then the last one
        return signature(table.part(left, sliced=sliced or gone), table, index)


@infer_global(operator.setitem)
class TableSetItem(AbstractTemplate):
    def generic(self, args, kws):
        if kws or not isinstance(args[0], TableType):
            return None
        table, index, new = args
        left = _indexable(table, index)
        if left is None:
            return None
        if isinstance(new, TableType):
            return signature(types.none, table, index, new) if new.ndim == left else None
        if isinstance(new, types.Number | types.Boolean | Dual):
            if isinstance(new, Dual) and new != table.dtype:
                return None
            return signature(types.none, table, index, table.dtype)
        return None


def _locate(context, builder, typ: TableType, view, index_type, index):
    """Pointer, shape and strides of what an index selects. Out of range raises IndexError, in compiled code too."""
    kinds = _index_kinds(index_type)
    parts = cgutils.unpack_tuple(builder, index, len(kinds)) if isinstance(index_type, types.BaseTuple) else [index]
    shape, strides = lengths(builder, typ, view), steps(builder, typ, view)
    offset = INT64(0)
    left: tuple[list, list] = ([], [])
    for axis, (kind, part) in enumerate(zip(kinds, parts, strict=True)):
        if isinstance(kind, types.SliceType):
            bounds = context.make_helper(builder, kind, value=part)
            slicing.guard_invalid_slice(context, builder, kind, bounds)
            slicing.fix_slice(builder, bounds, shape[axis])
            offset = builder.add(offset, builder.mul(bounds.start, strides[axis]))
            left[0].append(slicing.get_slice_length(builder, bounds))
            left[1].append(slicing.fix_stride(builder, bounds, strides[axis]))
            continue
        place = context.cast(builder, part, kind, types.int64)
        if not (isinstance(kind, types.IntegerLiteral) and kind.literal_value >= 0):
            from_end = builder.add(place, shape[axis])
            place = builder.select(builder.icmp_signed("<", place, INT64(0)), from_end, place)
        outside = builder.icmp_unsigned(">=", place, shape[axis])
        with builder.if_then(outside, likely=False):
            context.call_conv.return_user_exc(builder, IndexError, ("index out of range of a table",))
        offset = builder.add(offset, builder.mul(place, strides[axis]))
    rest = len(kinds)
    pointer = builder.gep(view.data, [offset])
    return pointer, left[0] + shape[rest:], left[1] + strides[rest:]


@lower_builtin(operator.getitem, TableType, types.Any)
def _getitem(context, builder, sig, args):
    typ, index_type = sig.args
    view = unpack(context, builder, typ, args[0])
    pointer, shape, strides = _locate(context, builder, typ, view, index_type, args[1])
    line = view.line if typ.forgets else None
    if not isinstance(sig.return_type, TableType):
        return load_cell(builder, typ, pointer, line)
    owner = view.owner if typ.owned else None
    return build_view(context, builder, sig.return_type, pointer, shape, strides, owner, line)


@lower_builtin(operator.setitem, TableType, types.Any, types.Any)
def _setitem(context, builder, sig, args):
    typ, index_type, new_type = sig.args
    view = unpack(context, builder, typ, args[0])
    pointer, shape, strides = _locate(context, builder, typ, view, index_type, args[1])
    line = view.line if typ.forgets else None
    if not shape:
        store_cell(builder, typ, args[2], pointer, line)
        return context.get_dummy_value()
    source = None
    if isinstance(new_type, TableType):
        source = unpack(context, builder, new_type, args[2])
        source_strides = steps(builder, new_type, source)
        for mine, theirs in zip(shape, lengths(builder, new_type, source), strict=True):
            with builder.if_then(builder.icmp_signed("!=", mine, theirs), likely=False):
                context.call_conv.return_user_exc(builder, ValueError, ("tables of different shapes",))
    with cgutils.loop_nest(builder, shape, INT64) as indices:
        target = builder.gep(pointer, [_dot(builder, indices, strides)])
        cell = args[2]
        if source is not None:
            place = builder.gep(source.data, [_dot(builder, indices, source_strides)])
            cell = load_cell(builder, new_type, place, source.line if new_type.forgets else None)
            cell = context.cast(builder, cell, new_type.dtype, typ.dtype)
        store_cell(builder, typ, cell, target, line)
    return context.get_dummy_value()


def _dot(builder, indices, strides):
    total = INT64(0)
    for index, stride in zip(indices, strides, strict=True):
        total = builder.add(total, builder.mul(index, stride))
    return total


# -- making tables --------------------------------------------------------------------------------------------------------


ON_STACK = 2048
"""Doubles that a table of preferences may take on the stack, where nothing else can overlap it."""


@intrinsic(prefer_literal=True)
def preference_table(typingctx, width, actions, arena):
    """A flat table of literally so many actions, of doubles (width 0) or of duals: on the stack, or in an arena if it is long."""
    lanes, cells = width.literal_value, actions.literal_value
    typ = TableType(Dual(lanes) if lanes else types.float64, 1, last=cells)
    doubles = cells * typ.width

    def codegen(context, builder, sig, args):
        if doubles <= ON_STACK:
            data = cgutils.alloca_once(builder, dual.DOUBLE, size=doubles)
            cgutils.memset(builder, data, INT64(8 * doubles), 0)
        else:
            data = context.make_array(sig.args[2])(context, builder, args[2]).data
        return build_view(context, builder, typ, data, [INT64(cells)], [INT64(typ.width)])

    return typ(width, actions, arena), codegen


def off_stack(width: int, actions: int) -> int:
    """How long an arena :func:`preference_table` needs."""
    doubles = actions * max(width, 1)
    return doubles if doubles > ON_STACK else 0


@intrinsic(prefer_literal=True)
def owning_table(typingctx, width, memory, shape):
    """A table over an array that it keeps alive."""
    lanes = width.literal_value
    typ = TableType(Dual(lanes) if lanes else types.float64, len(shape), owned=True)

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[1])(context, builder, args[1]).data
        sides = cgutils.unpack_tuple(builder, args[2], typ.ndim)
        strides, _ = row_major(builder, sides, typ.width)
        return build_view(context, builder, typ, data, sides, strides, args[1])

    return typ(width, types.Array(types.float64, 1, "C"), types.UniTuple(types.int64, len(shape))), codegen


@register_jitable
def cells_of(shape):
    cells = 1
    for side in shape:
        cells *= side
    return cells


@intrinsic
def flat_table(typingctx, table):
    """All cells of a C-contiguous table as a flat one."""
    flat = TableType(table.dtype, 1, table.owned, table.forgets and "part")

    def codegen(context, builder, sig, args):
        view = unpack(context, builder, table, args[0])
        total = INT64(1)
        for side in lengths(builder, table, view):
            total = builder.mul(total, side)
        owner = view.owner if table.owned else None
        line = view.line if table.forgets else None
        return build_view(context, builder, flat, view.data, [total], [INT64(table.width)], owner, line)

    return flat(table), codegen


@register_jitable
def fill_flat(table, new):
    """Every cell of a C-contiguous table; quicker to compile than :func:`fill_table`."""
    flat = flat_table(table)
    for cell in range(flat.shape[0]):
        flat[cell] = new


@register_jitable
def fill_table(table, new):
    """Every cell of a table of any rank."""
    for index in np.ndindex(table.shape):
        table[index] = new


# -- whole tables in expressions ----------------------------------------------------------------------------------------------


def _is_table(*things) -> bool:
    return any(isinstance(thing, TableType) for thing in things)


@overload(len)
def _len(table):
    if _is_table(table):
        if table.ndim == 1 and table.last is not None:
            length = table.last
            return lambda table: length
        return lambda table: table.shape[0]


@overload_attribute(TableType, "size")
def _size(table):
    return lambda table: cells_of(table.shape)


@overload_attribute(TableType, "ndim")
def _ndim(table):
    ndim = table.ndim
    return lambda table: ndim


def _reduction(names, functions, implementation):
    jitted = register_jitable(implementation)

    def reduce(table):
        if _is_table(table):
            return lambda table: jitted(table)

    for name in names:
        overload_method(TableType, name)(reduce)
    for function in functions:
        overload(function)(reduce)


def _sum(table):
    total = 0.0
    for index in np.ndindex(table.shape):
        total = total + table[index]
    return total


def _mean(table):
    total = 0.0
    for index in np.ndindex(table.shape):
        total = total + table[index]
    return total / table.size


def _largest(table):
    best = table[0]
    for cell in range(1, table.shape[0]):
        if table[cell] > best:
            best = table[cell]
    return best


def _smallest(table):
    best = table[0]
    for cell in range(1, table.shape[0]):
        if table[cell] < best:
            best = table[cell]
    return best


def _argmax(table):
    best = 0
    for cell in range(1, table.shape[0]):
        if table[cell] > table[best]:
            best = cell
    return best


def _argmin(table):
    best = 0
    for cell in range(1, table.shape[0]):
        if table[cell] < table[best]:
            best = cell
    return best


_reduction(("sum",), (np.sum, sum), _sum)
_reduction(("mean",), (np.mean,), _mean)
_reduction(("max",), (np.max, max), _largest)
_reduction(("min",), (np.min, min), _smallest)
_reduction(("argmax",), (np.argmax,), _argmax)
_reduction(("argmin",), (np.argmin,), _argmin)


@overload_method(TableType, "fill")
def _fill(table, new):
    return lambda table, new: fill_table(table, new)


@overload_method(TableType, "copy")
def _copy(table):
    width = table.dtype.width if isinstance(table.dtype, Dual) else 0

    def copy(table):
        new = owning_table(width, np.empty(cells_of(table.shape) * max(width, 1)), table.shape)
        for index in np.ndindex(table.shape):
            new[index] = table[index]
        return new

    return copy


@overload(np.dot)
@overload(operator.matmul)
def _dot_product(a, b):
    if isinstance(a, TableType) and isinstance(b, TableType) and a.ndim == b.ndim == 1:

        def dot(a, b):
            total = 0.0
            for cell in range(a.shape[0]):
                total = total + a[cell] * b[cell]
            return total

        return dot


def _result_width(*things) -> int:
    dtypes = [t.dtype if isinstance(t, TableType) else t for t in things]
    return next((d.width for d in dtypes if isinstance(d, Dual)), 0)


def _elementwise_binary(function, operation):
    @overload(function)
    def elementwise(a, b):
        if not _is_table(a, b):
            return None
        ndim = max(t.ndim for t in (a, b) if isinstance(t, TableType))
        if any(isinstance(t, TableType) and t.ndim != ndim for t in (a, b)):
            return None
        if not all(isinstance(t, TableType | Dual | types.Number | types.Boolean) for t in (a, b)):
            return None
        width = _result_width(a, b)

        if isinstance(a, TableType) and isinstance(b, TableType):

            def both(a, b):
                result = owning_table(width, np.empty(cells_of(a.shape) * max(width, 1)), a.shape)
                for index in np.ndindex(a.shape):
                    result[index] = operation(a[index], b[index])
                return result

            return both
        if isinstance(a, TableType):

            def left(a, b):
                result = owning_table(width, np.empty(cells_of(a.shape) * max(width, 1)), a.shape)
                for index in np.ndindex(a.shape):
                    result[index] = operation(a[index], b)
                return result

            return left

        def right(a, b):
            result = owning_table(width, np.empty(cells_of(b.shape) * max(width, 1)), b.shape)
            for index in np.ndindex(b.shape):
                result[index] = operation(a, b[index])
            return result

        return right


for _operator in (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow):
    _elementwise_binary(_operator, _operator)


def _elementwise_unary(function, operation):
    @overload(function)
    def elementwise(a):
        if not _is_table(a):
            return None
        width = _result_width(a)

        def apply(a):
            result = owning_table(width, np.empty(cells_of(a.shape) * max(width, 1)), a.shape)
            for index in np.ndindex(a.shape):
                result[index] = operation(a[index])
            return result

        return apply


for _function in (operator.neg, np.exp, np.log, np.abs, np.sqrt, np.square, np.tanh):
    _elementwise_unary(_function, _function)


def _elementwise_inplace(function, operation):
    @overload(function)
    def inplace(a, b):
        if not isinstance(a, TableType):
            return None
        if isinstance(b, TableType):

            def both(a, b):
                for index in np.ndindex(a.shape):
                    a[index] = operation(a[index], b[index])
                return a

            return both

        def left(a, b):
            for index in np.ndindex(a.shape):
                a[index] = operation(a[index], b)
            return a

        return left


for _inplace, _operator in (
    (operator.iadd, operator.add),
    (operator.isub, operator.sub),
    (operator.imul, operator.mul),
    (operator.itruediv, operator.truediv),
):
    _elementwise_inplace(_inplace, _operator)
