"""Columns of flags about responses: ``responded`` and ``scored``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trialwise as tw

FRAME = pd.DataFrame(
    {
        "participant": ["a"] * 6,
        "choice": [0, 1, 0, 1, 0, 1],
        "reward": [1, 0, 1, 1, 0, 1],
        "rt": [0.6, 0.7, 0.8, 0.65, 0.9, 0.75],
    }
)


def test_a_response_that_was_not_made_is_missing_with_its_time():
    trials = tw.read_long(FRAME.assign(responded=[1, 0, 1, 1, 0, 1]))
    assert trials.choice.tolist() == [0, -1, 0, 1, -1, 1]
    assert np.isnan(trials.rt).tolist() == [False, True, False, False, True, False]
    assert trials.outcome["outcome"].tolist() == [1, 0, 1, 1, 0, 1]
    assert "2 responses not taken, since responded is 0 on these rows" in trials.notes
    assert trials.mapping["responded"].endswith("2 trials without a response")


def test_an_empty_flag_says_nothing():
    trials = tw.read_long(FRAME.assign(responded=[1, None, 1, 1, 0, None], scored=[0, None, 1, 1, 1, 1]))
    assert trials.choice.tolist() == [0, 1, 0, 1, -1, 1]
    assert trials.scored.tolist() == [False, True, True, True, True, True]
    assert sum("2 empty cells taken as saying nothing" in note for note in trials.notes) == 1
    assert sum("1 empty cell taken as 1" in note for note in trials.notes) == 1


def test_all_contradictions_come_at_once_with_their_rows():
    frame = FRAME.assign(responded=[1, 1, 1, 0, 1, 1], scored=[1, 0, 2, 1, "x", 1])
    frame["choice"] = [0, None, 0, None, None, 1]
    with pytest.raises(tw.errors.DataError) as caught:
        tw.read_long(frame)
    problems = {problem.code: problem for problem in caught.value.problems}
    assert set(problems) == {"contradictory-flags", "not-a-flag"}
    assert problems["contradictory-flags"].rows == (3, 6)
    assert problems["not-a-flag"].rows == (4, 6)
    remedied = tw.read_long(frame.assign(scored=1), responded=False)
    assert remedied.choice.tolist() == [0, -1, 0, -1, -1, 1]


def test_flags_of_which_all_are_one_change_nothing():
    plain, flagged = tw.read_long(FRAME), tw.read_long(FRAME.assign(responded=1, scored=1))
    assert flagged.scored is None
    assert flagged.choice.tolist() == plain.choice.tolist()


def test_they_can_be_named_and_declined():
    frame = FRAME.assign(free=[0, 1, 1, 1, 1, 1], scored=0)
    assert tw.read_long(frame, scored="free").scored.tolist() == [False] + [True] * 5
    assert tw.read_long(frame, scored=False).scored is None
    ratings = FRAME.rename(columns={"choice": "rating"}).assign(responded=[1, 1, 0, 1, 1, 1], rating=np.arange(6) / 4)
    assert np.isnan(tw.read_long(ratings).response["response"]).tolist() == [False, False, True, False, False, False]


def test_shares_of_forced_responses_are_of_responses():
    trials = tw.read_long(FRAME.assign(choice=[0, 1, None, 0, 1, 1], scored=0))
    finding = next(each for each in tw.inspect(trials).findings if each.code == "forced-responses")
    assert finding.sentence.startswith("5 of 5 (100.0%) responses were not")
    assert trials.mapping["scored"].endswith("6 trials not scored")


def test_measures_are_of_free_choices_and_look_back_on_forced_ones():
    trials = tw.read_long(FRAME.assign(scored=[0, 0, 1, 1, 1, 1]))
    table = tw.behaviour.general(trials)
    assert table.loc["a", "share of 0"] == 0.5
    assert table.loc["a", "repeated"] == 0.0  # 1 0 1 0 1 after the forced 0 1
    assert tw.behaviour.general(tw.read_long(FRAME.assign(choice=[1, 1, 1, 1, 0, 0], scored=[1, 0, 1, 1, 0, 1]))).loc[
        "a", "repeated"
    ] == pytest.approx(1.0)
