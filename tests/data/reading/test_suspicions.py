"""Values that are possible but implausible are named, with what to type; ordinary data raise no suspicion."""

import re

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.base.message import Message


def frame(**columns):
    """Six participants with 50 trials each of two actions; `columns` replace cells, ``{column: {row: value}}``."""
    random = np.random.default_rng(3)
    table = pd.DataFrame({"id": np.repeat([f"s{n}" for n in range(1, 7)], 50), "trial": np.tile(np.arange(50), 6)})
    table["choice"] = random.choice(["left", "right"], len(table))
    table["reward"] = random.integers(0, 2, len(table)).astype(float)
    for name, cells in columns.items():
        table[name] = table[name].astype(object)
        for row, value in cells.items():
            table.loc[row, name] = value
    return table


def notes(table, **options):
    return tw.read_long(table, **options).notes


def test_nothing_is_suspicious_in_ordinary_data():
    assert notes(frame()) == ()
    assert tw.load_data("alien_flat").trials.notes == ()


@pytest.mark.parametrize(
    ("table", "note"),
    [
        (frame(choice={3: "rihgt"}), "action 'rihgt' occurs 1 time, 'right' .* times: a slip?"),
        (frame(choice={3: "leftt", 9: "leftt"}), "'leftt' occurs 2 times"),
        (frame(reward={7: 9999}), "outcome 9999 .* is far from all others, 0 to 1.*missing=.+9999"),
        (frame(id={60: "s3x"}), "participant 's3x' has 1 row, 's3' has 50: a slip?"),
        (frame(choice=dict.fromkeys(range(20), "Left")), "'Left', 'left' as different labels"),
        (frame(choice=dict.fromkeys(range(20), "le\u200bft")), "written in 2 ways that look the same"),
        (frame(id=dict.fromkeys(range(50), "Sü") | dict.fromkeys(range(50, 100), "Sü")), "participant .* in 2 ways that look the same"),
    ],
)  # fmt: skip
def test_suspicions(table, note):
    assert any(re.search(note, found) for found in notes(table)), notes(table)


def test_a_code_of_missing_values_and_the_advice():
    table = frame()
    table["choice"] = (table["choice"] == "left").astype(int)
    table.loc[[4, 80, 120], "choice"] = 99
    (note,) = notes(table)
    assert isinstance(note, Message)
    (argument,) = note.inputs
    assert (argument.name, argument.value) == ("missing", {"choice": [99]})
    trials = tw.read_long(table, missing=argument.value)
    assert trials.notes == () and (trials.choice < 0).sum() == 3 and trials.levels["action"] == (0, 1)


def test_a_file_appended_to_itself():
    table = frame().drop(columns="trial")
    (note,) = notes(pd.concat([table, table]))
    assert "have the same rows twice" in note
    parts = [table[table["id"] == "s1"], table[table["id"] != "s1"], table[table["id"] == "s1"].assign(reward=0.5)]
    (note,) = notes(pd.concat(parts))
    assert "rows of participants 's1' come in several stretches" in note
    assert notes(table.sample(frac=1, random_state=1)) == ()  # everybody's rows are interleaved


def test_empty_cells_whose_reading_is_an_assumption():
    table = frame().assign(new=0, a=1, b=1)
    table.loc[5, ["new", "b"]] = None
    table.loc[5, "choice"] = "left"
    found = notes(table, reset="new", available=["a", "b"])
    assert any("1 empty cell taken as no reset" in note for note in found)
    assert any("1 empty cell taken as not available" in note for note in found)


def test_practice_rows_and_the_advice():
    table = frame().assign(phase="main")
    table.loc[table["trial"] < 5, "phase"] = "Practice"
    (note,) = notes(table)
    assert "phase is 'Practice' in 30 rows" in note
    (argument,) = note.inputs
    trials = tw.read_long(table, **{argument.name: argument.value})
    assert trials.n_trials == 270 and trials.notes == () and "30 of 300 rows left out" in trials.mapping["where"]


def test_order_and_unused_labels_of_a_categorical():
    levels = ["left", "never", "right"]
    table = frame().assign(cue=pd.Categorical(["hi"] * 300, categories=["lo", "hi"]))
    table["choice"] = pd.Categorical(table["choice"], categories=levels)
    trials = tw.read_long(table)
    assert trials.levels == {"cue": ("lo", "hi"), "action": ("left", "never", "right")}
    assert set(trials.choice) == {0, 2} and trials.declared == {"cue", "action"}
    assert tw.read_long(table, actions=["right", "left", "never"]).levels["action"] == ("right", "left", "never")


def test_a_participant_called_na():
    table = frame(id=dict.fromkeys(range(50), "NA"))
    with pytest.raises(tw.errors.DataError, match="if 'NA' is a participant, declare all") as error:
        tw.read_long(table)
    (argument, _) = error.value.problems[0].remedy.inputs
    trials = tw.read_long(table, **{argument.name: argument.value})
    assert trials.participants[0] == "NA" and trials.n_trials == 300
