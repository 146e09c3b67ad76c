"""Designs from formulas: their matrices are those computed by hand, row by row, from the definitions."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import trialwise as tw
from studies import Keeps, read
from trialwise.base.errors import DataError, UsageError
from trialwise.inference.design_of import design_of
from trialwise.population.design import Column, plain_design
from trialwise.population.designs.build import designed
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.names import names_of_design

PEOPLE = [f"p{n:02d}" for n in range(12)]
GROUP = ["a", "b", "a", "a", "b", "a", "b", "a", "b", "a", "b", "a"]
SITE = ["x", "y", "z"] * 4
AGE = [20.0, 31, 25, 40, 22, 29, 33, 51, 47, 38, 24, 60]
TABLE = {"participant": PEOPLE, "group": GROUP, "site": SITE, "age": AGE}
PLAIN = read(PEOPLE)
ROOT = np.sqrt(0.5)


def build(formulas, trials=PLAIN, table=TABLE, learner=None, **settings):
    return designed(["alpha", "beta"], learner or tw.QLearning(), trials, formulas, table, **settings)


def names(terms):
    return [f"{term.parameter} {term.label}".strip() for term in terms]


def standardised(values):
    values = np.array(values, float)
    return (values - sum(values) / len(values)) / np.sqrt(np.sum((values - values.mean()) ** 2) / (len(values) - 1))


def by_hand(rows, columns, terms):
    """A matrix from its nonzero cells: ``terms`` maps a coefficient to a function of (row, column) or to None for zero."""
    matrix = np.zeros((len(rows), len(columns), len(terms)))
    for r, row in enumerate(rows):
        for k, column in enumerate(columns):
            for f, (parameter, value) in enumerate(terms):
                if column[0] == parameter:
                    matrix[r, k, f] = value(row, column[1])
    return matrix


def one(row, slot):
    return 1.0


PARAMETERS = [("alpha", ""), ("beta", "")]


def test_without_formulas_it_is_the_plain_design():
    built = build({}, table=None)
    plain = plain_design(["alpha", "beta"], PEOPLE)
    design = built.design
    assert (design.columns, design.coefficients, design.effects) == (plain.columns, plain.coefficients, plain.effects)
    assert design.labels == plain.labels and built.notes == () and built.formulas == {} and not built.slots
    np.testing.assert_array_equal(design.fixed, plain.fixed)
    np.testing.assert_array_equal(design.random, plain.random)
    np.testing.assert_array_equal(design.owner, plain.owner)
    np.testing.assert_array_equal(built.row_of_trial, PLAIN.participant_index)


def test_two_groups():
    design = build("alpha ~ group").design
    sign = {"a": -ROOT, "b": ROOT}
    terms = [("alpha", one), ("alpha", lambda n, _: sign[GROUP[n]]), ("beta", one)]
    assert names(design.coefficients) == ["alpha", "alpha group.1", "beta"]
    np.testing.assert_allclose(design.fixed, by_hand(range(12), PARAMETERS, terms), atol=1e-12)
    assert names(design.effects) == ["alpha", "beta"]
    np.testing.assert_array_equal(design.random, np.broadcast_to(np.eye(2), (12, 2, 2)))


def test_a_group_by_a_number():
    design = build("beta ~ group * age").design
    sign, age = {"a": -ROOT, "b": ROOT}, standardised(AGE)
    terms = [
        ("alpha", one),
        ("beta", one),
        ("beta", lambda n, _: sign[GROUP[n]]),
        ("beta", lambda n, _: age[n]),
        ("beta", lambda n, _: sign[GROUP[n]] * age[n]),
    ]
    assert names(design.coefficients) == ["alpha", "beta", "beta group.1", "beta age", "beta group.1:age"]
    np.testing.assert_allclose(design.fixed, by_hand(range(12), PARAMETERS, terms), atol=1e-12)


def test_three_levels():
    """Normalised Helmert contrasts; all levels have the same variance, all pairs the same covariance."""
    design = build("alpha ~ site").design
    first = {"x": -1 / np.sqrt(2), "y": 1 / np.sqrt(2), "z": 0.0}
    second = {"x": -1 / np.sqrt(6), "y": -1 / np.sqrt(6), "z": 2 / np.sqrt(6)}
    terms = [
        ("alpha", one),
        ("alpha", lambda n, _: first[SITE[n]]),
        ("alpha", lambda n, _: second[SITE[n]]),
        ("beta", one),
    ]
    np.testing.assert_allclose(design.fixed, by_hand(range(12), PARAMETERS, terms), atol=1e-12)
    levels = design.fixed[:3, 0, 1:3]
    np.testing.assert_allclose(levels @ levels.T, np.eye(3) - 1 / 3, atol=1e-12)


def test_treatment_coding_is_kept():
    design = build('alpha ~ C(site, Treatment("y")) + T(group, "b")').design
    terms = [
        ("alpha", one),
        ("alpha", lambda n, _: SITE[n] == "x"),
        ("alpha", lambda n, _: SITE[n] == "z"),
        ("alpha", lambda n, _: GROUP[n] == "a"),
        ("beta", one),
    ]
    assert names(design.coefficients)[1] == "alpha C(site, Treatment('y'))[x]"
    np.testing.assert_allclose(design.fixed, by_hand(range(12), PARAMETERS, terms), atol=1e-12)


def test_sum_coding_is_kept():
    design = build("alpha ~ C(site, Sum)").design
    np.testing.assert_allclose(design.fixed[:3, 0, 1:3], [[1, 0], [0, 1], [-1, -1]])


SESSIONS = [[1, 2]] * 5 + [[2]] + [[1, 2]] * 6
ROWS = [(n, session) for n, own in enumerate(SESSIONS) for session in own]


def test_sessions_of_which_one_is_missing():
    trials = read(PEOPLE, session=SESSIONS)
    built = build("alpha ~ session * group", trials)
    design = built.design
    session, group = {1: -ROOT, 2: ROOT}, {"a": -ROOT, "b": ROOT}
    terms = [
        ("alpha", one),
        ("alpha", lambda row, _: session[row[1]]),
        ("alpha", lambda row, _: group[GROUP[row[0]]]),
        ("alpha", lambda row, _: session[row[1]] * group[GROUP[row[0]]]),
        ("beta", one),
    ]
    np.testing.assert_allclose(design.fixed, by_hand(ROWS, PARAMETERS, terms), atol=1e-12)
    np.testing.assert_allclose(design.random, by_hand(ROWS, PARAMETERS, [terms[0], terms[1], terms[4]]), atol=1e-12)
    assert names(design.effects) == ["alpha", "alpha session.1", "beta"]
    assert list(design.labels) == [(PEOPLE[n], session) for n, session in ROWS]
    assert design.owner.tolist() == [n for n, _ in ROWS] and design.participants == 12
    frame = trials.to_frame()
    of_trials = [design.labels[r] for r in built.row_of_trial]
    assert of_trials == list(zip(frame["participant"], frame["session"], strict=True))
    assert any("23 rows in all" in note for note in built.notes)
    assert any("(session | participant) is added" in note for note in built.notes)


def test_means_of_cells():
    trials = read(PEOPLE, session=SESSIONS)
    built = build("alpha ~ 0 + session + (0 + session | participant)", trials, correlated=True)
    design = built.design
    terms = [("alpha", lambda row, _: row[1] == 1), ("alpha", lambda row, _: row[1] == 2), ("beta", one)]
    np.testing.assert_array_equal(design.fixed, by_hand(ROWS, PARAMETERS, terms))
    np.testing.assert_array_equal(design.random, design.fixed)
    assert names(design.coefficients) == names(design.effects) == ["alpha session[1]", "alpha session[2]", "beta"]
    assert [term.cell for term in design.coefficients] == [True, True, False]
    assert design.blocks == ((0, 1),)
    implied = build("alpha ~ 0 + session", trials).design
    assert implied.effects == design.effects
    np.testing.assert_array_equal(implied.random, design.random)


def test_contrasts_beside_means_of_cells():
    """With means of sessions, groups have contrasts, in each session; participants have values of sessions, of groups an intercept."""
    trials = read(PEOPLE, session=SESSIONS)
    design = build("alpha ~ 0 + session * group", trials).design
    group = {"a": -ROOT, "b": ROOT}
    terms = [
        ("alpha", lambda row, _: row[1] == 1),
        ("alpha", lambda row, _: row[1] == 2),
        ("alpha", lambda row, _: group[GROUP[row[0]]]),
        ("alpha", lambda row, _: {1: -ROOT, 2: ROOT}[row[1]] * group[GROUP[row[0]]]),
        ("beta", one),
    ]
    np.testing.assert_allclose(design.fixed, by_hand(ROWS, PARAMETERS, terms), atol=1e-12)
    assert [term.cell for term in design.coefficients] == [True, True, False, False, False]
    np.testing.assert_array_equal(design.random, by_hand(ROWS, PARAMETERS, [terms[0], terms[1], terms[4]]))
    groups = build("alpha ~ 0 + group + age").design
    assert names(groups.coefficients) == ["alpha group[a]", "alpha group[b]", "alpha age", "beta"]
    assert names(groups.effects) == ["alpha", "beta"] and not any(term.cell for term in groups.effects)


def test_slots():
    """Volatility changes within runs: a column of parameters for each of its levels, and one run."""
    volatility = [["stable", "volatile", "stable"]] * 12
    trials = read(PEOPLE, volatility=volatility)
    built = build({"alpha": "volatility * group", "beta": "age"}, trials)
    design, age = built.design, standardised(AGE)
    change, group = {"stable": -ROOT, "volatile": ROOT}, {"a": -ROOT, "b": ROOT}
    columns = [("alpha", "stable"), ("alpha", "volatile"), ("beta", "")]
    terms = [
        ("alpha", one),
        ("alpha", lambda n, slot: change[slot]),
        ("alpha", lambda n, slot: group[GROUP[n]]),
        ("alpha", lambda n, slot: change[slot] * group[GROUP[n]]),
        ("beta", one),
        ("beta", lambda n, _: age[n]),
    ]
    assert design.columns == tuple(Column(*column) for column in columns)
    np.testing.assert_allclose(design.fixed, by_hand(range(12), columns, terms), atol=1e-12)
    np.testing.assert_allclose(design.random, by_hand(range(12), columns, [terms[0], terms[1], terms[4]]), atol=1e-12)
    assert built.slot_labels == {"alpha": ("stable", "volatile")}
    of_trials = [built.slot_labels["alpha"][slot] for slot in built.slots["alpha"]]
    assert of_trials == list(trials.inputs["volatility"])
    assert any("while the state goes on" in note for note in built.notes)


def test_a_learner_that_keeps_its_state_has_slots_for_sessions():
    trials = read(PEOPLE, session=SESSIONS)
    built = build("alpha ~ session", trials, learner=Keeps())
    assert [(c.parameter, c.slot) for c in built.design.columns] == [("alpha", "1"), ("alpha", "2"), ("beta", "")]
    assert built.design.rows == 12


def test_runs_with_the_same_values_share_a_row():
    """Drug, placebo, drug: two rows."""
    trials = read(PEOPLE, session=[[1, 2, 3]] * 12, drug=[["yes", "no", "yes"]] * 12)
    built = build("alpha ~ drug", trials)
    assert built.design.rows == 24 and built.design.labels[:2] == (("p00", "no"), ("p00", "yes"))
    assert [built.design.labels[r][1] for r in built.row_of_trial] == list(trials.inputs["drug"])


def test_rows_and_slots_together():
    trials = read(PEOPLE, session=[[1, 1, 2, 2]] * 12, volatility=[["s", "v", "s", "v"]] * 12)
    built = build({"alpha": "session * volatility", "beta": "session"}, trials)
    design = built.design
    assert design.rows == 24 and len(design.columns) == 3
    sign = {1: -ROOT, 2: ROOT, "s": -ROOT, "v": ROOT}
    rows = [(n, session) for n in range(12) for session in (1, 2)]
    columns = [("alpha", "s"), ("alpha", "v"), ("beta", "")]
    terms = [
        ("alpha", one),
        ("alpha", lambda row, _: sign[row[1]]),
        ("alpha", lambda _, slot: sign[slot]),
        ("alpha", lambda row, slot: sign[row[1]] * sign[slot]),
        ("beta", one),
        ("beta", lambda row, _: sign[row[1]]),
    ]
    np.testing.assert_allclose(design.fixed, by_hand(rows, columns, terms), atol=1e-12)
    np.testing.assert_allclose(design.random, design.fixed, atol=1e-12)  # all of it changes within participants


def test_a_number_that_changes_within_participants_is_split():
    dose = [[1.0, 2.0 + n, 6.0] for n in range(12)]
    trials = read(PEOPLE, session=[[1, 2, 3]] * 12, dose=dose)
    design = build("alpha ~ dose", trials).design
    assert names(design.coefficients) == ["alpha", "alpha dose[between]", "alpha dose[within]", "beta"]
    assert names(design.effects) == ["alpha", "alpha dose[within]", "beta"]
    means = [sum(own) / 3 for own in dose]
    deviations = {n: [value - means[n] for value in own] for n, own in enumerate(dose)}
    sd = np.sqrt(sum(d**2 for own in deviations.values() for d in own) / (36 - 12))
    between = standardised(means)
    for row, (label, value) in enumerate(design.labels):
        n = PEOPLE.index(label)
        expected = [1, between[n], (value - means[n]) / sd, 0]
        np.testing.assert_allclose(design.fixed[row, 0], expected, atol=1e-12)


def test_a_number_with_the_same_mean_in_all_has_no_part_between():
    trials = read(PEOPLE, session=[[1, 2]] * 12, dose=[[1.5, 4.5], [4.5, 1.5]] * 6)
    built = build("alpha ~ dose", trials)
    assert names(built.design.coefficients) == ["alpha", "alpha dose[within]", "beta"]
    assert any("same mean in all" in note for note in built.notes)


def test_nested_factors():
    """a/b: a column for each level of b's margin that is not in the formula."""
    design = build("alpha ~ group + group:site").design
    assert names(design.coefficients)[2:-1] == [
        "alpha group[a]:site.1", "alpha group[a]:site.2", "alpha group[b]:site.1", "alpha group[b]:site.2"
    ]  # fmt: skip
    assert np.linalg.matrix_rank(design.fixed[:, 0, :-1]) == 6


