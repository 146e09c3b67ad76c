"""Whether draws can be trusted, and what data cannot tell: thresholds, and the words and advice of each finding (R28, R29, U8, U11).

Remedies stand in the order in which those who struggled with models of the alien task found them useful: see whether a
participant or two can be fitted alone, since a mistake in the learner shows there at once; priors that keep parameters where
they make sense, which ended their bad starts; fewer parameters, as when both levels shared theirs; longer chains last, since
they cure none of the rest.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.message import Argument, Message, Restriction
from trialwise.base.result import Finding
from trialwise.inference.draws import labelled, variable_of
from trialwise.population.names import parameter_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

RHAT, ESS, BFMI, ACCEPTED = 1.01, 400, 0.3, 0.05
"""Thresholds of Vehtari et al. 2021 (Bayesian Analysis 16:667), and of Betancourt 2016 (arXiv:1604.00695) for E-BFMI; the share of
draws that differ from the one before, below which a chain is called stuck."""

APART = 1.1
"""An R-hat from which on longer chains are the wrong cure."""

CUT = 0.05
"""Share of draws whose trajectory was cut at its longest."""

SAME = 0.9
"""Overlap of posterior and prior from which on data are said to tell nothing."""

RIDGE = 0.8
"""Correlation from which on two parameters are said to be told apart badly."""

TELLING = 0.4
"""Correlation from which on a known trade-off is worth a word."""

ALONE = "fit a participant or two alone, trials.select(trials.participants[:2]): if that fails too, look at the learner and its data"
NARROWER = "give narrower priors, priors="
FEWER = Message("fit fewer parameters (", Restriction("fix"), ", ", Restriction("tie"), ")")


# -- what is wrong with draws --------------------------------------------------------------------------------------------


def problems(tree: xr.DataTree, group: pd.DataFrame) -> tuple[Finding, ...]:
    """What is wrong with a sampling run, causes before what comes of them; empty if nothing is.

    Parameters
    ----------
    tree
        With the groups ``posterior`` and ``sample_stats``.
    group
        Summary of the parameters that matter, which ``posterior`` holds: columns ``r_hat``, ``ess_bulk``, ``ess_tail``.
    """
    stats = tree["sample_stats"]
    draws = stats.sizes["draw"]
    found = []
    if divergences := int(stats["diverging"].sum()):
        words = f"{divergences} divergent transitions: draws near them are biased"
        found.append(Finding("problem", "divergences", words, _in_turn(ALONE, NARROWER, FEWER)))
    if stuck := _stuck(tree, group):
        chains, words = stuck
        found.append(Finding("problem", "stuck-chain", words, _in_turn(ALONE, NARROWER, FEWER), chains))
    if "accepted" in stats and (moved := float(stats["accepted"].mean())) < ACCEPTED:
        words = f"chains were elsewhere than before at only {moved:.1%} of draws: the emulators are far off, or the estimates noisy"
        found.append(Finding("problem", "few-moves", words, _in_turn(NARROWER, FEWER, _longer(draws))))
    if "energy" in stats and not ((energy := bfmi(stats["energy"].to_numpy())) >= BFMI).all():
        words = f"E-BFMI of {energy.min():.2f} in a chain (wanted {BFMI:g}): the tails are explored slowly"
        cures = _in_turn("give narrower priors for spreads, priors=", FEWER, _longer(draws))
        found.append(Finding("problem", "e-bfmi", words, cures))
    if stats.sizes["chain"] == 1:
        words = "one chain has no other to be compared with"
        found.append(Finding("problem", "one-chain", words, Message("Sample more than one, ", Argument("chains", 4))))
    return (*found, *too_few(group, draws))


def too_few(group: pd.DataFrame, draws: int = 1000) -> list[Finding]:
    """What is wrong that more draws would put right; ``group`` as for :func:`problems`, ``draws`` there are in a chain."""
    found = []
    compared = group["r_hat"].dropna()  # of one chain there is none
    few, most = _worst(compared.to_numpy(float), compared.index, above=RHAT)
    if few:
        words = f"R-hat above {RHAT:g} for {_some(few)} (worst {most:.3f}): the chains disagree"
        cures = (ALONE, NARROWER, FEWER, _longer(draws)) if most > APART else (_longer(draws), NARROWER, FEWER)
        found.append(Finding("problem", "r-hat", words, _in_turn(*cures), few))
    smallest = np.minimum(group["ess_bulk"].to_numpy(float), group["ess_tail"].to_numpy(float))
    few, least = _worst(-smallest, group.index, above=-ESS)
    if few:
        words = f"fewer than {ESS} effective draws for {_some(few)} (fewest {-least:.0f})"
        found.append(Finding("problem", "few-draws", words, _in_turn(_longer(draws), FEWER), few))
    return found


def _stuck(tree: xr.DataTree, group: pd.DataFrame) -> tuple[tuple[str, ...], str] | None:
    """Which chains hardly move, and that in words."""
    names = dict.fromkeys(variable_of(label) for label in group.index)
    moved = np.array([np.diff(each, axis=1) != 0 for each in labelled(tree, names).values()])
    if not moved.size:
        return None
    share = moved.any(0).mean(1)  # of the draws of each chain
    chains = tuple(str(chain) for chain in np.asarray(tree["sample_stats"]["chain"])[share < ACCEPTED])
    if not chains:
        return None
    which = f"chain {chains[0]}" if len(chains) == 1 else f"chains {', '.join(chains)}"
    return chains, f"{which} stood still: at most {share.min():.1%} of draws differ from the one before"


def _in_turn(*cures: str) -> Message:
    """Remedies as a sentence, first things first."""
    return Message.join("; then ", cures).with_capital()


def _longer(draws: int) -> Message:
    return Message("draw more, ", Argument("draws", 2 * draws))


def _worst(values: np.ndarray, names: Iterable[Hashable], above: float) -> tuple[tuple[str, ...], float]:
    bad = tuple(str(name) for name, value in zip(names, values, strict=True) if not value <= above)
    return bad, float(np.nanmax(values)) if len(values) else 0.0


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def bfmi(energy: np.ndarray) -> np.ndarray:
    """Energy Bayesian fraction of missing information of each chain; 0 where energy does not change."""
    from arviz_stats.base import array_stats

    with np.errstate(invalid="ignore"):
        return np.nan_to_num(array_stats.bfmi(energy))


# -- what data cannot tell -----------------------------------------------------------------------------------------------


def untold(overlap: pd.Series) -> list[Finding]:
    """Parameters of the group that data say nothing about; ``overlap`` of prior and posterior of each, 0 to 1."""
    same = overlap[overlap > SAME]
    if not len(same):
        return []
    names = tuple(str(name) for name in same.index)
    words = (
        f"the data say nothing about {_some(names)} (overlap of prior and posterior {same.min():.0%} "
        "or more): what is believed of it after them was believed before"
    )
    cures = ("do not interpret it", FEWER, "get more participants or trials, or a task that asks for it")
    return [Finding("caution", "uninformative", words, _in_turn(*cures), names)]


def silent(notes: Iterable[str]) -> list[Finding]:
    """Participants whose data say nothing about a parameter, as the look at starting points told it."""
    cures = (
        "do not interpret it for them one by one",
        "see whether they did the task: trialwise inspect tells what is odd",
    )
    return [Finding("caution", "silent-participants", note, _in_turn(*cures)) for note in notes]


def ridges(correlations: pd.DataFrame) -> list[Finding]:
    """Pairs that are told apart badly; a row a pair: ``first``, ``second``, ``level``, ``correlation``, ``known``."""
    found = []
    columns = [correlations[name].tolist() for name in ("first", "second", "level", "correlation", "known")]
    for first, second, level, correlation, known in zip(*columns, strict=True):
        if not abs(correlation) > RIDGE:
            continue
        words = f"{first} and {second} are told apart badly (correlation {correlation:.2f}, {level})"
        cures = (
            "interpret them together and not one by one",
            NARROWER,
            Message(
                "hold one of them, e.g. ",
                Restriction("fix", parameter_of(second)),
                ", and see whether conclusions stay",
            ),
            "get more trials; simulate to see how many",
        )
        told = f"{words}: {known}" if known else words
        found.append(Finding("caution", "trade-off", told, _in_turn(*cures), (first, second)))
    return found


def cut_short(share: float) -> list[Finding]:
    """Trajectories cut at their longest, of so many draws: slow, not wrong."""
    if not share > CUT:
        return []
    words = (
        f"trajectories were cut at their longest at {share:.0%} of draws: sampling is slow, though not wrong for that"
    )
    return [Finding("caution", "cut-short", words, _in_turn(NARROWER, FEWER))]


# -- in one paragraph ----------------------------------------------------------------------------------------------------


def verdict(wrong: Sequence[Finding], odd: Sequence[Finding], table: pd.DataFrame, chains: int) -> str:
    """Whether a fit can be relied on, for people who are no statisticians.

    Parameters
    ----------
    wrong, odd
        Problems of the draws, and what the data cannot tell.
    table
        As in :class:`trialwise.analysis.diagnose.Diagnosis`.
    chains
        How many there are.
    """
    parts = [_distrust(wrong) if wrong else _trust(table, chains)]
    if wrong:
        parts.append("What is said about the data below may change once this is put right.")
    if odd:
        parts.append("Of the data: " + "; ".join(finding.brief for finding in odd) + ".")
    elif not wrong:
        parts.append(_told(table))
    return " ".join(part for part in parts if part)


def _distrust(wrong: Sequence[Finding]) -> str:
    count = "one thing is" if len(wrong) == 1 else f"{len(wrong)} things are"
    told = "; ".join(finding.brief for finding in wrong)
    begin = "" if len(wrong) == 1 else " Begin with the first: the others often come of it."
    return f"Do not rely on this fit yet: {count} wrong with its draws. {told[0].upper()}{told[1:]}.{begin}"


def _trust(table: pd.DataFrame, chains: int) -> str:
    smallest = table[["ess_bulk", "ess_tail"]].min(axis=1)
    return (
        f"The draws can be relied on. {chains} chains that started apart came to the same answer (largest R-hat "
        f"{table['r_hat'].max():.3f}), and the least well known number, {smallest.idxmin()}, rests on {smallest.min():.0f} effective "
        f"draws: another run would move a mean by about {(table['mcse'] / table['sd']).max():.0%} of a posterior standard "
        "deviation at most."
    )


def _told(table: pd.DataFrame) -> str:
    known = table["overlap"].dropna()
    if not len(known):
        return "What the priors were is not known here, so whether the data outweigh them is not told."
    return f"The data speak about every parameter of the group (largest overlap with a prior: {known.max():.0%}, {known.idxmax()})."


TRADE_OFF = "a slow learner who chooses sharply acts much like a fast one who chooses loosely"
"""Why a learning rate and an inverse temperature are hard to tell apart."""


def product(first: str, second: str, spreads: Sequence[float]) -> str:
    """How much better the product of two parameters is known; ``spreads`` of the logarithms of the first, the second and it."""
    one, other, both = (f"{np.expm1(spread):.0%}" for spread in spreads)
    return f"{first} x {second} is known to about {both}, {first} to {one}, {second} to {other}"
