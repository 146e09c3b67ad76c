"""Transitions between hidden states, and how long they last, given all responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import MAPPING, TABLE, expects
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.learners.learner import LEARNER, Learner
from trialwise.learners.parameter_values import matrix
from trialwise.likelihoods.evaluate import check_values
from trialwise.likelihoods.forward import ForwardLikelihood
from trialwise.likelihoods.hidden_chain import HiddenChain
from trialwise.likelihoods.kinds import likelihood_of

if TYPE_CHECKING:
    import pandas as pd


@expects(learner=LEARNER, trials=DATA, parameters=MAPPING | TABLE)
def transitions(learner: Learner, trials: Data, parameters: Mapping[str, Any] | pd.DataFrame) -> pd.DataFrame:
    r"""Transitions between the hidden states of each participant, and how long the states last, given all responses.

    With :math:`\gamma_t(k)` the probability of state k on trial t and :math:`\xi_t(j, k)` that of state j before and k on trial t, both given
    all responses, the expected transitions are

    .. math::

        \mathrm{to}_k = \sum_t \xi_t(j, k) \Big/ \sum_t \sum_l \xi_t(j, l), \qquad
        \mathrm{dwell}_k = \sum_t \gamma_t(k) \Big/ \mathrm{visits}_k, \qquad
        \mathrm{visits}_k = \sum_{t\ \mathrm{first}} \gamma_t(k) + \sum_t \sum_{j \ne k} \xi_t(j, k)

    with :math:`t` first at the start and after resets. They are what the responses say happened, at these parameters; the learner's own
    transitions are its parameters.

    Parameters
    ----------
    learner
        A learner whose hidden choices are a Markov chain, ``hidden(..., markov=True)``.
    trials, parameters
        As for :func:`log_likelihood`, which raises the same errors.

    Returns
    -------
    DataFrame
        A row for each participant and state: ``participant``; ``hidden``, its number from 1, in the order of the learner's options; ``share``
        of the trials with a hidden choice; expected number of ``visits``; ``dwell``, expected trials of a visit; and ``to_1``, ``to_2``, ...,
        the probabilities of the next state, NaN for a participant with a single trial.

    Raises
    ------
    UsageError, LearnerError
        As for :func:`log_likelihood`; and UsageError for another learner.

    Examples
    --------
    >>> truth = {"alpha": 0.3, "beta": 3.0, "stay_engaged": 0.95, "stay_random": 0.8}
    >>> learner, task = tw.learners.EngagedQLearning(), tw.environments.ProbabilisticReversal(trials=400)
    >>> trials = tw.simulate(learner, task, truth, participants=1, seed=1).trials
    >>> table = tw.transitions(learner, trials, truth)
    >>> list(table)
    ['participant', 'hidden', 'share', 'visits', 'dwell', 'to_1', 'to_2']
    >>> bool((table["dwell"] > 1).all())
    True
    """
    import pandas as pd

    trials = as_trials(trials, warn=True)
    likelihood, theta = likelihood_of(learner, trials), matrix(learner, trials, parameters)
    if not isinstance(likelihood, ForwardLikelihood):
        raise UsageError(
            f"transitions({learner}, ...): its hidden choices are not declared a Markov chain and have no transitions of their own"
            if learner.hides
            else f"transitions({learner}, ...): it makes no hidden choice"
        )
    check_values(likelihood, theta, likelihood.value_at(theta).log_likelihood)
    tables = [_of_participant(chain) for chain in likelihood.chains(theta)]
    options = learner.options
    columns = {
        "participant": np.repeat(np.array(trials.participants, object), options),
        "hidden": np.tile(np.arange(1, options + 1), len(tables)),
    }
    names = ["share", "visits", "dwell", *(f"to_{k + 1}" for k in range(options))]
    return pd.DataFrame(columns | dict(zip(names, np.concatenate(tables).T, strict=True)))


def _of_participant(chain: HiddenChain) -> np.ndarray:
    """Share, visits, dwell and probabilities of the next state, ``(options, 3 + options)``."""
    trials, moves = chain.smoothed.sum(0), chain.pairs.sum(0)
    visits = chain.smoothed[chain.first].sum(0) + moves.sum(0) - np.diag(moves)
    with np.errstate(invalid="ignore"):
        return np.column_stack([trials / trials.sum(), visits, trials / visits, moves / moves.sum(1, keepdims=True)])
