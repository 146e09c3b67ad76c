"""Checks of posterior draws and of what the data identify: thresholds, and the text and advice of each finding.

Advice is ordered by how useful it proved with models that are difficult to sample: first fit one or two
participants alone, since a mistake in the learner shows there at once; then priors that keep parameters in a plausible range,
which ended the bad starts; then fewer parameters, as when both levels shared theirs; longer chains last, since they solve none
of the other problems.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import NAME_ALONE, Argument, Message, Restriction
from trialwise.base.result import Finding
from trialwise.inference.draws import labelled, variables_of
from trialwise.population.names import parameter_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

RHAT, ESS, BFMI, MOVED = 1.01, 400, 0.3, 0.05
"""Thresholds of Vehtari et al. 2021 (Bayesian Analysis 16:667), and of Betancourt 2016 (arXiv:1604.00695) for E-BFMI; the share of
draws that differ from the one before, below which a chain is called stuck."""

TOLERATED = "divergences_tolerated"
"""Attribute of sampler statistics: the share of the fewest effective draws up to which divergent transitions are no problem. Without it none are
tolerated: a transition of NUTS is about an effective draw, and those that are left diverged again with smaller steps."""

USABLE = 1.05
"""R-hat up to which draws that are too few for exact numbers still carry a verdict."""

APART = 1.1
"""R-hat above which longer chains are not the first remedy."""

MOST_TIMES = 20.0
"""How much longer chains may have to be, in lengths of the present ones, for that to be the first remedy."""

CUT = 0.05
"""Share of draws whose trajectory reached the maximum length, above which a caution is given."""

SAME = 0.9
"""Overlap of posterior and prior above which the data are called uninformative."""

RIDGE = 0.8
"""Absolute correlation above which two parameters are said to trade off."""

TELLING = 0.4
"""Absolute correlation above which a known trade-off is explained."""

ALONE = (
    "fit one or two participants alone (in Python, trials.select(trials.participants[:2])); if that fails too, check the learner and "
    "its data"
)
NARROWER = Message("give narrower priors (", Argument("priors", NAME_ALONE), ")")
FEWER = Message("fit fewer parameters (", Restriction("fix"), ", ", Restriction("tie"), ")")


# -- problems of the draws -----------------------------------------------------------------------------------------------


def problems(tree: xr.DataTree, group: pd.DataFrame) -> tuple[Finding, ...]:
    """Find the problems of a sampling run, causes before their consequences; empty if there are none.

    Parameters
    ----------
    tree
        With the groups ``posterior`` and ``sample_stats``.
    group
        Summary of the parameters to check, all of them variables of ``posterior``: columns ``r_hat``, ``ess_bulk``, ``ess_tail``.
    """
    stats = tree["sample_stats"]
    draws = stats.sizes["draw"]
    findings = []
    findings += _diverged(stats, group)
    if stuck := _stuck(tree, group):
        chains, sentence = stuck
        findings.append(Finding("problem", "stuck-chain", sentence, _in_turn(ALONE, NARROWER, FEWER), chains))
    if "energy" in stats and not ((energy := bfmi(stats["energy"].to_numpy())) >= BFMI).all():
        sentence = (
            f"E-BFMI of {energy.min():.2f} in a chain (should be {BFMI:g} or more): the tails are explored slowly"
        )
        remedies = _in_turn(
            Message("give narrower priors for spreads (", Argument("priors", NAME_ALONE), ")"),
            FEWER,
            _longer(draws, 2.0),
        )
        findings.append(Finding("problem", "e-bfmi", sentence, remedies))
    if stats.sizes["chain"] == 1:
        sentence = "convergence cannot be checked with one chain: R-hat compares chains"
        findings.append(Finding("problem", "one-chain", sentence, Message("Sample several, ", Argument("chains", 4))))
    return (*findings, *too_few(group, draws))


def _diverged(stats: xr.DataTree | xr.DataArray, group: pd.DataFrame) -> list[Finding]:
    """Divergent transitions: a problem, unless the sampler has a reason to tolerate so few, see :data:`TOLERATED`."""
    divergences = int(stats["diverging"].sum())
    if not divergences:
        return []
    sentence = counted(divergences, "divergent transition")
    fewest = min(group[name].min() for name in ("ess_bulk", "ess_tail"))
    share = float(str(stats.attrs.get(TOLERATED, 0.0)))
    if divergences <= share * fewest:
        few = f"{sentence}: too few to matter, at most {share:.0%} of the fewest effective draws ({fewest:.0f})"
        return [Finding("note", "divergences", few)]
    return [
        Finding("problem", "divergences", f"{sentence}: draws near them are biased", _in_turn(ALONE, NARROWER, FEWER))
    ]


def unusable(findings: Iterable[Finding], group: pd.DataFrame) -> bool:
    """Whether draws carry no verdict: for other reasons than that there might be more of them."""
    codes = {finding.code for finding in findings if finding.severity == "problem"}
    return bool(codes - {"few-draws", "r-hat"}) or bool(group["r_hat"].max() > USABLE)


def too_few(group: pd.DataFrame, draws: int = 1000) -> list[Finding]:
    """Find problems that more draws would solve; ``group`` as for :func:`problems`, ``draws`` is the length of a chain."""
    findings = []
    compared = group["r_hat"].dropna()  # NaN for a single chain
    apart, most = _worst(compared.to_numpy(float), compared.index, above=RHAT)
    smallest = np.minimum(group["ess_bulk"].to_numpy(float), group["ess_tail"].to_numpy(float))
    few, least = _worst(-smallest, group.index, above=-ESS)
    known = np.isfinite(least)  # not of chains of fewer than four draws
    times = ESS / max(-least if known else 1.0, 1.0) if few else 1.0
    longer_first = (times <= MOST_TIMES or not known) and not (apart and most > APART)
    if apart:
        sentence = f"R-hat above {RHAT:g} for {_some(apart)} (largest {most:.3f}): the chains disagree"
        longer = _longer(draws, max(times, 2.0))  # no fewer than the next finding advises
        remedies = (longer, NARROWER, FEWER) if longer_first else (ALONE, NARROWER, FEWER, longer)
        findings.append(Finding("problem", "r-hat", sentence, _in_turn(*remedies), apart))
    if few:
        number = f"fewest {-least:.0f}" if known else "too few draws to count them"
        sentence = f"fewer than {ESS} effective draws for {_some(few)} ({number})"
        longer = _longer(draws, times)
        advice = _in_turn(longer, FEWER) if longer_first else _in_turn(FEWER, longer)
        findings.append(Finding("problem", "few-draws", sentence, advice, few))
    return findings


def enough_draws(draws: int, times: float) -> int:
    """A length of chains that should give this many times the effective draws of ``draws``: with a reserve of 25 %, and more where the present number,
    400 / ``times``, is itself known less well; twice as many at least."""
    wanted = draws * max(times * (1.0 + 0.25 * np.sqrt(times)), 2.0)
    return int(np.ceil(wanted / 100) * 100) if wanted > 100 else int(np.ceil(wanted))


def _stuck(tree: xr.DataTree, group: pd.DataFrame) -> tuple[tuple[str, ...], str] | None:
    """Labels of the chains that hardly move, and the sentence of the finding; None if all move."""
    names = variables_of(group.index, tree["posterior"].data_vars)
    moved = np.array([np.diff(each, axis=1) != 0 for each in labelled(tree, names).values()])
    if not moved.size:
        return None
    share = moved.any(0).mean(1)  # one value for each chain
    chains = tuple(str(chain) for chain in np.asarray(tree["sample_stats"]["chain"])[share < MOVED])
    if not chains:
        return None
    which = f"chain {chains[0]}" if len(chains) == 1 else f"chains {', '.join(chains)}"
    verb = "is" if len(chains) == 1 else "are"
    return chains, f"{which} {verb} stuck: at most {share.min():.1%} of draws differ from the one before"


def _in_turn(*remedies: str) -> Message:
    """Join remedies into one sentence, the first to try first."""
    return Message.join("; then ", remedies).with_capital()


def _longer(draws: int, times: float) -> Message:
    """Advice to draw more: this many times as much, with some reserve, at least twice."""
    return Message("draw more, ", Argument("draws", enough_draws(draws, times)))


def _worst(values: np.ndarray, names: Iterable[Hashable], above: float) -> tuple[tuple[str, ...], float]:
    bad = tuple(str(name) for name, value in zip(names, values, strict=True) if not value <= above)
    known = values[~np.isnan(values)]
    return bad, float(known.max()) if len(known) else np.nan if bad else 0.0


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def bfmi(energy: np.ndarray) -> np.ndarray:
    """Energy Bayesian fraction of missing information of each chain; 0 where energy does not change."""
    from arviz_stats.base import array_stats

    with np.errstate(invalid="ignore"):
        return np.nan_to_num(array_stats.bfmi(energy))


# -- what the data identify -----------------------------------------------------------------------------------------------


def untold(overlap: pd.Series) -> list[Finding]:
    """Find group parameters about which the data are uninformative; ``overlap`` of prior and posterior of each, 0 to 1."""
    same = overlap[overlap > SAME]
    if not len(same):
        return []
    names = tuple(str(name) for name in same.index)
    sentence = (
        f"the data are uninformative about {_some(names)} (overlap of prior and posterior {same.min():.0%} "
        "or more): the posterior is essentially the prior"
    )
    remedies = ("do not interpret it", FEWER, "collect more participants or trials, or use a task in which it matters")
    return [Finding("caution", "uninformative", sentence, _in_turn(*remedies), names)]


def silent(notes: Iterable[str]) -> list[Finding]:
    """Turn the notes of the check of starting points into cautions about participants with uninformative data."""
    remedies = (
        "do not interpret it for these participants individually",
        "check whether they did the task: trialwise inspect lists unusual participants",
    )
    return [Finding("caution", "silent-participants", note, _in_turn(*remedies)) for note in notes]


def ridges(correlations: pd.DataFrame) -> list[Finding]:
    """Find parameters that trade off; one row per pair: ``first``, ``second``, ``level``, ``correlation``, ``known``."""
    findings = []
    columns = [correlations[name].tolist() for name in ("first", "second", "level", "correlation", "known")]
    for first, second, level, correlation, known in zip(*columns, strict=True):
        if not abs(correlation) > RIDGE:
            continue
        sentence = f"{first} and {second} trade off (correlation {correlation:.2f}, {level})"
        remedies = (
            "interpret them together, not separately",
            NARROWER,
            Message(
                "fix one of them, e.g. ",
                Restriction("fix", parameter_of(second)),
                ", and see whether the conclusions hold",
            ),
            "collect more trials; simulate to see how many",
        )
        if known:
            sentence = f"{sentence}: {known}"
        findings.append(Finding("caution", "trade-off", sentence, _in_turn(*remedies), (first, second)))
    return findings


def cut_short(share: float) -> list[Finding]:
    """Find trajectories that reached the maximum length; ``share`` of the draws, 0 to 1. They are slow, not biased."""
    if not share > CUT:
        return []
    sentence = (
        f"trajectories reached the maximum length in {share:.0%} of draws: sampling is slow, but not biased by it"
    )
    return [Finding("caution", "cut-short", sentence, _in_turn(NARROWER, FEWER))]


# -- the verdict in a paragraph--------------------------------------------------------------------------------------------


def verdict(wrong: Sequence[Finding], odd: Sequence[Finding], table: pd.DataFrame, chains: int) -> str:
    """Summarise in a paragraph for readers who are not statisticians whether a fit can be relied on.

    Parameters
    ----------
    wrong, odd
        Problems of the draws, and cautions about what the data identify.
    table
        As in :class:`trialwise.analysis.diagnose.Diagnosis`.
    chains
        Number of chains.
    """
    parts = [_distrust(wrong) if wrong else _trust(table, chains)]
    if wrong:
        parts.append("Statements about the data below may change once this is fixed.")
    if odd:
        parts.append("About the data: " + "; ".join(finding.brief for finding in odd) + ".")
    elif not wrong:
        parts.append(_informative(table))
    return " ".join(part for part in parts if part)


def _distrust(wrong: Sequence[Finding]) -> str:
    count = "there is one problem" if len(wrong) == 1 else f"there are {len(wrong)} problems"
    listed = "; ".join(finding.brief for finding in wrong)
    begin = "" if len(wrong) == 1 else " Start with the first: the others are often its consequences."
    return f"Do not rely on this fit yet: {count} with its draws. {listed[0].upper()}{listed[1:]}.{begin}"


def _trust(table: pd.DataFrame, chains: int) -> str:
    smallest = table[["ess_bulk", "ess_tail"]].min(axis=1)
    return (
        f"The draws can be relied on. {chains} independent chains agree (largest R-hat "
        f"{table['r_hat'].max():.3f}), and even the least precise quantity, {smallest.idxmin()}, has {smallest.min():.0f} effective "
        f"draws: another run would change a mean by about {(table['mcse'] / table['sd']).max():.0%} of a posterior standard "
        "deviation at most."
    )


def _informative(table: pd.DataFrame) -> str:
    overlap = table["overlap"].dropna()
    if not len(overlap):
        return "The priors of this fit are not available, so whether the data outweigh them was not checked."
    return f"The data are informative about every parameter of the group (largest overlap with a prior: {overlap.max():.0%}, {overlap.idxmax()})."


TRADE_OFF = "a slow learner who chooses sharply acts much like a fast one who chooses loosely"
"""Why a learning rate and an inverse temperature are hard to tell apart."""


def product(first: str, second: str, spreads: Sequence[float]) -> str:
    """Describe how much better the product of two parameters is known; ``spreads`` of the logarithms of the first, the second and the product."""
    one, other, both = (f"{np.expm1(spread):.0%}" for spread in spreads)
    return f"{first} x {second} is known to about {both}, {first} to {one}, {second} to {other}"
