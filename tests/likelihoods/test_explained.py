"""The error where no course of hidden choices can explain a participant's responses."""

import numpy as np
import pytest

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.likelihoods.complete import check_explained


def test_participant_and_parameters_are_named():
    learner = tw.learners.TaskSets(initial=1.2)
    trials = tw.load_data("alien_flat").trials.select([0, 1]).first(5)
    packed, theta = pack(learner, trials), np.arange(12.0).reshape(2, 6)
    check_explained(learner, packed, trials.participants, np.array([True, True]), theta)
    with pytest.raises(tw.errors.ModelError, match=f"participant {trials.participants[1]!r} at alpha = 6, beta = 7"):
        check_explained(learner, packed, trials.participants, np.array([True, False]), theta)
