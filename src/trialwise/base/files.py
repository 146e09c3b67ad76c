"""Atomic writing of files: a file is written completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Provide a temporary file beside ``path`` that is renamed to ``path`` at the end, or deleted after an error.

    Examples
    --------
    >>> with whole(Path("fit.nc")) as temporary:                                              # doctest: +SKIP
    ...     tree.to_netcdf(temporary)
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)  # mkstemp denies read access to other users
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write(path: Path, content: bytes | str) -> Path:
    """Write a file completely or not at all, text as UTF-8, and return its path."""
    with whole(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
