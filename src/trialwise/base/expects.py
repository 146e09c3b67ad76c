"""What public functions expect of their arguments: the wrong kind of value is refused by name, with what to write instead."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import MOST


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    Attributes
    ----------
    wanted
        What is wanted, in words.
    holds
        Whether a value is of this kind.
    remedy
        What to write in place of a value of another kind; empty if unknown.
    """

    wanted: str
    holds: Callable[[Any], bool]
    remedy: Callable[[Any], str] = lambda value: ""

    def __or__(self, other: Kind) -> Kind:
        """A value of either kind."""
        return Kind(
            f"{self.wanted}, or {other.wanted}",
            lambda value: self.holds(value) or other.holds(value),
            lambda value: self.remedy(value) or other.remedy(value),
        )


def expects[**P, R](**kinds: Kind) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Refuse arguments of the wrong kind before the function runs; its default values are always accepted.

    Raises
    ------
    UsageError
        When the decorated function is called with a value of another kind.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        assert kinds.keys() <= signature.parameters.keys(), function

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            given = _bound(function.__name__, signature, args, kwargs)
            for name, kind in kinds.items():
                if name in given and given[name] is not signature.parameters[name].default:
                    check(function.__name__, name, given[name], kind)
            return function(*args, **kwargs)

        return checked

    return decorate


def _bound(
    name: str, signature: inspect.Signature, args: tuple[object, ...], kwargs: dict[str, object]
) -> Mapping[str, object]:
    """The arguments of a call by name; Python's own error if they miss the signature, with the function and what it takes."""
    try:
        return signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        known = list(signature.parameters)
        unknown = next((each for each in kwargs if each not in known), None)
        advice = (
            f"Its arguments are {', '.join(known)}" if unknown is None else did_you_mean(unknown, known, "arguments")
        )
        raise TypeError(f"{name}() {error}. {advice}") from None


def check(place: str, name: str, value: Any, kind: Kind) -> None:
    """Refuse an argument ``name`` that is not of this kind; ``place`` is the function or class that received it.

    Raises
    ------
    UsageError
        If it is not.
    """
    if not kind.holds(value):
        remedy = kind.remedy(value)
        advice = f"; write {remedy}" if remedy else ""
        raise UsageError(f"{place}({name}={brief(value)}): wanted {kind.wanted}{advice}")


def brief(value: Any) -> str:
    """A value on one short line: its text if that is short, otherwise its type."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    text = repr(value) if isinstance(value, str | int | float | bool | PathLike | None) else ""
    return text if text and len(text) <= MOST else f"{type(value).__name__} object"


def instance(wanted: str, *classes: type, remedy: Callable[[Any], str] = lambda value: "") -> Kind:
    """The instances of classes."""
    return Kind(wanted, lambda value: isinstance(value, classes), remedy)


def _is_table(value: object) -> bool:
    return type(value).__name__ == "DataFrame"


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


COUNT = Kind("a whole number, 1 or larger", lambda value: _is_whole(value) and value >= 1)
INTEGER = Kind("a whole number", _is_whole)
WHOLE = Kind("a whole number, 0 or larger", lambda value: _is_whole(value) and value >= 0)
NUMBER = Kind(
    "a number", lambda value: isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
)
POSITIVE = Kind("a number above 0", lambda value: NUMBER.holds(value) and value > 0)
ARRAY = Kind("an array of numbers", lambda value: isinstance(value, np.ndarray) and value.dtype.kind in "fiub")
FLAG = Kind("True or False", lambda value: isinstance(value, bool | np.bool_))
NAME = instance("a text", str)
NONE = Kind("None", lambda value: value is None)
PATH = instance("a path", str, PathLike)
MAPPING = Kind("a mapping of names to values, {'name': value}", lambda value: isinstance(value, Mapping))
TABLE = Kind(
    "a table (DataFrame)",
    _is_table,
    lambda value: attribute("parameters")(value) if _is_table(getattr(value, "parameters", None)) else "",
)
LABELS = Kind(
    "a list of labels",
    lambda value: (
        isinstance(value, Iterable)
        and not isinstance(value, str | Mapping)
        and getattr(value, "ndim", 1) != 0
        and not TABLE.holds(value)
    ),
)
FUNCTION = Kind("a function", callable)


def attribute(name: str) -> Callable[[Any], str]:
    """A remedy for values that hold what is wanted in an attribute."""
    return lambda value: (
        f"{type(value).__name__.lower()}.{name}" if not isinstance(value, type) and hasattr(value, name) else ""
    )


def _means(value: object) -> str:
    """The values in a fit, and the learner that has them."""
    if isinstance(value, type) or not hasattr(value, "means"):
        return ""
    name = type(value).__name__.lower()
    return f"{name}.means(), the posterior means, with {name}.learner and, for its own data, {name}.trials"


VALUES = MAPPING | replace(TABLE, remedy=lambda value: TABLE.remedy(value) or _means(value))
"""Values of parameters."""


def several(kind: Kind) -> Kind:
    """A list of values of a kind."""
    return Kind(
        f"a list, each {kind.wanted}", lambda value: isinstance(value, list | tuple) and all(map(kind.holds, value))
    )


def mapping_to(kind: Kind) -> Kind:
    """A mapping of names to values of a kind."""
    return Kind(
        f"a mapping of names to values, each {kind.wanted}",
        lambda value: (
            isinstance(value, Mapping) and all(map(NAME.holds, value)) and all(map(kind.holds, value.values()))
        ),
    )


def check_fields(thing: Any, **kinds: Kind) -> None:
    """Refuse an object one of whose attributes is not of its kind.

    Raises
    ------
    UsageError
        If one is not.
    """
    for name, kind in kinds.items():
        check(type(thing).__name__, name, getattr(thing, name), kind)
