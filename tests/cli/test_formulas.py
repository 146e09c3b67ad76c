"""Formulas on the command line: what is refused names options, and a fit holds its formulas."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import trialwise as tw
from trialwise.analysis.contrasts import findings_of_several, main_contrasts
from trialwise.cli.app import app
from trialwise.cli.output.status import Status

LABELS = [f"p{n}" for n in range(6)]
PEOPLE = {"participant": LABELS, "group": ["control", "patient"] * 3, "age": [20, 31, 25, 44, 52, 38]}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Simulated trials of six participants in two sessions, and a table of participants."""
    folder = tmp_path_factory.mktemp("formulas")
    task, parameters = tw.environments.AlienTask(trials=24), {"alpha": 0.3, "beta": 2.0, "forget": 0.0}
    sessions = []
    for session in ("s1", "s2"):
        simulated = tw.simulate(tw.QLearning(), task, parameters, participants=LABELS, seed=len(sessions))
        sessions.append(simulated.trials.to_frame().assign(session=session))
    pd.concat(sessions).to_csv(folder / "data.csv", index=False)
    sessions[0].drop(columns="session").to_csv(folder / "one.csv", index=False)
    pd.DataFrame(PEOPLE).to_csv(folder / "people.csv", index=False)
    missing = pd.DataFrame(PEOPLE | {"age": [20, None, 25, 44, 52, 38]})
    missing.to_csv(folder / "missing.csv", index=False)
    return folder


