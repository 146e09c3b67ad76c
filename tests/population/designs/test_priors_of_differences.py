"""Priors of differences against what they say: draws of coefficients from the prior, turned into differences of levels."""

import numpy as np
import pymc as pm
import pytest

import trialwise as tw
from trialwise.base.errors import UsageError
from trialwise.population.designs.build import designed
from trialwise.population.designs.differences import along
from trialwise.population.designs.priors_of_differences import with_differences
from trialwise.population.population import population_of
from trialwise.population.priors import check_priors

LEARNER = tw.QLearning().fix(forget=0)
NORMAL = pm.Normal.dist(0.2, 0.5)
CENTRED = pm.Normal.dist(0, 0.5)


@pytest.fixture(scope="module")
def trials():
    return tw.load_data("alien_flat").trials


def build(trials, formula):
    table = {
        "participant": trials.participants, "group": ["control", "patient"] * 15, "site": ["x", "y", "z"] * 10,
        "smoker": [0, 0, 1, 1, 0, 1] * 5, "age": [20.0 + (n * 7) % 40 for n in range(30)],
    }  # fmt: skip
    return designed(LEARNER.names, LEARNER, trials, {"alpha": formula}, table)


def difference(trials, formula, priors, to, since):
    """Mean and standard deviation of a difference over draws from the prior."""
    built = build(trials, formula)
    typed = with_differences({"alpha": priors}, built.models, built.design)
    population = population_of(LEARNER, trials, typed, design=built.design)
    assert not population.unusual  # no other model is compiled
    draws = population.prior_draws(40_000)
    coefficients = np.stack([draws[name] for name in population.variables.coefficients], -1)
    model = built.models["alpha"]
    values = coefficients @ (model.at(to) - model.at(since))
    return values.mean(), values.std()


@pytest.mark.parametrize(
    ("formula", "priors", "to", "since", "mean"),
    [
        ("group", {"group": {"patient - control": NORMAL}}, {"group": "patient"}, {"group": "control"}, 0.2),
        ("group", {"group": {"control - patient": NORMAL}}, {"group": "patient"}, {"group": "control"}, -0.2),
        ("group * age", {"group": {"patient - control": NORMAL}}, {"group": "patient"}, {"group": "control"}, 0.2),
        ("group", {"group": CENTRED}, {"group": "patient"}, {"group": "control"}, 0.0),
        ("site", {"site": CENTRED}, {"site": "y"}, {"site": "x"}, 0.0),
        ("site + group", {"site": CENTRED}, {"site": "z"}, {"site": "x"}, 0.0),
        ("site", {"site": CENTRED}, {"site": "z"}, {"site": "y"}, 0.0),
        ("smoker", {"smoker": {"1 - 0": NORMAL}}, {"smoker": 1}, {"smoker": 0}, 0.2),
        ("smoker", {"smoker": {"smoker 1 - smoker 0": NORMAL}}, {"smoker": 1}, {"smoker": 0}, 0.2),
        ("C(site, Treatment('x'))", {"site": {"z - x": NORMAL}}, {"site": "z"}, {"site": "x"}, 0.2),
        ("age", {"age": {"age + 1": NORMAL}}, {"age": 31}, {"age": 30}, 0.2),
        ("scale(age)", {"age": {"age + 1": NORMAL}}, {"age": 31}, {"age": 30}, 0.2),
    ],
)  # fmt: skip
def test_a_difference_has_the_prior_that_was_typed(trials, formula, priors, to, since, mean):
    found = difference(trials, formula, priors, to, since)
    assert found == (pytest.approx(mean, abs=0.012), pytest.approx(0.5, rel=0.02))


def test_a_step_of_one_standard_deviation(trials):
    mean, sd = build(trials, "age").models["alpha"].numbers["age"]
    found = difference(trials, "age", {"age": {"age + 1 SD": NORMAL}}, {"age": mean + sd}, {"age": mean})
    assert found == (pytest.approx(0.2, abs=0.012), pytest.approx(0.5, rel=0.02))


def test_differences_have_the_words_of_contrasts(trials):
    table = {"participant": trials.participants, "dose": [0.0, 0.123456] * 15}
    built = designed(LEARNER.names, LEARNER, trials, {"alpha": "C(dose)"}, table)
    labels = [each.label for each in along(built.models["alpha"], ["dose"]).all]
    assert labels == ["dose 0.1235 - dose 0", "dose 0 - dose 0.1235"]
    for label in (*labels, "0.1235  -  0"):
        typed = with_differences({"alpha": {"dose": {label: CENTRED}}}, built.models, built.design)
        assert list(typed) == ["alpha_effects[dose.1]"]


def test_other_priors_stay(trials):
    built = build(trials, "group + age")
    own = {"alpha_mu": CENTRED, "alpha_effects": NORMAL, "alpha": {"group": CENTRED}}
    population = population_of(LEARNER, trials, with_differences(own, built.models, built.design), design=built.design)
    np.testing.assert_allclose(population.prior.mean[:3], [0.0, 0.0, 0.2])
    np.testing.assert_allclose(population.prior.width[:3], [0.5, 0.5 / np.sqrt(2), 0.5])


