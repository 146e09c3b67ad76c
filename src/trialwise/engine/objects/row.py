"""The trial and the outcome of a compiled method: rows of the packed data.

Each consists of two pointers in registers; ``trial.context`` is a single load.
"""

from __future__ import annotations

from numba.core import cgutils, types
from numba.core.extending import intrinsic, models, register_model
from numba.core.imputils import lower_getattr_generic
from numba.core.typing.templates import AttributeTemplate, infer_getattr

from trialwise.engine.numbers.vector import INT64
from trialwise.engine.objects.unknown import unknown
from trialwise.engine.tables.table import TableType, build_view


class RowType(types.Type):
    """``trial`` or ``outcome``: one row of the packed data, with columns as attributes.

    ``layout`` lists ``(name, kind, start, length)``; kinds ``"i"`` and ``"u"`` are integers, ``"r"`` reals; length 0 is a scalar,
    any other a vector.
    """

    def __init__(self, what: str, layout: tuple[tuple[str, str, int, int], ...]):
        self.what, self.layout = what, {name: (kind, start, length) for name, kind, start, length in layout}
        super().__init__(name=f"{what}{layout}")


@register_model(RowType)
class RowModel(models.StructModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, [("i", types.CPointer(types.int32)), ("r", types.CPointer(types.float64))])


@infer_getattr
class RowAttributes(AttributeTemplate):
    key = RowType

    def generic_resolve(self, row, name):
        if name not in row.layout:
            raise unknown(name, row.layout, row.what)
        kind, _, length = row.layout[name]
        if length:
            return TableType(types.float64 if kind == "r" else types.int32, 1, last=length)
        return types.float64 if kind == "r" else types.int64


@lower_getattr_generic(RowType)
def _row_getattr(context, builder, typ, value, name):
    kind, start, length = typ.layout[name]
    data = getattr(cgutils.create_struct_proxy(typ)(context, builder, value), "r" if kind == "r" else "i")
    pointer = builder.gep(data, [INT64(start)])
    if not length:
        number = builder.load(pointer)
        if kind == "r":
            return number
        # labels are never written, so that one load per trial suffices even if other memory is written
        number.set_metadata("invariant.load", builder.module.add_metadata([]))
        return builder.zext(number, INT64) if kind == "u" else builder.sext(number, INT64)
    item = types.float64 if kind == "r" else types.int32
    return build_view(context, builder, TableType(item, 1, last=length), pointer, [INT64(length)], [INT64(1)])


def make_row(row_type: RowType):
    """An intrinsic ``(ints, reals, t) -> row t`` of two C-contiguous matrices."""

    @intrinsic
    def build(typingctx, ints, reals, t):
        def codegen(context, builder, sig, args):
            row = cgutils.create_struct_proxy(row_type)(context, builder)
            for member, typ, matrix in (("i", sig.args[0], args[0]), ("r", sig.args[1], args[1])):
                array = context.make_array(typ)(context, builder, matrix)
                step = builder.extract_value(array.shape, 1)
                setattr(row, member, builder.gep(array.data, [builder.mul(args[2], step)]))
            return row._getvalue()

        return row_type(ints, reals, types.int64), codegen

    return build
