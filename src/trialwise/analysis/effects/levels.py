"""Means of a parameter at levels of covariates, and differences of them, in every draw."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trialwise.analysis.effects.population_mean import population_mean
from trialwise.analysis.effects.question import Question, values_at
from trialwise.analysis.effects.spread_at import Patterns, patterns_at
from trialwise.inference.fitted import Fit
from trialwise.learners.parameters import Parameter
from trialwise.population.design import Design, plain_design
from trialwise.population.designs.differences import Comparison, Place
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.population import GroupDraw

NOTHING = 1e-12
"""Weights of coefficients below which they are 0."""

SCALES = {"unit": "logit", "interval": "logit", "positive": "log", "real": "value"}
"""Names of the unconstrained scales."""

RATIOS = {"unit": "odds ratio", "interval": "odds ratio", "positive": "factor"}
"""What the exponential of a difference on these scales is."""


@dataclass(frozen=True, eq=False)
class Mean:
    """A parameter at a level.

    Attributes
    ----------
    parameter
        The parameter.
    place
        Values of covariates.
    vector
        x such that :math:`x'B` is the mean on the unconstrained scale, ``(F,)``.
    link
        That mean, ``(chains, draws)``.
    variances
        Of participants around it, ``(chains, draws, patterns)``.
    patterns
        The effects of participants there.
    """

    parameter: Parameter
    place: Place
    vector: np.ndarray
    link: np.ndarray
    variances: np.ndarray
    patterns: Patterns

    @cached_property
    def spread(self) -> np.ndarray:
        """The standard deviation of participants on the unconstrained scale, ``(chains, draws)``."""
        return np.asarray(np.sqrt(self.variances @ self.patterns.shares))

    @cached_property
    def median(self) -> np.ndarray:
        """The natural value of the mean, which is the median of participants, ``(chains, draws)``."""
        return np.asarray(self.parameter.constrain(self.link))

    @cached_property
    def population(self) -> np.ndarray:
        """The mean of participants on the natural scale, ``(chains, draws)``."""
        spreads = np.sqrt(self.variances)
        means = population_mean(self.parameter, np.broadcast_to(self.link[..., None], spreads.shape), spreads)
        return np.asarray(means @ self.patterns.shares)


@dataclass(frozen=True, eq=False)
class Contrast:
    """A difference of means, or of such differences.

    Attributes
    ----------
    label, by, at
        In words: the difference, what is compared, and where.
    parts
        Sign and mean of each.
    """

    label: str
    by: tuple[str, ...]
    at: str
    parts: Sequence[tuple[int, Mean]]

    @property
    def vector(self) -> np.ndarray:
        """c such that :math:`c'B` is the difference on the unconstrained scale, ``(F,)``."""
        return np.asarray(sum(sign * mean.vector for sign, mean in self.parts))

    @property
    def same_scale(self) -> bool:
        """Whether all parameters have the same unconstrained scale."""
        return len({(m.parameter.support, m.parameter.lower, m.parameter.upper) for _, m in self.parts}) == 1

    @property
    def always_zero(self) -> bool:
        """Whether the formula has no such difference: it is 0 on the unconstrained scale, whatever the coefficients."""
        return self.same_scale and not np.any(abs(self.vector) > NOTHING)

    @cached_property
    def link(self) -> np.ndarray:
        """The difference on the unconstrained scale, ``(chains, draws)``."""
        if self.always_zero:
            return np.zeros_like(self.parts[0][1].link)
        return np.asarray(sum(sign * mean.link for sign, mean in self.parts))

    @cached_property
    def spread(self) -> np.ndarray:
        """The root of the mean variance of participants, ``(chains, draws)``."""
        return np.asarray(np.sqrt(np.mean([mean.spread**2 for _, mean in self.parts], 0)))

    @property
    def scaled(self) -> np.ndarray:
        """The difference in units of :attr:`spread`, d."""
        return self.link / self.spread

    @property
    def participants(self) -> int:
        """The number of participants in the smallest level."""
        return min(mean.patterns.participants for _, mean in self.parts)

    def on_scales(self) -> dict[str, np.ndarray]:
        """The difference on every scale on which it can be stated, ``(chains, draws)`` each, by name."""
        support, found = self.parts[0][1].parameter.support, {}
        if self.same_scale:
            found[SCALES[support]] = self.link
            if support in RATIOS:
                ratio = RATIOS[support]
                found[ratio if len(self.parts) == 2 else f"ratio of {ratio}s"] = np.exp(self.link)
        if support != "real" or not self.same_scale:
            found["difference of medians"] = np.asarray(sum(sign * mean.median for sign, mean in self.parts))
            found["difference of population means"] = np.asarray(sum(sign * m.population for sign, m in self.parts))
        if self.same_scale:
            found["d"] = self.scaled
        return found


class Means:
    """The means of a fit at levels of covariates, each computed once, whatever is asked about it.

    Parameters
    ----------
    fit
        The fit.
    """

    def __init__(self, fit: Fit) -> None:
        self.fit, self.parameters = fit, fit.population.base
        self.group: GroupDraw = fit.draws.groups()
        participants = range(self.group.u.shape[2])
        self.design: Design = fit.design.design if fit.design else plain_design(fit.parameters, participants)
        self._means: dict[tuple[str, Place], Mean] = {}

    def at(self, parameter: str, model: ParameterModel | None, values: Mapping[str, Hashable]) -> Mean:
        """The mean of a parameter at values of covariates that it depends on."""
        key = parameter, tuple(sorted(values.items()))
        if key not in self._means:
            vector = self.design.weights(parameter) if model is None else model.at(values)
            patterns = patterns_at(self.design, parameter, model, values)
            self._means[key] = Mean(
                self.parameters[parameter],
                tuple(values.items()),
                vector,
                self.group.coefficients @ vector,
                patterns.variances(self.design, self.group.spreads, self.group.correlations),
                patterns,
            )
        return self._means[key]


class Levels:
    """The means that a question is about.

    Parameters
    ----------
    means
        The fit's means.
    asked
        The question.
    """

    def __init__(self, means: Means, asked: Question) -> None:
        self.means, self.asked = means, asked
        self.parameters, self.group, self.design = means.parameters, means.group, means.design

    def mean(self, parameter: str, place: Place) -> Mean:
        """The mean of a parameter at values of covariates."""
        model = self.asked.models[parameter]
        return self.means.at(parameter, model, values_at(model, parameter, place, self.asked.parameters))

    def contrast(self, comparison: Comparison) -> Contrast:
        """A difference of means."""
        parts = [(sign, self.mean(parameter, place)) for sign, parameter, place in comparison.parts]
        return Contrast(comparison.label, comparison.by, comparison.at, parts)
