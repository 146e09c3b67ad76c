"""Hidden choices: sampling the posterior by particle filters, in three stages.

1. **Explore**: walkers locate each participant's posterior approximately (:mod:`trialwise.inference.samplers.pseudo_marginal.explore`).
2. **Emulate**: smooth emulators of the participants' log-likelihoods are fitted to all estimates so far
   (:mod:`trialwise.likelihoods.emulator`), the emulated posterior is sampled by NUTS in whitened coordinates, the likelihood is
   estimated at its draws and added to the estimates; this is repeated until new estimates agree with the emulator.
3. **Correct**: draws of the emulated posterior are proposals of pseudo-marginal chains whose target is the true posterior
   (:mod:`trialwise.inference.samplers.pseudo_marginal.correction`).

Emulators and numbers of particles affect only the efficiency, not the target.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.streams import stream
from trialwise.base.workers import WorkerPool
from trialwise.data.trials import Trials
from trialwise.inference.checkpoint import Checkpoint
from trialwise.inference.draws import Draws, Layout
from trialwise.inference.samplers.nuts import ChainSettings, sample_posterior
from trialwise.inference.samplers.pseudo_marginal.chain import BURN, Chain
from trialwise.inference.samplers.pseudo_marginal.correction import Corrector
from trialwise.inference.samplers.pseudo_marginal.emulated import emulated_posterior
from trialwise.inference.samplers.pseudo_marginal.estimates import Archive, limits_of
from trialwise.inference.samplers.pseudo_marginal.explore import about, explore
from trialwise.inference.samplers.pseudo_marginal.tilt import Tilt, group_of
from trialwise.learners.learner import Learner
from trialwise.likelihoods.emulator import Emulator, Limits, Scales, Surface, fit_surface
from trialwise.likelihoods.filter_streams import CountedStreams
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood
from trialwise.population.density import Posterior
from trialwise.population.geometry.expansion import Expansion, expand
from trialwise.population.population import GroupDraw, Population

if TYPE_CHECKING:
    import xarray as xr

DRAWS = 400
"""Default number of draws per chain."""

FURTHER, MORE = 100, 16
"""Number of draws added per chain while there are too few, and the maximum number of times."""

TURNS, ROUNDS, POINTS, PARTICLES = 45, 18, 80, 104
"""Iterations of exploring; maximum rounds of emulating; new points per unit and round; and particles per estimate."""

ROUGH, FINER = 4, 4
"""Number of rounds after which the number of particles is multiplied, and the factor: logarithms of estimates are too low by half
their variance, and if the variance depends on the parameters, emulators of all participants are biased in the same direction."""

WIDE, FACTORS = 0.4, (1.2, 2.2)
"""Share of a round's points that are moved away from the posterior's mean, by a factor in this range: emulators trained only on the
centre of a posterior are inaccurate in its tails. Points in the centre are estimated twice; in later rounds there are more points
in the tails, with the same number of particles."""

CERTAIN = 1.0
"""Emulators are accepted when the variances of their errors, summed over participants, are below this."""

LITTLE, NEAR = 0.9, 3.0
"""Or when the cost of a proposal after the last two rounds is above this share of the lowest cost before them, and below this
multiple of the cost with exact emulators: an inaccurate emulator may still improve."""

NOISE, FEWEST_MOST = 0.15, (64, 4000)
"""Target variance of the logarithm of one estimate, which determines each participant's number of particles, and its bounds."""

SPREAD = 1.0
"""Target variance of a joint weight, which determines the numbers of draws."""

PILOT = 30
"""Draws per chain from which its start is picked by weight, and from which the tilt is estimated."""

THIN = 3
"""Draws of the emulated posterior per proposal."""

BLOCK = 20
"""Number of proposals from which a chain chooses jointly; after each block the state is saved."""

Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class ParticleRun:
    """Result of sampling by particles, as :class:`trialwise.inference.samplers.nuts.Run`; ``attributes`` describe the settings."""

    tree: xr.DataTree
    gradients: int
    seconds: float
    notes: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass
