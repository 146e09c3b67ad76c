"""Participants, sessions and true effects of studies on the command line: what is typed, and what is refused with options."""

import re
import shlex

import pandas as pd
import pytest
from typer.testing import CliRunner

from trialwise.base.errors import UsageError
from trialwise.cli.app import app
from trialwise.cli.options.people import People, effects_of
from trialwise.cli.output.status import Status
from trialwise.studies import recover as recover_module

PEOPLE = {"group": ["control", "patient", "sibling"] * 2, "age": [20, 31, 25, 44, 52, 38]}


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    pd.DataFrame(PEOPLE).to_csv(tmp_path / "people.csv", index=False)


def run(*words, verb="recover"):
    start = [
        verb,
        "QLearning",
        "--environment",
        "ProbabilisticReversal",
        "--trials",
        "20",
        "--datasets",
        "1",
        "--workers",
        "1",
        "-q",
    ]
    return CliRunner().invoke(app, [*start, *words])


TABLE = ("--participants", "people.csv", "--formula", "alpha ~ group + age")


def test_effects_as_typed():
    assert effects_of(
        [
            "alpha: patient - control = -0.5",
            "alpha: age=0.3",
            "beta: group:session: (a - b) x (2 - 1) = .4",
            "beta: group: a - b = 1e-1",
        ]
    ) == {
        "alpha": {"patient - control": -0.5, "age": 0.3},
        "beta": {"group:session": {"(a - b) x (2 - 1)": 0.4}, "group": {"a - b": 0.1}},
    }


@pytest.mark.parametrize(
    "text", ["patient - control = 1", "alpha: patient - control", "alpha: = 1", "alpha: age = much", ": age = 1", ""]
)
def test_effects_that_cannot_be_read(text):
    with pytest.raises(UsageError, match=re.escape('write --effect "alpha: patient - control = -0.5"')):
        effects_of([text])


def test_an_effect_twice():
    for texts in (
        ["alpha: age = 1", "alpha: age = 2"],
        ["alpha: group: a - b = 1"] * 2,
        ["alpha: age = 1", "alpha: age: age + 1 = 2"],
    ):
        with pytest.raises(UsageError, match="is given twice"):
            effects_of(texts)


def test_arguments():
    assert People().arguments() == {}
    assert People(participants="12").arguments() == {"participants": 12}
    assert People("people.csv", ["alpha ~ age"], "2", None, ["all"]).arguments() == {
        "participants": "people.csv", "formulas": ["alpha ~ age"], "sessions": 2, "correlated": True,
    }  # fmt: skip
    assert People(sessions="placebo, drug").arguments() == {"sessions": ["placebo", "drug"]}


REFUSED = {
    "a table alone": (("--participants", "people.csv"), "--participants FILE: a table of covariates is used by formulas; add --formula 'alpha ~ group'"),
    "effect without formula": (("--effect", "alpha: a - b = 1"), "--effect 'alpha: a - b = 1.0' is for formulas: add --formula 'alpha ~ group'"),
    "sessions alone": (("--sessions", "2"), "--sessions 2 is for formulas"),
    "no difference": ((*TABLE, "--effect", "alpha: patient - contrl = 1"), "Did you mean 'patient - control'?"),
    "factor": ((*TABLE, "--effect", "alpha: group = 1"), "say which difference, --effect 'alpha: group: patient - control = ...'"),
    "open": ((*TABLE, "--effect", "alpha: patient - control = 1"), "--effect 'alpha: group: sibling - control = 0.0'"),
    "no formula of it": ((*TABLE, "--effect", "beta: age = 1"), "beta has no formula, so that it has no effects: add --formula 'beta ~ age'"),
    "no session": (("--formula", "alpha ~ session"), "simulate sessions by --sessions 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_names_options(name):
    words, expected = REFUSED[name]
    result = run(*words)
    assert result.exit_code in (Status.USAGE, Status.DATA) and expected in result.output
    for argument in ("formulas=", "participants=", "effects=", "sessions=", "in Python"):
        assert argument not in result.output


def test_the_advice_is_accepted(monkeypatch):
    """What a message says to type, typed, leads to the study."""

    class Accepted(Exception):
        pass

    def accept(study, *arguments, **settings):
        study.simulation(0)
        raise Accepted

    advice = shlex.split(re.search(r"--effect 'alpha: group: sibling[^\n]*", run(*REFUSED["open"][0]).output)[0])
    session = shlex.split(re.search(r"--sessions \d+", run(*REFUSED["no session"][0]).output)[0])
    monkeypatch.setattr(recover_module.RecoveryStudy, "run", accept)
    for words in ((*REFUSED["open"][0], *advice), ("--formula", "alpha ~ session", "--participants", "6", *session)):
        assert isinstance(run(*words).exception, Accepted)


def test_other_verbs():
    assert run("--participants", "people.csv", verb="calibrate").exit_code == Status.USAGE
    result = run("--formula", "alpha ~ session", verb="confuse")
    assert result.exit_code != 0 and "No such option: --formula" in result.output
    assert "valid integer" in run("--participants", "people.csv", verb="confuse").output
