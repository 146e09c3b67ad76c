"""From a learner's plain Python to compiled functions, on doubles or on duals.

The text of a method is not rewritten. Its global names are replaced: helper functions by compiled ones, and the few NumPy
functions that make arrays (``np.zeros`` ...) by ones that make tables of the right type of number.
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

from trialwise.engine.numbers import abreast, arithmetic, exponential, functions  # noqa: F401 - importing them registers their names with Numba
from trialwise.engine.tables import expressions, forget, indexing, iterate  # noqa: F401 - importing them registers their names with Numba
from trialwise.engine.tables.making import fill_flat, owning_table
from trialwise.engine.tables.table import TableType, cells_of
from trialwise.learners.source import helpers

FAST = {"contract", "reassoc", "arcp", "nsz"}
OPTIONS = {"fastmath": FAST, "error_model": "numpy", "nogil": True}
INLINED = OPTIONS | {"forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Options for functions that only compiled code calls. A separate function could be optimised differently from its copy on disk, so
that the same fit would differ the second time; and it is never called from Python or C."""


class Adapter:
    """Compiles functions for one width (:func:`trialwise.engine.numbers.vector.number_type`); each function once."""

    def __init__(self, width: int):
        self.width = width
        self._made: dict[python_types.FunctionType, Callable] = {}
        self._mine: set[Any] = set()
        self._numpy = _numpy_for(width)
        cpu_target.typing_context.refresh()  # so that it knows the engine's registrations

    def __call__(self, function: Callable) -> Callable:
        """The compiled version of a plain function."""
        if function in self._mine:
            return function
        function = getattr(function, "py_func", function)
        if function not in self._made:
            namespace: dict[str, Any] = {"__builtins__": function.__globals__.get("__builtins__", __builtins__)}
            namespace["__name__"] = __name__  # machine code may be loaded where a user's module cannot be imported
            twin = python_types.FunctionType(
                function.__code__, namespace, function.__name__, function.__defaults__, self._cells(function)
            )
            twin.__qualname__, twin.__kwdefaults__ = function.__qualname__, function.__kwdefaults__
            self._made[function] = numba.njit(twin, **INLINED)  # before its helpers: functions may call themselves
            self._mine.add(self._made[function])
            for name, thing in helpers(function):
                if name not in function.__code__.co_freevars:
                    namespace[name] = self._replace(thing, function)
        return self._made[function]

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

    def _replace(self, thing: Any, user: Callable) -> Any:
        if thing is np:
            return self._numpy
        if isinstance(thing, python_types.ModuleType):
            return self._module(thing, user)
        if _hashable(thing) and thing in _ARRAY_MAKERS:
            return getattr(self._numpy, thing.__name__)
        if hasattr(thing, "py_func"):
            return self(thing)
        if isinstance(thing, python_types.FunctionType) and not _known_to_numba(thing):
            return self(thing)
        return thing

    def _module(self, module: python_types.ModuleType, user: Callable) -> python_types.ModuleType:
        """A user's own module, with the functions that are used compiled."""
        inner = {name: getattr(module, name) for name in user.__code__.co_names if hasattr(module, name)}
        mine = {
            name: f
            for name, f in inner.items()
            if isinstance(f, python_types.FunctionType) and not _known_to_numba(f) and f.__module__ == module.__name__
        }
        if not mine or module.__name__.split(".")[0] in ("numpy", "math", "numba"):
            return module
        proxy = python_types.ModuleType(module.__name__)
        proxy.__dict__.update(inner)
        for name, function in mine.items():
            setattr(proxy, name, self(function))
        return proxy


def _hashable(thing: Any) -> bool:
    try:
        hash(thing)
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


# -- NumPy's array makers, as makers of tables -------------------------------------------------------------------------


def _sides(shape):
    """A shape, an int or a tuple, as a tuple; in compiled code."""


@overload(_sides)
def _sides_overload(shape):
    if isinstance(shape, types.Integer):
        return lambda shape: (shape,)
    return lambda shape: shape


_MAKERS: dict[int, python_types.ModuleType] = {}


def _wants_integers(dtype) -> bool:
    return isinstance(dtype, types.Function | types.NumberClass | types.DType) and "int" in str(dtype)


def _numpy_for(width: int) -> python_types.ModuleType:
    """NumPy with ``zeros``, ``ones``, ``empty``, ``full``, their ``_like`` forms and ``array`` making tables of one width."""
    if width in _MAKERS:
        return _MAKERS[width]
    lanes = max(abs(width), 1)

    @register_jitable
    def new(shape, cell):
        sides = _sides(shape)
        table = owning_table(width, np.empty(cells_of(sides) * lanes), sides)
        fill_flat(table, cell)
        return table

    def _integers(dtype):
        if _wants_integers(dtype):
            raise numba.core.errors.TypingError(
                "arrays that a learner makes for itself hold reals; leave dtype out, or use task.memory for whole numbers"
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

    def teach_filled(function, cell):
        @overload(function)
        def make(shape, dtype=float):
            _integers(dtype)
            return lambda shape, dtype=float: new(shape, cell)

    def teach_like(function, cell):
        @overload(function)
        def make(a, dtype=float):
            if isinstance(a, TableType):
                return lambda a, dtype=float: new(a.shape, cell)

    teach_filled(zeros, 0.0)
    teach_filled(ones, 1.0)
    teach_filled(empty, 0.0)
    teach_like(zeros_like, 0.0)
    teach_like(ones_like, 1.0)
    teach_like(empty_like, 0.0)

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

    makers = {f.__name__: f for f in (zeros, ones, empty, full, zeros_like, ones_like, empty_like, full_like, array)}
    proxy = _NumpyProxy("numpy")
    proxy.__dict__.update(makers, width=width)
    _MAKERS[width] = proxy
    return proxy


class _NumpyProxy(python_types.ModuleType):
    """NumPy except for its array makers. Numba stores it with a function's machine code, so it can be pickled."""

    width: int

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def __reduce__(self):
        return _numpy_for, (self.width,)


_ARRAY_MAKERS = {
    getattr(np, name)
    for name in ("zeros", "ones", "empty", "full", "zeros_like", "ones_like", "empty_like", "full_like", "array")
}
