"""Whether a learner reproduces measures of behaviour: a verdict on all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trialwise.analysis.against_truth import INTERVAL
from trialwise.analysis.outlying import outlying
from trialwise.base.message import Argument, Message
from trialwise.base.result import NOT_DECIDED, Finding

if TYPE_CHECKING:
    import pandas as pd

UNUSUAL = 0.05
"""Probability of a data set as unusual as the observed one, below which the learner is said not to reproduce it."""


class Reliability(NamedTuple):
    """The first problem of a fit's draws, None if they are reliable; and whether it is such that there is no verdict."""

    draws: Finding | None = None
    withheld: bool = False

    def decides(self, sets: int) -> bool:
        """Whether there are verdicts, from so many simulated data sets."""
        return not (self.draws is not None and self.withheld) and 2 / (sets + 1) <= UNUSUAL


def outside(table: pd.DataFrame) -> pd.DataFrame:
    """The measures whose observed value is outside the interval of the simulated data sets, the farthest first."""
    low, high, observed = (table[name].to_numpy() for name in ("low", "high", "observed"))
    distance = np.maximum(low - observed, observed - high) / np.maximum(high - low, 1e-9)
    order = np.argsort(-distance, kind="stable")
    return table.iloc[order[(distance[order] > 0) & table["tail"].notna().to_numpy()[order]]]


def reproduces(table: pd.DataFrame, simulated: pd.DataFrame, reliability: Reliability) -> Finding:
    """Whether the observed data set is one that the learner might have produced.

    Parameters
    ----------
    table
        A row a measure: ``observed``, ``low``, ``high``, ``tail``.
    simulated
        ``(data sets, measures)``.
    reliability
        Of the draws.
    """
    total, sets, about = int(table["tail"].notna().sum()), len(simulated), tuple(map(str, outside(table).index))
    if not total:
        sentence = "not decided whether the learner reproduces the observed behaviour: no measure is defined in the data and in simulated data sets"
        return Finding("caution", NOT_DECIDED, sentence)
    p, measured = weighed(table, simulated)
    draws = reliability.draws
    if draws is not None and reliability.withheld:
        sentence = Message(
            "not decided whether the learner reproduces the observed behaviour: the draws of the fit are not reliable: ",
            draws.sentence, f" ({measured})",
        )  # fmt: skip
        return Finding("caution", NOT_DECIDED, sentence, draws.advice, about)
    if not reliability.decides(sets):
        needed = int(np.ceil(2 / UNUSUAL))
        sentence = Message(
            f"not decided whether the learner reproduces the observed behaviour: {sets} simulated data sets are too few to call anything unusual: use {needed} or more, ",
            Argument("datasets", 100), f" ({measured})",
        )  # fmt: skip
        return Finding("caution", NOT_DECIDED, sentence, about=about)
    verb, code = ("does not reproduce", "deviates") if p <= UNUSUAL else ("reproduces", "reproduced")
    sentence = Message(f"the learner {verb} the observed behaviour: {measured}")
    if draws is None:
        return Finding("caution" if p <= UNUSUAL else "note", code, sentence, about=about)
    provisional = Message(
        sentence, "; this is provisional, since the draws of the fit have a problem: ", draws.sentence
    )
    return Finding("caution", code, provisional, draws.advice, about)


def weighed(table: pd.DataFrame, simulated: pd.DataFrame) -> tuple[float, str]:
    """How probable as unusual a data set is, by :func:`~trialwise.analysis.outlying.outlying`, and what that says in words."""
    p = outlying(table["observed"].to_numpy(float), simulated.to_numpy(float))
    total, missed = int(table["tail"].notna().sum()), len(outside(table))
    expected = round(1 - INTERVAL, 3) * total
    return p, (
        f"{missed} of {total} measures lie outside their {100 * INTERVAL:.0f} % interval, where about {expected:.0f} would by "
        f"chance; as unusual a data set occurs in {p:.0%} of simulated ones"
    )
