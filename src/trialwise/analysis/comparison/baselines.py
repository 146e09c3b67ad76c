"""Fits of the baselines to the trials of a comparison, with the settings of its first fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.data.trials import Trials
from trialwise.inference.fit import fit as fit_again
from trialwise.inference.fitted import Fit
from trialwise.inference.point import Point, point
from trialwise.learners.baselines import baselines_for
from trialwise.learners.learner import Learner


def like(fit: Fit, learner: Learner, trials: Trials) -> Fit:
    """A fit with the settings of another one: as many draws and chains, the same seed and pooling; without formulas."""
    tune: dict[str, Any] = {"tune": int(fit.attrs["tune"])} if "tune" in fit.attrs else {}
    return fit_again(
        learner, trials, draws=fit.draws.length, chains=fit.draws.chains, seed=int(fit.attrs["seed"]),
        pooling=fit.pooling, progress=False, **tune,
    )  # fmt: skip


def responses_of(each: Fit | Point) -> dict[str, str]:
    """Names of the families of the responses that a fit predicts, by name of the response."""
    if each.learner is not None:
        return {name: family.name for name, family in each.learner.responses.items()}
    assert isinstance(each, Fit)
    return dict(json.loads(each.attrs.get("learner_responses", "{}")))


def have_stages(fits: Mapping[str, Fit] | Mapping[str, Point]) -> bool:
    """Whether one of the learners is about trials of several stages, which are a row each."""
    return any(each.learner is not None and bool(each.learner.assumptions.stages) for each in fits.values())


def with_baselines(fits: Mapping[str, Fit] | Mapping[str, Point]) -> Mapping[str, Fit] | Mapping[str, Point]:
    """These fits, or points, and those of the baselines of their trials that are not among them.

    Raises
    ------
    UsageError
        If no baseline is for such data, or one of the fits has the name of a baseline and is not of it.
    """
    first: Fit | Point = next(iter(fits.values()))  # type: ignore[assignment]
    responses = responses_of(first)
    learners = {name: each.learner for name, each in fits.items()}
    trials = first.data if isinstance(first, Fit) else first.trials
    expansion = trials.expansion
    staged = (expansion is not None and expansion.several) or have_stages(fits)
    baselines = baselines_for(trials, responses, staged)
    if not baselines:
        predicted = " and ".join(f"{name} ({family})" for name, family in responses.items())
        raise UsageError(
            Argument("baselines", True),
            f": there are baselines of choices and of a single response that is normal, student or lognormal, and none of {predicted}: leave it out",
        )
    missing = {name: each for name, each in baselines.items() if each not in learners.values()}
    for name in missing:
        if name in fits:
            raise UsageError(
                f"a fit of {learners[name] or 'another learner'} is called {name!r}, which is the name of a baseline: give it another name"
            )
    own: dict[str, Fit | Point] = {
        name: point(each, trials) if isinstance(first, Point) else like(first, each, trials)
        for name, each in missing.items()
    }
    return {**fits, **own}  # type: ignore[return-value]
