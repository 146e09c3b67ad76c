"""Flags of resets on rows that are left out."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.base.errors import DataError


def export(**columns):
    """Two games of one participant, of three and two trials, with an instruction before each of them."""
    table = pd.DataFrame(
        {
            "subjID": ["s1"] * 7, "kind": [*"itttitt"], "new": [1, 0, 0, 0, 1, 0, 0],
            "choice": [None, "a", "a", "b", None, "b", "a"], "reward": [None, 0, 1, 0, None, 1, 0],
        }
    )  # fmt: skip
    return table.assign(**columns)


def resets(table, **columns):
    return np.flatnonzero(tw.read_long(table, **{"where": "kind == 't'", "reset": "new", **columns}).reset).tolist()


@pytest.mark.parametrize(
    "labels", [[1.0, "1", "1", "1.0", 1, 1, "1"], ["s1"] * 4 + [None] + ["s1"] * 2, [None] + ["s1"] * 6]
)
def test_participants_of_instructions_may_be_spelled_otherwise_or_be_clear_from_their_place(labels):
    assert resets(export(subjID=labels), trial=False) == [0, 3]


def test_rows_without_a_trial_are_left_out_with_their_flags_even_without_a_condition():
    context = [None, "x", "x", "y", None, "x", "y"]
    assert resets(export(context=context), where=None, trial=False) == [0, 3]


def test_flags_behind_all_trials_and_of_participants_without_trials_reset_nothing():
    table = pd.concat([export(subjID=["s9", *["s1"] * 6]), export()[:1]], ignore_index=True)
    assert resets(table, trial=False) == [3]


def test_a_flag_without_a_clear_place_is_a_problem():
    sorted_otherwise = export(trial=[0, 1, 2, 3, 3.5, 4, 5])[::-1]
    between_two = export(subjID=["s1", "s1", "s2", "s1", None, "s2", "s1"])
    for table, columns in ((sorted_otherwise, {}), (between_two, {"trial": False})):
        with pytest.raises(DataError, match="the next trial is not clear"):
            resets(table, **columns)
    # obeyed: sorted, each with its participant
    assert resets(sorted_otherwise.sort_values("trial")) == [0, 3]
    obeyed = between_two.fillna({"subjID": "s2"}).sort_values("subjID", kind="stable")
    assert tw.read_long(obeyed, where="kind == 't'", reset="new", trial=False).participants == ("s1", "s2")
    assert resets(obeyed, trial=False) == [0, 4]


def test_what_is_no_flag_on_a_row_that_is_left_out_is_noted():
    trials = tw.read_long(export(new=["new", 0, 0, 0, 1, 0, 0]), where="kind == 't'", reset="new", trial=False)
    assert np.flatnonzero(trials.reset).tolist() == [3]
    assert any("'new' in 1 row without a trial taken as no reset" in note for note in trials.notes)
