"""Sidecars of BIDS: what they say of the columns is what is read; expected readings are written by hand."""

import json

import numpy as np
import pytest

from trialwise.base.errors import DataError
from trialwise.cli.output.words import in_options
from trialwise.data.read import read_long

NAME = "sub-01_task-bandit_beh.tsv"
ROWS = [
    "trial response response_time points side",
    "1 left 512 10 B",
    "2 n/a n/a n/a A",
    "3 right 640 0 B",
    "4 right 701 10 A",
]
TASK = {
    "TaskName": "bandit",
    "response": {"Description": "box that was opened", "Levels": {"right": "right box", "middle": "-", "left": "left box"}},
    "response_time": {"Units": "ms"},
    "side": {"Levels": {"B": "blue first", "A": "amber first"}},
}  # fmt: skip


@pytest.fixture
def dataset(tmp_path):
    """Write a table and sidecars of a data set; the path of the table."""

    def write(sidecars, rows=ROWS, participant="01", replace=None):
        folder = tmp_path / "bids" / f"sub-{participant}" / "ses-1" / "beh"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"sub-{participant}_ses-1_task-bandit_beh.tsv"
        text = "\n".join("\t".join(row.split()) for row in rows)
        path.write_text(text if replace is None else text.replace(*replace))
        for name, contents in sidecars.items():
            own = tmp_path / "bids" / name
            own.write_text(contents if isinstance(contents, str) else json.dumps(contents))
        return path

    return write


def read(path, **options):
    return read_long(path, **{"participant": False, "outcome": "points", "labels": ["side"], **options})


def test_levels_are_declared_in_their_order_and_the_unit_is_taken(dataset):
    trials = read(dataset({"task-bandit_beh.json": TASK}))
    assert trials.levels["action"] == ("right", "middle", "left")
    assert trials.choice.tolist() == [2, -1, 0, 0]
    assert trials.levels["side"] == ("B", "A")
    assert trials.columns["side"].values.tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(trials.rt, [0.512, np.nan, 0.640, 0.701])
    assert trials.declared == {"action", "side"}
    assert trials.mapping["choice"].startswith(
        "column 'response' (recognised; 'box that was opened'), 3 levels right, middle, left (declared in task-bandit_beh.json)"
    )
    assert "milliseconds (by task-bandit_beh.json)" in trials.mapping["rt"]


def test_the_unit_decides_where_the_median_would_not(dataset):
    rows = [row.replace("512", "30").replace("640", "40").replace("701", "50") for row in ROWS]
    trials = read(dataset({"task-bandit_beh.json": TASK}, rows))
    np.testing.assert_allclose(trials.rt, [0.03, np.nan, 0.04, 0.05])


def test_what_is_nearer_to_the_table_counts_column_by_column(dataset):
    nearest = {"response": {"Levels": ["left", "right"]}}
    trials = read(
        dataset(
            {
                "beh.json": {"response": {"Levels": ["far", "away"]}, "side": {"Levels": {"A": "", "B": ""}}},
                "task-bandit_beh.json": TASK,
                "task-other_beh.json": {"side": {"Levels": {"x": ""}}},
                "task-bandit_events.json": {"side": {"Levels": {"y": ""}}},
                "sub-01/sub-02_beh.json": {"response": {"Levels": {"z": ""}}},
                "sub-01/ses-1/beh/sub-01_ses-1_task-bandit_beh.json": nearest,
                "../task-bandit_beh.json": "outside of the data set {",
            }
        )
    )
    assert trials.levels == {"action": ("left", "right"), "side": ("B", "A")}
    assert "sub-01_ses-1_task-bandit_beh.json" in trials.mapping["choice"]
    assert "task-bandit_beh.json" in trials.mapping["rt"]


def test_other_tables_have_no_sidecars(tmp_path):
    (tmp_path / "trials.json").write_text("{ broken")
    (tmp_path / "trials.tsv").write_text("response\treward\nleft\t1\nright\t0\n")
    assert read_long(tmp_path / "trials.tsv", participant=False).levels["action"] == ("left", "right")


def test_what_the_user_declares_comes_first(dataset):
    trials = read(dataset({"task-bandit_beh.json": TASK}), actions=["left", "right"], rt_unit="s")
    assert trials.levels["action"] == ("left", "right")
    np.testing.assert_allclose(trials.rt, [512, np.nan, 640, 701])


def test_codes_are_compared_as_codes_and_missing_ones_are_no_labels(dataset):
    rows = [row.replace("left", "2").replace("right", "1") for row in ROWS]
    levels = {"2": "left", "1": "right", "n/a": "no response", "-999": "no response"}
    trials = read(dataset({"beh.json": {"response": {"Levels": levels}}}, rows))
    assert trials.levels["action"] == (2, 1)
    assert trials.choice.tolist() == [0, -1, 1, 1]
    assert not any("was taken as a choice" in note for note in trials.notes)


