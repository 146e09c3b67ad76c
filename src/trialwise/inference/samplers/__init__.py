"""The samplers: one file or folder each, discovered automatically."""

from __future__ import annotations

from collections.abc import Mapping

from trialwise.base.discovery import instances_in
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import NAME_ALONE, Argument
from trialwise.inference.sampler import Request, Sampled, Sampler
from trialwise.likelihoods.likelihood import Likelihood

SAMPLERS = {each.name: each for each in instances_in(__name__, __path__, Sampler)}
"""Every sampler by name."""


def sampler_for(likelihood: Likelihood, name: str | None = None) -> Sampler:
    """The sampler with a name, or the preferred one among those that suit a likelihood.

    Raises
    ------
    UsageError
        If there is no sampler of this name, or it cannot sample this posterior.
    """
    suitable = {key: each for key, each in SAMPLERS.items() if not each.unsuited(likelihood)}
    if name is None:
        return max(suitable.values(), key=lambda each: each.preferred)
    if name not in SAMPLERS:
        raise UsageError(Argument("sampler", name), f": {did_you_mean(str(name), SAMPLERS, 'samplers')}")
    if name not in suitable:
        raise UsageError(
            Argument("sampler", name),
            f" {SAMPLERS[name].unsuited(likelihood)}: use {', '.join(map(repr, suitable))}, or leave ",
            Argument("sampler", NAME_ALONE),
            " out",
        )
    return SAMPLERS[name]


def sampler_of(attrs: Mapping[str, object]) -> Sampler:
    """The sampler of a stored fit with these attributes; if this version has none of its name, one that can only be described."""
    name = str(attrs["sampler"])
    if name in SAMPLERS:
        return SAMPLERS[name]

    def sample(request: Request) -> Sampled:
        raise UsageError(Argument("sampler", name), f": {did_you_mean(name, SAMPLERS, 'samplers')}")

    def sentence(attrs: Mapping[str, object], draws: str) -> str:
        return (
            f'The posterior was sampled by "{name}", a sampler of trialwise {attrs["trialwise_version"]} that the version which wrote '
            f"this report does not have: {draws}."
        )

    return Sampler(name, f"{name}, which this version does not have", needs_gradient=False, preferred=0, sample=sample, sentence=sentence, counts_divergences=False)  # fmt: skip
