"""Hybrid of model-free and model-based learning in the two-step task."""

from trialwise.learners.assumptions import assumes
from trialwise.learners.decorator import learner
from trialwise.learners.parameters import constant, positive, real, unit
from trialwise.learners.state import memory, state


@learner
class HybridTwoStep:
    r"""First-stage choices by a mixture of model-free values and model-based values, i.e. the values of the states they lead to.

    A trial is two rows (see :class:`~trialwise.environments.TwoStepTask`): the first-stage choice, at cue 0, with outcome 0, and
    the choice in the second-stage state, cue 1 or 2, with the reward.

    .. math::

        M[a] &= \textstyle\sum_s P(s \mid a)\, \max_b Q[s, b] \\
        p(a_1 = a) &= \mathrm{softmax}_a\, \beta\, \bigl(\omega\, M[a] + (1 - \omega)\, Q[0, a]\bigr)
            + \kappa\, [a = \text{last trial's } a_1] \\
        p(a_2 = a) &= \mathrm{softmax}_a\, \beta_\mathrm{second}\, Q[s, a] \\
        \delta_1 &= Q[s, a_2] - Q[0, a_1], \qquad \delta_2 = r - Q[s, a_2] \\
        Q[0, a_1] &\leftarrow Q[0, a_1] + \alpha\, (\delta_1 + \lambda\, \delta_2) \\
        Q[s, a_2] &\leftarrow Q[s, a_2] + \alpha_\mathrm{second}\, \delta_2

    with :math:`P(1 \mid 0) = P(2 \mid 1)` = ``common``. All values are updated after the reward; :math:`Q[0, a_1]` only if the first
    choice of the trial was made. Signals, in second rows:
    ``error_first`` :math:`= \delta_1` and ``error`` :math:`= \delta_2`; both are 0 in first rows.

    Daw, Gershman, Seymour, Dayan & Dolan (2011), Neuron 69:1204; here :math:`\kappa` is in logits, whereas they multiplied it by
    :math:`\beta`. With the same learning rate and inverse temperature in both stages:
    ``HybridTwoStep().tie(alpha_second="alpha", beta_second="beta")``.
    """

    alpha: float = unit("learning rate of first choices", mean=-1.0)
    alpha_second: float = unit("learning rate of second choices", mean=-1.0)
    beta: float = positive("inverse temperature of first choices", mean=1.0)
    beta_second: float = positive("inverse temperature of second choices", mean=1.0)
    omega: float = unit("weight of model-based values")
    trace: float = unit("share of the reward's error that reaches the first choice")
    perseveration: float = real("tendency to repeat the last first choice, in logits")
    common: float = constant(0.7, "probability that first action 0 leads to cue 1, and action 1 to cue 2")
    data = assumes(
        actions=2,
        cue=(
            "first stage",
            "state to which first action 0 mostly leads",
            "state to which first action 1 mostly leads",
        ),
        stages=[{"cue": 0}, {"cue": (1, 2)}],
        leads={0: 1, 1: 2},
        probability="common",
    )

    def start(self, task):
        return state(value=task.table("cue", "action"), first=memory(-1), chosen=memory(0))

    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            if trial.cue == 0:
                near, far = max(now.value[1 + action]), max(now.value[2 - action])
                planned = self.common * near + (1.0 - self.common) * far
                value = self.omega * planned + (1.0 - self.omega) * now.value[0, action]
                again = self.perseveration if action == now.first else 0.0
                preference[action] = self.beta * value + again
            else:
                preference[action] = self.beta_second * now.value[trial.cue, action]

    def elapse(self, now, trial):
        if trial.cue == 0:
            now.chosen = 0

    def learn(self, now, trial, choice, outcome):
        error_first, error = 0.0, 0.0
        if trial.cue == 0:
            now.first, now.chosen = choice, 1
        else:
            error = outcome - now.value[trial.cue, choice]
            if now.chosen == 1:  # otherwise the first-stage choice was missed
                error_first = now.value[trial.cue, choice] - now.value[0, now.first]
                now.value[0, now.first] += self.alpha * (error_first + self.trace * error)
            now.value[trial.cue, choice] += self.alpha_second * error
        return error_first, error