@pytest.mark.parametrize(
    ("formula", "priors", "words"),
    [
        ("group", {"alhpa": {"group": CENTRED}}, ["'alhpa'", "Did you mean 'alpha'"]),
        ("group", {"alpha": {"grup": CENTRED}}, ["'grup'", "Did you mean 'group'"]),
        ("group", {"alpha": {"group": {"pateint - control": CENTRED}}}, ["Did you mean 'patient - control'"]),
        ("group", {"alpha": {"group": NORMAL}}, ["mean must be 0", '"patient - control"']),
        ("site", {"alpha": {"site": NORMAL}}, ["mean must be 0"]),
        ("site", {"alpha": {"site": {"z - y": CENTRED}}}, ["3 levels", 'priors={"alpha": {"site": pm.Normal.dist(0, 0.5)}}']),
        ("site", {"alpha": {"site": {"y - x": CENTRED}}}, ["3 levels"]),
        ("group", {"alpha": {"group": {"patient - control": pm.StudentT.dist(nu=3, mu=0, sigma=1)}}}, ["StudentT", "pm.Normal.dist(0, 0.5)"]),
        ("group", {"alpha": {"group": {"patient - control": 0.5}}}, ["0.5", "pm.Normal.dist(0, 0.5)"]),
        ("0 + group", {"alpha": {"group": {"patient - control": CENTRED}}}, ["alpha ~ 0 + group", "no coefficient of its own", "alpha ~ group"]),
        ("0 + site", {"alpha": {"site": CENTRED}}, ["no coefficient of its own"]),
        ("C(site, Sum)", {"alpha": {"site": CENTRED}}, ["no coefficient of its own"]),
        ("poly(age, 2)", {"alpha": {"age": {"age + 1": CENTRED}}}, ["no coefficient of its own", "alpha ~ age"]),
        ("age", {"alpha": {"age": CENTRED}}, ['{"age + 1 SD": pm.Normal.dist(0, 0.5)}']),
        ("age", {"alpha": {"age": {"age + 2": CENTRED}}}, ["Did you mean 'age + 1'"]),
        ("age:group", {"alpha": {"group": {"patient - control": CENTRED}}}, ["0 in the formula", "alpha ~ group + age:group"]),
        ("group", {"beta": {"group": CENTRED}}, ["beta does not depend on 'group'"]),
        ("group", {"alpha": {"group": {"patient - control": CENTRED, "control - patient": CENTRED}}}, ["given twice"]),
        ("group", {"alpha": {"group": CENTRED}, "alpha_effects[group.1]": CENTRED}, ["has two priors"]),
    ],
)  # fmt: skip
def test_what_has_no_prior_of_its_own_is_refused_in_words(trials, formula, priors, words):
    built = build(trials, formula)
    with pytest.raises(UsageError) as caught:
        with_differences(priors, built.models, built.design)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def typed_in(error, **names):
    """The last argument in a message, as it is read when it is typed."""
    argument = error.message.inputs[-1]
    return argument.name, eval(str(argument).removeprefix(f"{argument.name}="), {"pm": pm, **names})


@pytest.mark.parametrize(
    ("formula", "product", "coefficients"),
    [
        ("group * age", "group:age", ["alpha_effects[group.1:age]"]),
        ("group * age", "age:group", ["alpha_effects[group.1:age]"]),
        ("group * site", "group : site", ["alpha_effects[group.1:site.1]", "alpha_effects[group.1:site.2]"]),
        ("group * site * age", "group:site", ["alpha_effects[group.1:site.1]", "alpha_effects[group.1:site.2]"]),
        ("group:age", "group:age", ["alpha_effects[group[control]:age]", "alpha_effects[group[patient]:age]"]),
        (
            "C(site, Treatment(\"x\")) * group", "site:group",
            ["alpha_effects[C(site, Treatment('x'))[y]:group.1]", "alpha_effects[C(site, Treatment('x'))[z]:group.1]"],
        ),
    ],
)  # fmt: skip
def test_a_product_has_priors_of_its_coefficients_and_the_printed_ones_are_taken(
    trials, formula, product, coefficients
):
    built = build(trials, formula)
    with pytest.raises(UsageError, match="products have no priors of differences") as caught:
        with_differences({"alpha": {product: {"patient - control": CENTRED}}}, built.models, built.design)
    name, priors = typed_in(caught.value)
    assert (name, list(priors)) == ("priors", coefficients)
    check_priors(LEARNER.names, "partial", with_differences(priors, built.models, built.design), built.design)
    wide = {each: pm.Normal.dist(0, 3) for each in priors}
    population = population_of(LEARNER, trials, with_differences(wide, built.models, built.design), design=built.design)
    widths = dict(zip(population.variables.coefficients, population.prior.width, strict=True))
    assert {each for each, width in widths.items() if width == 3} == {*coefficients}


def test_a_product_that_the_formula_lacks_is_said_to_be_so_and_the_printed_formula_has_it(trials):
    built = build(trials, "group + age")
    with pytest.raises(UsageError, match="alpha ~ group . age has no product of group and age") as caught:
        with_differences({"alpha": {"group:age": CENTRED}}, built.models, built.design)
    name, formulas = typed_in(caught.value)
    assert name == "formulas"
    again = build(trials, formulas["alpha"])
    assert again.models["alpha"].products == [("group", "age")]
    with pytest.raises(UsageError) as caught:
        with_differences({"alpha": {"group:age": CENTRED}}, again.models, again.design)
    assert list(typed_in(caught.value)[1]) == ["alpha_effects[group.1:age]"]


def test_a_difference_without_a_coefficient_is_refused_with_the_priors_to_type(trials):
    built = build(trials, "0 + site")
    with pytest.raises(UsageError, match="no coefficient of its own") as caught:
        with_differences({"alpha": {"site": CENTRED}}, built.models, built.design)
    name, priors = typed_in(caught.value)
    assert name == "priors"
    population_of(LEARNER, trials, with_differences(priors, built.models, built.design), design=built.design)


def test_without_formulas_there_are_no_differences():
    with pytest.raises(UsageError, match="without formulas.*formulas={.alpha.: 'group'}"):
        with_differences({"alpha": {"group": CENTRED}}, None, None)
