"""Exclusion of participants by rules, with reasons."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.data.reading.exclusion import exclusions


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
    assert exclusions(kept) == "2 of 4 participants excluded (1 for 'missed more than 20 %', 1 for 'withdrew')"
    again = tw.exclude(kept, "same > 0.8")
    assert again.excluded == {**kept.excluded, "same > 0.8": ("repeats",)}


def test_measures_that_are_not_defined_satisfy_nothing():
    frame = data().drop(columns="rt")
    frame.loc[frame["participant"] == "misses", "choice"] = None
    kept = tw.exclude(tw.read_long(frame, trial=False), ["same > 0", "same <= 0"][1:])
    assert "misses" in kept.participants


def test_slips_are_refused_in_words():
    for rules, words in (
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
