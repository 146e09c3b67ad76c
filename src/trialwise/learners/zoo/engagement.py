"""Engagement that comes and goes: hidden states that follow a Markov chain, of which one follows the task."""

import numpy as np

from trialwise.learners.assumptions import assumes
from trialwise.learners.decorator import learner
from trialwise.learners.parameters import constant, hidden, positive, real, unit

SMALLEST = 1e-12
"""Added to probabilities to stay or to leave, so that the logarithm of their ratio is finite."""


@learner
class GLMHMM:
    r"""Two-alternative choices in one of three hidden states: engaged (logistic in the stimulus), biased, or lapsing.

    .. math::

        p(z_t = k \mid z_{t-1} = k) &= s_k, \qquad p(z_t = k \mid z_{t-1} = j) = (1 - s_j) / 2 \quad (k \ne j), \qquad
        p(z_1 = k) \propto 1 / (1 - s_k) \\
        p(a_2 \mid z) &= 1 \big/ \bigl(1 + e^{-L_z}\bigr), \qquad
        L_\mathrm{engaged} = b + w x_t, \qquad L_\mathrm{biased} = b_\mathrm{side}, \qquad L_\mathrm{lapsing} = 0

    for a signed stimulus :math:`x` (``stimulus``, a number: positive in favour of the second action) and the probability :math:`s_k` to stay
    in state k (``stay_engaged``, ``stay_biased``, ``stay_lapsing``); the first state is drawn from the stationary distribution of the
    chain. A visit of state k lasts :math:`1 / (1 - s_k)` trials in the mean. States are numbered in the order engaged, biased,
    lapsing, and cannot exchange their labels, since only the first follows the stimulus and only the second has a side. Nothing is learnt;
    outcomes are not needed.

    The hidden Markov model of Ashwood, Roy, Stone, The International Brain Laboratory, Urai, Churchland, Pouget & Pillow (2022), Nature
    Neuroscience 25:201, whose states each have weights of their own, of the last choice and its outcome too, and any transition matrix.
    """

    sensitivity: float = positive("weight of the stimulus when engaged, in logits per unit", mean=1.0)
    bias: float = real("bias to the second action when engaged, in logits", spread=0.5)
    side: float = real("bias to the second action when biased, in logits", width=2.0, spread=1.5)
    stay_engaged: float = unit("probability to stay engaged", mean=3.0, width=1.0)
    stay_biased: float = unit("probability to stay biased", mean=2.0, width=1.0)
    stay_lapsing: float = unit("probability to stay lapsing", mean=2.0, width=1.0)
    states: int = hidden(3, "engaged, biased, lapsing", markov=True)
    data = assumes(actions=2, action=("in favour of negative stimuli", "in favour of positive stimuli"))

    def stay(self, mode):
        return self.stay_engaged if mode == 0 else self.stay_biased if mode == 1 else self.stay_lapsing

    def hide(self, nothing, trial, last, preference):
        for mode in range(len(preference)):
            preference[mode] = 0.0
            if last < 0:
                preference[mode] = -np.log(1.0 - self.stay(mode) + SMALLEST)
        if last >= 0:
            preference[last] = np.log(2.0 * (self.stay(last) + SMALLEST) / (1.0 - self.stay(last) + SMALLEST))

    def choose(self, nothing, trial, mode, preference):
        preference[0] = 0.0
        preference[1] = 0.0
        if mode == 0:
            preference[1] = self.bias + self.sensitivity * trial.stimulus
        elif mode == 1:
            preference[1] = self.side


@learner
class EngagedQLearning:
    r"""Q-learning whose choices follow the values while engaged and are random otherwise; engagement comes and goes.

    .. math::

        p(z_t = k \mid z_{t-1} = k) &= s_k, \qquad p(z_1 = k) \propto 1 / (1 - s_k) \\
        p(a \mid z = \mathrm{engaged}) &= \mathrm{softmax}_a\, \beta\, Q[x, s, a], \qquad p(a \mid z = \mathrm{random}) = 1 / n \\
        Q[x, s, a] &\leftarrow Q[x, s, a] + \alpha\, (r - Q[x, s, a]) \quad \text{(in both states)}

    for context :math:`x`, cue :math:`s`, chosen action :math:`a`, outcome :math:`r`, the n available actions, and the probability
    :math:`s_k` to stay in a state (``stay_engaged``, ``stay_random``); the first state is drawn from the stationary distribution of the
    chain. Spells of random choices last :math:`1 / (1 - s_\mathrm{random})` trials in the mean, unlike lapses, which are independent of
    each other. States are numbered in the order engaged, random. Signal: ``error``, the reward prediction error :math:`r - Q`.

    Dynamic noise estimation (Li, Shi, Li & Collins 2024, Journal of Mathematical Psychology 119:102842).
    """

    alpha: float = unit("learning rate", mean=-1.0)
    beta: float = positive("inverse temperature", mean=1.0)
    stay_engaged: float = unit("probability to stay engaged", mean=3.0, width=1.0)
    stay_random: float = unit("probability to stay random", mean=2.0, width=1.0)
    initial: float = constant(0.0, "value before any outcome")
    states: int = hidden(2, "engaged, random", markov=True)

    def start(self, task):
        return task.table("context", "cue", "action", fill=self.initial)

    def stay(self, mode):
        return self.stay_engaged if mode == 0 else self.stay_random

    def hide(self, q, trial, last, preference):
        for mode in range(len(preference)):
            preference[mode] = 0.0
            if last < 0:
                preference[mode] = -np.log(1.0 - self.stay(mode) + SMALLEST)
        if last >= 0:
            preference[last] = np.log((self.stay(last) + SMALLEST) / (1.0 - self.stay(last) + SMALLEST))

    def choose(self, q, trial, mode, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[trial.context, trial.cue, action] if mode == 0 else 0.0

    def learn(self, q, trial, choice, outcome):
        error = outcome - q[trial.context, trial.cue, choice]
        q[trial.context, trial.cue, choice] += self.alpha * error
        return error
