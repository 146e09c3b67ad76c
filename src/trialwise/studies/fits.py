"""The fits of a study: their settings, and what is recorded of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.data.trials import Trials
from trialwise.inference.fit import fit
from trialwise.inference.fitted import Fit
from trialwise.learners.learner import Learner
from trialwise.studies.store import Piece

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class FitSettings:
    """Settings of each fit of a study, as for :func:`trialwise.fit`."""

    draws: int | None
    tune: int
    chains: int
    sampler: str | None
    pooling: str = "partial"

    def fit(self, learner: Learner, trials: Trials, seed: int, priors: Mapping[str, Any]) -> Fit:
        """Fit a data set with these settings."""
        return fit(
            learner, trials, seed=seed, priors=dict(priors), pooling=self.pooling, draws=self.draws, tune=self.tune, chains=self.chains,
            sampler=self.sampler, progress=False,
        )  # fmt: skip


def sampling_of(fitted: Fit) -> Piece:
    """How the sampling of a fit went: its largest R-hat, divergences and problems."""
    return {
        "r_hat": np.array(worst_r_hat(fitted)),
        "divergences": np.array(int(fitted.tree["sample_stats"]["diverging"].sum())),
        "problems": np.array("\n".join(fitted.problems)),
    }


def sampling_table(pieces: Mapping[int, Piece]) -> pd.DataFrame:
    """:func:`sampling_of` each data set, and the seconds that it took; a row a data set."""
    import pandas as pd

    columns = ("r_hat", "divergences", "problems", "seconds")
    values = {name: [piece[name].item() for piece in pieces.values()] for name in columns}
    return pd.DataFrame(values, index=pd.Index(pieces, name="dataset"))


def worst_r_hat(fitted: Fit) -> float:
    """The largest R-hat of the group's parameters (of the participants', without a group); NaN for one chain."""
    import arviz_stats

    table = arviz_stats.summary(fitted.tree, var_names=fitted.group_names, round_to="none")
    return float(table["r_hat"].astype(float).max())
