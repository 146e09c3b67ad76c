"""A hash of a study's settings: the same in every process, and different as soon as anything differs that the result depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import types
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.data.reading.table import Table
from trialwise.data.trials import Trials
from trialwise.learners.fingerprint import components, contents_of, fingerprint, is_library
from trialwise.learners.learner import Learner

OURS = ("trialwise", "builtins", "abc", "typing")
"""Modules whose code is identified by the package version."""

FILE_FIELDS = ("notes", "mapping", "row", "declared", "trial", "inputs", "rt")
"""Fields of trials that describe the files they were read from; no result depends on them."""


def digest(*things: Any) -> str:
    """A hash of numbers, arrays, tables, learners, trials, environments, distributions, and collections of these.

    Raises
    ------
    UsageError
        If the contents of an object cannot be determined.
    """
    sha = hashlib.sha256()
    _add(sha.update, things)
    return sha.hexdigest()


def _add(write: Callable[[bytes], Any], thing: Any, within: tuple[int, ...] = ()) -> None:
    """Write a thing, part by part; ``within`` are the identities of the objects that it is part of."""

    def put(kind: str, *parts: object) -> None:
        write(f"<{kind} {len(parts)}>".encode())
        for part in parts:
            _add(write, part, (*within, id(thing)))

    if thing is None or isinstance(thing, bool | int | float | str | bytes):
        write(f"{type(thing).__name__}:{thing!r};".encode())
    elif id(thing) in within:
        put("part", len(within) - within.index(id(thing)))
    elif isinstance(thing, np.generic):
        put("number", thing.item())
    elif isinstance(thing, tuple | list):  # alike as settings
        put("list", *thing)
    elif isinstance(thing, Learner):
        restrictions = dict(thing.settings), dict(thing.fixed), dict(thing.tied)
        varied = (dict(thing.varied),) if thing.varied else ()
        put("learner", type(thing).__name__, thing.key, *restrictions, dict(thing.declared), *varied)
    elif isinstance(thing, Trials):
        put("trials", {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing) if f.name not in FILE_FIELDS})
    elif isinstance(thing, Table):  # its columns also hold what was once computed from them
        put("cells", thing.header, [column.values for column in thing.columns], dict(thing.levels), thing.free_comma)
    elif isinstance(thing, types.FunctionType):
        put("function", fingerprint({"": thing}))
    elif isinstance(thing, types.MethodType):
        put("method", fingerprint({"": thing.__func__}), thing.__self__)
    elif isinstance(thing, type):
        put("type", f"{thing.__module__}.{thing.__qualname__}" if is_library(thing) else fingerprint({"": thing}))
    elif type(thing).__module__.startswith("pytensor."):  # a random variable of PyMC
        from pytensor.printing import debugprint

        write(str(debugprint(thing, file="str")).encode())
    elif (parts := components(thing, digest)) is not None:
        put(*parts)
    elif hasattr(thing, "__dict__") or hasattr(type(thing), "__slots__"):
        cls: Any = type(thing)
        own: dict[str, Callable] = {
            f"{name}{part}": method
            for base in reversed(cls.__mro__)
            for name, member in vars(base).items()
            for part, method in _functions(member)
            if base.__module__.split(".")[0] not in OURS
        }
        code = fingerprint(own) if own else ""
        put("object", f"{cls.__module__}.{cls.__qualname__}" if not code else cls.__qualname__, code, _contents(thing))
    else:
        raise UsageError(
            f"{thing!r}: a study stores its pieces under a hash of its settings, and this object cannot be hashed"
        )


DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType, cached_property)
"""Members of a class that hold no value of their own."""


def _functions(member: Any) -> list[tuple[str, types.FunctionType]]:
    """The functions of a member of a class: a method, or what a property or a static or class method is made from."""
    if isinstance(member, partial):
        return []  # a value of the class
    parts = {
        "": member,
        **{f".{name}": getattr(member, name, None) for name in ("fget", "fset", "func", "__func__", "__wrapped__")},
    }
    return [(name, each) for name, each in parts.items() if isinstance(each, types.FunctionType)]


def _contents(thing: Any) -> dict[str, Any]:
    """Attributes of an object and of its class (such as ``levels`` of an environment); not cached results of a dataclass."""
    of_class = {
        name: value
        for base in reversed(type(thing).__mro__)
        for name, value in vars(base).items()
        if not name.startswith(("__", "_abc_")) and not _functions(value) and not isinstance(value, DESCRIPTORS)
    }
    return of_class | contents_of(thing)
