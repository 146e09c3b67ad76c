"""Recovery studies: simulation, summary tables, and findings."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from typer.testing import CliRunner

import trialwise as tw
from trialwise.analysis.against_truth import points
from trialwise.cli.app import app
from trialwise.studies.fits import FitSettings

pytestmark = pytest.mark.study

FLAT = tw.QLearning(initial=1.2)
RANGES = {"alpha": (0.05, 0.5), "beta": (1, 4), "forget": (0, 0.1)}
SMALL = {"participants": 8, "seed": 8, "draws": 120, "tune": 120, "chains": 2, "progress": False}
ENVIRONMENT = tw.environments.AlienTask(trials=120)


@pytest.fixture(scope="module")
def study():
    return tw.recover(FLAT, ENVIRONMENT, RANGES, 4, workers=1, **SMALL)


def synthetic(
    names=("a", "b"), participants=60, datasets=4, noise=(0.1, 5.0), width=(0.2, 8.0), informativeness=None, pairs=None
):
    """A study with generated estimates: Normal true values, estimates with the given noise, intervals of the given width."""
    random, rows = np.random.default_rng(1), []
    for dataset in range(datasets):
        for name, e, w in zip(names, noise, width, strict=True):
            true = random.normal(size=participants)
            mean = true + e * random.normal(size=participants)
            share = np.ones(participants) if informativeness is None else informativeness(name, participants)
            columns = {"true": true, "mean": mean, "low": mean - w, "high": mean + w, "told": share}
            rows.append(
                pd.DataFrame({"dataset": dataset, "participant": range(participants), "parameter": name, **columns})
            )
    fits = pd.DataFrame(
        {"r_hat": 1.0, "ess": 500, "draws": 1000, "divergences": 0, "problems": "", "seconds": 1.0},
        index=range(datasets),
    )
    columns = ["first", "second", "posterior_correlation", "error_correlation", "product_correlation"]
    return tw.results.Recovery("L()", pd.concat(rows), pd.DataFrame(pairs or [], columns=columns), fits, {}, 0.89)


def test_summary_table(study):
    table = study.table
    for name in FLAT.names:
        estimates = study.points[study.points["parameter"] == name]
        true, mean = estimates["true"].to_numpy(), estimates["mean"].to_numpy()
        row = table.loc[name]
        assert len(estimates) == 32
        assert row["correlation"] == pytest.approx(np.corrcoef(true, mean)[0, 1])
        assert row["bias"] == pytest.approx(np.mean(mean - true))
        assert row["rmse"] == pytest.approx(np.sqrt(np.mean((mean - true) ** 2)))
        assert row["coverage"] == np.mean((estimates["low"] <= true) & (true <= estimates["high"]))
        x = np.concatenate([g["true"] - g["true"].mean() for _, g in estimates.groupby("dataset")])
        y = np.concatenate([g["mean"] - g["mean"].mean() for _, g in estimates.groupby("dataset")])
        assert row["within"] == pytest.approx(np.corrcoef(x, y)[0, 1])
        assert row["slope"] == pytest.approx(np.polyfit(x, y, 1)[0]) and row["shrinkage"] == pytest.approx(
            1 - row["slope"]
        )
        low, high = (0, 1) if name == "alpha" else (1, 4) if name == "beta" else (0, 0.1)
        assert (true >= low).all() and (true <= high).all()
        assert (estimates["told"] <= 1).all()
    assert table["coverage"].between(0.6, 1).all() and table["correlation"].loc[["alpha", "beta"]].min() > 0.3
    assert len(set(study.points["true"])) == 4 * 8 * 3


def test_a_data_set_equals_a_direct_fit(study):
    """A study and a direct fit have the same true values, choices and draws."""
    from trialwise.analysis.true_values import truth_of
    from trialwise.studies.recovery_study import RecoveryStudy

    settings = FitSettings(120, 120, 2, None)
    study_task = RecoveryStudy(
        ENVIRONMENT,
        tuple(range(8)),
        SMALL["seed"],
        FLAT,
        truth_of(RANGES, FLAT, ENVIRONMENT, SMALL["seed"]),
        settings,
        {},
        0.89,
    )
    simulation = study_task.simulation(2)
    fit = tw.fit(FLAT, simulation.trials, draws=120, tune=120, chains=2, seed=study_task.fit_seed(2), progress=False)
    expected, estimates = points(fit, simulation.parameters), study.points[study.points["dataset"] == 2]
    for column in ("true", "mean", "low", "high"):
        np.testing.assert_array_equal(estimates[column], expected[column])
    u = fit.tree["posterior"]["individual"].to_numpy().reshape(240, 8, 3)
    group = np.square(fit.tree["posterior"]["beta_sd"].to_numpy()).mean()
    np.testing.assert_allclose(estimates["told"][estimates["parameter"] == "beta"], 1 - u[:, :, 1].var(0) / group)
    correlations = [np.corrcoef(u[:, n, 0], u[:, n, 1])[0, 1] for n in range(8)]
    from trialwise.studies.recovery_study import of_pairs, unconstrained

    np.testing.assert_allclose(of_pairs(fit, unconstrained(fit))["pair_correlation"][0], correlations)
    product = (fit.tree["posterior"]["alpha"] * fit.tree["posterior"]["beta"]).mean(("chain", "draw"))
    np.testing.assert_allclose(of_pairs(fit, unconstrained(fit))["product"][0], product)


def test_learning_rate_and_temperature_trade_off(study):
    pair = study.pairs.set_index(["first", "second"]).loc[("alpha", "beta")]
    assert pair["posterior_correlation"] < -0.2
    assert len(study.pairs) == 3 and len(study.plot().axes) == 6


def test_sentences():
    recovery = synthetic(pairs=[("a", "b", -0.8, -0.5, 0.999)])
    first, second, third = recovery.sentences
    assert (
        first.startswith("a: found: correlation within data sets 1.00 (0.99 to 1.00); bias ") and "narrow" not in first
    )
    assert "89% intervals contain the true value in 9" in first
    assert second.startswith("b: not found in this design: estimates hardly follow the true values (slope ")
    assert "correlation within data sets 0.2" in second and "use more trials, or .fix(b=...)" in second
    assert list(recovery.table["verdict"]) == ["found", "not found"]
    assert third.startswith("a and b trade off (posterior correlation -0.80): a x b is recovered better")
    flat = synthetic(noise=(0.1, 0.1))
    flat.points["mean"] *= 0.1
    assert (
        "a: not found in this design: estimates hardly follow the true values (slope 0.10; correlation within data sets 1.00"
        in flat.sentences[0]
    )
    between = synthetic(noise=(1.2, 1.2), width=(3, 3)).sentences[0]
    assert between.startswith(
        "a: not decided: high and low values are distinguished, their size is imprecise (correlation within data sets "
    )
    narrow = synthetic(noise=(0.2, 0.5), width=(0.1, 1.0))
    assert narrow.sentences[0].startswith(
        "a: not decided: the intervals are too narrow (correlation within data sets 0.9"
    )
    assert narrow.table.loc["a", "verdict"] == "not decided"
    shifted = synthetic(noise=(0.1, 0.1))
    for column in ("mean", "low", "high"):
        shifted.points[column] += 1.0
    assert "a: not decided: estimates are too high, so that means of groups would be misjudged" in shifted.sentences[0]
    untold = synthetic(
        noise=(0.1, 0.1), informativeness=lambda name, count: np.full(count, 0.1 if name == "a" else 0.9)
    )
    assert "a: not decided: the data of 100% of participants are uninformative" in untold.sentences[0]
    assert untold.sentences[1].startswith("b: found")
    constant = synthetic()
    constant.points.loc[constant.points["parameter"] == "a", "true"] = 1.0
    assert constant.sentences[0].startswith("a: not decided: the true value does not vary between participants")
    assert constant.table.loc["a", "verdict"] == "not decided"


def test_no_verdict_rests_on_unreliable_fits():
    good = synthetic(noise=(0.1, 0.1))
    for change, why in (
        ({"r_hat": 1.2}, "R-hat above 1.05, or one chain, in 4"),
        ({"r_hat": np.nan}, "R-hat above 1.05, or one chain, in 4"),
        ({"ess": 30}, "fewer than 100 effective draws in 4"),
        ({"divergences": 50}, "more than 1% of draws diverged in 4"),
    ):
        broken = tw.results.Recovery(
            "L()", good.points, good.pairs, good.fits.assign(problems="R-hat", **change), {7: "no start"}, 0.89
        )
        assert broken.sentences[0].startswith("a: not decided: 5 of 5 data sets have no reliable draws")
        assert broken.sentences[-2].startswith(f"draws of 4 of 4 fits are not reliable: {why}")
        assert "1 of 5 data sets could not be fitted" in broken.sentences[-1]
    short = tw.results.Recovery("L()", good.points, good.pairs, good.fits.assign(problems="few draws"), {}, 0.89)
    assert short.sentences[0].startswith("a: found") and short.findings[-1].code == "short-fits"


def test_data_are_uninformative_about_the_learning_rate_where_the_slope_is_small():
    """30 trials, 10 participants, skin conductance; the learning rate is identified only if the slope is not near 0."""
    learner = tw.learners.RescorlaWagner().fix(intercept=0, noise=0.3)
    truth = {"alpha": (0, 1), "slope": scipy.stats.norm()}
    recovery = tw.recover(
        learner, tw.environments.Conditioning(), truth, 5, participants=10, seed=2, pooling="none", draws=300, tune=300, chains=2, workers=1,
        progress=False,
    )  # fmt: skip
    wide = {
        c: recovery.points.pivot(index=["dataset", "participant"], columns="parameter", values=c)
        for c in ("true", "told", "low", "high")
    }
    size = wide["true"]["slope"].abs()
    small, large = size < 0.1, size > 0.5
    width = wide["high"]["alpha"] - wide["low"]["alpha"]
    assert small.sum() >= 2 and width[small].mean() > 1.3 * width[large].mean()
    uninformative = wide["told"]["alpha"] < 0.25
    assert uninformative[small].mean() > 0.5 and uninformative[large].mean() < 0.1
    row = recovery.where.set_index(["parameter", "other"]).loc[("alpha", "slope")]
    assert row["unidentified"] > row["elsewhere"] + 1 / 3
    assert "unidentified where |slope| is small: below 0." in recovery.sentences[0]
    assert recovery.sentences[1].startswith(
        ("slope: found: ", "slope: not decided: 50 simulated participants are too few")
    )


def test_truth_from_the_prior_and_from_a_posterior(fitted, small):
    short = {"draws": 30, "tune": 30, "chains": 2, "workers": 1, "progress": False}
    prior = tw.recover(FLAT, tw.environments.AlienTask(trials=24), datasets=2, participants=3, **short)
    assert len(set(prior.points["true"])) == 18
    stored = tw.recover(FLAT, tw.environments.AlienTask(), fitted, 2, **short)
    assert list(stored.points["participant"].unique()) == [str(label) for label in small.trials.participants]
    posterior = fitted.tree["posterior"]
    for _, estimates in stored.points.groupby("dataset"):
        alpha = estimates.loc[estimates["parameter"] == "alpha", "true"].to_numpy()
        draws = posterior["alpha"].to_numpy().reshape(600, 8)
        same = np.isclose(draws, alpha).all(1)
        assert len(np.unique(draws[same], axis=0)) == 1  # a sampler may stay at a draw
    mixed = tw.recover(FLAT, tw.environments.AlienTask(trials=24), {"alpha": 0.3}, 1, 3, **short)
    assert (mixed.points.loc[mixed.points["parameter"] == "alpha", "true"] == 0.3).all()


def test_recorded_sequences_keep_their_missed_trials(small):
    choice = small.trials.choice.copy()
    choice[::5] = -1
    from dataclasses import replace

    from trialwise.analysis.true_values import truth_of
    from trialwise.studies.recovery_study import RecoveryStudy

    environment = tw.environments.AlienTask().on(replace(small.trials, choice=choice))
    study_task = RecoveryStudy(
        environment,
        small.trials.participants,
        0,
        FLAT,
        truth_of(RANGES, FLAT, environment, 0),
        FitSettings(None, 100, 2, None),
        {},
        0.89,
    )
    trials = study_task.simulation(0).trials
    np.testing.assert_array_equal(trials.choice == -1, choice == -1)
    np.testing.assert_array_equal(trials.columns["cue"].values, small.trials.columns["cue"].values)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"datasets": 0}, "datasets=0"),
        ({"pooling": "complete"}, "no participants' parameters"),
        ({"truth": {"gamma": 1}}, "gamma"),
        ({"truth": 3}, 'wanted ranges, {"alpha": '),
        ({"truth": {"alpha": (0, 1, 2)}}, "a range is a pair"),
        ({"interval": 89}, "between 0 and 1"),
        ({"participants": 0}, "1 or larger"),
        ({"workers": 0}, "1 or larger"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(tw.errors.UsageError, match=message):
        tw.recover(**({"learner": FLAT, "environment": ENVIRONMENT, "participants": 2, "progress": False} | arguments))


def test_trials_instead_of_an_environment_are_an_error(small):
    with pytest.raises(tw.errors.UsageError, match=r"environment.on\(trials\).*AlienTask\(\)"):
        tw.recover(FLAT, small.trials, RANGES)


KILLED = f"""
import sys
import trialwise as tw

