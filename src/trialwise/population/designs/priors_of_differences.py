r"""Priors of differences between levels, as they are typed: ``{"alpha": {"group": {"patient - control": pm.Normal.dist(0, 0.5)}}}``.

A difference is :math:`w b` with one coefficient :math:`b` wherever it is possible at all to give it a prior without changing those of other
differences: two levels (:math:`w = \sqrt 2`), levels and reference of a contrast that was chosen, steps of a number. Its prior Normal(m, s)
is then that of the coefficient, Normal(m / w, s / w). All pairs of three and more levels have one prior, Normal(0, s), with s / :math:`\sqrt 2`
for each orthonormal column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import numpy as np

from trialwise.base.english import listed
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument, Code, Message
from trialwise.population.design import Design
from trialwise.population.designs.coding import FactorCode, orthonormal
from trialwise.population.designs.differences import along, difference_named
from trialwise.population.designs.formula import quoted_name
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.names import names_of_design
from trialwise.population.stored import StoredPrior, constants, text_of

_NOTHING = 1e-12
_EXAMPLE = Code("pm.Normal.dist(0, 0.5)")


def with_differences(
    priors: Mapping[str, object], models: Mapping[str, ParameterModel] | None, design: Design | None
) -> dict[str, object]:
    """Priors by name, with those of differences as priors of the coefficients that they are of.

    Parameters
    ----------
    priors
        By name, and of differences ``{parameter: {covariate: {difference: Normal}}}``, or ``{parameter: {factor: Normal}}`` for all pairs of
        levels. Differences are named as in tables of contrasts: ``"patient - control"``, ``"age + 1 SD"``, ``"age + 1"``.
    models, design
        How parameters depend on covariates, and the design; None without formulas.

    Raises
    ------
    UsageError
        Without formulas; for unknown parameters, covariates and differences; for other families than the Normal; for differences that have
        no coefficient of their own, or two priors.

    Examples
    --------
    >>> import pymc as pm
    >>> from trialwise.population.designs.build import designed
    >>> from trialwise.population.designs.priors_of_differences import with_differences
    >>> trials = tw.load_data("alien_flat").trials
    >>> table = {"participant": trials.participants, "group": ["control", "patient"] * 15}
    >>> built = designed(["alpha", "beta"], tw.QLearning(), trials, "alpha ~ group", table)
    >>> priors = {"alpha": {"group": {"patient - control": pm.Normal.dist(0, 0.5)}}}
    >>> {name: str(prior) for name, prior in with_differences(priors, built.models, built.design).items()}
    {'alpha_effects[group.1]': 'Normal(0, 0.354)'}
    """
    found = {name: prior for name, prior in priors.items() if not isinstance(prior, Mapping)}
    typed = {name: each for name, each in priors.items() if isinstance(each, Mapping)}
    if not typed:
        return found
    if models is None or design is None:
        name, covariates = next(iter(typed.items()))
        raise UsageError(
            _argument(name, next(iter(covariates), "group"), ...), " is a prior of differences, which a fit without formulas does not have: add ",
            Argument("formulas", {name: str(next(iter(covariates), "group"))}),
        )  # fmt: skip
    names = names_of_design(design).coefficients
    for parameter, covariates in typed.items():
        if parameter not in models:
            raise UsageError(
                Argument("priors", {parameter: ...}), f": there is no parameter {parameter!r}. {did_you_mean(parameter, models, 'parameters')}"
            )  # fmt: skip
        for covariate, differences in covariates.items():
            _check_product(models[parameter], str(covariate), names)
            for k, prior in _of_covariate(models[parameter], str(covariate), differences).items():
                if names[k] in found:
                    raise UsageError(
                        _argument(parameter, str(covariate), ...), f": {names[k]} has two priors; leave one"
                    )
                found[names[k]] = prior
    return found


def _check_product(model: ParameterModel, text: str, names: Sequence[str]) -> None:
    """Refuse a product, ``"group:age"``, with the names of its coefficients, or with the formula that has it."""
    columns = [part.strip() for part in text.split(":")]
    if text in model.covariates or len(columns) < 2 or not all(column in model.covariates for column in columns):
        return
    start = Message(_argument(model.parameter, text, ...), ": products have no priors of differences: ")
    if own := model.places_of(columns):
        which = "its coefficient" if len(own) == 1 else "its coefficients"
        priors = Argument("priors", {names[k]: _EXAMPLE for k in own})
        raise UsageError(start, f"give a prior of {which}, ", priors)
    product = ":".join(map(quoted_name, columns))
    raise UsageError(
        start, f"give priors of coefficients; and the formula {model.parameter} ~ {model.formula} has no product of {listed(columns)}: add it, ",
        Argument("formulas", {model.parameter: f"{model.formula} + {product}"}),
    )  # fmt: skip


def _of_covariate(model: ParameterModel, covariate: str, differences: object) -> dict[int, StoredPrior]:
    """The priors of the coefficients of a covariate, by their places."""
    parameter = model.parameter
    if covariate not in model.covariates:
        if split := model.split(covariate):
            raise UsageError(_argument(parameter, covariate, ...), f": {split}")
        known = model.covariates
        end = did_you_mean(covariate, known, f"covariates of {parameter}") if known else "It has no formula."
        raise UsageError(_argument(parameter, covariate, ...), f": {parameter} does not depend on {covariate!r}. {end}")
    if not isinstance(differences, Mapping):
        return _of_all_pairs(model, covariate, differences)
    found: dict[int, StoredPrior] = {}
    for label, prior in differences.items():
        mean, sd = _normal(model, covariate, str(label), prior)
        vector = _difference(model, covariate, str(label))
        places = np.flatnonzero(abs(vector) > _NOTHING)
        code = _factor(model, covariate)
        if code is not None and _is_orthonormal(code) and len(code.levels) > 2:
            raise UsageError(
                _argument(parameter, covariate, {label: ...}), f": {covariate} has {len(code.levels)} levels, and all their differences have one prior, with mean 0: "
                "write ", _argument(parameter, covariate, _EXAMPLE),
            )  # fmt: skip
        if not len(places):
            raise UsageError(
                _argument(parameter, covariate, {label: ...}), f": this difference is 0 in the formula {parameter} ~ {model.formula}, at the mean of the other covariates: "
                f"write {parameter} ~ {quoted_name(covariate)} + {model.formula}"
            )  # fmt: skip
        if len(places) > 1:
            _refuse(model, covariate, str(label))
        (k,) = places.tolist()
        if k in found:
            raise UsageError(
                _argument(parameter, covariate, {label: ...}), f": the prior of {covariate} is given twice; leave one"
            )
        found[k] = StoredPrior("Normal", (mean / vector[k], sd / abs(vector[k])))
    return found


def _of_all_pairs(model: ParameterModel, covariate: str, prior: object) -> dict[int, StoredPrior]:
    """The prior of all differences between levels of a factor."""
    parameter, code = model.parameter, _factor(model, covariate)
    if code is None:
        steps = {f"{covariate} + 1 SD": _EXAMPLE}
        raise UsageError(
            _argument(parameter, covariate, ...), f": {covariate} is a number; say for which step: ", _argument(parameter, covariate, steps)
        )  # fmt: skip
    mean, sd = _normal(model, covariate, "", prior)
    pair = {f"{code.levels[-1]} - {code.levels[0]}": _EXAMPLE}
    if not _is_orthonormal(code):
        _refuse(model, covariate, next(iter(pair)))
    if mean != 0.0:
        two = len(code.levels) == 2
        raise UsageError(
            _argument(parameter, covariate, Code(f"pm.{text_of(prior)}")), " is the prior of all differences, either way, so that its mean must be 0",
            *((": write which one has another mean, ", _argument(parameter, covariate, pair)) if two else ()),
        )  # fmt: skip
    vectors = [model.at({covariate: level}) - model.at({covariate: code.levels[0]}) for level in code.levels[1:]]
    places = np.flatnonzero(np.any(abs(np.stack(vectors)) > _NOTHING, 0))
    if len(places) != len(code.levels) - 1:
        _refuse(model, covariate, next(iter(pair)))
    return {int(k): StoredPrior("Normal", (0.0, sd / np.sqrt(2.0))) for k in places}


def _difference(model: ParameterModel, covariate: str, label: str) -> np.ndarray:
    """The weights of coefficients in a difference."""
    known = along(model, [covariate])
    vector = difference_named(model, known, label)
    if vector is None:
        raise UsageError(
            _argument(model.parameter, covariate, {label: ...}), f": {did_you_mean(label, [each.label for each in known.all], f'differences of {covariate}')}"
        )  # fmt: skip
    return vector


def _normal(model: ParameterModel, covariate: str, label: str, prior: object) -> tuple[float, float]:
    """Mean and standard deviation of a Normal prior."""
    known = constants(prior.to_pymc() if hasattr(prior, "to_pymc") else prior)
    if known is None or known[0] != "Normal":
        wanted = {label: _EXAMPLE} if label else _EXAMPLE
        raise UsageError(
            _argument(model.parameter, covariate, ...), f": the prior of a difference is a Normal with constant numbers, not {text_of(prior)}: ",
            _argument(model.parameter, covariate, wanted),
        )  # fmt: skip
    mean, sd = known[1]
    if not 0 < sd < np.inf:
        raise UsageError(f"a prior has the standard deviation {sd:g}; it must be above 0")
    return mean, sd


def _refuse(model: ParameterModel, covariate: str, label: str) -> NoReturn:
    """Say why a difference has no prior of its own."""
    parameter = model.parameter
    raise UsageError(
        _argument(parameter, covariate, {label: ...}),
        f": in the formula {parameter} ~ {model.formula} this difference has no coefficient of its own, but several that others share: give priors of these, ",
        Argument("priors", {f"{parameter}_effects": _EXAMPLE}),
        f", or write {parameter} ~ {quoted_name(covariate)}",
    )


def _factor(model: ParameterModel, covariate: str) -> FactorCode | None:
    codes = (code for code in model.coding.codes.values() if isinstance(code, FactorCode))
    return next((code for code in codes if code.column == covariate), None)


def _is_orthonormal(code: FactorCode) -> bool:
    return np.array_equal(np.array(code.contrasts), orthonormal(len(code.levels)))


def _argument(parameter: str, covariate: object, value: object) -> Argument:
    """The argument as it is typed."""
    return Argument("priors", {parameter: {covariate: value}})
