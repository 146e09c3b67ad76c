"""Fits of the baselines to the trials of a comparison, with the settings of its first fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trialwise.base.errors import UsageError
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.data.trials import Trials
from trialwise.inference.fit import fit as fit_again
from trialwise.inference.fitted import Fit
from trialwise.inference.point import Point, point
from trialwise.learners.baselines import baselines_for
from trialwise.learners.learner import Learner


def like(fit: Fit, learner: Learner, trials: Trials, priors: Mapping[str, Any] | None = None) -> Fit:
    """A fit with the settings of another one: as many draws and chains, the same seed and pooling."""
    tune: dict[str, Any] = {"tune": int(fit.attrs["tune"])} if "tune" in fit.attrs else {}
    return fit_again(
        learner, trials, draws=fit.draws.length, chains=fit.draws.chains, seed=int(fit.attrs["seed"]), priors=priors,
        pooling=fit.pooling, progress=False, **tune,
    )  # fmt: skip


def with_baselines(fits: Mapping[str, Fit] | Mapping[str, Point]) -> Mapping[str, Fit] | Mapping[str, Point]:
    """These fits, or points, and those of the baselines of their trials.

    Raises
    ------
    UsageError
        If no baseline is for such data, or one of the fits has the name of a baseline.
    """
    first: Fit | Point = next(iter(fits.values()))  # type: ignore[assignment]
    baselines = baselines_for(first.trials)
    if not baselines:
        raise UsageError(
            Argument("baselines", True),
            " needs choices, or a single continuous response, and these trials have neither: leave it out",
        )
    for name in baselines:
        if name in fits:
            raise UsageError(
                Argument("fits", NAME_ALONE), f" has {name!r}, which is the name of a baseline: give it another name"
            )
    own: dict[str, Fit | Point] = {
        name: point(each, first.trials) if isinstance(first, Point) else like(first, each, first.trials)
        for name, each in baselines.items()
    }
    return {**fits, **own}  # type: ignore[return-value]
