"""How often responses occur, by the probability with which a learner predicts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.predict import PARTICLES
from trialwise.base.streams import stream, stream_seed
from trialwise.data.trials import Trials
from trialwise.engine import responses_of
from trialwise.learners.learner import Learner
from trialwise.learners.parameter_values import matrix
from trialwise.learners.responses.family import random_numbers
from trialwise.likelihoods.kinds import likelihood_of

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
"""Number of bins of predicted probability."""

AVERAGED = 40
"""Posterior draws over which predicted probabilities are averaged."""

REDRAWS = 200
"""Predictive draws of each response that is a number, which rank the observed one."""


def calibration(
    learner: Learner,
    trials: Trials,
    parameters: Mapping[str, np.ndarray] | np.ndarray,
    seed: int = 0,
    bins: int = BINS,
) -> pd.DataFrame:
    """How often responses were observed, by predicted probability, one step ahead.

    Parameters
    ----------
    learner, trials
        A learner, and trials with its responses.
    parameters
        ``{name: value}``, numbers or ``(participants,)``, on the natural scale; or draws of them, ``(draws, participants, parameters)``,
        over which predictions are averaged: those at posterior means are too extreme, since the means of skewed parameters are.
    seed
        Seed of a filter of particles, for a hidden choice, and of the predictive draws of continuous responses.
    bins
        Number of equally wide bins of probability.

    Returns
    -------
    DataFrame
        ``probability``, ``observed``, ``count``, see :class:`~trialwise.analysis.check.Check`; missing and forced responses are left out.
    """
    import pandas as pd

    likelihood = likelihood_of(
        learner, trials, particles=PARTICLES, seed=stream_seed(seed, "calibration of predictions")
    )
    draws = parameters if isinstance(parameters, np.ndarray) else matrix(learner, trials, parameters)[None]
    response = responses_of(learner, likelihood.packed.actions)[0]
    family, observed = response.family, response.observed(likelihood.packed.observed)
    responded = trials.own & ~family.missing(observed)

    def predicted(theta: np.ndarray) -> np.ndarray:
        return response.predictions(likelihood.predictions(theta), likelihood.packed.actions)[responded]

    if (actions := family.actions(observed)) is not None:
        total = predicted(draws[0])
        for theta in draws[1:]:
            total = total + predicted(theta)
        return of_actions(actions[responded], total / len(draws), bins)
    random, times = stream(seed, "calibration of predictions"), -(-REDRAWS // len(draws))
    values = observed[responded, :1]
    below, equal = np.zeros((2, len(values)), int)
    for each in map(predicted, draws):  # one at a time: memory does not grow with their number
        for _ in range(times):
            drawn = family.redraw(each, random_numbers(family.random, random, len(values)))
            below += drawn[:, 0] < values[:, 0]
            equal += drawn[:, 0] == values[:, 0]
    # the place of the observed response among all, anywhere among its equals: uniform, if it comes from where the others do
    place = (below + (equal + 1) * random.random(len(values))) / (times * len(draws) + 1)
    levels = np.arange(1, bins) / bins
    shares = [float((place <= level).mean()) if len(place) else np.nan for level in levels]
    return pd.DataFrame({"probability": levels, "observed": shares, "count": len(place)})


def of_actions(chosen: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """How often actions were chosen, by predicted probability.

    Parameters
    ----------
    chosen
        The action on each trial, ``int (trials,)``.
    probabilities
        ``(trials, actions)``, between 0 and 1.
    bins
        Number of equally wide bins of probability.

    Returns
    -------
    DataFrame
        A row a bin that is not empty.
    """
    import pandas as pd

    was: Any = np.arange(probabilities.shape[1]) == chosen[:, None]
    bin_of = np.minimum((probabilities * bins).astype(int), bins - 1).ravel()
    frame = pd.DataFrame({"bin": bin_of, "probability": probabilities.ravel(), "chosen": was.ravel().astype(float)})
    table = frame.groupby("bin").agg(
        probability=("probability", "mean"), observed=("chosen", "mean"), count=("chosen", "size")
    )
    return table.reset_index(drop=True)
