"""Learners: the methods called on each trial, and the built-in learners (:mod:`trialwise.learners.zoo`)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialwise.learners import functions as functions
    from trialwise.learners.learner import Learner as Learner

    BUILT_IN: dict[str, type[Learner]]

    def __getattr__(name: str) -> type[Learner]: ...


def __getattr__(name: str) -> Any:  # type: ignore[no-redef]
    """Built-in learners by name, ``trialwise.learners.QLearning``, imported on first use; and ``Learner``, their base class."""
    if name.startswith("__"):
        raise AttributeError(name)
    if name == "functions":
        return import_module("trialwise.learners.functions")
    if name == "Learner":
        from trialwise.learners.learner import Learner

        return Learner
    from trialwise.learners.zoo import BUILT_IN

    if name == "BUILT_IN":
        return BUILT_IN
    if name not in BUILT_IN:
        raise AttributeError(f"module 'trialwise.learners' has no attribute '{name}'")
    return BUILT_IN[name]


def __dir__() -> list[str]:
    from trialwise.learners.zoo import BUILT_IN

    return sorted([*BUILT_IN, "Learner"])
