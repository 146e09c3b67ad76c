"""Tables with a row a trial that become rows of stages, or of repeated choices, and back."""

import ast
import itertools
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import trialwise as tw
from trialwise.analysis.comparison.crossvalidation import beginnings
from trialwise.data.expansion.declared import from_plain
from trialwise.data.expansion.given import as_expansion, from_text
from trialwise.data.reading.measures import measures_of
from trialwise.data.stored import trials_from_datasets, trials_to_datasets

sys.path.insert(0, str(Path(__file__).parent.parent / "learners"))

STATE = "first: choice=a1, cue=0, outcome=0; second: choice=a2, cue=state, outcome=win"
CODED = "first: choice=a1, cue=0, outcome=0; second: choice=a2, groups=1 2 | 3 4, outcome=win"
BOTH = "first: choice=a1, cue=0, outcome=0; second: choice=a2, cue=state, groups=1 2 | 3 4, outcome=win"
SERIES = "repeats: count=pumps, ended=burst, step=pump"


def by_hand(rows, coded=False):
    """Rows of stages, one dict after the other: the second stage is left out where it is empty."""
    result = []
    for row in rows:
        result.append((row["id"], row["a1"], 0, None if row["a1"] is None else 0.0))
        if any(row[name] is not None for name in ("a2", "state", "win") if name in row):
            second = row["a2"]
            if coded and second is not None:
                result.append((row["id"], (second - 1) % 2 + 1, (second - 1) // 2 + 1, row["win"]))
            else:
                result.append((row["id"], second, row.get("state"), row["win"]))
    return result


def read_back(trials):
    table = trials.to_frame()
    rows = zip(table["participant"], table["choice"], table["cue"], table["outcome"], strict=True)
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in rows]


@st.composite
def two_stages(draw):
    """Trials of up to three participants, with missed choices of either stage."""
    rows = []
    for person in "abc"[: draw(st.integers(1, 3))]:
        for _ in range(draw(st.integers(1, 6))):
            first = draw(st.sampled_from([1, 2, None]))
            state = None if first is None else draw(st.sampled_from([1, 2]))
            second = None if state is None else draw(st.sampled_from([1, 2, None]))
            win = None if second is None else draw(st.sampled_from([0.0, 1.0]))
            rows.append({"id": person, "a1": first, "a2": second, "state": state, "win": win})
    whole = {"id": "z", "a1": 1, "a2": 2, "state": 1, "win": 1.0}  # all labels occur
    return [*rows, whole, {**whole, "a1": 2, "a2": 1, "state": 2}]


@settings(max_examples=40, deadline=None)
@given(two_stages())
def test_stages_are_those_of_a_plain_loop_and_back(rows):
    frame = pd.DataFrame(rows)
    trials = tw.read_long(frame, expand=STATE)
    assert read_back(trials) == by_hand(rows)
    back = tw.collapse(trials)
    for name in ("a1", "a2", "state", "win"):
        pd.testing.assert_series_equal(back[name].astype(float), frame[name].astype(float), check_names=False)
    assert back["row"].tolist() == [*range(2, len(rows) + 2)]
    again = tw.read_long(back, expand=STATE)
    assert read_back(again) == by_hand(rows)
    assert again.levels == trials.levels and again.offsets.tolist() == trials.offsets.tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()).filter(lambda each: each[0] or not each[1]), min_size=1))
def test_series_are_those_of_a_plain_loop_and_back(balloons):
    frame = pd.DataFrame({"id": "a", "pumps": [n for n, _ in balloons], "burst": [int(b) for _, b in balloons]})
    expected = []
    for pumps, burst in balloons:
        expected += [("go", float(pump), float(burst and pump == pumps)) for pump in range(1, pumps + 1)]
        expected += [] if burst else [("stop", float(pumps + 1), 0.0)]
    trials = tw.read_long(frame, expand=SERIES)
    table = trials.to_frame()
    assert [*zip(table["choice"], table["pump"], table["outcome"], strict=True)] == expected
    assert trials.levels["action"] == ("stop", "go")
    back = tw.collapse(trials)
    assert back[["pumps", "burst"]].to_dict("list") == frame[["pumps", "burst"]].to_dict("list")


TWO_STEPS = {
    "alpha": 0.4, "beta": 2, "alpha_second": 0.3, "beta_second": 3, "perseveration": 0.3, "omega": 0.6, "trace": 0.5,
}  # fmt: skip
"""The values of the reference of two stages."""


def test_reference_of_two_stages():
    """Six trials of the two-step task, with the log-likelihood by an independent program."""
    frame = pd.DataFrame({"subjID": "a", "level1_choice": [0, 1, 0, 0, 1, 1], "level2_choice": [0, 2, 3, 1, 3, 0]})
    frame["reward"] = [1, 0, 1, 0, 1, 1]
    declared = tw.stages(
        first={"choice": "level1_choice", "cue": 0, "outcome": 0},
        second={"choice": "level2_choice", "groups": [[0, 1], [2, 3]], "outcome": "reward"},
    )
    learner = tw.learners.HybridTwoStep()
    trials = tw.read_long(frame, expand=declared)
    assert tw.log_likelihood(learner, trials, TWO_STEPS, plain=True)[0] == pytest.approx(-8.317249671956, rel=1e-12)
    table = tw.trial_values(learner, trials, TWO_STEPS)
    wide = tw.collapse(trials, table)
    assert wide[["log_likelihood_first", "log_likelihood_second"]].sum().sum() == pytest.approx(-8.317249671956)
    assert wide["error_at_second"].tolist() == table["error"].tolist()[1::2]
    assert wide["error_first_second"].tolist() == table["error_first"].tolist()[1::2]
    shifted = frame.assign(level1_choice=frame["level1_choice"] + 1, level2_choice=frame["level2_choice"] + 1)
    by_environment = tw.read_long(shifted, expand=tw.environments.TwoStepTask)
    assert tw.log_likelihood(learner, by_environment, TWO_STEPS, plain=True)[0] == pytest.approx(
        -8.317249671956, rel=1e-12
    )
    assert tw.read_long(shifted, expand=tw.environments.TwoStepTask()).expansion == by_environment.expansion


