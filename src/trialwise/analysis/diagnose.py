"""Can a fit be believed? All that tells it, in one call: chains, what the sampler met with, what the data say beyond the prior (R28, R29)."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.result import Finding, Result, having
from trialwise.inference import chain_checks as diagnostics
from trialwise.inference.draws import labelled, row_label, variable_of
from trialwise.inference.fitted import Fit
from trialwise.population.names import mean_name, median_name

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

FIRST, LAST = 0.1, 0.5
"""Shares of a chain that Geweke compares."""

DRAWS = 20_000
"""Of each prior, against which a posterior is held."""

STATS = {
    "diverging": ("divergences", "sum"),
    "mean_tree_accept": ("acceptance", "mean"),
    "depth": ("depth", "mean"),
    "maxdepth_reached": ("cut_short", "mean"),
    "n_steps": ("steps", "mean"),
    "accepted": ("moved", "mean"),
}
"""What is told of a sampler: its name there, here, and what is made of a chain's draws."""

TRADING = ("learning rate", "inverse temperature")
"""Kinds of parameters that are known to trade off, as roles begin."""

OF_PEOPLE = ("emulator_error", "filter_noise", "particles")
"""Attributes of a fit by particles with a number a participant."""


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Result):
    """What a diagnosis found.

    Attributes
    ----------
    fit
        What was diagnosed.
    table
        A row a parameter of the group: ``mean``, ``sd``, ``mcse`` (Monte Carlo standard error of the mean), rank-normalised split
        ``r_hat``, ``ess_bulk``, ``ess_tail`` (Vehtari et al. 2021), ``geweke`` (:func:`geweke`), ``autocorrelation`` (draws that
        are worth one independent draw), ``overlap`` (:func:`overlap` of prior and posterior; NaN if the prior is not at hand).
    sampler
        A row a chain: ``divergences``, ``e_bfmi``, ``acceptance``, ``depth`` and ``steps`` of trajectories (means), ``cut_short``
        (share of draws at the depth's limit); of a learner with a hidden choice ``divergences`` (none) and ``moved``, how
        often draws differ from the one before.
    correlations
        A row a pair of parameters, the strongest first: ``first``, ``second``, ``level`` (``"group"``, ``"within participants"``:
        of each one's draws, averaged), ``correlation`` (of ranks), ``known`` (in words, if it is the trade-off that learning rates
        and inverse temperatures are known for).
    people
        A row a participant, the worst first: ``parameter`` (their least certain one), its ``r_hat``, ``ess_bulk``, ``ess_tail``;
        ``away``, how many spreads of the group their most unusual parameter is from the group's mean, and ``which`` that is; of a
        learner with a hidden choice also what :mod:`trialwise.inference.samplers.pseudo_marginal.particle` keeps of each. Empty where all share one set.
    findings
        Problems, what is wrong with the draws, causes first, as ``fit.problems``; cautions, what the data cannot tell, though the
        draws be right; notes, what fitting had to do, other than is said above.
    """

    fit: Fit = field(repr=False)
    table: pd.DataFrame
    sampler: pd.DataFrame
    correlations: pd.DataFrame
    people: pd.DataFrame
    findings: tuple[Finding, ...] = ()

    contents = {
        "diagnosis": "the parameters of the group",
        "chains": "what the sampler met with, a row a chain",
        "correlations": "correlations, the strongest first",
        "participants": "participants, the least certain first",
    }

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What is wrong with the draws, causes first."""
        return having(self.findings, "problem")

    @property
    def cautions(self) -> tuple[Finding, ...]:
        """What the data cannot tell."""
        return having(self.findings, "caution")

    @property
    def notes(self) -> tuple[str, ...]:
        """What fitting had to do."""
        return tuple(finding.sentence for finding in having(self.findings, "note"))

    @property
    def advice(self) -> list[tuple[str, str]]:
        """Of each problem and caution what was found, and what to try, first things first."""
        return [(finding.sentence, finding.advice) for finding in (*self.problems, *self.cautions)]

    @cached_property
    def verdict(self) -> str:
        """Whether the fit can be relied on, in one paragraph."""
        return diagnostics.verdict(self.problems, self.cautions, self.table, len(self.sampler))

    def tables(self) -> dict[str, pd.DataFrame]:
        """``diagnosis`` (:attr:`table`), ``chains`` (:attr:`sampler`), ``correlations`` and ``participants`` (:attr:`people`)."""
        return {
            "diagnosis": self.table,
            "chains": self.sampler,
            "correlations": self.correlations,
            "participants": self.people,
        }

    @property
    def headline(self) -> str:
        """The verdict."""
        return self.verdict

    def __repr__(self) -> str:
        paragraphs = [self.verdict, *(f"{n}. {words}.\n{cure}" for n, (words, cure) in enumerate(self.advice, 1))]
        text = "\n".join(textwrap.fill(line, 100) for each in paragraphs for line in each.split("\n"))
        return f"Diagnosis(problems: {len(self.problems)}, cautions: {len(self.cautions)})\n{text}"


def diagnose(fit: Fit) -> Diagnosis:
    """Hold a fit against everything that would tell that it cannot be believed.

    Returns
    -------
    Diagnosis
        ``verdict`` says it in words; ``advice`` what to try, in order; the tables hold the numbers; ``plot()`` shows them.

    Raises
    ------
    ModelError
        If the learner at hand is no longer the one that was fitted, and its likelihood not finite at plausible points.
    """
    table, chains, pairs = _table(fit), _sampler(fit.tree), _correlations(fit)
    cut = chains.get("cut_short")
    cautions = (
        *_silent(fit),
        *diagnostics.untold(table["overlap"]),
        *diagnostics.ridges(pairs),
        *diagnostics.cut_short(0.0 if cut is None else float(cut.mean())),
    )
    said = {finding.sentence for finding in cautions}
    notes = (note for note in having(fit.findings, "note") if note.sentence not in said)
    findings = (*having(fit.findings, "problem"), *cautions, *notes)
    return Diagnosis(fit, table, chains, pairs, _people(fit), findings)


def geweke(draws: np.ndarray) -> float:
    r"""Whether chains drift: the first tenth of each against its last half (Geweke 1992, Bayesian Statistics 4:169).

    .. math::

        z = (\bar a - \bar b) \,/ \sqrt{\mathrm{mcse}(a)^2 + \mathrm{mcse}(b)^2}

    Parameters
    ----------
    draws
        ``(chains, draws)``.

    Returns
    -------
    float
        z of the chain in which it is largest in size. About standard normal of one chain that is stationary, so that 2 is often
        passed by one of many; NaN where a tenth is less than four draws.
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
    r"""How much of a posterior is its prior: the area below both densities, 0 to 1.

    .. math::

        \int \min(p(x), q(x))\,dx

    It is taken on the scale of the prior's ranks, where the prior is flat and its range ends at 0 and 1: the area is the same on
    any scale, and borders and long tails need no care there.

    Parameters
    ----------
    posterior, prior
        Draws of each, one-dimensional.
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
    names = dict.fromkeys(variable_of(label) for label in table.index)
    draws = labelled(fit.tree, names)
    before = _priors(fit)
    for label in table.index:
        values = draws[label]
        table.loc[label, "geweke"] = geweke(values)
        worth = array_stats.ess(values, chain_axis=0, draw_axis=1, method="mean")
        table.loc[label, "autocorrelation"] = values.size / worth
        prior = before.get(label)
        table.loc[label, "overlap"] = np.nan if prior is None else overlap(values.ravel(), prior)
    return table


def _priors(fit: Fit) -> dict[str, np.ndarray]:
    """Draws of priors, of each parameter as it is labelled in the table, as far as they are known."""
    if fit.learner is None:
        return {}
    population = fit.population
    unknown = set(json.loads(fit.attrs["priors"])) - set(population.priors)
    unknown |= {median_name(name) for name in population.names if mean_name(name) in unknown}
    found = {}
    for name, draws in population.prior_draws(DRAWS).items():
        if name in unknown:
            continue
        found[name] = draws
        for n, person in enumerate(fit.trials.participants):
            found[row_label(name, person)] = draws if draws.ndim == 1 else draws[:, n]
    return found


def _sampler(tree: xr.DataTree) -> pd.DataFrame:
    import pandas as pd

    stats = tree["sample_stats"]
    columns = {
        name: getattr(stats[theirs].astype(float), how)("draw").to_numpy()
        for theirs, (name, how) in STATS.items()
        if theirs in stats
    }
    if "energy" in stats:
        columns["e_bfmi"] = diagnostics.bfmi(stats["energy"].to_numpy())
    return pd.DataFrame(columns, index=pd.Index(np.asarray(stats["chain"]), name="chain")).astype({"divergences": int})


def _correlations(fit: Fit) -> pd.DataFrame:
    """Correlations of ranks: the same on every scale, and right for bent ridges."""
    import pandas as pd

    draws, rows = fit.draws, []
    if draws.grouped or draws.shared:
        group = [draws[name].to_numpy().reshape(-1, 1) for name in fit.group_names]
        rows += _pairs(fit, "group", fit.group_names, group)
    if not draws.shared:
        people = [draws.natural(name) for name in fit.parameters]
        rows += _pairs(fit, "within participants", fit.parameters, people)
    table = pd.DataFrame(rows, columns=["first", "second", "level", "correlation", "known"])
    return table.sort_values("correlation", key=abs, ascending=False, ignore_index=True)


def _pairs(fit: Fit, level: str, names: Sequence[str], draws: Sequence[np.ndarray]) -> list[tuple]:
    """A row a pair of names, ``draws (draws, participants)`` of each; correlations are averaged over participants."""
    from scipy.stats import rankdata

    ranks = np.stack([rankdata(each, axis=0) for each in draws])
    with np.errstate(invalid="ignore", divide="ignore"):  # what stood still has no correlation
        found = np.mean([np.corrcoef(ranks[:, :, n]) for n in range(ranks.shape[2])], 0)
    kinds, rows = [_kind(fit, name) for name in names], []
    for i, j in combinations(range(len(names)), 2):
        known = ""
        if {kinds[i], kinds[j]} == set(TRADING) and found[i, j] < -diagnostics.TELLING:
            rate, sharpness = (i, j) if kinds[i] == TRADING[0] else (j, i)
            known = diagnostics.TRADE_OFF
            if names[i] in fit.parameters:
                one, other = np.log(draws[rate]), np.log(draws[sharpness])
                spreads = [float(each.std(0).mean()) for each in (one, other, one + other)]
                known += "; " + diagnostics.product(names[rate], names[sharpness], spreads)
        rows.append((names[i], names[j], level, found[i, j], known))
    return rows


def _kind(fit: Fit, name: str) -> str:
    """``"learning rate"``, ``"inverse temperature"`` or neither, of a parameter or its group mean."""
    base = {mean_name(each): each for each in fit.parameters}.get(name, name)
    if base not in fit.parameters:
        return ""
    if fit.learner is not None:
        role = next(p.role.lower() for p in fit.learner.parameters if p.name == base)
        return next((kind for kind in TRADING if role.startswith(kind)), "")
    return dict(zip(("alpha", "beta"), TRADING, strict=True)).get(base.split("_")[0], "")


def _people(fit: Fit) -> pd.DataFrame:
    import pandas as pd

    if fit.draws.shared:
        return pd.DataFrame()
    summary, rows = fit.summary()[["r_hat", "ess_bulk", "ess_tail"]], []
    for person in fit.trials.participants:
        mine = summary.loc[[row_label(name, person) for name in fit.parameters]]
        least = int(np.argmin(mine[["ess_bulk", "ess_tail"]].min(axis=1)))
        rows.append({"parameter": fit.parameters[least], **mine.iloc[least]})
    table = pd.DataFrame(rows, index=pd.Index(fit.trials.participants, name="participant"))
    if fit.draws.grouped:
        u, mu, sd = fit.draws.unconstrained(), fit.draws.means(), fit.draws.spreads()
        z = ((u - mu[:, :, None]) / sd[:, :, None]).mean((0, 1))
        farthest = np.argmax(abs(z), axis=1)
        table["away"], table["which"] = z[np.arange(len(z)), farthest], [fit.parameters[k] for k in farthest]
    for name in OF_PEOPLE:
        if name in fit.attrs:
            table[name] = json.loads(fit.attrs[name])
    order = np.argsort(table[["ess_bulk", "ess_tail"]].min(axis=1).to_numpy(), kind="stable")
    return table.iloc[order]


def _silent(fit: Fit) -> list[Finding]:
    """What the look at starting points tells of participants' data; nothing without the learner, or without gradients."""
    from trialwise.inference.starts import check_starts
    from trialwise.likelihoods.kinds import likelihood_of

    learner = fit.learner
    if learner is None:
        return []
    likelihood = likelihood_of(learner, fit.trials)
    if not likelihood.has_gradient:
        return []
    return diagnostics.silent(check_starts(likelihood, fit.population.prior, int(fit.attrs["seed"])))
