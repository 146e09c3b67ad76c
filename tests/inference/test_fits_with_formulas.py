"""Fits with formulas: sessions, conditions and covariates from data to draws, and everything that takes a fit."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import trialwise as tw
from trialwise.base.errors import DataError, UsageError
from trialwise.inference.refit import without
from trialwise.reports.sections import design as design_section
from trialwise.reports.subject import Subject

pytestmark = pytest.mark.sample

LEARNER = tw.QLearning().fix(forget=0)
SHORT = {"draws": 150, "tune": 150, "chains": 2, "progress": False}
PARTICIPANTS, TRIALS = 10, 60


@pytest.fixture(scope="module")
def table():
    """Two sessions, of which the second comes first for every other participant; alpha is higher in session b by 1 on the logit scale."""
    random, rows = np.random.default_rng(3), []
    for n in range(PARTICIPANTS):
        level, sharpness = random.normal(-1.0, 0.4), np.exp(random.normal(1.0, 0.2))
        for session in ("a", "b") if n % 2 else ("b", "a"):
            alpha, q = 1 / (1 + np.exp(-(level + (session == "b") - 0.5))), np.zeros(2)
            for t in range(TRIALS):
                choice = int(random.random() < 1 / (1 + np.exp(-sharpness * (q[1] - q[0]))))
                outcome = float(random.random() < (0.8 if (choice == 1) == ((t // 20) % 2 == 0) else 0.2))
                q[choice] += alpha * (outcome - q[choice])
                volatility = "stable" if t < 40 else "volatile"
                rows.append((f"p{n}", session, t, volatility, choice, outcome))
    names = ["participant", "session", "trial", "volatility", "choice", "outcome"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture(scope="module")
def trials(table):
    return tw.read_long(table, labels=["volatility"])


@pytest.fixture(scope="module")
def people():
    return pd.DataFrame(
        {
            "participant": [f"p{n}" for n in range(PARTICIPANTS)],
            "group": ["patient" if n < PARTICIPANTS // 2 else "control" for n in range(PARTICIPANTS)],
            "age": np.arange(PARTICIPANTS) * 3.0 + 20,
        }
    )


@pytest.fixture(scope="module")
def sessions(trials):
    return tw.fit(LEARNER, trials, formulas={"alpha": "session"}, **SHORT)


def test_sessions_are_rows_of_parameters(sessions, trials, table):
    assert sessions.design.by_session and sessions.design.design.rows == 2 * PARTICIPANTS
    assert sessions.trials.participants[:2] == ("p0 / b", "p0 / a") or sessions.trials.participants[:2] == (
        "p0 / a",
        "p0 / b",
    )
    assert sessions.data.participants == trials.participants
    for name in ("choice", "reset"):
        np.testing.assert_array_equal(getattr(sessions.data, name), getattr(trials, name))
    values = sessions.trial_values()
    for name in ("participant", "session", "choice", "outcome"):
        assert list(values[name]) == list(table[name])
    assert len(values) == len(table) and values["log_likelihood"].notna().all()
    assert "alpha_effects[session.1]" in sessions.group().index
    assert any("rows in all" in note for note in sessions.notes)


def test_the_likelihood_of_sessions_is_that_of_each_session_alone(sessions, trials, table):
    """Trial values at the posterior means, against the learner on the trials of one session with its own values."""
    values, means = sessions.trial_values(), sessions.means()
    for label, alpha, beta in zip(sessions.trials.participants, means["alpha"], means["beta"], strict=True):
        participant, session = label.split(" / ")
        own = (table["participant"] == participant) & (table["session"] == session)
        alone = tw.read_long(table[own].drop(columns="session"))
        expected = tw.log_likelihood(LEARNER, alone, {"alpha": alpha, "beta": beta})
        assert values["log_likelihood"][own.to_numpy()].sum() == pytest.approx(float(expected[0]), rel=1e-9)


def test_a_fit_with_sessions_is_stored(sessions, tmp_path):
    sessions.save(tmp_path / "fit.nc")
    loaded = tw.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(loaded.design.design.fixed, sessions.design.design.fixed)
    np.testing.assert_array_equal(loaded.design.design.random, sessions.design.design.random)
    assert loaded.design.formulas == {"alpha": "session"} and loaded.data.participants == sessions.data.participants
    at = {"session": "b"}
    np.testing.assert_array_equal(loaded.design.models["alpha"].at(at), sessions.design.models["alpha"].at(at))
    pd.testing.assert_frame_equal(loaded.trial_values(), sessions.trial_values(), check_dtype=False)
    assert loaded.population.group_names == sessions.population.group_names
    pd.testing.assert_frame_equal(loaded.group(), sessions.group())


def test_comparison_with_a_fit_without_formulas_is_by_participant(sessions, trials):
    plain = tw.fit(LEARNER, trials, **SHORT)
    comparison = tw.compare({"sessions": sessions, "plain": plain}, draws=60, progress=False)
    assert list(
        comparison.participants.index if hasattr(comparison, "participants") else comparison.elpd.index
    ) == list(trials.participants)
    for method in ("trial", "future", "integrated"):
        other = tw.compare({"sessions": sessions, "plain": plain}, method, draws=60, progress=False)
        assert list(other.elpd.index) == list(trials.participants) and np.isfinite(other.elpd.to_numpy()).all()


def test_diagnosis_checks_and_the_pymc_model(sessions):
    diagnosis = tw.diagnose(sessions)
    assert "alpha_effects[session.1]" in diagnosis.tables()["diagnosis"].index
    assert tw.check(sessions, datasets=5, progress=False) is not None
    assert {"effects"} <= {variable.name for variable in sessions.model.free_RVs}


def test_cells_and_their_correlation(trials):
    fit = tw.fit(LEARNER, trials, formulas="alpha ~ 0 + session", correlated=True, **SHORT)
    (name,) = fit.population.variables.correlations
    values = fit.draws[name].to_numpy()
    assert (abs(values) < 1).all() and values.std() > 0.05
    cells = [fit.draws[f"alpha_effects[session[{session}]]"].to_numpy() for session in ("a", "b")]
    np.testing.assert_allclose(fit.draws["alpha_mu"], np.mean(cells, 0), rtol=1e-12)
    np.testing.assert_allclose(fit.draws["alpha_group"], 1 / (1 + np.exp(-np.mean(cells, 0))), rtol=1e-12)


def test_conditions_within_a_run_are_slots(trials, table):
    fit = tw.fit(LEARNER, trials, formulas={"alpha": "volatility"}, **SHORT)
    assert fit.parameters == ["alpha[stable]", "alpha[volatile]", "beta"] and not fit.design.by_session
    assert fit.trials.participants == trials.participants
    means, own = fit.means(), table["participant"] == "p0"
    q, total = np.zeros(2), 0.0
    for t, row in table[own].reset_index().iterrows():
        if t and row["session"] != table[own]["session"].iloc[t - 1]:
            q[:] = 0.0
        logits = means["beta"][0] * q
        total += logits[row["choice"]] - np.logaddexp(*logits)
        q[row["choice"]] += means[f"alpha[{row['volatility']}]"][0] * (row["outcome"] - q[row["choice"]])
    assert fit.trial_values()["log_likelihood"][own.to_numpy()].sum() == pytest.approx(total, rel=1e-9)
    assert "alpha_effects[volatility.1]" in fit.group().index
    others = without(fit, 3)
    assert others.design.design.seen.shape == (PARTICIPANTS - 1, 3) and "p3" not in others.trials.participants
    assert others.attrs["sampler"] == fit.attrs["sampler"]


def test_groups_and_covariates_of_a_table(trials, people, tmp_path):
    people.to_csv(tmp_path / "people.csv", index=False)
    from_file = tw.fit(
        LEARNER, trials, formulas=["alpha ~ group * age", "beta ~ age"], participants=tmp_path / "people.csv", **SHORT
    )
    from_frame = tw.fit(LEARNER, trials, formulas={"alpha": "group * age", "beta": "age"}, participants=people, **SHORT)
    np.testing.assert_array_equal(from_file.draws["alpha_mu"], from_frame.draws["alpha_mu"])
    assert from_frame.design.models["alpha"].numbers["age"] == pytest.approx(
        (people["age"].mean(), people["age"].std())
    )


def test_priors_of_coefficients(trials):
    narrow = tw.fit(
        LEARNER, trials, formulas={"alpha": "session"}, priors={"alpha_effects": pm.Normal.dist(0, 1e-4)}, **SHORT
    )
    assert abs(narrow.draws["alpha_effects[session.1]"]).max() < 1e-3
    other = tw.fit(
        LEARNER,
        trials,
        formulas={"alpha": "session"},
        priors={"alpha_effects": pm.StudentT.dist(3, mu=0, sigma=1)},
        **SHORT,
    )
    assert other.draws["alpha_effects[session.1]"].std() > 0.01
    with pytest.raises(UsageError, match="gamma_effects"):
        tw.fit(LEARNER, trials, formulas={"alpha": "session"}, priors={"gamma_effects": pm.Normal.dist()}, **SHORT)


def test_the_higher_learning_rate_is_found(trials):
    """By the sign of the coefficient, whose coding says which session is on which side."""
    fit = tw.fit(LEARNER, trials, formulas={"alpha": "session"}, **(SHORT | {"draws": 400}))
    model = fit.design.models["alpha"]
    difference = model.at({"session": "b"}) - model.at({"session": "a"})
    draws = fit.draws.groups().coefficients @ difference
    assert draws.mean() == pytest.approx(1.0, abs=4 * draws.std()) and (draws > 0).mean() > 0.95


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"formulas": {"alpha": "sesion"}}, DataError, "session"),
        ({"formulas": {"gamma": "session"}}, UsageError, "gamma"),
        ({"formulas": {"alpha": "outcome"}}, DataError, "outcome"),
        ({"formulas": {"alpha": "session"}, "pooling": "none"}, UsageError, "partial"),
        ({"formulas": {"alpha": "session"}, "random": "some"}, UsageError, "intercept"),
        ({"formulas": {"alpha": "participant"}}, DataError, "labels of the participants"),
        ({"formulas": 3}, UsageError, "a formula"),
        ({"participants": {"participant": ["p0"], "age": [3]}}, UsageError, "formulas"),
    ],
)
def test_refused(trials, arguments, error, match):
    with pytest.raises(error, match=match):
        tw.fit(LEARNER, trials, **SHORT, **arguments)


def test_combinations_of_conditions_without_trials_are_refused(table):
    """Nobody of one group has seen the volatile phase: the interaction, and a phase that only one group has, cannot be estimated."""
    group = np.where(table["participant"].str[1:].astype(int) < PARTICIPANTS // 2, "one", "other")
    phase = np.where((group == "one") & (table["volatility"] == "volatile"), "stable", table["volatility"])
    trials = tw.read_long(table.assign(group=group, phase=phase), labels=["group", "phase"])
    with pytest.raises(UsageError, match="no trials"):
        tw.fit(LEARNER, trials, formulas={"alpha": "group * phase"}, **SHORT)


def test_participants_are_matched_by_the_column_that_the_trials_use(table, people):
    """A table with two columns of labels, of which one is numbered the other way round."""
    trials = tw.read_long(table.rename(columns={"participant": "id"}), labels=["volatility"])
    other = people.rename(columns={"participant": "id"}).assign(subject=people["participant"][::-1].to_list())
    fit = tw.fit(LEARNER, trials, formulas={"alpha": "age"}, participants=other[["subject", "id", "age"]], **SHORT)
    column = fit.design.design.fixed[:, 0, 1]
    np.testing.assert_allclose(column, (people["age"] - people["age"].mean()) / people["age"].std(), rtol=1e-12)


def test_the_spread_along_a_number_of_the_trials(table):
    """At the mean of the number it is that of the intercept; the slope's spread adds to it away from there."""
    stake = np.random.default_rng(1).choice([1.0, 2.0, 5.0], len(table))
    trials = tw.read_long(table.assign(stake=stake), numbers=["stake"])
    fit = tw.fit(LEARNER, trials, formulas={"beta": "stake"}, **SHORT)
    mean, sd = fit.design.models["beta"].numbers["stake"]
    spread = fit.draws["beta_sd"].to_numpy().ravel()
    slope = fit.draws["beta_sd_effects[stake]"].to_numpy().ravel()
    levels = tw.contrasts(fit, "beta", at={"stake": [mean, mean + sd]}, by="stake").levels
    found = levels.filter(like="spread").iloc[:, 0].to_numpy()
    np.testing.assert_allclose(found, [spread.mean(), np.hypot(spread, slope).mean()], rtol=0.05)
    with pytest.raises(UsageError, match="trial to trial"):
        tw.association(fit, "beta", "stake")