def test_reference_of_balloons():
    from test_published import CASES, Balloon

    frame = pd.DataFrame({"id": "a", "pumps": [4, 6, 3, 8], "explosion": [0, 1, 0, 0]})
    trials = tw.read_long(frame, expand=tw.repeats("pumps", "explosion", step="pump", actions=("stop", "pump")))
    values, expected = CASES["Balloon"].values, CASES["Balloon"].expected
    assert expected == -6.601418105645
    assert tw.log_likelihood(Balloon(), trials, values, plain=True)[0] == pytest.approx(expected, rel=1e-12)
    wide = tw.collapse(trials, tw.trial_values(Balloon(), trials, values))
    assert wide["log_likelihood"].sum() == pytest.approx(expected)
    assert wide[["row", "pumps", "explosion"]].to_numpy().tolist() == [[2, 4, 0], [3, 6, 1], [4, 3, 0], [5, 8, 0]]


def coded_frame(count=40, seed=1):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": np.repeat(["b", "a"], count // 2), "trial": np.tile(np.arange(count // 2), 2)})
    frame["a1"], frame["a2"] = random.integers(1, 3, count), random.integers(1, 5, count)
    return frame.assign(state=np.where(frame["a2"] > 2, "south", "north"), win=random.integers(0, 2, count))


def test_labels_coded_over_states():
    frame = coded_frame()
    expected = by_hand(frame[["id", "a1", "a2", "win"]].to_dict("records"), coded=True)
    assert read_back(tw.read_long(frame, expand=CODED)) == expected
    with_state = tw.read_long(frame, expand=BOTH)
    assert [row[1] for row in read_back(with_state)] == [row[1] for row in expected]
    assert with_state.to_frame()["cue"].tolist()[1::2] == frame["state"].tolist()
    named = tw.read_long(frame, expand=BOTH.replace("1 2 | 3 4", "north: 1 2 | south: 3 4"))
    assert read_back(named) == read_back(with_state)
    for trials in (with_state, named):
        assert tw.collapse(trials)["a2"].tolist() == frame["a2"].tolist()
    without_state = tw.read_long(frame, expand=CODED.replace("1 2 | 3 4", "n: 1 2 | s: 3 4"))
    assert without_state.levels["cue"] == (0, "n", "s")
    assert tw.collapse(without_state)["a2"].tolist() == frame["a2"].tolist()


def test_what_is_left_out_is_said():
    frame = coded_frame(6).astype({"a1": "Int64", "a2": "Int64", "win": "Int64"})
    frame.loc[1, ["a1", "a2", "win"]] = pd.NA
    frame.loc[2, ["a2", "win"]] = pd.NA
    trials = tw.read_long(frame, expand=CODED)
    text = "6 rows of the file are 10 trials (first: 6, second: 4); 2 rows ended before the stage second, which is empty there"
    assert text in trials.notes
    assert trials.mapping["expand"].endswith(text)
    assert any("nothing stands in any stage in 1 row" in note for note in trials.notes)
    inspection = tw.inspect(frame, expand=CODED)
    assert text in [finding.sentence for finding in inspection.findings]
    assert trials.row.tolist() == [2, 2, 3, 4, 5, 5, 6, 6, 7, 7]
    without_data = tw.read_long(
        pd.DataFrame({"id": "a", "n": [1, None], "b": [0, None]}), expand="repeats: count=n, ended=b"
    )
    assert "1 row without a count left out" in without_data.notes[0]


def test_all_problems_at_once_with_rows():
    frame = pd.DataFrame(
        {"id": "a", "a1": [1, 2, None, 1], "a2": [1, 3, 4, 7], "state": list("NSSN"), "win": [1, 0, 1, 0]}
    )
    frame = pd.concat([frame, frame.iloc[:2].assign(a1=1, a2=[1, 2], state="S")], ignore_index=True).assign(
        a2=[1, 3, 4, 7, 2, 1]
    )
    frame.loc[len(frame)] = ["a", 1, 1, "N", 1]
    frame.loc[len(frame)] = ["a", 1, 2, "N", 1]
    with pytest.raises(tw.errors.DataError) as error:
        tw.read_long(frame, expand=BOTH)
    found = {problem.code: problem.rows for problem in error.value.problems}
    assert found["label-in-no-group"] == (5,)
    assert found["stages-out-of-order"] == (4,)
    assert found["choice-at-another-cue"] == (6, 7)
    frame = pd.DataFrame({"id": "a", "pumps": [3, -1, 2.5, None, 0, 20, "x", 2], "burst": [1, 0, 0, 0, 1, 0, 2, None]})
    with pytest.raises(tw.errors.DataError) as error:
        tw.read_long(frame, expand=SERIES + ", most=12")
    assert {problem.code: problem.rows for problem in error.value.problems} == {
        "missing-count": (5,), "missing-end": (9,), "not-a-count": (3, 4, 8), "not-a-flag": (8,), "ended-without-a-choice": (6,),
        "count-too-large": (7,),
    }  # fmt: skip
    with pytest.raises(tw.errors.DataError) as error:
        tw.read_long(frame.assign(step=1), expand="repeats: count=pump, ended=bursts")
    assert [problem.code for problem in error.value.problems] == ["missing-column", "missing-column", "name-clash"]


