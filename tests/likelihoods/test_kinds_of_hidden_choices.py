"""Kinds of hidden choices across resets, after which exchangeable options are like new: given courses, with the right values by hand."""

import numpy as np
import pandas as pd

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.likelihoods.hidden_posterior import same_in, smoothed

SETS = tw.learners.TaskSets(initial=1.2)
COURSES = np.array([[0, 0, 1, 0, 0, 1], [0, 1, 1, 0, 1, 1]]).T
"""By first use: after the reset, which comes before the fourth trial, labels begin at 0 again."""

WEIGHT = np.array([0.75, 0.25])


def trials(**columns):
    frame = pd.DataFrame({"participant": "p", "cue": 0, "choice": [0, 1, 0, 1, 0, 1], "outcome": 1.0, **columns})
    frame["again"] = np.arange(6) == 3
    return tw.read_long(frame, reset="again")


def test_the_option_settled_on_is_that_between_two_resets():
    """Each context has one set throughout, though labels are exchanged after the reset."""
    data = trials(context=[0, 0, 1, 1, 1, 0])
    found = smoothed(SETS, data, pack(SETS, data), 0, COURSES[:, :1], np.ones(1))
    np.testing.assert_allclose(found["hidden_current"], 1.0)
    np.testing.assert_allclose(found["hidden_other"], 0.0)


def test_no_set_is_the_same_as_one_before_a_reset():
    data = trials(context=0)
    same = same_in(SETS, data, pack(SETS, data), 0, COURSES, WEIGHT)
    block = np.array([[1.0, 0.75, 0.0], [0.75, 1.0, 0.25], [0.0, 0.25, 1.0]])
    expected = np.full((6, 6), np.nan)
    expected[:3, :3], expected[3:, 3:] = block, block
    np.testing.assert_allclose(same, expected)


def test_without_contexts_the_first_set_after_a_reset_follows_none():
    data = trials(block=1)
    found = smoothed(SETS, data, pack(SETS, data), 0, COURSES, WEIGHT)
    np.testing.assert_allclose(found["hidden_same"], [np.nan, 0.75, 0.25, np.nan, 0.75, 0.25])