def test_priors_are_typed_again_when_a_fit_is_loaded(trials, people, tmp_path):
    """The short form, and that of differences, which the file holds by names of coefficients."""
    priors = {
        "alpha_effects": pm.StudentT.dist(nu=3, mu=0, sigma=0.5),
        "beta": {"group": {"patient - control": pm.Normal.dist(0.1, 0.3)}},
    }
    formulas = {"alpha": "group", "beta": "group"}
    fit = tw.fit(LEARNER, trials, formulas=formulas, participants=people, priors=priors, **SHORT)
    fit.save(tmp_path / "fit.nc")
    again = tw.load(tmp_path / "fit.nc", priors=priors)
    assert set(again.priors) == {"alpha_effects[group.1]", "beta_effects[group.1]"}
    assert again.model.named_vars.keys() == fit.model.named_vars.keys()
    evidence = tw.contrasts(again, "beta", by="group").evidence
    assert evidence["prior_width"][0] == pytest.approx(0.3)
    with pytest.raises(UsageError, match="load received priors for"):
        tw.load(tmp_path / "fit.nc", priors={"alpha_effects": priors["alpha_effects"]})
    with pytest.raises(UsageError, match="without formulas"):
        tw.fit(LEARNER, trials, priors={"beta": {"group": pm.Normal.dist(0, 1)}}, **SHORT)