def test_two_groups_at_one_state():
    frame = coded_frame().assign(state="north")
    with pytest.raises(tw.errors.DataError, match="several groups occur at the same cue"):
        tw.read_long(frame, expand=BOTH)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("first choice=a1", "does not begin with the name of a stage"),
        ("first: choice=a1; first: choice=a2", "two stages 'first'"),
        ("first: choice=a1, choice=a2", "has the choice twice"),
        ("first: choice=a 1", "neither a column nor a number"),
        ("first: choice=`a1", "quotation mark is open"),
        ("first: choice=1", "number 1 as choice"),
        ("first: outcome=1", "no column of the file"),
        ("first: participant=id, choice=a1", "belongs to a whole row"),
        ("first: choice=a1, groups=1 2 | 2 3", "each label once"),
        ("first: choice=a1, groups=1 2 | 3", "as many in each group"),
        ("first: choice=a1, groups=N: 1 2 | 3 4", "a cue of its own, or none"),
        ("first: choice=a1, actions=1 2", "without groups"),
        ("first: outcome=win, groups=1 2", "wanted labels of its choices"),
        ("first: choice=a1, cue=0, groups=1 2 | 3 4", "one cue and 2 groups"),
        ("repeats: count=a1", "count and ended"),
        ("repeats: count=a1, ended=a1", "two columns"),
        ("repeats: count=a1, ended=a2, step=choice", "cannot be that of steps"),
        ("repeats: count=a1, ended=a2, actions=go go", "not those of two actions"),
        ("", "there is no stage"),
    ],
)  # fmt: skip
def test_texts_that_are_refused(text, what):
    with pytest.raises(tw.errors.UsageError, match=what) as error:
        from_text(text)
    assert "expand='first: choice=choice1; second: choice=choice2, outcome=reward'" in str(error.value)


@pytest.mark.parametrize(
    "expansion",
    [
        from_text(BOTH),
        from_text(SERIES),
        tw.stages(
            {"a stage": {"choice": "the choice, first", "x": 0.25, "cue": "7"}, "b": {"choice": "Größe", "y": "p.q-r"}}
        ),
        tw.stages(a={"choice": "c", "groups": {"a b": ["1", 2], "=": ["|", "x"]}, "actions": ["l r", -3]}),
        tw.repeats("n", "b", step="k", actions=("no", "yes"), most=9),
    ],
)
def test_the_text_form_and_the_stored_form(expansion):
    assert as_expansion(str(expansion)) == expansion
    assert from_plain(expansion.plain()) == expansion


def test_what_belongs_to_the_whole_row_is_not_repeated_as_an_outcome():
    frame = coded_frame()
    stages = "first: choice=a1; second: choice=a2"
    assert not tw.read_long(frame.rename(columns={"win": "reward"}), expand=stages).outcome
    with pytest.raises(tw.errors.UsageError, match="'win' would be repeated"):
        tw.read_long(frame, expand=stages, outcome="win")
    with pytest.raises(tw.errors.UsageError, match="would be repeated"):
        tw.read_long(frame, expand=STATE, choice="a1")
    with pytest.raises(tw.errors.UsageError, match="already what the cue is"):
        tw.read_long(frame, expand=STATE, cue="state")


def test_columns_of_names_of_ones_own():
    frame = coded_frame().assign(odds1=0.5, odds2=0.25, left2=1, right2=0)
    stages = {"first": {"choice": "a1", "odds": "odds1", "left": 1, "right": 1},
              "second": {"choice": "a2", "odds": "odds2", "left": "left2", "right": "right2", "groups": [[1, 2], [3, 4]]}}  # fmt: skip
    frame["a2"] = 1
    trials = tw.read_long(frame, expand=stages, numbers=["odds"], available={1: "left", 2: "right"}, actions=[1, 2])
    assert trials.columns["odds"].values.tolist() == [0.5, 0.25] * 40
    assert trials.available.tolist() == [[True, True], [True, False]] * 40


def test_a_stage_without_a_cue_has_its_name():
    frame = coded_frame()
    stages = "first: choice=a1; second: choice=a2, cue=state, groups=1 2 | 3 4"
    assert set(tw.read_long(frame, expand=stages).levels["cue"]) == {"first", "north", "south"}
    numbers = tw.read_long(frame.assign(state=1 + (frame["a2"] > 2)), expand=stages)
    assert numbers.levels["cue"] == ("first", "1", "2")
    assert numbers.columns["cue"].values[:2].tolist() == [0, 1 + int(frame["a2"][0] > 2)]


