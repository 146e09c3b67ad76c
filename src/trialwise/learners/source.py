"""A learner's source code: its text, the names it uses, the signals it returns, and a fingerprint."""

from __future__ import annotations

import ast
import dis
import functools
import hashlib
import inspect
import linecache
import re
import sys
import sysconfig
import textwrap
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np


def class_source(cls: type) -> str:
    """The source of a class, also from a notebook; empty if it is not available (a plain interpreter prompt)."""
    for method in vars(cls).values():
        if isinstance(method, types.FunctionType):
            lines = linecache.getlines(method.__code__.co_filename)
            try:
                tree = ast.parse("".join(lines))
            except SyntaxError:
                break
            for node in ast.walk(tree):
                if (
                    isinstance(node, ast.ClassDef)
                    and node.name == cls.__name__
                    and node.lineno <= method.__code__.co_firstlineno <= (node.end_lineno or node.lineno)
                ):
                    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                    return textwrap.dedent("".join(lines[first - 1 : node.end_lineno]))
    try:
        return textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return ""


def method_tree(method: Callable) -> ast.FunctionDef | None:
    """The syntax tree of one method, with the line numbers of its file; None without source."""
    code = method.__code__
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first <= code.co_firstlineno <= node.lineno:
                return node
    return None


def signal_names(learn: Callable | None) -> tuple[str, ...]:
    """Names of the signals that ``learn`` returns: the variables of its last return, or ``signal``, ``signal_2``, ...

    ``return error, error_high`` gives ``("error", "error_high")``.
    """
    tree = learn and method_tree(learn)
    if not tree:
        return ()
    returns = [node for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    if not returns:
        return ()
    value = returns[-1].value
    parts = value.elts if isinstance(value, ast.Tuple) else [value]
    return tuple(
        part.id if isinstance(part, ast.Name) else "signal" if n == 0 else f"signal_{n + 1}"
        for n, part in enumerate(parts)
    )


@dataclass(frozen=True)
class Use:
    """One place where a method reads ``argument.name``."""

    argument: str
    name: str
    line: int


@lru_cache(maxsize=4096)
def uses(method: Callable) -> tuple[Use, ...]:
    """All attributes of its arguments that a method uses, from its bytecode (no source needed)."""
    code = method.__code__
    arguments = set(code.co_varnames[: code.co_argcount])
    result: list[Use] = []
    previous, line = "", code.co_firstlineno
    for instruction in dis.get_instructions(code):
        if instruction.positions is not None and instruction.positions.lineno is not None:
            line = instruction.positions.lineno
        if instruction.opname in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR") and previous in arguments:
            result.append(Use(previous, instruction.argval, line))
        if instruction.opname.startswith("LOAD_FAST"):
            value = instruction.argval
            previous = value[-1] if isinstance(value, tuple) else value
        else:
            previous = ""
    return tuple(result)


def helpers(function: Callable) -> Iterator[tuple[str, Any]]:
    """The global names and closed-over variables that a function, or one nested in it, refers to."""
    code = function.__code__
    if function.__closure__:
        for name, cell in zip(code.co_freevars, function.__closure__, strict=True):
            try:
                yield name, cell.cell_contents
            except ValueError:  # an empty cell
                continue
    for name in sorted(_global_names(code)):
        if name in function.__globals__:
            yield name, function.__globals__[name]


@lru_cache(maxsize=4096)
def _global_names(code: types.CodeType) -> frozenset[str]:
    """Names that code looks up as globals, excluding attributes."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            names |= _global_names(inner)
    return frozenset(names)


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            names |= _names(inner)
    return names


def is_library(cls: type) -> bool:
    """Whether a class comes from an installed package or from Python itself, which are identified by name."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None)
    if cls.__module__.split(".")[0] in ("builtins", "trialwise") or (file is None and cls.__module__ != "__main__"):
        return True
    return file is not None and ("site-packages" in file or file.startswith(sysconfig.get_paths()["stdlib"]))


def contents_of(thing: object) -> dict[str, Any]:
    """The values that an object holds, in its ``__dict__`` and its ``__slots__``."""
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
    digest = hashlib.sha256()
    seen: set[object] = set()

    def add(item: Any) -> None:
        if isinstance(item, types.FunctionType):
            if item in seen:
                return
            seen.add(item)
            add(item.__code__)
            add(item.__defaults__ or ())
            add(sorted((item.__kwdefaults__ or {}).items()))
            for name, value in helpers(item):
                digest.update(name.encode())
                add(value)
                if isinstance(value, types.ModuleType):
                    for attribute in sorted(_names(item.__code__)):
                        inner = getattr(value, attribute, None)
                        if isinstance(inner, types.FunctionType) and value.__name__.split(".")[0] != "numpy":
                            add(inner)
                        elif isinstance(inner, int | float | str):
                            digest.update(f"{attribute}={inner!r};".encode())
        elif isinstance(item, types.CodeType):
            digest.update(item.co_code)
            digest.update(repr((item.co_names, item.co_varnames, item.co_argcount)).encode())
            for value in item.co_consts:
                add(value)
        elif isinstance(item, types.MethodType):
            add((item.__func__, item.__self__))
        elif isinstance(item, np.ndarray) and item.dtype == object:
            add([str(item.shape), *item.ravel().tolist()])
        elif isinstance(item, np.ndarray):
            digest.update(f"{item.dtype}{item.shape}".encode() + np.ascontiguousarray(item).tobytes())
        elif isinstance(item, tuple | list):
            digest.update(f"{type(item).__name__}{len(item)}".encode())
            for value in item:
                add(value)
        elif isinstance(item, set | frozenset):  # the order differs between processes
            digest.update(f"set{sorted(fingerprint({'': each}) for each in item)}".encode())
        elif isinstance(item, types.ModuleType):
            digest.update(item.__name__.encode())
        elif hasattr(item, "py_func"):  # a user's Numba dispatcher
            add(item.py_func)
        elif isinstance(item, property | staticmethod | classmethod | functools.cached_property):
            for part in ("fget", "fset", "func", "__func__"):
                add(getattr(item, part, None))
        elif isinstance(item, functools.partial):
            add((item.func, item.args, tuple(sorted(item.keywords.items()))))
        elif hasattr(item, "__wrapped__"):
            add(item.__wrapped__)
        elif isinstance(item, Mapping):
            add([(str(name), value) for name, value in item.items()])
        elif hasattr(item, "to_numpy"):
            add([*map(str, getattr(item, "columns", ())), np.asarray(item.to_numpy(), object).ravel().tolist()])
        elif isinstance(item, type) and not is_library(item):  # a class of the user: all that it defines
            if item not in seen:
                seen.add(item)
                for name, member in sorted(vars(item).items()):
                    if not name.startswith(("__", "_abc_")) or isinstance(member, types.FunctionType):
                        add((name, member))
                add(item.__bases__)
        elif isinstance(item, type | types.BuiltinFunctionType | np.ufunc):
            digest.update(f"{getattr(item, '__module__', '')}.{getattr(item, '__qualname__', item)}".encode())
        elif contents := contents_of(item):  # an object, which may be callable
            if id(item) not in seen:
                seen.add(id(item))
                if is_library(type(item)):  # only what cannot differ between processes
                    contents = {name: value for name, value in contents.items() if _is_plain(value)}
                add([type(item), *sorted(contents.items())])
        elif callable(item):
            digest.update(f"{getattr(item, '__module__', '')}.{getattr(item, '__qualname__', type(item))}".encode())
        else:
            text = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(item))  # without memory addresses
            digest.update(f"{type(item).__name__}:{text};".encode())

    for name in sorted(functions):
        digest.update(name.encode())
        add(functions[name])
    return digest.hexdigest()
