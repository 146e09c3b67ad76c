"""A fit that was saved and loaded gives the same results as the fit in memory, for every verb."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from typer.testing import CliRunner

import trialwise as tw
from trialwise import learner, positive, unit
from trialwise.cli.app import app
from trialwise.environments import AlienTask

pytestmark = pytest.mark.sample
QUIET = {"progress": False}
ENVIRONMENT = AlienTask(trials=36)
FLAT = tw.QLearning(initial=1.2)
SETS = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")


@learner
class Averaging:
    """A learner that is not built in."""

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("action", fill=0.5)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]

    def learn(self, q, trial, choice, outcome):
        q[choice] += self.alpha * (outcome - q[choice])


PRIORS = {"alpha_mu": pm.Normal.dist(-1.0, 0.5), "beta_sd": pm.HalfNormal.dist(0.7)}
OTHER_PRIORS = {"alpha_mu": pm.StudentT.dist(nu=4.0, mu=-1.0, sigma=0.5), "beta_sd": pm.Exponential.dist(2.0)}
PEOPLE = {"participant": [0, 1, 2], "age": [21, 35, 40]}
KINDS = {
    "flat, grouped": (FLAT, {}, {}),
    "hidden choice": (SETS, {}, {}),
    "hidden choice with a formula": (SETS, {"formulas": {"alpha": "age"}, "participants": PEOPLE}, {}),
    "no pooling": (FLAT, {"pooling": "none"}, {}),
    "complete pooling": (FLAT, {"pooling": "complete"}, {}),
    "one participant": (FLAT, {}, {}),
    "custom learner": (Averaging(), {}, {"learner": Averaging}),
    "user priors": (FLAT, {"priors": PRIORS}, {}),
    "priors of other families": (FLAT, {"priors": OTHER_PRIORS}, {}),
}
"""Learner, arguments of the fit, and arguments of load."""


@pytest.fixture(scope="module")
def truth():
    ranges = {"alpha": (0.1, 0.4), "beta": (1, 3), "forget": (0, 0.1)}
    return tw.simulate(FLAT, ENVIRONMENT, ranges, participants=3, seed=4)


@pytest.fixture(scope="module", params=KINDS)
def pair(request, truth, tmp_path_factory):
    """A fit, the fit loaded from its file, the file, and the kind of fit."""
    model, settings, load_arguments = KINDS[request.param]
    trials = truth.trials.select(truth.trials.participants[:1]) if request.param == "one participant" else truth.trials
    fit = tw.fit(model, trials, draws=25, tune=40, chains=2, seed=1, **settings, **QUIET)
    path = tmp_path_factory.mktemp("fits") / "fit.nc"
    fit.save(path)
    return fit, tw.load(path, **load_arguments), path, request.param


def _cells(page):
    """The cells of all tables, without the rest of the page, which contains the time of writing."""
    return re.findall(r"<td[^>]*>.*?</td>", Path(page).read_text("utf-8"), re.DOTALL)


def _report(fit):
    return _cells(tw.report(fit, "page.html", checks="one-step", datasets=3, seed=2, **QUIET))


def _recovered(fit, truth):
    parameters = truth.parameters[truth.parameters["participant"].isin(fit.trials.participants)]
    parameters = parameters[["participant", *fit.parameters]]
    if fit.pooling == "complete":
        with pytest.raises(tw.errors.UsageError, match="no participants' parameters") as error:
            tw.recovered(fit, parameters)
        return str(error.value)
    return tw.recovered(fit, parameters)


VERBS = {
    "tables": lambda fit, truth: [fit.summary(), fit.group(), *fit.tables().values()],
    "means": lambda fit, truth: list(fit.means().values()),
    "page of a notebook": lambda fit, truth: [fit._repr_html_(), repr(fit), fit.headline],
    "findings": lambda fit, truth: [str(finding) for finding in fit.findings],
    "trial values": lambda fit, truth: [fit.trial_values()],
    "log-likelihood": lambda fit, truth: [
        np.asarray(tw.log_likelihood(fit.learner, fit.trials, fit.means(), particles=32, seed=3))
    ],
    "check, simulated": lambda fit, truth: list(
        tw.check(fit, ENVIRONMENT, datasets=3, seed=2, **QUIET).tables().values()
    ),
    "check, one step": lambda fit, truth: list(tw.check(fit, datasets=3, seed=2, **QUIET).tables().values()),
    "predict, simulated": lambda fit, truth: list(
        tw.predict(fit, "rollout", ENVIRONMENT, datasets=2, seed=2).tables().values()
    ),
    "predict, one step": lambda fit, truth: list(tw.predict(fit, "one-step", datasets=2, seed=2).tables().values()),
    "diagnose": lambda fit, truth: [*tw.diagnose(fit).tables().values(), tw.diagnose(fit).verdict],
    "compare": lambda fit, truth: list(
        tw.compare({"one": fit, "two": fit}, "trial", draws=50, particles=32, seed=2, **QUIET).tables().values()
    ),
    "recovered": lambda fit, truth: [_recovered(fit, truth)],
    "report": lambda fit, truth: _report(fit),
    "picture": lambda fit, truth: _plotted_lines(fit),
}


def _plotted_lines(fit):
    lines = [np.asarray(line.get_ydata()) for ax in fit.plot_trace().axes for line in ax.get_lines()]
    assert lines
    return lines


def _assert_same(first, second):
    assert type(first) is type(second)
    if isinstance(first, pd.DataFrame):
        pd.testing.assert_frame_equal(first, second, check_exact=True, check_categorical=False)
    elif isinstance(first, np.ndarray):
        np.testing.assert_array_equal(first, second)
    else:
        assert first == second


@pytest.mark.parametrize("verb", VERBS)
def test_a_loaded_fit_gives_the_same_results(pair, truth, verb, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit, loaded, *_ = pair
    before, after = VERBS[verb](fit, truth), VERBS[verb](loaded, truth)
    assert before or verb == "findings"
    for first, second in zip(before, after, strict=True):
        _assert_same(first, second)


@pytest.mark.parametrize("verb", ["check", "report", "compare"])
def test_the_command_line_gives_the_same_results(pair, verb, tmp_path, monkeypatch):
    fit, _, path, kind = pair
    monkeypatch.chdir(tmp_path)
    learner_option = ["--learner", f"{__file__}:Averaging"] if kind == "custom learner" else []

    def run(*arguments):
        result = CliRunner().invoke(app, [verb, *map(str, arguments), *learner_option])
        assert result.exit_code == 0, result.output

    if verb == "check":
        run(path, "--datasets", 3, "--seed", 2, "-o", "checked")
        expected = tw.check(fit, datasets=3, seed=2, **QUIET).table
        table = pd.read_csv("checked/check.csv", index_col="measure")
        np.testing.assert_allclose(table["tail"], expected["tail"], rtol=1e-12)
    elif verb == "report":
        run(path, "-o", "page.html")
        tw.report(fit, "expected.html", **QUIET)
        cells = _cells("page.html")
        assert cells and cells == _cells("expected.html")
    else:
        run(f"one={path}", f"two={path}", "--method", "trial", "--draws", 50, "-o", "compared")
        expected = tw.compare({"one": fit, "two": fit}, "trial", draws=50, **QUIET).table
        table = pd.read_csv("compared/comparison.csv", index_col="learner")
        np.testing.assert_allclose(table["elpd"], expected["elpd"], rtol=1e-12)
