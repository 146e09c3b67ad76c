"""The samplers: one file or folder each, discovered automatically."""

from __future__ import annotations

from trialwise.base.discovery import instances_in
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.inference.sampler import Sampler
from trialwise.likelihoods.likelihood import Likelihood

SAMPLERS = {each.name: each for each in instances_in(__name__, __path__, Sampler)}
"""Every sampler by name."""


def sampler_for(likelihood: Likelihood, name: str | None = None, *, formulas: bool = False) -> Sampler:
    """The sampler with a name, or the preferred one among those that suit a likelihood, with or without formulas.

    Raises
    ------
    UsageError
        If there is no sampler of this name, or it cannot sample this posterior.
    """
    suitable = {key: each for key, each in SAMPLERS.items() if not each.unsuited(likelihood, formulas)}
    if name is None:
        return max(suitable.values(), key=lambda each: each.preferred)
    if name not in SAMPLERS:
        raise UsageError(Argument("sampler", name), f": {did_you_mean(str(name), SAMPLERS, 'samplers')}")
    if name not in suitable:
        raise UsageError(
            Argument("sampler", name),
            f" {SAMPLERS[name].unsuited(likelihood, formulas)}: use {', '.join(map(repr, suitable))}, or leave ",
            Argument("sampler", NAME_ALONE),
            " out",
        )
    return SAMPLERS[name]
