"""Validation: everything wrong is told at once, with rows and what to type."""

import pandas as pd
import pytest

from trialwise.base.errors import DataError, UsageError
from trialwise.data.read import read_long, read_wide


def problems(call, *args, **options):
    with pytest.raises(DataError) as caught:
        call(*args, **options)
    return {problem.code: problem for problem in caught.value.problems}


GOOD = pd.DataFrame(
    {"participant": [1, 1, 2, 2], "trial": [1, 2, 1, 2], "cue": ["a", "b", "a", "b"], "choice": [0, 1, 1, 0],
     "outcome": [1.0, 0.5, 0.0, 2.0]}
)  # fmt: skip


def test_all_problems_are_told_at_once(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(
        "participant,trial,cue,choice,outcome\n1,1,a,left,1\n1,1,b,up,good\n1,2,,left,inf\n,3,a,left,2\n1,x,a,left,3\n"
    )
    found = problems(read_long, path, actions=["left", "right"], labels=["outcome"], numbers=["delay"])
    assert {code: list(problem.rows) for code, problem in found.items()} == {
        "undeclared-label": [3],
        "not-a-number": [6],
        "missing-before-choice": [4],
        "missing-participant": [5],
        "duplicate-trial": [2, 3],
        "missing-column": [],
        "name-clash": [],
        "after-choice": [],
    }
    with pytest.raises(DataError, match=r"(?s)\d problems with the data:.*trials.csv, column 'choice': found 'up'"):
        read_long(path, actions=["left", "right"])


def test_a_misspelt_column_name():
    found = problems(read_long, GOOD, choice="chioce")
    assert list(found) == ["missing-column"]
    assert "there is no column 'chioce'; there are 'participant', 'trial'" in found["missing-column"].message
    assert found["missing-column"].remedy == "did you mean choice='choice'?"


def test_nothing_recognised():
    found = problems(read_long, GOOD.rename(columns={"participant": "who", "choice": "what"}))
    assert found["missing-column"].remedy.startswith("type choice='...'")
    with pytest.raises(DataError, match=r"participant='\.\.\.', or participant=False"):
        read_long(GOOD.drop(columns="participant"))


def test_two_columns_for_one_role():
    found = problems(read_long, GOOD.assign(action=1))
    assert found["ambiguous-column"].message == "any of 'choice', 'action' may be the choice"
    assert found["ambiguous-column"].remedy == "type choice='choice', or choice=False for none of them"
    assert read_long(GOOD.assign(action=1), choice="choice").n_trials == 4


def test_a_repeated_column_name():
    frame = pd.concat([GOOD, GOOD[["choice"]]], axis=1)
    assert "repeated-column" in problems(read_long, frame, choice="choice")


def test_text_and_infinity_among_outcomes():
    frame = GOOD.assign(outcome=["1", "lost", "1e999", "-inf"])
    found = problems(read_long, frame)
    assert list(found["not-a-number"].rows) == [3]
    assert "missing=['lost']" in found["not-a-number"].remedy
    assert list(found["infinite"].rows) == [4, 5]
    assert read_long(frame.head(2), missing=["lost"]).n_trials == 2


def test_thousands_separators():
    found = problems(read_long, GOOD.assign(outcome=["1,000", "2", "3", "4"]))
    assert found["not-a-number"].remedy == "write decimals with a point and no thousands separator"


def test_truth_values_mixed_with_numbers():
    assert "not-a-number" in problems(read_long, GOOD.assign(outcome=["True", "2", "3", "4"]))


def test_labels_that_were_not_declared():
    found = problems(read_long, GOOD, levels={"cue": ["a", "c"]})
    assert list(found["undeclared-label"].rows) == [3, 5]
    assert found["undeclared-label"].message == "found 'b', but the labels of cue were declared as 'a', 'c'"
    assert """levels={"cue": ['a', 'c', 'b']}""" in found["undeclared-label"].remedy


def test_levels_of_no_column():
    found = problems(read_long, GOOD, levels={"contxt": [1]})
    assert found["unknown-levels"].message == "no column has these labels; there are 'action', 'cue'"


@pytest.mark.parametrize("labels", [[], [1, "1"], ["a", "a"], "left"])
def test_declarations_that_make_no_sense(labels):
    with pytest.raises(UsageError, match="action"):
        read_long(GOOD, actions=labels)
    with pytest.raises(UsageError, match="both declare"):
        read_long(GOOD, actions=[0, 1], levels={"action": [0, 1]})


def test_response_times_taken_for_choices():
    frame = pd.DataFrame({"participant": 1, "choice": [0.3 + k / 100 for k in range(99)]})
    found = problems(read_long, frame)["too-many-labels"]
    assert "99 different numbers with fractions, perhaps response times, such as 0.3, 0.31" in found.message


def test_a_context_for_each_trial():
    frame = pd.DataFrame({"participant": 1, "context": range(200), "cue": range(200), "choice": [0, 1] * 100})
    with pytest.raises(DataError, match="200 different labels in 200 cells"):
        read_long(frame)
    many_seen_often = pd.DataFrame({"participant": [1, 2, 3] * 200, "cue": [*range(200)] * 3, "choice": [0, 1] * 300})
    assert read_long(many_seen_often).sizes["cue"] == 200


def test_huge_labels_are_cut_short():
    with pytest.raises(DataError) as caught:
        read_long(GOOD.assign(choice=["x" * 10_000, 0, 0, 0]), actions=[0])
    assert len(str(caught.value)) < 500


def test_duplicate_trials_name_what_to_do():
    frame = pd.concat([GOOD, GOOD.tail(1)])
    found = problems(read_long, frame)["duplicate-trial"]
    assert list(found.rows) == [5, 6]
    assert found.message == "the same trial number more than once, first trial 2 of participant 2"
    assert "block='...'" in found.remedy
    assert read_long(frame, trial=False).n_trials == 5
    blocks = GOOD.assign(trial=1, block=[1, 1, 1, 2])
    assert list(problems(read_long, blocks)["duplicate-trial"].rows) == [2, 3]


def test_all_choices_missing():
    assert "no-choices" in problems(read_long, GOOD.assign(choice=None))


@pytest.mark.parametrize("name", ["rt", "RT", "correct", "reward", "feedback", "Response Time"])
@pytest.mark.parametrize("where", ["labels", "numbers", "vectors", "cue"])
def test_what_is_known_after_the_choice_is_not_offered_before(name, where):
    frame = GOOD.assign(**{name: 1})
    given = {"labels": [name], "numbers": [name], "vectors": {"v": [name]}, "cue": name}
    assert "after-choice" in problems(read_long, frame, outcome="outcome", **{where: given[where]})
    assert "after-choice" in problems(read_long, GOOD, numbers=["choice"], choice="choice")


def test_flags_that_are_none():
    found = problems(read_long, GOOD.assign(new=[0, 2, "x", 1]), reset="new")
    assert list(found["not-a-flag"].rows) == [3, 4]


def test_availability_that_does_not_fit():
    frame = GOOD.assign(a=0, b=[0, 1, 1, 1])
    assert "unknown-action" in problems(read_long, frame, available=["a"])
    assert "unknown-action" in problems(read_long, frame, available={0: "a", 5: "b"})
    assert list(problems(read_long, frame, available=["a", "b"])["nothing-available"].rows) == [2]


# --- wide -------------------------------------------------------------------------------------------------------------


def test_wide_tables_that_do_not_fit_together():
    choice = pd.DataFrame({"a": [0, 1, 0], "b": [1, 1, 0]})
    short = problems(read_wide, choice=choice, outcome=choice.head(2))
    assert short["rows-differ"].message == "has 2 trials where the table of choice has 3"
    others = problems(read_wide, choice=choice, outcome=choice.rename(columns={"b": "c"}))
    assert "without 'b' and with 'c'" in others["participants-differ"].message


def test_a_wide_table_without_header(tmp_path):
    (tmp_path / "choice.csv").write_text("0,1,1,2\n1,1,0,2\n")
    found = problems(read_wide, choice=tmp_path / "choice.csv")
    assert "is the header row missing?" in found["repeated-participant"].remedy


def test_wide_problems_name_rows_and_participants():
    cue, choice = pd.DataFrame({"a": [0, 1], "b": [1, None]}), pd.DataFrame({"a": [0, 1], "b": [1, 0]})
    found = problems(read_wide, cue=cue, choice=choice, outcome=pd.DataFrame({"a": ["x", 1], "b": [2, "y"]}))
    assert found["missing-before-choice"].where == "the table of cue, participant 'b'"
    assert list(found["missing-before-choice"].rows) == [3]
    assert found["not-a-number"].where == "the table of outcome, participants 'a', 'b'"


def test_several_wide_tables_that_cannot_be_opened(tmp_path):
    (tmp_path / "rewards.csv").write_text("")
    found = problems(read_wide, choice=tmp_path / "action.csv", outcome=tmp_path / "rewards.csv")
    assert found.keys() == {"no-file", "empty-table"}


def test_a_participant_without_trials():
    frame = pd.DataFrame({"a": [0, 1], "b": [None, None]}, dtype=object)
    assert "no-trials" in problems(read_wide, choice=frame)
