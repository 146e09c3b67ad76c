r"""From the emulated posterior to the true one: pseudo-marginal chains of importance-sampled participants.

An emulated posterior :math:`\tilde\pi(g, u) \propto p(g) \prod_n p(u_n | g)\, e^{f_n(u_n)}` has smooth :math:`f_n` in place of
log-likelihoods :math:`\log L_n`. A draw of it, group g and participants u, is a proposal. Each participant's draw is joined by more,
:math:`u_{n1} \ldots u_{nM}`, made by steps of Hamiltonian Monte Carlo on the emulated conditional, which leave it invariant, and the
likelihood is estimated at each of them by particles. The mean of :math:`\hat L_n(u_{nm})\, e^{-f_n(u_{nm})}` over m has expectation

.. math:: \int L_n(u)\, p(u | g)\, du \Big/ \int e^{f_n(u)}\, p(u | g)\, du

so (g, u), with one of each participant's draws picked by its weight, has as weight the product of these means over
participants, and a chain that stays at its state or moves to one of several proposals, by these weights, has the
**true** posterior as its target, for any error of the emulators and any number of particles (Andrieu & Roberts 2009,
Ann. Stat. 37:697; Tran et al. 2013, arXiv:1309.3339). Both only affect the variance of the weights. A block of proposals yields
as many draws, each repeated in proportion to its weight, with the current state among them (Calderhead 2014, PNAS 111:17408):
this is more efficient than accepting or rejecting one proposal after the other.

Between blocks participants also move by random walks that do not use the emulators, the group is drawn given them,
and the other draws are renewed around the picked ones (a conditional update, as in particle Gibbs), so that the chain reaches all
of the posterior even if the tails of the emulators are too light.

Without a group every participant is its own chain.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numba
import numpy as np

from trialwise.base.cores import cores
from trialwise.base.streams import split
from trialwise.engine import cache
from trialwise.inference.samplers.pseudo_marginal.tilt import Tilt, learnt
from trialwise.likelihoods import emulator as emulation
from trialwise.likelihoods.emulator import Emulator, surface_at
from trialwise.population.geometry import whitening
from trialwise.population.geometry.whitening import cholesky, solve_transposed
from trialwise.population.population import Population

LEAPS, HOPS = 3, 2
"""Leapfrog steps of a transition, and transitions between one draw and the next."""

PIECES = 8
"""Number of batches in which emulated conditionals are sampled, each with its own random numbers."""


SWEEPS = 10
"""Random-walk moves of every participant between two blocks: they free a chain that is stuck where an emulator is too low."""


@numba.njit(nogil=True, error_model="numpy")
def _target(u, n, mu, sd, arrays, x, slope, gradient):
    """The emulated conditional log-density of participant n; writes its gradient."""
    value = surface_at(u, n, *arrays, x, slope, gradient)
    for k in range(len(u)):
        gap = (u[k] - mu[k]) / sd[k]
        value -= 0.5 * gap * gap
        gradient[k] -= gap / sd[k]
    return value


@numba.njit(nogil=True, error_model="numpy")
def _hop(random, u, n, mu, sd, factor, arrays, x, slope):
    """``HOPS`` transitions of Hamiltonian Monte Carlo from ``u``, in place, coordinates scaled by ``factor``."""
    size = len(u)
    gradient, push, momentum, new = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    value = _target(u, n, mu, sd, arrays, x, slope, gradient)
    start = gradient.copy()
    for _ in range(HOPS):
        step = 0.25 + 0.6 * random.random()
        energy = -value
        for k in range(size):
            momentum[k] = random.standard_normal()
            energy += 0.5 * momentum[k] ** 2
            new[k] = u[k]
            gradient[k] = start[k]
        height = value
        for leap in range(LEAPS + 1):
            # gradient along scaled coordinates q, u = factor^-T q: factor^-1 gradient
            for i in range(size):
                push[i] = gradient[i]
            for i in range(size):
                for k in range(i):
                    push[i] -= factor[i, k] * push[k]
                push[i] /= factor[i, i]
            half = 0.5 if leap == 0 or leap == LEAPS else 1.0
            for k in range(size):
                momentum[k] += half * step * push[k]
            if leap == LEAPS:
                break
            for k in range(size):
                push[k] = momentum[k]
            solve_transposed(factor, push)
            for k in range(size):
                new[k] += step * push[k]
            height = _target(new, n, mu, sd, arrays, x, slope, gradient)
        for k in range(size):
            energy -= 0.5 * momentum[k] ** 2
        if np.log(random.random()) < energy + height:
            value = height
            for k in range(size):
                u[k], start[k] = new[k], gradient[k]


@numba.njit(nogil=True, error_model="numpy")
def emulated_draws(random, start, rows, mu, sd, curvature, counts, arrays):
    """Draw from emulated conditionals, starting at draws of them.

    Job j starts from ``start[j]``, a draw of participant ``rows[j]``'s conditional given ``mu[j], sd[j]``. Returns the ``counts[j]``
    draws of each job in succession, the start first, and the values of the surfaces there.
    """
    size = start.shape[1]
    total = counts.sum()
    draws, values = np.empty((total, size)), np.empty(total)
    factor, u, x, slope, gradient = (
        np.empty((size, size)),
        np.empty(size),
        np.empty(size),
        np.empty(size),
        np.empty(size),
    )
    place = 0
    for j in range(len(rows)):
        n = rows[j]
        for a in range(size):
            for b in range(size):
                factor[a, b] = curvature[n, a, b]
            factor[a, a] += 1.0 / sd[j, a] ** 2
        cholesky(factor)
        behind = random.integers(0, counts[j])  # a reversible chain, in which the start may have any position
        for m in range(counts[j]):
            if m == 0 or m == behind + 1:
                u[:] = start[j]
            if m > 0:
                _hop(random, u, n, mu[j], sd[j], factor, arrays, x, slope)
            draws[place] = u
            values[place] = surface_at(u, n, *arrays, x, slope, gradient)
            place += 1
    return draws, values


def compiled() -> Callable:
    """:func:`emulated_draws`, with its machine code cached on disk."""
    text = cache.text(__file__, emulation.__file__, whitening.__file__)
    return cache.on_disk(lambda: emulated_draws, "trialwise_emulated_draws", cache.key("emulated draws", text))


@dataclass
class State:
    """The state of all chains: group ``mu, sd (chains, parameters)``, participants ``u (chains, units, parameters)``, the log
    weight ``log_ratio (chains, units)`` of each picked draw, and ``log_mean``, the logarithm of the mean weight of all draws."""

    mu: np.ndarray
    sd: np.ndarray
    u: np.ndarray
    log_ratio: np.ndarray
    log_mean: np.ndarray


@dataclass
class Drawn:
    """Draws of one block: group ``mu, sd (chains, draws, parameters)``, participants ``u (chains, draws, units, parameters)``, and
    ``moved (chains, draws)``, the share of units that differ from the previous draw."""

    mu: np.ndarray
    sd: np.ndarray
    u: np.ndarray
    moved: np.ndarray


@dataclass
class Corrector:
    """Moves of all chains, performed together.

    Attributes
    ----------
    estimate, emulator, curvature
        Function that estimates log-likelihoods, their emulators, and curvatures of these at the posterior.
    population
        The population of the units.
    counts
        Number of draws of each unit, ``(units,)``.
    particles
        Number of particles per filter of each unit, ``(units,)``.
    tilt
        Tilt of the proposals, estimated by :meth:`start`; None without a group.
    """

    estimate: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    emulator: Emulator
    curvature: np.ndarray
    population: Population
    counts: np.ndarray
    particles: np.ndarray
    random: np.random.Generator
    tilt: Tilt | None = None

    def weigh(self, mu: np.ndarray, sd: np.ndarray, u: np.ndarray, known: np.ndarray | None = None) -> State:
        """Draw around ``u`` and weight the draws; ``known`` are log weights of ``u`` to reuse instead of new estimates."""
        chains, units, size = u.shape
        rows, counts = np.tile(np.arange(units), chains), np.tile(self.counts, chains)
        group = [np.repeat(part, units, 0) for part in (mu, sd)]
        start = np.ascontiguousarray(u.reshape(-1, size))
        draws, values = self._around(start, rows, group, counts)
        unit = np.repeat(rows, counts)
        first = np.cumsum(counts) - counts
        unknown = np.ones(len(draws), bool)
        if known is not None:
            unknown[first] = False
        log_ratio = np.empty(len(draws))
        log_ratio[unknown] = (
            self.estimate(draws[unknown], unit[unknown], self.particles[unit[unknown]]) - values[unknown]
        )
        if known is not None:
            log_ratio[first] = known.ravel()
        log_ratio = np.where(np.isfinite(log_ratio), log_ratio, -1e10)
        top = np.maximum.reduceat(log_ratio, first)
        weight = np.exp(log_ratio - np.repeat(top, counts))
        total = np.add.reduceat(weight, first)
        # pick one of each job's draws by its weight
        share = np.cumsum(weight) - np.repeat(np.cumsum(total) - total, counts)
        goal = np.repeat(self.random.random(len(rows)) * total, counts)
        picked = np.minimum(np.add.reduceat((share < goal).astype(int), first), counts - 1) + first
        return State(
            mu.copy(),
            sd.copy(),
            draws[picked].reshape(u.shape),
            log_ratio[picked].reshape(chains, units),
            (top + np.log(total / counts)).reshape(chains, units),
        )

    def _around(
        self, start: np.ndarray, rows: np.ndarray, group: list[np.ndarray], counts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """:func:`emulated_draws` of all jobs, in batches that run on several cores; the batches do not depend on the number of cores."""
        pieces = np.array_split(np.arange(len(rows)), min(PIECES, len(rows)))
        streams = split(self.random, len(pieces))

        def run_batch(stream: np.random.Generator, jobs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            result: tuple[np.ndarray, np.ndarray] = compiled()(
                stream, start[jobs], rows[jobs], group[0][jobs], group[1][jobs], self.curvature, counts[jobs],
                self.emulator.arrays,
            )  # fmt: skip
            return result

        with ThreadPoolExecutor(cores()) as pool:
            draws, values = zip(*pool.map(run_batch, streams, pieces), strict=True)
        return np.concatenate(draws), np.concatenate(values)

    def start(self, mu: np.ndarray, sd: np.ndarray, u: np.ndarray) -> State:
        """Start each chain at one of its draws of the emulated posterior, ``(chains, draws, ...)``, by their weights.

        The weights also determine the tilt of later proposals.
        """
        pool = self._weighed(mu, sd, u)
        _, last = pick(self._weights(pool), self.random)
        if self.population.grouped:
            size = mu.shape[-1]
            self.tilt = learnt(mu.reshape(-1, size), sd.reshape(-1, size), pool["log_mean"].sum(2).ravel())
        return State(**{name: part[:, 0] for name, part in self._taken(pool, last).items()})

    def propose(self, state: State, mu: np.ndarray, sd: np.ndarray, u: np.ndarray) -> Drawn:
        """Turn proposals into as many draws of the true posterior, ``(chains, draws, ...)``; proposals are draws of the tilted
        emulated posterior.

        ``state`` is one of the candidates, and is updated to the last draw.
        """
        new = self._weighed(mu, sd, u)
        pool = {name: np.concatenate([getattr(state, name)[:, None], new[name]], 1) for name in new}
        picked, last = pick(self._weights(pool), self.random)
        before = np.concatenate([np.zeros_like(last), picked[:, :-1]], 1)
        state.__dict__.update({name: part[:, 0] for name, part in self._taken(pool, last).items()})
        drawn = self._taken(pool, picked)
        return Drawn(drawn["mu"], drawn["sd"], drawn["u"], (picked != before).mean(2))

    def _weighed(self, mu: np.ndarray, sd: np.ndarray, u: np.ndarray) -> dict[str, np.ndarray]:
        """The fields of :meth:`weigh`'s states by name, ``(chains, draws, ...)``."""
        chains, many = mu.shape[:2]
        new = self.weigh(*(part.reshape(chains * many, *part.shape[2:]) for part in (mu, sd, u)))
        return {name: part.reshape(chains, many, *part.shape[1:]) for name, part in vars(new).items()}

    def _weights(self, pool: dict[str, np.ndarray]) -> np.ndarray:
        """Weights by which states of a pool are picked, ``(chains, states, units)``, or ``(chains, states, 1)`` with a group."""
        height = pool["log_mean"]
        if self.population.grouped:
            height = height.sum(2, keepdims=True)
        if self.tilt:
            height = height - self.tilt(pool["mu"], pool["sd"])[..., None]
        return np.exp(height - height.max(1, keepdims=True))

    def _taken(self, pool: dict[str, np.ndarray], index: np.ndarray) -> dict[str, np.ndarray]:
        """States of a pool by their index, ``(chains, picked, units or 1)``."""
        units = pool["u"].shape[2]
        each = np.broadcast_to(index, (*index.shape[:2], units))
        return {name: taken(part, index[..., 0] if name in ("mu", "sd") else each) for name, part in pool.items()}

    def refresh(self, state: State) -> None:
        """Update participants and the group in turn, then renew the draws around the picked ones.

        Participants alternate between random walks and moves along their emulated conditionals.
        """
        chains, units, size = state.u.shape
        rows = np.tile(np.arange(units), chains)
        now, mu, sd = state.u.reshape(-1, size), state.mu, state.sd
        log_ratio = state.log_ratio.ravel()
        for sweep in range(SWEEPS):
            middle, spread = (np.repeat(part, units, 0) for part in (mu, sd))
            if sweep % 2:
                draws, values = self._around(now, rows, [middle, spread], np.full(len(rows), 2))
                new, there = draws[1::2], values[1::2]
                gain = 0.0
            else:
                new = now + self._steps(rows, spread)
                there = self.emulator.at(rows, new)[0]
                gain = there - self.emulator.at(rows, now)[0]
                gain -= 0.5 * (((new - middle) / spread) ** 2 - ((now - middle) / spread) ** 2).sum(1)
            ratio = self.estimate(new, rows, self.particles[rows]) - there
            ratio = np.where(np.isfinite(ratio), ratio, -1e10)
            accept = np.log(self.random.random(len(now))) < ratio - log_ratio + gain
            now, log_ratio = np.where(accept[:, None], new, now), np.where(accept, ratio, log_ratio)
            if self.population.grouped:
                mu, sd = self.population.given_participants(now.reshape(state.u.shape), sd, self.random)
        fresh = self.weigh(mu, sd, now.reshape(state.u.shape), known=log_ratio.reshape(chains, units))
        state.__dict__.update(fresh.__dict__)

    def _steps(self, rows: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Steps of random walks, between a tenth of and the full width of the emulated conditionals."""
        bent = self.curvature[rows].copy()
        bent[:, *np.diag_indices(bent.shape[1])] += 1.0 / spread**2
        root = np.linalg.cholesky(np.linalg.inv(bent))
        scale = np.exp(self.random.uniform(np.log(0.1), np.log(1.0), (len(rows), 1)))
        return scale * np.einsum("nij,nj->ni", root, self.random.standard_normal(spread.shape))


def pick(weight: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pick one point fewer than there are by systematic resampling with ``weight (chains, points, units)``, and one to continue from.

    Returns indices ``(chains, points - 1, units)`` and ``(chains, 1, units)``. Equal points are adjacent, and the one to continue
    from is last, so that the draws show their autocorrelation.
    """
    chains, points, units = weight.shape
    upto = np.cumsum(weight, 1)
    place = (np.arange(points - 1)[:, None] + random.random((chains, 1, units))) / (points - 1)
    picked = (upto[:, None] <= (place * upto[:, -1:])[:, :, None]).sum(2)
    last = np.take_along_axis(picked, random.integers(points - 1, size=(chains, 1, units)), 1)
    order = np.sort(np.where(picked == last, points, picked), 1)
    return np.where(order == points, last, order), last


def taken(pool: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Points of each chain of ``pool (chains, points, ...)`` by ``index (chains, draws, ...)``, which may lack trailing axes."""
    return np.take_along_axis(pool, index.reshape(*index.shape, *[1] * (pool.ndim - index.ndim)), 1)
