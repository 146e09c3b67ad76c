"""Diagnoses: each problem of a fit is reported with advice; a good fit has no findings."""

import json
import re

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from hypothesis import given, settings, strategies as st
from scipy.special import expit, ndtr
from typer.testing import CliRunner

import trialwise as tw
from trialwise.analysis.diagnose import geweke, overlap
from trialwise.cli.app import app
from trialwise.cli.output.words import in_options
from trialwise.inference.diagnostics import problems, too_few
from trialwise.population.population import population_of

LEARNER = tw.QLearning(initial=1.2)
CHAINS, DRAWS = 4, 500
CENTRES = {"alpha": -1.2, "beta": 0.6, "forget": -2.5}


class Draws:
    """Well-behaved draws, which tests then change."""

    def __init__(self, participants):
        self.random = np.random.default_rng(1)
        normal, shape = self.random.standard_normal, (CHAINS, DRAWS)
        self.mu = {name: centre + 0.1 * normal(shape) for name, centre in CENTRES.items()}
        self.sd = {name: 0.5 * np.exp(0.15 * normal(shape)) for name in CENTRES}
        self.z = {name: 0.3 * normal((*shape, participants)) for name in CENTRES}
        self.stats = {
            "diverging": np.zeros(shape, bool),
            "maxdepth_reached": np.zeros(shape, bool),
            "energy": normal(shape),
            "mean_tree_accept": np.full(shape, 0.85),
            "depth": np.full(shape, 3),
        }

    def fit(self, trials, **attributes):
        draws, unconstrained = {}, []
        for name in CENTRES:
            natural = np.exp if name == "beta" else expit
            u = self.mu[name][..., None] + self.sd[name][..., None] * self.z[name]
            unconstrained.append(u)
            draws |= {
                f"{name}_{part}": (("chain", "draw"), values[name])
                for part, values in (("mu", self.mu), ("sd", self.sd))
            }
            draws[f"{name}_group"] = (("chain", "draw"), natural(self.mu[name]))
            draws[name] = (("chain", "draw", "participant"), natural(u))
        draws["individual"] = (("chain", "draw", "participant", "parameter"), np.stack(unconstrained, -1))
        coords = {"chain": np.arange(CHAINS), "draw": np.arange(DRAWS)}
        labels = {"participant": [str(label) for label in trials.participants], "parameter": list(CENTRES)}
        stats = xr.Dataset({name: (("chain", "draw"), values) for name, values in self.stats.items()}, coords)
        tree = xr.DataTree.from_dict({"posterior": xr.Dataset(draws, coords | labels), "sample_stats": stats})
        tree.attrs = {
            "parameters": json.dumps(list(CENTRES)),
            "pooling": "partial",
            "notes": "",
            "priors": "{}",
            "seed": 0,
        }
        tree.attrs |= {"learner": repr(LEARNER), **attributes}
        return tw.results.Fit(tree, LEARNER, trials)


@pytest.fixture(scope="module")
def trials(small):
    """Four of the participants."""
    return small.trials.select(small.trials.participants[:4])


@pytest.fixture
def good(trials):
    return Draws(trials.n_participants)


def autocorrelated(random, rho):
    """Autocorrelated chains: each draw is ``rho`` times the previous one, plus noise; variance 1."""
    values = random.standard_normal((CHAINS, DRAWS))
    for t in range(1, DRAWS):
        values[:, t] = rho * values[:, t - 1] + np.sqrt(1 - rho**2) * values[:, t]
    return values


def stuck(d):
    for each in (d.mu, d.sd):
        for values in each.values():
            values[2] = values[2, 0]


def diverging(d):
    d.stats["diverging"][1, ::50] = True


def disagreeing(d):
    d.mu["alpha"][0] += 0.4


def slowly_mixing(d):
    d.mu["alpha"] = CENTRES["alpha"] + 0.1 * autocorrelated(d.random, 0.9)


def low_energy_fraction(d):
    d.stats["energy"][3] = autocorrelated(d.random, 0.97)[0]


