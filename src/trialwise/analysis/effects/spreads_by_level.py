r"""Whether participants at some levels of a factor differ from each other more than those at others, although a fit has one spread for all.

A participant's effect :math:`v_n`, in units of the common spread :math:`\sigma`, has the posterior mean :math:`\bar z_n` and, at a given
:math:`\sigma`, the variance :math:`1 - \lambda_n`, where :math:`\lambda_n` is the share of the variance between participants that the
participant's own data show; over all :math:`\sigma` the variance is larger, most of all for participants far from the mean.
Under the model :math:`x_n = \bar z_n / \sqrt{\lambda_n}` is standard Normal: shrinkage, which hides large spreads, is undone. With
:math:`s_l^2 = \sum \lambda_n (x_n - \bar x_l)^2 / \sum \lambda_n` over the participants of a level, of which :math:`\bar x_l` is the mean with
the same weights, and weights
:math:`A_l = (\sum \lambda_n)^2 / (2 \sum \lambda_n^2)`, the statistic is that of a score test of equal spreads,

.. math:: T = \sum_l A_l \Bigl(\log s_l^2 - \sum_k A_k \log s_k^2 \Big/ \sum_k A_k\Bigr)^2,

compared with its values for simulated standard Normal :math:`x_n`: a posterior predictive check of the spread by level.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from trialwise.base.english import listed
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding
from trialwise.base.streams import stream
from trialwise.inference.fitted import Fit
from trialwise.population.design import Design
from trialwise.population.designs.formula import quoted_name
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.designs.stored import StoredDesign
from trialwise.population.names import spread_name

RARE = 0.05
"""Probability with which any finding is made where spreads are equal, shared among all pairs of a parameter and a factor."""

FEWEST = 4
"""Participants at a level without which its spread is not looked at."""

TELLING = 0.5
"""Mean share of the variance between participants that their data show, below which nothing is said: where the data say little, so do
differences of spreads, and the common spread is not known well enough."""

SIMULATED = 4000

BINS = 20
"""Groups of draws with similar spreads, within which the variance of a participant's effect is taken."""


@dataclass(frozen=True)
class SpreadsByLevel:
    """How much participants at each level of a factor differ from each other in a parameter with a common spread.

    Attributes
    ----------
    parameter, factor
        Their names.
    levels
        Levels of the factor.
    ratios
        The spread at each, in units of the common one.
    probability
        Of spreads that seem to differ as much if they are equal.
    """

    parameter: str
    factor: str
    levels: tuple[Hashable, ...]
    ratios: tuple[float, ...]
    probability: float


def spreads_by_level(fit: Fit) -> list[SpreadsByLevel]:
    """The spreads at the levels of each factor that is constant within participants, of parameters with a common spread."""
    stored = fit.design
    if stored is None:
        return []
    factors = [each for each in stored.covariates if each.place == "participant" and each.levels]
    found = []
    for name, model in stored.models.items():
        if not model.own.intercept or spread_name(name) in stored.formulas:
            continue
        z, spread = standardised(fit, stored.design, model)
        for factor in factors:
            groups = [np.array([value == level for value in factor.values]) for level in factor.levels]
            known = np.isfinite(z).all(0)
            groups = [np.flatnonzero(own & known) for own in groups]
            if min(map(len, groups)) >= FEWEST:
                measured = compared_spreads(
                    z, spread, groups, int(fit.attrs.get("seed", 0)), f"{name} by {factor.name}"
                )
                if measured is not None:
                    found.append(SpreadsByLevel(name, factor.name, factor.levels, *measured))
    return found


def standardised(fit: Fit, design: Design, model: ParameterModel) -> tuple[np.ndarray, np.ndarray]:
    """Participants' effects on the intercept of a parameter in units of their spread, ``(draws, participants)``, and the spread,
    ``(draws,)``; NaN for participants who have fewer values than effects, as for one with a single session."""
    group = fit.draws.groups()
    columns = [k for k, column in enumerate(design.columns) if column.parameter == model.parameter]
    effects = range(model.first_effect, model.first_effect + len(model.own.labels()))
    deviation = (group.u - design.centre(group.coefficients)).reshape(-1, design.rows, len(design.columns))
    spread = group.spreads.reshape(len(deviation), -1)[:, model.first_effect]
    z = np.full((len(deviation), design.participants), np.nan)
    for n in range(design.participants):
        rows = np.flatnonzero(design.owner == n)
        own = design.random[np.ix_(rows, columns, list(effects))].reshape(-1, len(effects))
        if np.linalg.matrix_rank(own) == len(effects):
            values = deviation[:, rows][:, :, columns].reshape(len(deviation), -1)
            z[:, n] = values @ np.linalg.pinv(own)[0] / spread
    return z, spread


