"""The samplers: one file or folder each, found by themselves."""

from __future__ import annotations

from trialwise.base.discovery import instances_in
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.inference.sampler import Sampler
from trialwise.likelihoods.likelihood import Likelihood

SAMPLERS = {each.name: each for each in instances_in(__name__, __path__, Sampler)}
"""Every sampler by name."""


def sampler_for(likelihood: Likelihood, name: str | None = None) -> Sampler:
    """The sampler of a name, or the preferred one of those that suit a likelihood.

    Raises
    ------
    UsageError
        If there is none of this name, or it needs gradients that the likelihood does not have.
    """
    suited = {key: each for key, each in SAMPLERS.items() if likelihood.has_gradient or not each.needs_gradient}
    if name is None:
        return max(suited.values(), key=lambda each: each.preferred)
    if name not in SAMPLERS:
        raise UsageError(f"sampler={name!r}: {did_you_mean(str(name), SAMPLERS, 'samplers')}")
    if name not in suited:
        raise UsageError(
            f"sampler={name!r} follows gradients, which estimates of the likelihood of {likelihood.learner} do not have: "
            f"{', '.join(map(repr, suited))}, or leave sampler= out"
        )
    return SAMPLERS[name]
