"""Infer which columns of the data a learner reads, and the kind of each, from the source of its methods.

``q[trial.cue]`` indicates a label, ``trial.options[side]`` a vector, ``q[trial.options[side]]`` a vector of labels,
``trial.delay / 30`` a number. Columns are followed through assignments (``cue = trial.cue``), loops and calls of helpers.
"""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from trialwise.learners.learner import Learner, arguments_of
from trialwise.learners.source import helpers, method_tree

Scope = dict[str, list[Any]]
"""The possible meanings of each name in a function: a role, or ``(expression, its scope)``; empty if unknown."""

OPTIONAL = ("context", "cue")
"""Labels that a learner may read even if the data have none; then all trials have label 0."""

DEPTH = 12
"""The maximum depth to which names and helpers are followed."""


@dataclass
class Reads:
    """How a learner's source uses one column.

    Attributes
    ----------
    label
        The column, or an entry of it, is used as an index or compared with whole numbers.
    vector
        It is subscripted or looped over.
    constants
        Numbers with which it, or an entry of it, is compared.
    asked
        It is tested for missing values, with ``isnan`` or ``isfinite``.
    """

    label: bool = False
    vector: bool = False
    constants: list[float] = field(default_factory=list)
    asked: bool = False


class Reading:
    """What a learner's source reads.

    Attributes
    ----------
    trial, outcome
        ``{name: Reads}`` for the attributes of ``trial`` and of ``outcome`` that its methods read.
    actions
        The number of actions that the source implies, or None: ``preference[0] = ...; preference[1] = ...`` and ``1 - choice``
        imply two.
    ordered_actions
        The actions that the source names by number, as in ``preference[0]`` and ``choice == 0``: their order matters.
    """

    def __init__(self, learner: Learner):
        self.trial: dict[str, Reads] = {}
        self.outcome: dict[str, Reads] = {}
        self.actions: int | None = None
        self._own = learner.helper_methods
        self._variable_index = False
        self._action_indices: set[int] = set()
        self._compared_choices: set[int] = set()
        for name, method in learner.methods.items():
            positional: list[Any] = ["self", *arguments_of(name, learner.hidden, learner.responses)]
            self._function(method, positional, {}, DEPTH)
        self.ordered_actions = tuple(sorted(self._action_indices | self._compared_choices))
        if self._action_indices and not self._variable_index:
            self.actions = max(2, max(self._action_indices) + 1)

    # -- following names ---------------------------------------------------------------------------------------------

    def _function(self, function: Callable, positional: list[Any], keywords: dict[str, Any], depth: int) -> None:
        tree = method_tree(function) if isinstance(function, types.FunctionType) else None
        if tree is None or depth == 0:
            return
        names = [argument.arg for argument in tree.args.args]
        scope: Scope = {name: [value] for name, value in zip(names, positional, strict=False)}
        scope |= {name: [value] for name, value in keywords.items() if name in names}
        scope["  globals"] = [dict(helpers(function))]
        _bind(tree, scope)
        for statement in tree.body:
            self._visit(statement, scope, False, depth)

    def _meanings(self, node: ast.AST, scope: Scope, depth: int = DEPTH) -> Iterator[Any]:
        """The possible meanings of an expression: a role, ``(role, attribute)``, or ``(role, attribute, "entry")``."""
        if depth == 0:
            return
        if isinstance(node, ast.Name):
            for value in scope.get(node.id, ()):
                if isinstance(value, str):
                    yield value
                else:
                    expression, inner = value
                    yield from self._meanings(expression, inner, depth - 1)
        elif isinstance(node, ast.Attribute):
            for owner in self._meanings(node.value, scope, depth - 1):
                if isinstance(owner, str):
                    yield (owner, node.attr)
        elif isinstance(node, ast.Subscript):
            for owner in self._meanings(node.value, scope, depth - 1):
                yield (*owner, "entry") if isinstance(owner, tuple) else (owner, "", "entry")
        elif isinstance(node, ast.Call) and _called(node) in ("int", "float", "bool") and node.args:
            yield from self._meanings(node.args[0], scope, depth - 1)

    def _reads(self, node: ast.AST, scope: Scope) -> Iterator[Reads]:
        """The columns that an expression may refer to."""
        for meaning in self._meanings(node, scope):
            if isinstance(meaning, tuple) and meaning[0] in ("trial", "outcome") and meaning[1]:
                columns: dict[str, Reads] = getattr(self, meaning[0])
                reads = columns.setdefault(meaning[1], Reads())
                reads.vector |= len(meaning) == 3
                yield reads

    # -- visiting expressions and statements -------------------------------------------------------------------------

    def _visit(self, node: ast.AST, scope: Scope, index: bool, depth: int) -> None:
        """Record what a node reads; ``index`` if it is part of a table's index."""
        for reads in self._reads(node, scope):
            reads.label |= index
        if isinstance(node, ast.Subscript):
            self._note_action(node, scope)
            self._visit(node.value, scope, False, depth)
            self._visit(node.slice, scope, True, depth)
            return
        if isinstance(node, ast.Compare):
            self._note_comparison(node, scope)
            index = False
        if isinstance(node, ast.For):
            for reads in self._reads(node.iter, scope):
                reads.vector = True
        if isinstance(node, ast.Call):
            self._call(node, scope, depth)
        match node:
            case ast.BinOp(ast.Constant(int(last)), ast.Sub(), right) if "choice" in self._meanings(right, scope):
                self.actions = last + 1
        for child in ast.iter_child_nodes(node):
            self._visit(child, scope, index, depth)

    def _note_action(self, node: ast.Subscript, scope: Scope) -> None:
        if "preference" in self._meanings(node.value, scope):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
                self._action_indices.add(node.slice.value)
            else:
                self._variable_index = True

    def _note_comparison(self, node: ast.Compare, scope: Scope) -> None:
        sides = [node.left, *node.comparators]
        numbers = [s.value for s in sides if isinstance(s, ast.Constant) and isinstance(s.value, int | float)]
        for side in sides:
            if "choice" in self._meanings(side, scope):
                self._compared_choices |= {number for number in numbers if isinstance(number, int)}
            for reads in self._reads(side, scope):
                reads.constants += numbers
                all_integers = numbers and all(isinstance(number, int) for number in numbers)
                reads.label |= bool(all_integers and isinstance(node.ops[0], ast.Eq | ast.NotEq))

    def _call(self, node: ast.Call, scope: Scope, depth: int) -> None:
        """Follow a call into a helper of the learner or of its module."""
        if node.args and (function := _called(node)) in ("len", "isnan", "isfinite"):
            for reads in self._reads(node.args[0], scope):
                reads.vector |= function == "len"
                reads.asked |= function != "len"
        positional: list[Any] = [(argument, scope) for argument in node.args]
        keywords = {keyword.arg: (keyword.value, scope) for keyword in node.keywords if keyword.arg}
        if isinstance(node.func, ast.Attribute) and "self" in self._meanings(node.func.value, scope):
            if node.func.attr in self._own:
                self._function(self._own[node.func.attr], ["self", *positional], keywords, depth - 1)
        elif isinstance(node.func, ast.Name):
            function = scope["  globals"][0].get(node.func.id)
            if isinstance(function, types.FunctionType) and not function.__module__.startswith("trialwise."):
                self._function(function, positional, keywords, depth - 1)


