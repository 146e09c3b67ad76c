"""Is a fit reliable? Convergence of chains, sampler statistics, and what the data add to the prior, in one call."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.effects.prior_driven import effects_of, prior_driven
from trialwise.analysis.effects.spreads_by_level import unequal_spreads
from trialwise.base.expects import expects
from trialwise.base.result import Finding, Result, having
from trialwise.inference import diagnostics
from trialwise.inference.draws import labelled, row_label, variables_of
from trialwise.inference.fitted import FIT, Fit
from trialwise.population.names import mean_name, median_name, names_of_design

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

FIRST, LAST = 0.1, 0.5
"""Shares of a chain that Geweke's diagnostic compares."""

DRAWS = 20_000
"""Draws of each prior with which posteriors are compared."""

STATS = {
    "diverging": ("divergences", "sum"),
    "mean_tree_accept": ("acceptance", "mean"),
    "acceptance_rate": ("acceptance", "mean"),
    "depth": ("depth", "mean"),
    "maxdepth_reached": ("cut_short", "mean"),
    "n_steps": ("steps", "mean"),
}
"""Sampler statistics: the sampler's name, the name in the table, and the summary over a chain's draws."""

TRADE_OFF = ("learning rate", "inverse temperature")
"""First words of the roles of parameters that are known to trade off."""

