"""Whether draws can be trusted: the checks of a sampling run, each failure with advice (R28, U11)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

RHAT, ESS, BFMI, ACCEPTED = 1.01, 400, 0.3, 0.05
"""Thresholds of Vehtari et al. 2021 (Bayesian Analysis 16:667), and of Betancourt 2016 for E-BFMI."""


def problems(tree: xr.DataTree, group: pd.DataFrame) -> tuple[str, ...]:
    """What is wrong with a sampling run, each a sentence with advice; empty if nothing is.

    Parameters
    ----------
    tree
        With the group ``sample_stats``.
    group
        Summary of the parameters that matter: columns ``r_hat``, ``ess_bulk``, ``ess_tail``.
    """
    found = []
    stats = tree["sample_stats"]
    divergences = int(stats["diverging"].sum())
    if divergences:
        found.append(
            f"{divergences} divergent transitions: draws near them are biased. Fit fewer parameters (.fix, .tie), give "
            "narrower priors, or look at the participants that trial_values shows to be odd"
        )
    if stats.sizes["chain"] == 1:
        found.append("one chain has no other to be compared with: sample more than one, chains=4")
    found += [f"{problem.words}. {problem.advice}" for problem in too_few(group)]
    if "accepted" in stats and float(stats["accepted"].mean()) < ACCEPTED:
        found.append(
            f"chains were elsewhere than before at only {float(stats['accepted'].mean()):.1%} of draws: the emulators are far "
            "off, or the estimates noisy. Fit fewer parameters (.fix, .tie), give narrower priors, or draw more, draws="
        )
    energy = _bfmi(stats["energy"].to_numpy()) if "energy" in stats else np.array([1.0])
    if (energy < BFMI).any():
        found.append(
            f"E-BFMI of {energy.min():.2f} in a chain (wanted {BFMI:g}): the tails are explored slowly. Give narrower "
            "priors for spreads, or draw more"
        )
    return tuple(found)


class Lack(NamedTuple):
    """What draws lack, and what to do about it."""

    words: str
    advice: str


def too_few(group: pd.DataFrame) -> list[Lack]:
    """What is wrong that more draws would put right; ``group`` as for :func:`problems`."""
    found = []
    compared = group["r_hat"].dropna()  # of one chain there is none
    few, most = _worst(compared.to_numpy(float), compared.index, above=RHAT)
    if few:
        words = f"R-hat above {RHAT:g} for {few} (worst {most:.3f}): the chains disagree"
        found.append(Lack(words, "Draw more: tune=, draws="))
    smallest = np.minimum(group["ess_bulk"].to_numpy(float), group["ess_tail"].to_numpy(float))
    few, least = _worst(-smallest, group.index, above=-ESS)
    if few:
        found.append(Lack(f"fewer than {ESS} effective draws for {few} (fewest {-least:.0f})", "Draw more, draws="))
    return found


def _worst(values: np.ndarray, names: Iterable[Hashable], above: float) -> tuple[str, float]:
    bad = [str(name) for name, value in zip(names, values, strict=True) if not value <= above]
    return ", ".join(bad[:6]) + (", ..." if len(bad) > 6 else ""), float(np.nanmax(values)) if len(values) else 0.0


def _bfmi(energy: np.ndarray) -> np.ndarray:
    """Energy Bayesian fraction of missing information of each chain (Betancourt 2016, arXiv:1604.00695)."""
    return np.square(np.diff(energy, axis=1)).mean(1) / np.maximum(energy.var(1), 1e-300)
