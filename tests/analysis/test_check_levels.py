"""Checks by level: against measures of the participants at each level by hand, and what is said of differences between levels."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from conjugate import PEOPLE, PLAIN, Conjugate
from trialwise.analysis.behaviour.measures import measured
from trialwise.analysis.levels_of_trials import LevelsOfTrials, levels_of
from trialwise.analysis.replicated import compared
from trialwise.base.errors import DataError, UsageError
from trialwise.data.trials import Column

TASK = tw.environments.RestlessBandit(arms=2)


@pytest.fixture(scope="module")
def groups():
    return Conjugate({"alpha": "group + age", "beta": "site"}, shift=0.3, length=60).fit


@pytest.fixture(scope="module")
def sessions():
    return Conjugate({"alpha": "0 + session", "beta": "group"}, sessions=2, length=60).fit


def by_hand(fit, kind, chosen, participants):
    """The table of a check from the trials that are chosen, of these participants: observed, and of each simulated data set."""
    environment = TASK if kind == "rollout" else None
    sets = tw.predict(fit, kind, environment, datasets=5)

    def means(trials):
        frame = trials.to_frame()[chosen]
        frame = frame[frame["participant"].isin(participants)]
        past = fit.data.to_frame()[chosen] if kind == "one-step" else None
        table = tw.read_long(frame.drop(columns=["reset"], errors="ignore"), actions=["a", "b"])
        if past is not None:
            past = tw.read_long(
                past[past["participant"].isin(participants)].drop(columns=["reset"], errors="ignore"),
                actions=["a", "b"],
            )
        return measured(table, past=past).mean()

    return compared(means(fit.data), pd.DataFrame([means(each) for each in sets]))


@pytest.mark.parametrize("kind", ["rollout", "one-step"])
def test_measures_at_levels_of_a_group_are_those_of_its_participants(groups, kind):
    check = tw.check(groups, TASK if kind == "rollout" else None, by="site", datasets=5, progress=False)
    levels, everything = check.levels, np.ones(groups.data.n_trials, bool)
    assert [each.label for each in levels.levels] == ["x", "y", "z"]
    for n, each in enumerate(levels.levels):
        own = by_hand(groups, kind, everything, PEOPLE[n::3])
        pd.testing.assert_frame_equal(each.table, own, check_names=False)
        assert each.participants == 8
    for (i, j), each in zip(itertools.combinations(range(3), 2), levels.differences, strict=True):
        assert each.label == f"{'xyz'[j]} - {'xyz'[i]}"
        one, other = (levels.levels[k] for k in (i, j))
        np.testing.assert_allclose(each.table["observed"], other.table["observed"] - one.table["observed"])
        np.testing.assert_allclose(each.simulated, other.simulated - one.simulated)
    table = check.tables()["check_levels"]
    assert list(table["level"].unique()) == ["x", "y", "z", "y - x", "z - x", "z - y"]
    assert len(table) == 6 * len(check.table)


def test_measures_at_sessions_are_those_of_their_trials(sessions):
    levels = tw.check(sessions, by="session", datasets=5, progress=False).levels
    column = sessions.data.to_frame()["session"].to_numpy()
    for label, each in zip(("s1", "s2"), levels.levels, strict=True):
        own = by_hand(sessions, "one-step", column == label, PEOPLE)
        pd.testing.assert_frame_equal(each.table, own, check_names=False)
        assert each.participants == 24
    by_group = tw.check(sessions, by="group", datasets=5, progress=False).levels
    assert list(by_group.counts["participants"]) == [12, 12]


def test_a_table_of_participants_and_own_measures(groups):
    people = {"participant": PEOPLE, "drug": ["placebo", "drug", None] * 8}

    def measures(trials):
        shares = np.bincount(trials.participant_index, trials.choice, minlength=trials.n_participants) / trials.lengths
        return pd.DataFrame({"b": shares})

    check = tw.check(groups, by="drug", participants=people, measures=measures, datasets=5, progress=False)
    shares = measures(groups.data)["b"].to_numpy()
    observed = {each.label: each.table["observed"]["b"] for each in check.levels.levels}
    assert observed == pytest.approx({"drug": shares[1::3].mean(), "placebo": shares[::3].mean()})
    assert any("8 participants without drug" in str(finding) for finding in check.findings)


def test_levels_are_refused_with_words(groups, sessions):
    for by, words in {"age": "24 different values", "colour": "no column 'colour'"}.items():
        with pytest.raises(UsageError, match=words):
            tw.check(groups, by=by, progress=False)
    with pytest.raises(UsageError, match="by='group'"):
        tw.check(groups, participants=PLAIN, progress=False)
    with pytest.raises(DataError, match="no column 'colour'"):
        tw.check(groups, by="colour", participants=PLAIN, progress=False)
    with pytest.raises(UsageError, match="one value"):
        tw.check(groups, by="same", participants={"participant": PEOPLE, "same": ["x"] * 24}, progress=False)
    with pytest.raises(DataError, match="known only after the choice"):
        tw.check(groups, by="outcome", progress=False)
    with pytest.raises(UsageError, match="one for each"):
        tw.check(
            groups, by="group", measures=lambda trials: pd.DataFrame({"x": [1.0, 2.0]}), datasets=5, progress=False
        )
    assert tw.check(groups, by="group", datasets=5, progress=False).levels.findings == ()  # too few data sets


def grouped(text, **tables):
    """The tables after the code in a message, and the name of the new column, typed to the letter."""
    code, by = re.search(
        r"in Python, (.*?)(?: in the table of \w+)?, (?:read it with labels=.*?, fit again, )?and check with by='(\w+)'",
        text,
    ).groups()
    exec(code, tables | {"pd": pd}, names := dict(tables) | {"pd": pd})
    return names, by


def test_levels_with_one_participant_each_are_said_to_be_so_and_the_printed_code_groups_them(groups):
    ages = np.repeat([20.5, 31, 38, 44, 52, 60, 71], [1, 1, 1, 1, 1, 1, 18])
    people = pd.DataFrame({"participant": PEOPLE, "years": ages})
    people.loc[3, "years"] = np.nan
    check = tw.check(groups, by="years", participants=people, datasets=5, progress=False)
    (found,) = (each for each in check.findings if each.code == "one-participant")
    assert found.severity == "note" and found.sentence.startswith("5 of 6 levels of years have one participant each")
    names, by = grouped(found.advice, people=people)
    again = tw.check(groups, by=by, participants=names["people"], datasets=5, progress=False)
    assert dict(again.levels.counts["participants"]) == {"up to 60": 5, "above 60": 18}
    assert not any(each.code == "one-participant" for each in again.findings)
    assert not any(
        each.code == "one-participant" for each in tw.check(groups, by="group", datasets=5, progress=False).findings
    )


def test_labels_with_one_participant_each_are_left_to_be_grouped(groups):
    people = pd.DataFrame({"participant": PEOPLE, "centre": ["a", "b", "c", *["d"] * 21]})
    check = tw.check(groups, by="centre", participants=people, datasets=5, progress=False)
    (found,) = (each for each in check.findings if each.code == "one-participant")
    names, by = grouped(found.advice.replace("...", "'north'", 2).replace("...", "'south'"), people=people)
    again = tw.check(groups, by=by, participants=names["people"], datasets=5, progress=False)
    assert dict(again.levels.counts["participants"]) == {"north": 2, "south": 22}


def test_numbers_with_many_values_are_refused_with_the_code_that_groups_them(groups):
    people = pd.DataFrame(PLAIN)
    with pytest.raises(UsageError, match="24 different values") as caught:
        tw.check(groups, by="age", progress=False)
    names, by = grouped(str(caught.value), people=people)
    again = tw.check(groups, by=by, participants=names["people"], datasets=5, progress=False)
    assert list(again.levels.counts["participants"]) == [12, 12]


def test_numbers_in_the_trials_are_grouped_by_the_printed_code(groups):
    """A number of each participant, for which a table is made from the fit."""
    trials = groups.data
    number = (trials.participant_index * 2.5) % 60
    fit = replace(groups, trials=replace(trials, columns=trials.columns | {"dose": Column(number)}))
    with pytest.raises(UsageError, match="24 different values") as caught:
        levels_of(fit, "dose")
    names, by = grouped(str(caught.value), fit=fit)
    levels = levels_of(fit, by, names["people"])
    assert sorted(own.sum() for own in levels.participants) == [12, 12]


def test_numbers_that_change_within_participants_are_grouped_in_the_data(groups):
    trials = groups.data
    number = trials.participant_index + np.concatenate([np.arange(length) % 2 / 2 for length in trials.lengths])
    fit = replace(groups, trials=replace(trials, columns=trials.columns | {"dose": Column(number)}))
    with pytest.raises(UsageError, match="48 different values") as caught:
        levels_of(fit, "dose")
    names, by = grouped(str(caught.value), data=fit.data.to_frame())
    data = tw.read_long(
        names["data"],
        labels=eval(re.search(r"read it with labels=(\[.*?\])", str(caught.value))[1]),
        actions=["a", "b"],
    )
    levels = levels_of(replace(groups, trials=data), by)
    assert [int(own.sum()) for own in levels.participants] == [12, 12] and levels.between


@pytest.mark.sample
def test_a_difference_that_the_group_does_not_expect_is_found_and_the_advice_helps():
    labels = [f"p{n:02d}" for n in range(16)]
    people = {"participant": labels, "group": ["control", "patient"] * 8}
    truth = pd.DataFrame({"alpha": [0.4, 0.05] * 8, "beta": 3.0})
    learner, task = tw.QLearning(initial=1.2).fix(forget=0.02), tw.environments.AlienTask(trials=120)
    trials = tw.simulate(learner, task, truth, participants=labels, seed=1).trials
    short = {"draws": 500, "tune": 500, "progress": False, "seed": 1}
    plain = tw.fit(learner, trials, **short)
    how = {"by": "group", "progress": False}
    own = tw.check(plain, tw.environments.AlienTask(), participants=people, **how)
    assert {each.code for each in own.levels.findings} == {"level-reproduced", "difference-reproduced"}
    anew = tw.check(plain, tw.environments.AlienTask(), participants=people, anew=True, **how)
    finding = anew.levels.findings[-1]
    assert finding.code == "difference-deviates" and finding in anew.findings
    assert "does not reproduce the difference" in str(finding)
    formulas = next(part for part in finding.advice.parts if not isinstance(part, str)).value
    assert formulas == {"alpha": "group", "beta": "group"}
    advised = tw.fit(learner, trials, formulas=formulas, participants=people, **short)
    after = tw.check(advised, tw.environments.AlienTask(), anew=True, **how)
    assert after.levels.findings[-1].code == "difference-reproduced"
    assert len(after.levels.plot().axes) > 4 and after.levels.headline.startswith(
        "Check by group: control (8 participants)"
    )


def test_parameters_drawn_anew_come_from_the_group(sessions):
    """Moments of new draws against those of the posterior's groups."""
    draws = 240
    new = tw.predict(sessions, "one-step", datasets=draws, anew=True)
    own = tw.predict(sessions, "one-step", datasets=draws)
    assert new.participants == own.participants and list(new.table(0)) == list(own.table(0))
    u = np.array([np.log(each["alpha"] / (1 - each["alpha"])) for each in new.parameters])
    group, design = sessions.draws.groups(), sessions.design.design
    parts = [part.reshape(-1, part.shape[-1]) for part in group[:2]]
    centre = design.centre(parts[0])[..., 0]
    spread = np.sqrt(design.variance(parts[1], np.zeros((len(parts[1]), 0))))[..., 0]
    z = (u - centre) / spread
    assert abs(z.mean()) < 4 / np.sqrt(z.size) and abs(z.std() - 1) < 4 / np.sqrt(2 * z.size)


