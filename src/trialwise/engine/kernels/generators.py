"""Generators that are consumed where they stand, ``sum(x * x for x in row)``, as lists, since Numba compiles no generators of a function.

The function is compiled anew from its source, with the lines of its file.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from types import CodeType, FunctionType

from trialwise.learners.source import method_tree

CONSUMERS = {"sum", "min", "max", "any", "all", "sorted", "prod"}
"""Functions that read a generator to its end, or could, so that a list in its place gives the same."""


def without_generators(function: FunctionType) -> FunctionType:
    """The same function with lists in place of generators; the function itself if it has none, or if its source is not known."""
    if not any(code.co_name == "<genexpr>" for code in _nested(function.__code__)):
        return function
    tree = method_tree(function)
    # a file that was edited since it was imported is not the source of what runs
    if tree is None or not _same(_compiled(tree, function), function.__code__):
        return function
    code = _compiled(_WithLists().visit(copy.deepcopy(tree)), function)
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
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
            as_list = ast.ListComp(generator.elt, generator.generators)
            node.args[0] = ast.copy_location(as_list, generator)
        return node


def _compiled(tree: ast.FunctionDef, function: Callable) -> CodeType:
    """The code of a function from its syntax tree, with the free variables that it has where it is defined."""
    tree = copy.deepcopy(tree)
    tree.decorator_list, tree.returns = [], None
    arguments = tree.args
    arguments.defaults, arguments.kw_defaults = [], [None] * len(arguments.kwonlyargs)
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    around = ast.parse(f"def around({', '.join(function.__code__.co_freevars)}):\n    pass")
    around.body[0].body = [tree]  # type: ignore[attr-defined]
    code = compile(around, function.__code__.co_filename, "exec", dont_inherit=True)
    (outer,) = (each for each in code.co_consts if isinstance(each, CodeType))
    return next(each for each in outer.co_consts if isinstance(each, CodeType))


def _nested(code: CodeType) -> list[CodeType]:
    """All code inside other code."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return inner + [deeper for each in inner for deeper in _nested(each)]


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two pieces of code do the same; their names and constants are compared, not their docstrings or lines."""

    def steps(code: CodeType) -> list:
        constants = [each for each in code.co_consts if not isinstance(each, CodeType)]
        return [code.co_code, code.co_names, code.co_varnames, code.co_freevars, repr(constants)]

    return all(
        steps(a) == steps(b) for a, b in zip((one, *_nested(one)), (other, *_nested(other)), strict=False)
    ) and len(_nested(one)) == len(_nested(other))
