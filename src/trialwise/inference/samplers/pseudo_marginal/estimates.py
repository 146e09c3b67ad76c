"""Estimates of log-likelihoods at many parameter points, counted and kept: what inference by particles is made of."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from functools import cached_property

import numpy as np

from trialwise.base.cores import limited
from trialwise.base.errors import UsageError
from trialwise.base.streams import stream_key
from trialwise.base.workers import Crew
from trialwise.engine.packed import Packed
from trialwise.engine.run_hidden import run_particles, stream_keys
from trialwise.learners.learner import Learner
from trialwise.learners.pickling import pack, unpack
from trialwise.likelihoods.emulator import Limits

FAINT, FAR_BELOW = 0.3, 3.0
"""A rate of so much over the number of trials is next to none, as is a positive parameter by so much below its prior's mean."""

WORTH = 1_000_000
"""Particles times trials below which work is not sent away."""


class Estimator:
    """Log-likelihoods of units, on the unconstrained scale, by particle filters; every call has random numbers of its own.

    A unit is a participant or, ``pooled``, all of them together: then the estimates' variances add up. The filters run on this
    machine's cores, or where the ``crew`` is; numbers are the same.
    """

    def __init__(self, learner: Learner, packed: Packed, seed: int, pooled: bool = False, crew: Crew | None = None):
        self.learner, self.packed, self.pooled, self.crew = learner, packed, pooled, crew
        self._base = np.uint64(stream_key(seed, "", "estimates"))
        self.filters = 0

    @property
    def units(self) -> int:
        """How many units there are."""
        return 1 if self.pooled else len(self.packed.rows)

    @property
    def limits(self) -> Limits:
        """Unconstrained values beyond which parameters make no difference in so many trials."""
        trials = np.diff(self.packed.offsets).max()
        lower, upper = np.full((2, len(self.learner.parameters)), np.inf)
        lower = -lower
        for k, parameter in enumerate(self.learner.parameters):
            if parameter.support in ("unit", "interval"):
                upper[k] = np.log(trials / FAINT)
                lower[k] = -upper[k]
            elif parameter.support == "positive":
                lower[k] = parameter.mean - FAR_BELOW
        return Limits(lower, upper)

    def natural(self, u: np.ndarray) -> np.ndarray:
        """Natural values of unconstrained ones, ``(points, parameters)``."""
        return np.stack([p.constrain(u[:, k]) for k, p in enumerate(self.learner.parameters)], 1)

    def __call__(self, u: np.ndarray, unit: np.ndarray, particles: int | np.ndarray) -> np.ndarray:
        """One estimate at each point ``u (points, parameters)`` of the unit that ``unit (points,)`` says, by as many particles."""
        people, points = len(self.packed.rows), len(u)
        free, segments = self.natural(u), np.asarray(unit)
        particles = np.broadcast_to(particles, points)
        if self.pooled:
            particles = np.repeat(particles, people)
            free, segments = np.repeat(free, people, 0), np.tile(np.arange(people), points)
        keys = stream_keys(self._base, np.arange(self.filters, self.filters + len(segments)))
        self.filters += len(segments)
        found = self._run(free, segments, keys, np.asarray(particles))
        return found.reshape(points, people).sum(1) if self.pooled else found

    def _run(self, *jobs: np.ndarray) -> np.ndarray:
        """The estimate of each job: natural values, segment, key, particles."""
        lengths = np.diff(self.packed.offsets)[jobs[1]]
        if self.crew is None or (lengths * jobs[3]).sum() < WORTH:
            return run_particles(self.learner, self.packed, *jobs).log_likelihood
        shares = np.array_split(np.arange(len(lengths)), min(len(lengths), self.crew.at_once))
        try:
            sent = [self.crew.executor.submit(estimated, self._parcel, *(part[s] for part in jobs)) for s in shares]
            return np.concatenate([each.result() for each in sent])
        except BrokenExecutor as error:
            raise UsageError(
                f"processes that ran particle filters ended before they were done ({error}). With checkpoint= the work so far is "
                "kept, and the same call goes on from it"
            ) from error

    @cached_property
    def _parcel(self) -> bytes:
        return pack((self.learner, self.packed))


def estimated(parcel: bytes, *jobs: np.ndarray) -> np.ndarray:
    """Some jobs of an :class:`Estimator`, where they arrive: with one core, since others work beside it."""
    learner, packed = unpack(parcel)
    with limited(1):
        return run_particles(learner, packed, *jobs).log_likelihood


class Archive:
    """All estimates so far of every unit: points ``u``, what was ``found`` and with how many ``particles``."""

    def __init__(self, units: int, parameters: int):
        self.u = [np.empty((0, parameters)) for _ in range(units)]
        self.found = [np.empty(0) for _ in range(units)]
        self.particles = [np.empty(0) for _ in range(units)]

    def add(self, u: np.ndarray, found: np.ndarray, particles: int) -> None:
        """Take in ``u (units, points, parameters)`` and ``found (units, points)``."""
        for n, (points, values) in enumerate(zip(u, found, strict=True)):
            self.add_to(n, points, values, particles)

    def add_to(self, n: int, u: np.ndarray, found: np.ndarray, particles: int) -> None:
        """Take in ``u (points, parameters)`` and ``found (points,)`` of one unit."""
        self.u[n] = np.concatenate([self.u[n], u])
        self.found[n] = np.concatenate([self.found[n], found])
        self.particles[n] = np.concatenate([self.particles[n], np.full(len(found), float(particles))])

    def arrays(self) -> dict[str, np.ndarray]:
        """As arrays for a file; all units have equally many estimates."""
        return {"u": np.stack(self.u), "found": np.stack(self.found), "particles": np.stack(self.particles)}

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> Archive:
        """The archive that :meth:`arrays` gave."""
        units, _, parameters = arrays["u"].shape
        made = cls(units, parameters)
        made.u, made.found, made.particles = (list(arrays[name]) for name in ("u", "found", "particles"))
        return made
