"""A learner's likelihood, gradient and trial-by-trial values at given parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.engine.packed import Packed, pack
from trialwise.errors import UsageError, did_you_mean
from trialwise.learner import Learner
from trialwise.trials import Trials

if TYPE_CHECKING:
    import pandas as pd


def log_likelihood(
    learner: Learner, trials: Trials, parameters: Mapping[str, Any], gradient: bool = False
) -> np.ndarray | tuple[np.ndarray, dict[str, np.ndarray]]:
    r"""Log-likelihood of each participant, :math:`\sum_t \log p(c_t \mid \text{trials before } t)`.

    Missed choices do not count; a choice without an outcome counts but teaches nothing. What a call works out of the
    trials serves the next one: from then on their arrays are read-only.

    Parameters
    ----------
    learner
        A learner, e.g. ``QLearning(initial=1.2)``.
    trials
        The data.
    parameters
        ``{name: value}`` for every free parameter, on its natural scale: arrays ``(participants,)`` or scalars.
    gradient
        Also return the derivative with respect to each parameter.

    Returns
    -------
    array ``(participants,)``, or with ``gradient`` also ``{name: array (participants,)}``.

    Raises
    ------
    UsageError
        For missing, unknown or out-of-range parameters, or data without what the learner needs.
    LearnerError
        If the learner breaks the contract or cannot be compiled; with the line and what to write instead.
    """
    from trialwise.engine.ready import ready

    evaluate = ready(learner, trials)
    likelihood, slope = evaluate(matrix(learner, trials, parameters))
    if not gradient:
        return likelihood
    return likelihood, {name: slope[:, k].copy() for k, name in enumerate(learner.names)}


def trial_log_likelihood(learner: Learner, trials: Trials, parameters: Mapping[str, Any]) -> np.ndarray:
    """Log-probability of each trial's choice (or response) given the trials before it, ``(trials,)`` in data order.

    NaN where nothing was chosen. Arguments and errors as :func:`log_likelihood`.
    """
    return _trace(learner, trials, parameters)[0][:, 0]


def trial_values(learner: Learner, trials: Trials, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """What goes on in the learner on every trial: a row a trial, with the original labels.

    Columns behind those of the data: ``choice_probability`` (for a continuous response ``predicted`` and ``sd``),
    ``log_likelihood``, and the signals that the learner's ``learn`` returns under their own names (NaN on trials without
    learning): the regressors of an EEG or fMRI analysis. Arguments and errors as :func:`log_likelihood`.
    """
    record, signals, names = _trace(learner, trials, parameters)
    frame = trials.to_frame()
    if learner.response == "categorical":
        frame["choice_probability"] = np.exp(record[:, 0])
    else:
        frame["predicted"], frame["sd"] = record[:, 1], record[:, 2]
    frame["log_likelihood"] = record[:, 0]
    for k, name in enumerate(names):
        frame[name if name not in frame else f"{name}_signal"] = signals[:, k]
    return frame


def _trace(learner: Learner, trials: Trials, parameters: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, list[str]]:
    from trialwise.engine.run import run_trace

    return run_trace(learner, pack(learner, trials), matrix(learner, trials, parameters))


def plain_log_likelihood(learner: Learner, trials: Trials, parameters: Mapping[str, Any]) -> np.ndarray:
    """:func:`log_likelihood` in interpreted Python: slow, and a debugger steps through the learner's own lines."""
    from trialwise.engine.run import run_plain

    packed: Packed = pack(learner, trials)
    return run_plain(learner, packed, matrix(learner, trials, parameters))


def matrix(learner: Learner, trials: Trials, parameters: Mapping[str, Any]) -> np.ndarray:
    """Parameters as ``(participants, parameters)``, checked: every free one is there, of the right length and in range."""
    for name in parameters:
        if name not in learner.names:
            if name in learner.fixed:
                raise UsageError(f"{name} is fixed at {learner.fixed[name]:g} in {learner}: leave it out")
            if name in learner.tied:
                raise UsageError(f"{name} is tied to {learner.tied[name]} in {learner}: leave it out")
            raise UsageError(f"{learner} has no parameter '{name}'. {did_you_mean(name, learner.names, 'parameters')}")
    missing = [name for name in learner.names if name not in parameters]
    if missing:
        raise UsageError(f"{learner} needs a value for {', '.join(missing)}: {missing[0]}=...")
    count = trials.n_participants
    free = np.empty((count, len(learner.names)))
    for k, name in enumerate(learner.names):
        values = np.asarray(parameters[name], float)
        if values.shape not in ((), (count,)):
            raise UsageError(
                f"{name} has shape {values.shape}; wanted one number, or one for each of {count} participants"
            )
        free[:, k] = values
    outside = (free < learner.lower) | (free > learner.upper)  # NaN is not: it comes out again
    if outside.any():
        row, k = np.argwhere(outside)[0]
        parameter = learner.parameters[k]
        raise UsageError(f"{parameter.name} = {free[row, k]:g}: {parameter.role} ranges {parameter.range}")
    return free
