"""What the prior of a design says before the data, on the natural scale: how far levels of factors, and values of numbers, can lie apart."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from trialwise.base.english import listed
from trialwise.learners.parameters import Parameter
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.population import Population

DRAWS = 40_000
"""Draws from the prior; the quantile of .95 is then known to about half a percent."""

PROBABILITY = 0.95


@dataclass(frozen=True)
class Implied:
    """The difference between two medians of a parameter before the data.

    Attributes
    ----------
    parameter, covariate
        Their names.
    levels
        The levels of a factor; empty for a number.
    step
        Standard deviation over participants of a number; the medians are those at its mean and one standard deviation above.
    is_factor_of
        Whether ``bound`` is a factor, of a parameter above 0, in place of a difference.
    bound
        What the difference is below with a probability of .95, of any two levels.
    """

    parameter: str
    covariate: str
    levels: tuple[Hashable, ...]
    step: float
    is_factor_of: bool
    bound: float

    def __str__(self) -> str:
        """The difference in words."""
        amount = f"a factor of less than {self.bound:.3g}" if self.is_factor_of else f"less than {self.bound:.2g}"
        if not self.levels:
            return f"1 SD of {self.covariate} ({self.step:.3g}) changes the median by {amount}"
        pair = listed(map(str, self.levels)) if len(self.levels) == 2 else "any two levels"
        return f"medians of {pair} ({self.covariate}) differ by {amount}"


def implied(population: Population, models: Mapping[str, ParameterModel], seed: int = 0) -> list[Implied]:
    r"""What the prior of a design says before the data.

    For each parameter and covariate, two medians on the natural scale, :math:`m_1 = g(x_1' B)` and :math:`m_2 = g(x_2' B)`, at average values of
    all other covariates, are compared over draws of the coefficients B from their prior.

    Parameters
    ----------
    population
        The population with its design.
    models
        How the mean of each parameter depends on covariates.
    seed
        Seed of the draws.

    Returns
    -------
    list of Implied
        One for each covariate of each parameter; none if a user's prior is improper, so that nothing can be drawn from it.

    Examples
    --------
    >>> from trialwise.population.designs.build import designed
    >>> from trialwise.population.implied import implied
    >>> from trialwise.population.population import population_of
    >>> trials = tw.load_data("alien_flat").trials
    >>> table = {"participant": trials.participants, "group": ["control", "patient"] * 15}
    >>> built = designed(["alpha", "beta"], tw.QLearning(), trials, "alpha ~ group", table)
    >>> parameters = tw.QLearning().fix(forget=0).parameters
    >>> [str(each) for each in implied(population_of(parameters, trials, design=built.design), built.models)]
    ['medians of control and patient (group) differ by less than 0.27']
    """
    try:
        draws = population.prior_draws(DRAWS, seed)
    except NotImplementedError:  # pm.Flat
        return []
    coefficients = np.stack([draws[name] for name in population.variables.coefficients], -1)
    return [
        each for name, model in models.items() for each in _of_parameter(population.base[name], model, coefficients)
    ]


def implied_notes(population: Population, models: Mapping[str, ParameterModel]) -> list[str]:
    """The prior of a design in words, a sentence for each parameter that depends on covariates."""
    found = implied(population, models)
    notes = [
        f"{name} before the data, with 95 % each: " + "; ".join(str(each) for each in found if each.parameter == name)
        for name in dict.fromkeys(each.parameter for each in found)
    ]
    return notes + [
        f"correlations of {listed(names)} before the data, with 95 % each: between {-bound:.2f} and {bound:.2f}"
        for names, bound in zip(_of_blocks(population), implied_correlations(population), strict=True)
    ]


def _of_blocks(population: Population) -> list[list[str]]:
    """The effects of participants in each block, in words."""
    effects = [f"{term.parameter} {term.label}".strip() for term in population.terms.effects]
    return [[effects[q] for q in block] for block in population.terms.blocks]


def implied_correlations(population: Population, probability: float = PROBABILITY) -> list[float]:
    r"""The bound within which each correlation of a block lies, either way, with this probability before the data.

    Of m effects with the prior LKJ(:math:`\eta`) each correlation r has :math:`(r + 1) / 2 \sim \mathrm{Beta}(a, a)`, :math:`a = \eta + m/2 - 1`.
    """
    blocks = zip(population.terms.blocks, population.lkj_shapes, strict=True)
    a = (shape + len(block) / 2 - 1 for block, shape in blocks)
    return [float(2 * betaincinv(each, each, (1 + probability) / 2) - 1) for each in a]


def _of_parameter(parameter: Parameter, model: ParameterModel, coefficients: np.ndarray) -> Iterator[Implied]:
    """The differences of one parameter."""

    def bound(pairs: list[tuple[dict[str, Hashable], dict[str, Hashable]]]) -> float:
        """The largest, over pairs of values, of what the difference of medians is below."""
        bounds = []
        for one, other in pairs:
            centres = [coefficients @ model.at(values) for values in (one, other)]
            if parameter.support == "positive":
                bounds.append(np.exp(np.quantile(abs(centres[1] - centres[0]), PROBABILITY)))
            else:
                medians = [parameter.constrain(centre) for centre in centres]
                bounds.append(np.quantile(abs(medians[1] - medians[0]), PROBABILITY))
        return float(max(bounds))

    is_factor_of = parameter.support == "positive"
    for name, levels in model.factors.items():
        pairs = [({name: one}, {name: other}) for one, other in itertools.combinations(levels, 2)]
        yield Implied(model.parameter, name, tuple(levels), 0.0, is_factor_of, bound(pairs))  # type: ignore[arg-type]
    for name, (mean, sd) in model.numbers.items():
        yield Implied(model.parameter, name, (), sd, is_factor_of, bound([({name: mean}, {name: mean + sd})]))
