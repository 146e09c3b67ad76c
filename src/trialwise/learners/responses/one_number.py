"""What families have in common whose response is one number, NaN if there is none."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import numpy as np

from trialwise.base.message import Argument, Message
from trialwise.data.trials import Trials
from trialwise.learners.responses.family import Place, Responding, ResponseFamily, ResponseParts, chance_from
from trialwise.learners.responses.plain_numbers import value


class OneNumber(ResponseFamily):
    """A response that is one number.

    A family gives functions that are compiled for every kind of number: :meth:`density`, :meth:`sampler` and, unless its predictions are
    its two parameters, :meth:`prediction`. They receive the agent for the parameters of wrappers, and the answer of ``respond``.
    """

    method = "respond"
    columns = ("response",)

    @abstractmethod
    def density(self, learner: Responding) -> Callable:
        """The score of a response: ``(agent, answer, response)`` to ``(part, scale)``."""

    @abstractmethod
    def sampler(self, learner: Responding) -> Callable:
        """A simulated response: ``(agent, answer, random, t, first)``; its random numbers are ``random[t, first:]``."""

    def prediction(self, learner: Responding) -> Callable:
        """One of the predictions: ``(agent, answer, k)`` to a number without tangents; by default one of two parameters."""

        def prediction(agent, answer, k):
            return value(answer[0]) if k == 0 else value(answer[1])

        return prediction

    @abstractmethod
    def exact(self, answer: tuple[float, ...], response: float, lapse: float) -> float:
        """Log-density of one response, written independently of the kernels; ``lapse`` is 0 without one."""

    def answer(self, learner: Responding) -> Callable:
        """The function ``(agent, state, trial)`` that returns the parameters as a tuple."""
        respond: Callable = learner.methods[self.method]
        return respond

    def in_data(self, trials: Trials) -> bool:
        return bool(trials.response)

    def absent(self) -> Message:
        return Message("needs a response and the data have none: name the column, ", Argument("response", ...))

    def observed(self, trials: Trials, name: str) -> np.ndarray:
        values = trials.response[name] if name in trials.response else next(iter(trials.response.values()))
        return np.asarray(values, np.float64)[:, None]

    def as_trials(self, name: str, observed: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
        return {"response": {name: np.ascontiguousarray(observed[:, 0])}}

    def unanswered(self, asked: np.ndarray) -> np.ndarray:
        return np.where(asked, 0.0, np.nan)[:, None]

    def parts(self, learner: Responding, place: Place) -> ResponseParts:
        first, first_prediction, first_random = place
        respond, density, sampler = self.answer(learner), self.density(learner), self.sampler(learner)
        prediction, predictions = self.prediction(learner), self.predictions(1)

        def act(agent, state, trial, hidden, preference, last):
            return respond(agent, state, trial)

        def read(observed, t):
            return observed[t, first]

        def write(observed, t, response):
            observed[t, first] = response

        def score(agent, answer, available, response):
            return density(agent, answer, response)

        def draw(agent, answer, available, random, t):
            response = sampler(agent, answer, random, t, first_random)
            part, scale = density(agent, answer, response)
            return response, part, scale

        def predict(agent, answer, available, record, t):
            for k in range(predictions):
                record[t, first_prediction + k] = prediction(agent, answer, k)

        def foresee(agent, answer, available, record, t, share):
            for k in range(predictions):
                record[t, first_prediction + k] += share * prediction(agent, answer, k)

        def received(response):
            return response

        def last(response):
            return -1

        return ResponseParts(read, write, act, score, chance_from(score), draw, predict, foresee, received, last)

    def by_hand(
        self,
        learner: Responding,
        agent: object,
        state: object,
        trial: object,
        hidden: tuple[int, ...],
        last: int,
        row: np.ndarray,
    ) -> float:
        lapse = getattr(agent, "lapse", 0.0) if "lapse" in learner.declared else 0.0
        return float(self.exact(self.answer(learner)(agent, state, trial), float(row[0]), lapse))
