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
