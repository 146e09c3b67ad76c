"""Probabilistic selection: choices between two of six cues, with separate learning rates for gains and losses.

Frank, Seeberger & O'Reilly 2004, Science 306:1940; the model of Frank et al. 2007, PNAS 104:16311. ``options`` contains
the cue on each side; the test phase, with novel pairs and no feedback, consists of rows without an outcome.
"""

from trialwise import constant, learner, positive, unit


@learner
class ProbabilisticSelection:
    alpha_gain: float = unit("learning rate when better than expected")
    alpha_loss: float = unit("learning rate when worse than expected")
    beta: float = positive("inverse temperature")
    initial: float = constant(0.5, "value before any outcome")

    def start(self, task):
        return task.table("cue", fill=self.initial)

    def choose(self, q, trial, preference):
        for side in range(len(preference)):
            preference[side] = self.beta * q[trial.options[side]]

    def learn(self, q, trial, choice, outcome):
        cue = trial.options[choice]
        error = outcome - q[cue]
        q[cue] += (self.alpha_gain if error > 0 else self.alpha_loss) * error
        return error
