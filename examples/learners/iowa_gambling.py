"""Iowa gambling task: prospect valence learning with a delta rule (Ahn, Busemeyer, Wagenmakers & Stout 2008).

Cognitive Science 32:1376. The outcome is a record: ``gain``, and ``loss`` as a positive number, both in hundreds.
"""

from trialwise import assumes, interval, learner, positive, unit


@learner
class ProspectValence:
    alpha: float = unit("learning rate")
    shape: float = interval(0, 2, "curvature of the utility")
    aversion: float = positive("loss aversion")
    consistency: float = interval(0, 5, "consistency of choices")
    data = assumes(outcome={"gain": (0, None), "loss": (0, None)})

    def start(self, task):
        return task.table("action")

    def choose(self, value, trial, preference):
        preference[:] = (3**self.consistency - 1) * value

    def learn(self, value, trial, choice, outcome):
        net = outcome.gain - outcome.loss
        utility = net**self.shape if net >= 0 else -self.aversion * (-net) ** self.shape
        error = utility - value[choice]
        value[choice] += self.alpha * error
        return utility, error
