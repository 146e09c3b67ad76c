"""What a file format is: how its files are recognised, and how they are read into a table of cells."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from trialwise.data.reading.table import Table
from trialwise.data.reading.text import refused


@dataclass(frozen=True)
class FileFormat:
    """A format of files that hold a table.

    Attributes
    ----------
    name
        In words, e.g. ``"Parquet"``.
    suffixes
        Of its files, in lower case: those that are looked for in a folder.
    recognises
        Whether the first bytes of a file are of this format. None: whatever no other format recognises.
    read
        ``read(raw, name)`` gives the :class:`~trialwise.data.reading.table.Table`; a file that cannot be read is a DataError.
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[bytes], bool] | None
    read: Callable[[bytes, str], Table]


def needs(module: str, name: str, kind: str) -> None:
    """Refuse a file if the package that reads it is not installed."""
    if importlib.util.find_spec(module) is None:
        message = f"is {kind}, and reading it needs {module}, which is not installed"
        raise refused(name, "needs-package", message, "type: pip install 'trialwise[files]' (or export it as CSV)")