def test_a_code_that_means_no_response_is_noted_and_the_advice_reads_it(dataset):
    rows = [row.replace("n/a n/a n/a", "0 n/a n/a") for row in ROWS]
    levels = {"left": "left box", "right": "right box", "0": {"Description": "No response in 2 s"}}
    path = dataset({"beh.json": {"response": {"Levels": levels}}}, rows)
    (note,) = [note for note in read(path).notes if "was taken as a choice" in note]
    assert "0 (1 row) means 'No response in 2 s' by beh.json" in note
    assert in_options(note).endswith("--missing response=0")
    trials = read(path, **{each.name: each.value for each in note.inputs})
    assert trials.levels["action"] == ("left", "right")
    assert trials.choice.tolist() == [0, -1, 1, 1]


@pytest.mark.parametrize(
    ("change", "sidecar", "code", "words"),
    [
        (("left", "lfet"), TASK, "undeclared-label", "found 'lfet', but the labels of action were declared in task-bandit_beh.json as 'right', 'middle', 'left'"),
        (None, TASK | {"response_time": {"Units": "s"}}, "unit-contradicted", "is s by task-bandit_beh.json, but their median is 640, as of milliseconds"),
        (("640", "0.6"), TASK | {"response_time": {"Units": "furlong"}}, "unknown-unit", "is 'furlong' by task-bandit_beh.json"),
        (None, "{'response': 1}", "damaged-file", "line 1: Expecting property name"),
        (None, "[1, 2]", "damaged-file", "an object with a key for each column"),
        (None, '{"side": {"Levels": {"A": "", "A": ""}}}', "damaged-file", "'A' stands there twice"),
        (None, "[" * 100_000, "damaged-file", "cannot be read as the description of columns"),
        (None, '{"side": {"Levels": {"1": "", "1.0": ""}}}', "repeated-label", "have '1' twice"),
        (None, '{"side": {"Levels": "A, B"}}', "no-levels", "must be an object"),
        (None, '{"side": {"Levels": [null]}}', "no-levels", "must be an object"),
    ],
)  # fmt: skip
def test_what_is_broken_or_contradicts_the_table_is_refused(dataset, change, sidecar, code, words):
    with pytest.raises(DataError) as caught:
        read(dataset({"task-bandit_beh.json": sidecar}, replace=change))
    (problem,) = caught.value.problems
    assert (problem.code, words in problem.message) == (code, True), problem
    assert problem.remedy


def test_advice_on_a_contradicted_unit_reads_the_table(dataset):
    path = dataset({"beh.json": {"response_time": {"Units": "seconds"}}})
    with pytest.raises(DataError) as caught:
        read(path)
    first, *_, last = caught.value.problems[0].remedy.inputs
    np.testing.assert_allclose(read(path, **{first.name: first.value}).rt, [0.512, np.nan, 0.640, 0.701])
    assert read(path, **{last.name: last.value}).rt is None


def test_bytes_that_are_no_text_a_broken_link_and_two_equal_sidecars(dataset, tmp_path):
    path = dataset({"task-bandit_beh.json": TASK})
    (tmp_path / "bids" / "task-bandit_beh.json").write_bytes(b'{"side": "\xff"}')
    (path.parent / path.name.replace(".tsv", ".json")).symlink_to(tmp_path / "nowhere.json")
    (path.parent / "sub-01_beh.json").write_text("{}")
    (path.parent / "ses-1_beh.json").write_text("{}")
    with pytest.raises(DataError) as caught:
        read(path)
    assert {each.code for each in caught.value.problems} == {"damaged-file", "no-file", "two-sidecars"}
    assert "datalad get" in str(caught.value)


def test_an_entry_that_is_no_description_is_noted(dataset):
    trials = read(dataset({"beh.json": {"side": "which side came first"}}))
    assert any(
        "what it says of 'side' is no description, 'which side came first', and was not read" in note
        for note in trials.notes
    )


def test_numbers_that_are_not_among_the_levels_are_noted(dataset):
    rows = [*ROWS, "5 left 600 99 A"]
    path = dataset({"beh.json": {"points": {"Levels": {"0": "lost", "10": "won"}}}}, rows)
    (note,) = [note for note in read(path).notes if "not among the levels" in note]
    trials = read(path, **{each.name: each.value for each in note.inputs})
    np.testing.assert_array_equal(trials.outcome["outcome"], [10, np.nan, 0, 10, np.nan])


def test_several_tables_with_one_sidecar_and_with_units_that_differ(dataset, tmp_path):
    dataset({"task-bandit_beh.json": TASK})
    dataset({}, ROWS[:4], participant="02")
    pattern = str(tmp_path / "bids" / "sub-*" / "ses-*" / "beh" / "*_beh.tsv")
    trials = read(pattern, participant="file")
    assert trials.levels["action"] == ("right", "middle", "left")
    np.testing.assert_allclose(np.nanmax(trials.rt), 0.701)
    dataset({"sub-02/sub-02_beh.json": {"response_time": {"Units": "s"}}})
    with pytest.raises(DataError, match="'ms and s' by task-bandit_beh.json and 1 more"):
        read(pattern, participant="file")
    dataset({"task-bandit_beh.json": "{", "sub-02/sub-02_beh.json": {}})
    with pytest.raises(DataError) as caught:
        read(pattern, participant="file")
    assert len(caught.value.problems) == 1