def test_resets_before_the_first_stage_only():
    frame = coded_frame(8).assign(new=[0, 0, 1, 0, 0, 1, 0, 0])
    trials = tw.read_long(frame, expand=CODED, reset="new")
    assert np.flatnonzero(trials.reset).tolist() == [4, 10]
    assert tw.read_long(frame.assign(block=[1, 1, 2, 2] * 2), expand=CODED, reset=True).reset.sum() == 2
    # a flag on a row that is left out counts for the next trial, also if as many rows are left out as there are further trials
    half = pd.DataFrame({"id": "a", "new": [1, 0, 1, 0], "a1": 1, "a2": 2, "win": 1, "kind": ["i", "t", "i", "t"]})
    carried = tw.read_long(half, expand=CODED, reset="new", where="kind == 't'", actions=[1, 2])
    assert carried.reset.tolist() == [True, False, True, False]


def test_trials_are_ordered_by_rows_and_stages_stay_together():
    frame = coded_frame()
    shuffled = frame.sample(frac=1, random_state=2).reset_index(drop=True)
    trials, expected = tw.read_long(shuffled, expand=CODED), tw.read_long(frame, expand=CODED)
    rows = {person: [row for row in read_back(expected) if row[0] == person] for person in "ab"}
    assert read_back(trials) == [row for person in trials.participants for row in rows[person]]
    assert trials.to_frame()["stage"].tolist() == ["first", "second"] * 40
    joined = tw.collapse(trials)
    assert (
        joined[["a1", "a2", "win"]].astype(int).to_numpy().tolist() == shuffled[["a1", "a2", "win"]].to_numpy().tolist()
    )
    assert trials.inputs["a2"].tolist()[::2] == trials.inputs["a2"].tolist()[1::2]
    with pytest.raises(tw.errors.DataError, match="more than once, first trial 3") as error:
        tw.read_long(pd.concat([frame, frame.iloc[[3]]], ignore_index=True), expand=CODED)
    assert error.value.problems[0].rows == (5, 42)


def test_strange_columns():
    frame = coded_frame()
    plain = tw.read_long(frame, expand=CODED)
    truth = frame.assign(win=frame["win"].astype(bool))
    assert read_back(tw.read_long(truth, expand=CODED)) == read_back(plain)
    text = frame.astype(str).assign(a1=pd.Categorical(frame["a1"]))
    assert read_back(tw.read_long(text, expand=CODED)) == read_back(plain)
    missed = frame.assign(a1=frame["a1"].where(frame.index != 3, -1), a2=frame["a2"].where(frame.index != 3, 99))
    coded = tw.read_long(missed.assign(win=missed["win"].where(frame.index != 3)), expand=CODED, missing={"a2": [99]})
    assert coded.n_trials == 79 and coded.to_frame()["choice"].isna().sum() == 1
    alone = tw.read_long(frame.drop(columns=["id", "trial"]), expand=CODED, participant=False)
    assert alone.n_trials == 80 and tw.collapse(alone)["trial"].tolist() == [*range(1, 41)]
    words = frame.assign(a1=pd.Categorical(np.where(frame["a1"] == 1, "l", "r"), ["r", "l"]))
    words["a2"] = pd.Categorical(np.where(frame["a2"] % 2, "l", "r"), ["r", "l"])
    assert tw.read_long(words, expand=STATE).levels["action"] == ("r", "l")


def test_minus_one_is_judged_by_the_labels_of_all_stages():
    """As a code of a missed choice it ends the trial; where it could be an action, it is asked."""
    frame = pd.DataFrame({"id": "a", "a1": [1, 2, -1], "a2": [1, 1, -1], "state": [1, 2, None], "win": [1, 0, None]})
    trials = tw.read_long(frame, expand=STATE)
    assert trials.choice.tolist() == [0, 0, 1, 0, -1]
    assert any("-1 was taken as a missed choice in 1 trial" in note for note in trials.notes)
    with pytest.raises(tw.errors.DataError, match="is -1 an action, or a missed choice"):
        tw.read_long(frame.assign(a1=[0, 0, -1], a2=[0, 0, -1]), expand=STATE)


def test_codes_of_missing_values_are_those_of_the_file():
    frame = pd.DataFrame({"id": "a", "a1": [1, 2], "a2": [2, 1], "state": [1, 2], "win": [1, 0]})
    trials = tw.read_long(frame, expand=STATE, missing=[0])
    assert trials.to_frame()["cue"].tolist() == [0, 1, 0, 2]
    np.testing.assert_array_equal(trials.outcome["outcome"], [0, 1, 0, np.nan])
    series = tw.read_long(pd.DataFrame({"id": "a", "pumps": [2], "burst": [0]}), expand=SERIES, missing=[1, "go"])
    assert series.choice.tolist() == [1, 1, 0] and series.columns["pump"].values.tolist() == [1, 2, 3]


def test_what_no_stage_names_is_not_shown_before_the_choice_that_leads_to_it():
    frame = coded_frame()
    trials = tw.read_long(frame, expand="first: choice=a1, outcome=0; second: choice=a2, outcome=win")
    assert "cue" not in trials.columns
    assert any(
        note.startswith("'state' may be the cue, and was not read: expand=... does not say") for note in trials.notes
    )
    assert "cue" in tw.read_long(frame, expand="first: choice=a1; second: choice=a2", cue="state").columns


def test_tables_with_few_columns_can_be_collapsed():
    trials = tw.read_long(coded_frame(), expand=CODED)
    table = trials.to_frame()[["participant", "choice"]].assign(error=range(80))
    wide = tw.collapse(trials, table)
    assert list(wide) == ["participant", "a1", "a2", "error_first", "error_second"]
    assert wide["a2"].tolist() == coded_frame()["a2"].tolist()
    assert wide["error_second"].tolist() == [*range(1, 80, 2)]


