"""Several files as one table, and verbs that read their data themselves."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.base.result import having
from trialwise.data.reading.several import paths_of
from trialwise.data.stored import trials_from_datasets, trials_to_datasets

LEARNER, AT = tw.QLearning(initial=0.5), {"alpha": 0.3, "beta": 2.0, "forget": 0.0}


@pytest.fixture
def frames(tmp_path, monkeypatch):
    """Files of three participants without a column of their names, in the working directory."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(3)
    frames = {}
    for name, count in (("s1.csv", 12), ("s2.csv", 9), ("s10.csv", 15)):
        choice, reward = random.choice(["x", "y"], count), random.integers(0, 2, count)
        frames[name] = pd.DataFrame({"trial": range(count), "choice": choice, "reward": reward})
        frames[name].to_csv(name, index=False)
    return frames


def labelled(frames):
    return pd.concat([frame.assign(participant=name) for name, frame in frames.items()])


@pytest.mark.parametrize(
    "source", [["s1.csv", Path("s2.csv"), "s10.csv"], ".", Path("."), "s*.csv", ["s?.csv", "s10.csv"]]
)
def test_a_file_for_each_participant(source, frames):
    with pytest.raises(tw.errors.DataError, match=r"if each file is one participant, type participant='file'"):
        tw.read_long(source)
    trials, expected = tw.read_long(source, participant="file"), tw.read_long(labelled(frames))
    assert trials.participants == expected.participants == ("s1.csv", "s2.csv", "s10.csv")
    np.testing.assert_array_equal(trials.choice, expected.choice)
    np.testing.assert_array_equal(tw.log_likelihood(LEARNER, trials, AT), tw.log_likelihood(LEARNER, expected, AT))


def test_results_join_back_to_file_and_row(frames):
    trials = tw.read_long("s*.csv", participant="file", where="trial > 2").select(["s10.csv", "s2.csv"])
    for _, line in tw.trial_values(LEARNER, trials, AT).iterrows():
        own = frames[line["file"]].iloc[line["row"] - 2]
        assert (line["trial"], line["choice"], line["outcome"]) == (own["trial"], own["choice"], own["reward"])
    restored = trials_from_datasets(*trials_to_datasets(trials))
    pd.testing.assert_frame_equal(restored.to_frame(), trials.to_frame())


def test_problems_name_file_and_row(frames):
    for name, row in (("s2.csv", 3), ("s10.csv", 5)):
        frames[name].astype(object).assign(reward=lambda f, row=row: f["reward"].where(f.index != row, "x")).to_csv(
            name, index=False
        )
    with pytest.raises(tw.errors.DataError, match=r"found 'x' \(rows 5 of s2.csv, 7 of s10.csv\)") as caught:
        tw.read_long("s*.csv", participant="file")
    (problem,) = caught.value.problems
    assert (problem.rows, problem.files) == ((5, 7), ("s2.csv", "s10.csv"))


def test_files_that_do_not_belong_together(frames):
    frames["s2.csv"].rename(columns={"reward": "points"}).to_csv("s2.csv", index=False)
    with pytest.raises(
        tw.errors.DataError, match=r"s2.csv: has other columns than s1.csv \(without 'reward' and with 'points'\)"
    ):
        tw.read_long("s*.csv", participant="file")
    frames["s2.csv"][["reward", "trial", "choice"]].to_csv("s2.csv", index=False)  # the order is no matter
    assert tw.read_long("s*.csv", participant="file").choice.tolist() == tw.read_long(labelled(frames)).choice.tolist()
    for source in (["s1.csv", "./s1.csv"], [frames["s1.csv"], frames["s1.csv"]]):
        with pytest.raises(tw.errors.DataError, match="is given twice|has the same rows"):
            tw.read_long(source, participant="file")
    frames["s1.csv"].to_csv("copy.csv", index=False)
    with pytest.raises(tw.errors.DataError, match=r"s1.csv: has the same rows as copy.csv"):
        tw.read_long(".", participant="file")
    for source, message in (
        ("q*.csv", "no file matches"),
        ([], "an empty list"),
        (["s1.csv", "no.csv"], "no such file"),
    ):
        with pytest.raises(tw.errors.TrialwiseError, match=message):
            tw.read_long(source)
    os.mkdir("empty")
    with pytest.raises(tw.errors.DataError, match="is a folder without tables"):
        tw.read_long("empty")


