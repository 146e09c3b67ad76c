"""Writing files: each appears whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary place beside ``path`` to write to, renamed to ``path`` at the end; what failed leaves no trace.

    Examples
    --------
    >>> with whole(Path("fit.nc")) as place:                                                  # doctest: +SKIP
    ...     tree.to_netcdf(place)
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    place = Path(name)
    try:
        yield place
        os.chmod(place, 0o644)  # mkstemp keeps others from reading
        os.replace(place, path)
    except BaseException:
        place.unlink(missing_ok=True)
        raise


def write(path: Path, content: bytes | str) -> Path:
    """Write a file whole or not at all; text as UTF-8. The path again."""
    with whole(path) as place:
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
