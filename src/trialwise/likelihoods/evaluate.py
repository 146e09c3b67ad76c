"""Likelihood, gradient and trial-by-trial values of a learner at given parameters."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import LearnerError, UsageError
from trialwise.base.expects import COUNT, FLAG, NAME, VALUES, expects
from trialwise.base.message import Argument
from trialwise.data.as_trials import DATA, PACKAGE, Data, as_trials
from trialwise.engine import responses_of
from trialwise.learners.learner import LEARNER, Learner
from trialwise.learners.no_chance import no_chance
from trialwise.learners.parameter_values import matrix
from trialwise.likelihoods.course_values import CourseDraws
from trialwise.likelihoods.estimated import FILTERS, PARTICLES, EstimatedLikelihood
from trialwise.likelihoods.exact import ExactLikelihood
from trialwise.likelihoods.forward import ForwardLikelihood
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood, Trace

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("particle", "exact")


class Estimate(np.ndarray):
    """Log-likelihoods of participants, ``(participants,)``, with their Monte Carlo errors.

    Attributes
    ----------
    standard_error
        Monte Carlo standard errors, ``(participants,)``; 0 where values are exact.
    particles, filters
        Number of particles per filter, and number of filters; 0 where values are exact.
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
        """An estimate from values and their errors."""
        estimate = values.view(cls)
        estimate.standard_error, estimate.particles, estimate.filters = standard_error, particles, filters
        return estimate


@expects(
    learner=LEARNER,
    trials=DATA,
    parameters=VALUES,
    gradient=FLAG,
    particles=COUNT,
    filters=COUNT,
    method=NAME,
)
def log_likelihood(
    learner: Learner,
    trials: Data,
    parameters: Mapping[str, Any] | pd.DataFrame,
    gradient: bool = False,
    *,
    particles: int = PARTICLES,
    filters: int = FILTERS,
    seed: int = 0,
    method: str = "particle",
    plain: bool = False,
) -> np.ndarray | tuple[np.ndarray, dict[str, np.ndarray]]:
    r"""Log-likelihood of each participant, :math:`\sum_t \log p(c_t \mid \text{trials before } t)`.

    Missed choices do not enter the likelihood; a choice without an outcome enters it but triggers no update. The arrangement of the
    trials is cached for further calls, so their arrays become read-only.

    Parameters
    ----------
    learner
        The learner, e.g. ``QLearning(initial=1.2)``.
    trials
        The data.
    parameters
        ``{name: value}`` for every free parameter, on its natural scale: arrays ``(participants,)`` or scalars.
    gradient
        Also return the derivative with respect to each parameter.
    particles, filters, seed, method
        Only for a learner with a hidden choice, which is integrated out. ``method="particle"``: the likelihood is the mean
        of ``filters`` particle filters with ``particles`` particles each, every one an unbiased estimate
        (:mod:`trialwise.engine.walks.particles`); the same seed gives the same random numbers at all parameter values.
        ``"exact"``: the sum over all sequences of hidden choices, feasible for a dozen trials.
    plain
        Run the learner as interpreted Python: slow, but a debugger can step through it. With a hidden choice the value is an
        estimate with ten particles. There is no gradient.

    Returns
    -------
    array, or array and dict
        ``(participants,)``, in nats; -inf, with a warning, where the learner never gives a response of the data. With
        ``gradient`` also ``{name: array (participants,)}``. With a hidden choice the array
        also has the attributes ``standard_error``, the Monte Carlo error of each value, and ``particles``.

    Raises
    ------
    UsageError
        For missing, unknown or out-of-range parameters, or data that lack columns the learner needs.
    LearnerError
        If the learner breaks the contract or cannot be compiled; with the line and the code to write instead.

    References
    ----------
    Andrieu, Doucet & Holenstein (2010), Journal of the Royal Statistical Society B 72:269, on likelihoods estimated by particles.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> truth = {"alpha": 0.2, "beta": 2.0, "forget": 0.0}
    >>> tw.log_likelihood(tw.QLearning(initial=1.2), trials, truth).round(1)
    array([ -99.4,  -87.9, -100.6])
    >>> value, gradient = tw.log_likelihood(tw.QLearning(initial=1.2), trials, truth, gradient=True)
    >>> gradient["beta"].round(1)
    array([-25. , -19.7, -25.5])
    """
    trials = as_trials(trials, warn=True)
    likelihood = likelihood_of(learner, trials, particles=particles, filters=filters, seed=seed)
    theta = matrix(learner, trials, parameters)
    value: np.ndarray
    if plain:
        if gradient:
            raise UsageError(
                Argument("plain", True), " cannot compute a gradient: leave ", Argument("gradient", True), " out"
            )
        if method != "particle" and isinstance(likelihood, EstimatedLikelihood):
            raise UsageError(
                Argument("plain", True), " takes ten particles: leave it out, or leave out ", Argument("method", method)
            )
        value = likelihood.plain(theta)
        check_values(likelihood, theta, value)
        return value
    if isinstance(likelihood, EstimatedLikelihood):
        value, slope = _estimate(likelihood, theta, method, gradient)
    else:
        assert isinstance(likelihood, ExactLikelihood)
        value, slope = likelihood.gradient_at(theta)
    check_values(likelihood, theta, value)
    if not gradient:
        return value
    return value, {name: slope[:, k].copy() for k, name in enumerate(learner.names)}


