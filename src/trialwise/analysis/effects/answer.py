"""What answers to questions about a fit have in common: the fit and the parameter, whether the fit can be relied on, and measures that stand
beside their priors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.effects.evidence import summarised
from trialwise.base.english import counted, listed
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding, Result, having
from trialwise.inference.fitted import Fit
from trialwise.population.designs.formula import quoted_name
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.names import names_of_design, spread_name

if TYPE_CHECKING:
    import pandas as pd

type PosteriorAndPrior = tuple[np.ndarray, np.ndarray]
"""Draws of the posterior and of the prior."""


@dataclass(frozen=True, eq=False, repr=False)
class Answer(Result):
    """An answer about a parameter of a fit.

    Attributes
    ----------
    fit
        The fit.
    what
        The parameter, or the difference of two.
    """

    fit: Fit = field(repr=False)
    what: str


@dataclass(frozen=True, eq=False, repr=False)
class Measures(Answer):
    """Measures of a parameter, each of which has a posterior and a prior.

    Attributes
    ----------
    table
        A row a measure.
    draws
        ``{measure: (posterior draws, prior draws)}``.
    """

    table: pd.DataFrame
    draws: Mapping[str, PosteriorAndPrior] = field(repr=False)


def beside_prior(draws: PosteriorAndPrior) -> dict[str, float]:
    """The posterior of a measure summarised, with ``prior_median``, ``prior_low`` and ``prior_high`` of its prior."""
    posterior, prior = map(summarised, draws)
    return posterior | {f"prior_{name}": prior[name] for name in ("median", "low", "high")}


def about_the_fit(fit: Fit) -> list[Finding]:
    """The finding that the fit itself has problems; empty if it has none."""
    problems = having(fit.findings, "problem")
    if not problems:
        return []
    sentence = f"the fit has {counted(len(problems), 'problem')}: {problems[0].brief}"
    return [Finding("problem", "fit", sentence, "See tw.diagnose(fit) first")]


def known_parameter(what: str, known: list[str]) -> str:
    """A parameter's name, checked.

    Raises
    ------
    UsageError
        If it is none of the fit's.
    """
    if what not in known:
        raise UsageError(f"there is no parameter {what!r} in the fit. {did_you_mean(what, known, 'parameters')}")
    return what


def model_of(fit: Fit, what: str, consequence: str, advice: Message) -> ParameterModel:
    """How a parameter depends on covariates.

    Parameters
    ----------
    fit, what
        The fit and the parameter.
    consequence
        What follows where there are no formulas: ``", so that nothing can be compared"``; may be empty.
    advice
        What to fit instead.

    Raises
    ------
    UsageError
        For a fit without formulas, and for an unknown parameter.
    """
    if fit.design is None:
        raise UsageError(f"the fit has no formulas{consequence}: fit again with ", advice)
    return fit.design.models[known_parameter(what, list(fit.design.design.parameters))]


def with_term(fit: Fit, model: ParameterModel, name: str) -> Argument:
    """The formulas of a fit, with a covariate in the mean of a parameter as well."""
    assert fit.design is not None
    term = quoted_name(name)
    formula = term if model.formula == "1" else f"{term} + {model.formula}"
    return Argument("formulas", {**fit.design.formulas, model.parameter: formula})


def check_common(fit: Fit, model: ParameterModel, name: str, advice: Message) -> None:
    """Refuse a covariate that the formula has among effects of participants, or for their spread, only, so that the group's mean is the same at
    all its values.

    Raises
    ------
    UsageError
        With where the spreads are, and with what to fit instead.
    """
    if name in model.covariates or name not in model.of_participants:
        return
    assert fit.design is not None
    if spread_name(model.parameter) in fit.design.formulas:
        places = (model.first_effect + k for k, cell in enumerate(model.own.cells()) if cell)
        names = [names_of_design(fit.design.design).spreads[q] for q in places]
        raise UsageError(
            f"{model.parameter} has a spread of participants for each level of {name}, and one mean for all of them. Each spread is in fit.summary(), "
            f"{listed(names)}, and their differences in tw.diagnose(fit).effects; for a difference of means fit again with ",
            with_term(fit, model, name),
        )  # fmt: skip
    raise UsageError(
        f"the formula of {model.parameter}, {model.formula}, has {name} among the effects of participants only, and one mean for all its values: fit again with ",
        advice,
    )
