"""The recipes of CONTRIBUTING.md, followed: each file is put into a copy of the package, and nothing else is touched."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import trialwise as tw

pytestmark = pytest.mark.study

ROOT = Path(__file__).parents[1]
PACKAGE = Path(tw.__file__).parent
FILES = dict(
    re.findall(r"```python\n# src/trialwise/(\S+)\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)
)

PREAMBLE = """
import json, subprocess, sys
from pathlib import Path
import numpy as np
import trialwise as tw
from trialwise.cli.app import app
from typer.testing import CliRunner

SHORT = {"draws": 100, "tune": 100, "chains": 2, "seed": 1, "progress": False}
ALONE = {"participants": 3, "workers": 1, "progress": False}

def run(*words, codes=(0,)):
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code in codes, (words, result.output, result.exception)
    return result.output
"""

LEARNER_AND_ENVIRONMENT = """
learner, place = tw.learners.SampleAverage(), tw.environments.FixedBandit(trials=40)
simulation = tw.simulate(learner, place, {"beta": (2, 4), "weight": (0.5, 2)}, participants=5, seed=1)
assert simulation.trials.n_trials == 200
assert tw.check_learner(learner, quiet=True).passed
fit = tw.fit(learner, simulation.trials, **SHORT)
checked = tw.check(fit, place, datasets=4, progress=False)
study = tw.recover(learner, place, {"beta": (2, 4)}, 2, draws=60, tune=60, chains=2, **ALONE)
assert set(study.table.index) == {"beta", "weight"}
page = tw.report(fit, "report.html", checks=checked, recovery=study, progress=False).read_text()
assert "Sutton" in page and "SampleAverage" in page
assert "SampleAverage" in run("models") and "inverse temperature" in run("models", "SampleAverage")
run("simulate", "SampleAverage", "--environment", "FixedBandit", "--trials", 30, "--participants", 3, "-o", "made")
run("fit", "SampleAverage", "made/trials.csv", "--draws", 60, "--tune", 60, "--chains", 2, "-q", "-o", "fitted", codes=(0, 5))
assert Path("fitted/fit.nc").is_file()
"""

FAMILY = """
learner, place = tw.learners.Waiter(), tw.environments.Conditioning()
simulation = tw.simulate(learner, place, {"alpha": (0.2, 0.5), "base": (0.5, 1), "slope": (-1, 1)}, participants=4, seed=1)
waits = simulation.trials.response["response"]
assert (waits > 0).all()
assert tw.check_learner(learner, quiet=True).passed
fit = tw.fit(learner, simulation.trials, **SHORT)
rates = fit.trial_values()["rate"]
assert (rates > 0).all()
study = tw.recover(learner, place, None, 2, draws=60, tune=60, chains=2, **ALONE)
checked = tw.check(fit, datasets=4, progress=False)
assert "response: mean at CS+" in checked.table.index and (checked.calibration["observed"] < 1.01).all()
rollout = tw.check(fit, place, datasets=4, progress=False)
page = tw.report(fit, "report.html", checks=rollout, recovery=study, progress=False).read_text()
assert "wait" in page and "response: late - early" in page
assert "Waiter" in run("models")
simulation.save("made")
run("fit", "Waiter", "made/trials.csv", "--response", "response", "--draws", 60, "--tune", 60, "--chains", 2, "-q", "-o", "fitted", codes=(0, 5))
run("check", "fitted/fit.nc", "--environment", "Conditioning", "--datasets", 3)
run("report", "fitted/fit.nc", "--check", "--datasets", 3, "-o", "fitted/report.html")
"""

SAMPLER = """
learner = tw.QLearning(initial=1.2).fix(forget=0)
trials = tw.load_data("alien_flat").trials.select([0, 1, 2, 3, 4, 5]).first(100)
exact = tw.fit(learner, trials, draws=400, chains=4, seed=1, progress=False)
walk = tw.fit(learner, trials, draws=8000, tune=1000, chains=2, seed=1, sampler="random-walk", progress=False)
assert walk.attrs["sampler"] == "random-walk" and exact.attrs["sampler"] == "nuts"
one, two = exact.summary(), walk.summary()
error = np.hypot(one["mcse_mean"], two["mcse_mean"])
apart = (one["mean"] - two["mean"]).abs() / error
assert apart.max() < 4.5 and (error / one["sd"]).max() < 0.3, (apart, error / one["sd"])
assert tw.diagnose(walk).verdict
page = tw.report(walk, "report.html", progress=False).read_text()
assert "random-walk Metropolis within Gibbs" in page and "Metropolis et al. (1953)" in page
study = tw.recover(learner, tw.environments.AlienTask(trials=30), None, 1, draws=60, tune=60, chains=2, sampler="random-walk", **ALONE)
frame = trials.to_frame(); frame.to_csv("trials.csv", index=False)
run("fit", "QLearning", "trials.csv", "--fix", "forget=0", "--sampler", "random-walk", "--draws", 60, "--tune", 60, "--chains", 2, "-q", "-o", "fitted", codes=(0, 5))
assert tw.load("fitted/fit.nc").attrs["sampler"] == "random-walk"
"""

FORMAT_AND_PICTURE = """
simulation = tw.simulate(tw.QLearning(), tw.environments.AlienTask(trials=20), {"alpha": 0.3, "beta": 2, "forget": 0}, participants=3)
figure = simulation.plot()
figure.savefig("simulation.png")
assert Path("simulation.png").stat().st_size > 5000
frame = simulation.trials.to_frame()
Path("trials.jsonl").write_text("".join(json.dumps(row) + "\\n" for row in json.loads(frame.to_json(orient="records"))))
trials = tw.read_long("trials.jsonl")
np.testing.assert_array_equal(trials.choice, simulation.trials.choice)
np.testing.assert_array_equal(trials.outcome["outcome"], simulation.trials.outcome["outcome"])
assert "60 trials" in run("inspect", "trials.jsonl") or "60" in run("inspect", "trials.jsonl")
"""

RECIPES = {
    "a learner, an environment": (
        ["learners/zoo/sample_average.py", "environments/tasks/fixed_bandit.py"],
        LEARNER_AND_ENVIRONMENT,
    ),
    "a response family": (["learners/responses/waiting.py", "learners/zoo/waiter.py"], FAMILY),
    "a sampler": (["inference/samplers/random_walk.py"], SAMPLER),
    "a file format, a picture": (["data/reading/formats/json_lines.py", "plots/simulation.py"], FORMAT_AND_PICTURE),
}


def test_every_recipe_is_followed():
    assert set(FILES) == {path for paths, _ in RECIPES.values() for path in paths}


@pytest.mark.parametrize("name", RECIPES)
def test_recipe(name, tmp_path):
    paths, script = RECIPES[name]
    copy = tmp_path / "src" / "trialwise"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path in paths:
        assert not (copy / path).exists()
        (copy / path).write_text(FILES[path])
    place = tmp_path / "work"
    place.mkdir()
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "src"), "COLUMNS": "100"}
    command = [sys.executable, "-c", PREAMBLE + script]
    result = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-4000:]
