"""Do groups differ, does it go with age, does the drug change it: differences between levels and between parameters, with the evidence for them."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.effects.coefficients import Conditional, connected, given_participants
from trialwise.analysis.effects.evidence import HDI, NEGLIGIBLE, inside, probability_of_direction, summarised
from trialwise.analysis.effects.levels import SCALES, Contrast, Levels
from trialwise.analysis.effects.question import At, place_text, question
from trialwise.analysis.effects.savage_dickey import KERNEL, BayesFactor, bayes_factor
from trialwise.analysis.effects.touches import touches_zero
from trialwise.base.english import counted, listed
from trialwise.base.errors import UsageError
from trialwise.base.expects import MAPPING, NAME, NONE, NUMBER, expects, several
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding, Result, having
from trialwise.inference.fitted import FIT, Fit
from trialwise.population.names import names_of_design

if TYPE_CHECKING:
    import pandas as pd

FEW = 5
"""Participants of a level below which it is noted."""

_NOTHING = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class Contrasts(Result):
    """Differences between levels or parameters; see :func:`trialwise.contrasts`.

    Attributes
    ----------
    fit
        The fit.
    what, by
        The question.
    levels
        A row a level: ``parameter``, a column for each covariate, ``participants``, and on each scale mean and interval: ``link``, the mean on
        the unconstrained scale; ``median`` of participants on the natural scale; ``population``, their mean on the natural scale. Each has
        the columns ``..._low`` and ``..._high`` of the 95 % highest-density interval. ``spread``, the standard deviation of
        participants on the unconstrained scale (mean).
    differences
        A row a difference and scale: ``contrast``, ``at``, ``scale``, ``mean``, ``median``, ``sd``, ``hdi_low`` and ``hdi_high`` (95 %
        highest-density interval), ``low`` and ``high`` (equal-tailed 89 %), ``pd`` (probability of its direction). Scales: that of the link
        (``logit``, ``log``); ``odds ratio`` or ``factor``; ``difference of medians`` and ``difference of population means`` on the natural
        scale; ``d``, in units of the spread of participants.
    evidence
        A row a difference: ``pd``; ``in_rope``, the share of draws between ``rope_low`` and ``rope_high`` on the unconstrained scale;
        ``in_rope_of_spread``, that of d between -0.1 and 0.1; ``bf01``, the Bayes factor for no difference, its Monte Carlo error
        ``bf01_error``, and with half and twice the prior standard deviation ``prior_width`` of the difference, ``bf01_half`` and
        ``bf01_double``; ``method`` of the posterior's density at 0 its Pareto k-hat
        ``pareto_k``, and whether the Bayes factor is ``reliable``.
    terms
        Bayes factors of effects of several dimensions, such as a factor of three levels: ``term``, ``at``, ``dimensions``, and the columns
        of ``evidence``.
    contrasts
        The differences, with their draws.
    means
        The means, with their draws, at these and other levels.
    findings
        What limits the answer.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select(range(6)).first(60)
    >>> ages = {"participant": trials.participants, "age": [20, 25, 31, 38, 44, 52]}
    >>> fit = tw.fit(
    ...     tw.QLearning(initial=1.2), trials, formulas={"alpha": "age"}, participants=ages,
    ...     draws=50, tune=100, chains=2, progress=False,
    ... )
    >>> answer = tw.contrasts(fit, "alpha", by="age")
    >>> list(answer.tables()), list(answer.evidence["contrast"])
    (['levels', 'differences', 'evidence'], ['age + 1 SD', 'age + 1'])
    >>> answer.sentences[0].split(":")[0]
    'alpha, age + 1 SD'
    """

    fit: Fit = field(repr=False)
    what: str
    by: tuple[str, ...]
    levels: pd.DataFrame
    differences: pd.DataFrame
    evidence: pd.DataFrame
    terms: pd.DataFrame
    contrasts: tuple[Contrast, ...] = field(repr=False)
    means: Levels = field(repr=False)
    findings: tuple[Finding, ...] = ()

    contents = {
        "levels": "means at each level",
        "differences": "differences on each scale",
        "evidence": "direction, practical equivalence and Bayes factors",
        "terms": "one test for each effect of several dimensions",
    }

    @property
    def sentences(self) -> list[str]:
        """A sentence for each difference."""
        return [
            _sentence(self.what, contrast, row)
            for contrast, row in zip(self.contrasts, self.evidence.to_dict("records"), strict=True)
        ]

    def tables(self) -> dict[str, pd.DataFrame]:
        """``levels``, ``differences``, ``evidence`` and, where there are any, ``terms``."""
        tables = {"levels": self.levels, "differences": self.differences, "evidence": self.evidence}
        return tables | ({"terms": self.terms} if len(self.terms) else {})

    @property
    def headline(self) -> str:
        """The question, and the first answer."""
        by = f" by {' and '.join(self.by)}" if self.by else ""
        return f"Contrasts({self.what}{by}): {self.sentences[0]}"

    def __repr__(self) -> str:
        by = f" by {' and '.join(self.by)}" if self.by else ""
        return "\n".join(
            [f"Contrasts({self.what}{by})", *(f"  {line}" for line in (*self.sentences, *map(str, self.findings)))]
        )


def main_contrasts(fit: Fit) -> list[Contrasts]:
    """The contrasts that the formulas of a fit ask for: each parameter between the levels of each of its factors and along each of its
    numbers, over the others; empty without formulas."""
    models = {} if fit.design is None else fit.design.models
    return [
        contrasts(fit, name, by=each) for name, model in models.items() for each in (*model.factors, *model.numbers)
    ]


@expects(fit=FIT, what=NAME, by=NAME | several(NAME) | NONE, at=MAPPING | NONE, rope=NUMBER | several(NUMBER) | NONE)
def contrasts(
    fit: Fit,
    what: str,
    by: str | Sequence[str] | None = None,
    at: At | None = None,
    rope: float | Sequence[float] | None = None,
) -> Contrasts:
    r"""Compare a parameter between levels of groups, sessions and conditions, along covariates, or with another parameter.

    The mean of the parameter at a level is :math:`x'B` on the unconstrained scale (logit for 0 to 1, log for positive), from the
    coefficients B of the fit's formulas; over levels of factors that are not named the mean is taken, each with the same weight, and numbers
    that are not named are at their mean. Participants vary around it as Normal(:math:`x'B`, s²), and two different numbers describe them on the
    natural scale: their **median** :math:`g(x'B)` and their **mean** :math:`E\,g(u)`.

    The evidence for a difference :math:`\delta` has four parts. ``pd`` is the probability that it has the sign that it seems to have.
    ``in_rope`` is the probability that it is negligible. d is :math:`\delta` in units of the spread of participants. ``bf01`` is the Bayes
    factor for :math:`\delta = 0`, by the method of Savage and Dickey, which depends on the prior of :math:`\delta`; see how much in
    ``bf01_half`` and ``bf01_double``.

    Parameters
    ----------
    fit
        A fit with ``formulas``; for the difference of two parameters also one without.
    what
        A parameter, or the difference of two, ``"alpha_gain - alpha_loss"``; on the unconstrained scale only if both have the same range.
    by
        A covariate of its formula, or two for simple effects and differences of differences (interaction). Levels of factors are compared in
        pairs, the later one minus the earlier; the slope of a number is the change from its mean to one standard deviation, or one
        unit, above.
    at
        Values of covariates: of others, where the comparison is made, ``{"age": [20, 60]}``; of a number in ``by``, values that are
        compared; of a factor in ``by``, some of its levels.
    rope
        Differences on the unconstrained scale that are negligible: half the width, or the limits. By default 0.1 times the posterior
        median of the spread of participants (Kruschke 2018).

    Returns
    -------
    Contrasts
        Tables ``levels``, ``differences``, ``evidence`` and ``terms``; ``sentences``; ``plot()``.

    Raises
    ------
    UsageError
        Without formulas; for an unknown parameter, covariate or level; if the learner is not available.

    References
    ----------
    Kruschke (2018), Advances in Methods and Practices in Psychological Science 1:270 (practical equivalence); Wagenmakers et al. (2010), Cognitive
    Psychology 60:158 (Savage-Dickey).

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select(range(6)).first(60)
    >>> people = {"participant": trials.participants, "group": ["control", "patient"] * 3}
    >>> fit = tw.fit(
    ...     tw.QLearning(initial=1.2), trials, formulas={"alpha": "group"}, participants=people,
    ...     draws=50, tune=100, chains=2, progress=False,
    ... )
    >>> answer = tw.contrasts(fit, "alpha", by="group")
    >>> list(answer.levels["group"]), list(answer.evidence["contrast"])
    (['control', 'patient'], ['patient - control'])
    >>> list(answer.differences["scale"])
    ['logit', 'odds ratio', 'difference of medians', 'difference of population means', 'd']
    """
    if fit.pooling != "partial":
        raise UsageError(
            f"contrasts compare means of a group, and the fit has {Argument('pooling', fit.pooling)}: fit with ", Argument("pooling", "partial")
        )  # fmt: skip
    limits = _limits(rope)
    fit.learner_for("contrasts")
    asked = question(fit, what, by, at)
    levels = Levels(fit, asked)
    found = tuple(levels.contrast(comparison) for comparison in asked.comparisons())
    factors = _Factors(fit, levels)
    evidence = [_evidence(contrast, limits, factors) for contrast in found]
    terms = [
        {"term": name, "at": place, "dimensions": len(basis)}
        | _columns(factors.of([levels.contrast(comparison) for comparison in basis]))
        for name, place, basis in asked.terms()
    ]
    import pandas as pd

    return Contrasts(
        fit,
        asked.text,
        tuple(axis.name for axis in asked.axes[1:]),
        _levels_table(levels),
        pd.DataFrame([row for contrast in found for row in _rows(contrast)]),
        pd.DataFrame(evidence),
        pd.DataFrame(terms),
        found,
        levels,
        _findings(fit, found, evidence, terms, factors, limits),
    )


def _limits(rope: float | Sequence[float] | None) -> tuple[float, float] | None:
    """The limits of what is negligible, as asked for."""
    if rope is None:
        return None
    pair = (-float(rope), float(rope)) if NUMBER.holds(rope) else tuple(float(each) for each in rope)  # type: ignore[union-attr, arg-type]
    if len(pair) != 2 or not pair[0] < pair[1] or not np.isfinite(pair).all():
        raise UsageError(Argument("rope", rope), ": wanted half the width, ", Argument("rope", 0.1), ", or two limits, ", Argument("rope", (-0.1, 0.1)))  # fmt: skip
    return pair[0], pair[1]


class _Factors:
    """Bayes factors of differences, with what they share."""

    def __init__(self, fit: Fit, levels: Levels) -> None:
        population, self.design, self.group = fit.population, levels.design, levels.group
        self.mean, self.width = population.prior.mean, population.prior.width
        unknown = set(json.loads(fit.attrs["priors"])) - set(population.priors)
        unusual = {*population.unusual, *unknown}
        self.names = names_of_design(self.design).coefficients
        self.cells = np.array([term.cell for term in self.design.coefficients])
        self.unusual = np.array([name in unusual for name in self.names])
        self._conditionals: dict[tuple[str, ...], Conditional | None] = {}

    def of(self, contrasts: Sequence[Contrast]) -> BayesFactor | None:
        """The Bayes factor for all of these being 0; None if their prior is not Normal, or there is no such difference."""
        vectors = np.stack([contrast.vector for contrast in contrasts])
        used = np.any(abs(vectors) > _NOTHING, 0)
        same = all(contrast.same_scale for contrast in contrasts)
        if not same or np.linalg.matrix_rank(vectors) < len(vectors) or np.any(used & self.unusual):
            return None
        names = tuple(connected(self.design, {self.design.coefficients[f].parameter for f in np.flatnonzero(used)}))
        if names not in self._conditionals:
            others = [term.parameter in names for term in self.design.coefficients]
            normal = not np.any(self.unusual & others)
            self._conditionals[names] = (
                given_participants(self.design, self.mean, self.width, self.group, names) if normal else None
            )
        return bayes_factor(vectors, self.group.coefficients, self.mean, self.width, self._conditionals[names])

    def prior_width(self, contrast: Contrast) -> float:
        """The standard deviation of a difference before the data; NaN if its prior is not Normal."""
        if np.any(self.unusual & (abs(contrast.vector) > _NOTHING)):
            return float("nan")
        return float(np.sqrt(np.sum((contrast.vector * self.width) ** 2)))


def _columns(factor: BayesFactor | None) -> dict[str, object]:
    nan = float("nan")
    factor = BayesFactor(nan, nan, nan, nan, "", nan) if factor is None else factor
    return {
        "bf01": factor.bf01, "bf01_error": factor.error, "bf01_half": factor.half, "bf01_double": factor.double,
        "method": factor.method, "pareto_k": factor.pareto_k, "reliable": factor.reliable,
    }  # fmt: skip


def _evidence(contrast: Contrast, limits: tuple[float, float] | None, factors: _Factors) -> dict[str, object]:
    """The row of a difference in the table of evidence."""
    row: dict[str, object] = {"contrast": contrast.label, "at": contrast.at}
    if not contrast.same_scale:
        medians = contrast.on_scales()["difference of medians"]
        nan = dict.fromkeys(("in_rope", "rope_low", "rope_high", "in_rope_of_spread", "prior_width"), float("nan"))
        return row | {"pd": probability_of_direction(medians)} | nan | _columns(None)
    half = NEGLIGIBLE * float(np.median(contrast.spread))
    low, high = limits or (-half, half)
    return row | {
        "pd": probability_of_direction(contrast.link),
        "in_rope": inside(contrast.link, low, high),
        "rope_low": low,
        "rope_high": high,
        "in_rope_of_spread": inside(contrast.scaled, -NEGLIGIBLE, NEGLIGIBLE),
        "prior_width": factors.prior_width(contrast),
        **_columns(factors.of([contrast])),
    }


def _rows(contrast: Contrast) -> list[dict[str, object]]:
    """The rows of a difference in the table of differences."""
    return [
        {
            "contrast": contrast.label,
            "at": contrast.at,
            "scale": scale,
            **summarised(draws),
            "pd": probability_of_direction(draws, 1.0 if "ratio" in scale or "factor" in scale else 0.0),
        }
        for scale, draws in contrast.on_scales().items()
    ]


def _levels_table(levels: Levels) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for parameter, place in levels.asked.cells:
        mean = levels.mean(parameter, place)
        row: dict[str, object] = {"parameter": parameter, **dict(place), "participants": mean.patterns.participants}
        for name, draws in (("link", mean.link), ("median", mean.median), ("population", mean.population)):
            summary = summarised(draws)
            row |= {name: summary["mean"], f"{name}_low": summary["hdi_low"], f"{name}_high": summary["hdi_high"]}
        rows.append(row | {"spread": float(mean.spread.mean())})
    return pd.DataFrame(rows)


def _sentence(what: str, contrast: Contrast, row: Mapping[Hashable, object]) -> str:
    """A difference in words: on the natural scale, with its interval, and the probability of its direction."""
    scales = contrast.on_scales()
    scale = next((each for each in scales if "ratio" in each or each == "factor"), next(iter(scales)))
    summary = summarised(scales[scale])
    at = f" at {contrast.at}" if contrast.at else ""
    subject = contrast.label if contrast.label.lstrip("(").startswith(what) else f"{what}, {contrast.label}"
    name = "difference" if scale == SCALES["real"] else scale
    return (
        f"{subject}{at}: {name} {summary['median']:.2f} ({100 * HDI:.0f} % HDI {summary['hdi_low']:.2f} to {summary['hdi_high']:.2f}), "
        f"probability of direction {row['pd']:.3f}, BF01 {row['bf01']:.2g}"
    )


def _findings(
    fit: Fit,
    found: Sequence[Contrast],
    evidence: Sequence[Mapping[str, object]],
    terms: Sequence[Mapping[str, object]],
    factors: _Factors,
    limits: tuple[float, float] | None,
) -> tuple[Finding, ...]:
    """What limits the answer."""
    findings = []
    if problems := having(fit.findings, "problem"):
        sentence = f"the fit has {counted(len(problems), 'problem')}: {problems[0].brief}"
        findings.append(Finding("problem", "fit", sentence, "See tw.diagnose(fit) before relying on differences"))
    names = [contrast.label for contrast in found]
    zero = [c.label for c in found if c.same_scale and not np.any(abs(c.vector) > _NOTHING)]
    if zero:
        sentence = (
            f"no difference in this formula: {listed(dict.fromkeys(zero))} is 0 at the mean of the other covariates"
        )
        findings.append(
            Finding(
                "caution", "no-difference", sentence, Message("Choose where to compare: ", Argument("at", {"...": ...}))
            )
        )
    few = {place_text(mean.place) for c in found for _, mean in c.parts if mean.patterns.participants < FEW}
    if few:
        sentence = f"few participants: fewer than {FEW} at {listed(sorted(few))}, whose means lean on the prior"
        findings.append(Finding("caution", "few", sentence))
    if any(touches_zero(contrast.spread) for contrast in found):
        sentence = "the spread of participants touches 0: d, and the share of draws within 0.1 of it, are unstable"
        findings.append(
            Finding("caution", "spread", sentence, "Use in_rope, whose limits are on the unconstrained scale")
        )
    if any(c.same_scale and np.any(factors.cells & (abs(c.vector) > _NOTHING)) for c in found):
        sentence = "wide prior of differences: without an intercept each level has the prior of an intercept, independent of the others, so that Bayes factors favour no difference"
        findings.append(
            Finding("caution", "cells", sentence, "For tests fit a formula with an intercept; compare prior_width")
        )
    findings += _on_bayes_factors([*evidence, *terms], factors)
    if limits is None and any(c.same_scale for c in found):
        low = listed(
            dict.fromkeys(f"{row['rope_high']:.2g}" for row in evidence if row["rope_high"] == row["rope_high"])
        )
        sentence = (
            f"negligible is less than {NEGLIGIBLE} spreads of participants either way: {low} on the unconstrained scale"
        )
        findings.append(
            Finding("note", "rope", sentence, Message("Another region: ", Argument("rope", 0.2)), tuple(names))
        )
    return tuple(findings)


def _on_bayes_factors(rows: Sequence[Mapping[str, object]], factors: _Factors) -> list[Finding]:
    """How the Bayes factors were computed, and how much they depend on the prior."""
    findings: list[Finding] = []
    about = {id(row): f"{row.get('contrast', row.get('term'))}{' at ' if row['at'] else ''}{row['at']}" for row in rows}
    if np.any(factors.unusual):
        used = [name for name, unusual in zip(factors.names, factors.unusual, strict=True) if unusual]
        sentence = f"priors that are not Normal, or not available: {listed(used)}; differences that depend on them have no Bayes factor"
        findings.append(Finding("note", "no-bayes-factor", sentence))
    kernel = [about[id(row)] for row in rows if row["method"] == KERNEL]
    if kernel:
        sentence = (
            f"Bayes factors from a kernel estimate of the posterior, less precise than the exact one: {listed(kernel)}"
        )
        findings.append(Finding("note", "kernel", sentence, "", tuple(kernel)))
    unsure = [about[id(row)] for row in rows if row["method"] and not row["reliable"]]
    if unsure:
        sentence = f"Bayes factors known only roughly: {listed(unsure)}"
        findings.append(
            Finding(
                "caution", "bayes-factor", sentence, "Report them as very small, or sample more draws", tuple(unsure)
            )
        )
    turns = [
        about[id(row)] for row in rows if row["method"] and (float(row["bf01_half"]) - 1) * (float(row["bf01_double"]) - 1) < 0  # type: ignore[arg-type]
    ]  # fmt: skip
    if turns:
        sentence = f"the Bayes factor depends on the prior: with half and twice its standard deviation it favours different answers for {listed(turns)}"
        findings.append(
            Finding("caution", "prior", sentence, "Report bf01_half and bf01_double beside it", tuple(turns))
        )
    return findings
