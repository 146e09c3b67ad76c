"""Sending work to another process: learners by what they compute, with their text and a hash of it.

A user's own code, in a script, a notebook's cell or a file, cannot be imported by a process on another machine, nor by one that
was not forked from this one. It is therefore sent by value (cloudpickle), installed code by name; the text is sent along, since
names of signals and places of errors are read from it; and the hash shows on arrival whether it is the same learner.
"""

from __future__ import annotations

import hashlib
import io
import linecache
import pickle
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import cloudpickle

from trialwise.base.errors import UsageError
from trialwise.learners.decorator import learner as declare
from trialwise.learners.learner import Learner
from trialwise.learners.source import helpers
from trialwise.learners.stored import learner_from_attributes, learner_to_attributes
from trialwise.learners.zoo import BUILT_IN

INSTALLED = tuple(
    sorted({*(sysconfig.get_paths()[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib"))})
)  # fmt: skip
OURS = str(Path(__file__).parents[1])


def pack(thing: Any) -> bytes:
    """Any object, the user's own learners, environments and priors included, as bytes for :func:`unpack`.

    Raises
    ------
    UsageError
        If a part of it cannot be sent: an open file, a lock.
    """
    buffer = io.BytesIO()
    with _users_modules_by_value():
        try:
            _Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(thing)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError) as error:
            raise UsageError(
                f"{type(thing).__name__} cannot be sent to another process ({error}). Something that the learner, the environment "
                "or a prior refers to belongs to this process alone, such as an open file; or do all in this one: workers=1"
            ) from error
    return buffer.getvalue()


@lru_cache(maxsize=4)
def unpack(parcel: bytes) -> Any:
    """The packed object; the same object for the same bytes, so that it is compiled once.

    Raises
    ------
    UsageError
        If the received learner differs from the sent one, because versions differ.
    """
    return pickle.loads(parcel)


class _Pickler(cloudpickle.Pickler):
    """Pickles learners as class and restrictions; everything else as cloudpickle does."""

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, Learner):
            built_in = BUILT_IN.get(type(thing).__name__) is type(thing)
            own = None if built_in else (thing.agent_class, _texts(thing))
            return _arrive, (learner_to_attributes(thing), own, _sent_hash(thing), sys.version.split()[0])
        if isinstance(thing, types.ModuleType) and not _is_users(thing.__name__):
            return import_module, (thing.__name__,)  # also modules of a special type, as this package is
        if isinstance(thing, types.CodeType):  # cloudpickle omits the file's name
            make, parts = self.dispatch_table[types.CodeType](thing)[:2]
            return _of_file, (make, parts, thing.co_filename)
        return super().reducer_override(thing)


def _of_file(make: Callable[..., types.CodeType], parts: tuple, file: str) -> types.CodeType:
    return make(*parts).replace(co_filename=file)


def _arrive(
    attributes: dict[str, str], own: tuple[type, dict[str, list[str]]] | None, sent: str, version: str
) -> Learner:
    """The learner that was sent."""
    cls = None
    if own is not None:
        for file, lines in own[1].items():
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)
        cls = declare(own[0])
    found = learner_from_attributes(attributes, cls)
    assert found is not None
    if _sent_hash(found) != sent:
        raise UsageError(
            f"{attributes['learner']} was sent from Python {version} and arrived in Python {sys.version.split()[0]}, trialwise "
            f"{metadata.version('trialwise')}, as another learner: give workers the versions that this process has"
        )
    return found


def _sent_hash(learner: Learner) -> str:
    """A hash of what the learner computes and of its default priors."""
    return hashlib.sha256(repr((learner.key, dict(learner.declared), learner.gives_probabilities)).encode()).hexdigest()


def _texts(learner: Learner) -> dict[str, list[str]]:
    """The lines of every file that contains methods or helpers, by its name."""
    found: dict[str, list[str]] = {}
    todo, seen = [f for f in vars(learner.agent_class).values() if isinstance(f, types.FunctionType)], set()
    while todo:
        function = todo.pop()
        if function in seen:
            continue
        seen.add(function)
        file = function.__code__.co_filename
        if file not in found and (lines := linecache.getlines(file)):
            found[file] = lines
        todo += [f for _, f in helpers(function) if isinstance(f, types.FunctionType) and _is_users(f.__module__)]
    return found


def _is_users(name: str | None) -> bool:
    """Whether a module of this name is the user's own, neither installed nor of this package."""
    if name in ("__main__", "__mp_main__"):
        return True
    file = getattr(sys.modules.get(name or ""), "__file__", None)
    if not isinstance(file, str) or name == __name__:
        return False
    return not file.startswith((*INSTALLED, OURS)) and "site-packages" not in file and "dist-packages" not in file


@contextmanager
def _users_modules_by_value() -> Iterator[None]:
    already = cloudpickle.list_registry_pickle_by_value()
    names = [name for name in list(sys.modules) if "." not in name or name.split(".")[0] not in already]
    mine = [sys.modules[name] for name in names if name not in already and name != "__main__" and _is_users(name)]
    for module in mine:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in mine:
            cloudpickle.unregister_pickle_by_value(module)
