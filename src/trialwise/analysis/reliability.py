"""Is a parameter the same from one session to the next: correlations of participants between sessions, free of the noise of trials."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.effects.answer import Measures, about_the_fit, beside_prior, check_common, model_of
from trialwise.analysis.effects.coefficients import covariance_of_effects
from trialwise.analysis.effects.evidence import summarised
from trialwise.analysis.effects.prior import prior_groups
from trialwise.analysis.effects.spread_at import columns_of, effects_at, rows_at
from trialwise.analysis.effects.touches import touches_zero
from trialwise.base.english import listed
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.expects import FLAG, NAME, expects
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding
from trialwise.inference.fitted import FIT, Fit
from trialwise.inference.point import point
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.designs.differences import value_text
from trialwise.population.designs.formula import quoted_name
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.population import GroupDraw

if TYPE_CHECKING:
    import pandas as pd

FEW = 10
"""Participants with both of two sessions below which it is noted."""

STARTS = 4
"""Starting points of separate estimates."""


@dataclass(frozen=True, eq=False, repr=False)
class Reliability(Measures):
    """How reliable a parameter is; see :func:`trialwise.reliability`.

    Attributes
    ----------
    fit
        The fit.
    what, over
        The parameter, and what is compared, such as sessions.
    table
        A row a measure: ``measure`` (``correlation`` of two levels, and over all of them ``ICC (consistency)`` and ``ICC (agreement)``),
        ``between``, the columns ``mean``, ``median``, ``sd``, ``hdi_low``, ``hdi_high`` (95 % highest-density interval), ``low``, ``high``
        (equal-tailed 89 %) of the posterior and the same of the prior, ``prior_median``, ``prior_low``, ``prior_high``; ``attenuated``, the
        correlation of separate estimates of each session, which the noise of trials makes too small; ``participants`` who have both.
    spreads
        A row a level: the spread of participants on the unconstrained scale, on which reliability rests.
    draws
        ``{"correlation: s1, s2": (posterior draws, prior draws)}``, by measure and what it is between.
    findings
        What limits the answer.

    Examples
    --------
    >>> list(tw.results.Reliability.contents)
    ['reliability', 'spreads']
    """

    over: str
    spreads: pd.DataFrame
    findings: tuple[Finding, ...] = ()

    contents = {
        "reliability": "posterior and prior of each measure",
        "spreads": "how much participants differ in each session",
    }

    def tables(self) -> dict[str, pd.DataFrame]:
        """``reliability`` (:attr:`table`) and ``spreads``."""
        return {"reliability": self.table, "spreads": self.spreads}

    @property
    def headline(self) -> str:
        """The first measure, with its prior."""
        row = self.table.iloc[0]
        return (
            f"Reliability({self.what} over {self.over}): {row['measure']} {row['between']} {row['median']:.2f} (95 % HDI {row['hdi_low']:.2f} to "
            f"{row['hdi_high']:.2f}; before the data {row['prior_median']:.2f}, {row['prior_low']:.2f} to {row['prior_high']:.2f})"
        )


@expects(fit=FIT, what=NAME, over=NAME, estimates=FLAG)
def reliability(fit: Fit, what: str, over: str, *, estimates: bool | None = None) -> Reliability:
    r"""The correlation of participants' parameters between sessions or conditions.

    From the covariance :math:`\Sigma` of participants' values on the unconstrained scale at the levels of ``over``, the correlation
    :math:`\Sigma_{ab} / \sqrt{\Sigma_{aa} \Sigma_{bb}}` of each pair, and over all levels the intraclass correlations: the mean covariance over the
    mean variance (consistency), or over the mean variance plus that of the levels' means (agreement). They concern the participants
    themselves, not their estimates, and are undefined where participants do not differ: see ``spreads`` first.

    Parameters
    ----------
    fit
        A fit with a formula such as ``{"alpha": "0 + session"}`` and ``correlated=True``.
    what
        A parameter.
    over
        The factor, which changes within participants.
    estimates
        Whether to estimate each session separately as well, for comparison; by default unless the learner makes a hidden choice, with which it
        takes minutes, as a note then says.

    Returns
    -------
    Reliability
        ``table``, ``spreads`` and ``plot()``, in which prior and posterior stand side by side.

    Raises
    ------
    UsageError
        Without such a formula; if the model decides the correlation in advance, as without ``correlated=True``.
    ModelError
        If the learner has changed since it was fitted, and its likelihood is not finite at plausible parameters.

    References
    ----------
    Rouder & Haaf (2019), Psychonomic Bulletin & Review 26:452.

    Examples
    --------
    >>> values = {"alpha": [0.1, 0.3, 0.5, 0.8], "beta": 0.2, "forget": 0}
    >>> table = tw.simulate(tw.QLearning(), tw.environments.RestlessBandit(trials=40), values, seed=1).trials.to_frame()
    >>> table["session"] = (["s1"] * 20 + ["s2"] * 20) * 4
    >>> fit = tw.fit(
    ...     tw.QLearning(), tw.read_long(table, session="session"), formulas={"alpha": "0 + session"}, correlated=True,
    ...     draws=50, tune=100, chains=2, progress=False,
    ... )
    >>> answer = tw.reliability(fit, "alpha", over="session")
    >>> list(answer.table["measure"]), answer.table["between"][0], list(answer.spreads["session"])
    (['correlation', 'ICC (consistency)', 'ICC (agreement)'], 's1, s2', ['s1', 's2'])
    """
    fit.learner_for("reliability")
    model, levels = _levels(fit, what, over)
    assert fit.design is not None
    design = fit.design.design
    having_all = [dict(effects_at(design, what, model, {over: level})) for level in levels]
    group, prior = fit.draws.groups(), prior_groups(fit.population)
    posterior, before = (_covariances(fit, having_all, each) for each in (group, prior))
    means = [np.stack([each.coefficients @ model.at({over: level}) for level in levels], -1) for each in (group, prior)]
    _check_structure(before, what, over)
    quick = likelihood_of(fit.learner_for("reliability"), fit.trials).exact
    wanted = quick if estimates is None else estimates
    separate = _separate(fit, what, model, over, levels) if wanted else np.full((len(levels),) * 2, np.nan)
    names, pairs, extra = [], [], []
    for a, b in combinations(range(len(levels)), 2):
        names.append(("correlation", f"{value_text(levels[a])}, {value_text(levels[b])}"))
        pairs.append(
            tuple(each[..., a, b] / np.sqrt(each[..., a, a] * each[..., b, b]) for each in (posterior, before))
        )
        extra.append({"attenuated": separate[a, b], "participants": len(having_all[a].keys() & having_all[b].keys())})
    for measure, agreement in (("ICC (consistency)", False), ("ICC (agreement)", True)):
        names.append((measure, "all"))
        pairs.append(
            tuple(
                _icc(each, mean if agreement else None) for each, mean in zip((posterior, before), means, strict=True)
            )
        )
        extra.append({"attenuated": float("nan"), "participants": len(set.intersection(*map(set, having_all)))})
    import pandas as pd

    rows: list[dict[str, object]] = [
        {"measure": measure, "between": between, **beside_prior(pair), **more}
        for (measure, between), pair, more in zip(names, pairs, extra, strict=True)
    ]
    spread = np.sqrt(np.diagonal(posterior, axis1=-2, axis2=-1))
    spreads = pd.DataFrame([{over: level, **summarised(spread[..., k])} for k, level in enumerate(levels)])
    draws = {": ".join(name): pair for name, pair in zip(names, pairs, strict=True)}
    findings = _findings(fit, levels, spread, rows, estimates is None and not quick)
    return Reliability(fit, what, pd.DataFrame(rows), draws, over, spreads, findings)


def _levels(fit: Fit, what: str, over: str) -> tuple[ParameterModel, tuple[Hashable, ...]]:
    """How the parameter depends on covariates, and the levels that are compared, after checking the question."""
    advice = _advice(what, over)
    model = model_of(fit, what, ", so that there is one value of each participant", advice)
    check_common(fit, model, over, advice)
    if not model.factors:
        raise UsageError(f"{what} has no formula with levels: fit again with ", advice)
    if over not in model.factors:
        raise UsageError(
            f"{what} has no levels of {over!r}. {did_you_mean(over, model.factors, f'factors in the formula of {what}')}"
        )
    return model, model.factors[over]


def _advice(what: str, over: str) -> Message:
    """What to fit, to ask for reliability."""
    return Message(Argument("formulas", {what: f"0 + {quoted_name(over)}"}), ", ", Argument("correlated", True))


def _covariances(fit: Fit, levels: Sequence[dict[int, np.ndarray]], group: GroupDraw) -> np.ndarray:
    """The covariance of participants' values between levels, ``(chains, draws, levels, levels)``: the mean over those who have both."""
    assert fit.design is not None
    effects = covariance_of_effects(fit.design.design, group.spreads, group.correlations)
    total = np.full((*effects.shape[:2], len(levels), len(levels)), np.nan)
    for a, first in enumerate(levels):
        for b, second in enumerate(levels):
            both = sorted(first.keys() & second.keys())
            if both:
                products = np.mean([np.outer(first[n].mean(0), second[n].mean(0)) for n in both], 0)
                total[..., a, b] = np.einsum("ij,...ij->...", products, effects)
    return total


