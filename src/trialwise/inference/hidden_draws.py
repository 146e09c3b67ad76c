"""The courses of hidden choices that a fit keeps, and values of trials at them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.engine import signal_names
from trialwise.inference.draws import CHAIN_DRAW, Draws
from trialwise.learners.learner import Learner
from trialwise.learners.parameter_values import matrix
from trialwise.likelihoods.course_values import CourseDraws
from trialwise.likelihoods.estimated import EstimatedLikelihood
from trialwise.likelihoods.evaluate import check_same_as, response_columns, same_hidden_as, table_of
from trialwise.likelihoods.first_use import begins_afresh
from trialwise.likelihoods.forward import ForwardLikelihood
from trialwise.likelihoods.likelihood import Likelihood

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from trialwise.data.by_rows import ByRows


def course_draws(learner: Learner, draws: Draws, hidden: xr.DataArray) -> CourseDraws:
    """Draws ``hidden (chain, draw, trial)`` of courses with the parameters of the same draws, chain after chain."""
    own = replace(draws, posterior=draws.posterior.sel(draw=hidden["draw"]))
    theta = np.stack([own.natural(name) for name in learner.names], -1)
    courses = hidden.transpose(*CHAIN_DRAW, "trial").to_numpy()
    return CourseDraws(theta, courses.reshape(len(theta), -1))


def values_of(
    likelihood: Likelihood, posterior: Draws, hidden: xr.DataArray | None, rows: ByRows | None, same_as: int | None, inputs: bool
) -> pd.DataFrame:  # fmt: skip
    """See :meth:`trialwise.inference.fitted.Fit.trial_values`.

    Parameters
    ----------
    likelihood
        The likelihood of the learner on the trials of all rows of parameters.
    posterior, hidden
        The draws of a fit, and their courses, if it keeps any.
    rows
        The way from rows of parameters, such as sessions, back to participants; None without formulas.
    same_as, inputs
        As there.
    """
    learner, trials = likelihood.learner, likelihood.trials
    theta, draws = matrix(learner, trials, posterior.natural_means()), None
    if hidden is None:
        trace = likelihood.trace(theta)
    else:
        assert isinstance(likelihood, EstimatedLikelihood)
        draws = course_draws(learner, posterior, hidden)
        trace = draws.trace(likelihood, theta)
    table = table_of(likelihood, theta, trace)
    if same_as is not None:
        original = trials if rows is None else rows.original
        check_same_as(learner, same_as, int(original.lengths.max()))
        at = np.full(len(trials.participants), -1)
        wanted = original.offsets[:-1][original.lengths >= same_as] + same_as - 1
        found = wanted if rows is None else np.argsort(rows.order)[wanted]
        row = trials.participant_index[found]
        at[row] = found - trials.offsets[row]
        table["same_hidden"] = same_hidden_as(likelihood, theta, at, draws)
    if inputs:
        table = trials.with_inputs(table)
    return table if rows is None else rows.restored(table)


def draws_of(
    likelihood: Likelihood, posterior: Draws, hidden: xr.DataArray | None, rows: ByRows | None, count: int | None
) -> xr.Dataset:
    """See :meth:`trialwise.inference.fitted.Fit.hidden_draws`; arguments as for :func:`values_of`."""
    import xarray as xr

    if hidden is None:
        raise _none_kept(likelihood)
    if count is not None:
        each = min(hidden.sizes["draw"], max(1, count // hidden.sizes["chain"]))
        hidden = hidden.isel(draw=np.linspace(0, hidden.sizes["draw"] - 1, each).round().astype(int))
    learner, trials = likelihood.learner, likelihood.trials
    original, order = (trials, slice(None)) if rows is None else (rows.original, np.argsort(rows.order))
    values: dict[str, list[np.ndarray]] = {}
    names = signal_names(learner, likelihood.packed)
    for record, signals in course_draws(learner, posterior, hidden).replayed(likelihood):
        columns = response_columns(likelihood, record, joint=True)
        columns |= {name if name not in columns else f"{name}_signal": signals[:, k] for k, name in enumerate(names)}
        for name, column in columns.items():
            values.setdefault(name, []).append(column[order])
    shape, dims, frame = hidden.shape, (*CHAIN_DRAW, "trial"), original.to_frame()
    coords: dict[str, object] = {name: hidden[name].to_numpy() for name in CHAIN_DRAW}
    coords["participant"] = ("trial", frame["participant"].to_numpy())
    coords["number"] = ("trial", frame["number" if "number" in frame else "trial"].to_numpy())
    coords["section"] = ("trial", (np.cumsum(begins_afresh(learner, likelihood.packed)) - 1)[order])
    variables = {name: (dims, np.array(each).reshape(shape)) for name, each in values.items()}
    return xr.Dataset({"hidden": (dims, hidden.to_numpy()[..., order])} | variables, coords)


def _none_kept(likelihood: Likelihood) -> UsageError:
    """Why a fit has no courses, and what to write instead."""
    learner = likelihood.learner
    if isinstance(likelihood, ForwardLikelihood):
        return UsageError(
            f"the hidden choices of {learner} are a Markov chain, over which its likelihood sums, so that none were drawn: use trial_values(), whose "
            "probabilities are exact, and trialwise.transitions"
        )
    if not isinstance(likelihood, EstimatedLikelihood):
        return UsageError(f"{learner} makes no hidden choice that could be drawn: use trial_values()")
    again = Argument("sampler", "particle-gibbs")
    return UsageError("this fit keeps no draws of hidden choices: fit again, with ", again)
