"""Inspection: counts, cautions, and the suggested command."""

import pandas as pd
import pytest

from trialwise.analysis.inspect import inspect
from trialwise.data.read import read_long, read_wide

FRAME = pd.DataFrame(
    {
        "participant": [1] * 40 + [2] * 40,
        "context": (["hot"] * 20 + ["cold"] * 20) * 2,
        "choice": [0, 1] * 40,
        "outcome": [1.0, 0.0] * 40,
    }
)


def codes(frame, **options):
    return {warning.code for warning in inspect(read_long(frame, **options)).warnings}


def test_human_data_of_the_alien_task(alien_humans):
    result = inspect(read_wide(alien_humans), command_options=str(alien_humans))
    assert (result.participants, result.trials, result.trials_each) == (31, 13640, (440, 440, 440))
    assert (result.missed_choices, result.missing_outcomes) == (0, 0)
    assert [round(share, 3) for share in result.choice_shares.values()] == [0.316, 0.361, 0.323]
    assert [round(means[0], 2) for _, means in result.by_context.values()] == [4.31, 3.51, 2.51]
    assert [warning.code for warning in result.warnings] == ["inferred-labels"]
    assert result.learner == "QLearning"
    assert result.next_command == f"trialwise fit QLearning {alien_humans} -o results"


def test_counts_shares_and_contexts():
    result = inspect(read_long(FRAME))
    assert result.choice_shares == {0: 0.5, 1: 0.5}
    assert result.by_context == {"cold": (40, (0.5,)), "hot": (40, (0.5,))}
    assert result.outcomes["outcome"].mean == 0.5
    assert result.next_command == "trialwise fit QLearning -o results"
    assert "contexts\n  context  trials  mean outcome\n  cold     40      0.5\n  hot      40      0.5" in str(result)
    assert all(caution.sentence in str(result) for caution in result.warnings)


def test_tables_are_text_and_rectangular():
    trials = read_long(FRAME.assign(delay=1.5), numbers=["delay"])
    tables = inspect(trials).tables()
    assert list(tables) == ["columns", "counts", "labels", "numbers", "choices", "contexts"]
    for table in tables.values():
        assert len(table) and all(isinstance(cell, str) for cell in table.to_numpy().ravel())


def test_good_data_give_no_warning():
    assert codes(FRAME, actions=[0, 1], levels={"context": ["hot", "cold"]}) == set()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"choice": [0] * 40 + [0, 1] * 20}, "one-action"),
        ({"choice": [None] * 20 + [0, 1] * 30}, "many-missed"),
        ({"choice": [None] * 40 + [0, 1] * 20}, "no-choices"),
        ({"choice": [-1, 0, 1, 1] * 20}, "reading"),
        ({"choice": [0, 2] * 40}, "reading"),
        ({"outcome": 1.0}, "constant-outcome"),
        ({"outcome": None}, "no-outcomes"),
        ({"outcome": [0, 50] * 40}, "large-outcome"),
        ({"outcome": [500, 501] * 40}, "large-outcome"),
        ({"choice": [None, 1, 0, 1] * 20}, "outcome-without-choice"),
        ({"participant": [1] * 30 + [2] * 50}, "unequal-trials"),
        ({"participant": [1] * 10 + [2] * 70}, "few-trials"),
        ({"context": ["Hot", "hot"] * 40}, "reading"),
    ],
)
def test_cautions(change, code):
    assert code in codes(FRAME.assign(**change))


def test_large_outcomes_matter_to_learners_of_choices():
    ratings = FRAME.assign(rating=[0.2, 0.4] * 40, outcome=[0, 100] * 40).drop(columns="choice")
    assert "large-outcome" not in codes(ratings)  # no inverse temperature


def test_the_advice_on_one_action_leaves_out_who_has_only_that():
    (caution,) = [
        each
        for each in inspect(read_long(FRAME.assign(choice=[0] * 40 + [0, 1] * 20))).warnings
        if each.code == "one-action"
    ]
    (argument,) = caution.text.inputs
    assert read_long(FRAME.assign(choice=[0] * 40 + [0, 1] * 20), **{argument.name: argument.value}).participants == (
        2,
    )


def test_skipped_labels_are_reported_with_advice():
    (warning, *_) = inspect(read_long(FRAME.assign(choice=[0, 2] * 40))).warnings
    assert warning.sentence == ("the codes of action skip 1; if those exist but never occurred, type actions=[0, 1, 2]")


def test_suggested_learner():
    assert inspect(read_long(FRAME)).learner == "QLearning"
    assert inspect(read_long(FRAME, outcome=False)).learner is None
    for nothing in (0.0, None):
        inspection = inspect(read_long(FRAME.assign(outcome=nothing)))
        assert inspection.learner is None and "nothing can be learnt from the outcome" in inspection.why
    ratings = FRAME.assign(rating=0.5).drop(columns="choice")
    assert inspect(read_long(ratings)).learner == "RescorlaWagner"
    assert inspect(read_long(ratings, outcome=False)).learner is None


def test_inspection_of_selected_participants():
    result = inspect(read_long(FRAME).select([2]))
    assert result.participants == 1
    assert result.labels["context"] == ("cold", "hot")
