"""Rows of parameters as participants of their own, and tables by row in the order of the data again."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import trialwise as tw
from trialwise.data.by_rows import by_rows
from trialwise.data.stored import trials_from_datasets, trials_to_datasets

FIELDS = ("choice", "reset", "row", "trial", "scored", "available", "rt")


def table(people="ab", length=8, seed=1):
    """Two sessions that alternate every two trials, with a reset, missed choices and forced ones."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"id": np.repeat(list(people), length), "trial": np.tile(np.arange(10, 10 + length), len(people))}
    )
    frame["session"] = np.where(np.arange(len(frame)) // 2 % 2, "late", "early")
    frame["cue"] = random.integers(1, 3, len(frame))
    frame["choice"] = random.integers(1, 3, len(frame)).astype(object)
    frame["reward"] = random.integers(0, 2, len(frame)).astype(float)
    frame["reset"] = np.arange(len(frame)) % 5 == 3
    frame.loc[4, "choice"] = None
    return frame


def sessions(trials):
    """The row of each trial, one a participant and session, and labels."""
    column = trials.columns["session"]
    pairs = list(zip(trials.participant_index.tolist(), column.values.tolist(), strict=True))
    known = sorted(set(pairs))
    labels = [f"{trials.participants[n]} / {trials.levels['session'][s]}" for n, s in known]
    return np.array([known.index(pair) for pair in pairs], np.int64), labels


def read(**options):
    return tw.read_long(table(**options), labels=["session"], reset="reset", cue="cue", outcome="reward")


def cells(trials, t):
    """All that is said of a trial."""
    values = {name: getattr(trials, name)[t] for name in FIELDS if getattr(trials, name) is not None}
    values |= {name: array[t] for name, array in trials.outcome.items()}
    return {name: str(value) for name, value in (values | {n: c.values[t] for n, c in trials.columns.items()}).items()}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_trial_is_in_its_row_and_in_its_order(data):
    trials = read(people="abc", length=6)
    within = data.draw(st.lists(st.integers(0, 2), min_size=18, max_size=18))
    pairs = list(zip(trials.participant_index.tolist(), within, strict=True))
    known = sorted(set(pairs))
    row = np.array([known.index(pair) for pair in pairs])
    rows = by_rows(trials, row, [f"{n} / {k}" for n, k in known])
    assert rows.owner.tolist() == [n for n, _ in known] and rows.row_of_trial.tolist() == row.tolist()
    for r, (first, end) in enumerate(zip(rows.trials.offsets[:-1], rows.trials.offsets[1:], strict=True)):
        own = [t for t in range(18) if row[t] == r]  # one after the other, by hand
        assert [cells(rows.trials, t) for t in range(first, end)] == [cells(trials, t) for t in own]
    plain = trials.to_frame()
    pd.testing.assert_frame_equal(rows.restored(rows.trials.to_frame()), plain)
    pd.testing.assert_frame_equal(rows.restored(plain.iloc[rows.order]), plain)


def test_likelihood_is_that_of_sessions_read_apart():
    trials = read(length=40)
    row, labels = sessions(trials)
    rows = by_rows(trials, row, labels)
    learner = tw.QLearning()
    free = {"alpha": np.array([0.1, 0.3, 0.5, 0.7]), "beta": np.array([1.0, 2.0, 3.0, 4.0]), "forget": 0.1}
    together = tw.log_likelihood(learner, rows.trials, free)
    frame, apart_each = table(length=40), []
    for r, label in enumerate(labels):
        person, session = label.split(" / ")
        alone = frame[(frame["id"] == person) & (frame["session"] == session)]
        apart = tw.read_long(
            alone, labels=["session"], reset="reset", cue="cue", outcome="reward", actions=list(trials.levels["action"]),
            levels={"cue": list(trials.levels["cue"])},
        )  # fmt: skip
        apart = replace(apart, reset=trials.reset[row == r])  # where the flag changes differs between parts of a file
        own = {name: np.broadcast_to(values, 4)[r] for name, values in free.items()}
        apart_each.extend(tw.log_likelihood(learner, apart, own))
    np.testing.assert_allclose(together, apart_each, rtol=0, atol=1e-12)
    assert len(set(apart_each)) == 4


def test_values_of_trials_come_back_in_the_order_of_the_file():
    trials = read()
    row, labels = sessions(trials)
    rows = by_rows(trials, row, labels)
    truth = {"alpha": 0.3, "beta": 2.0, "forget": 0.0}
    values = tw.trial_values(tw.QLearning(), rows.trials, truth)
    restored = rows.restored(values)
    assert (
        restored["row"].tolist() == sorted(restored["row"])
        and restored["participant"].tolist() == ["a"] * 8 + ["b"] * 8
    )
    assert restored["trial"].tolist() == trials.to_frame()["trial"].tolist()
    assert restored["choice"].tolist() == trials.to_frame()["choice"].tolist()
    by_row = dict(zip(values["row"], values["error"], strict=True))
    np.testing.assert_array_equal(restored["error"], [by_row[r] for r in restored["row"]])


def test_rows_survive_storage_selection_and_simulation():
    trials = read()
    rows = by_rows(trials, *sessions(trials)).trials
    again = trials_from_datasets(*trials_to_datasets(rows))
    assert again.participants == rows.participants == ("a / early", "a / late", "b / early", "b / late")
    pd.testing.assert_frame_equal(again.to_frame(), rows.to_frame())
    assert rows.select(["b / late"]).n_trials == 4
    assert tw.exclude(rows, {"withdrew": ["a / late"]}).n_participants == 3


STAGES = "first: choice=a1, cue=0, outcome=0; second: choice=a2, cue=state, outcome=win"


def expanded():
    frame = pd.DataFrame({"id": list("aaaabb"), "a1": [1, 2, 1, 2, 1, 2], "a2": [1, 2, 2, 1, 1, 2]})
    frame["state"], frame["win"], frame["day"] = [1, 2, 1, 2, 1, 2], [1, 0, 1, 0, 1, 0], list("xyxyxx")
    return tw.read_long(frame, expand=STAGES, labels=["day"])


def test_rows_of_expanded_files_stay_whole():
    trials = expanded()
    day = trials.columns["day"].values
    row = np.where(trials.participant_index == 0, day, 2)
    rows = by_rows(trials, row, ["a / x", "a / y", "b / x"])
    tw.log_likelihood(tw.QLearning(), rows.trials, {"alpha": 0.3, "beta": 2.0, "forget": 0.0})
    back = rows.restored(rows.trials.to_frame())
    pd.testing.assert_frame_equal(tw.collapse(trials, back), tw.collapse(trials))
    cut = row.copy()
    cut[1] = 1
    with pytest.raises(tw.errors.UsageError, match=r"trials 1 and 2, row 2 of the file, are in rows 0 and 1"):
        by_rows(trials, cut, ["a / x", "a / y", "b / x"])


@pytest.mark.parametrize(
    ("row", "labels", "words"),
    [
        ([0] * 8 + [0] * 8, ["x"], "trials of participants 'a' and 'b'"),
        ([1] * 8 + [0] * 8, ["x", "y"], "who comes before"),
        ([0] * 8 + [2] * 8, ["x", "y", "z"], r"row 1 \('y'\) has no trials"),
        ([0] * 8 + [2] * 8, ["x", "y"], "rows from 0 to 2"),
        ([0] * 8 + [1] * 8, ["x", "x"], "two rows with the label 'x'"),
        ([0] * 8, ["x"], "rows of shape"),
        ([0.0] * 16, ["x"], "float64"),
    ],
)
def test_rows_that_are_none_are_refused(row, labels, words):
    with pytest.raises(tw.errors.UsageError, match=words):
        by_rows(read(), np.array(row), labels)


def test_a_participant_without_trials_is_refused():
    trials = read()
    empty = replace(trials, participants=("a", "b", "c"), offsets=np.array([0, 8, 16, 16]))
    with pytest.raises(tw.errors.UsageError, match="no trials of c"):
        by_rows(empty, np.repeat([0, 1], 8), ["x", "y"])


def test_another_table_is_refused():
    trials = read()
    rows = by_rows(trials, *sessions(trials))
    with pytest.raises(tw.errors.UsageError, match="3 rows"):
        rows.restored(trials.to_frame().head(3))