def uninformative(d):
    d.mu["forget"] = -2.0 + 1.5 * d.random.standard_normal((CHAINS, DRAWS))
    d.sd["forget"] = abs(d.random.standard_normal((CHAINS, DRAWS)))


def ridge(d):
    d.z["alpha"] = 2.0 * d.random.standard_normal(d.z["alpha"].shape)
    d.z["beta"] = 0.2 * d.random.standard_normal(d.z["alpha"].shape) - d.z["alpha"]


def cut_short(d):
    d.stats["maxdepth_reached"][:, ::8] = True


SINGLE, LONGER = "one or two participants alone", "draw more, draws="
FAILURES = [
    (stuck, "chain 2 is stuck: at most 0.0% of draws differ", [SINGLE, "narrower priors", "fewer parameters"]),
    (diverging, "10 divergent transitions", [SINGLE, "narrower priors", "fewer parameters"]),
    (
        disagreeing,
        "R-hat above 1.01 for alpha_group, alpha_mu",
        [SINGLE, "narrower priors", "fewer parameters", LONGER],
    ),
    (slowly_mixing, "fewer than 400 effective draws for alpha_group, alpha_mu", [LONGER, "fewer parameters"]),
    (low_energy_fraction, "E-BFMI of 0.1", ["narrower priors for spreads", "fewer parameters", LONGER]),
]
CAUTIONS = [
    (
        uninformative,
        "the data are uninformative about forget_group, forget_mu, forget_sd",
        ["do not interpret", "fewer parameters"],
    ),
    (
        ridge,
        "alpha and beta trade off (correlation -0.9",
        ["together", "narrower", ".fix(beta=...)"],
    ),
    (cut_short, "trajectories reached the maximum length in 13% of draws", ["narrower priors", "fewer parameters"]),
]


def check_advice(diagnosis, words, remedies):
    """Check that the finding is reported, with its remedies in this order."""
    advice = next(remedy for sentence, remedy in diagnosis.advice if sentence.startswith(words))
    positions = [advice.casefold().index(remedy.casefold()) for remedy in remedies]
    assert positions == sorted(positions)
    assert words.split(":")[0].casefold() in diagnosis.verdict.casefold()
    return advice


@pytest.mark.parametrize(("change", "words", "remedies"), FAILURES, ids=[case[0].__name__ for case in FAILURES])
def test_problems_with_draws_are_reported(trials, good, change, words, remedies):
    change(good)
    fit = good.fit(trials)
    diagnosis = tw.diagnose(fit)
    check_advice(diagnosis, words, remedies)
    assert diagnosis.verdict.startswith("Do not rely on this fit yet") and not diagnosis.cautions
    # both have the same text
    assert fit.problems == tuple(f"{sentence}. {remedy}" for sentence, remedy in diagnosis.advice)


@pytest.mark.parametrize(("change", "words", "remedies"), CAUTIONS, ids=[case[0].__name__ for case in CAUTIONS])
def test_cautions_on_uninformative_data_with_correct_draws(trials, good, change, words, remedies):
    change(good)
    fit = good.fit(trials)
    diagnosis = tw.diagnose(fit)
    check_advice(diagnosis, words, remedies)
    assert diagnosis.verdict.startswith("The draws can be relied on") and "About the data: " in diagnosis.verdict
    assert not fit.problems and len(diagnosis.cautions) == 1


