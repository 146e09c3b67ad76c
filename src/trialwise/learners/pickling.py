"""Pickle objects for other processes: learners are sent with their source and a hash.

A user's own code, in a script, a notebook cell or a file, cannot be imported by a process on another machine, nor by one that
was not forked from this one. It is therefore pickled by value (cloudpickle), and installed code by name. The source is included,
since names of signals and locations of errors are read from it; the hash verifies that the learner is the same after unpickling.
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
from trialwise.base.message import Argument
from trialwise.learners.decorator import learner as declare
from trialwise.learners.learner import Learner
from trialwise.learners.source import helpers
from trialwise.learners.stored import learner_from_attributes, learner_to_attributes
from trialwise.learners.zoo import BUILT_IN

INSTALLED = tuple(
    sorted({*(sysconfig.get_paths()[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib"))})
)  # fmt: skip
OURS = str(Path(__file__).parents[1])


def pack(value: Any) -> bytes:
    """Pickle any object, including the user's own learners, environments and priors, for :func:`unpack`.

    Raises
    ------
    UsageError
        If a part of it cannot be pickled, such as an open file or a lock.
    """
    buffer = io.BytesIO()
    with _users_modules_by_value():
        try:
            _Pickler(buffer, protocol=pickle.HIGHEST_PROTOCOL).dump(value)
        except (pickle.PicklingError, TypeError, AttributeError, ValueError) as error:
            raise UsageError(
                f"{type(value).__name__} cannot be sent to another process ({error}). Something that the learner, the environment "
                "or a prior refers to belongs to this process only, such as an open file; or run everything in it: ",
                Argument("workers", 1),
            ) from error
    return buffer.getvalue()


@lru_cache(maxsize=4)
def unpack(parcel: bytes) -> Any:
    """Restore a packed object; the same object for the same bytes, so that learners are compiled once.

    Raises
    ------
    UsageError
        If a learner differs from the original, because versions differ.
    """
    return pickle.loads(parcel)


class _Pickler(cloudpickle.Pickler):
    """Pickles learners as class and restrictions, and everything else like cloudpickle."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Learner):
            built_in = BUILT_IN.get(type(value).__name__) is type(value)
            source = None if built_in else (value.agent_class, _source_lines(value))
            return _restore_learner, (learner_to_attributes(value), source, _sent_hash(value), sys.version.split()[0])
        if isinstance(value, types.ModuleType) and not _is_users(value.__name__):
            return import_module, (value.__name__,)  # including modules of a special type, such as this package
        if isinstance(value, types.CodeType):  # cloudpickle omits the file name
            constructor, arguments = self.dispatch_table[types.CodeType](value)[:2]
            return _code_of_file, (constructor, arguments, value.co_filename)
        return super().reducer_override(value)


def _code_of_file(constructor: Callable[..., types.CodeType], arguments: tuple, file: str) -> types.CodeType:
    return constructor(*arguments).replace(co_filename=file)


def _restore_learner(
    attributes: dict[str, str], source: tuple[type, dict[str, list[str]]] | None, sent: str, version: str
) -> Learner:
    """Restore a learner that another process packed."""
    cls = None
    if source is not None:
        for file, lines in source[1].items():
            linecache.cache[file] = (sum(map(len, lines)), None, lines, file)
        cls = declare(source[0])
    learner = learner_from_attributes(attributes, cls)
    assert learner is not None
    if _sent_hash(learner) != sent:
        raise UsageError(
            f"{attributes['learner']} was sent from Python {version} and is a different learner in Python "
            f"{sys.version.split()[0]}, trialwise {metadata.version('trialwise')}: use the same versions in all processes"
        )
    return learner


def _sent_hash(learner: Learner) -> str:
    """A hash of the learner's computations and its default priors."""
    return hashlib.sha256(
        repr((learner.key, learner.parameters, dict(learner.declared), learner.gives_probabilities)).encode()
    ).hexdigest()


def _source_lines(learner: Learner) -> dict[str, list[str]]:
    """The lines of each file that contains methods or helpers, by file name."""
    lines_of_files: dict[str, list[str]] = {}
    pending, seen = [f for f in vars(learner.agent_class).values() if isinstance(f, types.FunctionType)], set()
    while pending:
        function = pending.pop()
        if function in seen:
            continue
        seen.add(function)
        file = function.__code__.co_filename
        if file not in lines_of_files and (lines := linecache.getlines(file)):
            lines_of_files[file] = lines
        pending += [f for _, f in helpers(function) if isinstance(f, types.FunctionType) and _is_users(f.__module__)]
    return lines_of_files


def _is_users(name: str | None) -> bool:
    """Whether a module of this name is the user's own, neither installed nor part of this package."""
    if name in ("__main__", "__mp_main__"):
        return True
    file = getattr(sys.modules.get(name or ""), "__file__", None)
    if not isinstance(file, str) or name == __name__:
        return False
    return not file.startswith((*INSTALLED, OURS)) and "site-packages" not in file and "dist-packages" not in file


@contextmanager
def _users_modules_by_value() -> Iterator[None]:
    registered = cloudpickle.list_registry_pickle_by_value()
    names = [name for name in list(sys.modules) if "." not in name or name.split(".")[0] not in registered]
    modules = [sys.modules[name] for name in names if name not in registered and name != "__main__" and _is_users(name)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
