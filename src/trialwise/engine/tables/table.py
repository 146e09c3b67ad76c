"""Compiled tables: strided views of doubles, duals or integers that are indexed like NumPy arrays and can forget.

A table of duals is an array of doubles with the lanes of a cell in adjacent memory; reading or writing a cell moves one
vector. Tables of the state are in the engine's arena and are not reference-counted; tables that a learner creates
(``np.zeros(3)``, ``beta * row``) own their memory. This file has the type, its views, and loads and stores of cells
and lines.
"""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.extending import (
    intrinsic,
    lower_cast,
    make_attribute_wrapper,
    models,
    overload,
    overload_attribute,
    register_jitable,
    register_model,
)
from numba.core.typeconv import Conversion

from trialwise.engine.numbers import arithmetic, vector
from trialwise.engine.numbers.vector import INT64, Dual, Vector


class TableType(types.IterableType):
    """A table of ``dtype`` (double, vector or int64) with ``ndim`` axes; ``owned`` if it owns its memory.

    ``forgets`` is ``"whole"`` for a table that forgets, or ``"part"`` for a part of one: its cells are stored as last written, and
    one line gives their present values (:mod:`trialwise.engine.tables.forget`). ``last`` is the length of the last axis if it is
    known at compile time: then loops over it are unrolled, and indices need no check.
    """

    mutable = True  # so that Numba does not lower ``row *= 0.9`` as ``row = row * 0.9``

    def __init__(self, dtype, ndim: int, owned: bool = False, forgets: str = "", last: int | None = None):
        self.dtype, self.ndim, self.owned, self.forgets, self.last = dtype, ndim, owned, forgets, last
        super().__init__(name=f"table({dtype}, {ndim}, {'owned' if owned else 'view'}, {forgets}, {last})")

    @property
    def width(self) -> int:
        """Doubles (or integers) per cell."""
        return self.dtype.width if isinstance(self.dtype, Vector) else 1

    @property
    def iterator_type(self):
        return TableIteratorType(self)

    def part(self, ndim: int, *, sliced: bool = False) -> TableType:
        """The type of a selection; ``sliced`` if it has only part of the last axis."""
        return TableType(self.dtype, ndim, self.owned, self.forgets and "part", None if sliced else self.last)

    def unify(self, typingctx, other):
        if not isinstance(other, TableType):
            return None
        common = other.part(other.ndim, sliced=self.last != other.last)
        return common if all(t == common or common.can_convert_from(typingctx, t) for t in (self, other)) else None

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
            members.append(
                ("line", types.CPointer(types.float64))
            )  # scale and offset, see trialwise.engine.tables.forget
        if fe_type.owned:
            members.append(("owner", types.Array(types.float64, 1, "C")))
        super().__init__(dmm, fe_type, members)


class TableIteratorType(types.SimpleIteratorType):
    """Iterates over the first axis: cells of a row, or rows of a table with more axes (:mod:`trialwise.engine.tables.iterate`)."""

    def __init__(self, table: TableType):
        self.table = table
        cell = table.dtype if table.ndim == 1 else table.part(table.ndim - 1)
        super().__init__(f"iter({table})", cell)


@register_model(TableIteratorType)
class TableIteratorModel(models.StructModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, [("place", types.EphemeralPointer(types.int64)), ("table", fe_type.table)])


# -- views -------------------------------------------------------------------------------------------------------------


def unpack(context, builder, typ: TableType, table):
    return cgutils.create_struct_proxy(typ)(context, builder, table)


def lengths(builder, typ: TableType, view) -> list:
    """The length of each axis."""
    known = {} if typ.last is None else {typ.ndim - 1: INT64(typ.last)}
    return [known.get(axis) or builder.extract_value(view.shape, axis) for axis in range(typ.ndim)]


def steps(builder, typ: TableType, view) -> list:
    """The stride of each axis, in doubles."""
    return [builder.extract_value(view.strides, axis) for axis in range(typ.ndim)]


def build_view(context, builder, typ: TableType, data, shape, strides, owner=None, line=None):
    """A table value from its parts; ``owner`` keeps owned memory alive, ``line`` is the pointer to a line of a table that forgets."""
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


@lower_cast(TableType, TableType)
def _whole_as_part(context, builder, fromty, toty, value):
    return value


@intrinsic
def flat_table(typingctx, table):
    """A flat view of all cells of a C-contiguous table."""
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


# -- cells and lines ---------------------------------------------------------------------------------------------------


def _mark_kind(builder, access, kind: str):
    """Declare to LLVM that memory of different kinds never overlaps, so that a line stays in registers when a cell is written."""
    add = builder.module.add_metadata
    node = add([kind, add(["trialwise"]), INT64(0)])
    access.set_metadata("tbaa", add([node, node, INT64(0)]))


def _load(builder, dtype, pointer, kind="cell"):
    loaded = vector.load(builder, pointer, dtype.width) if isinstance(dtype, Vector) else builder.load(pointer)
    _mark_kind(builder, loaded, kind)
    return loaded


def _store(builder, number, pointer, kind="cell"):
    is_vector = isinstance(number.type, ir.VectorType)
    _mark_kind(builder, vector.store(builder, number, pointer) if is_vector else builder.store(number, pointer), kind)


def load_line(builder, typ: TableType, line):
    """Scale and offset of a table that forgets."""
    return tuple(_load(builder, typ.dtype, builder.gep(line, [INT64(k * typ.width)]), "line") for k in (0, 1))


def store_line(builder, typ: TableType, line, scale, offset):
    for k, part in enumerate((scale, offset)):
        _store(builder, part, builder.gep(line, [INT64(k * typ.width)]), "line")


def on_line(builder, typ: TableType, stored, line):
    """The present value of a stored cell of a table that forgets."""
    scale, offset = load_line(builder, typ, line)
    scaled = arithmetic.times(builder, scale, stored) if isinstance(typ.dtype, Dual) else builder.fmul(scale, stored)
    return builder.fadd(scaled, offset, flags=vector.FLAGS)


def off_line(builder, typ: TableType, cell, line):
    """The value to store so that a cell of a table that forgets has this present value."""
    scale, offset = load_line(builder, typ, line)
    cell = builder.fsub(cell, offset, flags=vector.FLAGS)
    return arithmetic.over(builder, cell, scale) if isinstance(typ.dtype, Dual) else builder.fdiv(cell, scale)


def load_cell(builder, typ: TableType, pointer, line=None):
    stored = _load(builder, typ.dtype, pointer)
    return on_line(builder, typ, stored, line) if typ.forgets else stored


def store_cell(builder, typ: TableType, cell, pointer, line=None):
    _store(builder, off_line(builder, typ, cell, line) if typ.forgets else cell, pointer)


# -- attributes of a table ---------------------------------------------------------------------------------------------


make_attribute_wrapper(TableType, "shape", "shape")
make_attribute_wrapper(TableType, "strides", "strides")


@register_jitable
def cells_of(shape):
    cells = 1
    for side in shape:
        cells *= side
    return cells


@overload(len)
def _len(table):
    if isinstance(table, TableType):
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
