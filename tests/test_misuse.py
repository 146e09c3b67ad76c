"""Wrong kinds of arguments: the package's own error, which names the argument, or Python's own for a call that misses the signature."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pymc as pm
import pytest

import trialwise as tw
from trialwise.base.expects import COUNT, MAPPING, NONE, expects

pytestmark = pytest.mark.sample

LEARNER = tw.QLearning(initial=1.2)
TASK = tw.environments.AlienTask(trials=10)
VALUES = {"alpha": 0.3, "beta": 2.0, "forget": 0.0}
SHORT = {"draws": 20, "tune": 20, "chains": 1, "progress": False}
STUDY = {"draws": 20, "tune": 20, "chains": 2, "workers": 1, "progress": False}


@pytest.fixture(scope="module")
def simulation():
    return tw.simulate(LEARNER, tw.environments.AlienTask(trials=30), VALUES, participants=3, seed=1)


@pytest.fixture(scope="module")
def fit(simulation):
    return tw.fit(LEARNER, simulation.trials, draws=40, tune=40, chains=2, progress=False)


@pytest.fixture(scope="module")
def wrong(simulation, fit):
    """One value of many kinds."""
    table = simulation.trials.to_frame()
    return {
        "simulation": simulation, "table": table, "None": None, "number": 3.5, "text": "x.csv", "path": Path("x.csv"), "fit": fit,
        "class": tw.QLearning, "learner": LEARNER, "trials": simulation.trials, "NaN": np.nan, "list": [1, "a"], "array": np.ones(2),
    }  # fmt: skip


def likelihood(trials, **parameters):
    with pm.Model():
        return tw.likelihood("y", LEARNER, trials, **(VALUES | parameters))


CALLS = {
    "fit, learner": lambda x, s, f: tw.fit(x, s.trials, **SHORT),
    "fit, trials": lambda x, s, f: tw.fit(LEARNER, x, **SHORT),
    "fit, priors": lambda x, s, f: tw.fit(LEARNER, s.trials, priors=x, **SHORT),
    "fit, a prior": lambda x, s, f: tw.fit(LEARNER, s.trials, priors={"alpha_mu": x}, **SHORT),
    "fit, seed": lambda x, s, f: tw.fit(LEARNER, s.trials, seed=x, **SHORT),
    "fit, pooling": lambda x, s, f: tw.fit(LEARNER, s.trials, pooling=x, **SHORT),
    "fit, draws": lambda x, s, f: tw.fit(LEARNER, s.trials, draws=x, tune=20, chains=1, progress=False),
    "fit, sampler": lambda x, s, f: tw.fit(LEARNER, s.trials, sampler=x, **SHORT),
    "point, learner": lambda x, s, f: tw.point(x, s.trials),
    "point, trials": lambda x, s, f: tw.point(LEARNER, x),
    "inspect": lambda x, s, f: tw.inspect(x),
    "log_likelihood, trials": lambda x, s, f: tw.log_likelihood(LEARNER, x, VALUES),
    "log_likelihood, parameters": lambda x, s, f: tw.log_likelihood(LEARNER, s.trials, x),
    "log_likelihood, a parameter": lambda x, s, f: tw.log_likelihood(LEARNER, s.trials, VALUES | {"alpha": x}),
    "trial_values, parameters": lambda x, s, f: tw.trial_values(LEARNER, s.trials, x),
    "likelihood, learner": lambda x, s, f: tw.likelihood("y", x, s.trials, **VALUES),
    "likelihood, trials": lambda x, s, f: likelihood(x),
    "likelihood, a parameter": lambda x, s, f: likelihood(s.trials, alpha=x),
    "diagnose": lambda x, s, f: tw.diagnose(x),
    "check, fit": lambda x, s, f: tw.check(x, datasets=1, progress=False),
    "check, environment": lambda x, s, f: tw.check(f, x, datasets=1, progress=False),
    "check, datasets": lambda x, s, f: tw.check(f, datasets=x, progress=False),
    "predict, source": lambda x, s, f: tw.predict(x, "rollout"),
    "predict, environment": lambda x, s, f: tw.predict(LEARNER, "rollout", x, datasets=1),
    "compare": lambda x, s, f: tw.compare(x),
    "compare, a fit": lambda x, s, f: tw.compare({"a": x, "b": f}),
    "simulate, learner": lambda x, s, f: tw.simulate(x, TASK, VALUES),
    "simulate, environment": lambda x, s, f: tw.simulate(LEARNER, x, VALUES),
    "simulate, parameters": lambda x, s, f: tw.simulate(LEARNER, TASK, x, participants=2),
    "simulate, a parameter": lambda x, s, f: tw.simulate(LEARNER, TASK, VALUES | {"alpha": x}, participants=2),
    "simulate, participants": lambda x, s, f: tw.simulate(LEARNER, TASK, VALUES, participants=x),
    "recover, learner": lambda x, s, f: tw.recover(x, TASK, None, 1, participants=2, **STUDY),
    "recover, environment": lambda x, s, f: tw.recover(LEARNER, x, None, 1, **STUDY),
    "recover, truth": lambda x, s, f: tw.recover(LEARNER, TASK, x, 1, participants=2, **STUDY) if x is not None else None,
    "calibrate, learner": lambda x, s, f: tw.calibrate(x, TASK, 1, 2, **STUDY),
    "confuse, learners": lambda x, s, f: tw.confuse(x, TASK, workers=1, progress=False),
    "report, fits": lambda x, s, f: tw.report(x, "page.html", progress=False),
    "report, checks": lambda x, s, f: tw.report(f, "page.html", checks=x, progress=False),
    "report, recovery": lambda x, s, f: tw.report(f, "page.html", recovery=x, progress=False),
    "report, truth": lambda x, s, f: tw.report(f, "page.html", truth=x, progress=False),
    "report, comparison": lambda x, s, f: tw.report(f, "page.html", comparison=x, progress=False),
    "check_learner": lambda x, s, f: tw.check_learner(x, quiet=True),
    "load": lambda x, s, f: tw.load(x),
    "load_data": lambda x, s, f: tw.load_data(x),
    "read_long": lambda x, s, f: tw.read_long(x),
    "read_wide": lambda x, s, f: tw.read_wide(x),
    "recovered, truth": lambda x, s, f: tw.recovered(f, x),
    "recovered, fit": lambda x, s, f: tw.recovered(x, s.parameters),
    "measured": lambda x, s, f: tw.behaviour.measured(x),
    "scored, means": lambda x, s, f: tw.behaviour.scored(s.trials, x),
    "accuracy": lambda x, s, f: tw.behaviour.accuracy(x),
    "select": lambda x, s, f: s.trials.select(x),
    "first": lambda x, s, f: s.trials.first(x),
    "fix": lambda x, s, f: LEARNER.fix(alpha=x),
    "tie": lambda x, s, f: LEARNER.tie(alpha=x),
    "vary": lambda x, s, f: LEARNER.vary(alpha=x),
    "vary, a column": lambda x, s, f: LEARNER.vary(alpha={"cue": x}),
    "on": lambda x, s, f: tw.environments.AlienTask().on(x),
    "AlienTask": lambda x, s, f: tw.environments.AlienTask(trials=x),
    "RestlessBandit": lambda x, s, f: tw.environments.RestlessBandit(arms=x),
    "Conditioning": lambda x, s, f: tw.environments.Conditioning(plus=x),
    "save": lambda x, s, f: f.save(x),
    "on, a file": lambda x, s, f: tw.environments.AlienTask().on([x]),
    "of_length": lambda x, s, f: tw.environments.AlienTask.of_length(x),
    "initial": lambda x, s, f: tw.log_likelihood(tw.QLearning(initial=x), s.trials, VALUES),
    "check_learner, trials": lambda x, s, f: tw.check_learner(tw.QLearning, [x], quiet=True),
    "check_learner, environment": lambda x, s, f: tw.check_learner(object(), environment=x),
    "check_learner, columns": lambda x, s, f: tw.check_learner(object(), columns=x),
    "check, measures": lambda x, s, f: tw.check(f, datasets=1, measures=x, progress=False),
    "check, what measures return": lambda x, s, f: tw.check(f, datasets=1, measures=lambda trials: x, progress=False),
    "telling, means": lambda x, s, f: tw.behaviour.telling(tw.behaviour.scored(s.trials, TASK.mean_rewards), x),
    "after_switch, only": lambda x, s, f: tw.behaviour.after_switch(tw.behaviour.scored(s.trials, TASK.mean_rewards), x),
    "read_long, a role": lambda x, s, f: tw.read_long(s.trials.to_frame(), choice=x),
    "read_long, missing": lambda x, s, f: tw.read_long(s.trials.to_frame(), missing=x),
    "read_long, where": lambda x, s, f: tw.read_long(s.trials.to_frame(), where=x),
    "read_long, levels": lambda x, s, f: tw.read_long(s.trials.to_frame(), levels=x),
    "read_long, actions": lambda x, s, f: tw.read_long(s.trials.to_frame(), actions=x),
    "read_long, outcome": lambda x, s, f: tw.read_long(s.trials.to_frame(), outcome=x),
    "read_long, available": lambda x, s, f: tw.read_long(s.trials.to_frame(), available=x),
    "read_long, vectors": lambda x, s, f: tw.read_long(s.trials.to_frame(), vectors=x),
    "read_long, labels": lambda x, s, f: tw.read_long(s.trials.to_frame(), labels=x),
    "read_wide, choice": lambda x, s, f: tw.read_wide(choice=x),
}  # fmt: skip
"""A call for each argument; whatever is given, it works or ends in the package's own error."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("call", CALLS)
def test_the_wrong_kind_of_argument(call, wrong, simulation, fit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = 0
    for kind, value in wrong.items():
        try:
            CALLS[call](value, simulation, fit)
        except tw.errors.TrialwiseError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"{call} given {kind}: {type(error).__name__}: {error}") from error
    assert refused >= len(wrong) // 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("fit, trials", r"fit\(trials=Simulation object\): wanted trials.*; write simulation\.trials"),
        ("inspect", r"wanted trials.*; write simulation\.trials"),
        ("recovered, truth", r"wanted a table \(DataFrame\); write simulation\.parameters"),
    ],
)
def test_the_remedy(call, message, simulation, fit):
    with pytest.raises(tw.errors.UsageError, match=message):
        CALLS[call](simulation, simulation, fit)


