"""Parquet files."""

from __future__ import annotations

import io

from trialwise.data.reading.cells import quote
from trialwise.data.reading.file_format import FileFormat, require_package
from trialwise.data.reading.frame import frame_table
from trialwise.data.reading.table import Table
from trialwise.data.reading.text import file_error


def read(raw: bytes, name: str) -> Table:
    """Read the columns of the file."""
    require_package("pyarrow", name, "a Parquet file")
    import pandas as pd

    try:
        frame = pd.read_parquet(io.BytesIO(raw), engine="pyarrow")
    except Exception as error:
        message = f"pyarrow cannot read it: {type(error).__name__}: {quote(str(error), 200)}"
        raise file_error(name, "damaged-file", message, "write it again, or export it as CSV") from None
    return frame_table(frame, name)


PARQUET = FileFormat("Parquet", (".parquet",), lambda raw: raw[:4] == b"PAR1" and b"\0" in raw, read)
