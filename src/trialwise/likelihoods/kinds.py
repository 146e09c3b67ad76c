"""Choose the kind of likelihood, exact or estimated, for a learner on trials."""

from __future__ import annotations

from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.likelihoods.estimated import FILTERS, PARTICLES, EstimatedLikelihood
from trialwise.likelihoods.exact import ExactLikelihood
from trialwise.likelihoods.filter_streams import FilterStreams
from trialwise.likelihoods.forward import ForwardLikelihood
from trialwise.likelihoods.likelihood import Likelihood


def likelihood_of(
    learner: Learner, trials: Trials, *, particles: int = PARTICLES, filters: int = FILTERS, seed: int = 0,
    streams: FilterStreams | None = None, pooled: bool = False,
) -> Likelihood:  # fmt: skip
    """The likelihood of a learner on trials.

    The arrangement of the trials is cached for further likelihoods of them, so their arrays become read-only.

    Parameters
    ----------
    learner, trials
        The learner and its data.
    particles, filters, seed, streams
        For a likelihood that can only be estimated; see :class:`trialwise.likelihoods.estimated.EstimatedLikelihood`.
    pooled
        Whether all participants share one row of parameters.

    Returns
    -------
    Likelihood

    Raises
    ------
    UsageError
        If the data lack what the learner needs, or for invalid numbers of particles or filters.
    LearnerError
        If the learner reads a column that is not available before the choice, or an outcome that does not exist.
    """
    if learner.markov:
        return ForwardLikelihood(learner, trials, pooled)
    if learner.hides:
        return EstimatedLikelihood(
            learner, trials, particles=particles, filters=filters, seed=seed, streams=streams, pooled=pooled
        )
    return ExactLikelihood(learner, trials, pooled)
