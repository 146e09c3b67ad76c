"""Contrasts against plain computation: posteriors of a conjugate model, whose Bayes factors are known, and numbers by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

import trialwise as tw
from conjugate import CHAINS, LEARNER, PLAIN, Conjugate
from trialwise.analysis.contrasts import evidence_of_several, findings_of_several, main_contrasts
from trialwise.analysis.effects import bayes_factors
from trialwise.analysis.effects.bayes_factors import BayesFactors
from trialwise.analysis.effects.evidence import direction_text, summarised
from trialwise.analysis.effects.limits import _on_bayes_factors
from trialwise.analysis.effects.population_mean import population_mean
from trialwise.analysis.effects.savage_dickey import EXACT, KERNEL
from trialwise.base.errors import UsageError
from trialwise.plots.contrasts import contrasts_plot


@pytest.fixture(scope="module")
def groups():
    return Conjugate({"alpha": "group"}, shift=0.4)


def close(row, oracle):
    """Within four Monte Carlo errors, which are small."""
    assert row["bf01_error"] < 0.1 * row["bf01"]
    assert abs(row["bf01"] - oracle(1.0)) < 4 * row["bf01_error"] + 1e-6 * oracle(1.0)
    for column, scale in (("bf01_half", 0.5), ("bf01_double", 2.0)):
        assert row[column] == pytest.approx(oracle(scale), rel=0.05)


def test_bayes_factor_of_two_groups(groups):
    answer = tw.contrasts(groups.fit, "alpha", by="group")
    row = answer.evidence.iloc[0]
    control, patient = (groups.models["alpha"].at({"group": each}) for each in ("control", "patient"))
    close(row, lambda scale: groups.factor(patient - control, scale))
    assert row["method"] == EXACT and row["reliable"] and not len(answer.terms)
    assert row["prior_width"] == pytest.approx(np.sqrt(2) * groups.prior.width[1])


@pytest.mark.parametrize(
    ("formulas", "by", "how"),
    [
        ({"alpha": "session"}, "session", {"sessions": 2}),
        ({"alpha": "0 + session"}, "session", {"sessions": 2, "correlated": True, "correlation": 0.5}),
        ({"alpha": "group + age", "beta": "group"}, "group", {"correlated": [["alpha", "beta"]], "correlation": -0.4}),
        ({"alpha": "group + age"}, "age", {}),
    ],
)  # fmt: skip
def test_bayes_factors_of_rows_and_correlated_effects(formulas, by, how):
    known = Conjugate(formulas, shift=0.2, seed=3, **how)
    answer = tw.contrasts(known.fit, "alpha", by=by)
    for contrast, row in zip(answer.contrasts, answer.evidence.to_dict("records"), strict=True):
        close(row, lambda scale, contrast=contrast: known.factor(contrast.vector, scale))
        assert row["method"] == EXACT
    assert ("cells" in {finding.code for finding in answer.findings}) == (formulas == {"alpha": "0 + session"})


def test_one_test_for_a_factor_of_three_levels():
    known = Conjugate({"alpha": "site"}, shift=0.3, seed=4)
    answer = tw.contrasts(known.fit, "alpha", by="site")
    assert list(answer.evidence["contrast"]) == ["y - x", "z - x", "z - y"]
    row = answer.terms.iloc[0]
    assert (row["term"], row["dimensions"]) == ("site", 2)
    close(row, lambda scale: known.factor(np.eye(len(known.mean))[1:3], scale))


def test_one_test_for_a_factor_is_in_words_and_in_the_joined_tables():
    known = Conjugate({"alpha": "site"}, length=50)
    answer = tw.contrasts(known.fit, "alpha", by="site")
    (words,) = answer.tests
    assert words == f"alpha, no effect of site: BF01 {answer.terms['bf01'][0]:.2g}" and words in repr(answer)
    joined = evidence_of_several(main_contrasts(known.fit))
    whole = joined.query("contrast == 'any difference'")
    assert list(whole["by"]) == ["site"] and whole["bf01"].to_numpy() == pytest.approx(answer.terms["bf01"].to_numpy())
    assert list(joined["contrast"][:3]) == list(answer.evidence["contrast"])


def test_without_full_rank_the_density_is_estimated():
    known = Conjugate({"alpha": "session"}, sessions=2, random="intercept", seed=5)
    answer = tw.contrasts(known.fit, "alpha", by="session")
    row = answer.evidence.iloc[0]
    assert row["method"] == KERNEL and np.isnan(row["pareto_k"])
    assert row["bf01"] == pytest.approx(known.factor(answer.contrasts[0].vector), rel=0.08)
    assert "kernel" in {finding.code for finding in answer.findings}


def test_a_bayes_factor_far_from_zero_is_not_trusted():
    known = Conjugate({"alpha": "group"}, shift=6.0, seed=6, length=200)
    answer = tw.contrasts(known.fit, "alpha", by="group")
    assert answer.evidence["bf01"][0] < 0.01
    assert not answer.evidence["reliable"][0] and "bayes-factor" in {finding.code for finding in answer.findings}


def test_a_rough_bayes_factor_is_not_called_small_unless_it_is():
    """Only a factor below 1 in 30 is to be reported as very small."""
    answer = tw.contrasts(Conjugate({"alpha": "group"}, shift=3.0, length=40).fit, "alpha", by="group")
    row = answer.evidence.iloc[0].to_dict() | {"method": KERNEL, "reliable": False}
    for bf01, small in ((0.34, False), (1e-4, True)):
        (finding,) = (
            each
            for each in _on_bayes_factors([row | {"bf01": bf01}], BayesFactors(answer.means.means))
            if each.code == "bayes-factor"
        )
        assert ("very small" in str(finding.advice)) == small and "ample more draws" in str(finding.advice)


def test_means_and_differences_by_hand():
    known = Conjugate({"alpha": "group", "alpha_sd": "group"}, shift=0.5, vary=0.2, length=100)
    answer = tw.contrasts(known.fit, "alpha", by="group")
    coefficients, spreads = (each.reshape(CHAINS * 100, -1) for each in known.group[:2])
    link = {"control": coefficients[:, 0] - np.sqrt(0.5) * coefficients[:, 1]}
    link["patient"] = coefficients[:, 0] + np.sqrt(0.5) * coefficients[:, 1]
    spread = {"control": spreads[:, 0], "patient": spreads[:, 1]}
    normal = np.random.default_rng(1).normal(size=1_000_000)
    for level, row in zip(("control", "patient"), answer.levels.to_dict("records"), strict=True):
        assert row["group"] == level and row["participants"] == 12
        assert row["link"] == pytest.approx(link[level].mean())
        assert row["median"] == pytest.approx(expit(link[level]).mean())
        assert row["spread"] == pytest.approx(spread[level].mean())
    first = {level: expit(link[level][0] + spread[level][0] * normal).mean() for level in link}
    contrast = answer.contrasts[0]
    population = contrast.on_scales()["difference of population means"].ravel()
    assert population[0] == pytest.approx(first["patient"] - first["control"], abs=1e-3)
    delta = link["patient"] - link["control"]
    d = delta / np.sqrt((spread["control"] ** 2 + spread["patient"] ** 2) / 2)
    rows = answer.differences.set_index("scale")
    assert list(rows.index) == [
        "logit", "odds ratio", "difference of medians", "difference of population means", "d",
    ]  # fmt: skip
    expected = [delta, np.exp(delta), expit(link["patient"]) - expit(link["control"]), population, d]
    for (_, row), draws in zip(rows.iterrows(), expected, strict=True):
        assert row["mean"] == pytest.approx(draws.mean()) and row["median"] == pytest.approx(np.median(draws))
        assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(draws, [0.055, 0.945])))
    evidence = answer.evidence.iloc[0]
    assert evidence["pd"] == max(np.mean(delta > 0), np.mean(delta < 0)) == rows["pd"].iloc[0] == rows["pd"].iloc[1]
    assert evidence["in_rope_of_spread"] == np.mean(abs(d) < 0.1)
    half = 0.1 * np.median(np.sqrt((spread["control"] ** 2 + spread["patient"] ** 2) / 2))
    assert evidence["rope_high"] == pytest.approx(half) == -evidence["rope_low"]
    assert evidence["in_rope"] == np.mean(abs(delta) < half)
    other = tw.contrasts(known.fit, "alpha", by="group", rope=(-1, 0.5)).evidence.iloc[0]
    assert other["in_rope"] == np.mean((delta > -1) & (delta < 0.5))


def test_slopes_and_values_of_a_covariate():
    known = Conjugate({"beta": "age"}, shift=0.3, length=100)
    answer = tw.contrasts(known.fit, "beta", by="age", at={"age": [20, 60]})
    slope = known.group.coefficients[..., [t.label for t in known.design.coefficients].index("age")]
    ages = np.array(PLAIN["age"])
    found = {c.label: c.link for c in answer.contrasts}
    assert list(found) == ["age + 1 SD", "age + 1", "60 - 20"]
    np.testing.assert_allclose(found["age + 1 SD"], slope)
    np.testing.assert_allclose(found["age + 1"], slope / ages.std(ddof=1))
    np.testing.assert_allclose(found["60 - 20"], 40 * slope / ages.std(ddof=1))
    assert list(answer.levels["age"]) == [20, 60]
    scales = answer.differences.query("contrast == 'age + 1'").set_index("scale")
    assert scales.loc["factor", "mean"] == pytest.approx(np.exp(slope / ages.std(ddof=1)).mean())
    assert answer.evidence["bf01"].to_numpy() == pytest.approx(answer.evidence["bf01"][0], rel=0.01)


def test_interactions_by_hand():
    known = Conjugate({"alpha": "group * site"}, shift=0.3, length=100)
    answer = tw.contrasts(known.fit, "alpha", by=["group", "site"])
    model, coefficients = known.models["alpha"], known.group.coefficients

    def cell(group, site):
        return coefficients @ model.at({"group": group, "site": site})

    found = {(c.label, c.at): c.link for c in answer.contrasts}
    simple = cell("patient", "y") - cell("control", "y")
    np.testing.assert_allclose(found["patient - control", "site y"], simple)
    both = simple - (cell("patient", "x") - cell("control", "x"))
    np.testing.assert_allclose(found["(patient - control) x (y - x)", ""], both)
    assert len(found) == 3 + 2 * 3 + 3
    assert list(zip(answer.terms["term"], answer.terms["at"], strict=True)) == [
        ("site", "group control"), ("site", "group patient"), ("group:site", ""),
    ]  # fmt: skip
    same = tw.contrasts(known.fit, "alpha", by="group:site")
    assert same.by == answer.by and list(same.differences["contrast"]) == list(answer.differences["contrast"])
    row = answer.terms.iloc[2]
    interaction = [k for k, term in enumerate(known.design.coefficients) if ":" in term.label]
    assert abs(row["bf01"] - known.factor(np.eye(len(known.mean))[interaction])) < 4 * row["bf01_error"]


def test_slopes_by_group_and_groups_at_ages():
    known = Conjugate({"alpha": "group * age"}, shift=0.3, length=100)
    model, coefficients = known.models["alpha"], known.group.coefficients

    def at(group, age):
        return coefficients @ model.at({"group": group, "age": age})

    found = {(c.label, c.at): c.link for c in tw.contrasts(known.fit, "alpha", by=["group", "age"]).contrasts}
    slopes = {g: at(g, 31.0) - at(g, 30.0) for g in ("control", "patient")}
    np.testing.assert_allclose(found["age + 1", "group patient"], slopes["patient"], atol=1e-12)
    np.testing.assert_allclose(
        found["(patient - control) x (age + 1)", ""], slopes["patient"] - slopes["control"], atol=1e-12
    )
    at_ages = tw.contrasts(known.fit, "alpha", by="group", at={"age": [20, 60]})
    assert [(c.label, c.at) for c in at_ages.contrasts] == [("patient - control", f"age {age}") for age in (20, 60)]
    np.testing.assert_allclose(at_ages.contrasts[1].link, at("patient", 60) - at("control", 60))


def test_between_parameters():
    known = Conjugate({"alpha": "group", "forget": "group"}, shift=0.3, length=100)
    answer = tw.contrasts(known.fit, "alpha - forget", by="group")
    coefficients = known.group.coefficients
    gap = {
        g: coefficients @ (known.models["alpha"].at({"group": g}) - known.models["forget"].at({"group": g}))
        for g in ("control", "patient")
    }
    found = {(c.label, c.at): c for c in answer.contrasts}
    assert list(found) == [
        ("alpha - forget", "group control"), ("alpha - forget", "group patient"), ("(alpha - forget) x (patient - control)", ""),
    ]  # fmt: skip
    np.testing.assert_allclose(found["alpha - forget", "group patient"].link, gap["patient"])
    both = found["(alpha - forget) x (patient - control)", ""]
    np.testing.assert_allclose(both.link, gap["patient"] - gap["control"])
    row = answer.evidence.iloc[2]
    assert abs(row["bf01"] - known.factor(both.vector)) < 4 * row["bf01_error"]
    other = tw.contrasts(known.fit, "alpha - beta", by="group")
    assert set(other.differences["scale"]) == {"difference of medians", "difference of population means"}
    alpha, beta = (known.models[name].at({"group": "control"} if name == "alpha" else {}) for name in ("alpha", "beta"))
    medians = expit(coefficients @ alpha) - np.exp(coefficients @ beta)
    np.testing.assert_allclose(other.contrasts[0].on_scales()["difference of medians"], medians)
    assert other.evidence["bf01"].isna().all()


def test_spread_at_a_level_of_what_changes_within_participants():
    known = Conjugate({"alpha": "session"}, sessions=2, correlated=True, correlation=0.5, length=50)
    g = known.covariance_of_effects
    answer = tw.contrasts(known.fit, "alpha", by="session")
    own = [q for q, term in enumerate(known.design.effects) if term.parameter == "alpha"]
    for sign, row in zip((-1, 1), answer.levels.to_dict("records"), strict=True):
        z = np.array([1.0, sign * np.sqrt(0.5)])
        assert row["spread"] == pytest.approx(np.sqrt(z @ g[np.ix_(own, own)] @ z))


@given(st.floats(-6, 6), st.floats(0, 3))
@settings(max_examples=50, deadline=None)
def test_population_means_are_integrals(mean, spread):
    unit, positive, _ = LEARNER.parameters
    found = population_mean(unit, np.array([mean]), np.array([spread]))[0]
    expected = quad(lambda x: expit(mean + spread * x) * norm.pdf(x), -10, 10, limit=200)[0]
    assert found == pytest.approx(expected, abs=2e-4)
    assert population_mean(positive, np.array([mean]), np.array([spread]))[0] == pytest.approx(
        np.exp(mean + spread**2 / 2)
    )


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_the_densest_interval_is_the_shortest(seed):
    draws = np.sort(np.random.default_rng(seed).gamma(2.0, size=400))
    row = summarised(draws)
    width = min(draws[k + 380 - 1] - draws[k] for k in range(400 - 380 + 1))
    longer = min(draws[k + 381] - draws[k] for k in range(400 - 381))
    assert width - 1e-12 <= row["hdi_high"] - row["hdi_low"] <= longer + 1e-12


def test_plots_show_participants_levels_and_differences(groups):
    answer = tw.contrasts(groups.fit, "alpha", by="group")
    left, right = answer.plot().axes
    heights = {round(float(y), 9) for line in left.lines for y in line.get_ydata() if line.get_marker() == "."}
    expected = {round(float(y), 9) for y in expit(groups.group.u[..., 0]).mean((0, 1))}
    assert heights == expected and [tick.get_text() for tick in left.get_xticklabels()] == ["control", "patient"]
    assert [tick.get_text() for tick in right.get_yticklabels()] == ["patient - control"]
    known = Conjugate({"alpha": "group * age"}, length=50)
    left, right = tw.contrasts(known.fit, "alpha", by=["group", "age"]).plot().axes
    dots = np.concatenate([line.get_xydata() for line in left.lines if line.get_marker() == "."])
    assert sorted(dots[:, 0]) == pytest.approx(sorted(PLAIN["age"])) and len(left.collections) == 2
    assert len(right.get_yticklabels()) == 3 + 2 + 1


def test_plots_at_values_of_a_number_show_nobody_and_share_their_scale():
    """Participants have ages of their own, not those at which groups are compared."""
    known = Conjugate({"alpha": "group * age"}, length=50)
    left, middle, _ = tw.contrasts(known.fit, "alpha", by="group", at={"age": [20, 60]}).plot().axes
    assert not [line for axis in (left, middle) for line in axis.lines if line.get_marker() == "."]
    assert left.get_ylim() == middle.get_ylim() and [left.get_title(), middle.get_title()] == ["age 20", "age 60"]
    by_site = Conjugate({"alpha": "group * site"}, length=50)
    left, *_ = tw.contrasts(by_site.fit, "alpha", by="group", at={"site": ["x"]}).plot().axes
    assert [line for line in left.lines if line.get_marker() == "."]


def test_the_names_of_levels_stand_above_the_panel_and_cover_no_participant():
    known = Conjugate({"alpha": "group * drug * age"}, length=50)
    for by, at in ((["group", "drug"], {"age": [30, 50]}), (["group", "age"], None)):
        figure = contrasts_plot(tw.contrasts(known.fit, "alpha", by=by, at=at), 7.6)
        figure.draw_without_rendering()
        assert figure.get_size_inches()[0] == 7.6
        for axis in figure.axes[:-1]:
            legend, title = axis.get_legend().get_window_extent(), axis.title.get_window_extent()
            assert legend.y0 >= axis.bbox.y1 - 1 and (not axis.get_title() or title.y0 >= legend.y1 - 3)


def test_differences_name_their_covariate():
    """Two covariates of 0 and 1 have the same levels, and one alone has levels that say nothing."""
    known = Conjugate({"alpha": "smoker * drug"}, length=50)
    answer = tw.contrasts(known.fit, "alpha", by=["smoker", "drug"])
    found = list(answer.evidence[["by", "contrast", "at"]].itertuples(index=False, name=None))
    assert found == [
        ("smoker", "smoker 1 - smoker 0", "drug 0"), ("smoker", "smoker 1 - smoker 0", "drug 1"),
        ("drug", "drug 1 - drug 0", "smoker 0"), ("drug", "drug 1 - drug 0", "smoker 1"),
        ("smoker:drug", "(smoker 1 - smoker 0) x (drug 1 - drug 0)", ""),
    ]  # fmt: skip
    assert set(answer.differences["by"]) == {"smoker", "drug", "smoker:drug"}
    alone = tw.contrasts(known.fit, "alpha", by="smoker")
    assert alone.sentences[0].startswith("alpha, smoker 1 - smoker 0: ")
    between = tw.contrasts(
        Conjugate({"alpha": "group", "forget": "group"}, length=50).fit, "alpha - forget", by="group"
    )
    assert list(between.evidence["by"]) == ["alpha - forget", "alpha - forget", "alpha - forget:group"]
    same = tw.contrasts(
        Conjugate({"alpha": "age + C(drug)"}, length=50).fit, "alpha", by=["age", "drug"], at={"age": [0, 1]}
    )
    assert set(same.evidence["contrast"]) >= {"age 1 - age 0", "drug 1 - drug 0"}


def test_a_difference_that_the_formula_lacks_is_advised_by_its_product():
    """The advice is obeyed: the formula has the difference then, or the place."""
    people = pd.DataFrame(PLAIN)
    known = Conjugate({"alpha": "group + age"}, length=50)
    answer = tw.contrasts(known.fit, "alpha", by=["group", "age"])
    assert (answer.evidence.query("by == 'group:age'")["prior_width"] < 1e-9).all()
    assert (answer.contrasts[-1].link == 0).all() and answer.sentences[-1].endswith(": none in this formula")
    nothing = answer.differences.query("by == 'group:age' and scale in ('logit', 'ratio of odds ratios', 'd')")
    assert nothing["pd"].isna().all() and answer.evidence.query("by == 'group:age'")["pd"].isna().all()
    (finding,) = [each for each in answer.findings if each.code == "no-difference"]
    assert "without a product of group and age" in finding.sentence and "at=" not in str(finding)
    (advised,) = finding.advice.inputs
    again = tw.contrasts(Conjugate(advised.value, length=50).fit, "alpha", by=["group", "age"])
    assert not [each for each in again.findings if each.code == "no-difference"]
    elsewhere = tw.contrasts(Conjugate({"alpha": "group:age"}, length=50).fit, "alpha", by="group")
    (finding,) = [each for each in elsewhere.findings if each.code == "no-difference"]
    (advised,) = finding.advice.inputs
    assert advised.value == {"age": pytest.approx(people["age"].mean() + people["age"].std(), rel=0.01)}
    there = tw.contrasts(elsewhere.fit, "alpha", by="group", at=advised.value)
    assert not [each for each in there.findings if each.code in ("no-difference", "same-everywhere")]


def test_a_probability_of_direction_is_never_rounded_to_certainty():
    assert direction_text(0.99) == "probability of direction 0.990" and direction_text(0.9994).endswith(" 0.999")
    assert direction_text(0.9996) == direction_text(1.0) == "probability of direction > 0.999"
    assert (
        "probability of direction > 0.999"
        in tw.contrasts(Conjugate({"alpha": "group"}, shift=3.0).fit, "alpha", "group").sentences[0]
    )


def test_values_on_which_a_difference_does_not_depend_are_noted():
    known = Conjugate({"alpha": "group + age"}, length=50)
    answer = tw.contrasts(known.fit, "alpha", by="group", at={"age": [20, 60]})
    np.testing.assert_allclose(answer.contrasts[0].link, answer.contrasts[1].link)
    (finding,) = [each for each in answer.findings if each.code == "same-everywhere"]
    (advised,) = finding.advice.inputs
    again = tw.contrasts(Conjugate(advised.value, length=50).fit, "alpha", by="group", at={"age": [20, 60]})
    assert "same-everywhere" not in {each.code for each in again.findings}
    assert abs(again.contrasts[0].link - again.contrasts[1].link).max() > 0.01


def test_more_than_two_covariates_are_set_by_what_the_message_says():
    known = Conjugate({"alpha": "group * site * drug + age"}, length=50)
    with pytest.raises(UsageError) as caught:
        tw.contrasts(known.fit, "alpha", by=["group", "site", "drug"])
    _, by, at = caught.value.message.inputs
    answer = tw.contrasts(known.fit, "alpha", by=by.value, at=at.value)
    assert answer.by == ("group", "site") and len(answer.evidence) == 12


def test_what_limits_several_answers_is_said_once():
    known = Conjugate({"alpha": "0 + group", "beta": "0 + group"}, length=50)
    found = main_contrasts(known.fit)
    limits = findings_of_several(found)
    assert len({(each.sentence, str(each.advice)) for each in limits}) == len(limits)
    (wide,) = [each for each in limits if each.code == "cells"]
    assert wide.sentence.startswith("alpha by group and beta by group: wide prior of differences")


def test_the_main_contrasts_have_simple_effects_of_each_product_and_share_one_posterior(monkeypatch):
    known = Conjugate({"alpha": "group * age + site", "beta": "group * drug * age"}, length=50)
    calls = []
    inner = bayes_factors.given_participants
    monkeypatch.setattr(bayes_factors, "given_participants", lambda *given: calls.append(given[-1]) or inner(*given))
    found = main_contrasts(known.fit)
    pairs = [("group", "drug"), ("group", "age"), ("drug", "age")]
    assert [(each.what, each.by) for each in found] == [
        *(("alpha", by) for by in [("group",), ("site",), ("age",), ("group", "age")]),
        *(("beta", by) for by in [("group",), ("drug",), ("age",), *pairs, *pairs]),
    ]
    assert len(calls) == 2  # one for each parameter, whatever the number of covariates
    mean, sd = known.models["beta"].numbers["age"]
    places = set(found[-3].evidence.query("by == 'group:drug'")["at"])
    assert places == {f"age {mean + step * sd:.4g}" for step in (-1, 1)}
    again = tw.contrasts(known.fit, "alpha", by=["group", "age"])
    pd.testing.assert_frame_equal(found[3].evidence, again.evidence)


def test_errors_say_what_to_type(groups, fitted):
    for call, words in [
        (lambda: tw.contrasts(groups.fit, "alhpa", by="group"), ["'alhpa'", "Did you mean 'alpha'", "beta"]),
        (lambda: tw.contrasts(groups.fit, "alpha", by="grup"), ["'grup'", "Did you mean 'group'"]),
        (lambda: tw.contrasts(groups.fit, "beta", by="group"), ["beta", "beta", "'group'"]),
        (lambda: tw.contrasts(fitted, "alpha", by="group"), ["no formulas", "formulas="]),
        (lambda: tw.contrasts(groups.fit, "alpha"), ["by='group'"]),
        (lambda: tw.contrasts(groups.fit, "alpha", by="group", at={"group": ["patient"]}), ["two levels"]),
        (lambda: tw.contrasts(groups.fit, "alpha", by="group", at={"group": ["patient", "contrl"]}), ["'contrl'", "control"]),
        (lambda: tw.contrasts(groups.fit, "alpha - beta - forget", by="group"), ["alpha - beta"]),
        (lambda: tw.contrasts(groups.fit, "alpha", by="group", rope=-1), ["rope=0.1"]),
        (lambda: tw.contrasts(groups.fit, "alpha", by="group", at={"age": 3}), ["'age'", "group"]),
        (lambda: tw.contrasts(groups.fit, "alpha", by=["group", "group"]), ["different covariates"]),
        (lambda: tw.contrasts(groups.fit, "alpha", by="group", at={"group": ["patient", "patient"]}), ["different values, each once"]),
        (lambda: tw.contrasts(groups.fit, "alpha", by="group", at={"group": ["patient", "control", "patient"]}), ["each once, at={", "['patient', 'control']}"]),
    ]:  # fmt: skip
        with pytest.raises(UsageError) as caught:
            call()
        assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.sample
def test_parameters_of_a_fit_without_formulas(fitted):
    answer = tw.contrasts(fitted, "alpha - forget")
    draws = fitted.draws
    gap = (draws.mean("alpha") - draws.mean("forget")).to_numpy()
    np.testing.assert_allclose(answer.contrasts[0].link, gap)
    assert answer.evidence["method"][0] in (EXACT, KERNEL)


@pytest.mark.sample
def test_a_fit_with_groups(tmp_path):
    truth = {"alpha": [0.05, 0.5] * 6, "beta": 3.0, "forget": 0.02}
    simulation = tw.simulate(
        tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=120), truth, participants=12, seed=2
    )
    people = {"participant": simulation.trials.participants, "group": ["slow", "fast"] * 6}
    fit = tw.fit(
        tw.QLearning(initial=1.2), simulation.trials, formulas={"alpha": "group"}, participants=people,
        draws=300, tune=300, chains=2, progress=False,
    )  # fmt: skip
    answer = tw.contrasts(fit, "alpha", by="group")
    row = answer.evidence.iloc[0]
    assert row["pd"] > 0.99 and row["bf01"] < 0.3 and row["in_rope"] < 0.05
    assert "patient" not in answer.headline and answer.tables().keys() == {"levels", "differences", "evidence"}
    assert "odds ratio" in answer._repr_html_()
    fit.save(tmp_path / "fit.nc")
    again = tw.contrasts(tw.load(tmp_path / "fit.nc"), "alpha", by="group")
    pd.testing.assert_frame_equal(again.evidence, answer.evidence)
