"""A learner's likelihood, gradient and trial-by-trial values at given parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.data.trials import Trials
from trialwise.engine import responses_of
from trialwise.learners.learner import Learner
from trialwise.learners.parameter_values import matrix
from trialwise.likelihoods.estimated import FILTERS, PARTICLES, EstimatedLikelihood
from trialwise.likelihoods.exact import ExactLikelihood
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("particle", "exact")


class Estimate(np.ndarray):
    """Log-likelihoods of participants, ``(participants,)``, with what is known of their error.

    Attributes
    ----------
    standard_error
        ``(participants,)``: Monte Carlo standard error of each; 0 where it is exact.
    particles, filters
        How many particles each of how many filters had; 0 where it is exact.
    """

    standard_error: np.ndarray
    particles: int
    filters: int

    def __array_finalize__(self, other: Any) -> None:
        for name in ("standard_error", "particles", "filters"):
            if hasattr(other, name):
                setattr(self, name, getattr(other, name))

    @classmethod
    def of(cls, values: np.ndarray, standard_error: np.ndarray, particles: int, filters: int) -> Estimate:
        """The values as an array that knows these."""
        made = values.view(cls)
        made.standard_error, made.particles, made.filters = standard_error, particles, filters
        return made


def log_likelihood(
    learner: Learner,
    trials: Trials,
    parameters: Mapping[str, Any],
    gradient: bool = False,
    *,
    particles: int = PARTICLES,
    filters: int = FILTERS,
    seed: int = 0,
    method: str = "particle",
    plain: bool = False,
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
    particles, filters, seed, method
        For a learner with a hidden choice only, which is integrated out. ``method="particle"``: the likelihood is the mean
        of ``filters`` particle filters of so many ``particles``, each an unbiased estimate
        (:mod:`trialwise.engine.walks.particles`); the same seed gives the same random numbers at whatever parameters.
        ``"exact"``: the sum over all courses the hidden choices may have taken, for a dozen trials.
    plain
        Run the learner as interpreted Python: slow, but a debugger steps through its lines. With a hidden choice it is an estimate by
        ten particles. There is no gradient.

    Returns
    -------
    array, or array and dict
        ``(participants,)``, in nats; with ``gradient`` also ``{name: array (participants,)}``. With a hidden choice the array
        also has ``standard_error``, the Monte Carlo error of each number, and ``particles``.

    Raises
    ------
    UsageError
        For missing, unknown or out-of-range parameters, or data without what the learner needs.
    LearnerError
        If the learner breaks the contract or cannot be compiled; with the line and what to write instead.
    """
    likelihood = likelihood_of(learner, trials, particles=particles, filters=filters, seed=seed)
    theta = matrix(learner, trials, parameters)
    value: np.ndarray
    if plain:
        if gradient:
            raise UsageError("plain=True computes no gradient: leave gradient=True out")
        return likelihood.plain(theta)
    if isinstance(likelihood, EstimatedLikelihood):
        value, slope = _estimate(likelihood, theta, method, gradient)
    else:
        assert isinstance(likelihood, ExactLikelihood)
        value, slope = likelihood.gradient_at(theta)
    if not gradient:
        return value
    return value, {name: slope[:, k].copy() for k, name in enumerate(learner.names)}


def _estimate(
    likelihood: EstimatedLikelihood, theta: np.ndarray, method: str, scored: bool
) -> tuple[Estimate, np.ndarray]:
    """Log-likelihoods with their error and, if ``scored``, derivatives ``(participants, parameters)``."""
    if method not in METHODS:
        raise UsageError(f"method={method!r}: one of {', '.join(map(repr, METHODS))}")
    if method == "exact":
        value, slope = likelihood.enumerated(theta)
        return Estimate.of(value, np.zeros(len(value)), 0, 0), slope
    found, slope = likelihood.score_at(theta) if scored else (likelihood.value_at(theta), np.empty((len(theta), 0)))
    return Estimate.of(*found, likelihood.particles, likelihood.filters), slope


def trial_values(
    learner: Learner, trials: Trials, parameters: Mapping[str, Any], seed: int = 0, *, same_as: int | None = None
) -> pd.DataFrame:
    """What goes on in the learner on every trial: a row a trial, with the original labels.

    Columns behind those of the data: ``choice_probability`` (for a continuous response ``predicted`` and ``sd``),
    ``log_likelihood``, and the signals that the learner's ``learn`` returns under their own names (NaN on trials without
    learning): the regressors of an EEG or fMRI analysis.

    With a hidden choice, signals are expected values given all trials (smoothed), and ``<name>_filtered`` given the trials up
    to this one. Probabilities of the hidden choice come in the same two forms. Where options are exchangeable, they have no
    names; then ``hidden_current`` is the probability that the one in use is that settled on for the current context,
    ``hidden_previous`` that it is the one settled on for the context before, and not for the current one, ``hidden_other`` the
    rest (without contexts ``hidden_same``: as on the trial before). Otherwise ``hidden_1``, ``hidden_2``, ... are the options.
    ``attrs["ancestors"]`` of the table tells for each participant how many effective ancestors the smoothing has left at the
    first trial, and ``attrs["filters"]`` how many filters that took; see :mod:`trialwise.likelihoods.hidden_choices`.

    Parameters
    ----------
    learner, trials, parameters
        As for :func:`log_likelihood`; so are the errors.
    seed
        Of the filters, for a learner with a hidden choice.
    same_as
        A trial, counted from 1, for a learner with a hidden choice: adds the column ``same_hidden``, the probability that the hidden
        choice of a trial is the one that the participant made on that trial, given all trials; NaN where a choice was
        missed, or the participant has fewer trials. It needs no names of the options, which exchangeable ones do not have.

    Returns
    -------
    DataFrame
        Signals in the units of the outcome, where they are prediction errors of it.
    """
    frame = trials.to_frame()
    likelihood, theta = likelihood_of(learner, trials, seed=seed), matrix(learner, trials, parameters)
    trace = likelihood.trace(theta)
    frame.attrs |= trace.attributes
    record, actions = trace.record, trials.sizes.get("action", 1)
    for response in responses_of(learner, actions):
        for name, values in response.family.table(record[:, 0], response.predictions(record, actions)).items():
            frame[name] = values
    frame["log_likelihood"] = record[:, 0]
    for name, values in trace.columns.items():
        frame[name if name not in frame else f"{name}_signal"] = values
    if same_as is not None:
        frame["same_hidden"] = _same_hidden(likelihood, theta, same_as)
    return frame


def _same_hidden(likelihood: Likelihood, theta: np.ndarray, trial: int) -> np.ndarray:
    """Probability that the hidden choice of a trial is that of the participant's trial of this number, ``(trials,)``."""
    if not isinstance(likelihood, EstimatedLikelihood):
        raise UsageError(f"same_as={trial!r}: {likelihood.learner} makes no hidden choice")
    longest = int(likelihood.trials.lengths.max())
    if isinstance(trial, bool) or not isinstance(trial, int | np.integer) or not 1 <= trial <= longest:
        raise UsageError(f"same_as={trial!r}: the number of a trial is wanted, 1 to {longest}")
    return np.concatenate(
        [
            likelihood.same_hidden(n, theta[n])[trial - 1] if trial <= length else np.full(length, np.nan)
            for n, length in enumerate(likelihood.trials.lengths)
        ]
    )