def test_the_trade_off_of_rate_and_temperature_is_quantified(trials, good):
    ridge(good)
    fit = good.fit(trials)
    diagnosis = tw.diagnose(fit)
    first = diagnosis.correlations.iloc[0]
    assert (first["first"], first["second"], first["level"]) == ("alpha", "beta", "within participants")
    assert "slow learner who chooses sharply" in first["known"]
    assert not diagnosis.correlations["known"].iloc[1:].any()
    alpha_percent, beta_percent, product_percent = (
        float(re.search(rf"{name} to (?:about )?(\d+)%", first["known"])[1]) for name in ("alpha", "beta", "known")
    )
    a, b = (fit.tree["posterior"][name].to_numpy() for name in ("alpha", "beta"))
    spreads = [np.log(each).std((0, 1)).mean() for each in (a, b, a * b)]
    np.testing.assert_allclose([alpha_percent, beta_percent, product_percent], 100 * np.expm1(spreads), atol=0.6)
    assert product_percent < 0.5 * beta_percent
    from scipy.stats import spearmanr

    correlations = [spearmanr(a[..., n].ravel(), b[..., n].ravel()).statistic for n in range(trials.n_participants)]
    assert first["correlation"] == pytest.approx(np.mean(correlations))


def test_several_problems_are_reported_together_with_their_numbers():
    random = np.random.default_rng(0)
    draws = random.standard_normal((2, 50))
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), random.random((2, 50)) < 0.1),
            "energy": (("chain", "draw"), np.cumsum(draws, axis=1)),
        },
        {"chain": [0, 1]},
    )
    posterior = xr.Dataset(dict.fromkeys("ab", (("chain", "draw"), draws)))
    group = pd.DataFrame({"r_hat": [1.2, 1.0], "ess_bulk": [30.0, 900.0], "ess_tail": [40.0, 900.0]}, index=["a", "b"])
    diagnosis = problems(xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats}), group)
    texts = [str(each) for each in diagnosis]
    assert len(texts) == 4
    for text, part in zip(
        texts,
        [
            f"{int(stats['diverging'].sum())} divergent transitions",
            "E-BFMI of 0.",
            "R-hat above 1.01 for a (largest 1.200): the chains disagree",
            "fewer than 400 effective draws for a (fewest 30)",
        ],
        strict=True,
    ):
        assert text.startswith(part), text


def test_chains_of_fewer_than_four_draws_are_too_short_to_tell():
    """They have no R-hat and no effective sample size."""
    group = pd.DataFrame(np.nan, ["a", "b"], ["r_hat", "ess_bulk", "ess_tail"])
    (few,) = too_few(group, 3)
    assert few.sentence == "fewer than 400 effective draws for a, b (too few draws to count them)"
    assert re.fullmatch(r"Draw more, draws=\d+; then fit fewer parameters .*", str(few.advice))


@pytest.mark.parametrize(("r_hat", "first"), [(1.05, "Draw more"), (1.2, "Fit")])
def test_remedies_for_few_draws_and_for_chains_that_disagree_have_one_order(r_hat, first):
    group = pd.DataFrame({"r_hat": [r_hat], "ess_bulk": [100.0], "ess_tail": [100.0]}, index=["a"])
    apart, few = too_few(group)
    assert str(few.advice).startswith(first)
    longer, fewer = (str(apart.advice).casefold().index(remedy) for remedy in ("draw more", "fit fewer"))
    assert (longer < fewer) == (first == "Draw more")


def test_good_draws(trials, good):
    diagnosis = tw.diagnose(good.fit(trials))
    assert not diagnosis.advice and "informative about every parameter" in diagnosis.verdict
    table = diagnosis.table
    assert list(table.columns) == [
        "mean",
        "sd",
        "mcse",
        "r_hat",
        "ess_bulk",
        "ess_tail",
        "geweke",
        "autocorrelation",
        "overlap",
    ]
    assert (table["autocorrelation"] < 1.3).all() and table["geweke"].abs().max() < 4
    np.testing.assert_allclose(table["mcse"], table["sd"] / np.sqrt(table["ess_bulk"]), rtol=0.15)
    np.testing.assert_allclose(table.loc["alpha_group", "overlap"], table.loc["alpha_mu", "overlap"], atol=1e-9)
    assert list(diagnosis.sampler["divergences"]) == [0] * 4 and (diagnosis.sampler["e_bfmi"] > 1.5).all()
    assert diagnosis.sampler.loc[3, "acceptance"] == pytest.approx(0.85)


