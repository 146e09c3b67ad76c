"""Differences that a formula cannot have: they are 0, or the same everywhere, whatever the data."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from trialwise.analysis.effects.levels import Contrast
from trialwise.analysis.effects.question import Question
from trialwise.base.english import listed
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding
from trialwise.population.design import Design
from trialwise.population.designs.formula import quoted_name
from trialwise.population.designs.parameter_design import BETWEEN, WITHIN
from trialwise.population.designs.parameter_model import ParameterModel


def no_differences(design: Design, asked: Question, found: Sequence[Contrast]) -> list[Finding]:
    """Findings on differences that are 0 by the formula, with the formula or the place where they need not be; and on values of other
    covariates on which differences do not depend."""
    findings = []
    zero: dict[tuple[str, ...], list[str]] = {}
    for contrast in found:
        if contrast.always_zero:
            zero.setdefault(_covariates(asked, contrast), []).append(contrast.label)
    for covariates, labels in zero.items():
        verb = "is" if len(set(labels)) == 1 else "are"
        sentence = f"no difference in this formula: {listed(dict.fromkeys(labels))} {verb} 0 "
        if place := _elsewhere(asked, covariates):
            sentence += "at the mean of the other covariates"
            advice: str = Message("Choose where to compare: ", Argument("at", place))
        else:
            sentence += f"without a product of {listed(covariates)}"
            advice = _with_product(design, asked, covariates)
        findings.append(Finding("caution", "no-difference", sentence, advice, tuple(dict.fromkeys(labels))))
    compared = tuple(axis.name for axis in asked.axes[1:])
    fixed = dict.fromkeys(name for place in asked.places for name, _ in place)
    same = [name for name in fixed if not any(_having(asked, (name, each)) for each in compared)]
    if same and compared and len(asked.parameters) == 1:
        sentence = (
            f"the formula has no product of {listed(compared, 'or')} with {listed(same, 'or')}: on the unconstrained scale differences are the same at each "
            f"value of {listed(same)}, and on the natural scale they are not"
        )
        findings.append(
            Finding("note", "same-everywhere", sentence, _with_product(design, asked, (compared[0], same[0])))
        )
    return findings


def _covariates(asked: Question, contrast: Contrast) -> tuple[str, ...]:
    """The covariates along which a difference is taken."""
    return tuple(axis.name for axis in asked.axes[1:] if axis.name in contrast.by)


def _models(asked: Question) -> Iterable[ParameterModel]:
    return (model for model in asked.models.values() if model is not None)


def _having(asked: Question, covariates: Sequence[str]) -> list[tuple[str, ...]]:
    """The terms, as columns, that contain all of these covariates."""
    terms = [columns for model in _models(asked) for columns in model.terms]
    return [columns for columns in terms if {*covariates} <= {*columns}]


def _elsewhere(asked: Question, covariates: tuple[str, ...]) -> dict[str, Hashable]:
    """Values of others with which the covariates have a product, where a difference need not be 0; empty without such a product."""
    place: dict[str, Hashable] = {}
    for columns in _having(asked, covariates):
        for name in columns:
            for model in _models(asked) if name not in covariates else ():
                if name in model.factors:
                    place.setdefault(name, model.factors[name][-1])
                elif name in model.numbers:
                    mean, sd = model.numbers[name]
                    place.setdefault(name, float(f"{mean + sd:.3g}"))
    return place


def _with_product(design: Design, asked: Question, covariates: Sequence[str]) -> str:
    """The formula with a product of covariates; empty where it cannot have one."""
    names = dict.fromkeys(name.removesuffix(BETWEEN).removesuffix(WITHIN) for name in covariates)
    if len(names) < len(covariates) or any(
        design.has_slope(each, name) for each in asked.parameters for name in covariates
    ):
        return ""
    formulas = {name: model.formula for name, model in asked.models.items() if model is not None}
    return Message(
        "To ask for it, fit again with ",
        Argument(
            "formulas", {name: f"{formula} + {':'.join(map(quoted_name, names))}" for name, formula in formulas.items()}
        ),
    )
