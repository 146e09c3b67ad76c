"""What is shown while chains draw: effective draws so far, and the share of the sweeps that they will take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.progress import Update
from trialwise.inference.diagnostics import ESS
from trialwise.inference.draws import labelled

if TYPE_CHECKING:
    import xarray as xr

FIRST = 25
"""Draws of a chain before which effective draws are not estimated."""

WORTH = 0.02
"""Largest share of the time that is spent on estimating them."""


def effective_draws(tree: xr.DataTree, names: Sequence[str]) -> dict[str, float]:
    """Bulk effective draws of each variable, one entry per participant where they differ."""
    from arviz_stats.base import array_stats

    found = labelled(tree, names)
    return {name: float(array_stats.ess(x, chain_axis=0, draw_axis=1, method="bulk")) for name, x in found.items()}


@dataclass
class Watch:
    """How far sampling is.

    Attributes
    ----------
    tell
        Shows it.
    names
        Variables whose effective draws count: those of the group.
    until_enough
        Whether sampling goes on until there are enough of them; otherwise the number of draws was requested.
    shown
        Whether anybody sees it; otherwise nothing is estimated.
    """

    tell: Update
    names: Sequence[str]
    until_enough: bool
    shown: bool
    fewest: float = np.nan
    per_sweep: float = np.nan
    spent: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def show(self, done: int, goals: Sequence[int], draws: int, tree: Callable[[], xr.DataTree]) -> None:
        """Show how far sampling is.

        Parameters
        ----------
        done
            Number of sweeps of each chain.
        goals
            The numbers of sweeps, ascending, at which sampling may end: after the first with enough effective draws.
        draws
            Number of draws of each chain.
        tree
            Gives the draws.
        """
        now = time.perf_counter()
        if self.shown and draws >= FIRST and self.spent <= WORTH * (now - self.began):
            self._estimate(tree())
            self.per_sweep = self.fewest / done
            self.spent += time.perf_counter() - now
        whole = goals[0]
        if self.until_enough and self.per_sweep > 0:
            enough = ESS / self.per_sweep
            whole = next((goal for goal in goals if goal >= enough), goals[-1])
        self._tell(done / max(whole, done + 1))

    def finish(self, tree: xr.DataTree) -> None:
        """Show that sampling is finished, with all draws."""
        if self.shown:
            self._estimate(tree)
        self._tell(1.0)

    def _estimate(self, tree: xr.DataTree) -> None:
        self.fewest = min(effective_draws(tree, self.names).values())

    def _tell(self, share: float) -> None:
        self.tell("sampling", share, "" if np.isnan(self.fewest) else f"{self.fewest:.0f} effective draws")
