"""Data that are generated for a check are what the learner declares to assume; checked against what users' data are checked against."""

import numpy as np
import pytest

from trialwise import assumes, constant, learner, real
from trialwise.analysis.conformance.specimen import specimen
from trialwise.learners.violations import check_assumptions
from trialwise.learners.zoo import BUILT_IN


def start(self, task):
    return task.table(9)


def nothing(self, now, trial, preference):
    for action in range(len(preference)):
        preference[action] = self.bias * action


def cue(self, now, trial, preference):
    for action in range(len(preference)):
        preference[action] = self.bias * now[trial.cue]


def advice(self, now, trial, preference):
    for action in range(len(preference)):
        preference[action] = self.bias * now[trial.cue] + now[trial.advice]


def arm(self, now, trial, preference):
    for action in range(len(preference)):
        preference[action] = self.bias * now[trial.arm]


def one(self, now, trial, choice, outcome):
    now[choice] = outcome


def two(self, now, trial, choice, outcome):
    now[choice] = outcome.gain + outcome.loss


def build(choose, learn, **data):
    fields = {"bias": real("bias"), "limit": constant(7.0, "limit")}
    body = {"start": start, "choose": choose, "learn": learn, "data": assumes(**data), **fields}
    return learner(type("Declares", (), {"__annotations__": dict.fromkeys(fields, float), **body}))()


THREE = {"stages": [{"cue": 0}, {"cue": (1, 2)}, {"cue": (3, 4)}], "leads": {0: 2, 1: 1}}

DECLARED = [
    (nothing, one, {"actions": 5}),
    (nothing, one, {"action": ("stop", "pump"), "outcome": (None, 0)}),
    (nothing, one, {"outcome": (10, 20)}),
    (nothing, one, {"outcome": (0.4, 0.6), "actions": 2}),
    (nothing, two, {"outcome": {"gain": (0, None), "loss": (None, -3)}}),
    (nothing, one, {"right_above": "limit"}),
    (advice, one, {"cue": ("red", "green"), "advice": ("left", "middle", "right", "none"), "actions": 2}),
    (arm, one, {"arm": ("same", "same", "same"), "actions": 3}),
    (
        cue,
        one,
        {"actions": 2, "cue": ("first", "a", "b"), "stages": [{"cue": 0}, {"cue": (1, 2)}], "leads": {0: 1, 1: 2}},
    ),
    (cue, one, {"actions": 2, "cue": ("first", "a", "b", "c", "d"), **THREE}),
    (cue, one, {"actions": 2, "stages": [{"cue": (0, 1)}, {"cue": 2}], "outcome": (0, 1)}),
]


@pytest.mark.parametrize(("choose", "learn", "data"), DECLARED, ids=[str(data) for *_, data in DECLARED])
def test_generated_data_are_what_is_declared(choose, learn, data):
    subject = build(choose, learn, **data)
    for seed in range(4):
        trials = specimen(subject, seed=seed)
        check_assumptions(subject, trials)
        values = np.concatenate([values[~np.isnan(values)] for values in trials.outcome.values()])
        assert len(np.unique(values)) > 1
        for name, roles in subject.assumptions.labels.items():
            if name in trials.columns:
                assert trials.sizes[name] == len(roles) == len(np.unique(trials.columns[name].values))


def test_rows_of_stages_follow_each_other():
    trials = specimen(build(cue, one, actions=2, cue=("first", "a", "b", "c", "d"), **THREE))
    stage = np.array([0, 1, 1, 2, 2])[trials.columns["cue"].values]
    for first, end in zip(trials.offsets[:-1], trials.offsets[1:], strict=True):
        assert stage[first:end].tolist() == [n % 3 for n in range(end - first)]
    assert not (trials.reset & (stage > 0)).any() and trials.reset.any()
    rows = np.flatnonzero((stage[:-1] == 0) & (trials.choice[:-1] >= 0) & (stage[1:] == 1))
    assert (trials.columns["cue"].values[rows + 1] == np.array([2, 1])[trials.choice[rows]]).all()
    assert np.nan_to_num(trials.outcome["outcome"][stage < 2]).max() == 0.0


@pytest.mark.parametrize(
    "kind", [kind for kind in BUILT_IN.values() if kind().assumptions], ids=lambda kind: kind.__name__
)
def test_built_in_learners_accept_their_specimen(kind):
    for seed in range(3):
        check_assumptions(kind(), specimen(kind(), seed=seed))