def test_sidecars_describe_the_columns_that_stages_take(tmp_path):
    lines = ["id\ta1\ta2\tt1\tt2\twin", "a\t1\t2\t500\t600\t1", "a\t2\t1\t700\t800\t0"]
    (tmp_path / "x_beh.tsv").write_text("\n".join(lines) + "\n")
    labels, unit = {"Levels": {"2": "right", "1": "left"}}, {"Units": "ms"}
    (tmp_path / "x_beh.json").write_text(json.dumps({"a1": labels, "a2": labels, "t1": unit, "t2": unit}))
    stages = "first: choice=a1, rt=t1, outcome=0; second: choice=a2, rt=t2, outcome=win"
    trials = tw.read_long(tmp_path / "x_beh.tsv", expand=stages)
    assert [str(label) for label in trials.levels["action"]] == ["2", "1"] and trials.choice.tolist() == [1, 0, 0, 1]
    assert trials.rt.tolist() == pytest.approx([0.5, 0.6, 0.7, 0.8])


def test_declared_by_a_learner():
    @tw.learner
    class Staged:
        bias: float = tw.real("bias")
        data = tw.assumes(actions=2, expand=CODED)

        def choose(self, now, trial, preference):
            preference[0] = self.bias

    assert tw.read_long(coded_frame(), expand=Staged()).expansion == tw.read_long(coded_frame(), expand=CODED).expansion
    assert Staged().assumptions == tw.assumes(actions=2)
    with pytest.raises(tw.errors.UsageError, match="wanted stages or repeats"):
        tw.read_long(coded_frame(), expand=tw.QLearning())
    with pytest.raises(tw.errors.UsageError, match="read already"):
        tw.inspect(tw.read_long(coded_frame(), expand=CODED), expand=CODED)
    with pytest.raises(tw.errors.UsageError, match="no mapping of stages"):
        tw.stages("first: choice=a1")


def test_decimal_commas_and_several_files(tmp_path):
    for name, rows in (("s1", "1;3;0,5\n2;1;1,5\n"), ("s2", "2;4;0,25\n1;;\n")):
        (tmp_path / f"{name}.csv").write_text(f"a1;a2;win\n{rows}")
    trials = tw.read_long(tmp_path, participant="file", expand=CODED)
    assert trials.outcome["outcome"][1::2].tolist() == [0.5, 1.5, 0.25]
    assert trials.row.tolist() == [2, 2, 3, 3, 2, 2, 3]
    wide = tw.collapse(trials)
    assert wide[["file", "row"]].to_numpy().tolist() == [["s1.csv", 2], ["s1.csv", 3], ["s2.csv", 2], ["s2.csv", 3]]


def test_selected_stored_and_simulated_trials_can_be_collapsed():
    trials = tw.read_long(coded_frame(), expand=CODED)
    one = tw.collapse(trials.select(["a"]).first(6))
    assert one["row"].tolist() == [22, 23, 24]
    restored = trials_from_datasets(*trials_to_datasets(trials))
    assert restored.expansion == trials.expansion
    pd.testing.assert_frame_equal(tw.collapse(restored), tw.collapse(trials))
    with pytest.raises(tw.errors.UsageError, match="a row of its own"):
        tw.collapse(tw.load_data("alien_flat").trials)
    with pytest.raises(tw.errors.UsageError, match="the table has 3 rows"):
        tw.collapse(trials, trials.to_frame().head(3))
    series = tw.read_long(pd.DataFrame({"id": "a", "pumps": [3], "burst": [0]}), expand=SERIES)
    with pytest.raises(tw.errors.UsageError, match="no series"):
        tw.collapse(series.beginning(2))
    with pytest.raises(tw.errors.UsageError, match="'a', row 22 of the file do not follow each other"):
        tw.collapse(replace(trials.take(np.arange(41, 80)), offsets=np.array([0, 39]), participants=("a",)))


def whole_rows(frame, trials, count):
    """The rows of the file of each participant that have at most so many trials together, by a plain loop."""
    kept = []
    for person in trials.participants:
        used = 0
        for row in frame.index[frame["id"] == person]:
            length = 2 if frame.loc[row, ["a2", "state", "win"]].notna().any() else 1
            if used + length > count:
                break
            used += length
            kept.append(row + 2)
    return kept


@settings(max_examples=40, deadline=None)
@given(two_stages(), st.integers(2, 13))
def test_the_first_trials_are_those_of_whole_rows_of_the_file(rows, count):
    frame = pd.DataFrame(rows)
    trials = tw.read_long(frame, expand=STATE)
    few = trials.first(count)
    assert list(dict.fromkeys(few.row.tolist())) == whole_rows(frame, trials, count)
    assert np.isin(trials.row, few.row).sum() == few.n_trials  # with all their trials
    back = tw.collapse(few)
    original = frame.loc[back["row"] - 2].reset_index(drop=True)
    for name in ("a1", "a2", "state", "win"):
        pd.testing.assert_series_equal(back[name].astype(float), original[name].astype(float), check_names=False)
    exact = [min(length, count) for length in trials.lengths.tolist()]
    shorter = few.lengths.tolist() != exact
    assert any(note.startswith("first: no row of the file") for note in few.notes) == shorter
    assert trials.beginning(count).lengths.tolist() == exact


