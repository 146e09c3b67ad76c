"""Studies with formulas: true values of each row, sessions and conditions, the table of effects, and what is refused."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.special import expit, logit

import trialwise as tw
from conjugate import PLAIN, Conjugate
from trialwise.analysis.true_values import truth_of
from trialwise.population.designs.differences import along, weights_of
from trialwise.studies import fits
from trialwise.studies.calibration_study import CalibrationStudy
from trialwise.studies.designed import study_design
from trialwise.studies.fits import FitSettings
from trialwise.studies.recovered_effects import COLUMNS, effect_findings, effect_table, share_interval
from trialwise.studies.recovery_study import RecoveryStudy

LEARNER = tw.QLearning().fix(forget=0)
TASK = tw.environments.ProbabilisticReversal(trials=20)
LABELS = [f"p{n}" for n in range(8)]
PEOPLE = {"participant": LABELS, "group": ["patient", "control"] * 4, "age": [20, 24, 31, 33, 40, 47, 51, 60]}
EFFECT = {"alpha": {"group": {"patient - control": -0.8}}}
SHORT = {"draws": 60, "tune": 100, "chains": 2, "workers": 1, "progress": False}


class Coin(tw.environments.Environment):
    """Two phases, and a stake that changes from trial to trial, while the state goes on."""

    levels = {"action": ("left", "right"), "phase": ("stable", "volatile")}

    def show(self, random):
        return tw.environments.Shown(
            20, {"phase": np.repeat([0, 1], 10), "stake": random.integers(1, 5, 20).astype(float)}
        )

    def potential(self, shown, random):
        return (random.random((shown.trials, 2)) < (0.3, 0.7)).astype(float)


class Follow(tw.environments.Environment):
    """The place of every second row is the choice before it."""

    levels = {"action": ("left", "right"), "place": ("a", "b")}

    def show(self, random):
        return tw.environments.Shown(20, {"place": np.zeros(20, int)})

    def potential(self, shown, random):
        return (random.random((shown.trials, 2)) < (0.3, 0.7)).astype(float)

    def follow(self, shown, choice):
        place = np.zeros(20, int)
        place[1::2] = np.maximum(choice[::2], 0)
        return {"place": place}


@tw.learner
class Keeps:
    """Q-learning that keeps half of its values over resets."""

    alpha: float = tw.unit("learning rate")
    beta: float = tw.positive("inverse temperature")

    def start(self, task):
        return task.table("action", fill=0.0)

    def choose(self, q, trial, preference):
        for action in range(2):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * (outcome - q[choice])

    def reset(self, q, trial):
        for action in range(2):
            q[action] *= 0.5
        return q


def study_of(
    formulas,
    environment=TASK,
    truth=None,
    participants=PEOPLE,
    effects=None,
    sessions=None,
    random="full",
    correlated=False,
    seed=3,
):
    labels, design = study_design(LEARNER, environment, participants, formulas, random, correlated, sessions, effects)
    source, settings = truth_of(truth, LEARNER, environment, seed), FitSettings(60, 100, 2, None)
    return RecoveryStudy(environment, tuple(labels), seed, LEARNER, source, settings, {}, 0.89, design)


def by_row(simulation):
    return simulation.parameters.set_index("participant")


@settings(max_examples=8, deadline=None)
@given(st.floats(-1.5, 1.5), st.floats(-1, 1), st.integers(0, 3))
def test_effects_are_added_to_ranges(group, age, number):
    """By a plain loop over participants."""
    effects = {"alpha": {"group": {"patient - control": group}, "age": age}}
    with_effects = study_of("alpha ~ group + age", truth={"alpha": (0.2, 0.6), "beta": 2.0}, effects=effects)
    without = study_of("alpha ~ group + age", truth={"alpha": (0.2, 0.6), "beta": 2.0})
    moved, plain = (by_row(study.simulation(number)) for study in (with_effects, without))
    ages = np.array(PEOPLE["age"], float)
    for n, label in enumerate(LABELS):
        shift = (group / 2 if PEOPLE["group"][n] == "patient" else -group / 2) + age * (
            ages[n] - ages.mean()
        ) / ages.std(ddof=1)
        assert logit(moved["alpha"][label]) == pytest.approx(logit(plain["alpha"][label]) + shift, abs=1e-9)
        assert 0.2 <= plain["alpha"][label] <= 0.6 and moved["beta"][label] == 2.0
    simulation = without.simulation(number)
    assert simulation.is_set.all() and not simulation.true.any()


def test_values_are_the_populations():
    """X B + Z v of one draw of the population, to which the effects are known."""
    study = study_of({"alpha": "group + session", "beta": "session"}, sessions=2, effects=EFFECT, correlated=True)
    simulation = study.simulation(2)
    arranged = study.design.arranged(LEARNER, TASK, study.participants, study.simulation_seed(2))
    assert [str(label) for label in by_row(simulation).index] == [f"{n} / {s}" for n in LABELS for s in (1, 2)]
    population = arranged.population(TASK, 3)
    from trialwise.analysis.effects.set_effects import known_of

    drawn = population.draw(16, study.truth_stream(2), known_of(arranged.stored.models, EFFECT))
    np.testing.assert_allclose(by_row(simulation)["alpha"], expit(drawn.u[:, 0]))
    np.testing.assert_allclose(by_row(simulation)["beta"], np.exp(drawn.u[:, 1]))
    true = {(each.by, each.label): value for each, value in zip(simulation.differences, simulation.true, strict=True)}
    assert true["group", "patient - control"] == pytest.approx(-0.8)
    assert population.names == ("alpha", "beta") and simulation.is_set.tolist() == [True, False, False]


def test_means_of_groups_and_sessions():
    """Over many data sets, groups and sessions differ as set."""
    effects = {"alpha": {"group": {"patient - control": 1.2}, "session": {"2 - 1": -0.6}}}
    study = study_of({"alpha": "group + session"}, sessions=2, effects=effects)
    differences, sessions = [], []
    for number in range(60):
        u = logit(by_row(study.simulation(number))["alpha"].to_numpy()).reshape(4, 2, 2)  # pairs, group, session
        differences.append((u[:, 0] - u[:, 1]).mean())
        sessions.append((u[..., 1] - u[..., 0]).mean())
    for values, expected in ((differences, 1.2), (sessions, -0.6)):
        assert abs(np.mean(values) - expected) < 4 * np.std(values) / np.sqrt(60)
        assert np.std(values) > 0.05


def test_sessions_are_runs_through_the_environment():
    simulation = study_of("alpha ~ session", sessions=["placebo", "drug"]).simulation(0)
    trials, rows = simulation.trials, simulation.rows.trials
    assert trials.participants == tuple(LABELS) and trials.lengths.tolist() == [40] * 8
    session = trials.columns["session"].values.reshape(8, 2, 20)
    assert (session[:, 0] == 0).all() and (session[:, 1] == 1).all() and trials.levels["session"] == ("placebo", "drug")
    assert np.flatnonzero(trials.reset).tolist() == [20 + 40 * n for n in range(8)]
    assert rows.participants[:2] == ("p0 / placebo", "p0 / drug")
    np.testing.assert_array_equal(rows.choice, trials.choice)  # sessions of a participant follow each other
    alone = tw.simulate(
        LEARNER,
        TASK,
        simulation.parameters,
        study_of("alpha ~ session", sessions=["placebo", "drug"]).simulation_seed(0),
    )
    np.testing.assert_array_equal(alone.trials.choice, rows.choice)
    np.testing.assert_array_equal(alone.trials.outcome["outcome"], rows.outcome["outcome"])


def test_sessions_of_a_learner_that_keeps_part_of_its_state():
    """They are conditions of one run, which is reset between them."""
    effects = {"alpha": {"session": {"b - a": 0.5}}}
    labels, design = study_design(Keeps(), TASK, 5, {"alpha": "session"}, "full", False, ["a", "b"], effects)
    source = truth_of({"alpha": (0.2, 0.4)}, Keeps(), TASK, 1)
    study = RecoveryStudy(TASK, labels, 1, Keeps(), source, FitSettings(60, 100, 2, None), {}, 0.89, design)
    simulation = study.simulation(0)
    values = by_row(simulation)
    assert list(values) == ["alpha[a]", "alpha[b]", "beta"] and len(values) == 5
    np.testing.assert_allclose(logit(values["alpha[b]"]) - logit(values["alpha[a]"]), 0.5)
    assert np.flatnonzero(simulation.trials.reset).tolist() == [20 + 40 * n for n in range(5)]
    by_hand = Keeps().vary(alpha={"session": ["a", "b"]})
    again = tw.simulate(by_hand, TASK.on(simulation.trials), simulation.parameters, study.simulation_seed(0))
    np.testing.assert_array_equal(again.trials.choice, simulation.trials.choice)


@pytest.mark.parametrize("truth", [None, {"alpha": (0.2, 0.6)}])
def test_conditions_within_a_run(truth):
    effects = {"alpha": {"phase": {"volatile - stable": 0.9}}, "beta": {"stake": 0.4}}
    study = study_of({"alpha": "phase", "beta": "stake"}, Coin(), truth, participants=6, effects=effects)
    simulation = study.simulation(1)
    values = by_row(simulation)
    assert list(values) == ["alpha[stable]", "alpha[volatile]", "beta", "beta:stake (standardised)"]
    change = logit(values["alpha[volatile]"]) - logit(values["alpha[stable]"])
    if truth:
        np.testing.assert_allclose(change, 0.9)
        assert (expit(logit(values["alpha[stable]"]) + 0.45) >= 0.2).all()
    else:
        assert change.std() > 0.01  # participants differ in what changes within them
    true = {each.label: value for each, value in zip(simulation.differences, simulation.true, strict=True)}
    assert true == {"volatile - stable": pytest.approx(0.9), "stake + 1 SD": pytest.approx(0.4)}
    trials = simulation.trials
    assert set(trials.columns) == {"phase", "stake"} and "condition of alpha" not in trials.levels
    by_hand = LEARNER.vary(alpha={"phase": ["stable", "volatile"]}, beta="z")
    stake = trials.columns["stake"].values
    z = (stake - stake.mean()) / stake.std()
    with_z = replace(trials, columns=trials.columns | {"z": type(trials.columns["stake"])(z)})
    renamed = simulation.parameters.rename(columns={"beta:stake (standardised)": "beta:z"})
    again = tw.simulate(by_hand, Coin().on(with_z), renamed, study.simulation_seed(1))
    np.testing.assert_array_equal(again.trials.choice, trials.choice)


def test_recorded_sequences_keep_their_columns_and_missed_choices():
    trials = tw.load_data("alien_flat").trials.select(range(6)).first(30)
    missed = trials.choice.copy()
    missed[::7] = -1
    trials = replace(trials, choice=missed)
    ages = {"participant": list(range(6)), "age": [1, 2, 4, 5, 7, 9]}
    along = tw.environments.AlienTask().on(trials)
    simulation = study_of("alpha ~ age", along, participants=ages).simulation(0)
    np.testing.assert_array_equal(simulation.trials.choice == -1, trials.choice == -1)
    np.testing.assert_array_equal(simulation.trials.columns["cue"].values, trials.columns["cue"].values)


def test_tables_of_participants(tmp_path):
    pd.DataFrame(PEOPLE).to_csv(tmp_path / "people.csv", index=False)
    without = {name: values for name, values in PEOPLE.items() if name != "participant"}
    for table, labels in (
        (str(tmp_path / "people.csv"), LABELS), (pd.DataFrame(PEOPLE), LABELS), (pd.DataFrame(PEOPLE).set_index("participant"), LABELS),
        (without, list(range(8))),
    ):  # fmt: skip
        found, design = study_design(LEARNER, TASK, table, "alpha ~ group", "full", False, None)
        assert list(found) == labels and design.table is not None
    assert study_design(LEARNER, TASK, 3, None, "full", False, None) == ((0, 1, 2), None)


@pytest.mark.sample
def test_a_data_set_equals_a_direct_fit(tmp_path, monkeypatch):
    """A study, and a fit of its data with the same formulas: estimates, and differences as contrasts have them."""
    how = {
        "formulas": {"alpha": "group + session", "beta": "age"},
        "sessions": 2,
        "effects": EFFECT,
        "seed": 3,
        **SHORT,
    }
    recovery = tw.recover(LEARNER, TASK, datasets=2, participants=PEOPLE, folder=tmp_path, **how)
    study = study_of(how["formulas"], sessions=2, effects=EFFECT)
    simulation = study.simulation(1)
    fit = tw.fit(
        LEARNER, simulation.trials, formulas=how["formulas"], participants=PEOPLE, draws=60, tune=100, chains=2, seed=study.fit_seed(1), progress=False,
    )  # fmt: skip
    own = recovery.points[recovery.points["dataset"] == 1]
    u = fit.draws.unconstrained().reshape(120, 16, 2)
    for k, name in enumerate(("alpha", "beta")):
        rows = own[own["parameter"] == name]
        np.testing.assert_allclose(rows["mean"], fit.draws.natural(name).mean(0))
        np.testing.assert_allclose(rows["true"], by_row(simulation)[name])
        spread = fit.draws["alpha_sd"].to_numpy() ** 2 + fit.draws["alpha_sd_effects[session.1]"].to_numpy() ** 2 / 2
        before = spread.mean() if name == "alpha" else np.mean(fit.draws["beta_sd"].to_numpy() ** 2)
        np.testing.assert_allclose(rows["told"], 1 - u[:, :, k].var(0) / before)
    rows = recovery.differences[recovery.differences["dataset"] == 1].set_index(["parameter", "by"])
    for parameter, by in (("alpha", "group"), ("alpha", "session"), ("beta", "age")):
        table = tw.contrasts(fit, parameter, by=by).differences
        expected = table[table["scale"].isin(["logit", "log"])].iloc[0]
        row = rows.loc[(parameter, by)]
        assert row["difference"] == expected["contrast"] and row["scale"] == expected["scale"]
        for column, other in (("mean", "mean"), ("low", "hdi_low"), ("high", "hdi_high")):
            assert row[column] == pytest.approx(expected[other])
    assert rows.loc[("alpha", "group"), "true"] == pytest.approx(-0.8)
    assert set(recovery.effects.index.get_level_values("by")) == {"group", "session", "age"}
    assert list(recovery.tables()) == [
        "recovery", "recovery_points", "recovery_pairs", "recovery_fits", "recovery_effects", "recovery_differences",
    ]  # fmt: skip
    assert any(
        re.match(
            r"alpha by group, patient - control: with 8 participants, a difference of -0.8 \(logit\) is found in ", each
        )
        for each in recovery.sentences
    )

    def refuse(*arguments, **more):
        raise AssertionError("fitted again")

    monkeypatch.setattr(fits, "fit", refuse)
    again = tw.recover(LEARNER, TASK, datasets=2, participants=PEOPLE, folder=tmp_path, **how)
    pd.testing.assert_frame_equal(again.effects, recovery.effects)
    for change in (
        {"effects": {"alpha": {"group": {"patient - control": -0.7}}}}, {"formulas": {"alpha": "group + session"}}, {"correlated": True},
        {"random": "intercept"}, {"sessions": 3}, {"participants": PEOPLE | {"age": [21, *PEOPLE["age"][1:]]}},
    ):  # fmt: skip
        with pytest.raises(AssertionError, match="fitted again"):
            tw.recover(LEARNER, TASK, **{"datasets": 2, "participants": PEOPLE, "folder": tmp_path, **how, **change})
    assert len(list((tmp_path / "pieces").iterdir())) == 7


@pytest.mark.sample
def test_ranks_of_a_design():
    how = {"formulas": {"alpha": "group + session", "beta": "phase"}, "sessions": ["a", "b"], "correlated": True}
    calibration = tw.calibrate(LEARNER, Coin(), 2, PEOPLE, ranks=20, seed=5, **how, **SHORT)
    assert list(calibration.ranks) == [
        "alpha_mu", "alpha_effects[group.1]", "alpha_effects[session.1]", "alpha_sd", "alpha_sd_effects[session.1]", "beta_mu",
        "beta_effects[phase.1]", "beta_sd", "beta_sd_effects[phase.1]", "correlation[alpha, alpha session.1]", "correlation[beta, beta phase.1]",
        "alpha[p0 / a]", "beta[stable][p0 / a]", "beta[volatile][p0 / a]", "log-likelihood",
    ]  # fmt: skip
    labels, design = study_design(LEARNER, Coin(), PEOPLE, how["formulas"], "full", True, how["sessions"])
    population = design.arranged(LEARNER, Coin(), labels, 5).population(Coin(), 5)
    study = CalibrationStudy(Coin(), labels, 5, LEARNER, population, FitSettings(60, 100, 2, None), 20, design)
    simulation, truth, u = study.simulation(1)
    fit = tw.fit(
        LEARNER, simulation.trials, formulas=how["formulas"], participants=PEOPLE, correlated=True, draws=60, tune=100, chains=2,
        seed=study.fit_seed(1), priors=population.distributions(), progress=False,
    )  # fmt: skip
    for name, value in truth.items():
        assert calibration.ranks[name][1] == (fit.draws[name].to_numpy().ravel()[::6] < value).sum()
    first = fit.draws.unconstrained().reshape(120, 16, 3)[::6, 0]
    assert calibration.ranks["alpha[p0 / a]"][1] == (first[:, 0] < u[0, 0]).sum()
    assert np.allclose(by_row(simulation)["beta[volatile]"], np.exp(u[:, 2]))
    values = [tw.log_likelihood(simulation.rows.learner, simulation.rows.trials, simulation.parameters).sum()]
    for draw in range(0, 120, 6):
        own = {name: fit.draws.natural(name)[draw] for name in fit.parameters}
        values.append(tw.log_likelihood(simulation.rows.learner, simulation.rows.trials, own).sum())
    assert calibration.ranks["log-likelihood"][1] == (np.array(values[1:]) < values[0]).sum()


def test_true_values_of_a_calibration_are_those_of_the_prior():
    labels, design = study_design(LEARNER, TASK, PEOPLE, {"alpha": "group + session"}, "full", True, 2)
    population = design.arranged(LEARNER, TASK, labels, 1).population(TASK, 1)
    study = CalibrationStudy(TASK, labels, 1, LEARNER, population, FitSettings(None, 100, 2, None), 10, design)
    draws = [study.simulation(n)[1] for n in range(150)]
    widths = dict(zip(population.variables.coefficients, population.prior.width, strict=True))
    means = dict(zip(population.variables.coefficients, population.prior.mean, strict=True))
    for name, width in widths.items():
        values = np.array([draw[name] for draw in draws])
        assert abs(values.mean() - means[name]) < 4 * width / np.sqrt(150) and values.std() == pytest.approx(
            width, rel=0.25
        )
    assert abs(np.mean([draw["correlation[alpha, alpha session.1]"] for draw in draws])) < 0.25


# -- the table of effects --------------------------------------------------------------------------------------------------


def rows_of(true, mean, half, parameter="alpha", by="group", difference="patient - control"):
    true = np.broadcast_to(true, np.shape(mean))
    parts = zip(range(len(mean)), true, mean, half, strict=True)
    return pd.DataFrame(
        [(n, parameter, by, difference, "logit", t, np.ptp(true) == 0, m, m - h, m + h) for n, t, m, h in parts],
        columns=list(COLUMNS),
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([-0.5, 0.0, 0.3]), st.integers(1, 40))
def test_table_of_effects_by_hand(seed, true, count):
    random = np.random.default_rng(seed)
    mean, half = random.normal(true, 0.4, count), random.uniform(0.2, 0.9, count)
    rows = pd.concat([rows_of(true, mean, half), rows_of(0.1, mean, half, by="site")])
    row = effect_table(rows).loc[("alpha", "group", "patient - control")]
    found = [m - h > 0 or m + h < 0 for m, h in zip(mean, half, strict=True)]
    wrong = [f and true * m < 0 for f, m in zip(found, mean, strict=True)]
    covered = [m - h <= true <= m + h for m, h in zip(mean, half, strict=True)]
    assert row["found"] == np.mean(found) and row["coverage"] == np.mean(covered) and row["datasets"] == count
    assert row["bias"] == pytest.approx(np.mean(mean) - true) and row["width"] == pytest.approx(np.median(2 * half))
    if true and any(found):
        assert row["sign_errors"] == pytest.approx(sum(wrong) / sum(found))
    else:
        assert np.isnan(row["sign_errors"])
    p, z = np.mean(found), 1.959963984540054
    centre = (p + z**2 / (2 * count)) / (1 + z**2 / count)
    around = z / (1 + z**2 / count) * np.sqrt(p * (1 - p) / count + z**2 / (4 * count**2))
    assert (row["found_low"], row["found_high"]) == pytest.approx((centre - around, centre + around))
    assert share_interval(sum(found), count) == pytest.approx((centre - around, centre + around))


def effect_sentences(rows, participants=40, unreliable=0):
    return effect_findings(effect_table(rows), participants, unreliable, rows["dataset"].nunique())


def test_sentences_of_effects():
    mean = np.r_[np.full(83, -0.5), np.full(17, -0.1)]
    (found,) = effect_sentences(rows_of(-0.5, mean, np.full(100, 0.45)))
    assert found.text == (
        "alpha by group, patient - control: with 40 participants, a difference of -0.5 (logit) is found in 83% of data sets (95 % interval 74 to "
        "89); estimates -0.43 on average; 95 % intervals 0.9 wide; the wrong sign in 0 of 83 found. Too few data sets to say whether it "
        "is 80%: simulate more, datasets="
    )
    assert found.severity == "note"
    seldom = effect_sentences(rows_of(-0.5, np.r_[mean[::-1][:30], 0.6], np.full(31, 0.45)))[0]
    assert seldom.severity == "caution" and "the wrong sign in 1 of 14 found" in seldom.sentence
    assert "simulate more, participants=" in str(seldom.advice)
    often = effect_sentences(rows_of(-0.5, np.full(100, -0.5), np.full(100, 0.45)))[0]
    assert often.severity == "note" and not often.advice
    nothing = effect_sentences(rows_of(0.0, np.r_[np.full(95, 0.1), np.full(5, 0.5)], np.full(100, 0.45)))[0]
    assert "a difference that is truly 0 is found in 5% of data sets" in nothing.sentence and nothing.severity == "note"
    false = effect_sentences(rows_of(0.0, np.r_[np.full(70, 0.1), np.full(30, 0.5)], np.full(100, 0.45)))
    assert [each.code for each in false] == ["false-positives", "coverage-of-difference"] and false[
        0
    ].severity == "caution"
    drawn = effect_sentences(rows_of(np.linspace(-1, 1, 30), np.linspace(-1, 1, 30), np.full(30, 0.3)))
    assert [each.code for each in drawn] == ["drawn-differences"] and "alpha by group, patient - control" in drawn[
        0
    ].sentence
    bad = effect_sentences(rows_of(-0.5, np.full(100, -0.5), np.full(100, 0.45)), unreliable=11)[0]
    assert (
        bad.severity == "caution"
        and "Not decided: 11 of 100 data sets have no reliable draws: use more, draws=, and tune=" in bad.text
    )
    assert not effect_sentences(rows_of(-0.5, np.full(100, -0.5), np.full(100, 0.45)), unreliable=10)[0].advice
    assert not effect_sentences(pd.DataFrame(columns=list(COLUMNS)))


def test_effects_in_a_report():
    from types import SimpleNamespace

    from trialwise.reports.blocks import Table
    from trialwise.reports.sections.recovery import section

    points = pd.DataFrame(
        {"dataset": [0, 0, 1, 1], "participant": [0, 1] * 2, "parameter": "alpha", "true": [0.1, 0.2, 0.3, 0.4]}
    )
    points = points.assign(mean=points["true"], low=0.0, high=1.0, told=1.0)
    pairs = pd.DataFrame(
        columns=["first", "second", "posterior_correlation", "error_correlation", "product_correlation"], dtype=float
    )
    sampling = pd.DataFrame(
        {"r_hat": [1.0] * 2, "ess": 500, "draws": 1000, "divergences": 0, "problems": "", "seconds": 1.0}
    )
    rows = rows_of(-0.5, np.array([-0.6, -0.4]), np.array([0.3, 0.5]))
    found = [
        tw.results.Recovery("L()", points, pairs, sampling, {}, 0.89, differences, 2) for differences in (None, rows.head(0), rows)
    ]  # fmt: skip
    tables = [
        [
            block.rows.title
            for block in section([SimpleNamespace(truth=None, study=each, label="L")]).blocks
            if isinstance(block, Table)
        ]
        for each in found
    ]
    assert tables == [["recovery"], ["recovery"], ["differences", "recovery"]]
    assert [len(each.tables()) for each in found] == [4, 4, 6]


def test_sessions_of_a_participant_count_as_one():
    """Values that are repeated in a second session make no interval narrower."""
    random = np.random.default_rng(1)
    true = random.normal(size=40)
    points = pd.DataFrame(
        {"dataset": 0, "participant": [f"{n} / 1" for n in range(40)], "parameter": "alpha", "true": true}
    )
    points = points.assign(mean=true + 0.5 * random.normal(size=40), told=1.0).assign(
        low=lambda p: p["mean"] - 0.6, high=lambda p: p["mean"] + 0.6
    )
    twice = pd.concat([points, points.assign(participant=[f"{n} / 2" for n in range(40)])], ignore_index=True)
    pairs = pd.DataFrame(
        columns=["first", "second", "posterior_correlation", "error_correlation", "product_correlation"], dtype=float
    )
    sampling = pd.DataFrame(
        {"r_hat": [1.0], "ess": 500, "draws": 1000, "divergences": 0, "problems": "", "seconds": 1.0}
    )
    once, doubled = (tw.results.Recovery("L()", each, pairs, sampling, {}, 0.89, None, 40) for each in (points, twice))
    assert doubled.sentences == once.sentences and "correlation within data sets" in once.sentences[0]


# -- what is refused -------------------------------------------------------------------------------------------------------

REFUSED = {
    "effects without formulas": ({"participants": 8, "effects": EFFECT}, r"is for formulas: add formulas="),
    "sessions without formulas": ({"participants": 8, "sessions": 2}, r"sessions=2 is for formulas: add formulas="),
    "random without formulas": ({"participants": 8, "random": "intercept"}, r"is for formulas"),
    "correlated without formulas": ({"participants": 8, "correlated": True}, r"is for formulas"),
    "a table without formulas": ({}, r"a table of covariates is used by formulas; add formulas="),
    "one session": ({"formulas": "alpha ~ session", "sessions": 1}, r"2 or more"),
    "the same session": ({"formulas": "alpha ~ session", "sessions": ["a", "a"]}, r"labels that differ"),
    "no pooling": ({"formulas": "alpha ~ group", "pooling": "none"}, r"fit with pooling='partial'"),
    "no column": ({"formulas": "alpha ~ grup"}, r"there is no column 'grup'"),
    "no session": ({"formulas": "alpha ~ session"}, r"simulate sessions by sessions=2. The columns are group, age, block"),
    "no level": ({"formulas": "alpha ~ group", "effects": {"alpha": {"group": {"a - b": 1}}}}, r"no difference 'a - b' of group"),
    "at a bound": ({"formulas": "alpha ~ group", "effects": EFFECT, "truth": {"alpha": 0}}, r"alpha has effects and the true value 0, a bound"),
    "out of range": ({"formulas": "alpha ~ group", "effects": EFFECT, "truth": {"alpha": 2}}, r"alpha = 2: "),
    "too few values": ({"formulas": "alpha ~ group", "truth": {"alpha": [0.1, 0.2]}}, r"one for each of 8 participants"),
    "one participant": ({"formulas": "alpha ~ session", "sessions": 2, "participants": 1}, r"describe how participants differ, and there is 1 participant"),
    "unknown prior": ({"formulas": "alpha ~ group", "priors": {"gamma_mu": 1}}, r"gamma_mu"),
    "repeated label": ({"formulas": "alpha ~ group", "participants": {"participant": [1, 1], "group": ["a", "b"]}}, r"more than one row"),
    "a number": ({"formulas": "alpha ~ group", "participants": 1.5}, r"wanted a whole number, 1 or larger, a list of labels or, with formulas, a table"),
    "constant": ({"formulas": "alpha ~ group", "participants": {"group": ["a"] * 6}}, r"group is 'a' for all participants"),
    "depends on choices": ({"formulas": "alpha ~ place", "environment": Follow(), "participants": 6}, r"place depends on earlier choices"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    arguments, expected = REFUSED[name]
    given = {"environment": TASK, "datasets": 1, "participants": PEOPLE, **SHORT, **arguments}
    with pytest.raises((tw.errors.UsageError, tw.errors.DataError), match=expected):
        tw.recover(LEARNER, **given)


def test_the_formulas_that_are_advised_are_possible():
    arguments = [
        {"participants": PEOPLE}, {"participants": PEOPLE, "effects": EFFECT}, {"participants": PEOPLE, "effects": {"alpha": {"age": 1}}},
        {"participants": 8, "sessions": 2}, {"participants": PEOPLE, "effects": {"beta": {"group:age": {"(patient - control) x (age + 1 SD)": 1}}}},
    ]  # fmt: skip
    for each in arguments:
        with pytest.raises(tw.errors.UsageError) as error:
            tw.recover(LEARNER, TASK, datasets=1, **each, **SHORT)
        advice = next(part for part in error.value.message.inputs if part.name == "formulas")
        study_of(advice.value, **each).simulation(0)


@pytest.mark.parametrize(
    ("formulas", "sessions", "wanted"),
    [
        ({"alpha": "group + age"}, None, {"alpha": {"group": ["patient - control"], "age": ["age + 1 SD"]}}),
        ({"alpha": "site * group", "beta": "session"}, 2, {"alpha": {"site": ["y - x", "z - x"], "group": ["patient - control"]}, "beta": {"session": ["s2 - s1"]}}),
        ({"alpha": "poly(age, 2)", "beta": "0 + smoker"}, None, {"alpha": {"age": ["age + 1 SD"]}, "beta": {"smoker": ["smoker 1 - smoker 0"]}}),
        ({"alpha_sd": "group"}, None, {}),
    ],
)  # fmt: skip
def test_a_fit_with_formulas_is_refused_with_a_study_that_is_like_it(formulas, sessions, wanted):
    known = Conjugate(formulas, **({} if sessions is None else {"sessions": sessions}), length=40)
    learner, task = tw.QLearning(), tw.environments.RestlessBandit(arms=2, trials=10)
    with pytest.raises(tw.errors.UsageError, match="has formulas: leave it out") as caught:
        tw.recover(learner, TASK, known.fit, datasets=1, **SHORT)
    arguments = {each.name: each.value for each in caught.value.message.inputs}
    effects = arguments.get("effects", {})
    assert {name: {key: list(own) for key, own in each.items()} for name, each in effects.items()} == wanted
    assert arguments["participants"] is ... and arguments["formulas"].items() >= formulas.items()
    assert arguments.get("sessions") == (None if sessions is None else ["s1", "s2"])
    printed = {**arguments, "participants": PLAIN}
    formulas, table = printed["formulas"], printed["participants"]
    labels, design = study_design(learner, task, table, formulas, "full", False, printed.get("sessions"), effects)
    arranged = design.arranged(learner, task, labels, 3)
    assert len(arranged.known.values) == sum(len(own) for each in effects.values() for own in each.values())
    for name, each in effects.items():
        model = known.models[name]
        for own in each.values():
            for label, value in own.items():
                (vector,) = (
                    weights_of(model, difference)
                    for key in model.covariates
                    for difference in along(model, [key]).all
                    if difference.label == label
                )
                assert (known.group.coefficients @ vector).mean() == pytest.approx(value, rel=0.06, abs=1e-9)


def test_a_fit_to_sessions_is_like_recorded_trials_with_these():
    known = Conjugate({"alpha": "session"}, sessions=2, length=40)
    along_trials = tw.environments.RestlessBandit(arms=2).on(known.fit.data)
    with pytest.raises(tw.errors.UsageError, match="has formulas: leave it out") as caught:
        tw.recover(tw.QLearning(), along_trials, known.fit, datasets=1, **SHORT)
    printed = {each.name: each.value for each in caught.value.message.inputs}
    assert printed.keys() == {"formulas", "effects"}
    labels, design = study_design(
        tw.QLearning(), along_trials, None, printed["formulas"], "full", False, None, printed["effects"]
    )
    assert len(design.arranged(tw.QLearning(), along_trials, labels, 3).known.values) == 1


def test_confuse_takes_no_table_of_participants_and_the_printed_number():
    learners = [tw.QLearning(initial=1.2), tw.learners.StimulusLearning(initial=1.2)]
    task = tw.environments.AlienTask(trials=20)
    with pytest.raises(tw.errors.UsageError, match="write their number, 30: learners are fitted without") as caught:
        tw.confuse(learners, task, participants=PEOPLE, datasets=1)
    number = int(re.search(r"number, (\d+)", str(caught.value))[1])
    confusion = tw.confuse(learners, task, datasets=1, participants=number, workers=1, progress=False)
    assert confusion.confusion.shape == (2, 2)


def test_the_formulas_of_a_study_are_read_once(monkeypatch):
    import formulae

    read, original = [], formulae.model_description
    monkeypatch.setattr(formulae, "model_description", lambda text: read.append(text) or original(text))
    study = study_of("alpha ~ group + log(age + 1)", participants=PEOPLE)
    for number in range(3):
        study.simulation(number)
    assert len(read) == 1


def test_other_refusals():
    trials = tw.load_data("alien_flat").trials.select(range(6)).first(30)
    along = tw.environments.AlienTask().on(trials)
    with pytest.raises(tw.errors.UsageError, match="sessions of recorded trials are those of the data"):
        tw.recover(LEARNER, along, formulas="alpha ~ session", sessions=2, **SHORT)
    with pytest.raises(tw.errors.DataError, match="have no row"):
        tw.recover(LEARNER, along, formulas="alpha ~ age", participants={"participant": [0, 1], "age": [1, 2]}, **SHORT)
    with pytest.raises(tw.errors.UsageError, match="sampler='nuts' needs gradients, .*: use 'particle-gibbs'"):
        tw.recover(
            tw.learners.TaskSets(),
            tw.environments.AlienTask(trials=20),
            formulas="alpha ~ session",
            sessions=2,
            sampler="nuts",
            **SHORT,
        )
    with pytest.raises(tw.errors.UsageError, match="list of labels"):
        tw.confuse([tw.QLearning(), LEARNER], TASK, participants=pd.DataFrame(PEOPLE), datasets=1)
    for wrong in ({"sessions": 2}, {"correlated": True}, {"participants": PEOPLE}):
        with pytest.raises(tw.errors.UsageError, match="formulas"):
            tw.calibrate(LEARNER, TASK, 1, **wrong)