def compared_spreads(
    z: np.ndarray, spread: np.ndarray, groups: Sequence[np.ndarray], seed: int, label: str = ""
) -> tuple[tuple[float, ...], float] | None:
    """The spread of each group in units of the common one, and the probability of such differences; None where data say too little.

    Parameters
    ----------
    z
        Standardised effects, ``(draws, participants)``.
    spread
        The common spread, ``(draws,)``.
    groups
        The participants of each group, as indices.
    seed, label
        Of the simulated data.
    """
    everyone = np.concatenate(groups)
    share = np.clip(1.0 - _variance_at(z, spread), 1e-3, 1.0)
    if share[everyone].mean() < TELLING:
        return None
    x = z.mean(0) / np.sqrt(share)
    observed, spreads = _statistic(x[None], share, groups)
    random = stream(seed, "spreads by level", label).standard_normal((SIMULATED, z.shape[1]))
    simulated, _ = _statistic(random, share, groups)
    probability = (1 + int((simulated >= observed[0]).sum())) / (SIMULATED + 1)
    return tuple(float(each) for each in spreads[:, 0]), probability


def _variance_at(z: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The mean variance of each participant's effect among draws with similar spreads, ``(participants,)``."""
    bins = np.array_split(np.argsort(spread), max(min(BINS, len(z) // 5), 1))
    return np.asarray(sum(len(own) * z[own].var(0, ddof=1) for own in bins) / len(z))


def _statistic(x: np.ndarray, share: np.ndarray, groups: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """T ``(data sets,)``, and the spread of each group ``(groups, data sets)``, of ``x (data sets, participants)``."""
    logs, weights = [], []
    for own in groups:
        part = share[own]
        away = x[:, own] - (x[:, own] @ part / part.sum())[:, None]
        logs.append(np.log((part * away**2).sum(1) / (part.sum() - (part**2).sum() / part.sum())))
        weights.append(part.sum() ** 2 / (2 * (part**2).sum()))
    variance, weight = np.array(logs), np.array(weights)[:, None]
    mean = (weight * variance).sum(0) / weight.sum(0)
    return (weight * (variance - mean) ** 2).sum(0), np.exp(variance / 2)


def unequal_spreads(fit: Fit) -> list[Finding]:
    """Cautions about spreads that differ between levels, with the formula that gives each level its own."""
    tested = spreads_by_level(fit)
    findings = []
    for each in tested:
        if each.probability >= RARE / len(tested):
            continue
        stored = fit.design
        assert stored is not None
        ratios = (f"{ratio:.2f} at {level}" for ratio, level in zip(each.ratios, each.levels, strict=True))
        sentence = (
            f"participants differ more in {each.parameter} at some levels of {each.factor}: spreads of {listed(ratios)} times the common one, where "
            f"equal spreads would seem as different with a probability of {each.probability:.2g}"
        )
        advice = Message(
            "Give each level its own spread, ", Argument("formulas", _advised(stored, each.parameter, each.factor))
        )
        findings.append(Finding("caution", "unequal-spreads", sentence, advice, (each.parameter, each.factor)))
    return findings


def _advised(stored: StoredDesign, parameter: str, factor: str) -> dict[str, str]:
    """The formulas of a fit with a spread of a parameter for each level of a factor: a formula of its own, unless that of the parameter has a
    part of participants, in which the levels then take the place of the intercept."""
    term = quoted_name(factor)
    text = stored.formulas.get(parameter, "")
    if part := re.search(r"\(([^()|]*)\|", text):
        rest = [each.strip() for each in part[1].split("+") if each.strip() not in ("", "1")]
        inside = " + ".join(["0", term, *rest])
        return {**stored.formulas, parameter: f"{text[: part.start()]}({inside} |{text[part.end() :]}"}
    return {**stored.formulas, spread_name(parameter): term}
