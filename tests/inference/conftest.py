"""What several tests of inference share."""

from dataclasses import replace

import numpy as np
import pytest

import trialwise as tw


@pytest.fixture(scope="session")
def trials():
    """Three agents of seven trials, with a missed trial and a choice without an outcome."""
    learner = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
    ranges = {"alpha": (0.5, 0.9), "beta": (1.5, 2.5), "forget": (0.0, 0.1)}
    trials = tw.simulate(learner, tw.environments.AlienTask(trials=7), ranges, participants=3, seed=6).trials
    choice, outcome = trials.choice.copy(), 2.0 * trials.outcome["outcome"]
    choice[3], outcome[[3, 9]] = -1, np.nan
    cue = replace(trials.columns["cue"], values=np.tile([0, 0, 1, 0, 1, 0, 0], 3))
    context = replace(trials.columns["context"], values=np.tile([0, 0, 0, 1, 1, 0, 1], 3))
    return replace(
        trials, choice=choice, outcome={"outcome": outcome}, columns=trials.columns | {"cue": cue, "context": context}
    )
