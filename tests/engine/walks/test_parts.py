"""A walk has only the parts that its learner has: others would be compiled for nothing."""

import pandas as pd
import pytest

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.engine.walks.parts import PLAIN, build_parts

HIDDEN = {"hide", "given_hidden", "score_hidden", "unscored", "pick"}
TRACES = {"note", "keep"}


@tw.learner
class Habit:
    """Repeats what was chosen, and drifts between trials."""

    rate: float = tw.unit("rate")

    def start(self, task):
        return task.table("action")

    def choose(self, habit, trial, preference):
        for action in range(len(preference)):
            preference[action] = habit[action]

    def act(self, habit, trial, choice):
        habit[choice] += self.rate

    def between(self, habit, trial):
        habit[0] *= self.rate


@pytest.mark.parametrize("tracing", [False, True])
@pytest.mark.parametrize(
    ("learner", "missing"),
    [
        (tw.learners.QLearning(), HIDDEN | {"see", "acted", "watch", "between"}),
        (tw.learners.TaskSets(), {"see", "acted", "watch", "between"}),
        (Habit(), HIDDEN | {"see", "elapse", "learn", "watch"}),
    ],
    ids=lambda each: "" if isinstance(each, set) else str(each),
)
def test_parts_that_a_learner_has_not_are_none(learner, missing, tracing):
    trials = tw.read_long(
        pd.DataFrame({"participant": 1, "context": 0, "cue": [0, 1, 0], "choice": [0, 1, 0], "outcome": [1, 0, 1]})
    )
    parts = build_parts(learner, pack(learner, trials).layout, PLAIN, tracing=tracing)
    assert {name for name, part in parts._asdict().items() if part is None} == missing | (set() if tracing else TRACES)
