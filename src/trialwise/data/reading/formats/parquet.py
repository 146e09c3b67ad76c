"""Parquet files."""

from __future__ import annotations

import io

from trialwise.base.errors import TrialwiseError
from trialwise.base.unpacking import check_size, limit
from trialwise.data.reading.cells import quote
from trialwise.data.reading.file_format import FileFormat, require_package
from trialwise.data.reading.frame import frame_table
from trialwise.data.reading.table import Table
from trialwise.data.reading.text import file_error

BYTES_OF_CELL = 8
"""A cell takes at least so many bytes, even if a million of them are one number and how often it is repeated."""


def read(raw: bytes, name: str) -> Table:
    """Read the columns of the file."""
    require_package("pyarrow", name, "a Parquet file")
    import pandas as pd

    try:
        _check_sizes(raw, name)
        frame = pd.read_parquet(io.BytesIO(raw), engine="pyarrow")
    except TrialwiseError:
        raise
    except Exception as error:
        message = f"pyarrow cannot read it: {type(error).__name__}: {quote(str(error), 200)}"
        raise file_error(name, "damaged-file", message, "write it again, or export it as CSV") from None
    return frame_table(frame, name)


def _check_sizes(raw: bytes, name: str) -> None:
    """Refuse a file whose columns are too large by what it says of them, or whose texts are if each is written out."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(io.BytesIO(raw))
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    columns = [group.column(n) for group in groups for n in range(group.num_columns)]
    sizes = [max(each.total_uncompressed_size, BYTES_OF_CELL * each.num_values) for each in columns]
    check_size(name, len(raw), max(sum(sizes), BYTES_OF_CELL * file.metadata.num_rows))
    texts = [each for each in columns if each.physical_type == "BYTE_ARRAY" and "." not in each.path_in_schema]
    if sum(each.num_values * each.total_uncompressed_size for each in texts) > limit(len(raw)):
        check_size(name, len(raw), sum(sizes) + _written_out(raw, sorted({each.path_in_schema for each in texts})))


def _written_out(raw: bytes, names: list[str]) -> int:
    """Bytes of the texts of these columns; the file may have each distinct one once."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    total = 0
    for batch in pq.ParquetFile(io.BytesIO(raw), read_dictionary=names).iter_batches(columns=names):
        for column in batch.columns:
            if isinstance(column, pa.DictionaryArray):
                lengths = pc.binary_length(column.dictionary)
                total += pc.sum(pc.take(lengths, column.indices)).as_py() or 0
    return total


PARQUET = FileFormat("Parquet", (".parquet",), lambda raw: raw[:4] == b"PAR1" and b"\0" in raw, read)
