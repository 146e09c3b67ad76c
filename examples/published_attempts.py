"""Two published errors, written as learners for comparison with the correct model: see ``scripts/published_attempts.py``.

Neither should be used for data. Both satisfy all requirements of a learner, so that only their predictions reveal the error.
"""

import numpy as np

from trialwise import constant, learner, memory, positive, softmax_into, state, unit


@learner
class ShiftedRow:
    r"""Flat Q-learning whose choices depend on the values of the previous trial's season and alien.

    The values for the season and alien of trial t, after its update, determine the choice on trial t + 1, for a different alien:
    :math:`p(a_{t+1}) = \mathrm{softmax}\, \beta\, Q_{t+1}[x_t, s_t]` in place of :math:`Q_{t+1}[x_{t+1}, s_{t+1}]`.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.0)
    forget: float = unit("forgetting rate", mean=-2.0)
    initial: float = constant(1.2, "value before any outcome")

    def start(self, task):
        q = task.table("context", "cue", "action", fill=self.initial)
        return state(q=q, context=memory(0), cue=memory(-1))

    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            value = self.initial if now.cue < 0 else now.q[now.context, now.cue, action]  # not the current alien
            preference[action] = self.beta * value

    def elapse(self, now, trial):
        now.q.decay(self.forget, self.initial)

    def learn(self, now, trial, choice, outcome):
        now.q[trial.context, trial.cue, choice] += self.alpha * (outcome - now.q[trial.context, trial.cue, choice])
        now.context = trial.context
        now.cue = trial.cue


@learner
class FrozenTaskSets:
    r"""Task sets chosen by random numbers that are drawn once and reused, ``trial.draw`` from 0 to 1: frozen noise.

    As :class:`trialwise.learners.TaskSets`, but the set is the first whose cumulative probability exceeds ``trial.draw``. The
    likelihood is that of one arbitrary sequence of sets, and a step function of the upper level's parameters.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.0)
    forget: float = unit("forgetting rate", mean=-2.0)
    alpha_high: float = unit("learning rate of task sets", mean=-1.0)
    beta_high: float = positive("inverse temperature of task sets")
    forget_high: float = unit("forgetting rate of task sets", mean=-2.0)
    initial: float = constant(1.2, "value before any outcome")
    sets: int = constant(3, "number of task sets")

    def start(self, task):
        low = task.table(self.sets, "cue", "action", fill=self.initial)
        return state(low=low, high=task.table("context", self.sets, fill=self.initial), picked=memory(0))

    def pick(self, now, trial):
        probability = np.zeros(self.sets)
        for task_set in range(self.sets):
            probability[task_set] = self.beta_high * now.high[trial.context, task_set]
        softmax_into(probability)
        cumulative, picked = 0.0, 0
        for task_set in range(self.sets - 1):
            cumulative += probability[task_set]
            if trial.draw > cumulative:
                picked = task_set + 1
        return picked

    def choose(self, now, trial, preference):
        task_set = self.pick(now, trial)
        for action in range(len(preference)):
            preference[action] = self.beta * now.low[task_set, trial.cue, action]

    def elapse(self, now, trial):
        now.picked = self.pick(now, trial)  # before forgetting changes the shares
        now.low.decay(self.forget, self.initial)
        now.high.decay(self.forget_high, self.initial)

    def learn(self, now, trial, choice, outcome):
        now.low[now.picked, trial.cue, choice] += self.alpha * (outcome - now.low[now.picked, trial.cue, choice])
        now.high[trial.context, now.picked] += self.alpha_high * (outcome - now.high[trial.context, now.picked])