def test_spreads_of_groups():
    built = build({"alpha": "group", "alpha_sd": "group"})
    written = build("alpha ~ group + (0 + group | participant)")
    expected = [[[g == "a", g == "b", 0], [0, 0, 1]] for g in GROUP]
    for each in (built, written):
        assert names(each.design.effects) == ["alpha group[a]", "alpha group[b]", "beta"]
        assert [term.cell for term in each.design.effects] == [True, True, False]
        np.testing.assert_array_equal(each.design.random, np.array(expected, float))
    assert built.formulas == {"alpha": "group", "alpha_sd": "group"}
    for correlated, words in ((True, "no two effects"), ([["alpha", "beta"]], "no participant has both")):
        with pytest.raises(UsageError, match=words):
            build({"alpha_sd": "group"}, correlated=correlated)


def test_correlations():
    trials = read(PEOPLE, session=SESSIONS)
    both = {"alpha": "session", "beta": "session"}
    assert build(both, trials).design.blocks == ()
    assert build(both, trials, correlated=True).design.blocks == ((0, 1), (2, 3))
    assert build(both, trials, correlated=[["beta", "alpha"]]).design.blocks == ((0, 1, 2, 3),)
    assert build("alpha ~ group", correlated=True).design.blocks == ((0, 1),)
    for wrong, message in [
        ([["alpha", "gamma"]], "no free parameter 'gamma'"), ("alpha", "list of blocks"), (["alpha"], "list of blocks"),
        ([["alpha"], ["alpha", "beta"]], "two places"),
    ]:  # fmt: skip
        with pytest.raises(UsageError, match=message):
            build(both, trials, correlated=wrong)


