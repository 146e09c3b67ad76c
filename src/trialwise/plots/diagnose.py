"""Plot of a diagnosis: ranks, traces and autocorrelation of each chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.diagnose import Diagnosis
from trialwise.inference.draws import labelled
from trialwise.plots.colours import distinct
from trialwise.plots.intervals import NAME, half_width
from trialwise.plots.panels import not_shown, panels
from trialwise.plots.picture import picture
from trialwise.plots.trace import trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS, LAGS = 10, 60


@picture.register(Diagnosis)
def diagnose_plot(diagnosis: Diagnosis) -> Figure:
    """Three panels per group parameter: rank histograms, traces and autocorrelation of each chain.

    The grey band of the rank histograms is the 89 % interval of a bin of converged chains, given their effective draws: most bins lie
    within it.
    """
    fit = diagnosis.fit
    parameters = labelled(fit.tree, fit.group_names)
    diverging = fit.tree["sample_stats"]["diverging"].to_numpy()
    effective = {str(name): float(ess) for name, ess in diagnosis.table["ess_bulk"].items()}
    heads = {
        f"ranks: should be uniform (grey: {NAME})": 2,
        f"trace: chains should overlap{not_shown(len(parameters))}": 3,
        "autocorrelation by lag: should decay": 2,
    }
    figure, axes, displayed = panels(parameters, 11, 1.6, heads)
    for (label, draws), (left, middle, right) in zip(displayed.items(), axes, strict=True):
        _ranks(left, draws, effective[label])
        trace(middle, draws, diverging)
        _autocorrelation(right, draws)
    return figure


def _ranks(axis: Axes, draws: np.ndarray, effective: float) -> None:
    """Rank histograms of the chains relative to uniform ranks (Vehtari et al. 2021, section 4.3)."""
    from scipy.stats import rankdata

    chains, length = draws.shape
    ranks = rankdata(draws).reshape(draws.shape) / draws.size
    for chain, each in enumerate(ranks):
        count, edges = np.histogram(each, BINS, (0.0, 1.0))
        axis.stairs(count * BINS / length, edges, color=distinct(chain), linewidth=1)
    spread = half_width(np.sqrt((BINS - 1) / max(effective / chains, 1.0)))
    axis.axhspan(max(1 - spread, 0.0), 1 + spread, color="0.9", zorder=0)
    axis.axhline(1.0, color="0.6", linewidth=0.7)
    axis.set_ylim(0.0, None)
    axis.set_xlim(0.0, 1.0)


def _autocorrelation(axis: Axes, draws: np.ndarray) -> None:
    from arviz_stats.base import array_stats

    with np.errstate(invalid="ignore"):
        for chain, each in enumerate(np.atleast_2d(array_stats.autocorr(draws, axis=1))):
            axis.plot(each[:LAGS], color=distinct(chain), linewidth=1)
    axis.axhline(0.0, color="0.6", linewidth=0.7)
    axis.set_ylim(-0.3, 1.0)
