"""The samplers: one file or folder each, discovered automatically."""

from __future__ import annotations

from trialwise.base.discovery import instances_in
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.inference.sampler import Sampler
from trialwise.likelihoods.likelihood import Likelihood

SAMPLERS = {each.name: each for each in instances_in(__name__, __path__, Sampler)}
"""Every sampler by name."""


def sampler_for(likelihood: Likelihood, name: str | None = None) -> Sampler:
    """The sampler with a name, or the preferred one among those that suit a likelihood.

    Raises
    ------
    UsageError
        If there is no sampler of this name, or it needs gradients that the likelihood does not have, or draws hidden choices that are not there
        or are summed over exactly.
    """
    suitable = {
        key: each
        for key, each in SAMPLERS.items()
        if (not each.draws_hidden if likelihood.has_gradient else not each.needs_gradient)
    }
    if name is None:
        return max(suitable.values(), key=lambda each: each.preferred)
    if name not in SAMPLERS:
        raise UsageError(Argument("sampler", name), f": {did_you_mean(str(name), SAMPLERS, 'samplers')}")
    if name not in suitable:
        learner = likelihood.learner
        if likelihood.has_gradient:
            why = "are a Markov chain, which its exact likelihood sums over" if learner.markov else "do not exist"
            raise UsageError(
                Argument("sampler", name), f" draws hidden choices, and those of {learner} {why}: leave ",
                Argument("sampler", NAME_ALONE), " out",
            )  # fmt: skip
        raise UsageError(
            Argument("sampler", name),
            f" needs gradients, which the estimated likelihood of {learner} does not have: "
            f"use {', '.join(map(repr, suitable))}, or leave ",
            Argument("sampler", NAME_ALONE),
            " out",
        )
    return SAMPLERS[name]