def test_participants_may_differ_in_intercepts_only():
    trials = read(PEOPLE, session=SESSIONS)
    for settings_ in (
        {"formulas": "alpha ~ session", "random": "intercept"},
        {"formulas": "alpha ~ session + (1 | participant)"},
    ):
        built = build(trials=trials, **settings_)
        assert names(built.design.effects) == ["alpha", "beta"]
        assert any("session" in note and "effects of participants" in note for note in built.notes)
    with pytest.raises(UsageError, match="must be one of 'full', 'intercept'"):
        build("alpha ~ session", trials, random="slope")


# -- values of the mean ----------------------------------------------------------------------------------------------


def test_the_mean_at_values_of_covariates():
    built = build("alpha ~ group * age + site")
    model = built.models["alpha"]
    assert model.factors == {"group": ("a", "b"), "site": ("x", "y", "z")}
    assert model.numbers["age"] == pytest.approx((np.mean(AGE), np.std(AGE, ddof=1)))
    for n in range(12):
        vector = model.at({"group": GROUP[n], "age": AGE[n], "site": SITE[n]})
        np.testing.assert_allclose(vector, built.design.fixed[n, 0], atol=1e-12)
    every = [model.at({"group": g, "site": s}) for g in "ab" for s in "xyz"]
    np.testing.assert_allclose(model.at(), np.mean(every, 0), atol=1e-12)
    np.testing.assert_allclose(model.at(), [1, *[0] * 6], atol=1e-12)
    np.testing.assert_allclose(built.models["beta"].at(), [*[0] * 6, 1])
    change = model.at({"age": 41}) - model.at({"age": 40})  # one year
    assert change[names(built.design.coefficients).index("alpha age")] == pytest.approx(1 / np.std(AGE, ddof=1))