def test_participants_are_sorted_by_convergence(trials, good):
    good.z["beta"][..., 3] += 4.0  # four standard deviations above the others
    good.z["alpha"][..., 1] = 0.3 * autocorrelated(good.random, 0.98)
    diagnosis = tw.diagnose(good.fit(trials))
    assert (
        diagnosis.participants.index[0] == trials.participants[1]
        and diagnosis.participants.iloc[0]["parameter"] == "alpha"
    )
    outlier = diagnosis.participants.loc[trials.participants[3]]
    assert outlier["which"] == "beta" and outlier["away"] == pytest.approx(4.0, abs=0.1)


def test_participants_whose_data_are_uninformative(trials, good):
    """A participant without choices has a flat likelihood."""
    from dataclasses import replace

    rows = slice(trials.offsets[2], trials.offsets[3])
    choice, outcome = trials.choice.copy(), trials.outcome["outcome"].copy()
    choice[rows], outcome[rows] = -1, np.nan
    diagnosis = tw.diagnose(good.fit(replace(trials, choice=choice, outcome={"outcome": outcome})))
    participant = trials.participants[2]
    assert [c.sentence for c in diagnosis.cautions] == [
        f"the data of {participant} are uninformative about {name}: its posterior there follows the prior"
        for name in CENTRES
    ]


def test_priors_that_are_not_available(trials, good):
    fit = good.fit(trials, priors=json.dumps({"alpha_mu": "somehow"}))
    known = tw.diagnose(tw.results.Fit(fit.tree, LEARNER, trials, None)).table["overlap"].notna()
    assert list(known.index[~known]) == ["alpha_group", "alpha_mu"]
    diagnosis = tw.diagnose(tw.results.Fit(fit.tree, None, trials, None))
    assert diagnosis.table["overlap"].isna().all() and "The priors of this fit are not available" in diagnosis.verdict


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 3), st.sampled_from([lambda x: x, np.exp, expit]))
def test_overlap_is_the_area_below_both_densities_on_any_scale(shift, scale):
    random = np.random.default_rng(int(shift * 1000))
    prior, posterior = random.standard_normal(20_000), random.standard_normal(4000) + shift
    assert overlap(scale(posterior), scale(prior)) == pytest.approx(2 * ndtr(-shift / 2), abs=0.04)


def test_overlap_of_a_posterior_far_from_the_prior():
    prior = np.random.default_rng(0).standard_normal(1000)
    assert overlap(np.full(100, 50.0), prior) == 0.0
    assert overlap(np.random.default_rng(1).normal(0.0, 0.01, 4000), prior) < 0.1


def test_geweke():
    random = np.random.default_rng(2)
    z = [geweke(random.standard_normal((1, 400))) for _ in range(400)]
    assert abs(np.mean(z)) < 0.2 and 0.9 < np.std(z) < 1.3
    drifting = random.standard_normal((3, 400))
    drifting[1] += np.linspace(3.0, 0.0, 400)
    assert geweke(drifting) > 5 and geweke(-drifting) < -5
    assert np.isnan(geweke(random.standard_normal((2, 30))))
    assert geweke(np.ones((2, 100))) == 0.0


def test_autocorrelation_time(trials, good):
    good.mu["alpha"] = CENTRES["alpha"] + 0.1 * autocorrelated(good.random, 0.5)
    assert tw.diagnose(good.fit(trials)).table.loc["alpha_mu", "autocorrelation"] == pytest.approx(3.0, rel=0.25)


