"""True parameters of participants who are to be simulated: from stated ranges, from the prior, from a posterior."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.streams import stream
from trialwise.data.trials import Trials
from trialwise.environments.environment import Environment, Recorded
from trialwise.environments.simulate import EnvironmentLike
from trialwise.inference.fitted import Fit
from trialwise.learners.learner import Learner
from trialwise.population.population import Population, population_of

PEOPLE = 30
"""Participants of a new data set, where nobody said how many."""


def outcome_spread(environment: Environment, seed: int) -> float:
    """Standard deviation of the outcomes that an environment offers, in one run through it."""
    random = stream(seed, "outcomes of an example")
    return float(np.nanstd(environment.potential(environment.show(random), random)))


def population_in(
    learner: Learner, surroundings: EnvironmentLike, seed: int, priors: Mapping[str, Any] | None = None
) -> Population:
    """A group with default priors, where none are given, told by how outcomes spread here: in an environment, those of one
    participant's trials."""
    if isinstance(surroundings, Environment):
        return population_of(learner, outcome_spread(surroundings, seed) or 1.0, priors)
    return population_of(learner, surroundings.trials if isinstance(surroundings, Recorded) else surroundings, priors)


def labels_in(surroundings: EnvironmentLike, participants: int | Sequence[Hashable] | None) -> list[Hashable]:
    """Labels of the participants: those of recorded trials, as many of them as were asked for, or new ones, 30 by default."""
    trials = surroundings.trials if isinstance(surroundings, Recorded) else surroundings
    known = list(trials.participants) if isinstance(trials, Trials) else None
    if participants is not None and not isinstance(participants, int | np.integer):
        return list(participants)
    count = participants if participants is not None else PEOPLE if known is None else len(known)
    if not 1 <= count <= (count if known is None else len(known)):
        most = "or more" if known is None else f"to {len(known)}"
        raise UsageError(f"participants={participants!r}: wanted 1 {most}, or a list of labels")
    return list(range(count)) if known is None else known[:count]


def posterior_draws(fit: Fit) -> dict[str, np.ndarray]:
    """Every draw of participants' natural values, by name, ``(draws, participants)``, chains laid end to end."""
    return {name: fit.draws.natural(name) for name in fit.parameters}


@dataclass(frozen=True, eq=False)
class Truth:
    """Where true values come from: what is neither stated nor in a posterior is drawn from the prior, a new group each time.

    Attributes
    ----------
    population
        Whom participants come from.
    stated
        Values, arrays or distributions by name, as :func:`trialwise.simulate` takes them.
    posterior
        ``(draws, participants)`` by name; empty without a fit.
    """

    population: Population
    stated: Mapping[str, Any]
    posterior: Mapping[str, np.ndarray]

    def values(self, people: int, random: np.random.Generator) -> dict[str, Any]:
        """The parameters of one data set, for :func:`trialwise.simulate`."""
        drawn = self.population.natural(self.population.draw(people, random).u)
        if self.posterior:
            at = int(random.integers(len(next(iter(self.posterior.values())))))
            drawn = {name: values[at] for name, values in self.posterior.items()}
        return drawn | dict(self.stated)


def truth_of(
    source: Mapping[str, Any] | Fit | str | None, learner: Learner, surroundings: EnvironmentLike, seed: int
) -> Truth:
    """What ``truth=`` says.

    Raises
    ------
    UsageError
        For anything but ranges by name, a fit of this learner with participants, ``"prior"`` or None.
    """
    population = population_in(learner, surroundings, seed)
    if source is None or source == "prior":
        return Truth(population, {}, {})
    if isinstance(source, Fit):
        if source.pooling == "complete" or tuple(source.parameters) != learner.names:
            raise UsageError(
                f"truth={source!r}: a fit of {learner!r} with parameters of participants is wanted, to draw them from"
            )
        return Truth(population, {}, posterior_draws(source))
    if not isinstance(source, Mapping):
        raise UsageError(
            f'truth={source!r}: wanted ranges, {{"{learner.names[0]}": (0, 1)}}, a fit, or "prior"; what has no range is '
            "drawn from the prior"
        )
    for name in source:
        if name not in learner.names:
            raise UsageError(f"truth={{{name!r}: ...}}: {did_you_mean(str(name), learner.names, 'free parameters')}")
    return Truth(population, {str(name): value for name, value in source.items()}, {})
