"""The ``@learner`` decorator: from a class that describes one trial to a learner that can be simulated and fitted."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from trialwise.errors import LearnerError, did_you_mean
from trialwise.learner import CONTRACT, Learner
from trialwise.parameters import Parameter, Setting
from trialwise.source import uses


def probabilities(choose: Callable) -> Callable:
    """Mark a ``choose`` that fills ``preference`` with probabilities instead of logits.

    For rules that mix policies (working memory plus reinforcement learning, epsilon-greedy); ``softmax_into`` helps.
    """
    choose.gives_probabilities = True  # type: ignore[attr-defined]
    return choose


def learner[C: type](cls: C) -> C:
    """Turn a class that describes one participant on one trial into a learner.

    Fields are parameters (:func:`unit`, :func:`positive`, :func:`real`, :func:`interval`) or settings (:func:`constant`);
    methods are those of the contract (see :mod:`trialwise.learner`), and helpers called as ``self.helper(...)``.

    Raises
    ------
    LearnerError
        If a method's arguments are not the contract's, neither ``choose`` nor ``respond`` is there, or a method reads a
        field that does not exist; with the line.
    """
    name = cls.__name__
    fields: dict[str, Parameter | Setting] = {}
    annotated = tuple(vars(cls).get("__annotations__", ()))
    for attribute, value in vars(cls).items():
        if isinstance(value, Parameter | Setting):
            fields[attribute] = replace(value, name=attribute)
        elif attribute in annotated:
            raise LearnerError(
                f"{name}.{attribute} = {value!r}: a field says what it is. "
                f'Write unit("..."), positive("..."), real("..."), interval(lower, upper, "...") '
                f'or constant({value!r}, "...")'
            )
    for attribute in annotated:
        if attribute not in fields:
            raise LearnerError(f'{name}.{attribute} has no range: write {attribute}: float = unit("...") or the like')

    methods = {m: vars(cls)[m] for m in CONTRACT if m in vars(cls)}
    _check_methods(cls, fields, methods)
    body = {
        "__doc__": cls.__doc__,
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "fields": types.MappingProxyType(fields),
        "methods": types.MappingProxyType(methods),
        "gives_probabilities": getattr(methods.get("choose"), "gives_probabilities", False),
        "agent_class": cls,
    }
    return type(name, (Learner,), body)  # type: ignore[return-value]


def _check_methods(cls: type, fields: Mapping[str, Any], methods: Mapping[str, Callable]) -> None:
    name = cls.__name__
    if ("choose" in methods) == ("respond" in methods):
        which = "has both choose and respond; it can have one" if "choose" in methods else "has no choose"
        raise LearnerError(
            f"{name} {which}. For choices write\n"
            "    def choose(self, state, trial, preference):   # fill preference[action] with logits\n"
            "for a continuous response\n"
            "    def respond(self, state, trial):              # return mean, sd"
        )
    for method_name, method in methods.items():
        wanted = list(CONTRACT[method_name])
        if "hide" in methods and method_name in ("choose", "learn"):
            wanted.insert(2, "hidden")
        got = list(inspect.signature(method).parameters)[1:]
        if len(got) != len(wanted):
            raise LearnerError(
                f"{_place(method, name)} takes ({', '.join(['self', *got])}) but is called with "
                f"({', '.join(['self', *wanted])}): write def {method_name}(self, {', '.join(wanted)}):"
            )
    known = set(fields) | {attribute for attribute in vars(cls) if not attribute.startswith("__")}
    for method in vars(cls).values():
        if isinstance(method, types.FunctionType):
            first = method.__code__.co_varnames[:1]
            for use in uses(method):
                if first and use.argument == first[0] and use.name not in known:
                    raise LearnerError(
                        f"{_place(method, name, use.line)} reads {first[0]}.{use.name}, which {name} does not have. "
                        f"{did_you_mean(use.name, sorted(known), 'fields')}"
                    )


def _place(method: Callable, owner: str, line: int | None = None) -> str:
    code = method.__code__
    return f"{owner}.{code.co_name} ({code.co_filename}, line {line or code.co_firstlineno})"
