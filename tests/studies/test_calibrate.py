"""Simulation-based calibration: ranks under correct posteriors are uniform, wrong posteriors are detected. For a long run see ``docs/calibration.txt``."""

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy.stats import kstwo
from typer.testing import CliRunner

import trialwise as tw
from trialwise.cli.app import app
from trialwise.population.population import population_of
from trialwise.studies.calibration_study import CalibrationStudy, calibration_of
from trialwise.studies.fits import FitSettings
from trialwise.studies.ranks import rank, thinned

pytestmark = pytest.mark.study

SETTINGS = FitSettings(None, 100, 2, None)

PRIOR = {"alpha": (-1.5, 0.7, 0.6), "beta": (0.7, 0.5, 0.4), "forget": (-2.5, 0.7, 0.6)}
PRIORS = {f"{n}_mu": pm.Normal.dist(m, w) for n, (m, w, _) in PRIOR.items()} | {
    f"{n}_sd": pm.HalfNormal.dist(s) for n, (_, _, s) in PRIOR.items()
}


def calibration(ranks, **more):
    """A calibration with the given ranks."""
    ranks = pd.DataFrame(ranks, dtype=int)
    count = len(ranks)
    fits = pd.DataFrame(
        {"r_hat": np.ones(count), "ess": 500, "draws": 1000, "divergences": 0, "problems": "", "seconds": 1.0}
    )
    return tw.results.Calibration("Learner()", ranks, fits, **({"failed": {}} | more))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Twelve fits of six agents of 72 trials."""
    return tw.calibrate(
        tw.QLearning(initial=1.2), tw.environments.AlienTask(trials=72), 12, 6, seed=3, priors=PRIORS, draws=250, tune=200, chains=2,
        workers=1, progress=False, folder=tmp_path_factory.mktemp("calibration"),
    )  # fmt: skip


def test_ranks_of_the_truth(small):
    names = [f"{name}_{part}" for name in PRIOR for part in ("mu", "sd")] + [f"{name}[0]" for name in PRIOR]
    assert set(small.ranks) == {*names, "log-likelihood"} and len(small.ranks) == 12
    error = np.sqrt(1 / (12 * 12))  # of the mean of twelve uniform shares
    assert (abs(small.ranks.mean() / 100 - 0.5) < 4 * error).all()
    assert not small.table["outside_joint"].any() and not small.calibrated  # twelve data sets cannot show it
    assert (
        small.findings[0].code == "not-decided"
        and "in 12 data sets only deviations of more than 0." in small.sentences[0]
    )
    assert len(small.plot().axes) >= 10


def test_ranks_are_those_of_the_truth_that_was_simulated():
    population = population_of(tw.QLearning(), 1.0, PRIORS)
    study = CalibrationStudy(
        tw.environments.AlienTask(trials=12), (0, 1, 2), 1, tw.QLearning(), population, SETTINGS, 10
    )
    simulation, group, u = study.simulation(4)
    np.testing.assert_allclose(simulation.parameters["beta"], np.exp(u[:, 1]))
    repeated, same_group, _ = study.simulation(4)
    assert same_group == group and (repeated.trials.choice == simulation.trials.choice).all()
    simulations = [study.simulation(n)[1:] for n in range(300)]
    for k, (name, (mean, width, spread)) in enumerate(PRIOR.items()):
        mu, sd = (np.array([group[f"{name}_{part}"] for group, _ in simulations]) for part in ("mu", "sd"))
        assert abs(mu.mean() - mean) < 4 * width / np.sqrt(300) and abs((sd**2).mean() - spread**2) < 0.5 * spread**2
        z = np.array([(u[:, k] - group[f"{name}_mu"]) / group[f"{name}_sd"] for group, u in simulations])
        assert abs(z.std() - 1) < 0.1
    population = population_of(tw.QLearning(), 1.0, PRIORS | {"alpha_mu": pm.Uniform.dist(5, 6)})
    other = CalibrationStudy(tw.environments.AlienTask(trials=12), (0, 1), 1, tw.QLearning(), population, SETTINGS, 10)
    _, group, u = other.simulation(0)
    assert 5 < group["alpha_mu"] < 6 and abs(u[:, 0] - group["alpha_mu"]).max() < 5 * group["alpha_sd"]
    assert rank(0.5, np.array([0.1, 0.5, 0.2, 0.7])) == 2 and list(thinned(np.arange(10), 3)) == [0, 3, 6]


def test_wrong_ranks_are_detected():
    random = np.random.default_rng(1)
    uniform, narrow = random.integers(0, 101, 400), random.choice([0, 2, 98, 100], 400)
    wide, low = random.integers(30, 71, 400), np.minimum(uniform + 15, 100)
    result = calibration({"uniform": uniform, "narrow": narrow, "wide": wide, "low": low})
    table = result.table
    assert list(table["outside_joint"]) == [False, True, True, True] and not result.calibrated
    assert [sentence.split(":")[0] for sentence in result.sentences[:3]] == ["narrow", "wide", "low"]
    assert all(": not calibrated: the posterior is too " in sentence for sentence in result.sentences[:3])
    assert (
        "too narrow" in result.sentences[0] and "too wide" in result.sentences[1] and "too low" in result.sentences[2]
    )
    assert table.loc["narrow", "outer"] == 1.0 and table.loc["wide", "outer"] == 0.0
    assert [axis.get_title() for axis in result.plot().axes][:2] == ["uniform", "narrow  outside"]


def test_bands_contain_uniform_ranks_with_their_probability():
    random = np.random.default_rng(2)
    ranks = {f"q{k}": random.integers(0, 101, 60) for k in range(400)}
    outside = calibration(ranks).table["outside"].mean()
    assert 0.02 < outside < 0.09  # expected: 0.05
    many = calibration({f"q{k}": random.integers(0, 101, 400) for k in range(3)})
    assert many.calibrated and many.sentences[0].startswith("calibrated: the ranks of all 3 quantities")
    doubtful = calibration(many.ranks)
    doubtful.fits["ess"] = 20
    assert not doubtful.calibrated and doubtful.sentences[0].endswith("but 400 of 400 data sets have no reliable draws")
    assert calibration({f"q{k}": ranks[f"q{k}"] for k in range(20)}).joint == pytest.approx(0.95 ** (1 / 20))


@pytest.mark.parametrize("count", range(1, 9))
def test_few_data_sets_decide_nothing(count):
    """The band of few ranks is about as wide as Kolmogorov's, whatever its grid, and no study so small says calibrated."""
    random = np.random.default_rng(count)
    result = calibration({f"q{k}": random.integers(0, 101, count) for k in range(40)})
    assert not result.calibrated and result.sensitivity > 0.5 * kstwo.ppf(result.joint, count)
    assert (
        (calibration({f"q{k}": random.integers(0, 101, count) for k in range(400)}).table["outside"]).mean() < 0.2
    )  # 0.05, but for the grid


