"""Automatic discovery of the contents of a package: adding a file adds a learner, a file format or an environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def modules_in(package: str, path: Iterable[str]) -> Iterator[ModuleType]:
    """Import the modules of a package, in alphabetical order; ``path`` is the ``__path__`` of the package."""
    for module in iter_modules(path):
        yield import_module(f"{package}.{module.name}")


def classes_in[T](package: str, path: Iterable[str], kind: type[T]) -> dict[str, type[T]]:
    """The public subclasses of ``kind`` that are defined in the modules of a package, by name."""
    return {
        name: thing
        for module in modules_in(package, path)
        for name, thing in vars(module).items()
        if isinstance(thing, type)
        and issubclass(thing, kind)
        and thing.__module__ == module.__name__
        and thing.__name__ == name
        and not name.startswith("_")
    }


def instances_in[T](package: str, path: Iterable[str], kind: type[T]) -> list[T]:
    """The public instances of ``kind`` at the top level of a package's modules, each once, in alphabetical order of the modules."""
    instances: list[T] = []
    for module in modules_in(package, path):
        for name, thing in vars(module).items():
            if isinstance(thing, kind) and not name.startswith("_") and not any(thing is other for other in instances):
                instances.append(thing)
    return instances
