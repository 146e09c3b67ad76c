"""Rescorla-Wagner learning, read out by a continuous response."""

from trialwise.learners.decorator import learner
from trialwise.learners.parameters import constant, positive, real, unit


@learner
class RescorlaWagner:
    r"""The expectation of an outcome after each cue, shown by a noisy response such as a skin conductance or a rating.

    .. math::

        y &\sim \mathrm{Normal}(b_0 + b_1 V[s],\ \sigma) \\
        V[s] &\leftarrow V[s] + \alpha\, (r - V[s])

    for cue :math:`s`, response :math:`y` and outcome :math:`r`. The response is read before that trial's outcome, and the noise
    is its own, not scaled by the slope. Where the slope is near 0 nothing can be said about the learning rate.

    Rescorla & Wagner 1972. Signal: ``error``, the prediction error.
    """

    alpha: float = unit("learning rate", mean=-1.0)
    intercept: float = real("response at expectation 0")
    slope: float = real("response per unit of expectation")
    noise: float = positive("standard deviation of the response", mean=-1.0)
    initial: float = constant(0.5, "expectation before any outcome")

    def start(self, task):
        return task.table("cue", fill=self.initial)

    def respond(self, value, trial):
        return self.intercept + self.slope * value[trial.cue], self.noise

    def learn(self, value, trial, response, outcome):
        error = outcome - value[trial.cue]
        value[trial.cue] += self.alpha * error
        return error
