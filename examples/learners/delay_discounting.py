"""Hyperbolic discounting: choice between immediate and delayed amounts, without learning.

Mazur 1987, "An adjusting procedure for studying delayed reinforcement", in Quantitative Analyses of Behavior 5. ``amount`` and
``delay`` are vectors of numbers, one element per option.
"""

from trialwise import learner, positive


@learner
class Hyperbolic:
    discount: float = positive("discount rate per unit of delay", mean=-3.0, width=2.0)
    beta: float = positive("inverse temperature")

    def choose(self, nothing, trial, preference):
        for option in range(len(preference)):
            preference[option] = self.beta * trial.amount[option] / (1 + self.discount * trial.delay[option])