def _check_structure(prior: np.ndarray, what: str, over: str) -> None:
    """Refuse models in which correlations are decided before the data."""
    advice = Message("fit again with ", _advice(what, over))
    for a, b in combinations(range(prior.shape[-1]), 2):
        r = prior[..., a, b] / np.sqrt(prior[..., a, a] * prior[..., b, b])
        if np.isnan(r).all():
            raise UsageError(
                f"no participant has two of the levels of {over}, so that there is no correlation between them"
            )
        if np.nanmin(r) > 1 - 1e-9:
            raise UsageError(
                f"in the fit participants differ by the same amount in each {over}, so that the correlation is 1: ",
                advice,
            )
        if np.nanmax(abs(r)) < 1e-9:
            raise UsageError(
                f"in the fit participants' values of {what} in each {over} are independent of each other: ", advice
            )


def _icc(covariance: np.ndarray, means: np.ndarray | None) -> np.ndarray:
    """The mean covariance over the mean variance, to which the variance of the means is added if they are given."""
    count = covariance.shape[-1]
    variance = np.mean(np.diagonal(covariance, axis1=-2, axis2=-1), -1)
    others = covariance[..., ~np.eye(count, dtype=bool)].mean(-1)
    return np.asarray(others / (variance + (0.0 if means is None else means.var(-1, ddof=1))))