@pytest.mark.parametrize(
    "formula",
    ["group * age", '0 + group', 'C(site, Treatment("y")) * scale(age)', "poly(age, 2) * group", "bs(age, 4)", "log(age) + I(age ** 2 / 100)"],
)  # fmt: skip
def test_a_stored_model_is_the_same(formula):
    built = build({"alpha": formula})
    for n, model in enumerate(built.models.values()):
        again = ParameterModel.from_plain(json.loads(json.dumps(model.to_plain())))
        assert (
            again.labels
            == model.labels
            == [t.label for t in built.design.coefficients if t.parameter == model.parameter]
        )
        for m in range(12):
            given_ = {"group": GROUP[m], "age": AGE[m], "site": SITE[m]}
            values = {name: value for name, value in given_.items() if name in {**model.factors, **model.numbers}}
            np.testing.assert_array_equal(again.at(values), model.at(values))
            np.testing.assert_allclose(model.at(values), built.design.fixed[m, n], atol=1e-9)


def test_a_stored_call_is_checked_again():
    plain = build("alpha ~ log(age)").models["alpha"].to_plain()
    plain["codes"]["log(age)"]["label"] = "__import__('os').getcwd()"
    with pytest.raises(UsageError, match="formulas may call"):
        ParameterModel.from_plain(plain)