def test_first_says_what_to_type_where_nothing_would_be_left():
    frame = pd.DataFrame({"id": ["a", "b", "b"], "pumps": [3, 1, 5], "burst": [0, 0, 1]})
    trials = tw.read_long(frame, expand=SERIES)
    with pytest.raises(
        tw.errors.UsageError, match=r"3 trials of participant 'a' would cut .* type first\(4\), or more"
    ):
        trials.first(3)
    assert trials.first(4).row.tolist() == [2, 2, 2, 2, 3, 3]
    assert trials.first(np.array([4, 0])).lengths.tolist() == [4, 0]
    with pytest.raises(tw.errors.UsageError, match="one number from 0"):
        trials.first(np.array([4, -1]))


@settings(max_examples=40, deadline=None)
@given(two_stages(), st.integers(3, 6))
def test_no_row_of_the_file_is_half_predicted(rows, start):
    """The second half is that of the rows of the file, and the row with the first predicted trial is predicted as a whole."""
    frame = pd.DataFrame(rows)
    trials = tw.read_long(frame, expand=STATE)
    seen = trials.beginning(beginnings(trials, None))
    half = [row for _, part in frame.groupby("id", sort=False) for row in (part.index[: len(part) // 2] + 2).tolist()]
    assert list(dict.fromkeys(seen.row.tolist())) == half
    assert np.isin(trials.row, seen.row).sum() == seen.n_trials
    long = trials.select([label for label, n in zip(trials.participants, trials.lengths, strict=True) if n >= start])
    if long.n_participants:
        seen = long.beginning(beginnings(long, start))
        assert list(dict.fromkeys(seen.row.tolist())) == whole_rows(frame, long, start - 1)


def test_the_first_predicted_trial_is_not_in_the_first_row_of_the_file():
    trials = tw.read_long(coded_frame(), expand=CODED)
    with pytest.raises(
        tw.errors.UsageError, match="start=2: the first row of the file .* type start=3, or a later one"
    ):
        beginnings(trials, 2)
    assert beginnings(trials, 3).tolist() == beginnings(trials, 4).tolist() == [2, 2]
    alone = replace(trials, expansion=None)
    assert beginnings(alone, 2).tolist() == [1, 1]
    assert beginnings(alone, None).tolist() == [20, 20]


def test_simulated_in_recorded_stages():
    class Fair(tw.environments.Environment):
        levels = {"cue": (0, 1, 2), "action": (1, 2)}
        reads = ("cue",)

        def show(self, random):
            raise NotImplementedError

        def potential(self, shown, random):
            return random.integers(0, 2, (shown.trials, 2)) * (shown["cue"] > 0)[:, None].astype(float)

    trials = tw.read_long(coded_frame(), expand=CODED)
    simulation = tw.simulate(tw.QLearning(), Fair().on(trials), {"alpha": 0.3, "beta": 2, "forget": 0}, seed=1)
    table = simulation.tables()["trials_by_row"]
    again = tw.read_long(table, expand=CODED)
    assert read_back(again) == read_back(simulation.trials)


def test_simulated_along_recorded_transitions():
    """States follow from the simulated first choices and the recorded transitions, also in the rows of the file."""
    frame = coded_frame().rename(columns={"a1": "level1_choice", "a2": "level2_choice", "win": "reward"})
    frame["rare"] = ((frame["level1_choice"] == 2) ^ (frame["level2_choice"] > 2)).astype(int)
    first, second = str(tw.environments.TwoStepTask.expansion).split("; ")
    expand = f"{first}, transition=2; {second}, transition=rare"
    how = {"expand": expand, "labels": ["transition"], "levels": {"transition": [0, 1, 2]}}
    place = tw.environments.TwoStepTask().on(tw.read_long(frame, **how))
    simulation = tw.simulate(tw.learners.HybridTwoStep(), place, TWO_STEPS, seed=1)
    rows = simulation.tables()["trials_by_row"]
    assert rows["rare"].tolist() == frame["rare"].tolist()
    assert (((rows["level1_choice"] == 2) ^ (rows["rare"] == 1)) == (rows["level2_choice"] > 2)).all()
    assert (rows["level1_choice"].to_numpy() != frame["level1_choice"].to_numpy()).any()
    assert read_back(tw.read_long(rows, **how)) == read_back(simulation.trials)


def test_many_rows_are_read_without_a_loop_over_rows():
    """The number of Python calls does not grow with the rows."""
    import cProfile
    import pstats

    def calls(count):
        frame = coded_frame(count).drop(columns="trial")  # whose distinct numbers are looked at once each
        profile = cProfile.Profile()
        profile.runcall(tw.read_long, frame, expand=CODED)
        return pstats.Stats(profile).total_calls

    assert calls(4000) < calls(400) * 1.1


MEASURED = "first: choice=a1, cue=0, outcome=0, rt=t1; second: choice=a2, cue=state, outcome=win, rt=t2"


def measured_by_pandas(frame, person):
    """The measures of a participant, from the rows of the file alone."""
    own = frame[frame["id"] == person]
    ended = own["a1"].isna()  # no second stage follows
    missed = own["a1"].isna() | (~ended & own["a2"].isna())
    times = pd.DataFrame({"t1": own["t1"].where(own["a1"].notna()), "t2": own["t2"].where(own["a2"].notna())})

    def same(choices):
        return choices.value_counts(normalize=True).max() if choices.notna().any() else np.nan

    def run(choices):
        kept = [each for each in choices if not pd.isna(each)]
        return max((sum(1 for _ in part) for _, part in itertools.groupby(kept)), default=np.nan)

    timed = times.dropna(how="all")
    return {
        "trials": len(own), "missed": missed.mean(), "missed_first": own["a1"].isna().mean(),
        "missed_second": own.loc[~ended, "a2"].isna().mean(),
        "same": np.nanmax([same(own["a1"]), same(own["a2"]), -1]), "same_first": same(own["a1"]), "same_second": same(own["a2"]),
        "run": np.nanmax([run(own["a1"]), run(own["a2"]), -1]), "run_second": run(own["a2"]),
        "outcome": own.loc[own["a2"].notna(), "win"].mean(), "outcome_second": own.loc[own["a2"].notna(), "win"].mean(),
        "rt": times.mean(axis=1).median(), "rt_first": times["t1"].median(), "rt_second": times["t2"].median(),
        "fast": (timed < 0.1).any(axis=1).mean(), "fast_second": (times["t2"].dropna() < 0.1).mean(),
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(two_stages(), st.integers(0, 1000))
def test_measures_of_exclusion_are_those_of_the_rows_of_the_file(rows, seed):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(rows)
    frame["t1"], frame["t2"] = random.choice([0.05, 0.3, 0.7, 1.1], (2, len(frame)))
    frame["t1"], frame["t2"] = frame["t1"].where(frame["a1"].notna()), frame["t2"].where(frame["a2"].notna())
    trials = tw.read_long(frame, expand=MEASURED, rt_unit="s")
    found = measures_of(trials).values
    for n, person in enumerate(trials.participants):
        for name, value in measured_by_pandas(frame, person).items():
            expected = np.nan if name in ("same", "run") and value == -1 else value
            assert found[name][n] == pytest.approx(expected, nan_ok=True), name


def test_rules_of_exclusion_apply_to_rows_of_the_file():
    frame = pd.DataFrame(
        {"id": np.repeat(["a", "b"], 10), "a1": [1, 2] * 10, "a2": [1.0, 2.0] * 10, "win": [0.0, 1.0] * 10}
    )
    frame["state"] = 1
    frame.loc[[1, 4, 7], ["a2", "win"]] = np.nan  # 3 of 10 rows, 3 of 20 trials
    trials = tw.read_long(frame, expand=STATE, exclude="missed > 0.2")
    assert trials.participants == ("b",)
    assert not any(note.startswith("exclude") for note in trials.notes)
    assert tw.read_long(frame, expand=STATE, exclude="missed_first > 0.2").participants == ("a", "b")
    assert tw.read_long(frame, expand=STATE, exclude="trials > 10").participants == ("a", "b")
    findings = {each.code: each for each in tw.inspect(frame, expand=STATE).findings}
    assert findings["many-missed"].about == ("a",)
    with pytest.raises(tw.errors.UsageError, match="from 0 to 1: write 0.2 for 20 %"):
        tw.exclude(trials, "missed_second > 20")
    frame.loc[[1, 4, 7], "state"] = None  # nothing says that there was a second stage
    ended = tw.read_long(frame, expand=STATE, exclude="missed > 0.2")
    assert ended.participants == ("a", "b")
    assert any("3 rows of the file end before the last stage, not counted as missed" in note for note in ended.notes)
    frame.loc[10:, "a1"] = 1
    same = {each.code: each for each in tw.inspect(frame, expand=STATE).findings}["one-action"]
    assert same.about == ("b",)
    assert tw.read_long(frame, expand=STATE, exclude="same == 1").participants == ("a",)


def test_renamed_outcomes_and_responses_of_stages_are_those_of_the_file():
    frame = pd.DataFrame(
        {"id": "a", "a1": [1, 2, 1, 2], "a2": [1, 2, None, 2], "g": [4.0, 1.0, None, 1.0], "c": [0.5, None, 0.2, 0.1]}
    )
    stages = {
        "one": {"choice": "a1", "won": 0},
        "two": {"choice": "a2", "cue": "a1", "won": "g"},
        "sure": {"conf": "c", "won": 0, "scale": "s"},
    }
    trials = tw.read_long(frame.assign(s=7), expand=stages, outcome={"gain": "won"}, response={"rating": "conf"})
    found = {name: values[0] for name, values in measures_of(trials).values.items()}
    assert found["gain"] == pytest.approx(frame["g"].mean())
    assert found["missed"] == pytest.approx((frame["a2"].isna() | frame["c"].isna()).mean())
    assert found["missed_sure"] == pytest.approx(frame["c"].isna().mean())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()).filter(lambda each: each[0] or not each[1]), min_size=1))
def test_measures_of_series_are_those_of_the_rows_of_the_file(balloons):
    frame = pd.DataFrame({"id": "a", "pumps": [n for n, _ in balloons], "burst": [int(b) for _, b in balloons]})
    found = {name: values[0] for name, values in measures_of(tw.read_long(frame, expand=SERIES)).values.items()}
    stopped = frame.loc[frame["burst"] == 0, "pumps"]
    assert found["trials"] == len(frame) and found["missed"] == 0
    assert found["outcome"] == pytest.approx(frame["burst"].mean())
    same = stopped.value_counts(normalize=True).max() if len(stopped) else np.nan
    assert found["same"] == pytest.approx(same, nan_ok=True)
    runs = [sum(1 for _ in part) for _, part in itertools.groupby(stopped)]
    assert found["run"] == pytest.approx(max(runs, default=np.nan), nan_ok=True)


def advised(error, name):
    """The argument of this name that the message of the only problem prints, as it is typed."""
    (problem,) = error.value.problems
    return ast.literal_eval(re.search(rf"\b{name}=('[^']*'|\"[^\"]*\")", str(problem))[1])


MISSED_SECOND = "id,a1,a2,planet,win\na,1,1,N,1\na,2,3,S,0\na,1,,S,0\na,2,4,S,1\na,1,2,N,0\nb,2,1,N,1\nb,,,,\n"
"""The fourth row has no second choice, and has its planet; in the last the trial ended."""


@pytest.mark.parametrize("groups", ["1 2 | 3 4", "N: 1 2 | S: 3 4", "left: 1 2 | right: 3 4"])
def test_a_missed_second_choice_of_coded_labels_has_the_cue_of_a_column_that_says_it(tmp_path, groups):
    path = tmp_path / "missed.csv"
    path.write_text(MISSED_SECOND)
    declared = f"first: choice=a1, cue=0, outcome=0; second: choice=a2, groups={groups}, outcome=win"
    with pytest.raises(tw.errors.DataError) as error:
        tw.read_long(path, expand=declared)
    assert error.value.problems[0].rows == (4,)
    expected = []
    for row in pd.read_csv(path).replace({np.nan: None}).to_dict("records"):
        expected.append((row["id"], row["a1"], 0, None if row["a1"] is None else 0.0))
        if row["planet"] is not None:
            second = None if row["a2"] is None else (row["a2"] - 1) % 2 + 1
            expected.append((row["id"], second, row["planet"], row["win"]))
    trials = tw.read_long(path, expand=advised(error, "expand"))
    table = trials.to_frame()
    found = [
        tuple(None if pd.isna(cell) else str(cell) if k == 2 else cell for k, cell in enumerate(each))
        for each in zip(table["participant"], table["choice"], table["cue"], table["outcome"], strict=True)
    ]
    assert found == [(person, choice, str(cue), win) for person, choice, cue, win in expected]
    assert tw.collapse(trials)["a2"].tolist()[:2] == [1, 3]
    assert advised(error, "where") == "..."  # no column tells the missed choice from the trial that ended


def test_without_such_a_column_the_trial_may_have_ended_before():
    frame = pd.DataFrame({"id": "a", "a1": [1, 2, 1, 2], "a2": [1, 3, None, 4], "t2": [0.5] * 4, "win": [1, 0, 0, 1]})
    declared = CODED + ", rt=t2"
    with pytest.raises(tw.errors.DataError) as error:
        tw.read_long(frame, expand=declared)
    text = str(error.value)
    assert "name it in the stage second of expand, cue=COLUMN" in text
    assert "if the trial ended before this stage, empty 'win', 't2' in these rows" in text
    emptied = frame.astype({"win": float})
    emptied.loc[2, ["win", "t2"]] = np.nan
    assert tw.read_long(emptied, expand=declared).row.tolist() == [2, 2, 3, 3, 4, 5, 5]
    assert tw.read_long(frame, expand=declared, where=advised(error, "where")).row.tolist() == [2, 2, 3, 3, 5, 5]
    named = declared.replace(
        "second: ", "second: cue=place, "
    )  # as the message says, with a column that is in the file
    trials = tw.read_long(frame.assign(place=["N", "S", "N", "S"]), expand=named)
    assert trials.to_frame()["cue"].tolist() == [0, "N", 0, "S", 0, "N", 0, "S"]
    # the column of the first choice is none of cues, though it differs as the groups do
    with pytest.raises(tw.errors.DataError, match="cue=COLUMN"):
        tw.read_long(frame.assign(a2=[1, 3, None, 3]), expand=declared)


def test_a_missing_cue_of_a_stage_is_left_to_the_groups_or_to_the_name_of_the_stage():
    frame = coded_frame(8).assign(win=1)
    frame.loc[[1, 4], "state"] = None
    with pytest.raises(tw.errors.DataError, match="the cue of the stage second is missing") as error:
        tw.read_long(frame, expand=BOTH)
    assert error.value.problems[0].rows == (3, 6)
    trials = tw.read_long(frame, expand=advised(error, "expand"))
    assert read_back(trials) == by_hand(frame.drop(columns="state").to_dict("records"), coded=True)
    frame.loc[1, "a2"] = None  # the groups do not say it there
    with pytest.raises(tw.errors.DataError) as error:
        tw.read_long(frame, expand=BOTH)
    assert "expand=" not in str(error.value)
    frame["a2"] = [1, 2] * 4
    with pytest.raises(tw.errors.DataError) as error:
        tw.read_long(frame, expand=STATE)
    assert tw.read_long(frame, expand=advised(error, "expand")).to_frame()["cue"].tolist() == ["0", "second"] * 8


def test_problems_of_stages_come_before_what_is_missing_for_their_sake():
    frame = coded_frame(8).astype({"a2": float})
    frame.loc[2, "a2"], frame.loc[5, "a2"] = 9, np.nan
    with pytest.raises(tw.errors.DataError) as error:
        tw.read_long(frame.drop(columns="state"), expand=CODED)
    assert {(each.code, each.rows) for each in error.value.problems} == {
        ("label-in-no-group", (4,)), ("missing-before-choice", (7,)),
    }  # fmt: skip
