"""Likelihoods estimated by particle filters, for learners with a hidden choice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from trialwise.base.cores import cores
from trialwise.base.errors import LearnerError, UsageError
from trialwise.base.message import Argument
from trialwise.base.streams import stream
from trialwise.data.trials import Trials
from trialwise.engine import check_particles, run_exact, run_particles, run_traced, trace_particles_plain
from trialwise.learners.learner import Learner
from trialwise.likelihoods.filter_streams import CommonStreams, FilterStreams, own_keys
from trialwise.likelihoods.hidden_paths import predictions_of_paths
from trialwise.likelihoods.hidden_posterior import hidden_values, same_hidden
from trialwise.likelihoods.likelihood import Likelihood, Trace, Value
from trialwise.likelihoods.log_mean import log_mean

PARTICLES, FILTERS, PLAIN_PARTICLES = 100, 8, 10
"""Defaults: particles per filter, filters per estimate, and particles of a filter in interpreted Python."""


class EstimatedLikelihood(Likelihood):
    """The likelihood of a learner with a hidden choice, which is integrated out.

    The likelihood is the mean of ``filters`` particle filters with ``particles`` particles each, every one an unbiased estimate
    (:mod:`trialwise.engine.walks.particles`); their spread gives the standard error of its logarithm.

    Parameters
    ----------
    particles, filters
        Number of particles per filter, and of filters per estimate.
    seed
        Seed of the filters' random numbers.
    streams
        Streams of random numbers; by default the same numbers at every call and for all parameter values.

    Raises
    ------
    UsageError
        For invalid numbers of particles or filters.
    """

    has_gradient = False
    exact = False

    def __init__(
        self, learner: Learner, trials: Trials, *, particles: int = PARTICLES, filters: int = FILTERS, seed: int = 0,
        streams: FilterStreams | None = None, pooled: bool = False,
    ):  # fmt: skip
        super().__init__(learner, trials, pooled)
        check_particles(learner, particles)
        if isinstance(filters, bool) or not isinstance(filters, int | np.integer) or filters < 1:
            raise UsageError(Argument("filters", filters), ": must be a whole number above 0")
        self.particles, self.filters, self.seed = int(particles), int(filters), seed
        self.streams = streams or CommonStreams(trials, seed, "particles")

    # -- of every row ----------------------------------------------------------------------------------------------

    def value_at(self, theta: np.ndarray, rows: np.ndarray | None = None, particles: int | None = None) -> Value:
        points = np.repeat(np.arange(len(theta)), self.filters)
        rows = points if rows is None else np.asarray(rows)[points]
        estimates = self._estimates(theta[points], rows, self.particles if particles is None else particles)
        if self.filters == 1:
            return Value(estimates, np.full(len(estimates), np.nan))
        value, error, _ = log_mean(estimates.reshape(len(theta), self.filters))
        return Value(value, error)

    def _estimates(self, theta: np.ndarray, rows: np.ndarray, particles: int) -> np.ndarray:
        """One estimate at each point: by one filter, or by one filter per participant where they share their parameters."""
        count, points = len(self.packed.rows), len(theta)
        if not self.pooled:
            return run_particles(self.learner, self.packed, theta, rows, self._keys(rows), particles).log_likelihood
        segments = np.tile(np.arange(count), points)
        jobs = np.repeat(theta, count, 0), segments, self._keys(segments), particles
        return run_particles(self.learner, self.packed, *jobs).log_likelihood.reshape(points, count).sum(1)

    def _keys(self, segments: np.ndarray) -> np.ndarray:
        """Keys of the filters for these segments; their number is added to ``calls``."""
        self.calls += len(segments)
        return self.streams.keys(segments)

    def gradient(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise LearnerError(
            f"{self.learner} makes an unobserved choice, so its likelihood can only be estimated and it has no gradient: use "
            "trialwise.fit, which integrates over the hidden choice, or trialwise.log_likelihood, which estimates the likelihood"
        )

    def score_at(self, theta: np.ndarray) -> tuple[Value, np.ndarray]:
        """Log-likelihoods of participants and an estimate of their derivatives, ``(participants, parameters)``, at natural values.

        The derivatives are the means of the filters' scores weighted by their likelihoods.
        """
        count = len(self.packed.rows)
        segments = np.repeat(np.arange(count), self.filters)
        keys = self._keys(segments)
        runs = run_particles(self.learner, self.packed, theta[segments], segments, keys, self.particles, scored=True)
        value, error, share = log_mean(runs.log_likelihood.reshape(count, self.filters))
        score = (share[..., None] * runs.score.reshape(count, self.filters, -1)).sum(1)
        return Value(value, error), score

    def enumerated(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exact log-likelihoods ``(participants,)`` and derivatives: the sum over all sequences of hidden choices.

        Raises
        ------
        UsageError
            If there are too many sequences, as for more than about a dozen trials.
        """
        value, gradient, _ = run_exact(self.learner, self.packed, theta)
        return value, gradient

    # -- of every trial --------------------------------------------------------------------------------------------

    def predictions(self, theta: np.ndarray) -> np.ndarray:
        """Predictions by one filter per participant, with the same random numbers at every call."""
        keys = own_keys(self.trials, self.seed, "one-step filters")
        return np.concatenate([self._record(n, theta[n], int(key)) for n, key in enumerate(keys)])

    def draw(self, theta: np.ndarray, random: np.ndarray) -> np.ndarray:
        drawn = super().draw(theta, random)
        of_states = [each for each in self._recorded(drawn) if not each[0].family.goes_with_hidden]
        keys, actions = own_keys(self.trials, self.seed, "one-step filters"), self.packed.actions
        for n, (first, end) in enumerate(zip(self.packed.offsets[:-1], self.packed.offsets[1:], strict=True)):
            wanted = np.flatnonzero(np.any([recorded[first:end] for _, recorded in of_states], axis=0))
            if not len(wanted):
                continue
            chance = stream(self.seed, "hidden courses", self.trials.participants[n])
            record = predictions_of_paths(
                self.learner, self.packed, n, theta[n], int(keys[n]), self.particles, wanted, chance
            )
            for response, recorded in of_states:
                own, place = recorded[first:end][wanted], response.place.random
                rows = first + wanted[own]
                numbers = random[rows, place : place + len(response.family.random)]
                redrawn = response.family.redraw(response.predictions(record[own], actions), numbers)
                response.observed(drawn)[rows] = redrawn
        return drawn

    def trial_values(self, theta: np.ndarray) -> Value:
        """Estimates by ``filters`` filters per participant, with random numbers of :attr:`streams`."""
        count = len(self.packed.rows)
        keys = self._keys(np.repeat(np.arange(count), self.filters)).reshape(count, self.filters)

        def of_participant(n: int) -> np.ndarray:
            return np.stack([self._record(n, theta[n], int(key))[:, 0] for key in keys[n]], -1)

        estimates = [of_participant(0)]  # may compile, which threads must not do at the same time
        with ThreadPoolExecutor(cores()) as pool:
            estimates += pool.map(of_participant, range(1, count))
        value, error, _ = log_mean(np.concatenate(estimates))
        return Value(value, error)

    def _record(self, n: int, theta: np.ndarray, key: int) -> np.ndarray:
        return run_traced(self.learner, self.packed, n, theta, key, self.particles).record

    def trace(self, theta: np.ndarray) -> Trace:
        """A trace with filtered and smoothed columns, see :mod:`trialwise.likelihoods.hidden_posterior`, which sets its own number of particles."""
        values_of = partial(hidden_values, self.learner, self.trials, self.packed, seed=self.seed)
        participants = [values_of(0, theta[0])]  # may compile, which threads must not do at the same time
        with ThreadPoolExecutor(cores()) as pool:
            participants += pool.map(values_of, range(1, self.trials.n_participants), theta[1:])
        return Trace(
            np.concatenate([each.record for each in participants]),
            {name: np.concatenate([each.columns[name] for each in participants]) for name in participants[0].columns},
            {
                "ancestors": [round(each.ancestors, 1) for each in participants],
                "filters": [each.filters for each in participants],
            },
        )

    def same_hidden(self, n: int, theta: np.ndarray) -> np.ndarray:
        """Probability that participant n's hidden option was the same on trials s and t, ``(trials, trials)``, at ``theta (parameters,)``."""
        return same_hidden(self.learner, self.trials, self.packed, n, theta, self.seed)[0]

    def plain(self, theta: np.ndarray) -> np.ndarray:
        """Estimates by one filter with few particles, meant for stepping through the learner."""
        keys = own_keys(self.trials, self.seed, "particles")
        values = [
            trace_particles_plain(self.learner, self.packed, n, theta[n], int(key), PLAIN_PARTICLES)[0]
            for n, key in enumerate(keys)
        ]
        return np.array(values)
