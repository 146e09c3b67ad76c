"""Readings that were wrong without a word: each with the right value, computed independently."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.base.errors import DataError, UsageError

L = tw.QLearning(initial=0.5).fix(forget=0)
VALUES = {"alpha": 0.3, "beta": 2.0}


def table(**columns):
    random = np.random.default_rng(1)
    rows = {
        "participant": np.repeat(["a", "b"], 20),
        "trial": np.tile(np.arange(1, 21), 2),
        "choice": random.integers(0, 2, 40),
        "reward": random.integers(0, 2, 40),
    }
    return pd.DataFrame(rows | columns)


def read(frame, **more):
    return tw.read_long(frame, outcome="reward", **more)


def test_a_categorical_declares_no_code_of_a_missing_value():
    plain = table()
    plain.loc[[3, 30], "choice"] = -1
    labelled = plain.assign(choice=pd.Categorical(plain["choice"]))
    text = plain.assign(choice=plain["choice"].map({-1: "NA", 0: "0", 1: "1"}).astype("category"))
    expected = tw.log_likelihood(L, read(plain), VALUES)
    for frame in (labelled, text):
        trials = read(frame)
        assert trials.levels["action"] == (0, 1) and (trials.choice == -1).sum() == 2
        np.testing.assert_array_equal(tw.log_likelihood(L, trials, VALUES), expected)
    assert any("-1 was taken as a missed choice" in note for note in read(labelled).notes)
    ambiguous = table(choice=[0] * 38 + [-1] * 2)
    with pytest.raises(DataError, match="is -1 an action, or a missed choice"):
        read(ambiguous.assign(choice=pd.Categorical(ambiguous["choice"])))
    ordered = table(choice=pd.Categorical(np.tile(["low", "high"], 20), ["low", "middle", "high"]))
    assert read(ordered).levels["action"] == ("low", "middle", "high")


@pytest.mark.parametrize("dtype", ["str", "frame"])
@pytest.mark.parametrize(
    "condition",
    [
        "phase != 'NA'",
        "key != 'None'",
        "key not in ['None', 'z']",
        "code != -999",
        "not phase == 'NA'",
        "phase != ''",
        "pr != False",
    ],
)
def test_conditions_on_codes_of_missing_values_leave_out_these_rows(tmp_path, condition, dtype):
    frame = table(phase=["NA"] * 3 + ["main"] * 37, key=[None] * 3 + ["k"] * 30 + ["z"] * 7, code=[-999] * 3 + [4] * 37,
                  pr=["FALSE"] * 3 + ["TRUE"] * 37)  # fmt: skip
    if dtype == "str":
        frame.to_csv(tmp_path / "data.csv", index=False)
    trials = read(frame if dtype == "frame" else tmp_path / "data.csv", where=condition)
    assert trials.n_trials == (30 if "'z'" in condition else 37) and 2 not in trials.row


def test_labels_of_a_condition_that_do_not_occur():
    frame = table(phase=["practice"] * 3 + ["main"] * 37)
    for slip, there in (("practise", "practice"), ("Main", "main"), ("mian", "main")):
        with pytest.raises(UsageError, match=f"'phase' is never '{slip}'; did you mean '{there}'"):
            read(frame, where=f"phase != '{slip}'")
    trials = read(frame, where="phase != 'test'")
    assert any("phase is never 'test'; it is 'practice', 'main'" in note for note in trials.notes)


def test_numbers_with_a_decimal_comma_are_compared_as_numbers(tmp_path):
    table(delay=["0,5", "1,5"] * 20).to_csv(tmp_path / "data.csv", sep=";", index=False)
    for condition in ("delay == 0.5", "delay < 1", "delay != 1.5", "delay in [0.5]"):
        assert read(tmp_path / "data.csv", where=condition).row.tolist() == list(range(2, 42, 2))


def test_a_code_of_one_column_leaves_the_others_alone():
    frame = table(reward=np.tile(np.arange(95, 105), 4), trial=np.tile(np.arange(90, 110), 2))
    frame.loc[5, "choice"] = 99
    (note,) = [note for note in read(frame).notes if " 99 (" in note]
    (advice,) = note.inputs
    assert advice.value == {"choice": [99]}
    trials = read(frame, missing=advice.value)
    assert trials.trial.tolist() == frame["trial"].tolist()
    assert trials.outcome["outcome"].tolist() == frame["reward"].tolist() and (trials.choice == -1).sum() == 1
    with pytest.raises(UsageError, match="there is no column 'chioce'. Did you mean 'choice'"):
        read(frame, missing={"chioce": [99]})


def sessions():
    return table(
        session=np.tile(np.repeat([1, 2], 10), 2), trial=np.tile(np.arange(1, 11), 4), restart=np.arange(40) % 20 == 5
    )


def test_flags_of_resets_do_not_replace_those_of_sessions():
    frame = sessions()
    runs = np.cumsum(frame["restart"]) + 10 * frame["session"] + 100 * (frame["participant"] == "b")
    alone = table(participant=runs.astype(str), trial=np.arange(40))
    expected = tw.log_likelihood(L, read(alone), VALUES)
    trials = read(frame, reset="restart")
    np.testing.assert_allclose(tw.log_likelihood(L, trials, VALUES).sum(), expected.sum(), rtol=1e-12)
    carried = read(frame, reset="restart", carry=True)
    assert np.flatnonzero(carried.reset).tolist() == [5, 25] and np.flatnonzero(trials.reset).tolist() == [
        5,
        10,
        25,
        30,
    ]


def test_contradictions_about_sessions():
    frame = sessions()
    with pytest.raises(UsageError, match="give one of them"):
        read(frame, reset="session", carry=True)
    blocks = frame.assign(block=np.arange(40) // 5)
    assert np.flatnonzero(read(blocks, reset=True, carry=True).reset).tolist() == [5, 10, 15, 25, 30, 35]


def test_scattered_sessions_in_words_have_the_order_that_is_declared():
    frame = sessions().assign(session=np.tile(np.repeat(["pre", "post"], 10), 2))
    scattered = frame.sample(frac=1, random_state=3)
    with pytest.raises(DataError, match="which came first") as caught:
        read(scattered, carry=True)
    (advice,) = caught.value.problems[0].remedy.inputs
    assert set(advice.value["session"]) == {"pre", "post"}
    expected = tw.log_likelihood(L, read(frame, carry=True), VALUES)
    declared = read(scattered, carry=True, levels={"session": ["pre", "post"]})
    of_pandas = read(scattered.assign(session=pd.Categorical(scattered["session"], ["pre", "post"])), carry=True)
    for trials in (declared, of_pandas):
        order = [list(trials.participants).index(label) for label in "ab"]
        np.testing.assert_allclose(tw.log_likelihood(L, trials, VALUES)[order], expected, rtol=1e-12)


def test_columns_of_results_are_not_overwritten():
    for wrong in (
        {"numbers": ["row"]},
        {"outcome": {"trial": "reward"}},
        {"outcome": {"choice": "reward"}},
        {"labels": ["number"]},
    ):
        with pytest.raises(DataError, match="is the name of another column"):
            tw.read_long(table(row=3, number=4), **{"outcome": "reward", **wrong})


def test_results_keep_their_names_beside_the_columns_of_the_file():
    trials = read(table(error=1, log_likelihood=7.0, choice_probability=9.0))
    alone, joined = (tw.trial_values(L, trials, VALUES, inputs=inputs) for inputs in (False, True))
    pd.testing.assert_frame_equal(joined[list(alone)], alone)
    assert (joined["error (input)"] == 1).all() and (joined["log_likelihood (input)"] == 7).all()


def test_rows_of_a_table_that_pandas_filtered_are_those_of_the_file(tmp_path):
    frame = table(phase=["practice", "main"] * 20)
    frame.to_csv(tmp_path / "data.csv", index=False)
    filtered = pd.read_csv(tmp_path / "data.csv").query("phase == 'main'")
    assert read(filtered).row.tolist() == read(tmp_path / "data.csv", where="phase == 'main'").row.tolist()
    assert read(filtered.sort_values("reward")).row.min() == 2  # an index out of order counts no rows of a file


def test_response_times_of_two_units_are_noted():
    frame = table(rt=np.r_[np.full(30, 0.7) + np.arange(30) / 100, np.full(10, 700.0) + np.arange(10)])
    assert any("above 60 s" in note for note in read(frame).notes)


def test_missed_trials_with_an_empty_context_are_not_advised_away():
    frame = table(context=["hot", "cold"] * 20)
    frame["choice"] = frame["choice"].astype(object)
    frame.loc[[3, 17], ["choice", "context"]] = None
    with pytest.raises(DataError) as caught:
        read(frame)
    assert not any("is not missing" in str(problem.remedy) for problem in caught.value.problems)


def test_flags_on_rows_that_are_left_out_reset_before_the_next_trial():
    """An instruction with the flag before each game of five trials, as if each game were a participant."""
    trials = table(game=np.arange(40) // 5)
    rows = []
    for _, part in trials.groupby("game"):
        head = {"participant": part["participant"].iloc[0], "kind": "instruction", "new": 1}
        rows += [pd.DataFrame([head]), part.assign(kind="trial", new=0)]
    export = pd.concat(rows, ignore_index=True)
    expected = tw.log_likelihood(L, read(trials.assign(participant=trials["game"].astype(str))), VALUES).sum()
    with pytest.raises(DataError, match="kind == 'trial'"):
        read(export, reset="new")
    obeyed = read(export, reset="new", where="kind == 'trial'")
    np.testing.assert_allclose(tw.log_likelihood(L, obeyed, VALUES).sum(), expected, rtol=1e-12)
    assert any("8 flags of resets on rows that were left out" in note for note in obeyed.notes)


def test_tables_with_different_categories_are_joined_in_their_order():
    labels = ["right", "left", "middle"]
    frame = table(choice=pd.Categorical(np.tile(["right", "left"], 20), labels))
    parts = [part.assign(participant=pd.Categorical(part["participant"])) for _, part in frame.groupby("participant")]
    assert read(parts).levels["action"] == tuple(labels)
    other = parts[1].assign(choice=parts[1]["choice"].cat.reorder_categories(["left", "right", "middle"]))
    differing = read([parts[0], other, parts[0].assign(participant="c"), other.assign(participant="d")])
    assert any("the categories of choice differ" in note for note in differing.notes)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["low", "mid"], ["mid", "high"], ("low", "mid", "high")),  # the only order that both allow
        (["low", "mid", "high"], None, ("low", "mid", "high")),  # a table without categories has no others
        ([2, 1, 0], ["2", "1", "0"], (2, 1, 0)),
        (["a", "c"], ["b", "c"], ("a", "b", "c")),  # several orders, the sorted one among them
        (["b", "c", "a"], ["a", "c"], None),  # contradictory
        (["low", "mid"], ["low", "high"], None),  # which comes first, mid or high?
        (["mid", "low"], ["a", "b"], None),
        (["right", "left"], None, None),  # with others in the table without categories
    ],
)
def test_categories_of_several_tables_have_one_order_or_a_note(first, second, expected):
    def part(labels, fallback, participant):
        values = np.resize(np.array(labels or fallback, object), 12)
        column = pd.Categorical(values, labels) if labels else values
        return table().iloc[:12].assign(choice=column, participant=participant)

    fallback = ["high", "mid"] if expected else ["down", "left"]
    trials = read([part(first, [], "a"), part(second, fallback, "b")])
    noted = any("the categories of choice differ" in note for note in trials.notes)
    assert noted == (expected is None)
    assert trials.levels["action"] == (expected or tuple(sorted({*first, *(second or fallback)})))


def test_conditions_on_what_need_not_occur_are_no_slips():
    frame = table(correct=1, cond=["A1", "A2"] * 20, key=["f", "j"] * 20)
    for condition in ("correct != -1", "cond != 'B1'", "key in ['f', 'j', 'F', 'J']", "key == 'f' or key != 'F'"):
        assert read(frame, where=condition).n_trials == 40


def test_sessions_that_return_are_noted():
    frame = table(session=[1, 2] * 20)
    assert any("sessions return 36 times after another session" in note for note in read(frame).notes)
    assert not any("return" in note for note in read(sessions()).notes)


def test_times_of_day_that_begin_anew_are_noted():
    minutes = np.arange(23 * 60 + 50, 23 * 60 + 70) % (24 * 60)
    night = table(trial=np.tile([f"{each // 60:02d}:{each % 60:02d}:00" for each in minutes], 2))
    (note,) = [note for note in read(night).notes if "midnight" in note]
    assert note.inputs[0].value is False
    np.testing.assert_array_equal(read(night, trial=False).row, np.arange(2, 42))
    day = night.assign(trial=np.tile([f"10:{each:02d}:00" for each in range(20)], 2))
    assert not any("midnight" in note for note in read(day).notes)


def test_a_condition_that_leaves_nothing_says_what_there_is():
    table = pd.DataFrame({"participant": 1, "phase": ["practice", "main"] * 2, "choice": [0, 1, 1, 0]})
    with pytest.raises(UsageError, match="leaves none of the 4 rows of the table; .*'test'; it is 'practice', 'main'"):
        tw.read_long(table, trial=False, where="phase == 'test'")
