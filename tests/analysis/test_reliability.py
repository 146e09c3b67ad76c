"""Reliability and association against plain computation, in posteriors of a conjugate model."""

import re
from dataclasses import replace

import numpy as np
import pymc as pm
import pytest

import conjugate
import trialwise as tw
from conjugate import LEARNER, PEOPLE, Conjugate, trials_of
from trialwise.analysis.effects.set_effects import known_of
from trialwise.analysis.effects.spread_at import effects_at, patterns_at
from trialwise.base.errors import UsageError
from trialwise.data.trials import Column
from trialwise.population.designs.build import designed
from trialwise.population.designs.priors_of_differences import with_differences
from trialwise.population.designs.stored import StoredDesign, design_from_json


def test_correlation_of_two_sessions_is_that_of_their_effects():
    known = Conjugate({"alpha": "0 + session"}, sessions=2, correlated=True, correlation=0.6, length=200, vary=0.05)
    answer = tw.reliability(known.fit, "alpha", over="session", estimates=False)
    spreads, r = known.group.spreads[..., :2], known.group.correlations[..., 0]
    row = answer.table.iloc[0]
    assert (row["measure"], row["between"], row["participants"]) == ("correlation", "s1, s2", len(PEOPLE))
    assert row["mean"] == pytest.approx(r.mean()) and row["low"] == pytest.approx(np.quantile(r, 0.055))
    np.testing.assert_allclose(answer.spreads["mean"], spreads.mean((0, 1)))
    # before the data a correlation of two is uniform: LKJ(1)
    assert row["prior_median"] == pytest.approx(0.0, abs=0.04) and row["prior_high"] == pytest.approx(0.89, abs=0.03)
    consistency = 2 * r * spreads[..., 0] * spreads[..., 1] / np.sum(spreads**2, -1)
    assert answer.table["mean"][1] == pytest.approx(consistency.mean())
    means = known.group.coefficients[..., :2]
    variance = np.sum(spreads**2, -1) / 2 + np.var(means, axis=-1, ddof=1)
    assert answer.table["mean"][2] == pytest.approx((r * spreads[..., 0] * spreads[..., 1] / variance).mean())
    assert np.isnan(answer.table["attenuated"]).all() and "s1, s2" in answer.headline
    assert len(answer.plot().axes) == 3 and "prior_median" in answer._repr_html_()


def test_intercept_and_independent_deviations():
    """Sessions share the intercept, from which they deviate: the spread between is s0, that within s1."""
    known = Conjugate({"alpha": "session"}, sessions=2, length=50, vary=0.1)
    own = [q for q, term in enumerate(known.design.effects) if term.parameter == "alpha"]
    between, within = (known.group.spreads[..., q] ** 2 for q in own)
    answer = tw.reliability(known.fit, "alpha", over="session", estimates=False)
    assert answer.table["mean"][0] == pytest.approx(((between - within / 2) / (between + within / 2)).mean())


def test_separate_estimates_are_correlated_over_participants():
    known = Conjugate({"alpha": "0 + session"}, sessions=2, correlated=True, correlation=0.6, length=50)
    table = tw.point(known.fit.learner, known.fit.trials, starts=4).maximum_a_posteriori
    alpha = table["alpha"].to_numpy().reshape(-1, 2)
    expected = np.corrcoef(np.log(alpha / (1 - alpha)).T)[0, 1]
    answer = tw.reliability(known.fit, "alpha", over="session")
    assert answer.table["attenuated"][0] == pytest.approx(expected, abs=1e-6)
    assert "attenuated" in {finding.code for finding in answer.findings}


def test_a_spread_that_touches_zero_is_flagged():
    known = Conjugate({"alpha": "0 + session"}, sessions=2, correlated=True, correlation=0.6, length=200, vary=2.0)
    answer = tw.reliability(known.fit, "alpha", over="session", estimates=False)
    assert [finding.about for finding in answer.findings if finding.code == "spread"] == [("s1", "s2")]


def test_association_by_hand():
    known = Conjugate({"alpha": "age + group"}, shift=0.4, length=200, vary=0.1)
    answer = tw.association(known.fit, "alpha", "age")
    labels = [(term.parameter, term.label) for term in known.design.coefficients]
    slope, spread = known.group.coefficients[..., labels.index(("alpha", "age"))], known.group.spreads[..., 0]
    rho = slope / np.sqrt(slope**2 + spread**2)
    correlation, of_slope = answer.table.to_dict("records")
    assert (correlation["mean"], of_slope["mean"]) == pytest.approx((rho.mean(), slope.mean()))
    assert correlation["pd"] == of_slope["pd"] == max(np.mean(slope > 0), np.mean(slope < 0))
    random = np.random.default_rng(1)
    b, s = random.normal(0, 0.5, 100_000), abs(random.normal(0, 1, 100_000))
    assert correlation["prior_high"] == pytest.approx(np.quantile(b / np.hypot(b, s), 0.945), abs=0.04)
    assert len(answer.plot().axes) == 2 and answer.tables().keys() == {"association"}