@pytest.mark.parametrize(
    ("paths", "others"),
    [
        (["a/1.tsv", "b/2.tsv"], []),
        (["a/x/1.tar.csv.gz", "b/x/2.csv.gz"], ["a/notes.md"]),
        (
            ["sub-1/ses-1/beh/sub-1_ses-1_task-a_beh.tsv", "sub-2/ses-1/beh/sub-2_ses-1_task-a_beh.tsv"],
            ["dataset_description.json", "participants.tsv", "sub-1/sub-1_sessions.tsv"],
        ),
    ],
)
def test_the_advised_pattern_matches_the_tables_below_a_folder(tmp_path, monkeypatch, paths, others):
    monkeypatch.chdir(tmp_path)
    for path in map(Path, [*paths, *others]):
        path = Path("study") / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    with pytest.raises(tw.errors.DataError) as caught:
        paths_of("study")
    (pattern,) = re.findall(r"pattern, '(.+)'", str(caught.value))
    assert paths_of(pattern) == [Path("study") / path for path in paths]


def test_one_label_in_several_files_is_no_silent_merge(frames):
    parts = [frame.assign(participant=1) for frame in frames.values()]
    with pytest.raises(
        tw.errors.DataError, match=r"restart in each file: .*participant='file'; .*session='file'; .*block='file'"
    ):
        tw.read_long(parts)
    unnumbered = [part.drop(columns="trial") for part in parts]
    (note,) = tw.read_long(unnumbered, trial=False).notes
    assert "1 participant has rows in several files, first 1 in table 1, table 2, table 3" in note
    assert tw.read_long(unnumbered, trial=False, session="file").notes == ()
    assert tw.read_long(unnumbered, trial=False, session="file").reset.sum() == 2
    own_sessions = [part.assign(session=n) for n, part in enumerate(unnumbered)]
    assert tw.read_long(own_sessions, trial=False).notes == ()
    other_sessions = [part.assign(session=1) for part in unnumbered]
    assert len(tw.read_long(other_sessions, trial=False).notes) == 1


def test_verbs_read_what_they_are_given(frames):
    table = labelled(frames)
    table.to_csv("all.csv", index=False)
    expected = tw.read_long(table)
    with pytest.warns(
        UserWarning, match="recognised by their names: participant: column 'participant'; .*outcome: column 'reward'"
    ) as caught:
        values = tw.log_likelihood(LEARNER, "all.csv", AT)
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(values, tw.log_likelihood(LEARNER, expected, AT))
    with pytest.warns(UserWarning):
        pd.testing.assert_frame_equal(tw.trial_values(LEARNER, table, AT), tw.trial_values(LEARNER, expected, AT))
    with pytest.warns(UserWarning):
        pd.testing.assert_frame_equal(tw.behaviour.measured(Path("all.csv")), tw.behaviour.measured(expected))
    inspection = tw.inspect(Path("all.csv"))
    assert inspection.next_command == "trialwise fit QLearning all.csv -o results"
    assert (inspection.trials, inspection.findings) == (36, tw.inspect(expected).findings)
    point = tw.point(LEARNER, table, starts=1)
    assert [each.code for each in having(point.findings, "note")] == ["reading"]
    with pytest.raises(tw.errors.DataError, match="did you mean 'all.csv'"):
        tw.fit(LEARNER, "al.csv")
    with pytest.raises(tw.errors.UsageError, match=r"write AlienTask\(\)"):
        tw.simulate(LEARNER, "AlienTask", AT)


def test_a_folder_of_wide_tables(frames):
    os.mkdir("wide")
    for name, values in (("actions.csv", [0, 1, 1]), ("rewards.csv", [1, 0, 1])):
        pd.DataFrame({"ann": values, "ben": values[::-1]}).to_csv(f"wide/{name}", index=False)
    with pytest.raises(tw.errors.UsageError, match=r"write read_wide\('wide'\)"):
        tw.read_long("wide")
    with pytest.warns(UserWarning, match="choice: actions.csv"):
        assert len(tw.log_likelihood(LEARNER, "wide", AT)) == 2
