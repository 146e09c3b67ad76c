"""Conditions on rows: an oracle by pandas, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from trialwise.base.errors import UsageError
from trialwise.data.reading.open_table import open_table
from trialwise.data.reading.where import both, rows_where, separating, written

FRAME = pd.DataFrame(
    {
        "phase": ["practice", "main", "main", None, "Main"],
        "rt": [0.5, 2.5, 3.5, None, 1.0],
        "trials.thisN": [None, 0, 1, 2, 3],
        "Trial Number": [1, 1, 2, 3, 3],
    }
)
TABLE = open_table(FRAME)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("phase == 'main'", [0, 1, 1, 0, 0]),
        ("phase != 'main'", [1, 0, 0, 1, 1]),
        ("phase in ['main', 'Main']", [0, 1, 1, 0, 1]),
        ("phase not in ('practice',)", [0, 1, 1, 1, 1]),
        ("phase is missing", [0, 0, 0, 1, 0]),
        ("phase is not missing and rt < 3", [1, 1, 0, 0, 1]),
        ("not (phase == 'main' or rt >= 1)", [1, 0, 0, 1, 0]),
        ("0.5 < rt <= 3.5", [0, 1, 1, 0, 1]),
        ("2 > rt", [1, 0, 0, 0, 1]),
        ("trials.thisN is not None", [0, 1, 1, 1, 1]),
        ("trials.thisN == '2'", [0, 0, 0, 1, 0]),
        ("`Trial Number` == 3.0", [0, 0, 0, 1, 1]),
        ("`Trial Number` in [1, 2] and `rt` > 1", [0, 1, 1, 0, 0]),
    ],
)
def test_conditions(condition, expected):
    assert rows_where(TABLE, condition).tolist() == [bool(each) for each in expected]


@given(
    terms=st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.integers(-2, 2)),
        min_size=1,
        max_size=4,
    ),
    joins=st.lists(st.sampled_from(["and", "or", "and not", "or not"]), min_size=3, max_size=3),
)
def test_numbers_as_pandas_counts_them(terms, joins):
    frame = pd.DataFrame({"a": np.arange(-3, 4), "b": np.arange(7)[::-1] - 3})
    condition = f"{terms[0][0]} {terms[0][1]} {terms[0][2]}"
    for join, (name, operator, value) in zip(joins, terms[1:], strict=False):
        condition += f" {join} {name} {operator} {value}"
    assert rows_where(open_table(frame), condition).tolist() == frame.eval(condition).tolist()


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("phase = 'main'", "no condition"),
        ("", "no condition"),
        ("phase", "no comparison"),
        ("phase == main", "text stands in quotes"),
        ("phse == 'main'", "no column 'phse'; did you mean phase"),
        ("rt < 'a'", "no number"),
        ("phase < 3", "which are no numbers"),
        ("phase in 'main'", "followed by a list"),
        ("phase == ['main']", "for several write in"),
        ("phase is 3", "missing or not missing"),
        ("__import__('os').system('touch hacked') == 1", "is no column"),
        ("phase == __import__('os')", "is no value"),
        ("phase == ...", "a value in place of the three dots"),
        ("phase[0] == 'm'", "is no column"),
        ("(lambda: 1)() == 1", "is no column"),
        ("rt + 1 < 2", "is no column"),
        ("[x for x in rt] == 1", "is no column"),
        ("(" * 500 + "rt < 1" + ")" * 500, "where="),
    ],
)
def test_what_is_refused(condition, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        rows_where(TABLE, condition)
    assert not list(tmp_path.iterdir())


def test_a_condition_that_separates_rows():
    unwanted = np.array([True, False, False, False, False])
    assert separating(TABLE, unwanted) == "trials.thisN is not missing"
    tasks = open_table(pd.DataFrame({"n": range(8), "task": ["intro", *["choice", "feedback"] * 3, "end"]}))
    wrong = np.array([label != "choice" for label in tasks.columns[1].values])
    assert separating(tasks, wrong) == "task == 'choice'"
    assert separating(tasks, wrong, where="n < 9 or n > 9") == "(n < 9 or n > 9) and task == 'choice'"
    assert separating(TABLE, np.array([True, False, True, False, True])) is None
    assert not rows_where(TABLE, separating(TABLE, unwanted))[0]


def test_a_second_condition():
    assert both(None, "a == 1") == "a == 1"
    assert both("b == 2", "a == 1") == "b == 2 and a == 1"
    assert both("b == 2 or c == 3", "a == 1") == "(b == 2 or c == 3) and a == 1"


@pytest.mark.parametrize("quote", ["'", '"'])
def test_a_label_beside_its_other_spelling_is_no_slip_in_either_kind_of_quotes(quote):
    condition = f"phase == {quote}practice{quote} or phase == {quote}Practice{quote}"
    assert rows_where(TABLE, condition).tolist() == [True, False, False, False, False]
    with pytest.raises(UsageError, match="did you mean 'practice'"):
        rows_where(TABLE, f"phase == {quote}Practice{quote}")


@pytest.mark.parametrize("name", ["phase", "trials.thisN", "Trial Number", "class", "µ", "cm²", "ﬁle", "1st", "a.None"])
def test_a_name_as_a_condition_spells_it_is_read_again(name):
    table = open_table(pd.DataFrame({name: [1, 2]}))
    assert rows_where(table, f"{written(name)} == 2").tolist() == [False, True]


@pytest.mark.parametrize("number", ["1" + "0" * 400, "0x" + "f" * 5000, "-0x" + "f" * 300])
@pytest.mark.parametrize("condition", ["trial < {}", "trial == {}", "trial in [1, {}]"])
def test_numbers_beyond_all_measure_are_refused(condition, number):
    table = open_table(pd.DataFrame({"trial": [1, 2, 3], "choice": ["a", "b", "a"]}))
    with pytest.raises(UsageError, match=r"a number in it is larger than 1.8e\+308"):
        rows_where(table, condition.format(number))


def test_names_that_look_like_quoted_ones():
    frame = pd.DataFrame({"__0__": [1, 2, 3], "a b": [3, 2, 1], "_quoted0": [0, 0, 1]})
    condition = "__0__ > 1 and `a b` < 3 and _quoted0 == 1"
    assert rows_where(open_table(frame), condition).tolist() == [False, False, True]
    with pytest.raises(UsageError, match="no column '__5__'"):
        rows_where(open_table(frame), "__5__ == 1")
