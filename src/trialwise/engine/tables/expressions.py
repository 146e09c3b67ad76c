"""Tables in expressions: sums and extremes, dot products, elementwise arithmetic and functions."""

from __future__ import annotations

import operator

import numpy as np
from numba.core import types
from numba.core.extending import overload, overload_method, register_jitable

from trialwise.engine.numbers.vector import Vector, width_of
from trialwise.engine.tables.making import owning_table
from trialwise.engine.tables.table import TableType, cells_of


def _is_table(*values) -> bool:
    return any(isinstance(value, TableType) for value in values)


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


def _result_width(*values) -> int:
    dtypes = [t.dtype if isinstance(t, TableType) else t for t in values]
    return next((width_of(d) for d in dtypes if isinstance(d, Vector)), 0)


def _elementwise_binary(function, operation):
    @overload(function)
    def elementwise(a, b):
        if not _is_table(a, b):
            return None
        ndim = max(t.ndim for t in (a, b) if isinstance(t, TableType))
        if any(isinstance(t, TableType) and t.ndim != ndim for t in (a, b)):
            return None
        if not all(isinstance(t, TableType | Vector | types.Number | types.Boolean) for t in (a, b)):
            return None
        width = _result_width(a, b)

        if isinstance(a, TableType) and isinstance(b, TableType):

            def both(a, b):
                result = owning_table(width, np.empty(cells_of(a.shape) * max(abs(width), 1)), a.shape)
                for index in np.ndindex(a.shape):
                    result[index] = operation(a[index], b[index])
                return result

            return both
        if isinstance(a, TableType):

            def left(a, b):
                result = owning_table(width, np.empty(cells_of(a.shape) * max(abs(width), 1)), a.shape)
                for index in np.ndindex(a.shape):
                    result[index] = operation(a[index], b)
                return result

            return left

        def right(a, b):
            result = owning_table(width, np.empty(cells_of(b.shape) * max(abs(width), 1)), b.shape)
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
            result = owning_table(width, np.empty(cells_of(a.shape) * max(abs(width), 1)), a.shape)
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
