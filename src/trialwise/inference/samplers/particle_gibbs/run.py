"""A run of particle Gibbs: warm-up, in which the coordinates are found, then draws until there are enough."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.errors import ModelError
from trialwise.base.progress import Update
from trialwise.engine import HIDDEN, PARTICLES
from trialwise.inference.checkpoint import Checkpoint
from trialwise.inference.diagnostics import TOLERATED
from trialwise.inference.draws import HIDDEN_CHOICES, Layout
from trialwise.inference.sampler import Request
from trialwise.inference.samplers.particle_gibbs.candidates import reach_of
from trialwise.inference.samplers.particle_gibbs.chain import (
    State,
    Stretch,
    Target,
    advance,
    first_courses,
    joined,
    transition_of,
)
from trialwise.inference.samplers.particle_gibbs.hamiltonian import Roots, StepSize, curvature_at, no_scale, roots_of
from trialwise.inference.samplers.particle_gibbs.kept import COURSES, kept, stored
from trialwise.inference.samplers.particle_gibbs.renewal import Renewal, renewals, seldom
from trialwise.inference.samplers.particle_gibbs.slow import slowness
from trialwise.inference.samplers.particle_gibbs.watch import Watch
from trialwise.learners.pickling import pack
from trialwise.likelihoods.complete import CompleteLikelihood, MeanLikelihood
from trialwise.likelihoods.first_use import labelled_courses
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.geometry.expansion import Expansion, expand
from trialwise.population.population import GroupDraw

if TYPE_CHECKING:
    import xarray as xr

DRAWS, THIN = 500, 4
"""Default number of draws per chain, and of sweeps per draw."""

FURTHER, MORE = 250, 14
"""Number of draws added per chain while there are too few, and the maximum number of times."""

ROUNDS, LAST = (15, 25, 40, 80, 60), 60
"""Sweeps of the rounds of warm-up. After each but the last of these coordinates are found anew, then the scale of transitions; a further one
only adapts steps."""

FIRST_STEP = 0.2
"""The size of steps before it is adapted."""

AVERAGED = 16
"""Number of courses over which an expansion is averaged, and of each chain over which the scale of transitions is."""

SAVING = 0.02
"""Largest share of the time of sampling that is spent on saving it, which takes longer the more draws there are."""

AT_A_TIME = 40
"""Number of sweeps after which progress is shown, and saved if little of the time has gone into that."""

DIVERGED = 0.01
"""Share of the fewest effective draws up to which divergent trajectories are no problem; only those of careful transitions count. A trajectory that
diverges is rejected, which leaves the target invariant; what might be lost is a region that none can enter. Chains would come to a region of probability
p about once in 1 / p effective draws, and each attempt diverges, so that p is below this share; a region of 1 % that is 3 standard deviations away moves a mean by 0.03 of them, less than
the Monte Carlo error of 400 effective draws, 0.05. A sweep is far less than an effective draw, unlike a transition of NUTS."""

SAVED = ("rounds", "gradients_of_warm_up", "seconds", "seconds_of_warm_up")
"""Numbers that a checkpoint holds, beside arrays. They are part of its key, since another version of them could not be read."""

ATTEMPTS = 50
"""How often parameters are drawn from the prior, in search of some that can explain the responses."""


@dataclass
class Run:
    """Chains in the course of sampling.

    Attributes
    ----------
    request
        What to sample.
    target
        The target in the present coordinates; None before the first.
    states
        The states of the chains.
    pieces
        The stretches of each chain after warm-up.
    saving
        Seconds that were spent on saving since ``began``, on the clock of :func:`time.perf_counter`.
    earlier
        Seconds that the runs took which this one continues, up to what they saved last.
    gradients_of_warm_up, seconds_of_warm_up
        Gradients and seconds of warm-up, of the runs before too.
    """

    request: Request
    checkpoint: Checkpoint
    tell: Update
    executor: Executor
    remote: bool
    target: Target | None = None
    states: list[State] = field(default_factory=list)
    pieces: list[list[Stretch]] = field(default_factory=list)
    rounds: int = 0
    gradients_of_warm_up: int = 0
    notes: list[str] = field(default_factory=list)
    saving: float = 0.0
    began: float = field(default_factory=time.perf_counter)
    earlier: float = 0.0
    seconds_of_warm_up: float = 0.0

    @property
    def chains(self) -> range:
        """The numbers of the chains."""
        return range(self.request.chains)

    @property
    def seconds(self) -> float:
        """Seconds so far, those of the runs that this one continues included."""
        return self.earlier + time.perf_counter() - self.began

    # -- warm-up -----------------------------------------------------------------------------------------------------

    def warm_up(self) -> None:
        """Find coordinates and the sizes of steps, unless the checkpoint has them."""
        if saved := self.checkpoint.load():
            self._resume(saved)
            self.notes.append(
                f"continued from its checkpoint: {self._done} sweeps of each chain after warm-up were done"
            )
        if self.target is None:
            self._start()
        stages = [*ROUNDS, LAST]
        for number in range(self.rounds, len(stages)):
            count, last = stages[number], number == len(ROUNDS)
            self.states = [state._replace(step=StepSize.begin(np.exp(state.step.log))) for state in self.states]
            pieces = self._advance(count, adapting=True)
            self.gradients_of_warm_up += sum(int(piece.gradients.sum()) for piece in pieces)
            if last:
                step = StepSize.pooled([state.step for state in self.states])
                self.states = [state._replace(step=step) for state in self.states]
            elif number == len(ROUNDS) - 1:
                self._find_scale(pieces)
            else:
                kept = [piece.courses[len(piece.courses) // 2 :] for piece in pieces]
                self._find_coordinates(np.concatenate(kept))
            self.rounds = number + 1
            self.seconds_of_warm_up = self.seconds
            self.tell("warming up", sum(stages[: self.rounds]) / sum(stages))
            self._save()

    def _target(self, expansion: Expansion, roots: Roots, reach: np.ndarray) -> Target:
        likelihood, population = self.request.likelihood, self.request.population
        packed = likelihood_of(likelihood.learner, likelihood.trials, pooled=population.shared).packed
        return Target(likelihood.learner, packed, population, expansion, self.request.seed, PARTICLES, roots, reach)

    def _start(self) -> None:
        """Courses at parameters drawn from the prior, and coordinates and a first point of each chain given the courses of all."""
        likelihood, population = self.request.likelihood, self.request.population
        self.target = self._target(Expansion(*(np.zeros(0) for _ in range(7))), no_scale(0, 1, 1), np.zeros((1, 1)))
        rows = int(self.target.packed.rows.max()) + 1
        courses = []
        for chain in self.chains:
            random = self.request.random(("start", chain))
            for _ in range(ATTEMPTS):
                theta = likelihood.natural(population.draw(rows, random).u)
                drawn = first_courses(self.target, chain, theta)
                if drawn is not None:
                    break
            else:
                raise ModelError(
                    f"{likelihood.learner}: at none of {ATTEMPTS} draws of parameters from the prior can its hidden choices explain all "
                    "responses. Look at trialwise.log_likelihood at parameters that you expect, which names a trial"
                )
            courses.append(drawn)
        self._find_coordinates(np.array(courses))
        for chain in self.chains:
            target, _ = self.target.posterior(courses[chain])
            x = target.start(self.request.random(("first point", chain)))
            self.states.append(State(x, courses[chain], 0, StepSize.begin(FIRST_STEP)))
        self.pieces = [[] for _ in self.chains]

    def _find_coordinates(self, courses: np.ndarray) -> None:
        """Expand the likelihood given courses ``(courses, trials)``, and express the states in the new coordinates."""
        assert self.target is not None
        learner, trials, population = self.target.learner, self.request.likelihood.trials, self.target.population
        chosen = courses[np.linspace(0, len(courses) - 1, min(AVERAGED, len(courses))).astype(int)]
        mean = MeanLikelihood(
            [CompleteLikelihood(learner, trials, each.astype(int), population.shared) for each in chosen]
        )
        before, expansion = self.target, expand(mean, population)
        self.gradients_of_warm_up += sum(part.calls for part in mean.parts)
        self.target = self.target._replace(expansion=expansion)
        posterior, _ = self.target.posterior(courses[0])
        self.target = self.target._replace(roots=no_scale(posterior.group_size, *posterior.shape))
        transition_of(self.target, posterior.density)  # prepared here, since chains run in threads
        for number, state in enumerate(self.states):
            old, new = (target.posterior(state.courses)[0] for target in (before, self.target))
            self.states[number] = state._replace(x=new.coordinates(*old.point(state.x)))

    def _find_scale(self, pieces: Sequence[Stretch]) -> None:
        """Scale transitions by the curvature at the courses that chains kept, and candidates by what they visited."""
        assert self.target is not None
        posterior, packed = self.target.posterior(self.states[0].courses)
        group, (participants, size) = posterior.group_size, posterior.shape
        curvatures = []
        for piece in pieces:
            for x, courses in zip(piece.x[_looked_at(len(piece.x))], piece.courses, strict=True):
                packed.ints[:, HIDDEN] = courses
                curvatures.append(curvature_at(posterior, x, group, participants))
                self.gradients_of_warm_up += 2 * (group + size)
        w = np.array([piece.x for piece in pieces])[..., group:].reshape(-1, participants, size)
        reach = reach_of(w, np.mean([each.participants for each in curvatures], 0))
        self.target = self.target._replace(roots=roots_of(curvatures), reach=reach)

    # -- sampling ----------------------------------------------------------------------------------------------------

    def sample(self) -> xr.DataTree:
        """Draws after warm-up, and courses of some; while they are insufficient draws are added, unless their number was requested."""
        import xarray as xr

        asked, lacks = self.request.draws, self.request.shortfall
        goals = [THIN * (asked or DRAWS)]
        goals += [] if asked else [goals[0] + THIN * FURTHER * (more + 1) for more in range(MORE)]
        watch = Watch(self.tell, self.request.population.group_names, not asked, self.request.progress)
        for more, goal in enumerate(goals):
            while (done := self._done) < goal:
                watch.show(done, goals[more:], done // THIN, self.tree)
                pieces = self._advance(min(AT_A_TIME, goal - done), adapting=False)
                for chain, piece in zip(self.pieces, pieces, strict=True):
                    chain.append(piece)
                if self._done < goal:
                    self._save_seldom()
            self._save()
            tree = self.tree()
            missing = lacks(tree) if lacks else ""
            if not missing:
                break
        watch.finish(tree)
        rarest = self.renewals()
        self.notes += seldom(rarest, self._drawn)
        if more > 0:
            self.notes.append(
                f"{more * FURTHER} more draws per chain were added because the draws were insufficient"
                + (f"; they still are: {missing}" if missing else "")
            )
        if slow := slowness(tree, self.request.population.group_names, self._drawn, rarest):
            self.notes.append(slow)
        tree[HIDDEN_CHOICES] = xr.DataTree(self.hidden_choices())
        return tree

    @property
    def _done(self) -> int:
        """Number of sweeps of each chain after warm-up."""
        return sum(len(piece.x) for piece in self.pieces[0])

    @property
    def _drawn(self) -> int:
        """Number of these sweeps of which draws are taken: a checkpoint may have more than are asked for."""
        return min(self._done, THIN * self.request.draws) if self.request.draws else self._done

    def _advance(self, count: int, *, adapting: bool) -> list[Stretch]:
        """Advance all chains by some sweeps, with the courses from which coordinates are found while chains adapt, and those of some draws afterwards."""
        assert self.target is not None
        begin = self.states[0].sweeps
        if adapting:
            keep = set(range(begin, begin + count)[_looked_at(count)])
        else:
            ends = {sweep: divmod(self._done + sweep - begin + 1, THIN) for sweep in range(begin, begin + count)}
            keep = {sweep for sweep, (draw, rest) in ends.items() if rest == 0 and stored(draw, self._most)}
        target = pack(self.target) if self.remote else self.target
        submit = self.executor.submit
        jobs = [submit(advance, target, chain, state, count, adapting, keep) for chain, state in enumerate(self.states)]
        results = [job.result() for job in jobs]
        self.states = [state for state, _ in results]
        return [piece for _, piece in results]

    @property
    def _most(self) -> int:
        """Largest number of courses that a chain keeps."""
        return max(1, COURSES // self.request.chains)

    # -- results -----------------------------------------------------------------------------------------------------

    def tree(self) -> xr.DataTree:
        """The draws as a tree with the groups of every other sampler."""
        import xarray as xr

        assert self.target is not None
        posterior, _ = self.target.posterior(self.states[0].courses)
        stats: dict[str, list[np.ndarray]] = {"acceptance_rate": [], "diverging": []}
        groups: list[list[GroupDraw]] = []
        sweeps = self._drawn
        for pieces in self.pieces:
            whole = joined(pieces)
            groups.append([posterior.values(x)[0] for x in whole.x[THIN - 1 : sweeps : THIN]])
            stats["acceptance_rate"].append(whole.acceptance[:sweeps].reshape(-1, THIN).mean(1))
            stats["diverging"].append(whole.divergences[:sweeps].reshape(-1, THIN).any(1))
        draw = GroupDraw(*(np.array([[group[k] for group in chain] for chain in groups]) for k in range(4)))
        labels = self.request.likelihood.trials.participants
        dataset = Layout(self.target.population, labels).dataset(draw)
        coords = {name: dataset[name].to_numpy() for name in ("chain", "draw")}
        variables = {name: (("chain", "draw"), np.array(values)) for name, values in stats.items()}
        sample_stats = xr.Dataset(variables, coords, {TOLERATED: DIVERGED})
        return xr.DataTree.from_dict({"posterior": dataset, "sample_stats": sample_stats})

    def hidden_choices(self) -> xr.Dataset:
        """Courses of some draws, ``hidden int8 (chain, draw, trial)``, with the numbers of these draws as coordinates; see :mod:`.kept`."""
        import xarray as xr

        assert self.target is not None
        draws, places = kept(self.request.draws or self._done // THIN, self._most)
        courses = np.concatenate([joined(pieces).courses[places] for pieces in self.pieces])
        courses = labelled_courses(self.target.learner, self.target.packed, courses)
        hidden = courses.reshape(len(self.chains), len(draws), -1)
        coords = {"chain": np.arange(len(self.chains)), "draw": draws}
        return xr.Dataset({"hidden": (("chain", "draw", "trial"), hidden)}, coords)

    def attributes(self) -> dict[str, float | str]:
        """Numbers and texts to store with the fit."""
        assert self.target is not None
        return {
            "gradients": self.gradients_of_warm_up + self._gradients_of_draws,
            "particles_of_a_filter": self.target.particles,
            "sweeps": self._drawn,
            "sweeps_per_draw": THIN,
            "step_sizes": json.dumps([round(float(np.exp(state.step.log)), 4) for state in self.states]),
            "renewal": json.dumps([round(each.share, 4) for each in self.renewals()]),
            "seconds_of_warm_up": self.seconds_of_warm_up,
        }

    @property
    def _gradients_of_draws(self) -> int:
        each = (np.concatenate([piece.gradients for piece in pieces]) for pieces in self.pieces)
        return sum(int(gradients[: self._drawn].sum()) for gradients in each)

    def renewals(self) -> list[Renewal]:
        """How often hidden choices were drawn anew."""
        assert self.target is not None
        shares = np.array([sum(piece.renewed for piece in pieces) / self._done for pieces in self.pieces])
        return renewals(self.target.packed, self.request.likelihood.trials.participants, shares)

    # -- checkpoint --------------------------------------------------------------------------------------------------

    def _save_seldom(self) -> None:
        """Save, unless too much of the time has gone into that."""
        now = time.perf_counter()
        if self.saving <= SAVING * (now - self.began):
            self._save()
            self.saving += time.perf_counter() - now

    def _save(self) -> None:
        if self.checkpoint.path is None:
            return  # the arrays of all stretches are joined for nothing else
        assert self.target is not None
        arrays = {f"expansion_{part.name}": getattr(self.target.expansion, part.name) for part in fields(Expansion)}
        arrays |= {f"roots_{name}": each for name, each in self.target.roots._asdict().items()}
        arrays["reach"] = self.target.reach
        for chain, (state, pieces) in enumerate(zip(self.states, self.pieces, strict=True)):
            arrays |= {
                f"x_{chain}": state.x, f"courses_{chain}": state.courses, f"sweeps_{chain}": np.array(state.sweeps),
                f"step_{chain}": np.array(state.step),
            }  # fmt: skip
            if pieces:
                whole = joined(pieces)._asdict()
                arrays |= {f"piece_{name}_{chain}": each for name, each in whole.items()}
        for name in SAVED:
            arrays[name] = np.array(getattr(self, name))
        self.checkpoint.save(arrays)

    def _resume(self, saved: Mapping[str, np.ndarray]) -> None:
        expansion = Expansion(*(saved[f"expansion_{part.name}"] for part in fields(Expansion)))
        self.target = self._target(
            expansion, Roots(*(saved[f"roots_{name}"] for name in Roots._fields)), saved["reach"]
        )
        self.rounds, self.gradients_of_warm_up = int(saved["rounds"]), int(saved["gradients_of_warm_up"])
        self.earlier, self.seconds_of_warm_up = float(saved["seconds"]), float(saved["seconds_of_warm_up"])
        for chain in self.chains:
            step = StepSize(*(float(part) for part in saved[f"step_{chain}"]))
            self.states.append(
                State(saved[f"x_{chain}"], saved[f"courses_{chain}"], int(saved[f"sweeps_{chain}"]), step)
            )
            self.pieces.append([])
            if f"piece_x_{chain}" in saved:
                self.pieces[chain].append(Stretch(*(saved[f"piece_{name}_{chain}"] for name in Stretch._fields)))
        posterior, _ = self.target.posterior(self.states[0].courses)
        transition_of(self.target, posterior.density)  # both are prepared here, since chains run in threads
        first_courses(self.target, 0, posterior.natural_at(self.states[0].x))


def _looked_at(count: int) -> slice:
    """After which sweeps of a round of warm-up a chain's courses are kept, as a slice of its sweeps."""
    every = max(1, count // AVERAGED)
    return slice(every - 1, None, every)
