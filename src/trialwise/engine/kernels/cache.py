"""Machine code on disk, keyed by everything it depends on.

Numba's own cache checks the file of a function and its modification time; but a learner may come from a notebook, and its helpers
and the engine are in other files. Here the key is a hash of everything that enters the code, and Numba's cache uses this key.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache as remember
from pathlib import Path
from typing import IO, Any

import llvmlite
import numba
from numba.core.bytecode import FunctionIdentity
from numba.core.caching import CacheImpl, FunctionCache, IndexDataCacheFile, _CacheLocator
from numba.core.compiler_lock import global_compiler_lock

_KEYS: dict[Callable, str] = {}


NO_HOME = Path("~")
"""Stands for the home folder of a user who has none."""


def _wanted() -> tuple[Path, str]:
    """The folder that the environment asks for, and the variable that does; an empty variable counts as unset."""
    if own := os.environ.get("TRIALWISE_CACHE"):
        return Path(own), "TRIALWISE_CACHE"
    try:
        home = Path.home()
    except RuntimeError:  # as in containers that run as a user without a name
        home = NO_HOME
    if sys.platform == "win32":
        variable, default = "LOCALAPPDATA", home / "AppData" / "Local"
    elif sys.platform == "darwin":
        variable, default = "", home / "Library" / "Caches"
    else:
        variable, default = "XDG_CACHE_HOME", home / ".cache"
    base = os.environ.get(variable) if variable else None
    return Path(base or default) / "trialwise", variable if base else ""


def folder() -> Path | None:
    """The folder of compiled code: ``TRIALWISE_CACHE`` or the user's cache folder; None if it cannot be used.

    Whoever can write to it can run code as this user. So it is used only if its path is absolute, it belongs to this user, and
    neither the group nor others may write to it. A warning states once why a folder is not used.
    """
    path, variable = _wanted()
    fault = _fault(path)
    if fault is None:
        return path
    _say(path, fault, f"{variable}: " if variable else "")
    return None


def _say(path: Path, fault: str, named: str = "") -> None:
    """Warn, once, that a folder does not keep compiled code."""
    if (path, fault) not in _SAID and multiprocessing.parent_process() is None:  # workers find what their parent found
        _SAID.add((path, fault))
        warnings.warn(
            f"compiled code is not kept, so that every start compiles again: {named}the folder {str(path)!r} {fault}",
            RuntimeWarning,
            stacklevel=3,
        )


_SAID: set[tuple[Path, str]] = set()


def _fault(path: Path) -> str | None:
    """Why a folder cannot hold compiled code, and what to do; None if it can. It is made if it does not exist."""
    if path.is_relative_to(NO_HOME):
        return "would be in your home folder, and you have none; set TRIALWISE_CACHE to the whole path of a folder of your own"
    if not path.is_absolute():
        return "is relative to wherever Python was started; write its whole path, or set TRIALWISE_CACHE to one"
    another = "set TRIALWISE_CACHE to the whole path of a folder of your own"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        return f"cannot be made ({error.strerror or error}); {another}"
    if hasattr(os, "getuid"):  # Windows has neither
        if found.st_uid != os.getuid():
            return f"belongs to another user; {another}"
        if found.st_mode & 0o022:
            return f"can be written by other users; type chmod go-w {path}, or {another}"
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return f"cannot be written; {another}"
    return None


PACKAGE = Path(__file__).parents[2]

SOURCES = ("engine", "learners/responses", "learners/functions.py", "learners/state.py")
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

    def __init__(self, function: Callable, place: Path):
        self._key, self._place = _KEYS[function], place

    def ensure_cache_path(self) -> None:
        self._place.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get_cache_path(self) -> str:
        return str(self._place)

    def get_source_stamp(self) -> int:
        return 0

    def get_disambiguator(self) -> str:
        return self._key

    @classmethod
    def from_function(cls, function: Callable, file: str) -> _Locator | None:
        place = folder() if function in _KEYS else None
        return cls(function, place) if place else None


CacheImpl._locator_classes.insert(0, _Locator)


class _Files(IndexDataCacheFile):
    """Numba's files, brought to the disk before they are renamed: after a power cut they might contain other machine code else."""

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[IO[bytes]]:
        with super()._open_for_write(filepath) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())


class _Cache(FunctionCache):
    """Numba's cache, for which a damaged file or a full disk is no error: the code is compiled again."""

    def __init__(self, function: Callable):
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: object, target_context: object) -> object:
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # unpickling what is damaged can fail in any way
            with suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: object, data: object) -> None:
        try:
            super().save_overload(sig, data)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            reason = getattr(error, "strerror", None) or error
            fault = f"cannot be written ({reason}); free some space, or set TRIALWISE_CACHE to the whole path of another folder"
            _say(Path(self._cache_path), fault)


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
    if place := folder():
        with suppress(OSError):
            (place / f"{key}.note").touch()


def is_noted(key: str) -> bool:
    """Whether :func:`note` stored this fact, in this process or another."""
    if key not in _NOTES and key not in _MISSING_NOTES:
        place = folder()
        (_NOTES if place and (place / f"{key}.note").exists() else _MISSING_NOTES).add(key)
    return key in _NOTES


_NOTES: set[str] = set()
_MISSING_NOTES: set[str] = set()


def on_disk(build: Callable[[], Callable], name: str, key: str) -> Callable:
    """The kernel with this key, whose machine code is kept in :func:`folder`, if that can be used; ``build`` is called once per process.

    One thread builds at a time, with Numba's own lock, since building reads what Numba has to load and another thread may be compiling.
    """
    if key not in _KERNELS:
        with global_compiler_lock:
            if key not in _KERNELS:
                _KERNELS[key] = _dispatcher(build(), name, key)
    return _KERNELS[key]


_KERNELS: dict[str, Callable] = {}


def _dispatcher(inner: Callable, name: str, key: str) -> Callable:
    namespace: dict[str, Any] = {"inner": inner, "__name__": __name__}
    exec(compile(f"def {name}(*args):\n    return inner(*args)\n", f"<{name}>", "exec"), namespace)
    function = namespace[name]
    _KEYS[function] = key
    kernel: Callable = numba.njit(function, nogil=True)
    if folder() is not None:
        kernel._cache = _Cache(function)  # type: ignore[attr-defined]
    return kernel
