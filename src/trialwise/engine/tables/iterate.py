"""Loops over a compiled table: ``for cell in row``, ``enumerate(row)``, ``zip(row, other)``."""

from __future__ import annotations

import operator

from numba.core import cgutils, types
from numba.core.extending import lower_builtin
from numba.core.imputils import RefType, iternext_impl
from numba.core.typing.templates import signature

from trialwise.engine.numbers.vector import INT64
from trialwise.engine.tables.table import TableIteratorType, TableType


@lower_builtin("getiter", TableType)
def _getiter(context, builder, sig, args):
    iterator = cgutils.create_struct_proxy(sig.return_type)(context, builder)
    iterator.place = cgutils.alloca_once_value(builder, INT64(0))
    iterator.table = args[0]
    context.nrt.incref(builder, sig.args[0], args[0])
    return iterator._getvalue()


@lower_builtin("iternext", TableIteratorType)
@iternext_impl(RefType.NEW)
def _iternext(context, builder, sig, args, result):
    iterator_type = sig.args[0]
    table_type = iterator_type.table
    iterator = cgutils.create_struct_proxy(iterator_type)(context, builder, args[0])
    table = cgutils.create_struct_proxy(table_type)(context, builder, iterator.table)
    place = builder.load(iterator.place)
    inside = builder.icmp_signed("<", place, builder.extract_value(table.shape, 0))
    result.set_valid(inside)
    with builder.if_then(inside):
        get = context.get_function(operator.getitem, signature(iterator_type.yield_type, table_type, types.int64))
        result.yield_(get(builder, (iterator.table, place)))
        builder.store(builder.add(place, INT64(1)), iterator.place)
