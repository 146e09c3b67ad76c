"""Predictions of participants who were not fitted: moments against closed forms from the draws, and what is refused."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

import trialwise as tw
from conjugate import PLAIN, Conjugate
from trialwise.base.errors import DataError, UsageError

TASK = tw.environments.RestlessBandit(trials=15, arms=2)
MANY = 400


@pytest.fixture(scope="module")
def ages():
    how = {"correlated": [["alpha", "beta"]], "correlation": 0.6}
    return Conjugate({"alpha": "group * age", "beta": "log(age)"}, shift=0.3, length=300, **how)


@pytest.fixture(scope="module")
def sessions():
    return Conjugate({"alpha": "0 + session + group"}, sessions=2, correlated=True, correlation=-0.5, length=300)


def values(prediction, name, scale):
    """Unconstrained values, ``(data sets, rows)``."""
    return np.array([scale(each[name]) for each in prediction.parameters])


def chosen(known, name):
    return known.fit.draws[name].to_numpy().ravel()[np.linspace(0, 1200, MANY, endpoint=False).astype(int)]


def standard(z):
    """Whether these are standard Normal numbers, within four standard errors."""
    return abs(z.mean()) < 4 / np.sqrt(z.size) and abs(z.std() - 1) < 4 / np.sqrt(2 * z.size)


def test_moments_of_new_participants_at_their_covariates(ages):
    """Each is Normal around a mean that is written out from the coefficients, with the fit's own mean and standard deviation of age."""
    people = {"participant": ["x", "y", "z"], "group": ["patient", "control", "patient"], "age": [60, 20.5, 33]}
    new = tw.predict(ages.fit, "rollout", TASK, participants=people, datasets=MANY)
    assert new.participants == ("x", "y", "z") and new[0].n_trials == 45
    train = np.array(PLAIN["age"])
    age = (np.array(people["age"]) - train.mean()) / train.std(ddof=1)
    log_age = (np.log(people["age"]) - np.log(train).mean()) / np.log(train).std(ddof=1)
    group = np.array([1, -1, 1]) / np.sqrt(2)
    terms = {
        "alpha_mu": [1, 1, 1],
        "alpha_effects[group.1]": group,
        "alpha_effects[age]": age,
        "alpha_effects[group.1:age]": group * age,
    }
    alpha = sum(chosen(ages, name)[:, None] * np.array(x, float) for name, x in terms.items())
    beta = chosen(ages, "beta_mu")[:, None] + chosen(ages, "beta_effects[log(age)]")[:, None] * log_age
    z = (values(new, "alpha", logit) - alpha) / chosen(ages, "alpha_sd")[:, None]
    w = (values(new, "beta", np.log) - beta) / chosen(ages, "beta_sd")[:, None]
    assert standard(z) and standard(w)
    assert abs(np.corrcoef(z.ravel(), w.ravel())[0, 1] - 0.6) < 4 * 0.64 / np.sqrt(z.size)
    assert abs(np.corrcoef(z.T) - np.eye(3)).max() < 4 / np.sqrt(MANY)


def test_sessions_of_new_participants_are_correlated_rows(sessions):
    people = pd.DataFrame(
        {"participant": ["x", "y", "x"], "session": ["s2", "s1", "s1"], "group": ["control", "patient", "control"]}
    )
    new = tw.predict(sessions.fit, "rollout", TASK, participants=people, datasets=MANY)
    table = new.table(0)
    assert table[["participant", "session"]].to_numpy().tolist() == [["x", "s2"], ["x", "s1"], ["y", "s1"]]
    effect = chosen(sessions, "alpha_effects[group.1]")[:, None] * np.array([-1, -1, 1]) / np.sqrt(2)
    cells = np.stack([chosen(sessions, f"alpha_effects[session[{s}]]") for s in ("s2", "s1", "s1")], 1)
    spreads = np.stack([chosen(sessions, f"alpha_sd_effects[session[{s}]]") for s in ("s2", "s1", "s1")], 1)
    z = (values(new, "alpha", logit) - cells - effect) / spreads
    assert standard(z)
    np.testing.assert_allclose(np.corrcoef(z.T)[np.tril_indices(3, -1)], [-0.5, 0, 0], atol=4 / np.sqrt(MANY))
    trials = new[3]
    assert trials.participants == ("x", "y") and trials.lengths.tolist() == [30, 15]
    assert np.flatnonzero(trials.reset).tolist() == [0, 15, 30]
    frame = trials.to_frame()
    assert frame["session"].iloc[[0, 15, 30]].tolist() == ["s2", "s1", "s1"]


def test_the_same_covariates_for_all(sessions, ages):
    both = tw.predict(
        sessions.fit, "rollout", TASK, participants=2, at={"group": "patient", "session": ["s1", "s2"]}, datasets=2
    )
    assert both.table(0)["session"].tolist() == ["s1", "s2"] * 2 and both[0].n_participants == 2
    at = {"group": "patient", "age": 60}
    several = tw.predict(ages.fit, "rollout", TASK, at=at, datasets=3, seed=4)
    table = {"participant": list(range(30)), "group": ["patient"] * 30, "age": [60] * 30}
    same = tw.predict(ages.fit, "rollout", TASK, participants=table, datasets=3, seed=4)
    np.testing.assert_array_equal(several.parameters[2]["alpha"], same.parameters[2]["alpha"])
    fewer = tw.predict(ages.fit, "rollout", TASK, participants=["1", "5"], at=at, datasets=3, seed=4)
    np.testing.assert_array_equal(fewer.parameters[2]["beta"], same.parameters[2]["beta"][[1, 5]])