def test_findings_on_fits_that_failed():
    piece = {"quantities": np.array(["a"]), "ranks": np.array([3]), "r_hat": np.array(1.2), "divergences": np.array(1),
             "problems": np.array("x"), "seconds": np.array(1.0), "ess": np.array(20.0), "draws": np.array(50)}  # fmt: skip
    result = calibration_of("L()", {0: piece, 1: {"failed": np.array("no finite start")}})
    assert result.sentences[1].startswith(
        "draws of 1 of 1 fits are not reliable: R-hat above 1.05, or one chain, in 1; fewer than 100 effective draws in 1; "
        "more than 1% of draws diverged in 1. Use more, draws="
    )
    assert result.sentences[-1] == "1 of 2 data sets could not be fitted; the first: no finite start"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"participants": 1}, "participants=2 or more"),
        ({"ranks": 500, "draws": 100, "chains": 2}, "more than there are draws"),
        ({"datasets": 0}, "datasets=0"),
        ({"priors": {"gamma_mu": 1}}, "gamma_mu"),
    ],
)
def test_invalid_arguments(arguments, message):
    with pytest.raises(tw.errors.UsageError, match=message):
        tw.calibrate(tw.QLearning(), tw.environments.AlienTask(trials=12), **arguments)


def test_on_the_command_line(tmp_path):
    options = "--trials 36 --participants 3 --datasets 3 --draws 60 --tune 60 --chains 2 --workers 1 -q -o"
    result = CliRunner().invoke(
        app,
        [
            "calibrate",
            "QLearning",
            "--environment",
            "AlienTask",
            "--set",
            "initial=1.2",
            *options.split(),
            str(tmp_path),
        ],
    )
    assert result.exit_code == 0, result.output
    ranks = pd.read_csv(tmp_path / "calibration_ranks.csv")
    assert len(ranks) == 3 and ranks["log-likelihood"].between(0, 100).all()
    assert (tmp_path / "calibration_plot.png").read_bytes()[:4] == b"\x89PNG"
    assert len(list(tmp_path.glob("pieces/calibrate-*/*.npz"))) == 3
    wrong = CliRunner().invoke(app, ["calibrate", "QLearning", "--param", "alpha=0.1", "-o", str(tmp_path)])
    assert wrong.exit_code == 2 and "drawn from the prior" in " ".join(wrong.output.split())
