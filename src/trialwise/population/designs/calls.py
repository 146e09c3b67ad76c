"""Calls in formulas, such as ``log(age)`` or ``C(group, Treatment("control"))``: which are allowed, and what they compute.

A formula can come from a file that somebody sent. Nothing of it is run as Python: its syntax tree is compared with a short list, and
evaluated here node by node on columns of numbers, without any namespace.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from trialwise.base.english import listed
from trialwise.base.errors import UsageError

FACTORS = ("C", "S", "T")
"""Calls that make a factor of a column, with a contrast."""

LEFT_ALONE = ("center", "scale")
"""Calls that choose the scale of a number themselves; the values of all others are standardised."""

_BASES = ("poly", "bs")
_ELEMENTWISE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "I": lambda x: x, "log": np.log, "log1p": np.log1p, "sqrt": np.sqrt, "exp": np.exp,
}  # fmt: skip
FUNCTIONS = (*FACTORS, "I", *LEFT_ALONE, "log", "log1p", "sqrt", "exp", *_BASES)
"""All functions that a formula may call."""

_CONTRASTS = ("Treatment", "Sum")
_OPERATORS: dict[type[ast.operator], Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow,
}  # fmt: skip
_MOST_COLUMNS = 10


class _Pair(NamedTuple):
    """Values of an expression for the participants that set its scale, and for those it is evaluated at."""

    train: np.ndarray
    new: np.ndarray


@dataclass(frozen=True)
class Call:
    """A call in a formula, checked by :func:`checked_call`.

    Attributes
    ----------
    text
        The call as Python reads it: ``"poly(age, 2)"``.
    """

    text: str

    @cached_property
    def _tree(self) -> ast.Call:
        tree = ast.parse(self.text, mode="eval").body
        assert isinstance(tree, ast.Call)
        return tree

    @property
    def function(self) -> str:
        """The outermost function."""
        assert isinstance(self._tree.func, ast.Name)
        return self._tree.func.id

    @property
    def makes_factor(self) -> bool:
        """Whether the column is taken as a factor."""
        return self.function in FACTORS

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that it reads, in order."""
        nodes = ast.walk(self._tree.args[0]) if self.makes_factor else ast.walk(self._tree)
        called = {id(node.func) for node in ast.walk(self._tree) if isinstance(node, ast.Call)}
        names = (node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in called)
        return tuple(dict.fromkeys(names))

    @property
    def contrast(self) -> tuple[str, object] | None:
        """The contrast of a factor and its reference or omitted level, None for the last or first; None without a contrast."""
        values = [*self._tree.args[1:], *(keyword.value for keyword in self._tree.keywords)]
        chosen = values[0] if values else None
        if self.function != "C":
            return {"T": "Treatment", "S": "Sum"}[self.function], _constant(chosen)
        if chosen is None:
            return None
        if isinstance(chosen, ast.Name):
            return chosen.id, None
        assert isinstance(chosen, ast.Call) and isinstance(chosen.func, ast.Name)
        inner = [*chosen.args, *(keyword.value for keyword in chosen.keywords)]
        return chosen.func.id, _constant(inner[0] if inner else None)

    def evaluate(self, train: Mapping[str, np.ndarray], new: Mapping[str, np.ndarray]) -> np.ndarray:
        """The values of a call that is no factor.

        Parameters
        ----------
        train
            Columns ``(participants,)`` that set means, standard deviations, polynomials and knots.
        new
            Columns ``(values,)`` to evaluate it at.

        Returns
        -------
        ndarray
            ``(values, columns)``; not finite where a logarithm or root does not exist.
        """
        with np.errstate(all="ignore"):
            values = _evaluate(self._tree, {name: _Pair(train[name], new[name]) for name in self.columns}).new
        return values if values.ndim == 2 else values[:, None]


