"""The hybrid Pearce-Hall rule: surprise sets the learning rate."""

from trialwise.learners.decorator import learner
from trialwise.learners.parameters import constant, positive, real, unit
from trialwise.learners.state import state


@learner
class PearceHall:
    r"""Expectations learnt at a rate that depends on recent surprise, measured by a noisy response.

    .. math::

        y &\sim \mathrm{Normal}(b_0 + b_1 V[s],\ \sigma) \\
        \delta &= r - V[s] \\
        V[s] &\leftarrow V[s] + \kappa\, A[s]\, \delta \\
        A[s] &\leftarrow \eta\, |\delta| + (1 - \eta)\, A[s]

    for cue :math:`s`, response :math:`y` and outcome :math:`r`. The value :math:`V` is updated first, with the associability
    :math:`A` from before the trial, and then the associability, which starts above 0 so that the first surprise leads to learning.

    Pearce & Hall 1980; the hybrid of Li, Schiller, Schoenbaum, Phelps & Daw 2011 (Nature Neuroscience 14:1250).
    Signals: ``error`` :math:`= \delta`, and ``associability``, its weight on this trial.
    """

    kappa: float = unit("weight of the prediction error")
    eta: float = unit("weight of the latest surprise in associability", mean=-1.0)
    intercept: float = real("response at expectation 0")
    slope: float = real("response per unit of expectation")
    noise: float = positive("standard deviation of the response", mean=-1.0)
    initial: float = constant(0.5, "expectation before any outcome")
    initial_associability: float = constant(1.0, "associability before any outcome")

    def start(self, task):
        return state(
            value=task.table("cue", fill=self.initial),
            associability=task.table("cue", fill=self.initial_associability),
        )

    def respond(self, now, trial):
        return self.intercept + self.slope * now.value[trial.cue], self.noise

    def learn(self, now, trial, response, outcome):
        error = outcome - now.value[trial.cue]
        associability = now.associability[trial.cue]
        now.value[trial.cue] += self.kappa * associability * error
        now.associability[trial.cue] = self.eta * abs(error) + (1 - self.eta) * associability
        return error, associability
