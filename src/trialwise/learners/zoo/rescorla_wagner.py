"""Rescorla-Wagner learning, measured by a continuous response."""

from trialwise.learners.decorator import learner
from trialwise.learners.parameters import constant, positive, real, unit


@learner
class RescorlaWagner:
    r"""The expected outcome after each cue, measured by a noisy response such as skin conductance or a rating.

    .. math::

        y &\sim \mathrm{Normal}(b_0 + b_1 V[s],\ \sigma) \\
        V[s] &\leftarrow V[s] + \alpha\, (r - V[s])

    for cue :math:`s`, response :math:`y` and outcome :math:`r`. The response precedes the outcome of the trial, and its noise does
    not scale with the slope. If the slope is near 0, the data are uninformative about the learning rate.

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
