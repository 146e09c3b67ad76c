"""A fingerprint of code: of functions, and of all values and helpers that they refer to.

Values are taken apart in one place, :func:`components`, also for the hash of a study (:mod:`trialwise.studies.fingerprint`). The two
must differ in what they do with the rest. A learner's module may hold anything, an open file for example, so that a fingerprint has to
go by the text of what it cannot take apart, and by the names of classes of packages. A study refuses that: it would take one thing for
another, and return the wrong result.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
import sys
import sysconfig
import types
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from trialwise.learners.source import helpers, names_in

QUANTILES = np.linspace(0.0, 1.0, 257)
"""Where distributions are compared."""


def components(thing: Any, hash_of: Callable[[Any], str]) -> tuple | None:
    """The kind of a value, and the values that it consists of; None if it is of no kind known here.

    Parameters
    ----------
    thing
        An array, a collection, a table, a distribution, or something that is made from functions, but neither a class nor a function.
    hash_of
        The hash of one value: what has no order is put into that of hashes.
    """
    match thing:
        case type() | types.FunctionType():
            return None
        case np.ndarray() if thing.dtype != object:
            return "array", thing.dtype.str, thing.shape, np.ascontiguousarray(thing).tobytes()
        case np.ndarray():
            return "objects", thing.shape, *thing.ravel().tolist()
        case range():
            return "range", thing.start, thing.stop, thing.step
        case set() | frozenset():
            return "set", *sorted(map(hash_of, thing))
        case Mapping():
            return "mapping", *(part for name in sorted(thing, key=str) for part in (str(name), thing[name]))
        case types.MethodType():
            return "method", thing.__func__, thing.__self__
        case functools.partial() | functools.partialmethod():
            return "partial", thing.func, thing.args, thing.keywords
        case property() | staticmethod() | classmethod() | functools.cached_property():
            return "member", *(getattr(thing, part, None) for part in ("fget", "fset", "func", "__func__"))
    if hasattr(thing, "py_func"):  # a user's Numba dispatcher
        return "compiled", thing.py_func
    if hasattr(thing, "__wrapped__"):  # a function with a cache
        return "wrapped", thing.__wrapped__
    if hasattr(thing, "to_numpy"):
        index = [thing.index.to_numpy()] if hasattr(thing, "index") else []
        if not hasattr(thing, "columns"):
            return "column", *index, thing.to_numpy()
        columns = ((str(name), thing.iloc[:, k].to_numpy()) for k, name in enumerate(thing.columns))
        return "table", *index, *(part for column in columns for part in column)
    if hasattr(thing, "ppf"):  # of scipy; by its quantiles, since histograms and users' distributions share names
        with np.errstate(all="ignore"):
            try:
                return "distribution", np.asarray(thing.ppf(QUANTILES), float)
            except TypeError:  # a family of distributions, whose parameters are not given
                kind = type(thing)
                return ("family", kind.__module__, kind.__qualname__) if kind.__module__.startswith("scipy.") else None
    return None


def is_library(cls: type) -> bool:
    """Whether a class comes from an installed package or from Python itself, which are identified by name."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    if cls.__module__.split(".")[0] in ("builtins", "trialwise") or (file is None and cls.__module__ != "__main__"):
        return True
    return file is not None and ("site-packages" in file or file.startswith(sysconfig.get_paths()["stdlib"]))


def contents_of(thing: object) -> dict[str, Any]:
    """The values that an object holds: the fields of a dataclass, without cached results, or what is in ``__dict__`` and ``__slots__``."""
    if dataclasses.is_dataclass(thing):
        return {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
    slots = [name for base in type(thing).__mro__ for name in _as_tuple(vars(base).get("__slots__", ()))]
    of_slots = {name: getattr(thing, name) for name in slots if not name.startswith("__") and hasattr(thing, name)}
    return {**of_slots, **getattr(thing, "__dict__", {})}


def _as_tuple(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _is_plain(value: object) -> bool:
    """Whether a value is data, or a function with all that it refers to."""
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    data = str | bytes | int | float | complex | np.generic | types.FunctionType
    return value is None or isinstance(value, data) or (isinstance(value, np.ndarray) and value.dtype != object)


def fingerprint(functions: dict[str, Callable]) -> str:
    """A hash of functions: their bytecode, their constants, and those of the helpers that they refer to.

    It changes with a constant in a user's module, but not with a comment. Modules enter by name, without their contents,
    except for functions of a user's module that are accessed as attributes.
    """
    sha = hashlib.sha256()
    seen: set[object] = set()

    def add(item: Any) -> None:
        if isinstance(item, types.FunctionType):
            if item not in seen:
                seen.add(item)
                add_function(item)
        elif isinstance(item, types.CodeType):
            sha.update(item.co_code)
            sha.update(repr((item.co_names, item.co_varnames, item.co_argcount)).encode())
            for value in item.co_consts:
                add(value)
        elif isinstance(item, tuple | list):
            put(type(item).__name__, *item)
        elif (parts := components(item, lambda each: fingerprint({"": each}))) is not None:
            put(*parts)
        elif isinstance(item, types.ModuleType):
            sha.update(item.__name__.encode())
        elif isinstance(item, type) and not is_library(item):  # a class of the user: all that it defines
            if item not in seen:
                seen.add(item)
                for name, member in sorted(vars(item).items()):
                    if not name.startswith(("__", "_abc_")) or isinstance(member, types.FunctionType):
                        add((name, member))
                add(item.__bases__)
        elif isinstance(item, type | types.BuiltinFunctionType | np.ufunc):
            sha.update(f"{getattr(item, '__module__', '')}.{getattr(item, '__qualname__', item)}".encode())
        elif contents := contents_of(item):  # an object, which may be callable
            if id(item) not in seen:
                seen.add(id(item))
                if is_library(type(item)):  # only what cannot differ between processes
                    contents = {name: value for name, value in contents.items() if _is_plain(value)}
                add([type(item), *sorted(contents.items())])
        elif callable(item):
            sha.update(f"{getattr(item, '__module__', '')}.{getattr(item, '__qualname__', type(item))}".encode())
        else:
            text = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(item))  # without memory addresses
            sha.update(f"{type(item).__name__}:{text};".encode())

    def put(kind: str, *parts: object) -> None:
        sha.update(f"<{kind} {len(parts)}>".encode())
        for part in parts:
            add(part)

    def add_function(item: types.FunctionType) -> None:
        add(item.__code__)
        add(item.__defaults__ or ())
        add(sorted((item.__kwdefaults__ or {}).items()))
        for name, value in helpers(item):
            sha.update(name.encode())
            add(value)
            if isinstance(value, types.ModuleType):
                with warnings.catch_warnings():  # a name of something else may be a deprecated one of this module
                    warnings.simplefilter("ignore")
                    named = [(name, getattr(value, name, None)) for name in sorted(names_in(item.__code__))]
                for attribute, inner in named:
                    if isinstance(inner, types.FunctionType) and value.__name__.split(".")[0] != "numpy":
                        add(inner)
                    elif isinstance(inner, int | float | str):
                        sha.update(f"{attribute}={inner!r};".encode())

    for name in sorted(functions):
        sha.update(name.encode())
        add(functions[name])
    return sha.hexdigest()
