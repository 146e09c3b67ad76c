"""Tables in order: sorting, which carries tangents along, and running sums and products."""

from __future__ import annotations

import numpy as np
from numba.core.extending import lower_builtin, overload, overload_method, register_jitable

from trialwise.engine.numbers.dual import value
from trialwise.engine.tables.table import TableType


def _of_a_row(functions, names, implementation):
    """Define functions and methods of tables with one axis."""
    jitted = register_jitable(implementation)

    def define(table):
        if isinstance(table, TableType) and table.ndim == 1:
            return lambda table: jitted(table)

    for function in functions:
        overload(function)(define)
    for name in names:
        overload_method(TableType, name)(define)


@register_jitable
def _order(table):
    """The places of the entries in ascending order of their values; equal entries stay in their order."""
    values = np.empty(len(table))
    for k in range(len(table)):
        values[k] = value(table[k])
    return np.argsort(values, kind="mergesort")


@register_jitable
def _sorted(table):
    result, order = table.copy(), _order(table)
    for k in range(len(table)):
        result[k] = table[order[k]]
    return result


def _median(table):
    ordered, n = _sorted(table), len(table)
    return 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2])


def _running_sum(table):
    result = table.copy()
    for k in range(1, len(table)):
        result[k] = result[k - 1] + table[k]
    return result


def _running_product(table):
    result = table.copy()
    for k in range(1, len(table)):
        result[k] = result[k - 1] * table[k]
    return result


_of_a_row((np.sort, sorted), (), _sorted)
_of_a_row((), ("argsort",), _order)
_of_a_row((np.median,), (), _median)
_of_a_row((np.cumsum,), ("cumsum",), _running_sum)
_of_a_row((np.cumprod,), ("cumprod",), _running_product)


@lower_builtin(np.argsort, TableType)  # Numba types it by the method
def _argsort(context, builder, sig, args):
    return context.compile_internal(builder, _order, sig, args)
