"""A learner with a hidden choice that is small enough for the sum over all courses."""

import trialwise as tw


@tw.learner
class Sets:
    """Two sets of values, one of which is chosen, unobserved, by its sum."""

    alpha: float = tw.unit("learning rate")
    beta: float = tw.positive("inverse temperature")
    sets: int = tw.hidden(2, "number of sets", exchangeable=True)

    def start(self, task):
        return task.table(self.sets, "action", fill=1.0)

    def hide(self, q, trial, preference):
        for k in range(len(preference)):
            preference[k] = self.beta * (q[k, 0] + q[k, 1])

    def choose(self, q, trial, k, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[k, action]

    def learn(self, q, trial, k, choice, outcome):
        error = outcome - q[k, choice]
        q[k, choice] += self.alpha * error
        return error
