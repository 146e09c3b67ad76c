"""Reversal learning with forgone outcomes (Palminteri, Khamassi, Joffily & Coricelli 2015, Nat. Commun. 6:8096).

The outcome is a record: ``obtained``, and ``forgone``, the outcome of the other action (missing if not shown).
"""

import math

from trialwise import assumes, learner, positive, unit


@learner
class Counterfactual:
    alpha_chosen: float = unit("learning rate for the outcome obtained")
    alpha_forgone: float = unit("learning rate for the outcome forgone")
    beta: float = positive("inverse temperature")
    data = assumes(actions=2)

    def start(self, task):
        return task.table("context", "action")

    def choose(self, q, trial, preference):
        preference[:] = self.beta * q[trial.context]

    def learn(self, q, trial, choice, outcome):
        error = outcome.obtained - q[trial.context, choice]
        q[trial.context, choice] += self.alpha_chosen * error
        if not math.isnan(outcome.forgone):
            q[trial.context, 1 - choice] += self.alpha_forgone * (outcome.forgone - q[trial.context, 1 - choice])
        return error