def test_unknown_values_of_covariates():
    trials = read(PEOPLE, session=[[1, 2]] * 12, dose=[[n, 4 + 2 * n] for n in range(12)])
    model = build("alpha ~ group + age + dose", trials).models["alpha"]
    for values, message in [
        ({"grup": "a"}, "Did you mean 'group'"), ({"group": "c"}, "no level 'c'"), ({"age": "old"}, "is a number"),
        ({"age": np.nan}, "is a number"), ({"dose": 3}, r"dose\[between\]"),
    ]:  # fmt: skip
        with pytest.raises(UsageError, match=message):
            model.at(values)
    index = model.labels.index("dose[within]")
    assert model.at({"dose[within]": model.numbers["dose[within]"][1]})[index] == pytest.approx(1.0)


# -- invariance ------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    order=st.permutations(range(12)),
    rows=st.permutations(range(12)),
    scale=st.floats(0.01, 100),
    shift=st.floats(-50, 50),
)
def test_orders_and_units_change_nothing(order, rows, scale, shift):
    formula = "alpha ~ group * age + site"
    expected = build(formula).design
    table = pd.DataFrame(TABLE)
    table["age"] = table["age"] * scale + shift
    design = build(formula, PLAIN.select([PEOPLE[n] for n in order]), table.iloc[list(rows)]).design
    assert design.coefficients == expected.coefficients
    np.testing.assert_allclose(design.fixed, expected.fixed[list(order)], atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.permutations(["x", "y", "z"]))
def test_names_of_levels_change_nothing(new):
    """Another order of levels rotates the columns of the factor, which have one prior: products of levels stay."""
    renamed = dict(zip("xyz", new, strict=True))
    table = TABLE | {"site": [renamed[site] for site in SITE]}
    old, design = build("alpha ~ site").design, build("alpha ~ site", table=table).design
    assert old.coefficients == design.coefficients
    a, b = old.fixed[:, 0, 1:3], design.fixed[:, 0, 1:3]
    np.testing.assert_allclose(a @ a.T, b @ b.T, atol=1e-12)


