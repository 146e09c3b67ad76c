"""Task sets: on each trial an agent chooses one of several sets of values, unobserved, and acts on it."""

import numpy as np

from trialwise.learners.assumptions import assumes
from trialwise.learners.decorator import learner
from trialwise.learners.parameters import constant, hidden, positive, unit
from trialwise.learners.state import softmax_into, state


@learner
class TaskSets:
    r"""Chooses a hidden set of action values by its value in the context; learns the action values of the set and the set's value.

    .. math::

        p(z = k) &\propto \exp(\beta_\mathrm{high}\, H[x, k]) \\
        p(a \mid z) &\propto \exp(\beta\, Q[z, s, a]) \\
        Q &\leftarrow (1 - f)\, Q + f\, Q_0 \qquad H \leftarrow (1 - f_\mathrm{high})\, H + f_\mathrm{high}\, Q_0
            \qquad \text{on every trial} \\
        Q[z, s, a] &\leftarrow Q[z, s, a] + \alpha\, (r - Q[z, s, a]) \\
        H[x, z] &\leftarrow H[x, z] + \alpha_\mathrm{high}\, (r - H[x, z])

    for context :math:`x` (season), cue :math:`s` (alien), action :math:`a` (item), outcome :math:`r` and hidden choice :math:`z`
    (task set). Choices precede forgetting, and prediction errors are computed from the decayed values. All values start at
    ``initial``, so the sets are exchangeable. Signals: the prediction errors ``error`` (of :math:`Q`) and ``error_high`` (of
    :math:`H`).

    The hierarchical model of the alien task (Eckstein & Collins 2020, PNAS 117(47):29381), where :math:`Q_0` = 1.2.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.0)
    forget: float = unit("forgetting rate", mean=-2.0)
    alpha_high: float = unit("learning rate of task sets", mean=-1.0)
    beta_high: float = positive("inverse temperature of task sets")
    forget_high: float = unit("forgetting rate of task sets", mean=-2.0)
    initial: float = constant(0.0, "value before any outcome")
    sets: int = hidden(3, "number of task sets", exchangeable=True)

    def start(self, task):
        return state(
            low=task.table(self.sets, "cue", "action", fill=self.initial),
            high=task.table("context", self.sets, fill=self.initial),
        )

    def hide(self, now, trial, preference):
        for task_set in range(len(preference)):
            preference[task_set] = self.beta_high * now.high[trial.context, task_set]

    def choose(self, now, trial, task_set, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * now.low[task_set, trial.cue, action]

    def elapse(self, now, trial):
        now.low.decay(self.forget, self.initial)
        now.high.decay(self.forget_high, self.initial)

    def learn(self, now, trial, task_set, choice, outcome):
        error = outcome - now.low[task_set, trial.cue, choice]
        now.low[task_set, trial.cue, choice] += self.alpha * error
        error_high = outcome - now.high[trial.context, task_set]
        now.high[trial.context, task_set] += self.alpha_high * error_high
        return error, error_high


@learner
class MixedTaskSets:
    r"""Acts on the average of its sets, weighted by their values in the context, and updates all sets in proportion to their weights.

    A model of its own, not an approximation of :class:`TaskSets`: there is no hidden choice.

    .. math::

        w_k &\propto \exp(\beta_\mathrm{high}\, H[x, k]) \\
        p(a) &\propto \exp\bigl(\beta \textstyle\sum_k w_k\, Q[k, s, a]\bigr) \\
        Q[k, s, a] &\leftarrow Q[k, s, a] + \alpha\, w_k\, (r - Q[k, s, a]) \\
        H[x, k] &\leftarrow H[x, k] + \alpha_\mathrm{high}\, w_k\, (r - H[x, k])

    with forgetting as in :class:`TaskSets`, on every trial, after the choice and before learning. Sets with equal initial values
    would remain equal throughout; therefore each context starts with a bias ``tilt`` towards a set of its own,
    :math:`H[x, x] = Q_0 + \text{tilt}`, and decays towards it. Signals: ``error`` and ``error_high``, averaged over sets by weight.

    Source: a model of the alien task's authors from spring 2018, in which the bias towards each season's own set was a parameter.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.0)
    forget: float = unit("forgetting rate", mean=-2.0)
    alpha_high: float = unit("learning rate of task sets", mean=-1.0)
    beta_high: float = positive("inverse temperature of task sets")
    forget_high: float = unit("forgetting rate of task sets", mean=-2.0)
    initial: float = constant(0.0, "value before any outcome")
    tilt: float = constant(0.5, "head start of each context's own set")
    sets: int = constant(3, "number of task sets")
    data = assumes(at_most={"context": "sets"})

    def start(self, task):
        now = state(
            low=task.table(self.sets, "cue", "action", fill=self.initial),
            high=task.table("context", self.sets, fill=self.initial),
        )
        self.favour_own(now.high, self.tilt)
        return now

    def favour_own(self, high, tilt):
        for context in range(len(high)):
            high[context, context % self.sets] += tilt

    def weights(self, now, trial):
        weights = np.zeros(self.sets)
        for task_set in range(self.sets):
            weights[task_set] = self.beta_high * now.high[trial.context, task_set]
        softmax_into(weights)
        return weights

    def choose(self, now, trial, preference):
        weights = self.weights(now, trial)
        for action in range(len(preference)):
            value = 0.0
            for task_set in range(self.sets):
                value += weights[task_set] * now.low[task_set, trial.cue, action]
            preference[action] = self.beta * value

    def elapse(self, now, trial):
        now.low.decay(self.forget, self.initial)
        now.high.decay(self.forget_high, self.initial)
        self.favour_own(now.high, self.forget_high * self.tilt)

    def learn(self, now, trial, choice, outcome):
        weights = self.weights(now, trial)
        error, error_high = 0.0, 0.0
        for task_set in range(self.sets):
            weight = weights[task_set]
            gap = outcome - now.low[task_set, trial.cue, choice]
            gap_high = outcome - now.high[trial.context, task_set]
            now.low[task_set, trial.cue, choice] += self.alpha * weight * gap
            now.high[trial.context, task_set] += self.alpha_high * weight * gap_high
            error += weight * gap
            error_high += weight * gap_high
        return error, error_high