OF_PARTICIPANTS = ("renewal",)
"""Attributes of a fit that have a number for each participant."""


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Result):
    """The result of a diagnosis.

    Attributes
    ----------
    fit
        The fit that was diagnosed.
    table
        A row a parameter of the group: ``mean``, ``sd``, ``mcse`` (Monte Carlo standard error of the mean), rank-normalised split
        ``r_hat``, ``ess_bulk``, ``ess_tail`` (Vehtari et al. 2021), ``geweke`` (:func:`geweke`), ``autocorrelation`` (number of
        draws equivalent to one independent draw), ``overlap`` (:func:`overlap` of prior and posterior; NaN if the prior is not
        available).
    sampler
        A row a chain: ``divergences``, ``e_bfmi``, ``acceptance``, ``depth`` and ``steps`` of trajectories (means), ``cut_short``
        (share of draws at the maximum depth); of particle Gibbs only ``divergences`` and ``acceptance``.
    correlations
        A row a pair of parameters, the strongest first: ``first``, ``second``, ``level`` (``"group"``, or ``"within
        participants"``: averaged over participants), ``correlation`` (of ranks), ``known`` (explanation, if it is the known
        trade-off between learning rate and inverse temperature).
    participants
        A row a participant, or a session of one with columns that say which, the worst first: ``parameter`` (the one with the fewest effective draws), its ``r_hat``, ``ess_bulk``,
        ``ess_tail``; ``away``, the distance of the most unusual parameter from the group's mean, in group standard deviations,
        and ``which`` parameter this is; of particle Gibbs also ``renewal``, the share of sweeps in which the hidden choice was drawn anew
        on the trial where that is rarest. Empty if all participants share their parameters.
    findings
        Problems with the draws, causes first, as in ``fit.problems``; cautions on what the data cannot identify even if the draws
        are right; further notes on the fit.
    effects
        Of a fit with formulas, a row a difference of levels or a slope: ``parameter``, ``effect``, posterior ``mean`` and ``sd``, and
        ``prior_width``, on the unconstrained scale, and ``ratio``, of both: near 1 the prior drives the effect. None without.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> diagnosis = tw.diagnose(fit)
    >>> {name: len(table) for name, table in diagnosis.tables().items()}
    {'diagnosis': 9, 'chains': 2, 'correlations': 18, 'participants': 3}
    """

    fit: Fit = field(repr=False)
    table: pd.DataFrame
    sampler: pd.DataFrame
    correlations: pd.DataFrame
    participants: pd.DataFrame
    findings: tuple[Finding, ...] = ()
    effects: pd.DataFrame | None = None

    contents = {
        "diagnosis": "the parameters of the group",
        "chains": "statistics of the sampler, a row a chain",
        "correlations": "correlations, the strongest first",
        "participants": "participants, the least certain first",
        "effects": "effects of the formulas before and after the data",
    }

    @property
    def problems(self) -> tuple[Finding, ...]:
        """Problems with the draws, causes first."""
        return having(self.findings, "problem")

    @property
    def cautions(self) -> tuple[Finding, ...]:
        """Findings on what the data cannot identify."""
        return having(self.findings, "caution")

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the fit."""
        return tuple(finding.sentence for finding in having(self.findings, "note"))

    @property
    def advice(self) -> list[tuple[str, str]]:
        """For each problem and caution, the finding and what to try, in order of priority."""
        return [(finding.sentence, finding.advice) for finding in (*self.problems, *self.cautions)]

    @cached_property
    def verdict(self) -> str:
        """Whether the fit can be relied on, in one paragraph."""
        return diagnostics.verdict(self.problems, self.cautions, self.table, len(self.sampler))

    def tables(self) -> dict[str, pd.DataFrame]:
        """``diagnosis`` (:attr:`table`), ``chains`` (:attr:`sampler`), ``correlations``, ``participants`` and, with formulas, ``effects``."""
        tables = {
            "diagnosis": self.table,
            "chains": self.sampler,
            "correlations": self.correlations,
            "participants": self.participants,
        }
        return tables if self.effects is None else tables | {"effects": self.effects}

    @property
    def headline(self) -> str:
        """The verdict."""
        return self.verdict

    def __repr__(self) -> str:
        paragraphs = [self.verdict, *(f"{n}. {words}.\n{cure}" for n, (words, cure) in enumerate(self.advice, 1))]
        text = "\n".join(textwrap.fill(line, 100) for each in paragraphs for line in each.split("\n"))
        return f"Diagnosis(problems: {len(self.problems)}, cautions: {len(self.cautions)})\n{text}"


@expects(fit=FIT)
def diagnose(fit: Fit) -> Diagnosis:
    """Check whether a fit is reliable.

    Parameters
    ----------
    fit
        Any fit.

    Returns
    -------
    Diagnosis
        ``verdict`` is a summary in one paragraph; ``advice`` lists what to try, in order; the tables contain the numbers, and
        ``plot()`` shows them.

    Raises
    ------
    ModelError
        If the learner has changed since it was fitted, and its likelihood is not finite at plausible parameters.

    References
    ----------
    Vehtari et al. (2021), Bayesian Analysis 16:667.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> diagnosis = tw.diagnose(fit)
    >>> list(diagnosis.table.index[:3]), len(diagnosis.sampler)
    (['alpha_group', 'beta_group', 'forget_group'], 2)
    >>> all(advice for _, advice in diagnosis.advice)
    True
    """
    table, chains, pairs, effects = _table(fit), _sampler(fit.tree), _correlations(fit), effects_of(fit)
    cut = chains.get("cut_short")
    cautions = (
        *_uninformative(fit),
        *diagnostics.untold(table["overlap"].drop(_coded(fit), errors="ignore")),
        *prior_driven(effects),
        *unequal_spreads(fit),
        *diagnostics.ridges(pairs),
        *diagnostics.cut_short(0.0 if cut is None else float(cut.mean())),
    )
    sentences = {finding.sentence for finding in cautions}
    of_fit = (note for note in having(fit.findings, "note") if note.code != "reading")
    notes = (note for note in of_fit if note.sentence not in sentences)
    findings = (*having(fit.findings, "problem"), *cautions, *notes)
    return Diagnosis(fit, table, chains, pairs, _participants(fit), findings, effects if len(effects) else None)


def _coded(fit: Fit) -> list[str]:
    """Coefficients of coded columns, of which :func:`prior_driven` speaks as differences of levels and slopes."""
    if fit.design is None:
        return []
    design = fit.design.design
    pairs = zip(names_of_design(design).coefficients, design.coefficients, strict=True)
    return [name for name, term in pairs if not term.like_intercept]


def geweke(draws: np.ndarray) -> float:
    r"""Geweke's diagnostic of drift: the first tenth of each chain against its last half (Geweke 1992, Bayesian Statistics 4:169).

    .. math::

        z = (\bar a - \bar b) \,/ \sqrt{\mathrm{mcse}(a)^2 + \mathrm{mcse}(b)^2}

    Parameters
    ----------
    draws
        ``(chains, draws)``.

    Returns
    -------
    float
        The z of largest absolute value among the chains. For a single stationary chain it is about standard normal, so that one of
        many often exceeds 2; NaN if a tenth of a chain is fewer than four draws.
    """
    from arviz_stats.base import array_stats

    length = draws.shape[1]
    first, last = draws[:, : int(FIRST * length)], draws[:, length - int(LAST * length) :]
    if first.shape[1] < 4:
        return float("nan")
    z = np.zeros(len(draws))
    for n, (a, b) in enumerate(zip(first, last, strict=True)):
        error = np.hypot(*(array_stats.mcse(part, chain_axis=None, draw_axis=-1, method="mean") for part in (a, b)))
        gap = a.mean() - b.mean()
        z[n] = gap / error if error > 0 else np.sign(gap) * np.inf if gap else 0.0
    return float(z[np.argmax(abs(z))])


def overlap(posterior: np.ndarray, prior: np.ndarray) -> float:
    r"""Overlap of posterior and prior: the area below both densities, 0 to 1; near 1 the posterior is essentially the prior.

    .. math::

        \int \min(p(x), q(x))\,dx

    It is computed on the scale of the prior's ranks, on which the prior is uniform between 0 and 1: the area is the same on any
    scale, and on this one bounds and long tails need no special treatment.

    Parameters
    ----------
    posterior, prior
        Draws of each, one-dimensional.

    Returns
    -------
    float
        Between 0 and 1.
    """
    from arviz_stats.base import array_stats

    ranks = np.searchsorted(np.sort(prior), posterior) / len(prior)
    if np.ptp(ranks) == 0:
        return 0.0
    grid, density, _ = array_stats.kde(ranks, custom_lims=(0.0, 1.0), bound_correction=True)
    return float(np.trapezoid(np.minimum(density, 1.0), grid))


def _table(fit: Fit) -> pd.DataFrame:
    from arviz_stats.base import array_stats

    table = fit.group()[["mean", "sd", "mcse_mean", "r_hat", "ess_bulk", "ess_tail"]]
    table = table.rename(columns={"mcse_mean": "mcse"}).rename_axis("parameter")
    names = variables_of(table.index, fit.tree["posterior"].data_vars)
    draws = labelled(fit.tree, names)
    priors = _priors(fit)
    for label in table.index:
        values = draws[label]
        table.loc[label, "geweke"] = geweke(values)
        effective = array_stats.ess(values, chain_axis=0, draw_axis=1, method="mean")
        table.loc[label, "autocorrelation"] = values.size / effective
        prior = priors.get(label)
        table.loc[label, "overlap"] = np.nan if prior is None else overlap(values.ravel(), prior)
    return table


def _priors(fit: Fit) -> dict[str, np.ndarray]:
    """Prior draws of each parameter, by its label in the table, as far as the priors are known."""
    if fit.learner is None:
        return {}
    population = fit.population
    unknown = set(json.loads(fit.attrs["priors"])) - set(population.priors)
    unknown |= {median_name(name) for name in population.names if mean_name(name) in unknown}
    priors = {}
    for name, draws in population.prior_draws(DRAWS).items():
        if name in unknown:
            continue
        priors[name] = draws
        for n, participant in enumerate(fit.trials.participants):
            priors[row_label(name, participant)] = draws if draws.ndim == 1 else draws[:, n]
    return priors


def _sampler(tree: xr.DataTree) -> pd.DataFrame:
    import pandas as pd

    stats = tree["sample_stats"]
    columns = {
        name: getattr(stats[variable].astype(float), summary)("draw").to_numpy()
        for variable, (name, summary) in STATS.items()
        if variable in stats
    }
    if "energy" in stats:
        columns["e_bfmi"] = diagnostics.bfmi(stats["energy"].to_numpy())
    return pd.DataFrame(columns, index=pd.Index(np.asarray(stats["chain"]), name="chain")).astype({"divergences": int})


def _correlations(fit: Fit) -> pd.DataFrame:
    """Rank correlations, which are the same on every scale and suit curved ridges."""
    import pandas as pd

    draws, rows = fit.draws, []
    if draws.grouped or draws.shared:
        group = [draws[name].to_numpy().reshape(-1, 1) for name in fit.group_names]
        rows += _pairs(fit, "group", fit.group_names, group)
    if not draws.shared:
        individual = [draws.natural(name) for name in fit.parameters]
        rows += _pairs(fit, "within participants", fit.parameters, individual)
    table = pd.DataFrame(rows, columns=["first", "second", "level", "correlation", "known"])
    return table.sort_values("correlation", key=abs, ascending=False, ignore_index=True)


def _pairs(fit: Fit, level: str, names: Sequence[str], draws: Sequence[np.ndarray]) -> list[tuple]:
    """A row for each pair of names, from ``draws (draws, participants)`` of each; correlations are averaged over participants."""
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(each, axis=0) for each in draws])
    with np.errstate(invalid="ignore", divide="ignore"):  # constant draws have no correlation
        correlations = np.mean([np.corrcoef(ranks[:, :, n]) for n in range(ranks.shape[2])], 0)
    kinds, rows = [_kind(fit, name) for name in names], []
    for i, j in combinations(range(len(names)), 2):
        known = ""
        if {kinds[i], kinds[j]} == set(TRADE_OFF) and correlations[i, j] < -diagnostics.TELLING:
            rate, sharpness = (i, j) if kinds[i] == TRADE_OFF[0] else (j, i)
            known = diagnostics.TRADE_OFF
            if names[i] in fit.parameters:
                one, other = np.log(draws[rate]), np.log(draws[sharpness])
                spreads = [float(each.std(0).mean()) for each in (one, other, one + other)]
                known += "; " + diagnostics.product(names[rate], names[sharpness], spreads)
        rows.append((names[i], names[j], level, correlations[i, j], known))
    return rows


def _kind(fit: Fit, name: str) -> str:
    """``"learning rate"`` or ``"inverse temperature"`` if a parameter or group mean is one of these, else empty."""
    base = {mean_name(each): each for each in fit.parameters}.get(name, name)
    if base not in fit.parameters:
        return ""
    if fit.learner is not None:
        role = next(p.role.lower() for p in fit.learner.parameters if p.name == base)
        return next((kind for kind in TRADE_OFF if role.startswith(kind)), "")
    return dict(zip(("alpha", "beta"), TRADE_OFF, strict=True)).get(base.split("_")[0], "")


def _participants(fit: Fit) -> pd.DataFrame:
    import pandas as pd

    if fit.draws.shared:
        return pd.DataFrame()
    summary, rows = fit.summary()[["r_hat", "ess_bulk", "ess_tail"]], []
    for participant in fit.trials.participants:
        own = summary.loc[[row_label(name, participant) for name in fit.parameters]]
        least = int(np.argmin(own[["ess_bulk", "ess_tail"]].min(axis=1).fillna(0.0)))  # NaN for a few draws
        rows.append({"parameter": fit.parameters[least], **own.iloc[[least]].to_dict("records")[0]})
    table = fit.rows.labelled().join(pd.DataFrame(rows)).set_index("participant")
    if fit.draws.grouped:
        z = fit.draws.away()
        farthest = np.argmax(abs(z), axis=1)
        table["away"], table["which"] = z[np.arange(len(z)), farthest], [fit.parameters[k] for k in farthest]
    for name in OF_PARTICIPANTS:
        if name in fit.attrs:
            table[name] = json.loads(fit.attrs[name])
    order = np.argsort(table[["ess_bulk", "ess_tail"]].min(axis=1).to_numpy(), kind="stable")
    return table.iloc[order]


def _uninformative(fit: Fit) -> list[Finding]:
    """Findings of the check of starting points on participants whose data are uninformative; none without learner or gradients."""
    from trialwise.inference.starts import check_starts
    from trialwise.likelihoods.kinds import likelihood_of

    learner = fit.learner
    if learner is None:
        return []
    likelihood = likelihood_of(learner, fit.trials)
    if not likelihood.has_gradient:
        return []
    return diagnostics.silent(check_starts(likelihood, fit.population, int(fit.attrs["seed"])))