@pytest.fixture(autouse=True)
def working_folder(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    for path in data.glob("*.csv"):
        shutil.copy(path, tmp_path)


def run(*words):
    return CliRunner().invoke(app, ["fit", "QLearning", "one.csv", *words])


ALPHA = ("--formula", "alpha ~ group + age", "--participants", "people.csv")

REFUSED = {
    "a table alone": (("--participants", "people.csv"), Status.USAGE, "--participants FILE: a table of covariates is used by formulas; add --formula 'alpha ~ age'"),
    "no tilde": (("--formula", "age", "--participants", "people.csv"), Status.USAGE, "--formula 'alpha ~ group + age'"),
    "no such parameter": (("--formula", "alhpa ~ age", "--participants", "people.csv"), Status.USAGE, "Did you mean 'alpha'?"),
    "no such column": (("--formula", "alpha ~ ag"), Status.DATA, "--participants FILE"),
    "no value": (("--formula", "alpha ~ age", "--participants", "missing.csv"), Status.DATA, "--missing-covariates drop"),
    "double bar": (("--formula", "alpha ~ age + (1 || participant)", "--participants", "people.csv"), Status.USAGE, "--correlated none"),
    "no pooling": ((*ALPHA, "--pooling", "none"), Status.USAGE, "--formula 'alpha ~ group + age' describe how participants of a group differ: fit with --pooling partial"),
    "unknown block": ((*ALPHA, "--correlated", "alpha,gamma"), Status.USAGE, "--correlated alpha,gamma: there is no free parameter 'gamma'"),
    "repeated block": ((*ALPHA, "--correlated", "alpha,beta", "--correlated", "beta,forget"), Status.USAGE, "--correlated alpha,beta --correlated beta,forget: beta stands in two places"),
    "all and a block": ((*ALPHA, "--correlated", "all", "--correlated", "alpha,beta"), Status.USAGE, "--correlated: all and none stand alone"),
    "random without formula": (("--random", "intercept"), Status.USAGE, "--random is about formulas"),
    "missing without formula": (("--missing-covariates", "drop"), Status.USAGE, "--missing-covariates is about formulas"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_names_options(name):
    words, status, expected = REFUSED[name]
    result = run(*words)
    assert result.exit_code == status and expected in result.output
    for argument in ("formulas=", "participants=", "random=", "correlated=", "missing_covariates=", "in Python"):
        assert argument not in result.output


@pytest.mark.sample
def test_a_hidden_choice_with_formulas():
    """A sampler that needs gradients is refused by the option; without it the fit holds its formulas."""
    words = ["fit", "TaskSets", "one.csv", *ALPHA, "--set", "sets=2", "--draws", "10", "--chains", "2", "-o", "results"]
    refused = CliRunner().invoke(app, [*words, "--sampler", "nuts"])
    assert refused.exit_code == Status.USAGE
    message = " ".join(refused.output.split())
    assert "--sampler nuts needs gradients" in message and "use 'particle-gibbs', or leave --sampler out" in message
    result = CliRunner().invoke(app, words)
    assert result.exit_code == Status.DIAGNOSTICS, result.output  # so few draws
    loaded = tw.load("results/fit.nc")
    assert loaded.attrs["sampler"] == "particle-gibbs" and loaded.design.formulas == {"alpha": "group + age"}
    assert not Path("results/unfinished.npz").exists() and "patient - control" in result.output


@pytest.mark.sample
def test_a_fit_holds_its_formulas():
    short = ("--draws", "60", "--tune", "100", "--chains", "2", "--seed", "1", "-o", "results")
    words = ("--formula", "alpha ~ 0 + session", "--formula", "beta ~ group", "--participants", "people.csv")
    options = ("--correlated", "alpha", "--missing-covariates", "drop", "--random", "full")
    result = CliRunner().invoke(app, ["fit", "QLearning", "data.csv", *words, *options, *short])
    assert result.exit_code in (0, Status.DIAGNOSTICS), result.output
    assert "12 rows in all" in result.output and "alpha before the data, with 95 % each" in result.output
    loaded = tw.load("results/fit.nc")
    assert loaded.design.formulas == {"alpha": "0 + session", "beta": "group"}
    assert loaded.design.design.blocks == ((0, 1),)
    assert np.isfinite(loaded.draws["alpha_effects[session[s1]]"]).all()
    study = CliRunner().invoke(app, ["recover", "QLearning", "--environment", "AlienTask", "--from", "results/fit.nc"])
    assert study.exit_code == Status.USAGE and "has formulas" in study.output
    fits = ["results/fit.nc", "b=results/fit.nc"]
    compared = CliRunner().invoke(app, ["compare", *fits, "--baselines", "--method", "future", "--draws", "30"])
    assert compared.exit_code == 0 and "RandomResponding" in compared.output, compared.output
    assert "6 participants" in compared.output and "p0 / s1" not in compared.output


@pytest.mark.sample
def test_simple_effects_of_interactions_are_printed_and_written():
    short = ("--draws", "60", "--tune", "100", "--chains", "2", "--seed", "1", "-o", "results")
    result = run("--formula", "alpha ~ group * age", "--participants", "people.csv", *short)
    assert result.exit_code in (0, Status.DIAGNOSTICS), result.output
    for words in (
        "alpha by group, patient - control: ", "alpha by group and age, patient - control at age ",
        "alpha by group and age, age + 1 SD at group patient: ", "alpha by group and age, (patient - control) x (age + 1 SD): ",
    ):  # fmt: skip
        assert words in result.output
    table = pd.read_csv("results/contrasts.csv")
    assert list(table)[:4] == ["parameter", "by", "contrast", "at"]
    assert set(table["by"]) == {"group", "age", "group:age"}
    both = tw.contrasts(tw.load("results/fit.nc"), "alpha", by=["group", "age"]).differences
    written = table.query("by == 'group:age' and scale == 'logit'")["mean"]
    np.testing.assert_allclose(written, both.query("by == 'group:age' and scale == 'logit'")["mean"])
    evidence = pd.read_csv("results/evidence.csv")
    assert {"parameter", "bf01", "bf01_half", "bf01_double"} <= set(evidence) and set(evidence["by"]) == set(
        table["by"]
    )
    # what limits a Bayes factor is printed with it
    limits = findings_of_several(main_contrasts(tw.load("results/fit.nc")))
    cautions = [each.sentence for each in limits if each.severity != "note"]
    plain = " ".join(result.output.split())
    assert cautions and all(each in plain for each in cautions)
