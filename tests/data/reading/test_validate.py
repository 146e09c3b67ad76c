"""Validation: all problems are reported together, with their rows and the arguments that solve them."""

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


def test_all_problems_are_reported_at_once(tmp_path):
    path = tmp_path / "trials.csv"
    path.write_text(
        "participant,trial,cue,choice,outcome\n1,1,a,left,1\n1,1,b,up,good\n1,2,,left,inf\n,3,a,left,2\n1,x,a,left,3\n"
    )
    reported = problems(read_long, path, actions=["left", "right"], labels=["outcome"], numbers=["delay"])
    assert {code: list(problem.rows) for code, problem in reported.items()} == {
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
    reported = problems(read_long, GOOD, choice="chioce")
    assert list(reported) == ["missing-column"]
    assert "there is no column 'chioce'; there are 'participant', 'trial'" in reported["missing-column"].message
    assert reported["missing-column"].remedy == "did you mean choice='choice'?"
    export = GOOD.rename(columns={"choice": "key_resp.keys"}).assign(**{"key_resp.rt": 0.5})
    for role, name in (
        ("choice", "key_resp.keys"),
        ("rt", "key_resp.rt"),
    ):  # not a column of another role, if it is as near
        assert (
            problems(read_long, export, **{role: "key_resp"})["missing-column"].remedy
            == f"did you mean {role}={name!r}?"
        )


def test_headers_without_a_recognised_name():
    reported = problems(read_long, GOOD.rename(columns={"participant": "who", "choice": "what"}))
    assert reported["missing-column"].remedy.startswith("type choice='...'")
    with pytest.raises(DataError, match=r"participant='\.\.\.', or participant=False"):
        read_long(GOOD.drop(columns="participant"))


def test_two_columns_for_one_role():
    reported = problems(read_long, GOOD.assign(action=1))
    assert reported["ambiguous-column"].message == "any of 'choice', 'action' may be the choice"
    assert reported["ambiguous-column"].remedy == "type choice='choice', or choice=False for none of them"
    assert read_long(GOOD.assign(action=1), choice="choice").n_trials == 4


def test_a_repeated_column_name():
    frame = pd.concat([GOOD, GOOD[["choice"]]], axis=1)
    assert "repeated-column" in problems(read_long, frame, choice="choice")


def test_text_and_infinity_among_outcomes():
    frame = GOOD.assign(outcome=["1", "lost", "1e999", "-inf"])
    reported = problems(read_long, frame)
    assert list(reported["not-a-number"].rows) == [3]
    assert "missing=['lost']" in reported["not-a-number"].remedy
    words = problems(read_long, GOOD.assign(outcome=["lose", "win", "win", "lose"]))["not-a-number"]
    assert "missing" not in words.remedy and "by its number" in words.remedy  # declared missing, nothing would be left
    assert list(reported["infinite"].rows) == [4, 5]
    assert read_long(frame.head(2), missing=["lost"]).n_trials == 2


def test_thousands_separators():
    reported = problems(read_long, GOOD.assign(outcome=["1,000", "2", "3", "4"]))
    assert reported["not-a-number"].remedy == "write decimals with a point and no thousands separator"


def test_truth_values_mixed_with_numbers():
    assert "not-a-number" in problems(read_long, GOOD.assign(outcome=["True", "2", "3", "4"]))


def test_labels_that_were_not_declared():
    reported = problems(read_long, GOOD, levels={"cue": ["a", "c"]})
    assert list(reported["undeclared-label"].rows) == [3, 5]
    assert reported["undeclared-label"].message == "found 'b', but the labels of cue were declared as 'a', 'c'"
    assert """levels={"cue": ['a', 'c', 'b']}""" in reported["undeclared-label"].remedy


def test_levels_of_no_column():
    reported = problems(read_long, GOOD, levels={"contxt": [1]})
    assert reported["unknown-levels"].message == "no column has these labels; the sets are 'action', 'cue'"


@pytest.mark.parametrize("labels", [[], [1, "1"], ["a", "a"], "left"])
def test_invalid_declarations(labels):
    with pytest.raises(UsageError, match="action"):
        read_long(GOOD, actions=labels)
    with pytest.raises(UsageError, match="both declare"):
        read_long(GOOD, actions=[0, 1], levels={"action": [0, 1]})


def test_response_times_instead_of_choices():
    frame = pd.DataFrame({"participant": 1, "choice": [0.3 + k / 100 for k in range(99)]})
    reported = problems(read_long, frame)["too-many-labels"]
    assert "99 different numbers with fractions, perhaps response times, such as 0.3, 0.31" in reported.message


def test_a_different_context_on_each_trial():
    frame = pd.DataFrame({"participant": 1, "context": range(200), "cue": range(200), "choice": [0, 1] * 100})
    with pytest.raises(DataError, match="200 different labels in 200 cells"):
        read_long(frame)
    repeated = pd.DataFrame({"participant": [1, 2, 3] * 200, "cue": [*range(200)] * 3, "choice": [0, 1] * 300})
    assert read_long(repeated).sizes["cue"] == 200


def test_long_labels_are_truncated():
    with pytest.raises(DataError) as caught:
        read_long(GOOD.assign(choice=["x" * 10_000, 0, 0, 0]), actions=[0])
    assert len(str(caught.value)) < 500


def test_duplicate_trials_are_reported_with_advice():
    frame = pd.concat([GOOD, GOOD.tail(1)])
    reported = problems(read_long, frame)["duplicate-trial"]
    assert list(reported.rows) == [5, 6]
    assert reported.message == "the same trial number occurs more than once, first trial 2 of participant 2"
    assert "block='...'" in reported.remedy
    assert read_long(frame, trial=False).n_trials == 5
    blocks = GOOD.assign(trial=1, block=[1, 1, 1, 2])
    assert list(problems(read_long, blocks)["duplicate-trial"].rows) == [2, 3]


def test_all_choices_missing():
    assert "no-choices" in problems(read_long, GOOD.assign(choice=None))


@pytest.mark.parametrize("name", ["rt", "RT", "correct", "reward", "feedback", "Response Time"])
@pytest.mark.parametrize("argument", ["labels", "numbers", "vectors", "cue"])
def test_columns_known_after_the_choice_cannot_be_used_before(name, argument):
    frame = GOOD.assign(**{name: 1})
    arguments = {"labels": [name], "numbers": [name], "vectors": {"v": [name]}, "cue": name}
    assert "after-choice" in problems(read_long, frame, outcome="outcome", **{argument: arguments[argument]})
    assert "after-choice" in problems(read_long, GOOD, numbers=["choice"], choice="choice")


def test_invalid_flags():
    reported = problems(read_long, GOOD.assign(new=[0, 2, "x", 1]), reset="new")
    assert list(reported["not-a-flag"].rows) == [3, 4]


def test_invalid_availability():
    frame = GOOD.assign(a=0, b=[0, 1, 1, 1])
    assert "unknown-action" in problems(read_long, frame, available=["a"])
    assert "unknown-action" in problems(read_long, frame, available={0: "a", 5: "b"})
    assert list(problems(read_long, frame, available=["a", "b"])["nothing-available"].rows) == [2]


# --- wide -------------------------------------------------------------------------------------------------------------


def test_wide_tables_with_different_rows_or_participants():
    choice = pd.DataFrame({"a": [0, 1, 0], "b": [1, 1, 0]})
    short = problems(read_wide, choice=choice, outcome=choice.head(2))
    assert short["rows-differ"].message == "has 2 trials where the table of choice has 3"
    others = problems(read_wide, choice=choice, outcome=choice.rename(columns={"b": "c"}))
    assert "without 'b' and with 'c'" in others["participants-differ"].message


def test_a_wide_table_without_header(tmp_path):
    (tmp_path / "choice.csv").write_text("0,1,1,2\n1,1,0,2\n")
    reported = problems(read_wide, choice=tmp_path / "choice.csv")
    assert "is the header row missing?" in reported["repeated-participant"].remedy


def test_wide_problems_name_rows_and_participants():
    cue, choice = pd.DataFrame({"a": [0, 1], "b": [1, None]}), pd.DataFrame({"a": [0, 1], "b": [1, 0]})
    reported = problems(read_wide, cue=cue, choice=choice, outcome=pd.DataFrame({"a": ["x", 1], "b": [2, "y"]}))
    assert reported["missing-before-choice"].where == "the table of cue, participant 'b'"
    assert list(reported["missing-before-choice"].rows) == [3]
    assert reported["not-a-number"].where == "the table of outcome, participants 'a', 'b'"


def test_several_wide_tables_that_cannot_be_opened(tmp_path):
    (tmp_path / "rewards.csv").write_text("")
    reported = problems(read_wide, choice=tmp_path / "action.csv", outcome=tmp_path / "rewards.csv")
    assert reported.keys() == {"no-file", "empty-table"}


def test_a_participant_without_trials():
    frame = pd.DataFrame({"a": [0, 1], "b": [None, None]}, dtype=object)
    assert "no-trials" in problems(read_wide, choice=frame)
