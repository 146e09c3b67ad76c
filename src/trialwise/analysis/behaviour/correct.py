"""All measures of correct choices side by side, a row a participant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.behaviour.accuracy import (
    accuracy,
    after_switch,
    context_index,
    early_slope,
    has_context_index,
    intrusions,
)
from trialwise.analysis.behaviour.scored import scored
from trialwise.data.trials import Trials

if TYPE_CHECKING:
    import pandas as pd


def of_correct_choices(trials: Trials, means: np.ndarray, past: Trials | None = None) -> pd.DataFrame:
    """Accuracy, learning curves, choices after a switch, intrusions, the early slope and, if ``means`` have one, the context index.

    With ``past``, for one-step predictions, the correlation of the context index is left out. Whoever happens to be right learns from it
    and is right more often, so that chance makes the accuracies of a participant's contexts differ more than those of redrawn choices,
    each of which follows the same real choices. Shares are right on average all the same, but a correlation is not a mean over trials:
    with more chance in the accuracies it is nearer to 0 than the true learner predicts one step ahead.
    """
    frame = scored(trials, means)
    parts = [accuracy(frame)]
    for by in ("presentation", "block"):
        curve: Any = accuracy(frame, by)
        parts.append(curve.set_axis([f"accuracy, {by} {k}" for k in curve.columns], axis=1))
    near: Any = after_switch(frame)
    near = near.loc[:, [column for column in near.columns if column[1] <= 4]]
    parts.append(near.set_axis([f"{kind} context, trial {k} after a switch" for kind, k in near.columns], axis=1))
    parts += [intrusions(frame), early_slope(frame).set_axis(["early slope"], axis=1)]
    if has_context_index(means):
        index: Any = context_index(frame, means)
        if past is not None:
            index = index.drop(columns="correlation")
        parts.append(index.set_axis([f"context index, {k}" for k in index.columns], axis=1))
    return side_by_side(parts, trials)


def side_by_side(parts: list[pd.DataFrame], trials: Trials) -> pd.DataFrame:
    """Tables with a row a participant as one; NaN for participants that a table does not have."""
    import pandas as pd

    labels = [str(label) for label in trials.participants]
    rows = [part.set_axis([str(label) for label in part.index]).reindex(labels) for part in parts]
    return pd.concat(rows, axis=1).rename_axis(index="participant")
