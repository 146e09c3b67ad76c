"""Baselines: what a learner has to beat before its parameters mean anything."""

import numpy as np

from trialwise.learners.assumptions import assumes
from trialwise.learners.decorator import learner, probabilities
from trialwise.learners.parameters import constant, positive, real, unit
from trialwise.learners.state import memory, state

MOST_ACTIONS = 8


def threshold_of(trials):
    """What separates better from worse outcomes of choices, their mean; None without outcomes that differ in a single number."""
    if trials.choice is None or len(trials.outcome) != 1:
        return None
    values = next(iter(trials.outcome.values()))
    values = values[trials.responded & ~np.isnan(values)]
    if not len(values) or values.min() == values.max():
        return None
    return _few_digits(float(values.mean()), values)


def _few_digits(mean, values):
    """The mean, with as few digits as make no difference to which values are above it, and little to the distance from it."""
    for digits in range(1, 17):
        rounded = float(f"{mean:.{digits}g}")
        if abs(rounded - mean) <= 0.01 * values.std() and ((values > rounded) == (values > mean)).all():
            return rounded
    return mean


def actions_of(trials):
    """The number of actions; 0 without choices."""
    return trials.sizes.get("action", 0) if trials.choice is not None else 0


@learner
class RandomResponding:
    r"""Chooses at random, with a preference for some actions that never changes.

    .. math:: p(a) = \mathrm{softmax}_a\, b_a, \qquad b_0 = 0

    for action :math:`a`. It learns nothing. Biases of actions that the data do not have are to be fixed: for three actions,
    ``RandomResponding().fix(bias_3=0, bias_4=0, bias_5=0, bias_6=0, bias_7=0)``; and one bias of each further set of actions that are
    available together, as in the stages of a trial. ``compare(..., baselines=True)`` does so.

    Wilson & Collins 2019 (eLife 8:e49547), their first model.
    """

    bias_1: float = real("preference for action 1 over action 0, in logits")
    bias_2: float = real("preference for action 2 over action 0, in logits")
    bias_3: float = real("preference for action 3 over action 0, in logits")
    bias_4: float = real("preference for action 4 over action 0, in logits")
    bias_5: float = real("preference for action 5 over action 0, in logits")
    bias_6: float = real("preference for action 6 over action 0, in logits")
    bias_7: float = real("preference for action 7 over action 0, in logits")
    data = assumes(action_of={f"bias_{action}": action for action in range(1, MOST_ACTIONS)}, relative=True)

    @staticmethod
    def for_data(kind, trials):
        """The baseline for these trials, or None if it is not for such data."""
        actions = actions_of(trials)
        if not 2 <= actions <= MOST_ACTIONS:
            return None
        return kind().fix(**{f"bias_{action}": 0.0 for action in range(actions, MOST_ACTIONS)})

    def bias(self, action):
        if action == 1:
            return self.bias_1
        if action == 2:
            return self.bias_2
        if action == 3:
            return self.bias_3
        if action == 4:
            return self.bias_4
        if action == 5:
            return self.bias_5
        if action == 6:
            return self.bias_6
        if action == 7:
            return self.bias_7
        return 0.0

    def choose(self, nothing, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.bias(action)


@learner
class NoisyWinStayLoseShift:
    r"""Repeats a choice after a better outcome and changes it after a worse one, with some noise.

    .. math::

        p(a) &= \frac{\epsilon}{n} + (1 - \epsilon)\, [a = c] \quad \text{after } r > \theta \\
        p(a) &= \frac{\epsilon}{n} + (1 - \epsilon)\, \frac{[a \ne c]}{n - 1} \quad \text{after } r \le \theta

    for the :math:`n` actions that are available, the last choice with an outcome :math:`c` and that outcome :math:`r`. If there is none yet,
    :math:`c` is not available, or is the only one that is, all available actions are equally likely. ``compare(..., baselines=True)`` sets the
    threshold :math:`\theta` to the mean outcome.

    Wilson & Collins 2019 (eLife 8:e49547), their second model.
    """

    noise: float = unit("probability of choosing at random", mean=-1.0)
    threshold: float = constant(0.0, "outcomes above this are better ones")
    data = assumes(rows_are_trials=True)

    @staticmethod
    def for_data(kind, trials):
        """The baseline for these trials, or None if it is not for such data."""
        threshold = threshold_of(trials)
        return None if threshold is None or actions_of(trials) < 2 else kind(threshold=threshold)

    def start(self, task):
        return state(choice=memory(-1), better=memory(0))

    @probabilities
    def choose(self, last, trial, preference):
        count = 0
        for action in range(len(preference)):
            if trial.available[action]:
                count += 1
        informed = False
        if count > 1 and last.choice >= 0:
            informed = trial.available[last.choice] == 1
        for action in range(len(preference)):
            rule = 1.0 / count
            if informed and last.better == 1:
                rule = 1.0 if action == last.choice else 0.0
            elif informed:
                rule = 0.0 if action == last.choice else 1.0 / (count - 1.0)
            preference[action] = self.noise / count + (1.0 - self.noise) * rule

    def learn(self, last, trial, choice, outcome):
        last.choice = choice
        last.better = 1 if outcome > self.threshold else 0


@learner
class ChoiceKernel:
    r"""Repeats what was chosen often and lately, whatever came of it.

    .. math::

        p(a) &= \mathrm{softmax}_a\, \beta K[a] \\
        K[a] &\leftarrow K[a] + \alpha\, ([a = c] - K[a]) \quad \text{(every action)}

    for every choice :math:`c`, with or without an outcome. Wilson & Collins 2019 (eLife 8:e49547), equations 5 and 6.
    """

    alpha_choice: float = unit("rate of the choice kernel", mean=-1.0)
    beta_choice: float = real("effect of the choice kernel, in logits", mean=1.0)

    @staticmethod
    def for_data(kind, trials):
        """The baseline for these trials, or None if it is not for such data."""
        return kind() if actions_of(trials) >= 2 else None

    def start(self, task):
        return task.table("action")

    def choose(self, kernel, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta_choice * kernel[action]

    def act(self, kernel, trial, choice):
        for action in range(len(kernel)):
            chosen = 1.0 if action == choice else 0.0
            kernel[action] += self.alpha_choice * (chosen - kernel[action])


@learner
class HistoryRegression:
    r"""A logistic regression on the last three choices and their outcomes.

    .. math:: p(a) = \mathrm{softmax}_a \sum_{k=1}^{3} [c_{-k} = a]\, \bigl(w_k (r_{-k} - \theta) + v_k\bigr)

    for the :math:`k`-th last choice :math:`c_{-k}` and its outcome :math:`r_{-k}`; without an outcome, :math:`w_k (r_{-k} - \theta)` is 0. It has no
    values that add up, so that a learner worth its name predicts better. ``compare(..., baselines=True)`` sets :math:`\theta` to the mean
    outcome.

    Lau & Glimcher 2005 (J Exp Anal Behav 84:555).
    """

    reward_1: float = real("effect of the last outcome on repeating its choice, in logits", mean=1.0)
    reward_2: float = real("effect of the second last outcome, in logits", mean=0.5)
    reward_3: float = real("effect of the third last outcome, in logits", mean=0.25)
    choice_1: float = real("effect of the last choice on repeating it, in logits")
    choice_2: float = real("effect of the second last choice, in logits")
    choice_3: float = real("effect of the third last choice, in logits")
    threshold: float = constant(0.0, "outcome without effect")
    data = assumes(rows_are_trials=True)

    @staticmethod
    def for_data(kind, trials):
        """The baseline for these trials, or None if it is not for such data."""
        threshold = threshold_of(trials)
        return None if threshold is None or actions_of(trials) < 2 else kind(threshold=threshold)

    def start(self, task):
        return state(first=memory(-1), second=memory(-1), third=memory(-1), reward=task.table(3))

    def choose(self, past, trial, preference):
        for action in range(len(preference)):
            preference[action] = 0.0
        if past.first >= 0:
            preference[past.first] += self.reward_1 * past.reward[0] + self.choice_1
        if past.second >= 0:
            preference[past.second] += self.reward_2 * past.reward[1] + self.choice_2
        if past.third >= 0:
            preference[past.third] += self.reward_3 * past.reward[2] + self.choice_3

    def act(self, past, trial, choice):
        past.third, past.second, past.first = past.second, past.first, choice
        past.reward[2], past.reward[1], past.reward[0] = past.reward[1], past.reward[0], 0.0

    def learn(self, past, trial, choice, outcome):
        past.reward[0] = outcome - self.threshold


@learner
class ConstantResponse:
    r"""Responds around a mean that never changes: the baseline of a continuous response.

    .. math:: y \sim \mathrm{Normal}(m,\ \sigma)

    It learns nothing.
    """

    level: float = real("mean of the response", width=2.0)
    noise: float = positive("standard deviation of the response")

    @staticmethod
    def for_data(kind, trials):
        """The baseline for these trials, or None if it is not for such data."""
        return kind() if trials.choice is None and len(trials.response) == 1 else None

    def respond(self, nothing, trial):
        return self.level, self.noise