def test_labels_of_all_kinds_are_fitted_saved_and_compared(table, tmp_path):
    """Levels and columns with slashes and commas, of sessions and of conditions."""
    table = table.assign(
        session=table["session"].map({"a": "a/b", "b": "a|b"}),
        phase=table["volatility"].map({"stable": "x, y", "volatile": "x; y"}),
    )
    trials = tw.read_long(table, labels=["phase"])
    fit = tw.fit(LEARNER, trials, formulas={"alpha": "0 + phase", "beta": "0 + session"}, **SHORT)
    fit.save(tmp_path / "fit.nc")
    again = tw.load(tmp_path / "fit.nc")
    for name, by in (("alpha", "phase"), ("beta", "session")):
        (found,) = tw.contrasts(again, name, by=by).contrasts
        np.testing.assert_array_equal(found.link, tw.contrasts(fit, name, by=by).contrasts[0].link)
    assert again.parameters == ["alpha[x; y]", "alpha[x; y (2)]", "beta"]
    assert tw.report(again, tmp_path / "fit.html", progress=False).exists()


def test_participants_without_trials_of_a_condition_are_left_out_of_answers(table):
    seen = (table["participant"] != "p0") | (table["volatility"] == "stable")
    fit = tw.fit(
        LEARNER, tw.read_long(table[seen], labels=["volatility"]), formulas={"alpha": "0 + volatility"}, correlated=True,
        **SHORT,
    )  # fmt: skip
    answer = tw.reliability(fit, "alpha", over="volatility", estimates=False)
    assert set(answer.table["participants"]) == {PARTICIPANTS - 1}
    levels = tw.contrasts(fit, "alpha", by="volatility").levels
    assert levels["participants"].tolist() == [PARTICIPANTS, PARTICIPANTS - 1]
    cells = {
        row[1]: row[2]
        for block in design_section.section([Subject("fit", fit)]).blocks
        for table in getattr(block, "blocks", ())
        for row in table.rows.rows
        if row[0] == "volatility"
    }
    assert cells == {"stable": str(PARTICIPANTS), "volatile": str(PARTICIPANTS - 1)}


