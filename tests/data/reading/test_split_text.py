"""Cells that are compared as numbers of eight bytes are those that Python splits off."""

import csv

import pytest
from hypothesis import given, settings, strategies as st

from trialwise.data.reading import split_text as module
from trialwise.data.reading.split_text import split_text
from trialwise.data.reading.text_columns import _content

LETTERS = st.characters(exclude_characters='\n;\0"', exclude_categories=["Cs"])
SHORT = st.text("ab", max_size=9)
LONG = st.text("ab", min_size=60, max_size=70)
CELLS = st.one_of(
    SHORT,
    LONG,
    st.text(LETTERS, max_size=20),
    st.sampled_from(["", " a ", "é" * 4, "\ufeff1", "12345678", "123456789"]),
)


@settings(max_examples=200, deadline=None)
@given(rows=st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=8)), collide=st.booleans())  # fmt: skip
def test_cells_are_those_that_python_splits(rows, collide):
    body = "\n".join(";".join(row) for row in rows)
    with pytest.MonkeyPatch.context() as patch:
        if collide:  # cells with the same last eight bytes have the same key
            patch.setattr(module, "_FACTOR", module._FACTOR * 0)
        columns = split_text(body, ";", len(rows[0]), len(rows), _content)
    for n, column in enumerate(columns):
        wanted = [row[n].strip() or None for row in rows]
        assert column.values.tolist() == wanted
        assert len(set(column.codes.tolist())) == len(set(wanted))
        assert len(set(column.distinct.cells.tolist())) == len(column.distinct)


@pytest.mark.parametrize(
    "rows",
    [['"a";"b c"', '"";"b"'], ['"a";1', '"12345678";2'], ['"a";1', 'b;"2"'], ['"a ";1', '"b";2'], ["a;1", 'b;"2"']],
)
def test_quotation_marks_around_columns_and_around_cells(rows):
    wanted = [[cell.strip() or None for cell in row] for row in csv.reader(rows, delimiter=";")]
    columns = split_text("\n".join(rows), ";", 2, 2, _content)
    assert [list(row) for row in zip(*(column.values for column in columns), strict=True)] == wanted


def test_lines_with_another_number_of_cells_and_cells_that_are_too_long():
    assert split_text("a;b\nc\nd;e;f", ";", 2, 3, _content) is None
    assert split_text("a;" + "b" * (csv.field_size_limit() + 1), ";", 2, 1, _content) is None