def test_participants_with_many_trials_weigh_no_more():
    trials = read(PEOPLE, per=4).first(np.array([4] * 11 + [1]))
    np.testing.assert_array_equal(build("alpha ~ age", trials).design.fixed, build("alpha ~ age").design.fixed)


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("group + twin", "twin is determined by group"),
        ("age + months", "months is determined by .*age"),
        (
            "group * late",
            "group:late is determined by .*: no participant at group 'b' and late 'yes'\n    -> leave group:late out",
        ),
        ("same", "same is 'k' for all"),
        ("const", "const is 3 for all"),
        ("log(zero)", "no finite value for participants 'p00'"),
        ("(age | participant)", "age does not change within participants"),
        ("group + (group | participant)", r"\(0 \+ group \| participant\) for a spread"),
        ("age + C(age)", "as a number and as levels"),
        ('C(group, Treatment("c"))', "no level 'c'"),
    ],
)
def test_covariates_that_data_cannot_tell_apart(formula, message):
    table = TABLE | {
        "twin": ["u" if g == "a" else "w" for g in GROUP], "months": [12 * a + 3 for a in AGE], "same": ["k"] * 12, "const": [3] * 12,
        "late": ["yes" if g == "a" and n > 5 else "no" for n, g in enumerate(GROUP)], "zero": [0.0, *range(1, 12)],
    }  # fmt: skip
    with pytest.raises(DataError, match=message):
        build({"alpha": formula}, table=table)


def test_all_columns_that_others_determine_are_named_at_once():
    table = TABLE | {"twin": ["u" if g == "a" else "w" for g in GROUP], "months": [12 * a + 3 for a in AGE]}
    with pytest.raises(DataError) as caught:
        build({"alpha": "group + twin + age + months"}, table=table)
    assert "twin is determined by group" in str(caught.value) and "months is determined by" in str(caught.value)
    assert str(caught.value).startswith("2 problems")


@pytest.mark.parametrize(
    ("formulas", "message"),
    [
        ({"alpha_sd": "age"}, "depends on a number"),
        ({"alpha_sd": "session"}, r"write \(0 \+ session \| participant\)"),
        ({"alpha": "0 + session", "alpha_sd": "group"}, "leave out the formula of the spread"),
    ],
)
def test_spreads_that_are_not_possible(formulas, message):
    with pytest.raises(DataError, match=message):
        build(formulas, read(PEOPLE, session=SESSIONS))


def test_a_number_that_changes_within_runs_has_a_slope():
    stakes = [[1.0, 2.5, 8, 3.0 * (n % 3)] for n in range(12)]
    built = build("alpha ~ age + stake", read(PEOPLE, stake=stakes))
    design, slope = built.design, built.slopes["alpha"]
    age = standardised(AGE)
    columns = [("alpha", ""), ("alpha", ":stake"), ("beta", "")]
    assert design.columns == tuple(Column(*each) for each in columns)
    terms = [
        ("alpha", lambda n, slot: float(slot == "")),
        ("alpha", lambda n, slot: age[n] * (slot == "")),
        ("alpha", lambda n, slot: float(slot == ":stake")),
        ("beta", one),
    ]
    assert names(design.coefficients) == ["alpha", "alpha age", "alpha stake", "beta"]
    np.testing.assert_allclose(design.fixed, by_hand(range(12), columns, terms), atol=1e-12)
    assert names(design.effects) == ["alpha", "alpha stake", "beta"]
    np.testing.assert_allclose(design.random, by_hand(range(12), columns, [terms[0], *terms[2:]]), atol=1e-12)
    mean = np.mean([np.mean(each) for each in stakes])
    sd = np.sqrt(np.mean([np.mean((np.array(each) - mean) ** 2) for each in stakes]))
    np.testing.assert_allclose([slope.mean, slope.sd], [mean, sd])
    np.testing.assert_allclose(slope.values, (np.repeat(np.ravel(stakes), 4) - mean) / sd)
    assert built.models["alpha"].numbers["stake"] == pytest.approx((mean, sd))
    np.testing.assert_allclose(built.models["alpha"].at(), [1, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(built.models["alpha"].at({"stake": mean + 2 * sd}), [1, 0, 2, 0], atol=1e-12)
    assert "a slope, per" in " ".join(map(str, built.notes))


def test_participants_with_more_trials_weigh_no_more_in_a_number_of_trials():
    stakes = [[0.0, 2.0]] * 11 + [[10.0, 12.0] * 50]
    slope = build("alpha ~ stake", read(PEOPLE, stake=stakes)).slopes["alpha"]
    assert slope.mean == pytest.approx((11 * 1.0 + 11.0) / 12)


def test_a_slope_of_the_group_alone():
    trials = read(PEOPLE, stake=[[1.0, 2.5, 8]] * 12)
    assert names(build("alpha ~ stake", trials, random="intercept").design.effects) == ["alpha", "beta"]
    assert names(build("alpha ~ stake + (1 | participant)", trials).design.effects) == ["alpha", "beta"]
    assert len(build("alpha ~ C(stake)", trials).design.columns) == 4


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("alpha ~ group * stake", "group:stake is a product with it"),
        ("alpha ~ stake:age", "stake:age is a product with it|age:stake is a product with it"),
        ("alpha ~ stake + effort", "and so does effort"),
        ("alpha ~ stake + speed", "and so do conditions .fast and slow"),
        ("alpha ~ log(stake)", "stake changes within participants"),
    ],
)
def test_slopes_that_are_not_possible(formula, message):
    trials = read(
        PEOPLE, stake=[[1.0, 2.5, 8]] * 12, effort=[[3.5, 2.5, 8]] * 12, speed=[["slow", "fast", "fast"]] * 12
    )
    with pytest.raises(DataError, match=message):
        build(formula, trials)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["a, b", "c"], ["a, b", "c"]),
        (["a/b", "a|b"], ["a/b", "a|b (2)"]),
        (["a,b", "a;b"], ["a,b", "a;b (2)"]),
        (["a b", "a  b"], ["a  b", "a b (2)"]),
        ([":x", "z"], ["phase :x", "z"]),
    ],
)
def test_conditions_with_any_labels_have_values_with_names_of_their_own(labels, expected):
    """Names of parameters have no slash and no comma, and a colon in front is that of a slope."""
    trials = read(PEOPLE, phase=[[labels[0], labels[1], labels[0]]] * 12)
    learner, longer, stored, _ = design_of(tw.QLearning().fix(forget=0), trials, "alpha ~ 0 + phase", None, "partial")
    assert [column.slot for column in stored.design.columns] == [*expected, ""]
    assert not any(column.slope for column in stored.design.columns)
    assert len(set(learner.names)) == 3 and not any(letter in name for name in learner.names for letter in ",/")
    variables = [name for group in names_of_design(stored.design) for name in group]
    assert len(set(variables)) == len(variables) and not any("/" in name for name in variables)
    levels = [str(each) for each in stored.models["alpha"].factors["phase"]]
    codes = longer.columns["condition of alpha"].values
    assert [int(each) for each in codes[:12:4]] == [levels.index(labels[n]) for n in (0, 1, 0)]