def check_values(likelihood: Likelihood, theta: np.ndarray, value: np.ndarray) -> None:
    """Raise a LearnerError that names the first trial without a likelihood, if a participant's log-likelihood is NaN; warn of -inf, which
    is right for a response that the learner never gives."""
    wrong = np.flatnonzero(np.isnan(value) | np.isneginf(value))
    if not len(wrong):
        return
    learner, packed = likelihood.learner, likelihood.packed
    n = int(wrong[np.isnan(value[wrong]).argmax()])
    rows = np.arange(packed.offsets[n], packed.offsets[n + 1])
    scores = np.asarray(likelihood.trial_values(theta).log_likelihood)[rows]
    first = rows[(np.isnan(scores) if np.isnan(value[n]) else np.isneginf(scores)) & packed.scored[rows]][:1]
    where = packed.place(int(first[0])) if len(first) else f"participant {packed.participants[n]!r}"
    at = ", ".join(f"{name} = {number:.4g}" for name, number in zip(learner.names, theta[n], strict=True))
    where += f", at {at}" if at else ""
    if np.isnan(value[n]):
        raise LearnerError(
            f"{learner}: the likelihood is not a number (NaN): {where}. On this trial or an earlier one it takes a "
            "logarithm or a root of a negative number, or divides 0 by 0: keep numbers in their range, e.g. max(x, 1e-9)"
        )
    advice = f". {no_chance(learner, likelihood.trials, int(first[0]))}" if len(first) else ""
    warnings.warn(
        f"{learner}: the log-likelihood of {counted(len(wrong), 'participant')} is -inf: {where}, the response has the probability 0{advice}",
        skip_file_prefixes=(str(PACKAGE),),
    )


def _estimate(
    likelihood: EstimatedLikelihood, theta: np.ndarray, method: str, scored: bool
) -> tuple[Estimate, np.ndarray]:
    """Log-likelihoods with their error and, if ``scored``, derivatives ``(participants, parameters)``."""
    if method not in METHODS:
        raise UsageError(Argument("method", method), f": must be one of {', '.join(map(repr, METHODS))}")
    if method == "exact":
        value, slope = likelihood.enumerated(theta)
        return Estimate.of(value, np.zeros(len(value)), 0, 0), slope
    estimate, slope = likelihood.score_at(theta) if scored else (likelihood.value_at(theta), np.empty((len(theta), 0)))
    return Estimate.of(*estimate, likelihood.particles, likelihood.filters), slope


@expects(learner=LEARNER, trials=DATA, parameters=VALUES, same_as=COUNT, inputs=FLAG)
def trial_values(
    learner: Learner,
    trials: Data,
    parameters: Mapping[str, Any] | pd.DataFrame,
    seed: int = 0,
    *,
    same_as: int | None = None,
    inputs: bool = False,
) -> pd.DataFrame:
    """Table of the learner's predictions and signals on every trial, one row per trial, with the original labels.

    Columns after those of the data: ``choice_probability`` (for a continuous response ``predicted`` and ``sd``),
    ``log_likelihood``, and the signals that the learner's ``learn`` returns, under their own names (NaN on trials without
    learning), e.g. the regressors of an EEG or fMRI analysis.

    With a hidden choice, signals are expected values given all trials (smoothed), and ``<name>_filtered`` given the trials up
    to the current one. Probabilities of the hidden choice come in the same two forms. Exchangeable options have no labels;
    for them ``hidden_current`` is the probability that the option in use is the one settled on for the current context,
    ``hidden_previous`` that it is the one settled on for the previous context but not for the current one, and ``hidden_other``
    the remaining probability (without contexts ``hidden_same``: the same option as on the previous trial
    that had a hidden choice; NaN if there was none since the first trial or the last reset). Otherwise ``hidden_1``,
    ``hidden_2``, ... are the options. The table's ``attrs["ancestors"]`` gives the effective number of ancestors of each participant
    that the smoothing has left at the first trial, and ``attrs["filters"]`` the number of filters it took; see :mod:`trialwise.likelihoods.hidden_posterior`.
    :meth:`trialwise.inference.fitted.Fit.trial_values` averages smoothed values over the posterior.

    Parameters
    ----------
    learner, trials, parameters
        As for :func:`log_likelihood`, which raises the same errors.
    seed
        Seed of the filters, for a learner with a hidden choice.
    same_as
        Number of a trial, counted from 1, for a learner with a hidden choice: adds the column ``same_hidden``, the probability that
        the hidden choice of each trial is the same as on trial ``same_as``, given all trials; NaN where a choice was missed, or
        if the participant has fewer trials. It is defined for exchangeable options, too, which have no labels.
    inputs
        Whether to append every column of the table that the trials were read from; see :meth:`trialwise.data.trials.Trials.to_frame`.

    Returns
    -------
    DataFrame
        Signals that are prediction errors have the units of the outcome.

    Raises
    ------
    UsageError, LearnerError
        As for :func:`log_likelihood`; and UsageError if ``same_as`` is not the number of a trial, or the learner has no hidden choice.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> table = tw.trial_values(tw.QLearning(initial=1.2), trials, {"alpha": 0.2, "beta": 2.0, "forget": 0.0})
    >>> table[["participant", "trial", "choice_probability", "error"]].head(3).round(2)
      participant  trial  choice_probability  error
    0           0      1                0.33   -1.0
    1           0      2                0.33    0.1
    2           0      3                0.33   -0.2
    """
    trials = as_trials(trials, warn=True)
    likelihood, theta = likelihood_of(learner, trials, seed=seed), matrix(learner, trials, parameters)
    frame = table_of(likelihood, theta, likelihood.trace(theta))
    if same_as is not None:
        check_same_as(learner, same_as, int(trials.lengths.max()))
        at = np.where(same_as <= trials.lengths, same_as - 1, -1)
        frame["same_hidden"] = same_hidden_as(likelihood, theta, at)
    return trials.with_inputs(frame) if inputs else frame