def test_numbers_that_change_within_participants_are_split_as_in_the_fit():
    """A dose of each session: the mean of a participant, and what deviates from it."""
    from trialwise.population.designs.build import designed
    from trialwise.population.designs.new_participants import new_design
    from trialwise.population.designs.stored import StoredDesign, runs_of_rows

    rows = [
        (f"p{n}", f"s{s}", n + s * (1 + n % 3), "ab"[k % 2], 1.0) for n in range(8) for s in (1, 2) for k in range(4)
    ]
    trials = tw.read_long(pd.DataFrame(rows, columns=["participant", "session", "dose", "choice", "outcome"]))
    built = designed(["alpha", "beta"], tw.QLearning().fix(forget=0), trials, "alpha ~ dose")
    runs = runs_of_rows(built.row_of_trial)
    stored = StoredDesign(built.design, built.models, built.formulas, built.trials.participants, runs, built.covariates)
    table = {"participant": [], "dose": []}
    for n, dose in sorted({(n, dose) for n, _, dose, _, _ in [(int(p[1:]), *rest) for p, *rest in rows]}):
        table["participant"].append(f"p{n}")
        table["dose"].append(dose)
    design, _ = new_design(stored, table)
    np.testing.assert_allclose(design.fixed, built.design.fixed, atol=1e-12)
    np.testing.assert_allclose(design.random, built.design.random, atol=1e-12)


