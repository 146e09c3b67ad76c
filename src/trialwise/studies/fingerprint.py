"""A hash of a study's settings: the same in every process, and different as soon as anything differs that the result depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import types
from collections.abc import Callable, Mapping
from functools import cached_property, partial, partialmethod
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.learners.source import contents_of, fingerprint, is_library

OURS = ("trialwise", "builtins", "abc", "typing")
"""Modules whose code is identified by the package version."""

FILE_FIELDS = ("notes", "mapping", "row", "declared", "trial", "inputs", "rt")
"""Fields of trials that describe the files they were read from; no result depends on them."""


QUANTILES = np.linspace(0.0, 1.0, 257)
"""Where distributions are compared."""


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


def _add(write: Callable[[bytes], Any], thing: Any) -> None:
    def put(kind: str, *parts: Any) -> None:
        write(f"<{kind} {len(parts)}>".encode())
        for part in parts:
            _add(write, part)

    if thing is None or isinstance(thing, bool | int | float | str | bytes):
        write(f"{type(thing).__name__}:{thing!r};".encode())
    elif isinstance(thing, np.generic):
        _add(write, thing.item())
    elif isinstance(thing, np.ndarray) and thing.dtype != object:
        write(f"{thing.dtype.str}{thing.shape}".encode() + np.ascontiguousarray(thing).tobytes())
    elif isinstance(thing, np.ndarray):
        put("objects", thing.shape, *thing.ravel().tolist())
    elif isinstance(thing, tuple | list):
        put("list", *thing)
    elif isinstance(thing, range):
        put("range", thing.start, thing.stop, thing.step)
    elif isinstance(thing, set | frozenset):
        put("set", *sorted(thing, key=repr))
    elif isinstance(thing, Mapping):
        put("mapping", *(part for name in sorted(thing, key=str) for part in (str(name), thing[name])))
    elif isinstance(thing, Learner):
        restrictions = dict(thing.settings), dict(thing.fixed), dict(thing.tied)
        put("learner", type(thing).__name__, thing.key, *restrictions, dict(thing.declared))
    elif isinstance(thing, Trials):
        put("trials", {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing) if f.name not in FILE_FIELDS})
    elif isinstance(thing, types.FunctionType | types.MethodType):
        put("function", fingerprint({"": getattr(thing, "__func__", thing)}), getattr(thing, "__self__", None))
    elif isinstance(thing, partial):
        put("partial", thing.func, thing.args, thing.keywords)
    elif isinstance(thing, type):
        put("type", f"{thing.__module__}.{thing.__qualname__}" if is_library(thing) else fingerprint({"": thing}))
    elif hasattr(thing, "to_numpy") and hasattr(thing, "columns"):
        put(
            "table",
            thing.index.to_numpy(),
            *((str(name), thing.iloc[:, k].to_numpy()) for k, name in enumerate(thing.columns)),
        )
    elif hasattr(thing, "to_numpy"):
        put("column", thing.to_numpy(), *([thing.index.to_numpy()] if hasattr(thing, "index") else []))
    elif hasattr(thing, "__wrapped__"):  # a function with a cache
        put("wrapped", thing.__wrapped__)
    elif isinstance(thing, partialmethod):
        put("partial", thing.func, thing.args, thing.keywords)
    elif hasattr(thing, "owner") and hasattr(thing, "type"):  # a random variable of PyMC
        from pytensor.printing import debugprint

        write(str(debugprint(thing, file="str")).encode())
    elif hasattr(thing, "ppf"):  # of scipy; by its quantiles, since histograms and users' distributions share names
        with np.errstate(all="ignore"):
            put("distribution", np.asarray(thing.ppf(QUANTILES), float))
    elif hasattr(thing, "__dict__") or hasattr(type(thing), "__slots__") or dataclasses.is_dataclass(thing):
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
    if dataclasses.is_dataclass(thing):
        of_object = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
    else:
        of_object = contents_of(thing)
    of_class = {
        name: value
        for base in reversed(type(thing).__mro__)
        for name, value in vars(base).items()
        if not name.startswith(("__", "_abc_")) and not _functions(value) and not isinstance(value, DESCRIPTORS)
    }
    return of_class | of_object