def table_of(likelihood: Likelihood, theta: np.ndarray, trace: Trace) -> pd.DataFrame:
    """The table of :func:`trial_values` with the values of a trace at natural ``theta (rows, parameters)``; errors as there."""
    trials = likelihood.trials
    frame = trials.to_frame()
    check_values(likelihood, theta, _by_participant(likelihood, trace.record[:, 0]))
    frame.attrs |= trace.attributes
    for name, values in response_columns(likelihood, trace.record).items():
        frame[name] = values
    frame["log_likelihood"] = trace.record[:, 0]
    for name, values in trace.columns.items():
        frame[name if name not in frame else f"{name}_signal"] = values
    return frame


def response_columns(likelihood: Likelihood, record: np.ndarray, joint: bool = False) -> dict[str, np.ndarray]:
    """What a table shows of the predictions of each response, by name, ``(trials,)`` each; ``joint`` if log-likelihoods in the record are not those
    of this response alone, but of several, or of a hidden choice too."""
    learner, trials, found = likelihood.learner, likelihood.trials, {}
    actions = trials.sizes.get("action", 1)
    for response in responses_of(learner, actions):
        predictions, own = response.predictions(record, actions), record[:, 0]
        if (joint or len(learner.responses) > 1) and response.family.acts:
            with np.errstate(divide="ignore"):
                own = np.log(np.where(trials.own, predictions[np.arange(trials.n_trials), trials.choice], np.nan))
        for name, values in response.family.table(own, predictions).items():
            found[f"{response.name}_{name}" if response.name == response.family.method else name] = values
    return found


def _by_participant(likelihood: Likelihood, scores: np.ndarray) -> np.ndarray:
    """Sums over the scored trials, ``(participants,)``."""
    scores = np.where(likelihood.packed.scored, scores, 0.0)
    return np.array([scores[start:stop].sum() for start, stop in itertools.pairwise(likelihood.packed.offsets)])


def check_same_as(learner: Learner, trial: object, longest: int) -> None:
    """Raise a UsageError unless ``trial`` is the number of a trial, from 1 to ``longest``, of a learner with a hidden choice."""
    if not learner.hides:
        raise UsageError(Argument("same_as", trial), f": {learner} makes no hidden choice")
    if isinstance(trial, bool) or not isinstance(trial, int | np.integer) or not 1 <= trial <= longest:
        raise UsageError(Argument("same_as", trial), f": must be the number of a trial, 1 to {longest}")


def same_hidden_as(
    likelihood: Likelihood, theta: np.ndarray, at: np.ndarray, draws: CourseDraws | None = None
) -> np.ndarray:
    """Probability that the hidden choice of each trial is that of another one of its row, ``(trials,)``.

    Parameters
    ----------
    theta
        Natural parameters, ``(rows, parameters)``.
    at
        That trial of each row, from 0, ``(rows,)``; -1 for none, which gives NaN.
    draws
        The courses that say it; by default those of filters, or the exact probabilities, at ``theta``.
    """
    assert isinstance(likelihood, EstimatedLikelihood | ForwardLikelihood)
    columns = []
    for n, (length, trial) in enumerate(zip(likelihood.trials.lengths, at, strict=True)):
        if trial < 0:
            columns.append(np.full(length, np.nan))
        else:
            same = likelihood.same_hidden(n, theta[n]) if draws is None else draws.same(likelihood, n)
            columns.append(same[trial])
    return np.concatenate(columns)