def checked_call(text: str) -> Call:
    """A call, after comparison of its syntax tree with what formulas may contain.

    Raises
    ------
    UsageError
        For any other function, attributes, subscripts, comparisons, functions without a name, wrong arguments.
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise UsageError(f"{text}: not a complete call, such as log(age)") from None
    if not isinstance(tree, ast.Call):
        raise UsageError(f"{text}: not a call, such as log(age)")
    _check_function(tree, text)
    name = tree.func.id  # type: ignore[attr-defined]
    if name in FACTORS:
        _check_factor(tree, name, text)
    elif name in _BASES:
        _check_basis(tree, name, text)
    else:
        _check_number(tree, text)
    call = Call(ast.unparse(tree))
    if not call.columns:
        raise UsageError(f"{text}: contains no column")
    return call


def _check_function(tree: ast.Call, text: str) -> None:
    if not isinstance(tree.func, ast.Name) or tree.func.id not in FUNCTIONS:
        raise UsageError(f"{text}: formulas may call {listed(FUNCTIONS)}, not {ast.unparse(tree.func)}")
    if any(isinstance(each, ast.Starred) for each in tree.args) or any(each.arg is None for each in tree.keywords):
        raise UsageError(f"{text}: arguments with * have no meaning in formulas")


def _check_factor(tree: ast.Call, name: str, text: str) -> None:
    usage = {
        "C": 'C(group), C(group, Treatment("control")), C(group, Sum)',
        "S": 'S(group), S(group, "control")',
        "T": 'T(group), T(group, "control")',
    }[name]
    allowed = {"C": "contrast", "S": "omit", "T": "ref"}[name]
    given = [*tree.args[1:], *(each.value for each in tree.keywords)]
    fits = tree.args and isinstance(tree.args[0], ast.Name) and len(given) <= 1
    fits = fits and all(each.arg == allowed for each in tree.keywords)
    if fits and given:
        fits = _is_contrast(given[0]) if name == "C" else _is_level(given[0])
    if not fits:
        raise UsageError(f"{text}: write {usage}, with the name of a column first")


def _is_level(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | int | float)


def _is_contrast(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _CONTRASTS
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CONTRASTS):
        return False
    keyword = {"Treatment": "reference", "Sum": "omit"}[node.func.id]
    inner = [*node.args, *(each.value for each in node.keywords)]
    return len(inner) <= 1 and all(map(_is_level, inner)) and all(each.arg == keyword for each in node.keywords)


def _check_basis(tree: ast.Call, name: str, text: str) -> None:
    usage = "poly(age, 2)" if name == "poly" else "bs(age, 4) for 4 columns, bs(age, 4, 2) for degree 2"
    allowed = ("degree",) if name == "poly" else ("df", "degree")
    sizes = [*tree.args[1:], *(each.value for each in tree.keywords)]
    fits = (
        len(tree.args) >= 1 and 1 <= len(sizes) <= len(allowed) and all(each.arg in allowed for each in tree.keywords)
    )
    if not fits or not all(isinstance(s, ast.Constant) and type(s.value) is int for s in sizes):
        raise UsageError(f"{text}: write {usage}")
    arguments = _basis_arguments(tree, name)
    least = 1 if name == "poly" else arguments["degree"]
    if not 1 <= arguments["degree"] <= _MOST_COLUMNS or not least <= arguments[allowed[0]] <= _MOST_COLUMNS:
        raise UsageError(f"{text}: write {usage}; {allowed[0]} from {least} to {_MOST_COLUMNS}")
    _check_number(tree.args[0], text)


def _check_number(node: ast.AST, text: str) -> None:
    """Refuse whatever is not made of columns, numbers, arithmetic and functions of one number."""
    match node:
        case ast.Name():
            return
        case ast.Constant(value=value) if type(value) in (int, float):
            return
        case ast.BinOp(op=op) if type(op) in _OPERATORS:
            _check_number(node.left, text)  # type: ignore[attr-defined]
            _check_number(node.right, text)  # type: ignore[attr-defined]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
            _check_number(node.operand, text)  # type: ignore[attr-defined]
        case ast.Call():
            _check_function(node, text)
            name = node.func.id  # type: ignore[attr-defined]
            if name in (*FACTORS, *_BASES):
                raise UsageError(f"{text}: {name}() cannot stand inside another call")
            if len(node.args) != 1 or node.keywords:
                raise UsageError(f"{text}: {name}() takes one number, as in {name}(age)")
            _check_number(node.args[0], text)
        case _:
            raise UsageError(
                f"{text}: {ast.unparse(node)!r} has no meaning here; calls contain columns, numbers and + - * / **"
            )


def _constant(node: ast.expr | None) -> object:
    return node.value if isinstance(node, ast.Constant) else None


def _basis_arguments(tree: ast.Call, name: str) -> dict[str, int]:
    names = ("degree",) if name == "poly" else ("df", "degree")
    sizes = {"degree": 3} if name == "bs" else {}
    sizes |= {key: value.value for key, value in zip(names, tree.args[1:], strict=False)}  # type: ignore[attr-defined]
    sizes |= {each.arg: each.value.value for each in tree.keywords}  # type: ignore[attr-defined,misc]
    return {"df": sizes["degree"]} | sizes


def _evaluate(node: ast.expr, columns: Mapping[str, _Pair]) -> _Pair:
    match node:
        case ast.Name(id=name):
            return columns[name]
        case ast.Constant(value=value):
            number = np.array(float(value))  # type: ignore[arg-type]
            return _Pair(number, number)
        case ast.BinOp(left=left, op=op, right=right):
            a, b, compute = _evaluate(left, columns), _evaluate(right, columns), _OPERATORS[type(op)]
            return _Pair(compute(a.train, b.train), compute(a.new, b.new))
        case ast.UnaryOp(op=op, operand=operand):
            inner, sign = _evaluate(operand, columns), -1.0 if isinstance(op, ast.USub) else 1.0
            return _Pair(sign * inner.train, sign * inner.new)
        case ast.Call(func=ast.Name(id=name), args=[first, *_]):
            return _called(name, _evaluate(first, columns), node)
    raise AssertionError(ast.unparse(node))


def _called(name: str, x: _Pair, node: ast.Call) -> _Pair:
    if name in _ELEMENTWISE:
        return _Pair(_ELEMENTWISE[name](x.train), _ELEMENTWISE[name](x.new))
    if name in LEFT_ALONE:
        mean, sd = np.mean(x.train), np.std(x.train, ddof=1) if name == "scale" else 1.0
        return _Pair((x.train - mean) / sd, (x.new - mean) / sd)
    arguments = _basis_arguments(node, name)
    if name == "poly":
        return _polynomial(x, arguments["degree"])
    return _splines(x, arguments["df"], arguments["degree"])


def _polynomial(x: _Pair, degree: int) -> _Pair:
    """Polynomials that are orthonormal over the training values."""
    centre, scale = np.mean(x.train), np.std(x.train) or 1.0
    train, new = (np.vander((each - centre) / scale, degree + 1, increasing=True) for each in x)
    upper = np.linalg.qr(train)[1]
    inverse = np.linalg.pinv(upper * np.sign(np.diag(upper))[:, None])
    return _Pair((train @ inverse)[:, 1:], (new @ inverse)[:, 1:])


def _splines(x: _Pair, df: int, degree: int) -> _Pair:
    """B-splines with knots at quantiles of the training values, without the first, which with an intercept is redundant."""
    from scipy.interpolate import BSpline

    inner = np.quantile(x.train, np.linspace(0, 1, df - degree + 2)[1:-1])
    knots = np.concatenate([[x.train.min()] * (degree + 1), inner, [x.train.max()] * (degree + 1)])
    if knots[0] == knots[-1]:
        return _Pair(*(np.full((len(each), df), np.nan) for each in x))
    basis = BSpline(knots, np.eye(df + 1), degree)
    return _Pair(basis(x.train)[:, 1:], basis(x.new)[:, 1:])