def test_association_at_a_level():
    known = Conjugate({"alpha": "age * group"}, length=50)
    model = known.models["alpha"]
    mean, sd = model.numbers["age"]
    answer = tw.association(known.fit, "alpha", "age", at={"group": "patient"})
    change = model.at({"group": "patient", "age": mean + sd}) - model.at({"group": "patient", "age": mean})
    assert answer.table["mean"][1] == pytest.approx((known.group.coefficients @ change).mean())


def test_covariates_of_participants_only_are_said_to_be_so():
    """Of ``1 + (0 + session | participant)`` the group has one mean; what the messages advise can be asked then."""
    known = Conjugate({"alpha": "1 + (0 + session | participant)"}, sessions=2, length=20)
    words = "among the effects of participants only, and one mean for all its values"
    with pytest.raises(UsageError, match=words) as caught:
        tw.reliability(known.fit, "alpha", over="session")
    formulas, correlated = (each.value for each in caught.value.message.inputs)
    again = Conjugate(formulas, sessions=2, correlated=correlated, correlation=0.5, length=20)
    assert len(tw.reliability(again.fit, "alpha", over="session", estimates=False).table) == 3
    with pytest.raises(UsageError, match=words) as caught:
        tw.contrasts(known.fit, "alpha", by="session")
    (formulas,) = caught.value.message.inputs
    again = Conjugate(formulas.value, sessions=2, length=20)
    assert len(tw.contrasts(again.fit, "alpha", by="session").evidence) == 1


def test_spreads_by_level_are_where_the_message_says_and_the_printed_formulas_compare_means():
    known = Conjugate({"alpha_sd": "group", "beta": "age"}, length=60, vary=0.1)
    for call in (
        lambda: tw.contrasts(known.fit, "alpha", by="group"),
        lambda: tw.contrasts(known.fit, "alpha - beta", by="group"),
        lambda: tw.association(known.fit, "alpha", "group"),
        lambda: tw.reliability(known.fit, "alpha", over="group"),
    ):
        with pytest.raises(
            UsageError, match="a spread of participants for each level of group, and one mean"
        ) as caught:
            call()
        names = re.findall(r"alpha_sd_effects\[\S+\]", str(caught.value))
        assert names == [f"alpha_sd_effects[group[{level}]]" for level in ("control", "patient")]
        assert set(names) <= set(known.fit.summary().index)
        assert "fit.summary()" in str(caught.value) and "tw.diagnose(fit).effects" in str(caught.value)
        (formulas,) = caught.value.message.inputs
        assert formulas.value == {"alpha": "group", "beta": "age", "alpha_sd": "group"}
    known.fit.tree.attrs["seed"] = 1
    effects = tw.diagnose(known.fit).effects
    assert "log spread, group[patient] - group[control]" in set(effects["effect"])
    again = Conjugate(formulas.value, length=60, vary=0.1)
    assert list(tw.contrasts(again.fit, "alpha", by="group").evidence["contrast"]) == ["patient - control"]


@pytest.fixture
def moods(monkeypatch):
    """Trials with a mood in each of two sessions: with means that differ between participants, or with the same."""

    def fit(differ):
        original = conjugate.trials_of

        def with_mood(sessions=1):
            trials = original(sessions)
            session, person = trials.columns["session"].values, trials.participant_index
            mood = 3.0 + (session - 0.5) * (1 + person % 3) + (person % 7 if differ else 0)
            return replace(trials, columns={**trials.columns, "mood": Column(mood)})

        with monkeypatch.context() as patched:
            patched.setattr(conjugate, "trials_of", with_mood)
            return Conjugate({"alpha": "mood"}, sessions=2, length=60, vary=0.1).fit

    return fit


def test_a_number_with_two_parts_is_associated_by_the_printed_call(moods):
    fit = moods(differ=True)
    for name in ("mood", "mood[within]"):
        with pytest.raises(UsageError, match="mood.* differs within participants") as caught:
            tw.association(fit, "alpha", name)
        answer = called(caught.value, "association", fit)
        assert answer.covariate == "mood[between]" and abs(answer.table["mean"][0]) < 1
    evidence = called(caught.value, "contrasts", fit).evidence
    assert list(evidence["contrast"]) == ["mood[within] + 1 SD", "mood[within] + 1"]
    for call in (
        lambda name: tw.contrasts(fit, "alpha", by=name),
        lambda name: tw.contrasts(fit, "alpha", by="mood[between]", at={name: 3.0}),
        lambda name: with_differences({"alpha": {name: {f"{name} + 1": pm.Normal.dist(0, 1)}}}, *of(fit)),
        lambda name: known_of(fit.design.models, {"alpha": {name: {f"{name} + 1": 0.5}}}),
    ):
        with pytest.raises(UsageError, match="mood differs between and within participants: say which") as caught:
            call("mood")
        parts = re.findall(r"'(mood\[\w+\])'", str(caught.value))
        assert parts == ["mood[between]", "mood[within]"]
        assert call("mood[within]") is not None


