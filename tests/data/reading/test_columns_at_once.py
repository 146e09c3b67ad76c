"""Columns read as a whole are what they are when every cell is looked at for itself: the same trials, notes and errors."""

import io
from contextlib import contextmanager, suppress

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from data.foreign_files import FILES
from trialwise.base.errors import DataError, TrialwiseError
from trialwise.data.read import read_long, read_wide
from trialwise.data.reading import cells, coded, frame, roles, table
from trialwise.data.reading.formats import delimited
from trialwise.data.reading.table import table_of
from trialwise.data.reading.text import text_records
from trialwise.data.reading.text_columns import text_columns

SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextmanager
def cell_by_cell():
    """Every cell is a distinct one, split off by the reader of quoted cells and translated for itself."""

    def for_itself(values):
        return coded.Coded(coded.Distinct(coded.objects(values)), np.arange(len(values)))

    def series_for_itself(series):
        absent = series.isna().tolist()
        values = series.astype(object).tolist()
        return for_itself([None if skip else coded.plain_cell(c) for c, skip in zip(values, absent, strict=True)])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "text_columns", lambda *arguments: None)
        patch.setattr(cells, "_plainly_translated", lambda c: (np.full(len(c), np.nan), np.zeros(len(c), bool)))
        patch.setattr(frame, "_coded", series_for_itself)
        patch.setattr(frame, "_wide_columns", lambda f: [series_for_itself(f.iloc[:, n]) for n in range(f.shape[1])])
        patch.setattr(table, "coded_columns", lambda columns: [for_itself(column) for column in columns])
        patch.setattr(coded, "coded", for_itself)
        for module in (table, roles):
            patch.setattr(module, "are_all", lambda rows, count: False)
        yield


