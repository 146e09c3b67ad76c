"""Conditions on the trials of wide tables, and codes of missing values of one table: right readings written by hand."""

import numpy as np
import pandas as pd
import pytest

from trialwise.analysis.inspect import inspect
from trialwise.base.errors import DataError, UsageError
from trialwise.cli.options.columns import Columns
from trialwise.data.read import read_long, read_wide

TRIAL = [11, 12, 13, 14]
CHOICE = pd.DataFrame({"trial": TRIAL, "ann": ["l", "r", "x", "l"], "ben": ["r", "r", "l", None], "cem": ["x"] * 4})
OUTCOME = pd.DataFrame({"trial": TRIAL, "ann": [1, 99, 0, 1], "ben": [0, 1, 99, None], "cem": [0, 0, 1, 1]})
BLOCK = pd.DataFrame({"trial": TRIAL, "ann": [1, 1, 2, 2], "ben": [1, 2, 2, None], "cem": [1, 1, 1, 1]})
TABLES = {"choice": CHOICE, "outcome": OUTCOME, "block": BLOCK}


def rows(trials):
    table = trials.to_frame()
    shown = table[["participant", "row", "trial", "block", "choice", "outcome"]].astype(object)
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in shown.itertuples(index=False)]


@pytest.mark.parametrize(
    ("where", "right"),
    [
        ("block == 2", [("ann", 4, 13, 2, "x", 0), ("ann", 5, 14, 2, "l", 1), ("ben", 3, 12, 2, "r", 1), ("ben", 4, 13, 2, "l", 99)]),
        ("trial > 13", [("ann", 5, 14, 2, "l", 1), ("cem", 5, 14, 1, "x", 1)]),
        ("participant != 'cem' and choice == 'l'", [("ann", 2, 11, 1, "l", 1), ("ann", 5, 14, 2, "l", 1), ("ben", 4, 13, 2, "l", 99)]),
        ("outcome >= 99", [("ann", 3, 12, 1, "r", 99), ("ben", 4, 13, 2, "l", 99)]),
    ],
)  # fmt: skip
def test_a_condition_keeps_trials_one_by_one(where, right):
    trials = read_wide(**TABLES, where=where)
    assert rows(trials) == right
    assert trials.mapping["where"] == f"{where}: {11 - len(right)} of 11 trials left out"
    assert sum(trials.lengths) == len(right)


def test_it_reads_what_a_long_table_with_the_same_condition_gives():
    where = "block == 1 or outcome != 99"
    long = read_long(read_wide(**TABLES).to_frame(), where=where)
    wide = read_wide(**TABLES, where=where)
    for name in ("choice", "offsets"):
        np.testing.assert_array_equal(getattr(wide, name), getattr(long, name))
    assert wide.participants == long.participants
    np.testing.assert_array_equal(wide.outcome["outcome"], long.outcome["outcome"])


def test_trials_are_counted_from_1_in_tables_without_numbers():
    trials = read_wide(choice=CHOICE.drop(columns="trial"), where="trial in [1, 3] and participant == 'ben'")
    assert trials.participants == ("ben",)
    assert trials.trial.tolist() == [1, 3]
    assert [trials.levels["action"][code] for code in trials.choice] == ["r", "l"]


def test_a_reset_on_a_trial_that_is_left_out_counts_for_the_next_one():
    reset = pd.DataFrame({"ann": [0, 0, 1, 0], "ben": [0, 1, 0, None], "cem": [0] * 4})
    trials = read_wide(choice=CHOICE.drop(columns="trial"), reset=reset, where="trial != 3")
    assert trials.reset.tolist() == [False, False, True, False, True, False, False, False]
    assert any("1 flag of resets on rows that were left out" in note for note in trials.notes)


@pytest.mark.parametrize("name", ["outcome", "wins.csv", "wins"])
def test_codes_of_missing_values_of_one_table(tmp_path, name):
    points = CHOICE.replace({"l": 99, "r": 1, "x": 2})
    points.to_csv(tmp_path / "choices.csv", index=False)
    OUTCOME.to_csv(tmp_path / "wins.csv", index=False)
    trials = read_wide(choice=tmp_path / "choices.csv", outcome=tmp_path / "wins.csv", missing={name: [99]})
    assert trials.levels["action"] == (1, 2, 99)
    np.testing.assert_array_equal(trials.outcome["outcome"], [1, np.nan, 0, 1, 0, 1, np.nan, 0, 0, 1, 1])
    typed = Columns(choice=str(tmp_path / "choices.csv"), outcome=[str(tmp_path / "wins.csv")], missing=[f"{name}=99"], where="outcome is not missing")  # fmt: skip
    read = typed.read([tmp_path / "choices.csv", tmp_path / "wins.csv"])
    assert read.outcome["outcome"].tolist() == [1, 0, 1, 0, 1, 0, 0, 1, 1]


def test_the_advice_on_a_code_far_from_the_others_names_the_table():
    random = np.random.default_rng(0)
    choice = pd.DataFrame(random.integers(0, 2, (40, 3)), columns=list("abc"))
    outcome = pd.DataFrame(random.integers(0, 100, (40, 3)), columns=list("abc"))
    choice.iloc[3, 1] = 99
    (note,) = [note for note in read_wide(choice=choice, outcome=outcome).notes if "far from" in note]
    (argument,) = note.inputs
    trials = read_wide(choice=choice, outcome=outcome, **{argument.name: argument.value})
    assert np.flatnonzero(trials.choice == -1).tolist() == [43]
    assert np.isfinite(trials.outcome["outcome"]).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"missing": {"ann": [99]}}, "there is no table 'ann'; codes are given by table, not by participant"),
        ({"missing": {"outcom": [99]}}, "Did you mean 'outcome'"),
        ({"where": "rating > 3"}, "there is no column 'rating'"),
        ({"where": "block = 3"}, "this is no condition"),
        ({"where": "block == 3"}, "leaves none of the 11 trials; .*block is never 3; it is "),
    ],
)
def test_what_cannot_be_meant_is_refused(options, words):
    with pytest.raises(UsageError, match=words):
        read_wide(**TABLES, **options)


def test_the_condition_that_leaves_out_trials_without_a_block_is_suggested():
    block = BLOCK.astype(object)
    block.loc[0, ["ann", "ben", "cem"]] = None
    with pytest.raises(DataError, match="trial in ") as caught:
        read_wide(choice=CHOICE, block=block)
    (problem,) = caught.value.problems
    where = next(each.value for each in problem.remedy.inputs if each.name == "where")
    trials = read_wide(choice=CHOICE, block=block, where=where)
    assert trials.trial.tolist() == [12, 13, 14, 12, 13, 12, 13, 14]


def test_inspect_repeats_the_condition_in_the_command(tmp_path):
    for name, table in (("choices", CHOICE), ("outcomes", OUTCOME), ("blocks", BLOCK)):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    columns = Columns(where="block == 2")
    inspection = inspect(columns.read([tmp_path]), command_options=f"{tmp_path} {columns.as_typed()}")
    assert "--where 'block == 2'" in inspection.next_command
    assert inspection.trials == 4
