"""Plot of a confusion study: which learner fits best, given the one that was simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialwise.plots.labels import folded
from trialwise.plots.picture import picture
from trialwise.studies.confusion import Confusion

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@picture.register(Confusion)
def confusion_plot(study: Confusion) -> Figure:
    """Three matrices, simulated learners in rows: confusion by participants, by data sets, and the inverse by participants."""
    from matplotlib.figure import Figure

    names = [folded(name, 22) for name in study.learners]
    size = max(2.8, 1.8 + 0.8 * len(names))
    figure = Figure(figsize=(3 * size + 1, size + 0.8), layout="constrained")
    matrices = {
        "participants:\np(fits best | simulated)": study.confusion,
        "data sets:\np(fits best | simulated)": study.groups,
        "participants:\np(simulated | fits best)": study.inversion,
    }
    for axis, (title, matrix) in zip(figure.subplots(1, 3), matrices.items(), strict=True):
        values = matrix.to_numpy()
        axis.imshow(values, vmin=0, vmax=1, cmap="Blues")
        for (row, column), value in zip(
            [(i, j) for i in range(len(names)) for j in range(len(names))], values.ravel(), strict=True
        ):
            text = f"{value:.2f}" if value == value else "-"
            axis.text(column, row, text, ha="center", va="center", color="white" if value > 0.55 else "black")
        axis.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8)
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("best-fitting learner")
        axis.set_ylabel("simulated learner")
    return figure
