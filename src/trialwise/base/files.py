"""Writing of files: one file completely or not at all, and several files of one result together.

Files are written beside their paths under other names, brought to the disk, and renamed at the end: after a power cut they are as they
were, or complete. Several renames can be interrupted in between; while they last, ``NAME.unfinished.json`` stands in the folder, with the
hashes of old and new files, and readers refuse a folder in which both are mixed.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from trialwise.base.errors import DataError, Problem, UsageError

MARK = ".unfinished.json"
"""End of the name of the file that marks a folder while the files of a result are renamed."""

REMAINS = 24 * 60 * 60
"""Age in seconds from which a temporary file belongs to no running process."""

NOTE = (
    "The command that wrote these files was interrupted: some may be of its run and others of an earlier one. Run it again; this file is "
    "removed when all are complete."
)

_STAGED: ContextVar[dict[Path, Path] | None] = ContextVar("staged", default=None)
"""Inside :func:`together`: temporary files by the paths that they will have."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Provide a temporary file beside ``path`` that is renamed to ``path`` at the end, or deleted after an error.

    Raises
    ------
    UsageError
        If the file cannot be written, or if ``path`` is a folder, a device or a pipe.

    Examples
    --------
    >>> with whole(Path("fit.nc")) as temporary:                                              # doctest: +SKIP
    ...     tree.to_netcdf(temporary)
    """
    target, temporary, staged = target_of(path), None, _STAGED.get()
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _sync(temporary)
        os.chmod(temporary, stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o644)  # mkstemp: 0o600
        if staged is None:
            os.replace(temporary, target)
            _sync_folder(target.parent)
        else:
            if target in staged:
                staged[target].unlink()
            staged[target] = temporary
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _not_written(path, error) from error
        raise


def write(path: Path, content: bytes | str) -> Path:
    """Write a file completely or not at all, text as UTF-8, and return its path.

    Raises
    ------
    UsageError
        As :func:`whole`.
    """
    with whole(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def create_folder(folder: Path) -> Path:
    """Create a folder, and those around it, unless there is one, and return it.

    Raises
    ------
    UsageError
        If it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder {str(folder)!r} cannot be created: {error.strerror}; give a path in another folder"
        ) from None
    return folder


def _sync(path: Path, access: int = os.O_RDWR) -> None:
    """Wait until the content of a file is on the disk: after a power cut a renamed file may be empty else."""
    handle = os.open(path, access)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """Wait until the names of files in a folder are on the disk, where the system can: the files themselves are complete."""
    with suppress(OSError):  # Windows opens no folders, and some network disks refuse
        _sync(folder, os.O_RDONLY)


def target_of(path: Path) -> Path:
    """The file that is written for a path: that to which a symbolic link leads, which itself is kept.

    Raises
    ------
    UsageError
        If it is a folder, a device, a pipe or a link to itself.
    """
    try:
        target = path.resolve() if path.is_symlink() else path
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a link that leads to itself"
        raise UsageError(f"{str(path)!r} cannot be written: {reason}; give another path") from None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device, not a file"
        raise UsageError(f"{str(path)!r} cannot be written: it is {kind}; give the path of a file")
    return target


def _not_written(path: Path, error: OSError) -> UsageError:
    """The error for a file that cannot be written, with what to do."""
    reason, remedy = {
        errno.ENOSPC: ("the disk is full", "free some space or choose another folder"),
        errno.EDQUOT: ("your quota of the disk is used up", "delete files or choose another folder"),
        errno.EFBIG: (
            "it would be larger than files may be here",
            "raise the limit (ulimit -f) or choose another disk",
        ),
    }.get(error.errno or 0, (error.strerror or str(error), "choose another folder"))
    return UsageError(f"{str(path)!r} cannot be written: {reason}; {remedy}. What was there before is unchanged")


# -- several files -------------------------------------------------------------------------------------------------------


