"""Open a table: a file of any supported format, compressed by gzip or not, or a DataFrame."""

from __future__ import annotations

import difflib
import zlib
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialwise.base.errors import UsageError
from trialwise.base.files import refuse_mixed
from trialwise.base.unpacking import gunzip, unpacked_from
from trialwise.data.reading.cells import quote
from trialwise.data.reading.formats import FORMATS
from trialwise.data.reading.frame import frame_table
from trialwise.data.reading.sidecar import with_sidecars
from trialwise.data.reading.table import Table
from trialwise.data.reading.text import file_error

if TYPE_CHECKING:
    import pandas as pd

type Source = str | PathLike[str] | pd.DataFrame
"""A source of a table: a path or a DataFrame."""


def open_table(source: Source, name: str = "the table") -> Table:
    """Open a table.

    Comment lines (``#``), blank lines, empty trailing columns and the index column that pandas writes are left out. Tables of the Brain Imaging
    Data Structure (BIDS) bring what their sidecars say of the columns.

    Parameters
    ----------
    source
        A path (CSV, TSV, semicolons or blanks between the cells, decimal commas, any common encoding, gzip, Excel, Parquet)
        or a DataFrame.
    name
        The name of a DataFrame in messages.

    Returns
    -------
    Table
        The cells, not yet translated.

    Raises
    ------
    DataError
        If the file does not exist, contains no table, unpacks to more than the limit, or stands among files of an interrupted command; or a sidecar cannot be read.
    UsageError
        If `source` is neither a path nor a DataFrame.
    """
    frame: Any = source
    if hasattr(frame, "to_pandas"):  # polars, pyarrow
        frame = frame.to_pandas()
    if hasattr(frame, "columns") and hasattr(frame, "iloc"):
        return frame_table(frame, name)
    if not isinstance(source, str | PathLike):
        raise UsageError(
            f"a table is a path or a DataFrame, not {type(source).__name__}; give 'trials.csv', for example"
        )
    path = Path(fspath(source))
    refuse_mixed(path)
    raw, name = _bytes(path), path.name
    packed = len(raw)
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gunzip(raw, name)
        except (OSError, EOFError, zlib.error) as error:
            raise file_error(
                name, "damaged-file", f"not a complete gzip file: {error}", "copy or download it again"
            ) from None
        name = name.removesuffix(".gz")
    with unpacked_from(packed):
        table = next(each for each in FORMATS if each.recognises is None or each.recognises(raw)).read(raw, name)
    return with_sidecars(table, path)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise file_error(str(path), "not-a-file", "is a folder, not a table", "give a file in this folder") from None
    except FileNotFoundError:
        raise file_error(str(path), "no-file", "there is no such file", _nearest(path)) from None
    except (OSError, ValueError) as error:
        remedy = "check its name and permissions"
        raise file_error(quote(str(path)), "no-file", f"cannot be opened: {error}", remedy) from None


def _nearest(path: Path) -> str:
    folder = path.parent
    try:
        names = [entry.name for entry in folder.iterdir() if entry.is_file()]
    except OSError:
        return f"the folder {quote(str(folder))} does not exist either"
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.5)
    return f"did you mean {str(folder / close[0])!r}?" if close else f"looked in {folder.resolve()}"
