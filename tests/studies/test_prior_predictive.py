"""The published prior predictive of the alien task, in a short run; for the long run see ``docs/prior_predictive.txt``."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.study

SCRIPT = Path(__file__).parents[2] / "scripts" / "prior_predictive.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("prior_predictive", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("model", ["flat", "task sets", "Bayes"])
def test_published_means_are_reproduced(script, model):
    """256 data sets of 8 agents, with parameters that cover the prior evenly."""
    simulated = script.simulated(script.STATED[1], model, sets=256, agents=8)
    for name, values in simulated.items():
        assert len(values) == 256
        row, agrees = script.line(model, name, values)
        assert agrees, row
    # the statistics distinguish the models
    others = [other for other in script.PUBLISHED if other != model and "flat" in (other, model)]
    for other in others:
        assert not script.line(other, "perseveration", simulated["perseveration"])[1]
        assert not script.line(other, "preference", simulated["preference"])[1]


def test_agents_of_a_data_set_share_their_parameters(script):
    learner = script.STATED[1].learners()["task sets"]
    assert learner.names == ("alpha", "beta", "forget", "alpha_high", "beta_high", "forget_high")
    parameters = script.parameters(learner, np.full((2, 6), [[0.0], [0.5]]), 3)
    assert parameters["alpha"].tolist() == [0, 0, 0, 0.5, 0.5, 0.5] and parameters["beta_high"].tolist() == [
        1,
        1,
        1,
        10.5,
        10.5,
        10.5,
    ]


def test_sequences_are_those_of_the_participants(script):
    sequences = script.sequences()
    assert len(sequences) == 31 and all(shown.trials == 468 + 60 + 360 for shown in sequences)
    first = [tuple(shown["season"][:468:52]) for shown in sequences]
    assert first.count((2, 0, 1, 0, 1, 2, 1, 2, 0)) == 10
