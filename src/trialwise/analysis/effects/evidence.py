"""Summaries of differences in the posterior: intervals, direction, practical equivalence."""

from __future__ import annotations

import numpy as np

from trialwise.analysis.against_truth import INTERVAL

HDI = 0.95
"""Probability of the highest-density interval."""

NEGLIGIBLE = 0.1
"""Half the width of the default region of practical equivalence, in units of the spread of participants (Kruschke 2018)."""


def summarised(draws: np.ndarray) -> dict[str, float]:
    """Mean, median, standard deviation, 95 % highest-density interval, and equal-tailed 89 % interval of draws."""
    from arviz_stats.base import array_stats

    values = np.ravel(draws)
    hdi_low, hdi_high = array_stats.hdi(values, HDI)
    low, high = np.quantile(values, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
    return {
        "mean": float(values.mean()), "median": float(np.median(values)), "sd": float(values.std(ddof=1)),
        "hdi_low": float(hdi_low), "hdi_high": float(hdi_high), "low": float(low), "high": float(high),
    }  # fmt: skip


def probability_of_direction(draws: np.ndarray, neutral: float = 0.0) -> float:
    """The larger of the probabilities to be above and below a neutral value; NaN for draws without any difference from it."""
    if not np.any(draws != neutral):
        return float("nan")
    return max(float(np.mean(draws > neutral)), float(np.mean(draws < neutral)))


def direction_text(probability: float) -> str:
    """A probability of direction in words; it is never rounded to 1, since draws are finitely many."""
    text = f"{probability:.3f}"
    return f"probability of direction {'> 0.999' if text == '1.000' else text}"


def inside(draws: np.ndarray, low: float, high: float) -> float:
    """The share of draws between two limits."""
    return float(np.mean((draws > low) & (draws < high)))
