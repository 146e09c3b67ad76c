"""The fits of a study: their settings, and what is recorded of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from trialwise.base.message import NAME_ALONE, Argument, Message
from trialwise.base.result import Finding
from trialwise.data.reading.table import Table
from trialwise.data.trials import Trials
from trialwise.inference.diagnostics import USABLE
from trialwise.inference.fit import fit
from trialwise.inference.fitted import Fit
from trialwise.learners.learner import Learner
from trialwise.population.designs.build import Correlated, Random
from trialwise.population.designs.formula import Formulas
from trialwise.studies.store import Piece

if TYPE_CHECKING:
    import pandas as pd

R_HAT, ESS, DIVERGED = USABLE, 100, 0.01
"""Thresholds for the fits of a study: largest R-hat, fewest effective draws of a group parameter, share of divergent draws. A single
fit should have 1.01, 400 and none; those of a study are short and many, so that extremes are more extreme, and verdicts rest on all
of them."""

ALLOWED = 0.1
"""Share of data sets without reliable draws above which a study gives no verdict."""


class DesignArguments(TypedDict, total=False):
    """The arguments of :func:`trialwise.fit` about formulas."""

    formulas: Formulas
    participants: Table | None
    random: Random
    correlated: Correlated


@dataclass(frozen=True)
class FitSettings:
    """Settings of each fit of a study, as for :func:`trialwise.fit`."""

    draws: int | None
    tune: int
    chains: int
    sampler: str | None
    pooling: str = "partial"

    def fit(
        self,
        learner: Learner,
        trials: Trials,
        seed: int,
        priors: Mapping[str, Any],
        design: DesignArguments | None = None,
    ) -> Fit:
        """Fit a data set with these settings."""
        return fit(
            learner, trials, seed=seed, priors=dict(priors), pooling=self.pooling, draws=self.draws, tune=self.tune, chains=self.chains,
            sampler=self.sampler, progress=False, **(design or {}),
        )  # fmt: skip


def sampling_of(fitted: Fit) -> Piece:
    """How the sampling of a fit went: its largest R-hat, fewest effective draws, number of draws, divergences and problems."""
    r_hat, ess = worst(fitted)
    return {
        "r_hat": np.array(r_hat),
        "ess": np.array(ess),
        "draws": np.array(fitted.draws.count),
        "divergences": np.array(int(fitted.tree["sample_stats"]["diverging"].sum())),
        "problems": np.array("\n".join(fitted.problems)),
    }


def sampling_table(pieces: Mapping[int, Piece]) -> pd.DataFrame:
    """:func:`sampling_of` each data set, and the seconds that it took; a row a data set."""
    import pandas as pd

    columns = ("r_hat", "ess", "draws", "divergences", "problems", "seconds")
    unknown = np.array(np.nan)  # in pieces of an older version
    values = {name: [piece.get(name, unknown).item() for piece in pieces.values()] for name in columns}
    return pd.DataFrame(values, index=pd.Index(pieces, name="dataset"))


def worst(fitted: Fit) -> tuple[float, float]:
    """Largest R-hat (NaN for one chain) and fewest effective draws of the group's parameters; of the participants', without a group."""
    import arviz_stats

    table = arviz_stats.summary(fitted.tree, var_names=fitted.group_names, round_to="none").astype(float)
    return float(table["r_hat"].max()), float(table[["ess_bulk", "ess_tail"]].min(axis=None))


def unreliable(fits: pd.DataFrame) -> pd.Series:
    """Whether the draws of each fit of a study are unreliable; ``fits`` as returned by :func:`sampling_table`.

    Fits of one chain, whose R-hat is unknown, are unreliable too.
    """
    diverged = fits["divergences"] > DIVERGED * fits["draws"]
    return ~(fits["r_hat"] <= R_HAT) | (fits["ess"] < ESS) | diverged


def sampling_findings(fits: pd.DataFrame) -> tuple[Finding, ...]:
    """Whether the fits of a study are reliable, and which criteria they fail."""
    bad, count = unreliable(fits), len(fits)
    if bad.any():
        reasons = {
            f"R-hat above {R_HAT:g}, or one chain, in {{}}": ~(fits["r_hat"] <= R_HAT),
            f"fewer than {ESS} effective draws in {{}}": fits["ess"] < ESS,
            f"more than {DIVERGED:.0%} of draws diverged in {{}}": fits["divergences"] > DIVERGED * fits["draws"],
        }
        why = "; ".join(reason.format(int(each.sum())) for reason, each in reasons.items() if each.any())
        sentence = f"draws of {int(bad.sum())} of {count} fits are not reliable: {why}"
        advice = Message(
            "Use more, ",
            Argument("draws", NAME_ALONE),
            ", ",
            Argument("tune", NAME_ALONE),
            " and ",
            Argument("chains", 4),
        )
        return (Finding("problem" if bad.mean() > ALLOWED else "caution", "draws", sentence, advice),)
    if short := int((fits["problems"] != "").sum()):
        sentence = (
            f"{short} of {count} fits would be too short alone, but suffice together: largest R-hat {fits['r_hat'].max():.3f}, fewest "
            f"effective draws {fits['ess'].min():.0f}; see the column problems of the table of fits"
        )
        return (Finding("note", "short-fits", sentence),)
    return ()
