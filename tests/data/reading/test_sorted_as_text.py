"""Rows in the order of text (1, 10, 2) are noted, where that is not the order of their numbers; right readings are sorted by pandas."""

import numpy as np
import pandas as pd
import pytest

from trialwise.data.read import read_long, read_wide


def table(blocks=11, each=2, participants=("a", "b")):
    n = blocks * each
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "id": np.repeat(list(participants), n),
            "block": np.tile(np.repeat(np.arange(1, blocks + 1), each), len(participants)),
            "n": np.tile(np.arange(1, n + 1), len(participants)),
            "choice": random.choice(["l", "r"], n * len(participants)),
            "reward": random.integers(0, 2, n * len(participants)),
        }
    )
    return frame


def as_text(frame, *columns):
    return frame.sort_values(["id", *columns], key=lambda column: column.astype(str), kind="stable")


def about_text(trials):
    return [note for note in trials.notes if "sorted by text" in note]


@pytest.mark.parametrize("label", ["{}", "run-{}", "b{}_x"])
@pytest.mark.parametrize("role", ["block", "session"])
def test_blocks_and_sessions_in_the_order_of_text(label, role):
    frame = table().drop(columns="n").rename(columns={"block": role})
    right = read_long(frame, **{role: role})
    assert not about_text(right)
    frame[role] = [label.format(number) for number in frame[role]]
    (note,) = about_text(read_long(as_text(frame, role)))
    assert f"column '{role}'" in note
    assert "in a copy of the file" in note
    ordered = as_text(frame, role)
    ordered = ordered.assign(by=ordered[role].str.extract(r"(\d+)")[0].astype(int)).sort_values(
        ["id", "by"], kind="stable"
    )
    np.testing.assert_array_equal(read_long(ordered.drop(columns="by")).choice, right.choice)
    assert not about_text(read_long(ordered.drop(columns="by")))


def test_trial_numbers_that_restart_in_blocks_in_the_order_of_text():
    frame = table()
    frame["trial"] = frame.groupby(["id", "block"]).cumcount() + 1
    assert len(about_text(read_long(as_text(frame.drop(columns="n"), "block")))) == 1


def test_a_column_that_numbers_the_rows_is_advised_as_the_trial():
    frame = table(blocks=1, each=12).drop(columns="block")
    right = read_long(frame)
    shuffled = as_text(frame, "n")
    (note,) = about_text(read_long(shuffled))
    assert "column 'n': 12 comes before 2" in note
    trials = read_long(shuffled, **{each.name: each.value for each in note.inputs})
    np.testing.assert_array_equal(trials.choice, right.choice)
    assert not about_text(trials)
    assert about_text(read_long(shuffled.rename(columns={"n": "trial"}), trial=False))
    assert not about_text(read_long(shuffled.rename(columns={"n": "trial"})))


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("block", [10, 10, 2, 2, 1, 1] * 4),  # as the participants had them
        ("block", [1, 1, 10, 10, 2, 2] * 3 + [2, 2, 1, 1, 10, 10]),
        ("block", ["01", "02", "10"] * 8),
        ("delay", [30, 30, 30, 5, 5, 5] * 4),
        ("amount", [1.5, 10.5, 2.5] * 8),
        ("age", [19] * 12 + [20] * 12),
    ],
)
def test_other_orders_are_not_noted(column, values):
    frame = table(blocks=1, each=6, participants="abcd").drop(columns=["block", "n"])
    assert not about_text(read_long(frame.assign(**{column: values})))


def test_wide_tables():
    choice = pd.DataFrame({"a": list("lrlrlrlrlrlr"), "b": list("llrrllrrllrr")})
    block = pd.DataFrame({"a": range(1, 13), "b": range(1, 13)}).astype(str).sort_values("a")
    assert len(about_text(read_wide(choice=choice, block=block))) == 1
    choice.insert(0, "trial", [str(n) for n in range(1, 13)])
    assert not read_wide(choice=choice).notes
    (note,) = read_wide(choice=choice.sort_values("trial")).notes
    assert "trial 12 comes before 2" in note
