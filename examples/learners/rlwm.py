"""Working memory plus reinforcement learning (Collins & Frank 2012, Eur. J. Neurosci. 35:1024)."""

from trialwise import assumes, constant, interval, learner, positive, probabilities, softmax_into, state, unit


@learner
class WorkingMemoryRL:
    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    reliance: float = unit("reliance on working memory")
    capacity: float = interval(1, 6, "number of cues that working memory can hold")
    decay: float = unit("decay of working memory")
    even: float = constant(1 / 3, "value before any outcome, 1 / number of actions")
    data = assumes(outcome=(0, 1))

    def start(self, task):
        return state(rl=task.table("cue", "action", fill=self.even), wm=task.table("cue", "action", fill=self.even))

    @probabilities
    def choose(self, now, trial, preference):
        weight = self.reliance * min(1, self.capacity / trial.set_size)  # cues in the block; reset begins blocks
        preference[:], recalled = self.beta * now.rl[trial.cue], self.beta * now.wm[trial.cue]
        softmax_into(preference)
        softmax_into(recalled)
        preference[:] = weight * recalled + (1 - weight) * preference

    def elapse(self, now, trial):
        now.wm.decay(self.decay, self.even)

    def learn(self, now, trial, choice, outcome):
        now.wm[trial.cue, choice] = outcome
        error = outcome - now.rl[trial.cue, choice]
        now.rl[trial.cue, choice] += self.alpha * error
        return error
