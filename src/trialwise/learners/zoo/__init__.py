"""The learners that come with trialwise: one file a family, found by themselves."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from trialwise.learners.learner import Learner


def _found() -> dict[str, type[Learner]]:
    modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
    return {
        name: thing
        for module in modules
        for name, thing in vars(module).items()
        if isinstance(thing, type)
        and issubclass(thing, Learner)
        and (thing.__module__, thing.__name__) == (module.__name__, name)
    }


BUILT_IN: dict[str, type[Learner]] = _found()
"""Built-in learners by name, families in alphabetical order: as the command line knows them."""