def _separate(fit: Fit, what: str, model: ParameterModel, over: str, levels: Sequence[Hashable]) -> np.ndarray:
    """Correlations between levels of estimates of each row of parameters on its own (maximum a posteriori, unconstrained scale)."""
    assert fit.design is not None
    design, population = fit.design.design, fit.population
    table = point(fit.learner_for("reliability"), fit.trials, starts=STARTS).maximum_a_posteriori
    columns = columns_of(design, what)
    u = np.stack([population.base[what].unconstrain(table[fit.parameters[k]].to_numpy()) for k in columns], -1)
    values = np.full((len(levels), design.participants), np.nan)
    for k, level in enumerate(levels):
        chosen = rows_at(design, what, model, {over: level})
        for n in range(design.participants):
            own = u[design.owner == n][chosen[design.owner == n]]
            values[k, n] = own.mean() if len(own) else np.nan
    result = np.full((len(levels), len(levels)), np.nan)
    for a, b in combinations(range(len(levels)), 2):
        both = np.isfinite(values[a]) & np.isfinite(values[b])
        if both.sum() > 2 and values[a][both].std() > 0 and values[b][both].std() > 0:
            result[a, b] = result[b, a] = np.corrcoef(values[a][both], values[b][both])[0, 1]
    return result


def _findings(
    fit: Fit, levels: Sequence[Hashable], spread: np.ndarray, rows: Sequence[dict[str, object]], left_out: bool
) -> tuple[Finding, ...]:
    findings = about_the_fit(fit)
    zero = [value_text(level) for k, level in enumerate(levels) if touches_zero(spread[..., k])]
    if zero:
        sentence = f"the spread of participants touches 0 at {listed(zero)}: reliability is not defined without differences between participants"
        findings.append(Finding("caution", "spread", sentence, "Report the spread first", tuple(zero)))
    few = [str(row["between"]) for row in rows if int(str(row["participants"])) < FEW]
    if few:
        sentence = f"few participants: fewer than {FEW} have all of {listed(dict.fromkeys(few), 'or')}"
        findings.append(Finding("caution", "few", sentence, "Compare with the prior beside it"))
    if any(row["attenuated"] == row["attenuated"] for row in rows):
        sentence = "attenuated: correlations of separate estimates, which the noise of trials makes smaller than those of participants"
        findings.append(Finding("note", "attenuated", sentence))
    if left_out:
        sentence = (
            "attenuated: separate estimates of sessions were left out, since with a hidden choice they take minutes"
        )
        findings.append(
            Finding("note", "no-estimates", sentence, Message("Ask for them with ", Argument("estimates", True)))
        )
    return tuple(findings)
