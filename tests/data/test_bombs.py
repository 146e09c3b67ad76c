"""Small files that expand to much are refused with words and a remedy before they do; what resembles them is read."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bombs import BOMBS, GOOD, STRINGS, TYPES, changed, strings

import trialwise as tw
from trialwise.base.errors import DataError
from trialwise.data.reading.parquet_pages import unpacked_size

MEGABYTES = 100


def test_bombs_are_refused_in_little_memory(tmp_path):
    """In a process of its own."""
    paths = [write(tmp_path) for write in BOMBS.values()]
    command = [sys.executable, __file__.replace("test_bombs", "bombs"), tmp_path, *paths]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    before, *results = map(json.loads, lines)
    assert "not a fit" in before[1] and len(results) == len(BOMBS)
    for (name, came, _, _), path in zip(results, paths, strict=True):
        assert name == path.name and "\n    -> " in came
        assert re.search("unpacks from|entities|sheets and has|no fit has|cannot read it: KeyError", came), came
    assert max(growth for _, _, growth, _ in results) < MEGABYTES, results


def texts_of(cells, path):
    trials = tw.read_long(path, participant=False, choice="choice", outcome=False)
    return [trials.levels["action"][code] for code in trials.choice] == list(cells)


def test_shared_strings_of_several_runs_are_read(tmp_path):
    """As Excel writes them, with formats in them."""
    text = strings(b"<si><t>left</t></si><si><r><t>ri</t></r><r><t>ght</t></r></si>")

    def use(sheet):
        for n, word in enumerate((b"left", b"right")):
            cell = b't="inlineStr"><is><t>' + word + b"</t></is></c>"
            assert cell in sheet
            sheet = sheet.replace(cell, b't="s"><v>%d</v></c>' % n)
        return sheet

    path = changed(tmp_path, "strings.xlsx", {STRINGS: lambda _: text, "xl/worksheets/sheet1.xml": use})
    assert tw.read_long(path).to_frame().equals(tw.read_long(tmp_path / "good.xlsx").to_frame())


def test_a_far_cell_of_another_sheet_does_not_matter(tmp_path):
    with pd.ExcelWriter(tmp_path / "two.xlsx") as writer:
        GOOD.to_excel(writer, sheet_name="a", index=False)
        GOOD.to_excel(writer, sheet_name="b", index=False, startrow=1_000_000)
    assert tw.read_long(tmp_path / "two.xlsx").n_trials == 4


def test_a_type_of_document_is_no_entity_only_where_none_is_declared(tmp_path):
    declared = b'<!DOCTYPE Types SYSTEM "http://localhost/none.dtd">'
    path = changed(tmp_path, "declared.xlsx", {TYPES: lambda text: declared + text.partition(b"?>")[2]})
    with pytest.raises(DataError, match="entities"):
        tw.read_long(path)


LABELS = ["left", "right", "left " * 30, "up"] * 5000
OPTIONS = {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"}


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}, OPTIONS], ids=["dictionary", "plain", "prefixes"])
def test_texts_of_parquet_are_read_however_they_are_encoded(tmp_path, options):
    """Written out, each of these would be large if all were as long as the file."""
    labels = [label.strip() for label in LABELS]
    pq.write_table(pa.table({"choice": labels}), tmp_path / "trials.parquet", **options)
    assert texts_of(labels, tmp_path / "trials.parquet")


def test_lists_in_parquet_are_no_bombs(tmp_path):
    table = {"choice": LABELS, "keys": [["a", "b"], [], None, ["c"]] * 5000, "both": [{"x": "u", "y": 1}] * 20_000}
    pq.write_table(pa.table(table), tmp_path / "trials.parquet")
    assert texts_of([label.strip() for label in LABELS], tmp_path / "trials.parquet")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["NONE", "SNAPPY", "GZIP", "ZSTD"])
def test_sizes_of_pages_are_those_of_the_summary(tmp_path, compression, version):
    """What pyarrow counts includes the headers of pages."""
    rows = 30_000
    table = pa.table({"a": np.arange(rows) % 97, "b.c": LABELS[:1] * rows, "d": np.random.default_rng(1).random(rows)})
    path = tmp_path / "pages.parquet"
    pq.write_table(table, path, compression=compression, data_page_version=version, row_group_size=20_000)
    raw, summary = path.read_bytes(), pq.ParquetFile(path).metadata
    for group in range(2):
        for n in range(3):
            column = summary.row_group(group).column(n)
            start = min(column.data_page_offset, column.dictionary_page_offset or column.data_page_offset)
            size = unpacked_size(raw, start, start + column.total_compressed_size)
            assert 0 < column.total_uncompressed_size - size < 300