def test_a_number_with_the_same_mean_in_all_participants_has_no_correlation_over_them(moods):
    fit = moods(differ=False)
    for name in ("mood", "mood[within]"):
        with pytest.raises(UsageError, match=r"mood\[within\] differs within participants") as caught:
            tw.association(fit, "alpha", name)
        assert "between" not in str(caught.value)
        assert len(called(caught.value, "contrasts", fit).evidence) == 2
    with pytest.raises(UsageError, match=r"write 'mood\[within\]'"):
        tw.contrasts(fit, "alpha", by="mood")


def called(error, verb, fit):
    """What the call of a verb in a message gives, typed to the letter."""
    (call,) = re.findall(rf"tw\.{verb}\([^)]*\)", str(error))
    return eval(call, {"tw": tw, "fit": fit})


def of(fit):
    return fit.design.models, fit.design.design


def test_a_curve_is_compared_at_the_values_that_the_message_names():
    known = Conjugate({"alpha": "poly(age, 2)"}, length=20)
    with pytest.raises(UsageError, match="a curve of age") as caught:
        tw.association(known.fit, "alpha", "age")
    by, at = (each.value for each in caught.value.message.inputs)
    low, high = at["age"]
    assert 20 < low < high < 60 and len(tw.contrasts(known.fit, "alpha", by=by, at=at).evidence) == 3


def test_participants_without_trials_of_a_condition_are_not_counted():
    """Of 24 participants two have seen one of the conditions only, and their values in the other are their prior."""
    table = trials_of().to_frame()
    number = table.groupby("participant").cumcount()
    table["phase"] = np.where(number % 2 == 0, "calm", "stormy")
    table.loc[table["participant"].isin(PEOPLE[:2]), "phase"] = "calm"
    trials = tw.read_long(table, labels=["phase"])
    built = designed(list(LEARNER.names), LEARNER, trials, {"alpha": "0 + phase"}, correlated=True)
    seen = built.design.seen
    assert seen is not None and seen[:2, :2].tolist() == [[True, False]] * 2 and seen[2:].all()
    values = {"phase": "stormy"}
    found = dict(effects_at(built.design, "alpha", built.models["alpha"], values))
    assert len(found) == len(PEOPLE) - 2 and not found.keys() & {0, 1}
    assert patterns_at(built.design, "alpha", built.models["alpha"], values).participants == len(PEOPLE) - 2
    stored = StoredDesign(built.design, built.models, built.formulas, tuple(trials.participants), ((0, 1),))
    np.testing.assert_array_equal(design_from_json(stored.to_json()).design.seen, seen)
    np.testing.assert_array_equal(built.design.only(1).seen, seen[1:2])


def test_errors_say_what_to_type(fitted):
    sessions = Conjugate({"alpha": "0 + session", "beta": "session"}, sessions=2, random="full", length=20)
    shared = Conjugate({"alpha": "session"}, sessions=2, random="intercept", length=20)
    groups = Conjugate({"alpha": "group", "beta": "age"}, length=20)
    for call, words in [
        (lambda: tw.reliability(sessions.fit, "alpha", over="session"), ["independent", "correlated=True"]),
        (lambda: tw.reliability(shared.fit, "alpha", over="session"), ["correlation is 1", "correlated=True"]),
        (lambda: tw.reliability(groups.fit, "alpha", over="group"), ["no participant has two", "group"]),
        (lambda: tw.reliability(sessions.fit, "alpha", over="sesion"), ["'sesion'", "Did you mean 'session'"]),
        (lambda: tw.reliability(sessions.fit, "alhpa", over="session"), ["Did you mean 'alpha'"]),
        (lambda: tw.reliability(groups.fit, "beta", over="session"), ["formulas=", "0 + session"]),
        (lambda: tw.reliability(fitted, "alpha", over="session"), ["no formulas", "0 + session"]),
        (lambda: tw.association(fitted, "alpha", "age"), ["no formulas", "'age'"]),
        (lambda: tw.association(groups.fit, "alpha", "age"), ["no formula with numbers", "'age'"]),
        (lambda: tw.association(groups.fit, "beta", "agee"), ["Did you mean 'age'"]),
        (lambda: tw.association(groups.fit, "alpha", "group"), ["factor", "tw.contrasts(fit, 'alpha', by='group')"]),
        (lambda: tw.association(groups.fit, "beta", "age", at={"group": "patient"}), ["other covariates of beta"]),
    ]:  # fmt: skip
        with pytest.raises(UsageError) as caught:
            call()
        assert all(word in str(caught.value) for word in words), str(caught.value)
