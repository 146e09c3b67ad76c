"""Does a parameter go with a measure of participants, such as age or a questionnaire: their correlation, free of the noise of trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.effects.answer import (
    Measures,
    PosteriorAndPrior,
    about_the_fit,
    beside_prior,
    check_common,
    model_of,
    with_term,
)
from trialwise.analysis.effects.evidence import HDI, direction_text, probability_of_direction
from trialwise.analysis.effects.prior import prior_groups
from trialwise.analysis.effects.question import At, values_at
from trialwise.analysis.effects.spread_at import patterns_at
from trialwise.analysis.effects.touches import touches_zero
from trialwise.base.english import listed
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.expects import MAPPING, NAME, NONE, expects
from trialwise.base.message import Argument, Input, Message
from trialwise.base.result import Finding
from trialwise.inference.fitted import FIT, Fit
from trialwise.population.designs.coding import NumberCode
from trialwise.population.designs.differences import Place
from trialwise.population.designs.formula import quoted_name
from trialwise.population.designs.parameter_design import BETWEEN, WITHIN
from trialwise.population.designs.parameter_model import ParameterModel

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Association(Measures):
    """The correlation of a parameter with a covariate; see :func:`trialwise.association`.

    Attributes
    ----------
    fit
        The fit.
    what, covariate
        The parameter and the covariate.
    table
        A row for ``correlation`` and one for ``slope`` per standard deviation, on the unconstrained scale: ``mean``, ``median``, ``sd``,
        ``hdi_low``, ``hdi_high`` (95 % highest-density interval), ``low``, ``high`` (equal-tailed 89 %), ``pd`` (probability of direction),
        and ``prior_median``, ``prior_low``, ``prior_high``.
    draws
        ``{measure: (posterior draws, prior draws)}``.
    findings
        What limits the answer.

    Examples
    --------
    >>> list(tw.results.Association.contents)
    ['association']
    """

    covariate: str
    findings: tuple[Finding, ...] = ()

    contents = {"association": "correlation and slope, with their priors"}

    def tables(self) -> dict[str, pd.DataFrame]:
        """``association`` (:attr:`table`)."""
        return {"association": self.table}

    @property
    def headline(self) -> str:
        """The correlation, with its interval."""
        row = self.table.iloc[0]
        return (
            f"Association({self.what} with {self.covariate}): correlation {row['median']:.2f} ({100 * HDI:.0f} % HDI {row['hdi_low']:.2f} to "
            f"{row['hdi_high']:.2f}), {direction_text(row['pd'])}"
        )


@expects(fit=FIT, what=NAME, covariate=NAME, at=MAPPING | NONE)
def association(fit: Fit, what: str, covariate: str, at: At | None = None) -> Association:
    r"""The correlation over participants of a parameter, on its unconstrained scale, with a covariate that is a number.

    .. math:: \rho = b \,/ \sqrt{b^2 + \sigma^2}

    with the slope b per standard deviation of the covariate and the spread :math:`\sigma` of participants around it. Other covariates of the
    formula are held constant. Correlations of estimates with the covariate are smaller, by the noise of trials, and those of estimates
    of a fit without the covariate are not to be trusted.

    Parameters
    ----------
    fit
        A fit with a formula such as ``{"alpha": "age"}``.
    what
        A parameter.
    covariate
        The covariate.
    at
        Values of other covariates, ``{"group": "patient"}``, on which the slope may depend; by default the mean over levels.

    Returns
    -------
    Association
        ``table`` and ``plot()``, in which prior and posterior stand side by side.

    Raises
    ------
    UsageError
        Without such a formula; for a covariate that changes within participants, or of which the formula has a curve; if the learner is
        not available.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select(range(6)).first(60)
    >>> ages = {"participant": trials.participants, "age": [20, 25, 31, 38, 44, 52]}
    >>> fit = tw.fit(
    ...     tw.QLearning(initial=1.2), trials, formulas={"alpha": "age"}, participants=ages,
    ...     draws=50, tune=100, chains=2, progress=False,
    ... )
    >>> answer = tw.association(fit, "alpha", "age")
    >>> list(answer.table["measure"]), bool(abs(answer.table["mean"][0]) < 1)
    (['correlation', 'slope'], True)
    """
    fit.learner_for("association")
    model = _model(fit, what, covariate)
    assert fit.design is not None
    design = fit.design.design
    place: Place = tuple((at or {}).items())  # type: ignore[arg-type]
    unknown = [name for name in (at or {}) if name not in (*model.factors, *model.numbers) or name == covariate]
    if unknown:
        known = [name for name in (*model.factors, *model.numbers) if name != covariate]
        raise UsageError(
            Argument("at", dict(at or {})), f": {did_you_mean(unknown[0], known, f'other covariates of {what}')}"
        )  # fmt: skip
    values = values_at(model, what, place, [what])
    mean, sd = model.numbers[covariate]
    vector = model.at({**values, covariate: mean + sd}) - model.at({**values, covariate: mean})
    patterns = patterns_at(design, what, model, values)
    both, spread = [], np.zeros(0)
    for group in (fit.draws.groups(), prior_groups(fit.population)):
        slope = group.coefficients @ vector
        variance = patterns.variances(design, group.spreads, group.correlations) @ patterns.shares
        both.append((slope / np.sqrt(slope**2 + variance), slope))
        spread = spread if len(spread) else np.sqrt(variance)
    draws: dict[str, PosteriorAndPrior] = {
        measure: (both[0][k], both[1][k]) for k, measure in enumerate(("correlation", "slope"))
    }
    import pandas as pd

    rows = [
        {"measure": measure, **beside_prior(pair), "pd": probability_of_direction(pair[0])}
        for measure, pair in draws.items()
    ]
    return Association(fit, what, pd.DataFrame(rows), draws, covariate, _findings(fit, spread))


def _model(fit: Fit, what: str, covariate: str) -> ParameterModel:
    """How the parameter depends on covariates, after checking that one slope describes how it depends on this one."""
    advice = Argument("formulas", {what: quoted_name(covariate)})
    model = model_of(fit, what, "", Message(advice))
    check_common(fit, model, covariate, Message(with_term(fit, model, covariate)))
    assert fit.design is not None
    if covariate in model.factors:
        raise UsageError(
            f"{covariate} is a factor, with levels {listed(map(str, model.factors[covariate]))}: compare them by tw.contrasts(fit, {what!r}, ",
            Argument("by", covariate),
            ")",
        )
    if covariate not in model.numbers:
        if not model.numbers:
            raise UsageError(f"{what} has no formula with numbers: fit again with ", advice)
        between, within = covariate + BETWEEN, covariate + WITHIN
        if between in model.numbers:
            raise UsageError(
                f"{covariate} differs within participants and between them; the correlation over participants is that of their means: type "
                f"tw.association(fit, {what!r}, {between!r})"
            )
        if within in model.numbers:
            raise UsageError(*_only_within(what, covariate))
        known = [name for name in model.numbers if not name.endswith(WITHIN)]
        raise UsageError(
            f"{what} does not depend on {covariate!r}. {did_you_mean(covariate, known, f'numbers in the formula of {what}')}"
        )
    if covariate.endswith(WITHIN):
        name = covariate.removesuffix(WITHIN)
        raise UsageError(*_only_within(what, name, f"{name}{BETWEEN}" in model.numbers))
    if fit.design.design.has_slope(what, covariate):
        raise UsageError(
            f"{what} has a slope on a number that changes from trial to trial, which has no correlation over participants: compare by tw.contrasts(fit, {what!r}, ",
            Argument("by", covariate),
            ")",
        )
    codes = [code for code in model.coding.codes.values() if isinstance(code, NumberCode) and code.column == covariate]
    if not codes:
        mean, sd = model.numbers[covariate]
        raise UsageError(
            f"the formula of {what}, {model.formula}, has a curve of {covariate}, and no single slope: compare values by "
            f"tw.contrasts(fit, {what!r}, ", Argument("by", covariate), ", ", Argument("at", {covariate: [float(f"{mean + step * sd:.3g}") for step in (-1, 1)]}), ")",
        )  # fmt: skip
    return model


def _only_within(what: str, name: str, has_between: bool = False) -> list[str | Input]:
    """That what deviates from participants' means has no correlation over them, and what to type."""
    instead = (
        f"type tw.association(fit, {what!r}, {name + BETWEEN!r}) for that with their means, or " if has_between else ""
    )
    return [
        f"{name + WITHIN} differs within participants, and has no correlation over them: {instead}compare by tw.contrasts(fit, {what!r}, ",
        Argument("by", name + WITHIN),
        ")",
    ]


def _findings(fit: Fit, spread: np.ndarray) -> tuple[Finding, ...]:
    findings = about_the_fit(fit)
    if touches_zero(spread):
        sentence = "the spread of participants touches 0, where a correlation is not defined"
        findings.append(Finding("caution", "spread", sentence, "Report the slope"))
    return tuple(findings)