def test_the_call_names_what_goes_with_the_formulas(trials, people):
    fit = tw.fit(
        LEARNER, trials, formulas={"alpha": "group"}, participants=people, correlated=[["alpha", "beta"]], **SHORT
    )
    assert fit.attrs["call"].endswith("formulas={'alpha': 'group'}, participants=..., correlated=[['alpha', 'beta']])")
    assert f"{PARTICIPANTS} participants" in fit.headline


@pytest.mark.parametrize("unused", [{"correlated": True}, {"correlated": [["alpha", "beta"]]}, {"random": "intercept"}, {"missing_covariates": "drop"}])  # fmt: skip
def test_what_is_for_formulas_is_refused_without_any(unused):
    """The advice is obeyed: the formula of an intercept alone has the correlation."""
    trials, short = (
        tw.load_data("alien_flat").trials.select(range(4)).first(30),
        {"draws": 20, "tune": 20, "chains": 2, "progress": False},
    )
    learner = tw.QLearning(initial=1.2).fix(forget=0)
    with pytest.raises(tw.errors.UsageError, match="is for formulas") as caught:
        tw.fit(learner, trials, **unused, **short)
    if "correlated" in unused:
        advised = caught.value.message.inputs[-1].value
        assert advised == {"alpha": "1"}
        assert "correlation[alpha, beta]" in tw.fit(learner, trials, formulas=advised, **unused, **short).group_names
    else:
        assert "leave it out" in str(caught.value)


def test_samplers_that_do_not_suit():
    trials, people = (
        tw.load_data("alien_flat").trials.select([0, 1, 2, 3]).first(20),
        {"participant": [0, 1, 2, 3], "age": [20, 30, 41, 50]},
    )
    formulas, sets = {"formulas": {"beta": "age"}, "participants": people}, tw.learners.TaskSets(initial=1.2)
    for learner, sampler, given, sentence in (
        (LEARNER, "particle-gibbs", formulas, "draws hidden choices, .*: use 'nuts', or leave sampler= out"),
        (
            LEARNER,
            "particle-gibbs",
            {},
            "draws hidden choices, and those of .* do not exist: use 'nuts', or leave sampler= out",
        ),
        (sets, "nuts", {}, "needs gradients, .*: use 'particle-gibbs', or leave sampler= out"),
    ):
        with pytest.raises(UsageError, match=f"sampler='{sampler}' {sentence}"):
            tw.fit(learner, trials, sampler=sampler, **given, **SHORT)
