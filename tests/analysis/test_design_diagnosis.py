"""Diagnosis of fits with formulas: spreads that differ between levels, and effects that the prior drives."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy.special import expit

import trialwise as tw
from conjugate import Conjugate
from trialwise.analysis.effects.prior_driven import DRIVEN, effects_of, prior_driven
from trialwise.analysis.effects.spreads_by_level import RARE, compared_spreads, spreads_by_level, unequal_spreads


def standardised(random, size, spreads, noise, draws=400):
    """Draws of participants in units of a common spread, given one Normal observation of each: a conjugate model without sampling.

    The spread is drawn from its posterior on a grid, then the mean of each group and its participants, which are Normal.
    """
    count, groups = 2 * size, [np.arange(size), np.arange(size, 2 * size)]
    noise = noise * np.exp(0.3 * random.normal(size=count))
    y = random.normal(0, np.repeat(spreads, size)) + random.normal(0, noise)
    grid = np.linspace(0.01, 4, 300)[:, None]
    variance = grid**2 + noise**2
    log_p = -0.5 * grid[:, 0] ** 2 - 0.5 * np.log(variance).sum(1)
    for own in groups:
        weight = 1 / variance[:, own]
        mean = (weight * y[own]).sum(1) / weight.sum(1)
        log_p -= 0.5 * (weight * (y[own] - mean[:, None]) ** 2).sum(1) + 0.5 * np.log(weight.sum(1))
    p = np.exp(log_p - log_p.max())
    s = random.choice(grid[:, 0], draws, p=p / p.sum())[:, None]
    z = np.empty((draws, count))
    for own in groups:
        weight = 1 / (s**2 + noise[own] ** 2)
        mean = random.normal((weight * y[own]).sum(1) / weight.sum(1), weight.sum(1) ** -0.5)[:, None]
        precision = 1 / s**2 + 1 / noise[own] ** 2
        u = random.normal((mean / s**2 + y[own] / noise[own] ** 2) / precision, precision**-0.5)
        z[:, own] = (u - mean) / s
    return z, s[:, 0], groups


def probabilities(size, spreads, noise, times):
    random = np.random.default_rng(5)
    found = [compared_spreads(*standardised(random, size, spreads, noise), seed=n) for n in range(times)]
    return np.array([1.0 if each is None else each[1] for each in found])


@pytest.mark.parametrize(("size", "spread", "noise"), [(12, 0.7, 0.2), (20, 0.7, 0.5), (12, 0.7, 1.0), (12, 0.1, 0.2)])
def test_equal_spreads_are_rarely_called_unequal(size, spread, noise):
    """Of 100 data sets; 11 or more of them have a probability of .01 if the finding is made in 5 %."""
    assert (probabilities(size, (spread, spread), noise, 100) < RARE).sum() <= 10


def test_unequal_spreads_are_found():
    assert (probabilities(20, (0.3, 1.2), 0.5, 60) < RARE).mean() > 0.8
    assert (probabilities(20, (0.3, 1.2), 3.0, 20) < RARE).sum() <= 2  # the data do not tell


def test_a_participant_of_whom_the_data_say_nothing_does_not_decide():
    """The variance of such a participant's effect, in units of the spread, is about 1, and may be larger: the participant has no weight."""
    random = np.random.default_rng(3)
    z, spread, groups = standardised(random, 15, (0.4, 0.4), 0.2, draws=2000)
    ratios, probability = compared_spreads(z, spread, groups, seed=1)
    z[:, -1] = random.normal(-1.3, 1.07, len(z))
    among, with_probability = compared_spreads(z, spread, groups, seed=1)
    np.testing.assert_allclose(among, ratios, rtol=0.2)
    assert probability > RARE and with_probability > RARE


def test_nothing_is_said_of_known_spreads_and_few_participants():
    known = Conjugate({"alpha": "group", "alpha_sd": "group", "beta": "site"}, length=200)
    tested = {(each.parameter, each.factor) for each in spreads_by_level(known.fit)}
    assert tested <= {(name, factor) for name in ("beta", "forget") for factor in ("group", "site")}
    assert unequal_spreads(known.fit) == []
    sessions = Conjugate({"alpha": "session + group"}, sessions=2, length=200)
    assert {each.parameter for each in spreads_by_level(sessions.fit)} <= {"alpha", "beta", "forget"}


def simulated(spreads):
    """Twenty-eight participants, of whom every second is a patient, with these spreads of learning rates in each group."""
    random, labels = np.random.default_rng(2), [f"p{n:02d}" for n in range(28)]
    away = random.normal(size=14)
    away = np.stack([(away - away.mean()) / away.std(), np.roll((away - away.mean()) / away.std(), 3)], 1).ravel()
    truth = pd.DataFrame({"alpha": expit(-0.5 + away * np.tile(spreads, 14))})
    learner = tw.QLearning(initial=1.2).fix(beta=4.0, forget=0.0)
    trials = tw.simulate(learner, tw.environments.AlienTask(trials=160), truth, participants=labels, seed=1).trials
    return learner, trials, {"participant": labels, "group": ["control", "patient"] * 14}


SHORT = {"draws": 400, "tune": 300, "chains": 2, "progress": False, "seed": 1}