@learner
class ArgmaxTaskSets:
    r"""Always chooses the set with the highest value in the context; an example of a model that cannot be fitted by gradients.

    As :class:`TaskSets` with :math:`z = \arg\max_k H[x, k]`, the first in case of ties. The likelihood jumps where a change in a
    parameter makes another set the best one, and is constant in between as a function of ``alpha_high`` and ``forget_high``: a
    sampler that needs gradients refuses it. All contexts start with set 0 and interfere. This is the second learner of the forum
    thread, with its choice rule corrected: in the thread, one set was learnt and another was read.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.0)
    forget: float = unit("forgetting rate", mean=-2.0)
    alpha_high: float = unit("learning rate of task sets", mean=-1.0)
    forget_high: float = unit("forgetting rate of task sets", mean=-2.0)
    initial: float = constant(0.0, "value before any outcome")
    sets: int = constant(3, "number of task sets")

    def start(self, task):
        return state(
            low=task.table(self.sets, "cue", "action", fill=self.initial),
            high=task.table("context", self.sets, fill=self.initial),
        )

    def best(self, now, trial):
        best = 0
        for task_set in range(1, self.sets):
            if now.high[trial.context, task_set] > now.high[trial.context, best]:
                best = task_set
        return best

    def choose(self, now, trial, preference):
        task_set = self.best(now, trial)
        for action in range(len(preference)):
            preference[action] = self.beta * now.low[task_set, trial.cue, action]

    def elapse(self, now, trial):
        now.low.decay(self.forget, self.initial)
        now.high.decay(self.forget_high, self.initial)

    def learn(self, now, trial, choice, outcome):
        task_set = self.best(now, trial)  # forgetting since the choice preserves the order
        error = outcome - now.low[task_set, trial.cue, choice]
        now.low[task_set, trial.cue, choice] += self.alpha * error
        error_high = outcome - now.high[trial.context, task_set]
        now.high[trial.context, task_set] += self.alpha_high * error_high
        return error, error_high
