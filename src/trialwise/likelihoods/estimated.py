"""Likelihoods that can only be estimated, by particle filters: those of learners with a choice that nobody observed."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from functools import cached_property, partial

import numpy as np

from trialwise.base.cores import cores, limited
from trialwise.base.errors import LearnerError, UsageError
from trialwise.base.workers import Crew
from trialwise.data.trials import Trials
from trialwise.engine import check_particles, run_exact, run_particles, run_traced, trace_particles_plain
from trialwise.learners.learner import Learner
from trialwise.learners.pickling import pack, unpack
from trialwise.likelihoods.filter_streams import CommonStreams, FilterStreams, own_keys
from trialwise.likelihoods.hidden_choices import hidden_values, same_hidden
from trialwise.likelihoods.likelihood import Likelihood, Trace, Value
from trialwise.likelihoods.log_mean import log_mean

PARTICLES, FILTERS, PLAIN_PARTICLES = 100, 8, 10
"""Particles of a filter, filters of an estimate, and particles of a filter in interpreted Python, unless said otherwise."""

WORTH = 1_000_000
"""Particles times trials below which work is not sent away."""


class EstimatedLikelihood(Likelihood):
    """The likelihood of a learner with a hidden choice, which is integrated out.

    A likelihood is the mean of ``filters`` particle filters of ``particles`` particles each, every one an estimate without bias
    (:mod:`trialwise.engine.walks.particles`); their spread tells the standard error of its logarithm.

    Parameters
    ----------
    particles, filters
        Of each estimate.
    seed
        Of the random numbers of filters.
    streams
        Which random numbers estimates take; by default the same at every call, whatever the parameters.
    workers
        Who runs the filters of :meth:`value`; by default the cores of this machine. Numbers are the same.

    Raises
    ------
    UsageError
        For numbers of particles or filters that cannot be.
    """

    has_gradient = False
    exact = False

    def __init__(
        self, learner: Learner, trials: Trials, *, particles: int = PARTICLES, filters: int = FILTERS, seed: int = 0,
        streams: FilterStreams | None = None, workers: Crew | None = None, pooled: bool = False,
    ):  # fmt: skip
        super().__init__(learner, trials, pooled)
        check_particles(learner, particles)
        if isinstance(filters, bool) or not isinstance(filters, int | np.integer) or filters < 1:
            raise UsageError(f"filters={filters!r}: a whole number above 0 is wanted")
        self.particles, self.filters, self.seed, self.workers = int(particles), int(filters), seed, workers
        self.streams = streams or CommonStreams(trials, seed, "particles")

    # -- of every row ----------------------------------------------------------------------------------------------

    def value_at(
        self, theta: np.ndarray, rows: np.ndarray | None = None, particles: int | np.ndarray | None = None
    ) -> Value:
        points = np.repeat(np.arange(len(theta)), self.filters)
        rows = points if rows is None else np.asarray(rows)[points]
        counts = np.broadcast_to(self.particles if particles is None else particles, len(theta))[points]
        found = self._estimates(theta[points], rows, counts)
        if self.filters == 1:
            return Value(found, np.full(len(found), np.nan))
        value, error, _ = log_mean(found.reshape(len(theta), self.filters))
        return Value(value, error)

    def _estimates(self, theta: np.ndarray, rows: np.ndarray, particles: np.ndarray) -> np.ndarray:
        """One estimate at each point: by one filter, or one of every participant where they share their parameters."""
        people, points = len(self.packed.rows), len(theta)
        if not self.pooled:
            return self._run(theta, rows, self._keys(rows), particles)
        segments = np.tile(np.arange(people), points)
        each = self._run(np.repeat(theta, people, 0), segments, self._keys(segments), np.repeat(particles, people))
        return each.reshape(points, people).sum(1)

    def _keys(self, segments: np.ndarray) -> np.ndarray:
        """Keys of so many filters, which are counted."""
        self.calls += len(segments)
        return self.streams.keys(segments)

    def _run(self, *jobs: np.ndarray) -> np.ndarray:
        """The estimate of each job: natural values, segment, key, particles."""
        lengths = np.diff(self.packed.offsets)[jobs[1]]
        if self.workers is None or (lengths * jobs[3]).sum() < WORTH:
            return run_particles(self.learner, self.packed, *jobs).log_likelihood
        shares = np.array_split(np.arange(len(lengths)), min(len(lengths), self.workers.at_once))
        submit = self.workers.executor.submit
        try:
            sent = [submit(estimates_of_jobs, self._parcel, *(part[s] for part in jobs)) for s in shares]
            return np.concatenate([each.result() for each in sent])
        except BrokenExecutor as error:
            raise UsageError(
                f"processes that ran particle filters ended before they were done ({error}). With checkpoint= the work so far is "
                "kept, and the same call goes on from it"
            ) from error

    @cached_property
    def _parcel(self) -> bytes:
        return pack((self.learner, self.packed))

    def gradient(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raise LearnerError(
            f"{self.learner} makes a choice that nobody observed, so that its likelihood can only be estimated, without a "
            "gradient to follow: trialwise.fit integrates over it, trialwise.log_likelihood estimates it"
        )

    def score_at(self, theta: np.ndarray) -> tuple[Value, np.ndarray]:
        """Log-likelihoods of participants and an estimate of their derivatives, ``(participants, parameters)``, at natural values.

        The derivatives are the means of the filters' scores weighted by their likelihoods.
        """
        people = len(self.packed.rows)
        segments = np.repeat(np.arange(people), self.filters)
        keys = self._keys(segments)
        found = run_particles(self.learner, self.packed, theta[segments], segments, keys, self.particles, scored=True)
        value, error, share = log_mean(found.log_likelihood.reshape(people, self.filters))
        score = (share[..., None] * found.score.reshape(people, self.filters, -1)).sum(1)
        return Value(value, error), score

    def enumerated(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exact log-likelihoods ``(participants,)`` and derivatives: the sum over all courses the hidden choices may have taken.

        Raises
        ------
        UsageError
            If there are too many of them, which is so for more than a dozen trials.
        """
        value, gradient, _ = run_exact(self.learner, self.packed, theta)
        return value, gradient

    # -- of every trial --------------------------------------------------------------------------------------------

    def predictions(self, theta: np.ndarray) -> np.ndarray:
        """By one filter of each participant, with the same random numbers at every call."""
        keys = own_keys(self.trials, self.seed, "one-step filters")
        return np.concatenate([self._record(n, theta[n], int(key)) for n, key in enumerate(keys)])

    def trial_values(self, theta: np.ndarray) -> Value:
        """By ``filters`` filters of each participant, with random numbers of :attr:`streams`."""
        people = len(self.packed.rows)
        keys = self._keys(np.repeat(np.arange(people), self.filters)).reshape(people, self.filters)

        def one(n: int) -> np.ndarray:
            return np.stack([self._record(n, theta[n], int(key))[:, 0] for key in keys[n]], -1)

        found = [one(0)]  # it may have to compile, which threads must not do at the same time
        with ThreadPoolExecutor(cores()) as pool:
            found += pool.map(one, range(1, people))
        value, error, _ = log_mean(np.concatenate(found))
        return Value(value, error)

    def _record(self, n: int, theta: np.ndarray, key: int) -> np.ndarray:
        return run_traced(self.learner, self.packed, n, theta, key, self.particles).record

    def trace(self, theta: np.ndarray) -> Trace:
        """With filtered and smoothed columns, see :mod:`trialwise.likelihoods.hidden_choices`, which takes its own number of particles."""
        with ThreadPoolExecutor(cores()) as pool:
            one = partial(hidden_values, self.learner, self.trials, self.packed, seed=self.seed)
            people = list(pool.map(one, range(self.trials.n_participants), theta))
        return Trace(
            np.concatenate([each.record for each in people]),
            {name: np.concatenate([each.columns[name] for each in people]) for name in people[0].columns},
            {
                "ancestors": [round(each.ancestors, 1) for each in people],
                "filters": [each.filters for each in people],
            },
        )

    def same_hidden(self, n: int, theta: np.ndarray) -> np.ndarray:
        """Probability that participant n's hidden option was the same on trials s and t, ``(trials, trials)``, at ``theta (parameters,)``."""
        return same_hidden(self.learner, self.trials, self.packed, n, theta, self.seed)[0]

    def plain(self, theta: np.ndarray) -> np.ndarray:
        """By one filter of few particles, whose purpose is the stepping through."""
        keys = own_keys(self.trials, 0, "particles")
        each = [
            trace_particles_plain(self.learner, self.packed, n, theta[n], int(key), PLAIN_PARTICLES)[0]
            for n, key in enumerate(keys)
        ]
        return np.array(each)


def estimates_of_jobs(parcel: bytes, *jobs: np.ndarray) -> np.ndarray:
    """Some jobs of an :class:`EstimatedLikelihood`, where they arrive: with one core, since others work beside it."""
    learner, packed = unpack(parcel)
    with limited(1):
        return run_particles(learner, packed, *jobs).log_likelihood
