"""Compile a learner's plain Python functions, on doubles or on duals.

The code of a method is unchanged; its global names are replaced: helper functions by compiled ones, the NumPy functions that
create arrays (``np.zeros`` ...) by functions that create tables of the right type of number, and ``np.where``.
"""

from __future__ import annotations

import types as python_types
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.extending import overload, register_jitable
from numba.core.registry import cpu_target

from trialwise.engine.kernels.generators import without_generators
from trialwise.engine.kernels.whole_numbers import ERROR_MODEL
from trialwise.engine.numbers import abreast, arithmetic, exponential, extremes, functions, special  # noqa: F401 - importing them registers their names with Numba
from trialwise.engine.tables import expressions, forget, indexing, iterate, order  # noqa: F401 - importing them registers their names with Numba
from trialwise.engine.tables.making import fill_flat, owning_table
from trialwise.engine.tables.table import TableType, cells_of
from trialwise.learners.source import helpers

FAST = {"contract", "reassoc", "arcp", "nsz"}
OPTIONS = {"fastmath": FAST, "error_model": "numpy", "nogil": True}

INLINED = OPTIONS | {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options for functions that are called only from compiled code, never from Python or C. They are inlined, since a separate function
could be optimised differently from its copy on disk, so that a repeated fit would differ."""

CHECKED = INLINED | {"boundscheck": True, "error_model": ERROR_MODEL}
"""Options for the functions of learners: an index outside a NumPy array raises, and so does a whole number divided by zero. Tables check
their indices themselves."""

UNCHECKED = ("trialwise.engine.", "trialwise.learners.responses.")
"""Modules whose functions are compiled without these checks: their indices come from the layout of packed data."""


class Adapter:
    """Compiles functions for one width (:func:`trialwise.engine.numbers.vector.number_type`); each function once."""

    def __init__(self, width: int):
        self.width = width
        self._compiled: dict[python_types.FunctionType, Callable] = {}
        self._own: set[Any] = set()
        self._numpy = _numpy_for(width)
        cpu_target.typing_context.refresh()  # to load the engine's registrations

    def __call__(self, function: Callable) -> Callable:
        """The compiled version of a plain function."""
        if function in self._own:
            return function
        original = function = getattr(function, "py_func", function)
        if original not in self._compiled:
            function = without_generators(original)
            namespace: dict[str, Any] = {"__builtins__": function.__globals__.get("__builtins__", __builtins__)}
            namespace["__name__"] = __name__  # machine code may be loaded where a user's module cannot be imported
            duplicate = python_types.FunctionType(
                function.__code__, namespace, function.__name__, function.__defaults__, self._cells(function)
            )
            duplicate.__qualname__, duplicate.__kwdefaults__ = function.__qualname__, function.__kwdefaults__
            # before the helpers, since functions may call themselves
            own = (function.__module__ or "").startswith(UNCHECKED)
            self._compiled[original] = numba.njit(duplicate, **(INLINED if own else CHECKED))
            self._own.add(self._compiled[original])
            for name, value in helpers(function):
                if name not in function.__code__.co_freevars:
                    namespace[name] = self._replace(value, function)
        return self._compiled[original]

    def _cells(self, function: Callable) -> tuple | None:
        if not function.__closure__:
            return None
        cells = []
        for cell in function.__closure__:
            try:
                cells.append(python_types.CellType(self._replace(cell.cell_contents, function)))
            except ValueError:
                cells.append(cell)
        return tuple(cells)

    def _replace(self, value: Any, user: Callable) -> Any:
        if value is np:
            return self._numpy
        if isinstance(value, python_types.ModuleType):
            return self._module(value, user)
        if _hashable(value) and value in _REPLACED:
            return getattr(self._numpy, value.__name__)
        if hasattr(value, "py_func"):
            return self(value)
        if isinstance(value, python_types.FunctionType) and not _known_to_numba(value):
            return self(value)
        return value

    def _module(self, module: python_types.ModuleType, user: Callable) -> python_types.ModuleType:
        """A user's own module, or this package, with the functions that are used replaced by compiled ones."""
        package = module.__name__.split(".")[0]
        inner = {name: getattr(module, name) for name in user.__code__.co_names if hasattr(module, name)}
        user_functions = {
            name: f
            for name, f in inner.items()
            if isinstance(f, python_types.FunctionType)
            and not _known_to_numba(f)
            and (f.__module__ == module.__name__ or package == "trialwise")
        }
        if not user_functions or package in ("numpy", "math", "numba"):
            return module
        proxy = python_types.ModuleType(module.__name__)
        proxy.__dict__.update(inner)
        for name, function in user_functions.items():
            setattr(proxy, name, self(function))
        return proxy


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _known_to_numba(function: Callable) -> bool:
    """Whether Numba or the engine has its own implementation of a function."""
    try:
        cpu_target.typing_context.resolve_value_type(function)
    except Exception:
        return False
    return True


# -- NumPy's array constructors, as constructors of tables ---------------------------------------------------------------


def _sides(shape):
    """A shape, an int or a tuple, as a tuple; in compiled code."""


@overload(_sides)
def _sides_overload(shape):
    if isinstance(shape, types.Integer):
        return lambda shape: (shape,)
    return lambda shape: shape


_PROXIES: dict[int, python_types.ModuleType] = {}


def _is_integer_dtype(dtype) -> bool:
    return isinstance(dtype, types.Function | types.NumberClass | types.DType) and "int" in str(dtype)


def _numpy_for(width: int) -> python_types.ModuleType:
    """NumPy in which ``zeros``, ``ones``, ``empty``, ``full``, their ``_like`` forms and ``array`` create tables of one width, and ``where`` also
    selects numbers."""
    if width in _PROXIES:
        return _PROXIES[width]
    lanes = max(abs(width), 1)

    @register_jitable
    def new(shape, cell):
        sides = _sides(shape)
        table = owning_table(width, np.empty(cells_of(sides) * lanes), sides)
        fill_flat(table, cell)
        return table

    def _integers(dtype):
        if _is_integer_dtype(dtype):
            raise numba.core.errors.TypingError(
                "arrays that a learner creates hold reals; leave dtype out, or use task.memory for whole numbers"
            )

    def zeros(shape, dtype=float): ...
    def ones(shape, dtype=float): ...
    def empty(shape, dtype=float): ...
    def full(shape, fill_value, dtype=float): ...
    def zeros_like(a, dtype=float): ...
    def ones_like(a, dtype=float): ...
    def empty_like(a, dtype=float): ...
    def full_like(a, fill_value, dtype=float): ...
    def array(items): ...

    def overload_filled(function, cell):
        @overload(function)
        def make(shape, dtype=float):
            _integers(dtype)
            return lambda shape, dtype=float: new(shape, cell)

    def overload_like(function, cell):
        @overload(function)
        def make(a, dtype=float):
            if isinstance(a, TableType):
                return lambda a, dtype=float: new(a.shape, cell)

    overload_filled(zeros, 0.0)
    overload_filled(ones, 1.0)
    overload_filled(empty, 0.0)
    overload_like(zeros_like, 0.0)
    overload_like(ones_like, 1.0)
    overload_like(empty_like, 0.0)

    @overload(full)
    def make_full(shape, fill_value, dtype=float):
        _integers(dtype)
        return lambda shape, fill_value, dtype=float: new(shape, fill_value)

    @overload(full_like)
    def make_full_like(a, fill_value, dtype=float):
        if isinstance(a, TableType):
            return lambda a, fill_value, dtype=float: new(a.shape, fill_value)

    @overload(array)
    def make_array(items):
        if isinstance(items, TableType):

            def copy(items):
                table = new(items.shape, 0.0)
                for index in np.ndindex(items.shape):
                    table[index] = items[index]
                return table

            return copy

        def from_items(items):
            table = new(len(items), 0.0)
            for n in range(len(items)):
                table[n] = items[n]
            return table

        return from_items

    constructors = {
        f.__name__: f for f in (zeros, ones, empty, full, zeros_like, ones_like, empty_like, full_like, array)
    }
    proxy = _NumpyProxy("numpy")
    proxy.__dict__.update(constructors, where=functions.where, width=width)
    _PROXIES[width] = proxy
    return proxy


class _NumpyProxy(python_types.ModuleType):
    """NumPy except for its array constructors and ``where``; it can be pickled, since Numba stores it with the machine code of functions."""

    width: int

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def __reduce__(self):
        return _numpy_for, (self.width,)


_REPLACED = {
    np.zeros, np.ones, np.empty, np.full, np.zeros_like, np.ones_like, np.empty_like, np.full_like, np.array, np.where,
}  # fmt: skip