@pytest.mark.sample
def test_unequal_spreads_of_a_fit_are_found_and_the_advice_is_right():
    learner, trials, people = simulated((0.3, 1.2))
    fit = tw.fit(learner, trials, formulas={"alpha": "group"}, participants=people, **SHORT)
    (finding,) = [each for each in tw.diagnose(fit).cautions if each.code == "unequal-spreads"]
    assert "participants differ more in alpha at some levels of group" in finding.sentence
    formulas = next(part for part in finding.advice.parts if not isinstance(part, str)).value
    assert formulas == {"alpha": "group", "alpha_sd": "group"}
    advised = tw.fit(learner, trials, formulas=formulas, participants=people, **SHORT)
    assert "unequal-spreads" not in {each.code for each in tw.diagnose(advised).cautions}
    for level, spread in {"control": 0.3, "patient": 1.2}.items():
        draws = advised.draws[f"alpha_sd_effects[group[{level}]]"].to_numpy()
        low, high = np.quantile(draws, [0.01, 0.99])
        assert low < spread < high
    row = tw.diagnose(advised).effects.set_index("effect").loc["log spread, group[patient] - group[control]"]
    assert row["mean"] - 3 * row["sd"] < np.log(4) < row["mean"] + 3 * row["sd"] and row["mean"] > 2 * row["sd"]
    written = tw.fit(learner, trials, formulas="alpha ~ group + (1 | participant)", participants=people, **SHORT)
    (other,) = [each for each in tw.diagnose(written).cautions if each.code == "unequal-spreads"]
    again = next(part for part in other.advice.parts if not isinstance(part, str)).value
    assert again == {"alpha": "group + (0 + group | participant)"}
    same = tw.fit(learner, trials, formulas=again, participants=people, **SHORT)
    assert same.population.variables.spreads == advised.population.variables.spreads


@pytest.mark.sample
def test_equal_spreads_of_a_fit_and_a_spread_without_a_mean(tmp_path):
    learner, trials, people = simulated((0.7, 0.7))
    fit = tw.fit(learner, trials, formulas={"alpha": "group"}, participants=people, **SHORT)
    assert "unequal-spreads" not in {each.code for each in tw.diagnose(fit).cautions}
    spreads = tw.fit(learner, trials, formulas="alpha_sd ~ group", participants=people, **SHORT)
    names = [f"alpha_sd_effects[group[{level}]]" for level in ("control", "patient")]
    assert set(names) <= set(spreads.summary().index) and set(names) <= set(spreads.group().index)
    page = tw.report(spreads, tmp_path / "report.html", progress=False).read_text("utf-8")
    assert "spreads of participants at levels" in page and "group control" in page
    assert list(tw.diagnose(spreads).effects["effect"]) == ["log spread, group[patient] - group[control]"]
    check = tw.check(spreads, by="group", datasets=45, progress=False)
    assert [each.label for each in check.levels.levels] == ["control", "patient"]


def test_effects_before_and_after_the_data_have_the_widths_of_the_conjugate_posterior():
    known = Conjugate({"alpha": "group * age", "beta": "site"}, shift=0.2)
    table = effects_of(known.fit)
    assert list(table["effect"]) == [
        "patient - control",
        "age + 1 SD",
        "(patient - control) x (age + 1 SD)",
        "y - x",
        "z - x",
        "z - y",
    ]
    alpha, beta = known.models["alpha"], known.models["beta"]
    mean, sd = alpha.numbers["age"]
    cells = {(g, a): alpha.at({"group": g, "age": a}) for g in ("control", "patient") for a in (mean, mean + sd)}
    vectors = [
        alpha.at({"group": "patient"}) - alpha.at({"group": "control"}),
        alpha.at({"age": mean + sd}) - alpha.at({"age": mean}),
        cells["patient", mean + sd] - cells["patient", mean] - cells["control", mean + sd] + cells["control", mean],
        *(beta.at({"site": to}) - beta.at({"site": since}) for since, to in ("xy", "xz", "yz")),
    ]  # fmt: skip
    for vector, row in zip(vectors, table.to_dict("records"), strict=True):
        assert row["mean"] == pytest.approx(vector @ known.mean, abs=0.03)
        assert row["sd"] == pytest.approx(np.sqrt(vector @ known.covariance @ vector), rel=0.05)
        assert row["prior_width"] == pytest.approx(
            np.sqrt((vector * known.prior.width) ** 2 @ np.ones(len(vector))), rel=0.05
        )
        assert row["ratio"] == pytest.approx(row["sd"] / row["prior_width"])


@pytest.mark.sample
def test_effects_that_the_prior_drives_are_named_as_differences():
    learner, trials, people = simulated((0.7, 0.7))
    narrow = {"alpha_effects": pm.Normal.dist(0, 0.02)}
    fit = tw.fit(learner, trials, formulas={"alpha": "group"}, participants=people, priors=narrow, **SHORT)
    diagnosis = tw.diagnose(fit)
    (finding,) = [each for each in diagnosis.cautions if each.code == "prior-driven"]
    assert "alpha: patient - control" in finding.sentence and "alpha_effects" in finding.advice
    assert not [each for each in diagnosis.cautions if "alpha_effects[group.1]" in each.sentence]
    assert diagnosis.tables()["effects"]["ratio"][0] > DRIVEN
    wide = tw.fit(learner, trials, formulas={"alpha": "group"}, participants=people, **SHORT)
    assert prior_driven(effects_of(wide)) == []
