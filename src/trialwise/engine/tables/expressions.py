"""Tables in expressions: sums, products and extremes, dot products, elementwise arithmetic, comparisons and functions."""

# ruff: noqa: SIM110 - Numba compiles no generators

from __future__ import annotations

import math
import operator

import numpy as np
from numba.core import types
from numba.core.extending import overload, overload_method, register_jitable

from trialwise.engine.numbers.extremes import clipped
from trialwise.engine.numbers.vector import Vector, width_of
from trialwise.engine.tables.making import owning_table
from trialwise.engine.tables.table import TableType, cells_of


def _is_table(*values) -> bool:
    return any(isinstance(value, TableType) for value in values)


def _are_grids(*values) -> bool:
    """Whether all are tables, or arrays of the module or of ``np.arange``."""
    return all(isinstance(value, TableType | types.Array) for value in values)


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


_jitted_mean = register_jitable(_mean)


@register_jitable
def _variance(table):
    mean, total = _jitted_mean(table), 0.0
    for index in np.ndindex(table.shape):
        total = total + (table[index] - mean) * (table[index] - mean)
    return total / table.size


def _deviation(table):
    return np.sqrt(_variance(table))


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


def _product(table):
    product = 1.0
    for index in np.ndindex(table.shape):
        product = product * table[index]
    return product


def _any(table):
    for index in np.ndindex(table.shape):
        if table[index]:
            return True
    return False


def _all(table):
    for index in np.ndindex(table.shape):
        if not table[index]:
            return False
    return True


_reduction(("sum",), (np.sum, sum), _sum)
_reduction(("prod",), (np.prod,), _product)
_reduction(("any",), (np.any,), _any)
_reduction(("all",), (np.all,), _all)


def _of_iterables(function, implementation):
    """Extend a function of Python to whatever can be iterated: tables, arrays, lists, tuples of one type, ranges."""

    @overload(function)
    def reduce(items):
        if isinstance(items, types.IterableType):
            return implementation


def _product_of_items(items):
    product = 1.0
    for item in items:
        product = product * item
    return product


def _any_of_items(items):
    for item in items:
        if item:
            return True
    return False


def _all_of_items(items):
    for item in items:
        if not item:
            return False
    return True


@overload(operator.contains)
def _contains(table, x):
    if _is_table(table):

        def contains(table, x):
            for index in np.ndindex(table.shape):
                if table[index] == x:
                    return True
            return False

        return contains


_of_iterables(math.prod, _product_of_items)
_of_iterables(any, _any_of_items)
_of_iterables(all, _all_of_items)
_reduction(("mean",), (np.mean, np.average), _mean)
_reduction(("var",), (np.var,), _variance)
_reduction(("std",), (np.std,), _deviation)
_reduction(("max",), (np.max, max), _largest)
_reduction(("min",), (np.min, min), _smallest)
_reduction(("argmax",), (np.argmax,), _argmax)
_reduction(("argmin",), (np.argmin,), _argmin)


@overload(np.dot)
@overload(operator.matmul)
def _dot_product(a, b):
    if _is_table(a, b) and _are_grids(a, b) and a.ndim == b.ndim == 1:

        def dot(a, b):
            total = 0.0
            for cell in range(a.shape[0]):
                total = total + a[cell] * b[cell]
            return total

        return dot


def _result_width(*values) -> int:
    dtypes = [t.dtype if _are_grids(t) else t for t in values]
    return next((width_of(d) for d in dtypes if isinstance(d, Vector)), 0)


def _elementwise_binary(function, operation, width_for=_result_width, whole=True):
    """Extend an operation to tables with numbers, tables or arrays.

    ``width_for`` gives the width of the result; without ``whole``, tables of whole numbers are excluded.
    """

    @overload(function)
    def elementwise(a, b):
        grids = [t for t in (a, b) if _are_grids(t)]
        if not whole and any(isinstance(getattr(t, "dtype", t), types.Integer) for t in (a, b)):
            return None
        vectors = _is_table(*grids) or any(isinstance(t, Vector) for t in (a, b))
        if not grids or not vectors or len({t.ndim for t in grids}) > 1:
            return None
        if not all(_are_grids(t) or isinstance(t, Vector | types.Number | types.Boolean) for t in (a, b)):
            return None
        width = width_for(a, b)

        if len(grids) == 2:

            def both(a, b):
                result = owning_table(width, np.empty(cells_of(a.shape) * max(abs(width), 1)), a.shape)
                for index in np.ndindex(a.shape):
                    result[index] = operation(a[index], b[index])
                return result

            return both
        if _are_grids(a):

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


for _operator in (
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, np.power, np.minimum, np.maximum, np.logaddexp,
):  # fmt: skip
    _elementwise_binary(_operator, _operator)


def _both(a, b):
    return (a != 0.0) and (b != 0.0)


def _either(a, b):
    return (a != 0.0) or (b != 0.0)


# Tables of truth values hold 1.0 and 0.0. For whole numbers, & and | are operations on their bits.
for _operator in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
    _elementwise_binary(_operator, _operator, lambda *values: 0)
_elementwise_binary(operator.and_, register_jitable(_both), lambda *values: 0, whole=False)
_elementwise_binary(operator.or_, register_jitable(_either), lambda *values: 0, whole=False)


@overload(operator.invert)
def _invert(table):
    if _is_table(table) and table.dtype == types.float64:
        return lambda table: table == 0.0


@overload(np.clip)
def _clip(a, a_min, a_max):
    if _is_table(a):
        return clipped(a_min, a_max)


@overload(np.where)
def _where(condition, x, y):
    if not isinstance(condition, TableType):
        return None
    width = _result_width(x, y)

    def where(condition, x, y):
        result = owning_table(width, np.empty(cells_of(condition.shape) * max(abs(width), 1)), condition.shape)
        for index in np.ndindex(condition.shape):
            result[index] = _entry(x, index) if condition[index] else _entry(y, index)
        return result

    return where


def _entry(x, index):
    """The entry of a table, or the number that stands for every entry."""


@overload(_entry)
def _entry_overload(x, index):
    if _are_grids(x):
        return lambda x, index: x[index]
    return lambda x, index: x


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


for _function in (
    operator.neg, abs, np.exp, np.log, np.abs, np.sqrt, np.square, np.tanh, np.expm1, np.log1p, np.sign, np.floor, np.ceil,
):  # fmt: skip
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
