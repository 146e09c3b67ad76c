"""Plot of a diagnosis: ranks, traces and autocorrelation of each chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.diagnose import Diagnosis
from trialwise.inference.draws import labelled
from trialwise.plots.panels import not_shown, panels
from trialwise.plots.picture import picture
from trialwise.plots.trace import trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS, LAGS = 10, 60


@picture.register(Diagnosis)
def diagnose_plot(diagnosis: Diagnosis) -> Figure:
    """A row per group parameter: rank histograms, traces and autocorrelation of each chain.

    The grey band of the rank histograms depends on the effective sample size; ranks of converged chains mostly lie within it.
    """
    fit = diagnosis.fit
    parameters = labelled(fit.tree, fit.group_names)
    diverging = fit.tree["sample_stats"]["diverging"].to_numpy()
    effective = {str(name): float(ess) for name, ess in diagnosis.table["ess_bulk"].items()}
    figure, axes, displayed = panels(parameters, 11, 1.6, (2, 3, 2))
    for (label, draws), (left, middle, right) in zip(displayed.items(), axes, strict=True):
        _ranks(left, draws, effective[label])
        trace(middle, draws, diverging)
        _autocorrelation(right, draws)
    axes[0, 0].set_title("ranks by chain: should be uniform", fontsize=9)
    axes[0, 1].set_title("traces: should overlap" + not_shown(len(parameters)), fontsize=9)
    axes[0, 2].set_title("autocorrelation by lag: should decay quickly", fontsize=9)
    return figure


def _ranks(axis: Axes, draws: np.ndarray, effective: float) -> None:
    """Rank histograms of the chains relative to uniform ranks (Vehtari et al. 2021, section 4.3)."""
    from scipy.stats import rankdata

    chains, length = draws.shape
    ranks = rankdata(draws).reshape(draws.shape) / draws.size
    for chain, each in enumerate(ranks):
        count, edges = np.histogram(each, BINS, (0.0, 1.0))
        axis.stairs(count * BINS / length, edges, color=f"C{chain % 10}", linewidth=1)
    spread = 2 * np.sqrt((BINS - 1) / max(effective / chains, 1.0))
    axis.axhspan(max(1 - spread, 0.0), 1 + spread, color="0.9", zorder=0)
    axis.axhline(1.0, color="0.6", linewidth=0.7)
    axis.set_ylim(0.0, None)
    axis.set_xlim(0.0, 1.0)


def _autocorrelation(axis: Axes, draws: np.ndarray) -> None:
    from arviz_stats.base import array_stats

    with np.errstate(invalid="ignore"):
        for chain, each in enumerate(np.atleast_2d(array_stats.autocorr(draws, axis=1))):
            axis.plot(each[:LAGS], color=f"C{chain % 10}", linewidth=1)
    axis.axhline(0.0, color="0.6", linewidth=0.7)
    axis.set_ylim(-0.3, 1.0)
