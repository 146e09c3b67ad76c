"""The published prior predictive of the alien task, fast (R25); the long run's result is ``docs/prior_predictive.txt``."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "prior_predictive.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("prior_predictive", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("model", ["flat", "task sets", "Bayes"])
def test_published_means_come_out(script, model):
    """256 data sets of 8 agents, parameters filling the prior evenly."""
    found = script.simulated(script.STATED[1], model, sets=256, agents=8)
    for name, values in found.items():
        assert len(values) == 256
        row, agrees = script.line(model, name, values)
        assert agrees, row
    # and the models are told apart by them
    others = [other for other in script.PUBLISHED if other != model and "flat" in (other, model)]
    for other in others:
        assert not script.line(other, "perseveration", found["perseveration"])[1]
        assert not script.line(other, "preference", found["preference"])[1]


def test_agents_of_a_data_set_share_their_parameters(script):
    learner = script.STATED[1].learners()["task sets"]
    assert learner.names == ("alpha", "beta", "forget", "alpha_high", "beta_high", "forget_high")
    drawn = script.parameters(learner, np.full((2, 6), [[0.0], [0.5]]), 3)
    assert drawn["alpha"].tolist() == [0, 0, 0, 0.5, 0.5, 0.5] and drawn["beta_high"].tolist() == [
        1,
        1,
        1,
        10.5,
        10.5,
        10.5,
    ]


def test_sequences_are_those_of_the_participants(script):
    made = script.sequences()
    assert len(made) == 31 and all(shown.trials == 468 + 60 + 360 for shown in made)
    first = [tuple(shown["season"][:468:52]) for shown in made]
    assert first.count((2, 0, 1, 0, 1, 2, 1, 2, 0)) == 10
