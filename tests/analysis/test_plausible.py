"""Plausible values: sets of draws of participants, and Rubin's rules against plain computation and a correlation that is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import t

import trialwise as tw
from conjugate import CHAINS, PEOPLE, PLAIN, Conjugate
from trialwise.analysis.plausible import PlausibleValues
from trialwise.base.errors import UsageError

AGE = np.array(PLAIN["age"])
ERROR = 1 / np.sqrt(len(PEOPLE) - 3)


def fisher(values):
    return np.arctanh(np.corrcoef(values, AGE)[0, 1]), ERROR


def test_sets_are_draws_of_all_participants_spread_over_chains():
    known = Conjugate({"alpha": "age"}, length=50)
    values = tw.plausible(known.fit, "alpha", 8)
    u = known.group.u[..., 0].reshape(CHAINS * 50, -1)
    chosen = [int(np.flatnonzero((u == values.table[k].to_numpy()).all(1))[0]) for k in range(1, 9)]
    assert chosen == sorted(chosen) and {k // 50 for k in chosen} == set(range(CHAINS))
    assert list(values.table.index) == PEOPLE and values.table.index.name == "participant"
    natural = tw.plausible(known.fit, "alpha", 8, natural=True)
    np.testing.assert_allclose(natural.table, expit(values.table))
    assert values.tables()["plausible_values"].shape == (len(PEOPLE), 9) and "24 rows x 8 draws" in values.headline
    sessions = Conjugate({"alpha": "session"}, sessions=2, length=20)
    assert tw.plausible(sessions.fit, "alpha", 2).table.loc[("p03", "s2")].shape == (2,)


def test_rubins_rules_by_hand():
    values = tw.plausible(Conjugate({"alpha": "age"}, length=50).fit, "alpha", 5)
    results = [fisher(values.table[k]) for k in range(1, 6)]
    mean = sum(q for q, _ in results) / 5
    within = sum(s**2 for _, s in results) / 5
    between = sum((q - mean) ** 2 for q, _ in results) / 4
    total = within + between * 6 / 5
    df = 4 * (1 + within / (between * 6 / 5)) ** 2
    half = t.ppf(0.975, df) * total**0.5
    found = values.pooled(fisher)
    assert found["estimate"] == pytest.approx(mean) and found["standard_error"] == pytest.approx(total**0.5)
    assert (found["df"], found["between"]) == pytest.approx((df, 1.2 * between / total))
    assert (found["low"], found["high"]) == pytest.approx((mean - half, mean + half))
    same = values.pooled(lambda _: (1.0, 0.5))
    assert (same["estimate"], same["standard_error"], same["df"], same["between"]) == (1.0, 0.5, np.inf, 0.0)


def test_the_correlation_of_a_gaussian_case_in_closed_form():
    """Correlation .5 of 4000 participants whose values are observed with a reliability of .5: by sets from the posterior with the measure
    in the model; posterior means make it .63, as they do .35 without the measure, and sets without it .25."""
    random, count, r = np.random.default_rng(1), 4000, 0.5
    x = random.standard_normal(count)
    u = r * x + np.sqrt(1 - r**2) * random.standard_normal(count)
    y = u + random.standard_normal(count)
    error = 1 / np.sqrt(count - 3)

    def analysis(values):
        return np.arctanh(np.corrcoef(values, x)[0, 1]), error

    found = {}
    for name, centre, spread in (("with", r * x, np.sqrt(1 - r**2)), ("without", 0.0, 1.0)):
        weight = spread**2 / (spread**2 + 1.0)
        mean, sd = centre + weight * (y - centre), spread * np.sqrt(1 - weight)
        sets = mean[:, None] + sd * random.standard_normal((count, 20))
        values = PlausibleValues(None, "u", pd.DataFrame(sets, columns=range(1, 21)), False)
        found[name] = values.pooled(analysis)
        found[f"means {name}"] = np.corrcoef(mean, x)[0, 1]
    weight = 0.75 / 1.75
    assert found["means with"] == pytest.approx(r / np.sqrt(r**2 + weight * 0.75), abs=0.02)
    assert found["means without"] == pytest.approx(r / np.sqrt(2), abs=0.03)
    assert np.tanh(found["without"]["estimate"]) == pytest.approx(r / 2, abs=0.03)
    assert np.tanh(found["with"]["estimate"]) == pytest.approx(r, abs=0.02)
    assert found["with"]["low"] < np.arctanh(r) < found["with"]["high"] and found["with"]["standard_error"] > error


def test_a_known_correlation_is_recovered_better_than_by_posterior_means():
    """Fits with slope 0.4 and spread 0.5 around it, each participant observed with noise 0.6: a correlation of .62."""
    truth, pooled, means, inside = np.arctanh(0.4 / np.hypot(0.4, 0.5)), [], [], 0
    for seed in range(30):
        known = Conjugate({"alpha": "age"}, shift=0.4, seed=seed, length=100)
        answer = tw.plausible(known.fit, "alpha", 20).pooled(fisher)
        pooled.append(answer["estimate"])
        inside += answer["low"] < truth < answer["high"]
        means.append(fisher(known.group.u[..., 0].mean((0, 1)))[0])
    error = np.std(pooled, ddof=1) / np.sqrt(30)
    assert (
        abs(np.mean(pooled) - truth) < 2 * error < np.mean(means) - truth
    )  # means are pulled towards the line of the group
    assert inside >= 26


@pytest.mark.parametrize(
    ("formula", "what", "words", "advised"),
    [("group + age", "alpha", "(group and age)", "group + age + ..."), ("age", "beta", "there are none", "...")],
)
def test_what_the_values_can_be_used_for_is_noted(formula, what, words, advised):
    values = tw.plausible(Conjugate({"alpha": formula}, length=20).fit, what, 2)
    (finding,) = [each for each in values.findings if each.code == "use"]
    assert words in finding.sentence and finding.advice.inputs[0].value == {what: advised}


def test_errors_say_what_to_type():
    fit = Conjugate({"alpha": "age"}, length=20).fit
    values = tw.plausible(fit, "alpha", 3)
    for call, words in [
        (lambda: tw.plausible(fit, "alhpa"), "Did you mean 'alpha'"),
        (lambda: tw.plausible(fit, "alpha", 81), "80 draws; ask for draws=20"),
        (lambda: tw.plausible(fit, "alpha", 1).pooled(fisher), "draws=20"),
        (lambda: values.pooled(lambda each: each.mean()), "an estimate and its standard error"),
        (lambda: values.pooled(lambda each: (0.0, np.nan)), "finite"),
    ]:
        with pytest.raises(UsageError, match=words):
            call()


@pytest.mark.sample
def test_a_fit_without_formulas(fitted):
    assert tw.plausible(fitted, "alpha", 4).table.shape == (fitted.trials.n_participants, 4)


def test_sessions_are_told_apart_by_a_column():
    fit = Conjugate({"alpha": "0 + session"}, sessions=2, length=60).fit
    table = tw.plausible(fit, "alpha", 5).table
    assert table.index.names == ["participant", "session"] and table.shape == (2 * len(PEOPLE), 5)
    assert list(table.loc[PEOPLE[0]].index) == ["s1", "s2"]