def _called(node: ast.Call) -> str:
    """The name of the called function, without its module: ``isnan``."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _bind(tree: ast.AST, scope: Scope) -> None:
    """Add the targets of a function's assignments and loops to a scope."""

    def bind(target: ast.AST, value: ast.AST) -> None:
        if isinstance(target, ast.Name):
            scope.setdefault(target.id, []).append((value, scope))
        elif isinstance(target, ast.Tuple):
            for n, part in enumerate(target.elts):
                inner = value.elts[n] if isinstance(value, ast.Tuple) and n < len(value.elts) else _entry(value)
                bind(part, inner)

    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                bind(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            bind(node.target, node.value)
        elif isinstance(node, ast.For | ast.comprehension):
            bind(node.target, _one_of(node.iter))


def _one_of(iterable: ast.expr) -> ast.expr:
    """The loop variable's meaning: an entry of the iterable."""
    if isinstance(iterable, ast.Call) and _called(iterable) == "enumerate" and iterable.args:
        return ast.Tuple([ast.Constant(0), _one_of(iterable.args[0])])
    if isinstance(iterable, ast.Call) and _called(iterable) == "zip":
        return ast.Tuple([_entry(part) for part in iterable.args])
    return _entry(iterable)


def _entry(value: ast.AST) -> ast.expr:
    return ast.Subscript(value, ast.Constant(0))  # type: ignore[arg-type]


def dimensions(learner: Learner) -> set[str]:
    """The kinds of labels of a learner: the names, in quotes, that it passes to ``table``, ``memory`` and ``size``."""
    tree = method_tree(learner.methods["start"]) if "start" in learner.methods else None
    names: set[str] = set()
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Call) and _called(node) in ("table", "memory", "size"):
            names |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    return names