if __name__ == "__main__":
    ranges = {RANGES!r}
    tw.recover(
        tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=120), ranges, 4, participants=8, seed={SMALL["seed"]}, draws=120, tune=120, chains=2,
        folder=sys.argv[1], workers=1, progress=False,
    )
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a system with kill -9")
def test_a_killed_study_ends_with_the_same_table(study, tmp_path):
    """A study started by a process that was killed and resumed by another has the same numbers as an uninterrupted one."""
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    process = subprocess.Popen([sys.executable, script, tmp_path], env=os.environ)
    end = time.monotonic() + 100
    while len(list(tmp_path.glob("pieces/*/*.npz"))) < 1:
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    stored = {path.name: path.read_bytes() for path in tmp_path.glob("pieces/*/*.npz")}
    resumed = tw.recover(FLAT, ENVIRONMENT, RANGES, 4, folder=tmp_path, workers=1, **SMALL)
    final = {path.name: path.read_bytes() for path in tmp_path.glob("pieces/*/*.npz")}
    assert len(final) == 4 and all(final[name] == content for name, content in stored.items())
    pd.testing.assert_frame_equal(resumed.points, study.points, check_exact=True)
    pd.testing.assert_frame_equal(resumed.table, study.table, check_exact=True)


def test_on_the_command_line(tmp_path):
    options = "--environment AlienTask --set initial=1.2 --trials 36 --participants 4 --datasets 2 --draws 40 --tune 40 --chains 2 --workers 1 -q"
    command = ["recover", "QLearning", *options.split(), "--param", "alpha=0:0.2", "-o", str(tmp_path)]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    assert "alpha: " in first.output and "recovery of QLearning(initial=1.2) in AlienTask(" in first.output
    table = pd.read_csv(tmp_path / "recovery.csv", index_col="parameter")
    assert list(table.index) == list(FLAT.names)
    points = pd.read_csv(tmp_path / "recovery_points.csv")
    assert points.loc[points["parameter"] == "alpha", "true"].between(0, 0.2).all() and len(points) == 24
    assert (tmp_path / "recovery_plot.png").read_bytes()[:4] == b"\x89PNG"
    pieces = {path: path.stat().st_mtime_ns for path in tmp_path.glob("pieces/recover-*/*.npz")}
    assert len(pieces) == 2
    repeated = CliRunner().invoke(app, command)
    assert repeated.output == first.output and all(path.stat().st_mtime_ns == time for path, time in pieces.items())
    wrong = CliRunner().invoke(
        app, ["recover", "QLearning", "--scheduler", "tcp://x", "--workers", "2", "-o", str(tmp_path)]
    )
    assert wrong.exit_code == 2
