"""Go/no-go with a Pavlovian bias: cues of high value promote action (Guitart-Masip et al. 2012, NeuroImage 62:154).

Action 0 is no-go, action 1 is go. For the paper's irreducible noise use ``PavlovianGo().with_lapse()``.
"""

from trialwise import assumes, learner, positive, real, state, unit


@learner
class PavlovianGo:
    alpha: float = unit("learning rate")
    sensitivity: float = positive("sensitivity to outcomes")
    go: float = real("bias to go")
    pavlov: float = real("Pavlovian bias: effect of the cue's value on go")
    data = assumes(action=("no-go", "go"))

    def start(self, task):
        return state(q=task.table("cue", "action"), value=task.table("cue"))

    def choose(self, now, trial, preference):
        preference[:] = now.q[trial.cue]
        preference[1] += self.go + self.pavlov * now.value[trial.cue]

    def learn(self, now, trial, choice, outcome):
        utility = self.sensitivity * outcome
        error = utility - now.q[trial.cue, choice]
        now.q[trial.cue, choice] += self.alpha * error
        now.value[trial.cue] += self.alpha * (utility - now.value[trial.cue])
        return error
