"""Q-learning: values of actions, learnt from prediction errors and forgotten over time."""

from trialwise.learners.decorator import learner
from trialwise.learners.parameters import constant, positive, unit


@learner
class QLearning:
    r"""Values of each cue-action pair in each context, learnt from prediction errors and forgotten over time.

    .. math::

        p(a) &= \mathrm{softmax}_a\, \beta\, Q[x, s, a] \\
        Q &\leftarrow (1 - f)\, Q + f\, Q_0 \quad \text{(every cell, every trial)} \\
        Q[x, s, a] &\leftarrow Q[x, s, a] + \alpha\, (r - Q[x, s, a])

    for context :math:`x`, cue :math:`s`, chosen action :math:`a` and outcome :math:`r`. Data without contexts or cues are treated as
    having one of each, so that the same class applies to a plain bandit. On each trial the choice precedes forgetting, and
    forgetting precedes learning.

    The flat model of the alien task (Eckstein & Collins 2020, PNAS 117(47):29381), where :math:`Q_0` = 1.2.
    Signal: ``error``, the reward prediction error :math:`r - Q`.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.0)
    forget: float = unit("forgetting rate", mean=-2.0)
    initial: float = constant(0.0, "value before any outcome")

    def start(self, task):
        return task.table("context", "cue", "action", fill=self.initial)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[trial.context, trial.cue, action]

    def elapse(self, q, trial):
        q.decay(self.forget, self.initial)

    def learn(self, q, trial, choice, outcome):
        error = outcome - q[trial.context, trial.cue, choice]
        q[trial.context, trial.cue, choice] += self.alpha * error
        return error


@learner
class StimulusLearning:
    r"""Values of each cue-action pair, regardless of the context (season).

    .. math::

        p(a) &= \mathrm{softmax}_a\, \beta\, Q[s, a] \\
        Q &\leftarrow (1 - f)\, Q + f\, Q_0 \quad \text{(every cell, every trial)} \\
        Q[s, a] &\leftarrow Q[s, a] + \alpha\, (r - Q[s, a])

    for cue :math:`s`, chosen action :math:`a` and outcome :math:`r`. Equivalent to :class:`TaskSets` with a single set; the
    "flat stimulus" model of the alien task's authors. Signal: ``error``, the reward prediction error.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.0)
    forget: float = unit("forgetting rate", mean=-2.0)
    initial: float = constant(0.0, "value before any outcome")

    def start(self, task):
        return task.table("cue", "action", fill=self.initial)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[trial.cue, action]

    def elapse(self, q, trial):
        q.decay(self.forget, self.initial)

    def learn(self, q, trial, choice, outcome):
        error = outcome - q[trial.cue, choice]
        q[trial.cue, choice] += self.alpha * error
        return error