def test_remedies_for_paths_classes_and_tables(simulation, fit):
    for value, wanted in (
        (Path("a.csv"), r"write read_long\('a.csv'\)"),
        (pd.DataFrame(), r"write read_long\(table\)"),
    ):
        with pytest.raises(tw.errors.UsageError, match=wanted):
            tw.behaviour.general(simulation.trials, past=value)
    with pytest.raises(tw.errors.UsageError, match=r"the class QLearning.*write QLearning\(\)"):
        tw.fit(tw.QLearning, simulation.trials)
    with pytest.raises(tw.errors.UsageError, match=r"write load\('fit.nc'\)"):
        tw.diagnose("fit.nc")
    with pytest.raises(tw.errors.UsageError, match=r"write AlienTask\(\)"):
        tw.check(fit, tw.environments.AlienTask)
    with pytest.raises(tw.errors.UsageError, match="inside `with pm.Model"):
        tw.likelihood("y", LEARNER, simulation.trials, **VALUES)


def test_defaults_and_missing_arguments():
    @expects(count=COUNT, names=MAPPING | NONE)
    def function(count=None, names=None):
        return count

    assert function() is None and function(None) is None and function(3, names={}) == 3
    with pytest.raises(tw.errors.UsageError, match=r"function\(count=True\): wanted a whole number"):
        function(True)
    with pytest.raises(TypeError, match="unexpected keyword"):
        function(other=1)
    with pytest.raises(
        TypeError,
        match=r"^confuse\(\) got an unexpected keyword argument 'formulas'. The arguments are learners, environment, ",
    ):
        tw.confuse([LEARNER], TASK, formulas={"alpha": "group"})
    with pytest.raises(TypeError, match="Did you mean 'count'"):
        function(counts=1)