def test_levels_that_change_within_a_run_keep_the_trial_before():
    """Repetitions at each level by a plain loop over the trials, whatever the level of the trial before."""
    random = np.random.default_rng(3)
    rows = [
        {"participant": p, "session": s, "trial": t, "choice": int(random.integers(2)), "outcome": int(random.integers(2)), "weather": "ab"[t // 3 % 2]}
        for p in range(4) for s in (1, 2) for t in range(30)
    ]  # fmt: skip
    trials = tw.read_long(pd.DataFrame(rows))
    codes = np.array(["ab".index(row["weather"]) for row in rows])
    levels = LevelsOfTrials("weather", ("a", "b"), codes, trials.participant_index, trials.n_participants)
    assert levels.within_runs(trials)
    for level, marked in enumerate(levels.marked(trials)):
        expected = []
        for p in range(4):
            own = [n for n, row in enumerate(rows) if row["participant"] == p]
            pairs = [(n, n - 1) for n in own if rows[n]["trial"] > 0 and codes[n] == level]
            expected.append(np.mean([rows[n]["choice"] == rows[m]["choice"] for n, m in pairs]))
        np.testing.assert_allclose(tw.behaviour.general(marked)["repeated"], expected)
        shares = [
            np.mean([row["choice"] for n, row in enumerate(rows) if row["participant"] == p and codes[n] == level])
            for p in range(4)
        ]
        np.testing.assert_allclose(tw.behaviour.general(marked)["share of 1"], shares)
    sessions = LevelsOfTrials(
        "session", (1, 2), np.array([row["session"] - 1 for row in rows]), trials.participant_index, 4
    )
    assert not sessions.within_runs(trials)


def test_ratings_that_are_not_scored_do_not_count():
    environment = tw.environments.Conditioning()
    truth = {"alpha": 0.2, "intercept": 0, "slope": 1, "noise": 0.1}
    trials = tw.simulate(tw.learners.RescorlaWagner(), environment, truth, participants=2, seed=1).trials
    half = np.arange(trials.n_trials) % 2 == 0
    means = tw.behaviour.of_responses(replace(trials, scored=half))["response: mean"]
    expected = [trials.response["response"][half & (trials.participant_index == n)].mean() for n in range(2)]
    np.testing.assert_allclose(means, expected)