def test_names_of_variables_can_be_stored():
    """A slash in a level, the name of a column or a call is none in a file, where it would separate groups."""
    table = TABLE | {"a/b": SITE}
    design = build("alpha ~ 0 + `a/b` + log(age / 2)", table=table).design
    assert names_of_design(design).coefficients[:4] == (
        "alpha_effects[a|b[x]]", "alpha_effects[a|b[y]]", "alpha_effects[a|b[z]]", "alpha_effects[log(age | 2)]",
    )  # fmt: skip
    clash = build("alpha ~ 0 + site", table=TABLE | {"site": ["a/b", "a|b", "c"] * 4}).design
    assert len(set(names_of_design(clash).coefficients)) == 4


def test_a_slope_that_mixes_participants_and_trials_is_noted_and_can_be_separated():
    """What the note says is typed: two columns, of which one is constant within participants."""
    random = np.random.default_rng(1)
    same = read(PEOPLE, stake=[list(random.normal(5.0, 1.0, 30)) for _ in range(12)])
    assert not any("between participants" in note for note in build("alpha ~ stake", same).notes)
    frame = read(PEOPLE, per=40).to_frame()
    frame["stake"] = random.normal(frame["participant"].str[1:].astype(int), 3.0)
    built = build("alpha ~ stake", tw.read_long(frame, numbers=["stake"]))
    (note,) = [note for note in built.notes if "between participants" in note]
    means = frame.groupby("participant")["stake"].mean()
    share = means.var(ddof=0) / (means.var(ddof=0) + frame.groupby("participant")["stake"].var(ddof=0).mean())
    assert f"{100 * share:.0f} % of the variance of stake" in note
    data = frame.copy()
    for statement in re.findall(r"data\[\S+\] = .*?(?= and |, and )", note):
        exec(statement, {"data": data})
    formula = re.search(r"write (alpha ~ .*)$", note)[1]
    apart = build(formula, tw.read_long(data, numbers=["stake_mean", "stake_within"]))
    assert names(apart.design.coefficients) == ["alpha", "alpha stake_mean", "alpha stake_within", "beta"]
    assert names(apart.design.effects) == ["alpha", "alpha stake_within", "beta"]
    assert not any("between participants" in note for note in apart.notes)
