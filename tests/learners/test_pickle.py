"""Learners and results are pickled and copied by Python's own means."""

import copy
import pickle

import cloudpickle
import numpy as np
import pytest

import trialwise as tw

LEARNERS = [
    tw.QLearning(initial=1.2).fix(forget=0).with_lapse().with_stickiness(),
    tw.learners.TaskSets(sets=2).tie(alpha_high="alpha"),
    tw.learners.RescorlaWagner(),
]


@pytest.mark.parametrize("learner", LEARNERS, ids=repr)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_learner_is_the_same_afterwards(learner, again):
    same = again(learner)
    assert same == learner and repr(same) == repr(learner) and same.names == learner.names
    with pytest.raises(tw.errors.UsageError, match="frozen"):
        same.alpha = 1


def test_a_learner_defined_in_a_function_is_sent_by_value():
    @tw.learner
    class Guesser:
        """Guess."""

        first: float = tw.unit("probability of action 0")

        def choose(self, state, trial, preference):
            """Fill logits."""
            for action in range(len(preference)):
                preference[action] = self.first * action

    same = pickle.loads(cloudpickle.dumps(Guesser().fix(first=0.3)))
    assert repr(same) == "Guesser().fix(first=0.3)" and same.key == Guesser().fix(first=0.3).key


@pytest.mark.sample
def test_results_are_the_same_afterwards():
    learner = tw.QLearning(initial=1.2)
    simulation = tw.simulate(
        learner, tw.environments.AlienTask(trials=40), {"alpha": 0.3, "beta": 2, "forget": 0}, participants=3, seed=1
    )
    fit = tw.fit(learner, simulation.trials, draws=50, tune=50, chains=2, seed=1, progress=False)
    results = {
        "simulation": simulation,
        "fit": fit,
        "point": tw.point(learner, simulation.trials),
        "diagnosis": tw.diagnose(fit),
        "check": tw.check(fit, datasets=2, progress=False),
        "prediction": tw.predict(fit, "one-step", datasets=2),
        "inspection": tw.inspect(simulation.trials),
    }
    for name, result in results.items():
        for again in (copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))):
            same = again(result)
            assert repr(same) == repr(result), name
            for table, expected in result.tables().items():
                assert same.tables()[table].equals(expected), (name, table)
    np.testing.assert_array_equal(copy.deepcopy(fit).draws["alpha"], fit.draws["alpha"])
