"""Machine code kept on disk, and what a later process makes of it."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys
import numpy as np
import pandas as pd
import trialwise as tw
from trialwise.engine.packed import pack
from trialwise.expansion import Evaluator, expand
from trialwise.posterior import posterior
from trialwise.priors import group_prior

for actions in map(int, sys.argv[1:]):
    random = np.random.default_rng(actions)
    count = 60 * actions
    frame = pd.DataFrame({
        "participant": np.repeat([1, 2, 3], count // 3), "cue": random.integers(0, 2, count),
        "choice": random.integers(0, actions, count), "outcome": random.normal(size=count),
    })
    if actions > 2:
        frame["context"] = random.integers(0, 4, count)
    trials, learner = tw.read_long(frame), tw.QLearning()
    packed, prior = pack(learner, trials), group_prior(learner, trials)
    expansion = expand(Evaluator(learner, packed), prior.mean, prior.width, prior.spread)
    target = posterior(learner, packed, prior, expansion, "partial")
    x = target.start(random)
    mu, sd, u, theta = target.values(x)
    at = dict(zip(learner.names, theta.T))
    np.testing.assert_allclose(tw.log_likelihood(learner, trials, at), tw.plain_log_likelihood(learner, trials, at), rtol=1e-10)
    step = 1e-5 * random.standard_normal(len(x))
    np.testing.assert_allclose(target(x + step)[0] - target(x - step)[0], 2 * target(x)[1] @ step, rtol=1e-4)
"""


def test_code_from_disk_and_new_code_do_not_mix(tmp_path: Path):
    """Functions of one name, from two processes: a density from disk has the first kernel's, a new kernel has its own."""
    for actions in (["2"], ["2", "3"], ["3", "4", "2"]):
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT, *actions],
            env=os.environ | {"TRIALWISE_CACHE": str(tmp_path)},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr[-2000:]


ESTIMATE = """
import numpy as np
import trialwise as tw
from trialwise.emulator import Emulator, Limits, fit_surface
from trialwise.inference.correction import compiled

trials = tw.data_set("alien_task_sets")[0].first(40)
learner = tw.TaskSets(initial=1.2).fix(forget=0.05, forget_high=0.01)
at = {"alpha": 0.3, "beta": 4.0, "alpha_high": 0.2, "beta_high": 3.0}
print([float(value).hex() for value in tw.log_likelihood(learner, trials, at, particles=20)])

random = np.random.default_rng(1)
points = random.normal(size=(200, 2))
surface = fit_surface(points, -np.abs(points).sum(1), np.full(200, 100.0), np.zeros(2), np.eye(2))
emulator = Emulator([surface], Limits(np.full(2, -9.0), np.full(2, 9.0)))
group, curvature = (np.zeros((3, 2)), np.ones((3, 2))), 2.0 * np.eye(2)[None]
drawn = compiled()(random, points[:3], np.zeros(3, int), *group, curvature, np.full(3, 20), emulator.arrays)
print([float(value).hex() for value in (*drawn[1], *emulator(points[:1])[1][0])])
"""


def test_code_from_disk_rounds_as_new_code_does(tmp_path: Path):
    """A fit would end elsewhere the second time: chains amplify the last bit."""
    said = [
        subprocess.run(
            [sys.executable, "-c", ESTIMATE],
            env=os.environ | {"TRIALWISE_CACHE": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert said[0] == said[1] and "0x" in said[0]