class Work:
    """The state of one fit: its settings and the results so far."""

    learner: Learner
    trials: Trials
    population: Population
    seed: int
    chains: int
    checkpoint: Checkpoint
    tell: Tell
    workers: WorkerPool | None = None
    likelihood: Likelihood = field(init=False)
    streams: CountedStreams = field(init=False)
    corrector_used: Corrector = field(init=False)
    archive: Archive = field(init=False)
    limits: Limits = field(init=False)
    centres: np.ndarray = field(init=False)
    covariances: np.ndarray = field(init=False)
    scales: list[Scales | None] = field(init=False)
    noise: np.ndarray = field(init=False)
    surprise: list[np.ndarray] = field(default_factory=list)
    gradients: int = 0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.streams = CountedStreams(self.seed, "estimates")
        self.likelihood = likelihood_of(
            self.learner, self.trials, filters=1, streams=self.streams, workers=self.workers, pooled=self.population.shared
        )  # fmt: skip
        self.limits = limits_of(self.likelihood)
        self.scales = [None] * len(self.likelihood.rows)

    def estimate(self, u: np.ndarray, unit: np.ndarray, particles: int | np.ndarray) -> np.ndarray:
        """One estimate at each point ``u (points, parameters)`` of the units ``unit (points,)``."""
        return self.likelihood.value(u, unit, particles).log_likelihood

    def random(self, *stage: int) -> np.random.Generator:
        """The random numbers of a stage, the same for a resumed fit."""
        return stream(self.seed, "pseudo-marginal chains", part=" ".join(map(str, stage)))

    # -- stage 1 and 2 ---------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Explore and emulate, starting from the checkpoint."""
        saved = self.checkpoint.load()
        if saved:
            self._restore(saved)
            self.notes.append("resumed after an interruption")
        else:
            tell = lambda share: self.tell("exploring", share)  # noqa: E731
            prior = self.population.prior
            self.archive = explore(self.likelihood, prior.mean, prior.total, TURNS, self.random(0), tell)
            self.centres, self.covariances = about(self.archive, prior.mean, prior.total, self.limits)
        while not self._settled():
            self._round(len(self.surprise))
            self.tell("emulating", len(self.surprise) / ROUNDS)
            self.checkpoint.save(self._arrays())
        self.tell("emulating", 1.0)

    def _settled(self) -> bool:
        """Whether emulators are sufficiently accurate or no longer improve."""
        if len(self.surprise) < 5:
            return False
        if len(self.surprise) >= ROUNDS or max(each.sum() for each in self.surprise[-2:]) < CERTAIN:
            return True
        costs = [self._cost(each) for each in self.surprise]
        last = min(costs[-2:])
        return last > LITTLE * min(costs[:-2]) and last < NEAR * self._cost(np.zeros_like(self.noise))

    def _cost(self, surprise: np.ndarray) -> float:
        """Number of particles of a joint proposal, for these error variances of emulators."""
        particles, counts = self._numbers(surprise)
        return float((particles * counts).sum())

    def _numbers(self, surprise: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of particles and of draws of each unit, from its noise and its emulator's error variance."""
        particles = np.clip(np.ceil(PARTICLES * self.noise / NOISE), *FEWEST_MOST)
        # the variance of the mean of M lognormal weights is approximately expm1(variance) / M
        each = np.expm1(np.minimum(surprise + self.noise * PARTICLES / particles, 5.0)) + 1e-3
        if self.population.grouped:  # the least cost, particles times draws, at which these variances add up to SPREAD
            return particles, np.sqrt(each / particles) * np.sqrt(each * particles).sum() / SPREAD
        return particles, each / (0.5 * SPREAD)

    def emulator(self, adapt: int) -> Emulator:
        """Train emulators on all estimates so far; ``adapt`` iterations adapt their scales."""
        surfaces = [self._surface(n, adapt) for n in range(len(self.likelihood.rows))]
        self.scales = [surface.scales for surface in surfaces]
        return Emulator(surfaces, self.limits)

    def _surface(self, n: int, adapt: int) -> Surface:
        a = self.archive
        return fit_surface(
            self.limits(a.u[n]), a.found[n], a.particles[n], self.centres[n], self.covariances[n], self.scales[n], adapt
        )

    def emulated(self, emulator: Emulator) -> tuple[Posterior, Expansion]:
        """The emulated posterior, in whitened coordinates."""
        expansion = expand(emulator, self.population)
        return emulated_posterior(emulator, self.population, expansion), expansion

    def sample(self, posterior: Posterior, draws: int, tune: int, chains: int, seed: int) -> tuple[np.ndarray, ...]:
        """Draws of an emulated posterior: ``mu, sd (chains, draws, parameters)``, ``u (chains, draws, units, parameters)``."""
        run = sample_posterior(
            posterior, self.trials.participants, ChainSettings(draws, tune, chains, seed), progress=False
        )
        self.gradients += run.gradients
        population, prior = self.population, self.population.prior
        read = Draws(
            run.tree["posterior"].to_dataset(), population.names, population.pooling, len(self.likelihood.rows)
        )
        u = read.unconstrained()
        if population.grouped:
            group = read.groups()
            return group.coefficients, group.spreads, u
        shape = (chains, draws, u.shape[-1])
        return np.broadcast_to(prior.mean, shape), np.broadcast_to(prior.total, shape), u

    def _round(self, number: int) -> None:
        """Sample the emulated posterior, estimate the likelihood at its draws, and update centres and covariances."""
        random = self.random(1, number)
        emulator = self.emulator(20 if number % 2 == 0 else 0)
        posterior, _ = self.emulated(emulator)
        mu, sd, u = self.sample(posterior, 2 * POINTS, 200, 2, int(random.integers(2**31)))
        units, size = u.shape[2:]
        pooled = u.reshape(-1, units, size)
        finer = FINER if number >= ROUGH else 1
        inner, outer = POINTS - int(WIDE * POINTS), int(WIDE * POINTS) * finer
        ends = outermost(group_of(mu, sd).reshape(len(pooled), -1), inner // 2) if self.population.grouped else []
        inside = random.choice(len(pooled), inner - len(ends), replace=False)
        chosen = pooled[[*inside, *ends]].transpose(1, 0, 2)
        estimates = np.stack([self._estimated(chosen, finer * PARTICLES) for _ in range(2)])
        value = np.logaddexp(*estimates) - np.log(2.0)
        error = (
            emulator.at(np.repeat(np.arange(units), inner), chosen.reshape(-1, size))[0].reshape(value.shape) - value
        )
        noise = trimmed((estimates[0] - estimates[1]) ** 2) / 2.0
        self.surprise.append(np.maximum(error[:, : len(inside)].var(1) - noise / 2.0, 0.0))
        self.noise = noise * finer
        self.archive.add(chosen, value, 2 * finer * PARTICLES)
        middle = pooled.mean(0)[:, None]
        away = pooled[random.integers(len(pooled), size=outer)].transpose(1, 0, 2) - middle
        chosen = middle + random.uniform(*FACTORS, (units, outer, 1)) * away
        self.archive.add(chosen, self._estimated(chosen, PARTICLES), PARTICLES)
        seen = self.limits(pooled)
        self.centres = seen.mean(0)
        self.covariances = np.stack([1.5 * np.cov(seen[:, n].T).reshape(size, size) for n in range(units)])

    def _estimated(self, u: np.ndarray, particles: int) -> np.ndarray:
        """Estimates at points ``u (units, points, parameters)``, ``(units, points)``; a very low value where they are not finite."""
        units, points, size = u.shape
        estimates = self.estimate(u.reshape(-1, size), np.repeat(np.arange(units), points), particles).reshape(
            units, points
        )
        return np.where(np.isfinite(estimates), estimates, -1e4)

    def _arrays(self) -> dict[str, np.ndarray]:
        scales = [[*s.log_lengths, s.log_variance, s.log_noise] for s in self.scales if s is not None]
        return {
            **self.archive.arrays(),
            "centres": self.centres, "covariances": self.covariances, "scales": np.array(scales), "noise": self.noise,
            "surprise": np.array(self.surprise), "filters": np.array(self.streams.used),
            "gradients": np.array(self.gradients),
        }  # fmt: skip

    def _restore(self, saved: dict[str, np.ndarray]) -> None:
        self.archive = Archive.of(saved)
        self.centres, self.covariances, self.noise = saved["centres"], saved["covariances"], saved["noise"]
        self.scales = [Scales(row[:-2], float(row[-2]), float(row[-1])) for row in saved["scales"]]
        self.surprise = list(saved["surprise"])
        self.streams.used, self.gradients = int(saved["filters"]), int(saved["gradients"])

    # -- stage 3 ---------------------------------------------------------------------------------------------------

    def corrector(self) -> tuple[Corrector, Posterior]:
        """The corrector, with numbers of particles and draws chosen from the observed errors, and the emulated posterior."""
        emulator = self.emulator(0)
        posterior, expansion = self.emulated(emulator)
        particles, wanted = self._numbers(self.surprise[-1])
        counts = np.clip(np.ceil(wanted), 2, 64).astype(np.int64)
        corrector = Corrector(
            self.estimate, emulator, np.ascontiguousarray(expansion.curvature), self.population, counts,
            particles.astype(np.int64), self.random(2),
        )  # fmt: skip
        return corrector, posterior

    def correct(self, draws: int | None, lacks: Callable[[xr.DataTree], str] | None) -> xr.DataTree:
        """Draw from the true posterior; unless ``draws`` is given, add draws while they are insufficient."""
        corrector, posterior = self.corrector()
        self.corrector_used = corrector
        chain = Chain(corrector, self.streams, self.random, self.checkpoint.load())
        if chain.state is None:
            chain.start(*self._proposals(posterior, None, 0, PILOT))
            self.checkpoint.save({**self._arrays(), **chain.arrays()})
        done = 0
        for more in range(1 if draws else 1 + MORE):
            goal = BURN + (draws or DRAWS) + more * FURTHER
            if chain.number < goal:
                proposals = self._proposals(posterior, corrector.tilt, 1 + more, goal - done)
                while chain.number < goal:
                    at = slice(chain.number - done, min(chain.number + BLOCK, goal) - done)
                    chain.step(*(np.ascontiguousarray(part[:, at]) for part in proposals))
                    self.tell("correcting", (chain.number - done) / (goal - done))
                    self.checkpoint.save({**self._arrays(), **chain.arrays()})
            done = goal
            tree = self.tree(chain)
            missing = lacks(tree) if lacks else ""
            if not missing or more == MORE:
                break
            self.notes.append(
                f"{FURTHER} more draws per chain were added because the draws were insufficient: {missing}"
            )
        return tree

    def _proposals(self, posterior: Posterior, tilt: Tilt | None, portion: int, count: int) -> tuple[np.ndarray, ...]:
        """``count`` draws of the tilted emulated posterior per chain: ``mu, sd, u``, reproducible for the same portion."""
        chains: list[list[tuple[np.ndarray, ...]]] = [[] for _ in range(self.chains)]
        while min(sum(len(part[0]) for part in chain) for chain in chains) < count:
            random = self.random(3, portion, len(chains[0]))
            stage = self.sample(posterior, THIN * count, 200, self.chains, int(random.integers(2**31)))
            retained = tilt.kept(stage[0], stage[1], random) if tilt else np.ones(stage[0].shape[:2], bool)
            order = random.permutation(THIN * count)
            for chain, accepted, *parts in zip(chains, retained, *stage, strict=True):
                chain.append(tuple(part[order[accepted[order]]] for part in parts))
        return tuple(
            np.stack([np.concatenate([part[k] for part in chain])[:count] for chain in chains]) for k in range(3)
        )

    def tree(self, chain: Chain) -> xr.DataTree:
        """The draws as a tree with the groups of every other sampler."""
        import xarray as xr

        drawn = chain.drawn()
        posterior = Layout(self.population, self.trials.participants).dataset(
            GroupDraw(drawn.mu, drawn.sd, np.zeros((*drawn.mu.shape[:-1], 0)), drawn.u)
        )
        stats = {
            "accepted": (("chain", "draw"), drawn.moved),
            "diverging": (("chain", "draw"), np.zeros(drawn.moved.shape, bool)),
        }
        coords = {name: posterior[name].to_numpy() for name in ("chain", "draw")}
        groups = {"posterior": posterior, "sample_stats": xr.Dataset(stats, coords)}
        return xr.DataTree.from_dict(groups)


def outermost(values: np.ndarray, most: int) -> list[int]:
    """The rows of ``values (draws, quantities)`` with the minimum or maximum of a quantity, without repetition; at most ``most``, evenly chosen."""
    rows = sorted({*np.argmin(values, 0).tolist(), *np.argmax(values, 0).tolist()})
    return [rows[k * len(rows) // most] for k in range(most)] if len(rows) > most else rows


def trimmed(values: np.ndarray, share: float = 0.98) -> np.ndarray:
    """Means along the last axis without the largest values."""
    keep = max(1, int(share * values.shape[1]))
    return np.asarray(np.sort(values, 1)[:, :keep].mean(1))


def sample_particles(
    learner: Learner, trials: Trials, population: Population, *,
    draws: int | None, chains: int, seed: int, checkpoint: Checkpoint, tell: Tell,
    lacks: Callable[[xr.DataTree], str] | None, workers: WorkerPool | None = None,
) -> ParticleRun:  # fmt: skip
    """Draw from the posterior of a learner with a hidden choice; filters run on ``workers``, or on this machine."""
    begin = time.perf_counter()
    work = Work(learner, trials, population, seed, chains, checkpoint, tell, workers)
    work.prepare()
    prepared = time.perf_counter()
    tree = work.correct(draws, lacks)
    corrector = work.corrector_used
    attributes = {
        "filters": work.streams.used,
        "particles": json.dumps(corrector.particles.tolist()),
        "draws_of_participants": json.dumps(corrector.counts.tolist()),
        "acceptance": float(tree["sample_stats"]["accepted"].mean()),
        "emulator_error": json.dumps([round(float(v), 4) for v in np.sqrt(work.surprise[-1])]),
        "filter_noise": json.dumps([round(float(v), 4) for v in np.sqrt(work.noise * PARTICLES / corrector.particles)]),
        "rounds_of_emulating": len(work.surprise),
        "seconds_of_emulating": prepared - begin,
    }
    return ParticleRun(tree, work.gradients, time.perf_counter() - begin, tuple(work.notes), attributes)
