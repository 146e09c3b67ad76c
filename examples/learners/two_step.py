"""Two-step task, model-free and model-based values mixed (Daw et al. 2011, Neuron 69:1204).

A trial is two rows: the first stage, cue 0, outcome 0; then the place reached, cue 1 or 2, with the reward."""

from trialwise import constant, learner, memory, positive, state, unit


@learner
class TwoStep:
    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    weight: float = unit("weight of the model-based value")
    trace: float = unit("share of the reward's error that reaches the first choice")
    common: float = constant(0.7, "probability that action 0 leads to cue 1, action 1 to cue 2")

    def start(self, task):
        return state(value=task.table("cue", "action"), first=memory(0))

    def choose(self, now, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * now.value[trial.cue, action]
            if trial.cue == 0:
                planned = self.common * max(now.value[1 + action]) + (1 - self.common) * max(now.value[2 - action])
                preference[action] += self.beta * self.weight * (planned - now.value[0, action])

    def learn(self, now, trial, choice, outcome):
        error = outcome - now.value[trial.cue, choice]
        if trial.cue == 0:
            now.first = choice
        else:
            reached = now.value[trial.cue, choice] + self.trace * error
            now.value[0, now.first] += self.alpha * (reached - now.value[0, now.first])
            now.value[trial.cue, choice] += self.alpha * error
        return error