REFUSED = {
    "a number": ({"participants": 3}, UsageError, "depends on their age and group"),
    "unseen level": ({"participants": {"group": ["other"], "age": [3]}}, DataError, "its levels are 'control' and 'patient'"),
    "missing": ({"participants": {"participant": ["u", "v"], "group": ["control", None], "age": [3, 4]}}, DataError, "participants 'v'"),
    "no column": ({"participants": {"participant": ["u"], "group": ["control"]}}, DataError, "there is no column 'age'"),
    "text": ({"participants": {"group": ["control"], "age": ["old"]}}, DataError, "age must be a number; found 'old'"),
    "twice": ({"participants": {"participant": ["u", "u"], "group": ["control"] * 2, "age": [3, 4]}}, DataError, "'u' has several rows"),
    "two values": ({"participants": 2, "at": {"group": ["control", "patient"], "age": 3}}, UsageError, "at={\"group\": 'control'}"),
    "at lacks": ({"at": {"group": "control"}}, UsageError, "depends on age too"),
    "at unknown": ({"at": {"grup": "control"}}, UsageError, "Did you mean 'group'"),
    "both": ({"participants": {"group": ["control"], "age": [2]}, "at": {"age": 3}}, UsageError, "in place of a table"),
    "not finite": ({"participants": {"group": ["control"], "age": [-3.0]}}, UsageError, "no finite value"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_new_participants_lack_is_said(ages, name):
    arguments, error, words = REFUSED[name]
    with pytest.raises(error) as caught:
        tw.predict(ages.fit, "rollout", TASK, **arguments)
    assert words in str(caught.value)


AT_REFUSED = {
    "unseen level": ({"group": "patiennt", "age": 3}, "at={\"group\": 'patiennt'}: the fit has seen no participant there. Did you mean 'patient'"),
    "missing level": ({"group": None, "age": 3}, 'at={"group": None}: it is missing. The levels of group are control, patient'),
    "missing number": ({"group": "patient", "age": np.nan}, 'at={"age": nan}: wanted a finite number'),
    "text": ({"group": "patient", "age": "old"}, "at={\"age\": 'old'}: wanted a finite number"),
    "infinite": ({"group": "patient", "age": np.inf}, 'at={"age": inf}: wanted a finite number'),
    "both": ({"group": "other", "age": "old"}, "at={\"age\": 'old'}: wanted a finite number"),
    "no number": ({"group": "patient", "age": {"a": 1}}, 'at={"age": {"a": 1}}: wanted a finite number'),
    "not finite": ({"group": "patient", "age": -3.0}, "at={\"group\": 'patient', \"age\": -3.0}: the formula beta ~ log(age) has no finite value there"),
    "none": ({"group": "patient", "age": []}, 'who have one value of it: at={"age": ...}'),
}  # fmt: skip


@pytest.mark.parametrize("name", AT_REFUSED)
def test_messages_on_at_speak_of_at(ages, name):
    """And not of a table with rows and columns, which nobody gave."""
    at, words = AT_REFUSED[name]
    with pytest.raises(UsageError) as caught:
        tw.predict(ages.fit, "rollout", TASK, participants=2, at=at)
    assert words in str(caught.value)
    assert not re.search(r"\b(table|rows?|column|header)\b", str(caught.value))


def test_messages_on_several_values_speak_of_at_and_the_printed_ones_are_taken(sessions):
    for values, words in (
        (["s1", "s1"], "name each value once"),
        ([], "wanted at least one value"),
        (["s2", "s3"], "the fit has seen no participant there"),
        (["s1", None], "it is missing"),
    ):
        with pytest.raises(UsageError, match=words) as caught:
            tw.predict(sessions.fit, "rollout", TASK, participants=2, at={"group": "patient", "session": values})
        assert not re.search(r"\b(table|rows?|column|header)\b", str(caught.value))
        printed = caught.value.message.inputs[-1]
        if "level" not in str(caught.value):
            at = {"group": "patient", **printed.value}
            new = tw.predict(sessions.fit, "rollout", TASK, participants=2, at=at, datasets=1)
            assert new.table(0)["alpha"].size == 2
    series = pd.Series(["s1", "s2"])
    new = tw.predict(sessions.fit, "rollout", TASK, participants=2, at={"group": "patient", "session": series})
    assert new.table(0)["session"].tolist() == ["s1", "s2"] * 2


def test_arguments_that_were_given_are_to_be_left_out_and_no_others(ages, fitted):
    at = {"group": "control", "age": 30}
    with pytest.raises(UsageError, match="leave out at=, or predict kind='rollout'"):
        tw.predict(ages.fit, "one-step", at=at)
    with pytest.raises(UsageError, match="leave out participants= and at=, or predict"):
        tw.predict(ages.fit, "one-step", participants=3, at=at)
    assert len(tw.predict(ages.fit, "one-step", datasets=1)) == 1
    with pytest.raises(UsageError, match="leave out at=, and give their number, participants=30"):
        tw.predict(fitted, "rollout", TASK, participants=3, at=at)
    with pytest.raises(UsageError, match="leave out participants=, and give their number, participants=30"):
        tw.predict(fitted, "rollout", TASK, participants={"group": ["control"]})
    new = tw.predict(fitted, "rollout", tw.environments.AlienTask(trials=20), participants=30, datasets=1)
    assert len(new.participants) == 30


def test_other_predictions_refuse_them(ages, fitted):
    people = {"group": ["control"], "age": [30]}
    with pytest.raises(UsageError, match="leave out participants="):
        tw.predict(ages.fit, "one-step", participants=people)
    with pytest.raises(UsageError, match="participants=30"):
        tw.predict(tw.QLearning(), "rollout", TASK, participants=people)
    with pytest.raises(UsageError, match="no formulas"):
        tw.predict(fitted, "rollout", TASK, participants=people)
    with pytest.raises(UsageError, match="leave it out"):
        tw.predict(ages.fit, "rollout", TASK, participants=people, anew=True)
    with pytest.raises(UsageError, match="differ as text"):
        tw.predict(fitted, "rollout", tw.environments.AlienTask(), participants=["1", 1])
    new = tw.predict(fitted, "rollout", tw.environments.AlienTask(trials=20), participants=5, datasets=MANY)
    mean, spread = (fitted.draws[f"alpha_{each}"].to_numpy().ravel() for each in ("mu", "sd"))
    at = np.linspace(0, len(mean), MANY, endpoint=False).astype(int)
    assert standard((values(new, "alpha", logit) - mean[at][:, None]) / spread[at][:, None])


def test_true_values_of_sessions_are_matched_by_participant_and_session(sessions):
    means = sessions.fit.means()
    truth = sessions.fit.design.rows.labelled().assign(**means).iloc[::-1]
    found = tw.recovered(sessions.fit, truth)
    np.testing.assert_allclose(found["rmse"], 0, atol=1e-12)
    with pytest.raises(UsageError, match="no column session"):
        tw.recovered(sessions.fit, truth.drop(columns="session"))
    with pytest.raises(UsageError, match="no participant 'p00', session 's2'"):
        tw.recovered(sessions.fit, truth[(truth["participant"] != "p00") | (truth["session"] != "s2")])


def test_what_changes_while_the_state_goes_on_is_refused():
    from trialwise.population.designs.build import designed
    from trialwise.population.designs.new_participants import design_at, new_design
    from trialwise.population.designs.stored import StoredDesign, runs_of_rows

    rows = [(f"p{n}", "ab"[k % 2], "uv"[k // 2 % 2], 1.0) for n in range(8) for k in range(8)]
    trials = tw.read_long(pd.DataFrame(rows, columns=["participant", "choice", "phase", "outcome"]), labels=["phase"])
    built = designed(["alpha", "beta"], tw.QLearning().fix(forget=0), trials, "alpha ~ phase")
    runs = runs_of_rows(built.row_of_trial)
    stored = StoredDesign(built.design, built.models, built.formulas, built.trials.participants, runs, built.covariates)
    with pytest.raises(UsageError, match="alpha changes while the state goes on.*leave out participants="):
        new_design(stored, {"participant": ["x"], "phase": ["u"]})
    with pytest.raises(UsageError, match="alpha changes while the state goes on.*leave out at="):
        design_at(stored, ["x"], {"phase": "u"})
