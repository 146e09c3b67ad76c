"""True parameters of simulated participants: from ranges, from the prior, or from a posterior."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument
from trialwise.base.streams import Stream, stream
from trialwise.data.trials import Trials
from trialwise.environments.environment import Environment, EnvironmentLike, Recorded
from trialwise.environments.true_parameters import drawn_values
from trialwise.inference.fitted import Fit
from trialwise.learners.learner import Learner
from trialwise.learners.parameter_values import matrix
from trialwise.learners.parameters import Parameter
from trialwise.population.design import Design
from trialwise.population.known import Known, with_known
from trialwise.population.population import Population, population_of

PARTICIPANTS = 30
"""Default number of participants of a new data set."""


def outcome_spread(environment: Environment, seed: int) -> float:
    """Standard deviation of an environment's potential outcomes, in one simulated sequence."""
    random = stream(seed, "outcomes of an example")
    return float(np.nanstd(environment.potential(environment.show(random), random)))


def population_in(
    learner: Learner,
    environment: EnvironmentLike,
    seed: int,
    priors: Mapping[str, Any] | None = None,
    design: Design | None = None,
) -> Population:
    """A population with the given priors and default ones for the rest, scaled by the spread of outcomes in the environment.

    In a new environment, the spread is that of one participant's simulated sequence.
    """
    outcomes: Trials | float
    if isinstance(environment, Environment):
        outcomes = outcome_spread(environment, seed) or 1.0
    else:
        outcomes = environment.trials if isinstance(environment, Recorded) else environment
    return population_of(learner, outcomes, priors, design=design)


def labels_in(environment: EnvironmentLike, participants: int | Sequence[Hashable] | None) -> list[Hashable]:
    """Labels of the participants: those of recorded trials, the first ``participants`` of them, or new ones, 30 by default."""
    trials = environment.trials if isinstance(environment, Recorded) else environment
    recorded = list(trials.participants) if isinstance(trials, Trials) else None
    if participants is not None and not isinstance(participants, int | np.integer):
        return list(participants)
    count = participants if participants is not None else PARTICIPANTS if recorded is None else len(recorded)
    if not 1 <= count <= (count if recorded is None else len(recorded)):
        most = "or more" if recorded is None else f"to {len(recorded)}"
        raise UsageError(Argument("participants", participants), f": wanted 1 {most}, or a list of labels")
    return list(range(count)) if recorded is None else recorded[:count]


def posterior_draws(fit: Fit) -> dict[str, np.ndarray]:
    """Posterior draws of participants' parameters on the natural scale, by name, ``(draws, participants)``, chains concatenated."""
    return {name: fit.draws.natural(name) for name in fit.parameters}


