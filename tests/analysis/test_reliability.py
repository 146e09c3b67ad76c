"""Reliability and association against plain computation, in posteriors of a conjugate model."""

import numpy as np
import pytest
from conjugate import PEOPLE, Conjugate

import trialwise as tw
from trialwise.base.errors import UsageError


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
