"""Generators that are consumed where they stand, ``sum(x * x for x in row)``, as lists, since Numba compiles no generators of a function.

The function is compiled anew from the source of its file, so that lines and names stay as they are.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from types import CodeType, FunctionType

CONSUMERS = {"sum", "min", "max", "any", "all", "sorted", "prod"}
"""Functions that read a generator to its end, or could, so that a list in its place gives the same."""


def without_generators(function: FunctionType) -> FunctionType:
    """The same function with lists in place of generators; the function itself if it has none, or if its source is not known."""
    old = function.__code__
    if not any(code.co_name == "<genexpr>" for code in _all(old)):
        return function
    try:
        tree = ast.parse("".join(linecache.getlines(old.co_filename)))
    except SyntaxError:
        return function
    source = _code_in(tree, old)
    if source is None or not _same(source, old):  # a file that was edited since it was imported, or cannot be read
        return function
    code = _code_in(_WithLists().visit(tree), old)
    assert code is not None
    cells = dict(zip(old.co_freevars, function.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in code.co_freevars)
    changed = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, closure)
    changed.__qualname__, changed.__kwdefaults__ = function.__qualname__, function.__kwdefaults__
    changed.__module__ = function.__module__
    return changed


class _WithLists(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if called in CONSUMERS and node.args and isinstance(generator := node.args[0], ast.GeneratorExp):
            node.args[0] = ast.copy_location(ast.ListComp(generator.elt, generator.generators), generator)
        return node


def _code_in(tree: ast.Module, old: CodeType) -> CodeType | None:
    """The code of a file's function that begins on the line where ``old`` begins."""
    module = compile(tree, old.co_filename, "exec", dont_inherit=True)
    places = (old.co_qualname, old.co_firstlineno)
    return next((code for code in _all(module) if (code.co_qualname, code.co_firstlineno) == places), None)


def _all(code: CodeType) -> Iterator[CodeType]:
    """Code, and all code inside it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _all(each)


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two pieces of code do the same, whatever their lines."""

    def parts(code: CodeType) -> list:
        constants = [repr(each) for each in code.co_consts if not isinstance(each, CodeType)]
        return [code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants]

    return [parts(code) for code in _all(one)] == [parts(code) for code in _all(other)]
