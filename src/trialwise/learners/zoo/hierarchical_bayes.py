"""Bayesian inference over task sets: sets have probabilities instead of values."""

import numpy as np

from trialwise.learners.assumptions import assumes
from trialwise.learners.decorator import learner
from trialwise.learners.parameters import constant, hidden, positive, unit
from trialwise.learners.state import state


@learner
class HierarchicalBayes:
    r"""Chooses a hidden set by its probability in the context, learns which actions are correct in it, and updates the probability.

    .. math::

        p(z = k) &\propto \exp(\beta_\mathrm{high}\, P[x, k]) \qquad
        p(a \mid z) \propto \exp(\beta\, Q[z, s, a]) \\
        Q &\leftarrow (1 - f)\, Q + f / n, \quad P \leftarrow (1 - f_\mathrm{high})\, P + f_\mathrm{high} / m
            \qquad \text{on every trial} \\
        Q[z, s, a] &\leftarrow Q[z, s, a] + \alpha\, (c - Q[z, s, a]) \\
        P[x, k] &\leftarrow P[x, k]\, \ell_k \big/ \textstyle\sum_j P[x, j]\, \ell_j

    for context :math:`x`, cue :math:`s`, action :math:`a` and hidden choice :math:`z`, with n actions, m sets, and c = 1 for a
    correct choice (an outcome above ``right_above``), 0 for a wrong one. The likelihood of a set is :math:`\ell_k = Q[k, s, a]`
    after a correct choice and :math:`1 - Q[k, s, a]` after a wrong one. The published learner used :math:`Q[k, s, a]` **in both
    cases**, so that an error counted as evidence for the sets that did not predict it; ``published=True`` reproduces this.
    Signals: ``error`` :math:`= c - Q[z, s, a]`, and ``surprise`` :math:`= -\log \sum_j P[x, j]\, \ell_j`.

    Source: Eckstein & Collins (2020), PNAS 117(47):29381, the "hierarchical Bayes" model of their code.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.5, per_outcome=False)
    forget: float = unit("forgetting rate", mean=-2.0)
    beta_high: float = positive("inverse temperature of task sets", mean=1.5, per_outcome=False)
    forget_high: float = unit("forgetting rate of task sets", mean=-2.0)
    right_above: float = constant(0.5, "outcomes above this value count as correct")
    published: bool = constant(False, "use a set's expectation as its likelihood after correct and wrong choices alike")
    sets: int = hidden(3, "number of task sets", exchangeable=True)
    data = assumes(right_above="right_above")

    def start(self, task):
        return state(
            low=task.table(self.sets, "cue", "action", fill=1.0 / task.size("action")),
            high=task.table("context", self.sets, fill=1.0 / self.sets),
            chance=1.0 / task.size("action"),
        )

    def hide(self, now, trial, preference):
        for task_set in range(len(preference)):
            preference[task_set] = self.beta_high * now.high[trial.context, task_set]

    def choose(self, now, trial, task_set, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * now.low[task_set, trial.cue, action]

    def elapse(self, now, trial):
        now.low.decay(self.forget, now.chance)
        now.high.decay(self.forget_high, 1.0 / self.sets)

    def learn(self, now, trial, task_set, choice, outcome):
        right = 1.0 if outcome > self.right_above else 0.0
        error = right - now.low[task_set, trial.cue, choice]
        now.low[task_set, trial.cue, choice] += self.alpha * error
        total = 0.0
        for k in range(self.sets):
            expected = now.low[k, trial.cue, choice]
            likelihood = expected if self.published or right > 0.5 else 1.0 - expected
            now.high[trial.context, k] *= likelihood
            total += now.high[trial.context, k]
        for k in range(self.sets):
            now.high[trial.context, k] /= total
        surprise = -np.log(total)
        return error, surprise
