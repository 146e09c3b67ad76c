"""A response family of its own: exponential waiting times, ended by a deadline."""

import math
from types import MappingProxyType

import numpy as np

from trialwise.learners.responses.family import ResponseFamily, ResponseParts, chance_from
from trialwise.learners.responses.plain_numbers import chain, value


def log_density(rate, seconds):
    """Log-density of an exponential waiting time, and the factor of its tangent."""
    wait = rate * seconds
    return chain(rate, 0.0, 1.0 / value(rate)) - wait, 1.0 / value(rate)


class Waiting(ResponseFamily):
    """An exponential waiting time; a wait ended by a deadline is stored as a negative number of seconds."""

    name = "waiting"
    method = "respond"
    columns = ("response",)
    parameters = MappingProxyType({"rate": "1/s"})
    random = ("uniform",)
    scores_missing = True
    noun = "wait"

    def in_data(self, trials):
        return bool(trials.response)

    def absent(self):
        return "needs waits: response=..."

    def observed(self, trials, name):
        return trials.response[name][:, None]

    def missing(self, observed):
        return ~(observed[:, 0] >= 0)

    def as_trials(self, name, observed):
        return {"response": {name: observed[:, 0].copy()}}

    def unanswered(self, asked):
        return np.where(asked, 1.0, -2.0)[:, None]

    def parts(self, learner, place):
        first, first_prediction, first_random = place
        rate = learner.methods[self.method]

        def act(agent, state, trial, hidden, preference, last):
            return rate(agent, state, trial)

        def read(observed, t):
            return observed[t, first]

        def write(observed, t, response):
            observed[t, first] = response

        def score(agent, answer, available, response):
            return log_density(answer[0], response)

        def survive(agent, answer, available, response):
            return answer[0] * response, 1.0

        def draw(agent, answer, available, random, t):
            response = -math.log(1.0 - random[t, first_random]) / value(answer[0])
            part, scale = log_density(answer[0], response)
            return response, part, scale

        def predict(agent, answer, available, record, t):
            record[t, first_prediction] = answer[0]

        def foresee(agent, answer, available, record, t, share):
            record[t, first_prediction] += share * answer[0]

        def received(response):
            return response

        def last(response):
            return -1

        return ResponseParts(
            read, write, act, score, chance_from(score), draw, predict, foresee, received, last, survive
        )

    def table(self, log_likelihood, predictions):
        return {"rate": predictions[:, 0]}

    def redraw(self, predictions, random):
        return -np.log(1.0 - random) / predictions

    def specimen(self, random, missed, actions, masked):
        return np.where(missed, -2.0, random.exponential(size=len(missed)))[:, None], None

    def by_hand(self, learner, agent, state, trial, hidden, last, row):
        (rate,) = learner.methods[self.method](agent, state, trial)
        return math.log(rate) - rate * row[0] if row[0] >= 0 else rate * row[0]


WAITING = Waiting()