def test_draws_of_priors(small):
    prior, trials = population_of(LEARNER, small.trials).prior, small.trials
    user_priors = {"alpha_mu": pm.Normal.dist(-1.0, 0.5), "beta_sd": pm.Exponential.dist(2.0)}
    draws = population_of(LEARNER, trials, user_priors).prior_draws(4000, seed=1)
    assert draws["alpha_mu"].mean() == pytest.approx(-1.0, abs=0.03) and draws["alpha_mu"].std() == pytest.approx(
        0.5, rel=0.05
    )
    np.testing.assert_array_equal(draws["alpha_group"], expit(draws["alpha_mu"]))
    assert draws["beta_mu"].mean() == pytest.approx(prior.mean[1], abs=0.06)
    assert draws["beta_sd"].mean() == pytest.approx(0.5, rel=0.06)
    assert draws["forget_sd"].min() > 0 and np.sqrt((draws["forget_sd"] ** 2).mean()) == pytest.approx(
        prior.spread[2], rel=0.05
    )
    without_group = population_of(LEARNER, trials, {"alpha": pm.Beta.dist([1, 9], [9, 1])}, "none").prior_draws(2000)
    np.testing.assert_allclose(without_group["alpha"].mean(0), [0.1, 0.9], atol=0.01)
    assert set(without_group) == set(LEARNER.names)
    assert np.log(without_group["beta"]).std() == pytest.approx(prior.total[1], rel=0.06)


@pytest.mark.parametrize("pooling", ["none", "complete"])
def test_other_pooling(trials, good, pooling):
    ridge(good)
    fit = good.fit(trials, pooling=pooling)
    if pooling == "complete":
        first = fit.tree["posterior"].to_dataset().isel(participant=0, drop=True)
        groups = {"posterior": first, "sample_stats": fit.tree["sample_stats"].to_dataset()}
        fit = tw.results.Fit(xr.DataTree.from_dict(groups), LEARNER, trials)
        fit.tree.attrs = good.fit(trials, pooling=pooling).tree.attrs
    diagnosis = tw.diagnose(fit)
    row = diagnosis.correlations.iloc[0]
    assert {row["first"], row["second"]} == {"alpha", "beta"} and "slow learner" in row["known"]
    assert row["level"] == ("group" if pooling == "complete" else "within participants")
    assert len(diagnosis.participants) == (0 if pooling == "complete" else trials.n_participants)
    assert len(diagnosis.table) == (3 if pooling == "complete" else 3 * trials.n_participants)
    assert diagnosis.table["overlap"].between(0, 1).all()


def test_the_plot_shows_ranks_traces_and_autocorrelation(trials, good):
    disagreeing(good)
    diagnosis = tw.diagnose(good.fit(trials))
    axes = diagnosis.plot().axes
    assert [axis.get_title(loc="left") for axis in axes[::3]] == diagnosis.fit.group_names
    ranks = [patch.get_data().values for patch in axes[0].patches[:CHAINS]]
    assert ranks[0][-1] > 2 and ranks[0][0] < 0.2  # draws of chain 0 are larger
    uniform = [patch.get_data().values for patch in axes[3].patches[:CHAINS]]
    np.testing.assert_allclose(np.sum(uniform, 0), CHAINS, atol=0.05)
    assert axes[2].lines[0].get_ydata()[0] == 1.0


def test_on_the_command_line(fitted, tmp_path):
    fitted.save(tmp_path / "fit.nc")
    result = CliRunner().invoke(app, ["diagnose", str(tmp_path / "fit.nc")], env={"COLUMNS": "200"})
    diagnosis = tw.diagnose(fitted)
    assert diagnosis.problems and result.exit_code == 5
    text = " ".join(result.output.split())
    for part in (diagnosis.verdict, *(remedy for _, remedy in diagnosis.advice)):
        assert " ".join(in_options(part).split()) in text
    assert re.search(r"--draws \d+00", text) and "draws=" not in text
    table = pd.read_csv(tmp_path / "diagnosis.csv", index_col="parameter")
    pd.testing.assert_frame_equal(table, diagnosis.table)
    assert (tmp_path / "diagnosis_plot.png").read_bytes()[:4] == b"\x89PNG"


def test_diagnosis_as_text(trials, good):
    diverging(good)
    diagnosis = tw.diagnose(good.fit(trials))
    assert repr(diagnosis).startswith(
        "Diagnosis(problems: 1, cautions: 0)\nDo not rely on this fit yet: there is one problem with its draws"
    )
    assert "\n1. 10 divergent transitions" in repr(diagnosis)
