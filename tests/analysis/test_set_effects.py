"""True effects that a user sets: the contrasts of a fit whose draws are the truth are the numbers that were typed."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import trialwise as tw
from conjugate import LEARNER, PLAIN, fit_of, trials_of
from trialwise.analysis.effects.set_effects import differences_of, known_of
from trialwise.base.errors import UsageError
from trialwise.data.by_rows import by_rows
from trialwise.inference.design_of import row_text
from trialwise.inference.draws import Layout
from trialwise.population.designs.build import designed
from trialwise.population.designs.stored import StoredDesign, runs_of_rows
from trialwise.population.population import GroupDraw, population_of


def built_of(formulas, sessions=1):
    return designed(list(LEARNER.names), LEARNER, trials_of(sessions), formulas, PLAIN)


def fit_at(built, sessions, effects, seed):
    """A fit all of whose draws are groups from the prior with these effects."""
    trials, random = trials_of(sessions), np.random.default_rng(seed)
    population = population_of(LEARNER, trials, design=built.design)
    known = known_of(built.models, effects)
    drawn = [population.draw(0, random, known) for _ in range(40)]
    group = GroupDraw(
        *(np.stack([each[part] for each in drawn]).reshape(2, 20, *drawn[0][part].shape) for part in range(4))
    )
    rows = [row_text(label) for label in built.design.labels]
    labels = tuple(map(str, trials.participants))
    if built.design.rows > built.design.participants:
        trials = by_rows(trials, built.row_of_trial, rows).trials
    stored = StoredDesign(built.design, built.models, built.formulas, labels, runs_of_rows(built.row_of_trial))
    return fit_of(Layout(population, rows).dataset(group), trials, stored)


SIZES = st.floats(-2, 2).map(lambda value: round(value, 3))


@settings(max_examples=15, deadline=None)
@given(
    SIZES, SIZES, SIZES, SIZES, st.integers(0, 1000), st.sampled_from(["group * age + site", "0 + site + group * age"])
)
def test_contrasts_of_the_truth_are_what_was_typed(a, b, c, d, seed, formula):
    effects = {
        "alpha": {
            "group": {"patient - control": a},
            "age": b,
            "age:group": {"(patient - control) x (age + 1 SD)": c},
            "site": {"x - z": d, "y - z": a},
        }
    }
    built = built_of({"alpha": formula, "beta": "age"})
    fit = fit_at(built, 1, effects, seed)

    def links(*by):
        answer = tw.contrasts(fit, "alpha", by=list(by))
        return {(contrast.label, contrast.at): contrast.link for contrast in answer.contrasts}

    np.testing.assert_allclose(links("group")["patient - control", ""], a, atol=1e-9)
    np.testing.assert_allclose(links("age")["age + 1 SD", ""], b, atol=1e-9)
    np.testing.assert_allclose(links("group", "age")["(patient - control) x (age + 1 SD)", ""], c, atol=1e-9)
    sites = links("site")
    np.testing.assert_allclose(sites["z - x", ""], -d, atol=1e-9)
    np.testing.assert_allclose(sites["z - y", ""], -a, atol=1e-9)
    np.testing.assert_allclose(sites["y - x", ""], a - d, atol=1e-9)
    for difference in differences_of(built.models, effects):
        (own,) = [
            contrast.link
            for contrast in tw.contrasts(fit, difference.parameter, by=difference.by.split(":")).contrasts
            if contrast.label == difference.label and len(contrast.parts) == 2 ** len(difference.by.split(":"))
        ] or [None]
        if own is not None:  # a difference typed the other way round is not among the contrasts
            np.testing.assert_allclose(fit.draws.groups().coefficients @ difference.vector, own, atol=1e-9)


@pytest.mark.parametrize("formula", ["session", "0 + session", "session * group"])
def test_differences_of_sessions(formula):
    fit = fit_at(built_of({"alpha": formula}, 2), 2, {"alpha": {"session": {"s2 - s1": 0.3}}}, 1)
    (contrast,) = tw.contrasts(fit, "alpha", by="session").contrasts
    np.testing.assert_allclose(contrast.link, 0.3, atol=1e-9)
    means = fit.draws.groups().coefficients @ contrast.parts[0][1].vector
    assert means.std() > 0.3  # everything else is drawn from the prior


def test_a_slope_per_unit():
    built = built_of({"alpha": "age"})
    fit = fit_at(built, 1, {"alpha": {"age": {"age + 1": 0.02}}}, 1)
    links = {contrast.label: contrast.link for contrast in tw.contrasts(fit, "alpha", by="age").contrasts}
    np.testing.assert_allclose(links["age + 1"], 0.02)
    np.testing.assert_allclose(links["age + 1 SD"], 0.02 * np.std(PLAIN["age"], ddof=1))


def test_words_for_the_same_effect():
    models = built_of({"alpha": "group * site + age", "beta": "group * age"}).models
    same = [
        {"alpha": {"group": {"patient - control": -0.5}}},
        {"alpha": {"group": {"control - patient": 0.5}}},
        {"alpha": {"patient  - control": -0.5}},
        {"alpha": {"group": {"patient - control": -0.5, "control - patient": 0.5}}},
    ]
    first = known_of(models, same[0])
    for effects in same[1:]:
        known = known_of(models, effects)
        sign = np.sign(known.vectors @ first.vectors[0])[:, None]
        np.testing.assert_allclose(sign * known.vectors, np.tile(first.vectors, (len(sign), 1)))
        np.testing.assert_allclose(sign[:, 0] * known.values, -0.5)
    slope, product = {"beta": {"age": 0.3}}, {"beta": {"group:age": {"(control - patient) x (age + 1 SD)": 0.2}}}
    np.testing.assert_array_equal(
        known_of(models, slope).vectors, known_of(models, {"beta": {"age + 1 SD": 0.3}}).vectors
    )
    turned = known_of(models, {"beta": {"age:group": {"(patient - control) x (age + 1 SD)": -0.2}}})
    np.testing.assert_allclose(known_of(models, product).vectors, -turned.vectors)
    assert not len(known_of(models, {}).values) and not len(known_of(models, {"alpha": {}}).values)


def test_the_differences_that_formulas_ask_for():
    built = built_of({"alpha": "site + group", "beta": "age"})
    found = differences_of(built.models, {"alpha": {"site": {"x - y": 1, "z - y": 2}}})
    names = [(each.parameter, each.by, each.label) for each in found]
    assert names == [
        ("alpha", "site", "x - y"), ("alpha", "site", "z - y"), ("alpha", "site", "z - x"), ("alpha", "group", "patient - control"),
        ("beta", "age", "age + 1 SD"),
    ]  # fmt: skip


REFUSED = {
    "parameter": ({"alhpa": {"group": {"patient - control": 1}}}, "there is no free parameter 'alhpa'. Did you mean 'alpha'?"),
    "no formula": ({"forget": {"age": 1}}, "forget has no formula, so that it has no effects: add formulas={\"forget\": 'age'}"),
    "no formula, no covariate": ({"forget": {"x": 1}}, "add formulas={\"forget\": 'group'}"),
    "covariate": ({"alpha": {"grup": {"patient - control": 1}}}, "alpha does not depend on 'grup'. Did you mean 'group'?"),
    "of another": ({"beta": {"group": {"patient - control": 1}}}, "beta does not depend on 'group'"),
    "level": ({"alpha": {"group": {"patient - contrl": 1}}}, "no difference 'patient - contrl' of group. Did you mean 'patient - control'?"),
    "no difference": ({"alpha": {"group": -0.5}}, "group has levels: say which difference"),
    "text": ({"alpha": {"group": {"patient - control": "big"}}}, "wanted a number, and 'big' is none"),
    "infinite": ({"alpha": {"group": {"patient - control": float("inf")}}}, "wanted a number"),
    "no mapping": ({"alpha": 0.3}, "wanted the differences of a covariate of alpha, effects="),
    "open": ({"alpha": {"site": {"y - x": 1}}}, "leave open z - x"),
    "turned": ({"alpha": {"group": {"patient - control": 1, "control - patient": 1}}}, "contradicts patient - control = 1, from which it is -1"),
    "three": ({"alpha": {"site": {"y - x": 1, "z - y": 1, "z - x": 1}}}, "z - x contradicts y - x = 1 and z - y = 1, from which it is 2"),
    "units": ({"beta": {"age": {"age + 1 SD": 1, "age + 1": 1}}}, "age + 1 contradicts age + 1 SD = 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    effects, expected = REFUSED[name]
    models = built_of({"alpha": "group + site", "beta": "age"}).models
    with pytest.raises(UsageError) as error:
        known_of(models, effects)
    assert expected in str(error.value)


def test_all_problems_at_once():
    models = built_of({"alpha": "group + site", "beta": "age"}).models
    with pytest.raises(UsageError) as error:
        known_of(models, {
            "gamma": {"group": {"patient - control": 1}}, "forget": {"age": 1}, "beta": {"ag": 1, "age": "x"},
            "alpha": {"group": {"patient - control": 1, "control - patient": 1}, "site": {"y - x": 0.1, "z - w": 1}},
        })  # fmt: skip
    text = str(error.value)
    assert len(text.splitlines()) == 7
    for expected in (
        "'gamma'",
        "forget has no formula",
        "'ag'",
        "'x' is none",
        "contradicts",
        "'z - w'",
        "leave open z - x",
    ):
        assert expected in text


def test_the_advice_works():
    """What a message says to type is accepted."""
    models = built_of({"alpha": "group + site", "beta": "age"}).models
    with pytest.raises(UsageError) as error:
        known_of(models, {"alpha": {"site": {"y - x": 0.4}}})
    (advice,) = error.value.message.inputs
    full = {"alpha": {"site": {"y - x": 0.4, **advice.value["alpha"]["site"]}}}
    assert len(known_of(models, full).values) == 2
    with pytest.raises(UsageError) as error:
        known_of(models, {"alpha": {"group": -0.5}})
    (advice,) = [
        each for each in error.value.message.inputs if each.value == {"alpha": {"group": {"patient - control": ...}}}
    ]
    assert len(known_of(models, {"alpha": {"group": dict.fromkeys(advice.value["alpha"]["group"], -0.5)}}).values) == 1


def test_a_difference_of_two_covariates_has_to_say_which():
    built = designed(
        list(LEARNER.names),
        LEARNER,
        trials_of(1),
        {"alpha": "group + twin"},
        PLAIN | {"twin": ["control"] * 12 + ["patient"] * 12},
    )
    with pytest.raises(UsageError) as error:
        known_of(built.models, {"alpha": {"patient - control": 1}})
    assert "a difference of group and twin: say of which, " in str(error.value)
    advice = error.value.message.inputs[-1]
    assert len(known_of(built.models, advice.value).values) == 1
