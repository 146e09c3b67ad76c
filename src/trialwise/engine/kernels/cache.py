"""Machine code on disk, keyed by everything it depends on.

Numba's own cache checks the file of a function and its modification time; but a learner may come from a notebook, and its helpers
and the engine are in other files. Here the key is a hash of everything that enters the code, and Numba's cache uses this key.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache as remember
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.bytecode import FunctionIdentity
from numba.core.caching import CacheImpl, _CacheLocator

_KEYS: dict[Callable, str] = {}


def folder() -> Path:
    """The folder of compiled code: ``TRIALWISE_CACHE`` or the user's cache folder."""
    if os.environ.get("TRIALWISE_CACHE"):
        return Path(os.environ["TRIALWISE_CACHE"])
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return base / "trialwise"


PACKAGE = Path(__file__).parents[2]

SOURCES = ("engine", "learners/responses", "learners/state.py")
"""Files and folders of the package on which all kernels depend, and whose text enters every key.

A kernel that depends on further files adds them to its key with :func:`text`.
"""


def sources() -> list[Path]:
    """The files under :data:`SOURCES`, in a fixed order."""
    roots = [PACKAGE / name for name in SOURCES]
    return sorted(path for root in roots for path in (root.rglob("*.py") if root.is_dir() else [root]))


@remember
def _engine() -> str:
    """A hash of the text of :func:`sources` and of the versions of Numba, llvmlite and Python."""
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {sys.version}".encode())
    for path in sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()


@remember
def text(*paths: str) -> str:
    """A hash of files, besides :func:`sources`, on which a kernel depends."""
    return hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()


def key(*parts: Any) -> str:
    """A hash of the parts, the engine's text and the versions."""
    return hashlib.sha256(repr((*parts, _engine())).encode()).hexdigest()[:32]


class _Locator(_CacheLocator):
    """Locates the code of our kernels for Numba's cache; the key alone determines whether it is up to date."""

    def __init__(self, function: Callable):
        self._key = _KEYS[function]

    def ensure_cache_path(self) -> None:
        folder().mkdir(parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(folder())

    def get_source_stamp(self) -> int:
        return 0

    def get_disambiguator(self) -> str:
        return self._key

    @classmethod
    def from_function(cls, function: Callable, file: str) -> _Locator | None:
        return cls(function) if function in _KEYS else None


CacheImpl._locator_classes.insert(0, _Locator)


class _UniqueIds:
    """Identifiers for the functions that a process compiles, distinct from those of other processes.

    Numba numbers functions of the same name (instances of a closure, the same method of two learners) from 1 in every process, and
    the linker treats functions of the same name and number as identical: newly compiled code would call code from disk.
    """

    def __init__(self) -> None:
        self._process, self._last = 0, 0

    def __next__(self) -> int:
        if self._process != os.getpid():  # also after a fork
            self._process, self._last = os.getpid(), int.from_bytes(os.urandom(6))
        self._last += 1
        return self._last


FunctionIdentity._unique_ids = _UniqueIds()  # type: ignore[assignment]


def note(key: str) -> None:
    """Store a fact on disk; if it is lost, it can be determined again."""
    _NOTES.add(key)
    with suppress(OSError):
        folder().mkdir(parents=True, exist_ok=True)
        (folder() / f"{key}.note").touch()


def is_noted(key: str) -> bool:
    """Whether :func:`note` stored this fact, in this process or another."""
    if key not in _NOTES and key not in _MISSING_NOTES:
        (_NOTES if (folder() / f"{key}.note").exists() else _MISSING_NOTES).add(key)
    return key in _NOTES


_NOTES: set[str] = set()
_MISSING_NOTES: set[str] = set()


def on_disk(build: Callable[[], Callable], name: str, key: str) -> Callable:
    """The kernel with this key, whose machine code is kept on disk; ``build`` is called once per process."""
    if key not in _KERNELS:
        _KERNELS[key] = _dispatcher(build(), name, key)
    return _KERNELS[key]


_KERNELS: dict[str, Callable] = {}


def _dispatcher(inner: Callable, name: str, key: str) -> Callable:
    namespace: dict[str, Any] = {"inner": inner, "__name__": __name__}
    exec(compile(f"def {name}(*args):\n    return inner(*args)\n", f"<{name}>", "exec"), namespace)
    function = namespace[name]
    _KEYS[function] = key
    return numba.njit(function, nogil=True, cache=True)