def exact(value):
    """A value with all types and bits, to be compared."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, dict):
        return [(key, exact(each)) for key, each in value.items()]
    if isinstance(value, list | tuple | np.ndarray):
        return [exact(each) for each in value]
    if hasattr(value, "levels") and hasattr(value, "values"):
        return value.levels, exact(value.values)
    return type(value), repr(value)


def outcome_of(call, *arguments, **options):
    try:
        return exact(vars(call(*arguments, **options)))
    except TrialwiseError as error:
        return type(error), str(error)


def assert_same_both_ways(call, *arguments, **options):
    at_once = outcome_of(call, *arguments, **options)
    with cell_by_cell():
        assert outcome_of(call, *arguments, **options) == at_once
    return at_once


WRITTEN = {
    "commas": {"index": False},
    "decimal commas": {"index": False, "sep": ";", "decimal": ","},
    "quoted, numbered": {"quoting": 2},
    "tabs, Windows": {"index": False, "sep": "\t", "lineterminator": "\r\n", "na_rep": "NA"},
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_other_programs(tmp_path, name):
    foreign = FILES[name]
    assert_same_both_ways(read_long, foreign.frame, **foreign.typed)
    for way, options in WRITTEN.items():
        foreign.frame.to_csv(tmp_path / f"{way}.csv", **options)
        assert_same_both_ways(read_long, tmp_path / f"{way}.csv", **{"trial": False, **foreign.typed})


ODD = ["", " ", "NA", "None", "-999", "-999.0", "-1", "007", "1.0", "1,5", "-0", "-0.0", "1e3", "inf", "1_0", "−1", "yes", "True", "5%"]  # fmt: skip
LABELS = st.sampled_from(["left", "right", " left ", "Left", "é", "e\N{COMBINING ACUTE ACCENT}", "1", "2", *ODD])
NUMBERS = st.one_of(
    st.floats(-2, 2).map(repr), st.integers(-1, 3).map(str), st.floats(0, 1).map("{:.3f}".format), st.sampled_from(ODD)
)
NEAT = {"choice": st.sampled_from(["left", "right"]), "outcome": st.floats(-2, 2).map(repr), "rt": st.floats(0.2, 2).map("{:.3f}".format)}  # fmt: skip
UNTIDY = {"choice": LABELS, "outcome": NUMBERS, "rt": NUMBERS}
LINES = st.sampled_from(["", "# note", "  ", ",,,", "a,b", '"'])


@st.composite
def tables(draw):
    """The text of a table, mostly neat, and its separator."""
    kinds = draw(st.sampled_from([NEAT, NEAT, UNTIDY]))
    rows = draw(st.lists(st.tuples(*kinds.values()), min_size=1, max_size=12))
    lines = [["subjID", "trial", *kinds]]
    lines += [[f"s{n // 4}", str(n % 4), *cells] for n, cells in enumerate(rows)]
    if draw(st.booleans()):
        lines = [[f'"{cell}"' for cell in cells] for cells in lines]
    separator = draw(st.sampled_from([",", ";", "\t", "|", " "]))
    text = [separator.join(cells) for cells in lines]
    if draw(st.integers(0, 3)) == 0:
        text.insert(draw(st.integers(0, len(text))), draw(LINES))
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join([*text, ""]), separator


@SOME
@given(written=tables(), data=st.data())
def test_tables_of_any_contents(tmp_path, written, data):
    text, separator = written
    path = tmp_path / "trials.csv"
    path.write_bytes(text.encode())
    options = data.draw(
        st.sampled_from(
            [{}, {"trial": False}, {"actions": ["left", "right"]}, {"missing": ["left", "5%"]}, {"where": "choice == 'left' or rt > 1"},
             {"numbers": ["rt"]}, {"outcome": False, "response": "outcome"}, {"labels": ["rt"]}, {"reset": "choice"}]
        )
    )  # fmt: skip
    assert_same_both_ways(read_long, path, **options)
    assert_same_both_ways(read_wide, choice=path, outcome=path)
    try:
        frame = pd.read_csv(io.StringIO(text), sep=separator, dtype=data.draw(st.sampled_from([None, str, object])))
    except (ValueError, pd.errors.ParserError):
        return
    column = data.draw(st.sampled_from([*frame.columns]))
    kind = data.draw(st.sampled_from(["category", "float32", "Int64", "string", "boolean", "uint8", "object"]))
    with suppress(ValueError, TypeError, OverflowError):
        frame = frame.assign(**{str(column): frame[column].astype(kind)})
    if kind == "object" and len(frame):
        odd = data.draw(st.sampled_from([1, 1.0, True, -0.0, 2**70, np.float64(3), pd.Timestamp("2020-01-01"), None]))
        frame.iloc[0, frame.columns.get_loc(column)] = odd
    assert_same_both_ways(read_long, frame, trial=False)
    assert_same_both_ways(read_wide, choice=frame.T.rename(columns="p{}".format))


@pytest.mark.parametrize("odd", ODD)
def test_one_odd_cell_among_numbers(tmp_path, odd):
    path = tmp_path / "trials.csv"
    path.write_text(
        "id;choice;outcome\n" + "".join(f"1;{c};{o}\n" for c, o in [(0, "1.5"), (odd, 1), (1, odd), (1, 2)])
    )
    assert_same_both_ways(read_long, path, trial=False)
    frame = pd.DataFrame({"id": 1, "choice": [0, odd, 1, 1], "outcome": [1.5, 1, odd, 2]})
    assert_same_both_ways(read_long, frame, trial=False)


@SOME
@given(text=st.text('ab1 ",#\n\r', max_size=60), neat=st.booleans())
def test_texts_are_split_as_by_the_reader_of_quoted_cells(text, neat):
    text = f'a,b\n1,"2"\n{text}' if neat else text
    clean = text_columns(text, ",", "trials.csv")
    if clean is None:
        return
    try:
        careful = table_of("trials.csv", text_records(text, ",", "trials.csv"))
    except DataError as error:
        assert all(column.empty.all() for column in clean.columns)
        assert "contains only a header row" in str(error)
        return
    rows = [clean.first_row + n for n in range(len(clean.columns[0]))]
    assert careful.rows.tolist() == rows
    kept = {name: column.values.tolist() for name, column in zip(careful.header, careful.columns, strict=True)}
    for name, column in zip(clean.header, clean.columns, strict=True):
        if name in kept and clean.header.count(name) == 1:
            assert column.values.tolist() == kept[name]


def test_neat_tables_are_split_at_once():
    for text in ("a,b\n1,2\n", '# note\n\n"a","b"\r\n"1",2\r\n"x y", 3\r\n\r\n', 'a,b\n"1",2,3\n"2",4,5\n'):
        assert text_columns(text, ",", "trials.csv") is not None
    for text in (
        "a,b\n1,2\n\n3,4\n",
        'a,b\n1,"2,3"\n',
        'a,b\n1,2"\n',
        'a,b\n1,"x"y"\n',
        "a\n1\n",
        "a,b\n1,2,3\n#,4,5\n",
        "a,b\n1,2\n3\n4,5,6\n",
    ):
        assert text_columns(text, ",", "trials.csv") is None


def test_equal_cells_of_different_types_are_distinct():
    values = coded.objects([1, 1.0, True, "1", None, 0.0, -0.0, 1])
    column = coded.coded(values)
    assert exact(column.values) == exact(values)
    assert len(column.distinct) == 7
    assert [count for _, count in column.tally()] == [2, 1, 1, 1, 1, 1, 1]
    floats = coded.coded(coded.objects([0.0, -0.0, None, 0.0]))
    assert exact(floats.values) == exact(coded.objects([0.0, -0.0, None, 0.0]))


def test_long_cells_are_left_to_the_reader_of_quoted_cells():
    assert text_columns("a,b\n1," + "x" * 140_000, ",", "trials.csv") is None
