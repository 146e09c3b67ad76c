"""Texts that spreadsheets run as formulas are marked as texts in files for people; numbers stay numbers."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from trialwise.base.spreadsheets import as_csv, as_text

FORMULAS = [
    "=1+cmd|x0", "+1+1", "-2+3+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "a\x00b", "a\x1bb", "-", "+1_0", "tab\tin it",
]  # fmt: skip
PLAIN = ["s1", "a=b", "s-1", "", "-1", "+2.5", "-1e-3", "-.5", " -3", "'quoted", "-inf", "ö", "1,5"]


def cells(text):
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_get_an_apostrophe(text):
    assert as_text(text) == f"'{text}"


@pytest.mark.parametrize("cell", [*PLAIN, -1, 2.5, -np.inf, None, np.float64(-3), True])
def test_all_else_is_left(cell):
    assert as_text(cell) is cell


@pytest.mark.parametrize("kind", [object, "category", "string"])
def test_cells_headers_and_the_index_of_a_table(kind):
    labels = FORMULAS[:4]
    table = pd.DataFrame({"@who": pd.Series(labels, dtype=kind), "value": [-1.5, -2, 0, 3]})
    table.index = pd.Index(labels, name="=index")
    header, *rows = cells(as_csv(table, index=True))
    assert header == ["'=index", "'@who", "value"]
    assert [row[:2] for row in rows] == [[f"'{label}", f"'{label}"] for label in labels]
    assert [float(row[2]) for row in rows] == [-1.5, -2, 0, 3]
    assert list(table["@who"].astype(object)) == labels and table.index.name == "=index", (
        "the table itself is not changed"
    )


def test_indices_of_several_levels_and_repeated_columns():
    table = pd.DataFrame(
        [["=a", -1]], columns=["x", "x"], index=pd.MultiIndex.from_tuples([("=b", -2)], names=["+c", "d"])
    )
    assert cells(as_csv(table, index=True)) == [["'+c", "d", "x", "x"], ["'=b", "-2", "'=a", "-1"]]


def test_a_separator_of_other_countries_starts_no_new_cell():
    text = as_csv(pd.DataFrame({"who": ["a;=1+1", 'b";=1'], "value": [-1, 2]}), index=False)
    assert text == '"who","value"\n"a;=1+1",-1\n"b"";=1",2\n'
    assert as_csv(pd.DataFrame({"who": ["a;b"]}), index=False) == "who\na;b\n"


def test_files_for_programs_are_as_they_are():
    table = pd.DataFrame({"who": FORMULAS[:4]})
    assert [row[0] for row in cells(as_csv(table, index=False, for_people=False))[1:]] == FORMULAS[:4]


def test_ordinary_tables_are_written_as_before():
    table = pd.DataFrame(
        {"who": ["a", "b,c", None], "value": [-1.5, np.nan, 2], "n": [1, -2, 3], "flag": [True, False, True]}
    )
    assert as_csv(table, index=False) == table.to_csv(index=False, lineterminator="\n")
