"""Parquet files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from trialwise.base.errors import TrialwiseError
from trialwise.base.unpacking import check_size, limit
from trialwise.data.reading.cells import quote
from trialwise.data.reading.file_format import FileFormat, require_package
from trialwise.data.reading.frame import frame_table
from trialwise.data.reading.parquet_pages import unpacked_size
from trialwise.data.reading.table import Table
from trialwise.data.reading.text import file_error

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

BYTES_OF_CELL = 8
"""A cell takes at least so many bytes, even if a million of them are one number and how often it is repeated."""

DICTIONARY = {"PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"}
"""Encodings of columns whose distinct texts pyarrow can read without writing out each cell."""


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
    """Refuse a file whose columns are too large by what its pages say of them, or whose texts are if each is written out."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(io.BytesIO(raw))
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    columns = [(group.column(n), file.schema.column(n)) for group in groups for n in range(group.num_columns)]
    sizes = [max(_pages(raw, each), max(BYTES_OF_CELL, kind.length) * each.num_values) for each, kind in columns]
    check_size(name, len(raw), max(sum(sizes), BYTES_OF_CELL * file.metadata.num_rows))
    texts = [
        _Texts(*each, size) for each, size in zip(columns, sizes, strict=True) if each[0].physical_type == "BYTE_ARRAY"
    ]
    most = limit(len(raw))
    if sum(each.most for each in texts) > most:
        written_out = sum(sizes) + _of_dictionaries(raw, texts)
        check_size(name, len(raw), written_out)
        for size in _of_prefixes(raw, texts, most):
            written_out += size
            check_size(name, len(raw), written_out, is_all=False)


def _pages(raw: bytes, column: pq.ColumnChunkMetaData) -> int:
    first = column.dictionary_page_offset if column.has_dictionary_page else None
    start = min(column.data_page_offset, first or column.data_page_offset)
    return max(unpacked_size(raw, start, start + column.total_compressed_size), column.total_uncompressed_size)


class _Texts:
    """The texts of a column in one group of rows."""

    def __init__(self, column: pq.ColumnChunkMetaData, kind: pq.ColumnSchema, size: int) -> None:
        self.path = column.path_in_schema
        self.most = column.num_values * size  # no text is longer than all of the file
        self.longest = size
        self.in_lists = kind.max_repetition_level > 0
        self.is_dictionary = DICTIONARY.issuperset(column.encodings)


def _of_dictionaries(raw: bytes, texts: Sequence[_Texts]) -> int:
    """Bytes of the texts of which the file has each distinct one once, and the most that texts in lists of other encodings may have."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    others = _of_other_encodings(texts)
    total = sum(each.most for each in texts if each.path in others and each.in_lists)
    if names := sorted({each.path for each in texts} - others):
        for batch in pq.ParquetFile(io.BytesIO(raw), read_dictionary=names).iter_batches(columns=names):
            for array in _flat(batch.columns):
                if isinstance(array, pa.DictionaryArray):
                    total += pc.sum(pc.take(pc.binary_length(array.dictionary), array.indices)).as_py() or 0
    return total


def _of_prefixes(raw: bytes, texts: Sequence[_Texts], most: int) -> Iterator[int]:
    """Bytes of the texts of which the file has what they do not share with the one before, piece by piece."""
    import pyarrow.parquet as pq

    for name in sorted(_of_other_encodings(texts)):
        rows = most // (4 * max(each.longest for each in texts if each.path == name))
        for batch in pq.ParquetFile(io.BytesIO(raw)).iter_batches(max(1, min(rows, 10_000)), columns=[name]):
            yield batch.nbytes


def _of_other_encodings(texts: Sequence[_Texts]) -> set[str]:
    return {each.path for each in texts if not each.is_dictionary}


def _flat(arrays: Iterable[pa.Array]) -> Iterator[pa.Array]:
    """Arrays of single values, of arrays of lists and of groups of values."""
    import pyarrow as pa

    for array in arrays:
        if pa.types.is_nested(array.type):
            inner = array.flatten()
            yield from _flat(inner if isinstance(inner, list) else [inner])
        else:
            yield array


PARQUET = FileFormat("Parquet", (".parquet",), lambda raw: raw[:4] == b"PAR1" and b"\0" in raw, read)
