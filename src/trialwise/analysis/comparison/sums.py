"""Sums over participants and their errors, and how frequent learners are among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.comparison.frequencies import frequencies

if TYPE_CHECKING:
    import pandas as pd


def error_of_difference(error: pd.Series) -> pd.Series:
    """Monte Carlo errors of differences from the first learner; 0 for the first learner itself."""
    combined = (error**2 + error.iloc[0] ** 2) ** 0.5
    combined.iloc[0] = 0.0
    return combined


def standard_error(values: pd.DataFrame) -> pd.Series:
    """Standard errors of sums over participants; NaN for a single participant."""
    return values.std(ddof=1) * np.sqrt(len(values))


def frequency_table(evidence: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """How frequent each learner is, and the probability that all are equally frequent."""
    result = frequencies(evidence.to_numpy())
    return result.table([str(name) for name in evidence.columns]), result.omnibus_risk
