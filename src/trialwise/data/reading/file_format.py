"""File formats: how files are recognised and read into a table of cells."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from trialwise.data.reading.table import Table
from trialwise.data.reading.text import file_error


@dataclass(frozen=True)
class FileFormat:
    """A format of files that contain a table.

    Attributes
    ----------
    name
        The name of the format, e.g. ``"Parquet"``.
    suffixes
        Suffixes of its files, in lower case, by which they are found in a folder.
    recognises
        ``recognises(raw)``: whether the bytes of a file are of this format. None for the format of last resort, which reads
        any file that no other format recognises.
    read
        ``read(raw, name)`` returns the :class:`~trialwise.data.reading.table.Table`, and raises a DataError if the file
        cannot be read.
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes], bool] | None
    read: Callable[[bytes, str], Table]


def require_package(module: str, name: str, kind: str) -> None:
    """Raise a DataError if the package that reads a file is not installed."""
    if importlib.util.find_spec(module) is None:
        message = f"is {kind}, and reading it needs {module}, which is not installed"
        raise file_error(name, "needs-package", message, "type: pip install 'trialwise[files]' (or export it as CSV)")