@contextmanager
def together(folder: Path, name: str) -> Iterator[None]:
    """Write all files of a result, or none: those written inside appear at the end, after all of them have been written elsewhere.

    A process that is killed while they appear leaves ``NAME.unfinished.json``, by which :func:`refuse_mixed` recognises a mixture.

    Parameters
    ----------
    folder
        Folder of the mark.
    name
        Name of the result, the first word of the mark.
    """
    if _STAGED.get() is not None:  # files of the result around this one
        yield
        return
    staged: dict[Path, Path] = {}
    token = _STAGED.set(staged)
    try:
        yield
        _STAGED.reset(token)
        _appear(folder, name, staged)
    finally:
        if _STAGED.get() is staged:
            _STAGED.reset(token)
        for temporary in staged.values():
            temporary.unlink(missing_ok=True)


def _appear(folder: Path, name: str, staged: dict[Path, Path]) -> None:
    mark = folder / f"{name}{MARK}"
    earlier = _listed(mark)  # of a run that was interrupted: its files stay marked unless all are replaced now
    if len(staged) > 1 or earlier:
        hashes = {
            os.path.relpath(target, folder.resolve()): {"old": _hash(target), "new": _hash(temporary)}
            for target, temporary in ((target.absolute(), temporary) for target, temporary in staged.items())
        }
        earlier = {name: entry for name, entry in earlier.items() if name not in hashes}
        write(mark, json.dumps({"note": NOTE, "sha256": earlier | hashes}, indent=1) + "\n")
    for target, temporary in staged.items():
        try:
            os.replace(temporary, target)
        except OSError as error:
            raise UsageError(
                f"{str(target)!r} cannot be replaced: {error.strerror}; other files of this result may have been. Choose another folder"
            ) from error
    for parent in {target.parent for target in staged}:
        _sync_folder(parent)  # before the mark is gone
    if earlier:
        write(mark, json.dumps({"note": NOTE, "sha256": earlier}, indent=1) + "\n")
    else:
        mark.unlink(missing_ok=True)
    for target in staged:
        _remove_remains(target)


def _listed(mark: Path) -> dict[str, dict[str, str]]:
    """The files that a mark lists, with their hashes; none if there is no mark or it is damaged."""
    try:
        listed = json.loads(mark.read_text("utf-8"))["sha256"]
        return {str(name): {age: str(entry[age]) for age in ("old", "new")} for name, entry in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _remove_remains(target: Path) -> None:
    """Delete temporary files of this file that a killed process left behind a day ago or earlier."""
    for part in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        with suppress(OSError):  # of somebody else, or deleted in the meantime
            if time.time() - part.stat().st_mtime > REMAINS:
                part.unlink()


def refuse_mixed(*paths: Path) -> None:
    """Refuse files that stand beside files of another run, since the command that replaced them was interrupted.

    Raises
    ------
    DataError
        If a mark beside a file lists it and the files of its list are neither all old nor all new.
    """
    for path in paths:
        for mark in sorted(path.parent.glob(f"*{MARK}")):
            if not (listed := _listed(mark)):
                continue
            try:
                now = {name: _hash(mark.parent / name) for name in listed}
                states = [{age for age in ("old", "new") if listed[name][age] == now[name]} for name in listed]
                known = {os.path.realpath(mark.parent / name) for name in listed}
            except (OSError, ValueError):
                continue
            if os.path.realpath(path) in known and not set.intersection(*states):
                new = ", ".join(name for name, state in zip(listed, states, strict=True) if "new" in state)
                message = (
                    f"it stands among files of two runs: the command that wrote them was interrupted. Of the last run are {new or 'none'}; "
                    f"of an earlier one, or missing, {', '.join(n for n, s in zip(listed, states, strict=True) if 'new' not in s)}"
                )
                remedy = f"run the command again; to use this file alone, copy it into another folder, or delete {str(mark)!r}"
                raise DataError([Problem("mixed-results", str(path), message, remedy)])


def _hash(path: Path) -> str:
    """SHA-256 of a file; empty if there is none."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
