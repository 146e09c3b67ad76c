"""Columns of flags about responses: ``responded`` and ``scored``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.base.result import having

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
    assert any(note.startswith("2 responses not taken, since responded is 0 on these rows") for note in trials.notes)
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


def advice(messages, name):
    """The value that a message says to type for an argument."""
    return [each.value for message in messages for each in getattr(message, "inputs", ()) if each.name == name]


@pytest.mark.parametrize("points", [[1, 0, 1, 1, 0, 1], [10, 0, 10, 10, 0, 10]])
def test_points_in_a_column_called_scored_are_no_flags_for_who_does_as_told(points):
    frame = FRAME.drop(columns="reward").assign(scored=points)
    try:
        messages = tw.read_long(frame).notes
    except tw.errors.DataError as error:
        messages = [problem.remedy for problem in error.problems]
    assert advice(messages, "scored") == [False]
    trials = tw.read_long(frame, scored=False, outcome="scored")
    assert trials.scored is None
    assert trials.outcome["outcome"].tolist() == points
    given = tw.read_long(frame.rename(columns={"scored": "free"}).assign(free=[0, 1, 1, 1, 1, 1]), scored="free")
    assert not advice(given.notes, "scored")


def test_codes_of_missing_values_are_empty_flags():
    flags = {"responded": [1, -9, 1, 1, 0, 1], "scored": [-9, 1, 1, 0, 1, 1]}
    trials = tw.read_long(FRAME.assign(**flags), missing=[-9])
    assert trials.choice.tolist() == [0, 1, 0, 1, -1, 1]
    assert trials.scored.tolist() == [True, True, True, False, True, True]


def test_a_column_of_the_contrary_is_asked_about():
    frame = FRAME.assign(forced=[1, 1, 0, 0, 0, 0])
    assert any("is it the other way round?" in note for note in tw.read_long(frame, scored="forced").notes)
    frame["free"] = 1 - frame["forced"]  # as the note says
    right = tw.read_long(frame, scored="free")
    assert right.scored.tolist() == [False, False, True, True, True, True]
    assert not any("other way round" in note for note in right.notes)


def some(choices, scored):
    frame = pd.DataFrame(
        {"participant": ["a"] * 6 + ["b"] * 6, "choice": choices, "reward": [1, 0, 1, 1, 0, 1] * 2, "scored": scored}
    )
    return tw.read_long(frame, trial=False)


def test_participants_of_whom_nothing_is_scored_are_named():
    learner = tw.QLearning().fix(forget=0)
    yoked = some([0, 1, 1, 0, 1, 0] * 2, [0] * 6 + [1] * 6)
    assert "no choice of their own: participants a" in [each.sentence for each in tw.inspect(yoked).findings]
    point = tw.point(learner, yoked, starts=2)
    (problem,) = having(point.findings, "problem")
    assert problem.sentence.startswith("no response of 1 participant (a) enters the likelihood")
    (typed,) = problem.advice.inputs
    assert tw.exclude(yoked, typed.value).participants == ("b",)
    assert not having(tw.point(learner, tw.exclude(yoked, typed.value), starts=2).findings, "problem")


@pytest.mark.parametrize(
    ("choices", "scored"), [([0, 1, 1, 0, 1, 0] * 2, 0), ([0] + [None] * 10 + [1], [0] + [1] * 10 + [0])]
)
def test_data_without_any_scored_response_are_refused(choices, scored):
    forced = sum(choice is not None for choice in choices)
    with pytest.raises(
        tw.errors.ModelError, match=f"of 12 trials, {12 - forced} have no choice, and {forced} one that was not"
    ):
        tw.point(tw.QLearning().fix(forget=0), some(choices, scored))


def test_missed_choices_are_a_share_of_those_that_were_free():
    """Two of four free choices are missed, and a third of all."""
    often = some([0, 1, None, None, 1, 0, 0, 1, 1, 0, 1, 0], [0, 0, 1, 1, 1, 1] + [1] * 6)
    (found,) = [each for each in tw.inspect(often).findings if each.code == "many-missed"]
    assert found.about == ("a",)
    few = some([None, 1, 0, 0, 1, 0, 0, 1, 1, 0, 1, 0], [0, 1, 1, 1, 1, 1] + [1] * 6)
    assert not [each for each in tw.inspect(few).findings if each.code == "many-missed"]
