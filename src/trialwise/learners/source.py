"""A learner's source code: its text, the names it uses, and the signals it returns."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import textwrap
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


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


def names_in(code: types.CodeType) -> set[str]:
    """The names of globals and attributes that code refers to, that of functions inside it included."""
    inner = (each for each in code.co_consts if isinstance(each, types.CodeType))
    return set(code.co_names).union(*map(names_in, inner))


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