@dataclass(frozen=True, eq=False)
class Truth:
    """Source of true values: parameters that are neither stated nor in a posterior are drawn from the prior, a new group each time.

    Attributes
    ----------
    population
        The population that participants are drawn from.
    stated
        Values, arrays or distributions by name, as accepted by :func:`trialwise.simulate`.
    posterior
        Posterior draws, ``(draws, participants)`` by name; empty without a fit.
    """

    population: Population
    stated: Mapping[str, Any]
    posterior: Mapping[str, np.ndarray]

    def values(self, participants: int, random: np.random.Generator) -> dict[str, Any]:
        """Draw the parameters of one data set, for :func:`trialwise.simulate`."""
        parameters = self.population.natural(self.population.draw(participants, random).u)
        if self.posterior:
            number = int(random.integers(len(next(iter(self.posterior.values())))))
            parameters = {name: values[number] for name, values in self.posterior.items()}
        return parameters | dict(self.stated)

    def of_rows(
        self, learner: Learner, trials: Trials, known: Known, random: np.random.Generator, stream: Stream
    ) -> TrueRows:
        """Draw the parameters of one data set whose participants differ by the design of the population.

        Where effects are known, coefficients are drawn from their prior given these. A parameter that is stated or in a posterior has a value for
        each participant, at average covariates and over the levels of factors, and no effects but those that are known: they are
        added on the unconstrained scale.

        Parameters
        ----------
        learner, trials
            The learner before its parameters vary by the design, and trials of the participants.
        known
            The effects that are known, as combinations of coefficients.
        random, stream
            Random numbers of the population, and those of the stated distributions.

        Raises
        ------
        UsageError
            If a stated value is not valid, or an effect would be added to one at the bounds of its range.
        """
        population = self.population
        design = population.matrices(0)
        drawn = population.draw(design.rows, random, known)
        coefficients = drawn.coefficients.copy()
        values = population.natural(drawn.u)
        stated = dict(self.stated)
        if self.posterior:
            number = int(random.integers(len(next(iter(self.posterior.values())))))
            stated = {name: draws[number] for name, draws in self.posterior.items()} | stated
        given = {name: drawn_values(name, source, trials.participants, stream) for name, source in stated.items()}
        others = {p.name: float(p.constrain(p.mean)) for p in learner.parameters}
        at_average = matrix(learner, trials, others | given)
        effects = with_known(np.zeros(len(coefficients)), population.as_normal().width, known)
        for n, name in enumerate(learner.names):
            if name not in given:
                continue
            own = np.array([term.parameter == name for term in design.coefficients])
            coefficients[own] = effects[own]
            shift = design.centre(np.where(own, effects, 0.0))
            middle = float(design.weights(name) @ np.where(own, effects, 0.0))
            for k, column in enumerate(design.columns):
                if column.parameter == name:
                    base, by = (0.0, shift[:, k]) if column.slope else (at_average[:, n], shift[:, k] - middle)
                    own_values = np.broadcast_to(base, (design.participants,))[design.owner]
                    values[population.names[k]] = _moved(population.parameters[k], own_values, by)
        return TrueRows(values, coefficients, tuple(stated))


class TrueRows(NamedTuple):
    """True values of participants whose parameters depend on a design.

    Attributes
    ----------
    values
        Natural values of each row of parameters by name, ``(rows,)``.
    coefficients
        The coefficients of the design, ``(F,)``; of a parameter that is stated its effects only, with 0 for its mean.
    stated
        Names of the parameters that are stated.
    """

    values: dict[str, np.ndarray]
    coefficients: np.ndarray
    stated: tuple[str, ...] = ()


def _moved(parameter: Parameter, values: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Natural values, moved on the unconstrained scale; those that are not moved stay exactly as they are."""
    if not by.any():
        return values.copy()
    u = parameter.unconstrain(values)
    if not np.isfinite(u).all():
        raise UsageError(
            f"{parameter.name} has effects and the true value {values[~np.isfinite(u)][0]:g}, a bound of its range ({parameter.range}), from which "
            "nothing can move it: take values within the range"
        )
    return np.asarray(parameter.constrain(u + by))


def truth_of(
    source: Mapping[str, Any] | Fit | str | None, learner: Learner, environment: EnvironmentLike, seed: int
) -> Truth:
    """The source of true values that the argument ``truth=`` names.

    Raises
    ------
    UsageError
        For anything but ranges by name, a fit of this learner with participants' parameters, ``"prior"`` or None.
    """
    population = population_in(learner, environment, seed)
    if source is None or source == "prior":
        return Truth(population, {}, {})
    if isinstance(source, Fit):
        if source.pooling == "complete" or tuple(source.parameters) != learner.names:
            raise UsageError(
                Argument("truth", source),
                f": wanted a fit of {learner!r} with parameters of participants, to draw them from",
            )
        return Truth(population, {}, posterior_draws(source))
    if not isinstance(source, Mapping):
        raise UsageError(
            Argument("truth", source),
            f': wanted ranges, {{"{learner.names[0]}": (0, 1)}}, a fit, or "prior"; parameters without a range '
            "are drawn from the prior",
        )
    for name in source:
        if name not in learner.names:
            raise UsageError(
                Argument("truth", {name: ...}), f": {did_you_mean(str(name), learner.names, 'free parameters')}"
            )
    return Truth(population, {str(name): value for name, value in source.items()}, {})