def test_a_fit_in_place_of_values_is_answered_by_what_works(fit, simulation):
    """The advice is obeyed to the letter, also for a fit with sessions."""
    table = simulation.trials.to_frame()
    both = tw.read_long(pd.concat([table.assign(session=k) for k in (1, 2)]), session="session")
    sessions = tw.fit(LEARNER, both, formulas="alpha ~ session", **SHORT)
    for own in (fit, sessions):
        for verb in (tw.simulate, tw.log_likelihood):
            with pytest.raises(
                tw.errors.UsageError,
                match=r"write fit\.means\(\), the posterior means, with fit\.learner and, for its own data, fit\.trials",
            ):
                verb(own.learner, own.trials, own)
        assert np.isfinite(tw.log_likelihood(own.learner, own.trials, own.means())).all()
        assert len(tw.simulate(own.learner, TASK, own.means()).parameters) == own.trials.n_participants
    with pytest.raises(
        tw.errors.UsageError, match=r"wanted a table \(DataFrame\); write simulation\.parameters, the true values"
    ):
        tw.recovered(fit, fit)


@pytest.mark.parametrize(
    ("name", "prior", "pooling", "message"),
    [
        ("alpha_sd", pm.Uniform.dist(-3, -1), "partial", "allows numbers below 0"),
        ("alpha_mu", pm.Uniform.dist(3, 1), "partial", "cannot be drawn from: lower <= upper"),
        ("alpha", pm.Uniform.dist(-3, -1), "none", "draws nothing in its range: alpha ranges 0 to 1"),
    ],
)
def test_priors_without_support(name, prior, pooling, message, simulation):
    with pytest.raises(tw.errors.UsageError, match=message):
        tw.fit(LEARNER, simulation.trials, priors={name: prior}, pooling=pooling, progress=False)


def test_trials_put_together_by_hand(simulation):
    trials = simulation.trials
    for changes, message in (
        ({"choice": trials.choice[:5]}, "5 values of choice for 90 trials"),
        ({"choice": trials.choice + 0.5}, "choice must have whole numbers from -1 to 2"),
        ({"offsets": trials.offsets + 3}, "offsets of 3 participants"),
        ({"outcome": {"outcome": trials.choice.astype(str)}}, "outcome must be an array of numbers"),
    ):
        with pytest.raises(tw.errors.UsageError, match=message):
            tw.log_likelihood(LEARNER, replace(trials, **changes), VALUES)
