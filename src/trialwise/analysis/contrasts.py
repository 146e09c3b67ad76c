"""Do groups differ, does it go with age, does the drug change it: differences between levels and between parameters, with the evidence for them."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.effects.answer import Answer
from trialwise.analysis.effects.bayes_factors import BayesFactors, columns_of_factor
from trialwise.analysis.effects.levels import Contrast, Levels, Means
from trialwise.analysis.effects.limits import limits_of
from trialwise.analysis.effects.question import At, question
from trialwise.analysis.effects.tables import difference_rows, evidence_row, levels_table, sentence
from trialwise.base.english import listed
from trialwise.base.errors import UsageError
from trialwise.base.expects import MAPPING, NAME, NONE, NUMBER, expects, several
from trialwise.base.message import Argument
from trialwise.base.result import Finding
from trialwise.inference.fitted import FIT, Fit
from trialwise.population.designs.parameter_model import ParameterModel

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Contrasts(Answer):
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
        A row a difference and scale: ``by`` (the covariates along which it is taken), ``contrast``, ``at``, ``scale``, ``mean``, ``median``, ``sd``, ``hdi_low`` and ``hdi_high`` (95 %
        highest-density interval), ``low`` and ``high`` (equal-tailed 89 %), ``pd`` (probability of its direction). Scales: that of the link
        (``logit``, ``log``); ``odds ratio`` or ``factor``; ``difference of medians`` and ``difference of population means`` on the natural
        scale; ``d``, in units of the spread of participants.
    evidence
        A row a difference, ``by``, ``contrast`` and ``at``: ``pd``; ``in_rope``, the share of draws between ``rope_low`` and ``rope_high`` on the unconstrained scale;
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
            sentence(self.what, contrast, row)
            for contrast, row in zip(self.contrasts, self.evidence.to_dict("records"), strict=True)
        ]

    @property
    def tests(self) -> list[str]:
        """A sentence for each effect of several dimensions, with its Bayes factor."""
        return [
            f"{self.what}, no effect of {row['term']}{' at ' if row['at'] else ''}{row['at']}: BF01 {row['bf01']:.2g}"
            for row in self.terms.to_dict("records")
            if np.isfinite(row["bf01"])
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
            [
                f"Contrasts({self.what}{by})",
                *(f"  {line}" for line in (*self.sentences, *self.tests, *map(str, self.findings))),
            ]
        )


def main_contrasts(fit: Fit) -> list[Contrasts]:
    """The contrasts that the formulas of a fit ask for: each parameter between the levels of each of its factors and along each of its
    numbers, over the others, and for each product simple effects and differences of differences; empty without formulas."""
    if fit.design is None:
        return []
    means = Means(fit)
    factors = BayesFactors(means)
    return [
        _answer(means, factors, name, by, at, None)
        for name, model in fit.design.models.items()
        for by, at in [*((each, {}) for each in (*model.factors, *model.numbers)), *_products(model)]
    ]


def differences_of_several(found: Sequence[Contrasts]) -> pd.DataFrame:
    """The differences of several answers on every scale, with their parameter."""
    return _joined([each.differences.assign(parameter=each.what) for each in found])


def evidence_of_several(found: Sequence[Contrasts]) -> pd.DataFrame:
    """The evidence for the differences of several answers, with their parameter; effects of several dimensions are called any difference."""
    tables = []
    for each in found:
        terms = each.terms.rename(columns={"term": "by"}).assign(contrast="any difference")
        tables += [table.assign(parameter=each.what) for table in (each.evidence, terms) if len(table)]
    return _joined(tables)


def _joined(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    table = pd.concat(tables, ignore_index=True).drop_duplicates(ignore_index=True)
    return table[["parameter", *(name for name in table if name != "parameter")]]


def findings_of_several(found: Sequence[Contrasts]) -> list[Finding]:
    """What limits the sentences of several answers, each finding once, with what it is about; without the fit's own problems, and without
    what limits d, which is in no sentence."""
    about: dict[tuple[str, str], list[str]] = {}
    first: dict[tuple[str, str], Finding] = {}
    for contrasts in found:
        for finding in contrasts.findings:
            if finding.code not in ("fit", "spread"):
                key = finding.sentence, str(finding.advice)
                about.setdefault(key, []).append(f"{contrasts.what} by {' and '.join(contrasts.by)}")
                first.setdefault(key, finding)
    return [
        replace(finding, sentence=f"{listed(dict.fromkeys(about[key]))}: {finding.sentence}")
        for key, finding in first.items()
    ]


def _products(model: ParameterModel) -> Iterator[tuple[list[str], dict[str, list[Hashable]]]]:
    """The pairs of covariates of which a formula has products, and where those are compared that depend on a third: at each level of a
    factor, one standard deviation below and above the mean of a number."""
    levels: dict[str, list[Hashable]] = {name: [*each] for name, each in model.factors.items()}
    levels |= {name: [mean - sd, mean + sd] for name, (mean, sd) in model.numbers.items()}
    for columns in model.products:
        for pair in itertools.combinations(columns, 2):
            yield list(pair), {name: levels[name] for name in columns if name not in pair}


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
        Tables ``levels``, ``differences``, ``evidence`` and ``terms``; ``sentences`` and ``tests``, which are terms in words; ``plot()``.

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
    means = Means(fit)
    return _answer(means, BayesFactors(means), what, by, at, limits)


def _answer(
    means: Means,
    factors: BayesFactors,
    what: str,
    by: str | Sequence[str] | None,
    at: At | None,
    limits: tuple[float, float] | None,
) -> Contrasts:
    """The answer to a question."""
    import pandas as pd

    asked = question(means.fit, what, by, at)
    levels = Levels(means, asked)
    found = tuple(levels.contrast(comparison) for comparison in asked.comparisons())
    evidence = [evidence_row(contrast, limits, factors) for contrast in found]
    terms = [
        {"term": name, "at": place, "dimensions": len(basis)}
        | columns_of_factor(factors.of([levels.contrast(comparison) for comparison in basis]))
        for name, place, basis in asked.terms()
    ]
    return Contrasts(
        means.fit,
        asked.text,
        tuple(axis.name for axis in asked.axes[1:]),
        levels_table(levels),
        pd.DataFrame([row for contrast in found for row in difference_rows(contrast)]),
        pd.DataFrame(evidence),
        pd.DataFrame(terms),
        found,
        levels,
        limits_of(levels, found, evidence, terms, factors, limits),
    )


def _limits(rope: float | Sequence[float] | None) -> tuple[float, float] | None:
    """The limits of what is negligible, as asked for."""
    if rope is None:
        return None
    pair = (-float(rope), float(rope)) if NUMBER.holds(rope) else tuple(float(each) for each in rope)  # type: ignore[union-attr, arg-type]
    if len(pair) != 2 or not pair[0] < pair[1] or not np.isfinite(pair).all():
        raise UsageError(Argument("rope", rope), ": wanted half the width, ", Argument("rope", 0.1), ", or two limits, ", Argument("rope", (-0.1, 0.1)))  # fmt: skip
    return pair[0], pair[1]
