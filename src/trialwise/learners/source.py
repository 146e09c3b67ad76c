"""A learner's text: its source, the names it uses, the signals it returns, and a fingerprint."""

from __future__ import annotations

import ast
import dis
import hashlib
import inspect
import linecache
import re
import textwrap
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np


def class_source(cls: type) -> str:
    """The text of a class, also if it was typed into a notebook; empty if it is not available (a bare prompt)."""
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
    """The syntax tree of one method, with the line numbers of its file; None without a source."""
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
    """Every attribute of its arguments that a method reads or calls, from its bytecode (no source needed)."""
    code = method.__code__
    arguments = set(code.co_varnames[: code.co_argcount])
    found: list[Use] = []
    previous, line = "", code.co_firstlineno
    for step in dis.get_instructions(code):
        if step.positions is not None and step.positions.lineno is not None:
            line = step.positions.lineno
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR") and previous in arguments:
            found.append(Use(previous, step.argval, line))
        if step.opname.startswith("LOAD_FAST"):
            value = step.argval
            previous = value[-1] if isinstance(value, tuple) else value
        else:
            previous = ""
    return tuple(found)


def helpers(function: Callable) -> Iterator[tuple[str, Any]]:
    """The global names and closed-over variables that a function, or one nested in it, refers to."""
    code = function.__code__
    if function.__closure__:
        for name, cell in zip(code.co_freevars, function.__closure__, strict=True):
            try:
                yield name, cell.cell_contents
            except ValueError:  # a cell that is still empty
                continue
    for name in sorted(_global_names(code)):
        if name in function.__globals__:
            yield name, function.__globals__[name]


@lru_cache(maxsize=4096)
def _global_names(code: types.CodeType) -> frozenset[str]:
    """Names that code looks up as globals, without attributes of the same name."""
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


def fingerprint(functions: dict[str, Callable]) -> str:
    """A hash of what some functions do: their bytecode, their constants and, through their names, their helpers'.

    Changing a constant in a user's module changes the hash; changing a comment does not. Modules enter by name, without their
    contents, except for functions of a user's module that are accessed as attributes.
    """
    digest, seen = hashlib.sha256(), set()

    def add(thing: Any) -> None:
        if isinstance(thing, types.FunctionType):
            if thing in seen:
                return
            seen.add(thing)
            add(thing.__code__)
            add(thing.__defaults__ or ())
            for name, value in helpers(thing):
                digest.update(name.encode())
                add(value)
                if isinstance(value, types.ModuleType):
                    for attribute in sorted(_names(thing.__code__)):
                        inner = getattr(value, attribute, None)
                        if isinstance(inner, types.FunctionType) and value.__name__.split(".")[0] != "numpy":
                            add(inner)
                        elif isinstance(inner, int | float | str):
                            digest.update(f"{attribute}={inner!r};".encode())
        elif isinstance(thing, types.CodeType):
            digest.update(thing.co_code)
            digest.update(repr((thing.co_names, thing.co_varnames, thing.co_argcount)).encode())
            for value in thing.co_consts:
                add(value)
        elif isinstance(thing, np.ndarray):
            digest.update(f"{thing.dtype}{thing.shape}".encode() + np.ascontiguousarray(thing).tobytes())
        elif isinstance(thing, tuple | list):
            digest.update(f"{type(thing).__name__}{len(thing)}".encode())
            for value in thing:
                add(value)
        elif isinstance(thing, set | frozenset):  # its order differs between processes
            digest.update(f"set{sorted(map(repr, thing))}".encode())
        elif isinstance(thing, types.ModuleType):
            digest.update(thing.__name__.encode())
        elif hasattr(thing, "py_func"):  # a Numba dispatcher of the user's
            add(thing.py_func)
        elif isinstance(thing, type) or callable(thing):
            digest.update(f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', type(thing))}".encode())
        else:
            text = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))  # an address in memory is not part of what it does
            digest.update(f"{type(thing).__name__}:{text};".encode())

    for name in sorted(functions):
        digest.update(name.encode())
        add(functions[name])
    return digest.hexdigest()
