"""Whether a comparison decides which learner predicts best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student

from trialwise.base.english import listed
from trialwise.base.message import Message
from trialwise.base.result import NOT_DECIDED, Finding

if TYPE_CHECKING:
    import pandas as pd

ALIKE = 4.0
"""Differences of log predictive density below this are inconclusive whatever their standard errors, which are then too small
(Sivula et al. 2025)."""

ERROR = 0.05
"""Probability with which any of the differences of equally good learners is called decided."""


def verdict(elpd: pd.DataFrame, error: pd.Series, doubtful: np.ndarray, reasons: Mapping[str, str]) -> Finding:
    r"""Whether the first learner predicts best.

    It does if its difference from each other learner, a sum over participants, is larger than 4 and than
    :math:`t_{n - 1}` standard errors, with Student's quantile for n participants at 5 % shared among all other learners, with and
    without participants whose predictive densities are not reliable.

    Parameters
    ----------
    elpd
        ``(participants, learners)``, log predictive densities, the best learner first.
    error
        Monte Carlo standard error of each learner's sum.
    doubtful
        Whether a participant's predictive density is not reliable, ``(participants,)``.
    reasons
        Why a learner's predictive densities are not reliable at all, by name; empty if they are.

    Returns
    -------
    Finding
        ``"best"``, a note, or ``"not-decided"``, a caution.
    """
    best, *others = map(str, elpd.columns)
    differences = {name: (elpd[best] - elpd[name]).to_numpy() for name in others}
    noise = {name: float(np.hypot(error[best], error[name])) for name in others}
    some = 0 < doubtful.sum() < len(elpd)
    close = [
        name for name in others
        if not _decided(differences[name], noise[name], len(others))
        or (some and not _decided(differences[name][~doubtful], noise[name], len(others)))
    ]  # fmt: skip
    winners = int((elpd[best] > elpd[others].max(axis=1)).sum())
    first = f"{best} comes first, and is the best for {winners} of {len(elpd)} participants"
    if reasons:
        why = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        sentence = (
            f"not decided which learner predicts best: {first}, but predictive densities are not reliable ({why})"
        )
        return Finding("caution", NOT_DECIDED, sentence, "Solve that first", (best, *reasons))
    if close:
        kept = (
            ~doubtful if some else np.ones(len(elpd), bool)
        )  # without them fewer decide, and their numbers are those that count
        parts = [_measured(name, differences[name][kept], noise[name], len(others)) for name in close]
        sentence = f"not decided which learner predicts best: {first}, but cannot be separated from {listed(close)}: {'; '.join(parts)}"
        left_out = f", without the {int(doubtful.sum())} whose predictive densities are not reliable" if some else ""
        advice = f"More participants may decide{left_out}; until then, neither can be said to be better"
        return Finding("caution", NOT_DECIDED, sentence, advice, (best, *close))
    parts = [_measured(name, differences[name], noise[name], len(others)) for name in others]
    return Finding("note", "best", Message(f"{best} predicts best: {'; '.join(parts)}"), about=(best,))


def _limit(participants: int, others: int) -> float:
    """The number of standard errors that decides."""
    return float(student.ppf(1 - ERROR / (2 * others), participants - 1)) if participants > 1 else np.inf


def _standard_error(difference: np.ndarray, noise: float) -> float:
    """Standard error of the sum; NaN for a single participant."""
    over = difference.std(ddof=1) * np.sqrt(len(difference)) if len(difference) > 1 else np.nan
    return float(np.hypot(over, noise))


def _decided(difference: np.ndarray, noise: float, others: int) -> bool:
    enough = _limit(len(difference), others) * _standard_error(difference, noise)
    return bool(difference.sum() >= ALIKE and difference.sum() > enough)


def _measured(name: str, difference: np.ndarray, noise: float, others: int) -> str:
    """The difference from a learner, its standard error and what would decide."""
    n, total = len(difference), difference.sum()
    if n == 1:
        return f"{name} by {total:.1f}, of one participant, so that there is no standard error"
    limit, error = _limit(n, others), _standard_error(difference, noise)
    errors = f"{total / error:.1f} standard errors" if error else "without any variation"
    return f"{name} by {total:.1f}, {errors} (with {n} participants, {limit:.1f} and a difference of {ALIKE:g} decide)"
