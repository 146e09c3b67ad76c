"""Which quantities mix slowly, why, and how many draws they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trialwise.base.message import Argument, Message
from trialwise.inference.diagnostics import ESS, MOST_TIMES, enough_draws
from trialwise.inference.samplers.particle_gibbs.renewal import Renewal

if TYPE_CHECKING:
    import xarray as xr

NAMED = 3
"""Largest number of quantities, and of participants, that are named."""

QUICK = 30
"""Sweeps for an effective draw up to which a quantity does not mix slowly: with too few effective draws of it there are just too few draws."""

RENEWALS = 5
"""How often a hidden choice has to be drawn anew within an autocorrelation time; below that it explains the time."""


def slowness(tree: xr.DataTree, names: Sequence[str], sweeps: int, rarest: Sequence[Renewal]) -> Message | None:
    """Name the quantities that mix slowly and have too few effective draws, with their autocorrelation times, the likely reason and the draws that they take.

    Parameters
    ----------
    tree
        The draws.
    names
        Variables to look at: those of the group.
    sweeps
        Number of sweeps of each chain.
    rarest
        Where the hidden choices of each participant are drawn anew most rarely.

    Returns
    -------
    Message
        None if there are enough draws, or no quantity mixes slowly.
    """
    import arviz_stats

    table = arviz_stats.summary(tree, var_names=list(names), round_to="none").astype(float)
    effective = table[["ess_bulk", "ess_tail"]].min(axis=1).clip(lower=1.0)
    chains, draws = tree["posterior"].sizes["chain"], tree["posterior"].sizes["draw"]
    slow = effective[(effective < ESS) & (chains * sweeps / effective > QUICK)].sort_values()
    if not len(slow):
        return None
    times = chains * sweeps / slow  # sweeps for an effective draw
    listed = ", ".join(f"{name} ({time:.0f} sweeps)" for name, time in times.iloc[:NAMED].items())
    seldom = sorted((each for each in rarest if each.share < RENEWALS / times.iloc[0]), key=lambda each: each.share)
    if seldom:
        some = seldom[:NAMED]
        who = ", ".join(f"{each.participant} (trial {each.trial + 1}: {_once_in(each.share)})" for each in some)
        who += ", ..." if len(seldom) > NAMED else ""
        why = f"hidden choices are seldom drawn anew, those of {who}"
    else:
        why = "hidden choices are drawn anew often enough, but given them these parameters can move only a little at a time"
    times_more = ESS / slow.iloc[0]
    start = f"slowest to mix: {listed}, for an effective draw; likely reason: {why}. For {ESS} effective draws: "
    enough = Argument("draws", enough_draws(draws, times_more))
    if times_more > MOST_TIMES:
        return Message(start, "fit fewer parameters, since it would take ", enough)
    return Message(start, enough, ", or fewer parameters")


def _once_in(share: float) -> str:
    return f"once in {1 / share:.0f} sweeps" if share > 0 else "never"
