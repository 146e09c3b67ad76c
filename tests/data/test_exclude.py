"""Exclusion of participants by rules, with reasons."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.cli.options.columns import Columns
from trialwise.cli.output.words import in_options
from trialwise.data.reading.exclusion import exclusions
from trialwise.data.trials import Column


def data() -> pd.DataFrame:
    """Four participants: one attentive, one who misses, one who repeats one key, one who is too fast."""
    rows = []
    for name, choices, times in (
        ("good", [0, 1, 0, 1, 1, 0, 0, 1], [0.6] * 8),
        ("misses", [0, None, None, 1, None, 0, 1, 0], [0.6] * 8),
        ("repeats", [1, 1, 1, 1, 1, 1, 1, 0], [0.6] * 8),
        ("hasty", [0, 1, 1, 0, 1, 0, 1, 0], [0.05] * 4 + [0.3] * 4),
    ):
        for t, (choice, rt) in enumerate(zip(choices, times, strict=True)):
            group = "patient" if name in ("good", "misses") else "control"
            rows.append({"participant": name, "choice": choice, "reward": t % 2, "rt": rt, "group": group})
    return pd.DataFrame(rows)


def trials() -> tw.Trials:
    return tw.read_long(data(), trial=False, labels=["group"])


@pytest.mark.parametrize(
    ("rule", "out"),
    [
        ("missed > 0.2", ["misses"]),
        ("missed >= 0.375", ["misses"]),
        ("missed > 0.375", []),
        ("same > 0.8", ["repeats"]),
        ("run >= 7", ["repeats"]),
        ("fast > 0.4", ["hasty"]),
        ("rt < 0.2", ["hasty"]),
        ("trials < 9 and group == 'control'", ["repeats", "hasty"]),
        ("missed > 0.2 or fast > 0.4", ["misses", "hasty"]),
        ("participant in ['good', 'hasty']", ["good", "hasty"]),
    ],
)
def test_conditions_on_measures(rule, out):
    if not out:
        kept = tw.exclude(trials(), rule)
        assert kept.excluded == {rule: ()}
        assert exclusions(kept) == ""
        return
    kept = tw.exclude(trials(), rule)
    assert list(kept.excluded[rule]) == out
    assert [*kept.participants] == [name for name in trials().participants if name not in out]


def test_everyone_counts_under_the_first_reason():
    rules = {"missed more than 20 %": "missed > 0.2", "withdrew": ["misses", "hasty"]}
    kept = tw.exclude(trials(), rules)
    assert kept.excluded == {"missed more than 20 %": ("misses",), "withdrew": ("hasty",)}
    assert exclusions(kept) == "2 participants excluded (1 for 'missed more than 20 %', 1 for 'withdrew')"
    assert kept.mapping["excluded"] == f"2 of 4{exclusions(kept)[1:]}"
    assert exclusions(kept.select(["good"])) == exclusions(kept)  # says nothing of those who are selected
    again = tw.exclude(kept, "same > 0.8")
    assert again.excluded == {**kept.excluded, "same > 0.8": ("repeats",)}


def test_measures_that_are_not_defined_satisfy_nothing():
    frame = data().drop(columns="rt")
    frame.loc[frame["participant"] == "misses", "choice"] = None
    kept = tw.exclude(tw.read_long(frame, trial=False), ["same > 0", "same <= 0"][1:])
    assert "misses" in kept.participants


def silent() -> tw.Trials:
    """As above, with a participant who never chose freely, and one of unknown age."""
    frame = data().assign(scored=1, age=30.0)
    frame.loc[frame["participant"] == "hasty", "age"] = 99.0
    own = frame[frame["participant"] == "good"].assign(participant="yoked", scored=0, age=70.0)
    trials = tw.read_long(pd.concat([frame, own]), trial=False, numbers=["age"])
    age = trials.columns["age"].values
    return replace(trials, columns={"age": Column(np.where(age == 99, np.nan, age))})


@pytest.mark.parametrize(
    "rule", ["same > 0.8", "not same <= 0.8", "run > 6", "not (run <= 6)", "rt > 0.9 or same > 0.8"]
)
def test_who_has_no_such_measure_stays_with_a_note(rule):
    kept = tw.exclude(silent(), {"inattentive": rule})
    assert kept.excluded == {"inattentive": ("repeats",)}
    (note,) = [note for note in kept.notes if note.startswith("exclude")]
    assert "says nothing about 1 participant ('yoked')" in note
    (advice,) = note.inputs
    again = tw.exclude(silent(), advice.value)
    assert again.excluded == {"inattentive": ("repeats", "yoked")}
    assert not any(note.startswith("exclude") for note in again.notes)
    typed = shlex.split(in_options(note).split("leave them out: ")[1])
    assert typed[0] == "--exclude"
    assert Columns(exclude=typed[1::2]).exclude == [f"inattentive: {advice.value['inattentive']}"]


def test_what_is_decided_without_a_missing_measure_has_no_note():
    kept = tw.exclude(silent(), ["same > 0.8 and trials > 100", "participant == 'yoked' or run > 6"])
    assert kept.excluded == {
        "same > 0.8 and trials > 100": (),
        "participant == 'yoked' or run > 6": ("repeats", "yoked"),
    }
    assert not any(note.startswith("exclude") for note in kept.notes)


@pytest.mark.parametrize(
    ("rule", "out"), [("age > 60", ("yoked",)), ("age != 30", ("yoked",)), ("age is missing", ("hasty",))]
)
def test_a_column_that_is_unknown_of_somebody_is_a_measure_of_the_others(rule, out):
    kept = tw.exclude(silent(), {"age": rule})
    assert kept.excluded == {"age": out}
    assert any("'hasty'" in note for note in kept.notes) == ("missing" not in rule)


def test_forced_responses_enter_no_measure():
    """Ten forced trials, always answered, fast and rewarded; ten free ones, of which three are missed and the others slow and unrewarded."""
    frame = pd.DataFrame(
        {
            "participant": ["a"] * 20 + ["b"] * 3,
            "choice": [0] * 10 + [1, 0, 1, 0, 1, 0, 1, None, None, None] + [0, 0, 1],
            "reward": [1] * 10 + [0] * 7 + [1] * 3 + [0, 1, 1],
            "rt": [0.05] * 10 + [0.5] * 7 + [2.0] * 3 + [0.7] * 3,
            "scored": [0] * 10 + [1] * 13,
        }
    )
    trials = tw.read_long(frame, trial=False)
    for rule in (
        "missed == 0.3",
        "same == 0.5714285714285714",
        "run == 1",
        "rt == 0.5",
        "fast == 0 and trials > 3",
        "outcome == 0",
        "trials == 20",
    ):
        assert "a" in tw.exclude(trials, {"x": rule}).excluded["x"], rule


def test_any_of_several_responses_is_a_response():
    frame = pd.DataFrame(
        {"participant": ["a"] * 4 + ["b"] * 4, "happy": [1, None] * 4, "sure": [None, 2, None, 3, None, 3, None, None]}
    )
    trials = tw.read_long(frame, trial=False, response={"happy": "happy", "sure": "sure"}, outcome=False)
    assert tw.exclude(trials, "missed > 0").excluded == {"missed > 0": ("b",)}
    assert trials.responded.tolist() == [True] * 7 + [False]


def test_names_with_two_meanings_are_refused_where_they_are_used():
    trials = tw.read_long(data().assign(missed=1.0, age=20.0), trial=False, numbers=["missed", "age"])
    assert tw.exclude(trials, "age < 60 and run > 6").excluded["age < 60 and run > 6"] == ("repeats",)
    with pytest.raises(
        tw.errors.UsageError, match="'missed' is the share of trials without a response, and also the column"
    ):
        tw.exclude(trials, "missed > 0.2")


def test_labels_that_occur_nowhere_are_noted():
    kept = tw.exclude(trials(), {"withdrew": "participant == 's99'"})
    assert kept.excluded == {"withdrew": ()}
    assert any(note.startswith("exclude: participant is never 's99'") for note in kept.notes)


def test_no_rules_leave_trials_as_they_are():
    everyone = trials()
    assert tw.exclude(everyone, {}) is everyone
    assert "excluded" not in tw.read_long(data(), trial=False, exclude=[]).mapping


def test_who_is_excluded_already_is_no_slip():
    kept = tw.exclude(trials(), {"withdrew": ["hasty"]})
    assert tw.exclude(kept, {"withdrew": ["hasty"]}).excluded == {"withdrew": ("hasty",)}


def test_rules_of_one_reason_on_the_command_line_are_alternatives(tmp_path):
    data().to_csv(tmp_path / "x.csv", index=False)
    rules = ["inattentive: missed > 0.2", "inattentive: same > 0.8", "fast > 0.4"]
    kept = Columns(exclude=rules).read([tmp_path / "x.csv"])
    assert kept.excluded == {"inattentive": ("misses", "repeats"), "fast > 0.4": ("hasty",)}


def test_slips_are_refused_in_words():
    for rules, words in (
        ({"withdrew": "good"}, "labels stand in a list, exclude={\"withdrew\": ['good']}"),
        ({"withdrew": 7}, 'labels stand in a list, exclude={"withdrew": [7]}'),
        ("trials > 7 and block > 2", "there is no column 'block'"),
        ("missed > 20", "missed is the share of trials without a response, from 0 to 1: write 0.2 for 20 %"),
        (
            {"slow": "trials > 100 or not rt <= 1500"},
            "rt is the median response time in seconds: write 1.5 for 1500 ms",
        ),
        ("group == control", "exclude='missed > 0.2 or same > 0.9'"),
        ("missd > 0.2", "missed"),
        ("missed >", "no condition"),
        ({"withdrew": ["godo"]}, "no participant 'godo'"),
        ("trials > 0", "leaves none of 4 participants"),
        (["missed > 0.2", 7], "7 is no condition"),
    ):
        with pytest.raises(tw.errors.UsageError, match="exclude") as caught:
            tw.exclude(trials(), rules)
        assert words in str(caught.value)


def test_what_was_excluded_stays_with_the_trials(tmp_path):
    kept = tw.exclude(trials(), {"withdrew": ["hasty"]})
    assert kept.select(["good"]).excluded == kept.excluded
    from trialwise.data.stored import trials_from_datasets, trials_to_datasets

    assert trials_from_datasets(*trials_to_datasets(kept)).excluded == {"withdrew": ("hasty",)}
    assert np.array_equal(kept.choice, trials().select(["good", "misses", "repeats"]).choice)


def test_readers_exclude_as_well():
    kept = tw.read_long(data(), trial=False, exclude={"inattentive": "missed > 0.2 or same > 0.8"})
    assert kept.excluded == {"inattentive": ("misses", "repeats")}
    assert kept.mapping["excluded"] == "2 of 4 participants excluded (2 for 'inattentive')"
    wide = {name: own["choice"].to_list() for name, own in data().groupby("participant", sort=False)}
    rewards = {name: own["reward"].to_list() for name, own in data().groupby("participant", sort=False)}
    again = tw.read_wide(choice=pd.DataFrame(wide), outcome=pd.DataFrame(rewards), exclude="missed > 0.2")
    assert again.excluded == {"missed > 0.2": ("misses",)}
