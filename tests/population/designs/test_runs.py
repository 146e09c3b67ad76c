"""Rows, slots and runs: on every trial the parameters are those of the trial's own covariates."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import trialwise as tw
from studies import Keeps, read
from trialwise.base.errors import UsageError
from trialwise.population.designs.build import designed
from trialwise.population.designs.runs import runs_of

LEVELS = {"session": [1, 2], "phase": ["s", "t", "v"], "group": ["a", "b"]}


def contrasts(level, levels):
    """The columns of a factor at a level, from the definition: each level against the mean of those before it, of length 1."""
    columns = []
    for j in range(1, len(levels)):
        raw = np.array([-1.0] * j + [float(j)] + [0.0] * (len(levels) - j - 1))
        columns.append(raw[levels.index(level)] / np.sqrt(np.sum(raw**2)))
    return columns


def of_trial(trial, factors):
    """The columns of ``a * b * ...`` on one trial, main effects first."""
    columns = [1.0]
    for size in range(1, len(factors) + 1):
        for chosen in itertools.combinations(factors, size):
            parts = [contrasts(trial[name], LEVELS[name]) for name in chosen]
            columns += [float(np.prod(each)) for each in itertools.product(*parts)]
    return columns


@st.composite
def studies(draw):
    """Participants with one to three runs in one or two sessions, and phases that change or do not change within runs."""
    rows = []
    for n in range(draw(st.integers(4, 8))):
        for session in draw(st.sampled_from([[1], [2], [1, 2], [2, 1]])):
            for phase in draw(st.lists(st.sampled_from("stv"), min_size=2, max_size=6)):
                rows.append({"participant": f"p{n}", "session": session, "phase": phase, "group": "ab"[n % 2]})
    frame = pd.DataFrame(rows)
    frame["choice"], frame["outcome"] = ["x", "y"] * (len(rows) // 2) + ["x"] * (len(rows) % 2), 1.0
    return frame


@settings(max_examples=80, deadline=None)
@given(
    studies(),
    st.sampled_from([("session", "group"), ("phase", "group"), ("session", "phase"), ("phase",)]),
    st.booleans(),
)
def test_every_trial_has_the_columns_of_its_own_covariates(frame, factors, keeps):
    trials = tw.read_long(frame, session="session")
    if any(set(frame[name]) != set(LEVELS[name]) for name in factors):
        return
    learner = Keeps() if keeps else tw.QLearning()
    crossed = frame.groupby(list(factors)).ngroups == np.prod([len(LEVELS[name]) for name in factors])
    if not crossed:
        return
    built = designed(["alpha", "beta"], learner, trials, {"alpha": " * ".join(factors)})
    design = built.design
    width = sum(term.parameter == "alpha" for term in design.coefficients)
    table = trials.with_inputs(trials.to_frame()) if "phase" not in trials.columns else trials.to_frame()
    slot = built.slots.get("alpha", np.zeros(trials.n_trials, int))
    for t in range(trials.n_trials):
        row, trial = built.row_of_trial[t], table.iloc[t]
        np.testing.assert_allclose(design.fixed[row, slot[t], :width], of_trial(trial, factors), atol=1e-12)
        assert trials.participants[design.owner[row]] == trial["participant"]
    assert np.all(np.diff(design.owner) >= 0) and set(design.owner) == set(range(trials.n_participants))
    assert len(set(design.labels)) == design.rows and len(design.columns) == 1 + len(
        built.slot_labels.get("alpha", "x")
    )
    rows_of_runs = {(run, row) for run, row in zip(runs_of(learner, trials), built.row_of_trial, strict=True)}
    assert len(rows_of_runs) == len({run for run, _ in rows_of_runs})  # one row for the whole of a run


@settings(max_examples=30, deadline=None)
@given(studies())
def test_runs_end_where_the_state_restarts(frame):
    trials = tw.read_long(frame, session="session")
    expected, run = [], -1
    for t in range(trials.n_trials):
        run += t in trials.offsets[:-1] or bool(trials.reset[t])
        expected.append(run)
    assert runs_of(tw.QLearning(), trials).tolist() == expected
    np.testing.assert_array_equal(runs_of(Keeps(), trials), trials.participant_index)


def test_participants_without_trials_are_refused():
    trials = read(["p1", "p2", "p3"], group=["a", "b", "a"])
    with pytest.raises(UsageError, match="1 participant without trials: 'p3'"):
        designed(["alpha", "beta"], tw.QLearning(), trials.first(np.array([4, 4, 0])), "alpha ~ group")
