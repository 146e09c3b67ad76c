"""Random numbers and clocks in a learner's methods: refused, since a likelihood with them is another number at each call."""

from __future__ import annotations

import dis
import functools
import random
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from numpy.random import BitGenerator, Generator, RandomState

from trialwise.base.errors import LearnerError
from trialwise.base.message import Argument
from trialwise.learners.learner import Learner
from trialwise.learners.source import helpers, names_in

RANDOM = {"random", "_random", "numpy.random", "secrets", "uuid"}
CLOCKS = {"time", "datetime"}
"""Modules whose functions have another result at each call."""

GENERATORS = (random.Random, Generator, RandomState, BitGenerator)

PACKAGES = {"numpy", "numba", "scipy"} | set(sys.stdlib_module_names)
"""Packages whose functions are not looked into."""


class Source(NamedTuple):
    """A place where a function uses a random number or a clock, as in ``np.random.normal``."""

    text: str
    clock: bool
    line: int


@functools.lru_cache(maxsize=512)
def check_repeatable(learner: Learner) -> None:
    """Refuse a learner whose methods, or what they call, use random numbers or a clock.

    Raises
    ------
    LearnerError
        It names the line, and what to write.
    """
    kind, members = type(learner).__name__, vars(learner.agent_class)
    pending: list[tuple[str, Callable]] = [(f"{kind}.{name}", method) for name, method in learner.methods.items()]
    seen: set[types.CodeType] = set()
    while pending:
        name, function = pending.pop(0)
        if function.__code__ in seen:
            continue
        seen.add(function.__code__)
        own = name.startswith(f"{kind}.")
        for source in _sources(function.__code__, dict(helpers(function)), members if own else {}):
            where = f"{name}, line {source.line}"
            if not own:
                where = f"{name} ({function.__code__.co_filename}, line {source.line})"
            same = f"{where}, uses {source.text}, but a method has to compute the same result whenever it is called with the same arguments"
            if source.clock:
                raise LearnerError(
                    f"{same}\n    -> leave it out; times that were recorded are columns of the data, read with ",
                    Argument("numbers", ["time"]), ", and trial.time in the method",
                )  # fmt: skip
            raise LearnerError(
                f"{same}\n    -> leave it out: methods give the probabilities of responses, from which simulate draws the responses themselves. "
                "Noise of a number is a parameter of its response (return mean, sd), and a random step that nobody observes is a hidden choice "
                "(def hide)"
            )
        pending += _called(function, kind, learner.helper_methods)


def _called(function: Callable, kind: str, own: Mapping[str, Callable]) -> Iterator[tuple[str, Callable]]:
    """The user's functions that a function refers to."""
    for name in names_in(function.__code__) & set(own):
        yield f"{kind}.{name}", own[name]
    for name, value in helpers(function):
        inner = _inside(value)
        if inner is not None and (inner.__module__ or "").partition(".")[0] not in PACKAGES:
            yield name, inner


def _inside(value: object) -> types.FunctionType | None:
    """The function that is wrapped by a compiled one, a partial one, a method or a cache."""
    for _ in range(8):
        if isinstance(value, types.FunctionType):
            return value
        wrapped = [getattr(value, name, None) for name in ("py_func", "__func__", "func", "__wrapped__")]
        value = next((each for each in wrapped if callable(each)), None)
    return None


_UNKNOWN, _AGENT = object(), object()


def _sources(code: types.CodeType, known: Mapping[str, object], members: Mapping[str, object]) -> Iterator[Source]:
    """Where code uses a random number or a clock: names and their attributes are followed in its bytecode.

    ``known`` are the values of global names and closed-over variables, ``members`` the attributes of a method's ``self``.
    """
    text, value, line, found, clock = "", _UNKNOWN, code.co_firstlineno, False, False
    for step in dis.get_instructions(code):
        name = step.argval[-1] if isinstance(step.argval, tuple) and step.argval else step.argval
        if step.opname in ("PUSH_NULL", "CACHE"):
            continue
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and (value is not _UNKNOWN or found):
            found = found or (name == "rvs" and value is not _AGENT)
            text, value = f"{text}.{name}", _attribute(value, name, members)
        else:
            if found:
                yield Source(text, clock, line)
            text, value, found, clock = "", _UNKNOWN, False, False
            if step.positions is not None and step.positions.lineno is not None:
                line = step.positions.lineno
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"):
                text, value = name, known.get(name, _UNKNOWN)
            elif step.opname.startswith("LOAD_FAST") and members and code.co_varnames[:1] == (name,):
                text, value = name, _AGENT
            elif step.opname == "IMPORT_NAME" and _within(name, RANDOM | CLOCKS):
                yield Source(name, _within(name, CLOCKS), line)
        clock = clock or _belongs(value, CLOCKS)
        found = found or clock or isinstance(value, GENERATORS) or _belongs(value, RANDOM)
    if found:
        yield Source(text, clock, line)
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _sources(inner, known, members)


def _attribute(value: object, name: str, members: Mapping[str, object]) -> object:
    if value is _AGENT:
        return members.get(name, _UNKNOWN)
    if isinstance(value, types.ModuleType | type):
        return getattr(value, name, _UNKNOWN)
    return _UNKNOWN


def _belongs(value: object, modules: set[str]) -> bool:
    """Whether a value is one of these modules, or a function or class of them, or a method of a generator of random numbers."""
    if isinstance(value, types.ModuleType):
        return _within(value.__name__, modules)
    owner = getattr(value, "__self__", None)
    if isinstance(owner, types.ModuleType):
        return _within(owner.__name__, modules)
    if isinstance(owner, GENERATORS):
        return modules != CLOCKS
    return callable(value) and _within(getattr(value, "__module__", None) or "", modules)


def _within(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)
