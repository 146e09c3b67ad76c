"""Plots of measures that have a prior, such as reliability and association: the posterior of each measure in front of its prior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.association import Association
from trialwise.analysis.effects.answer import Measures, PosteriorAndPrior
from trialwise.analysis.reliability import Reliability
from trialwise.plots.colours import BLUE, GREY
from trialwise.plots.picture import picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 60


@picture.register(Association)
@picture.register(Reliability)
def measures_plot(result: Measures) -> Figure:
    """A panel for each measure: its posterior in blue, its prior in grey."""
    return _densities(result.draws)


def _densities(draws: Mapping[str, PosteriorAndPrior]) -> Figure:
    from matplotlib.figure import Figure

    across = min(len(draws), 3)
    down = -(-len(draws) // across)
    figure = Figure(figsize=(3.2 * across, 2.4 * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis, (name, (posterior, prior)) in zip(axes, draws.items(), strict=False):
        everything = np.concatenate([posterior.ravel(), np.quantile(prior, [0.01, 0.99])])
        bins = np.linspace(everything.min(), everything.max(), BINS)
        axis.hist(prior.ravel(), bins, density=True, color=GREY, alpha=0.4, label="prior")
        axis.hist(posterior.ravel(), bins, density=True, histtype="step", color=BLUE, label="posterior")
        axis.set_title(name, fontsize="medium")
        axis.set_yticks([])
        axis.spines[["top", "right", "left"]].set_visible(False)
    for axis in axes[len(draws) :]:
        axis.set_visible(False)
    axes[0].legend(frameon=False)
    return figure
