"""The interface of samplers: the request, the result, and how a report describes the sampler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.streams import stream
from trialwise.likelihoods.likelihood import Likelihood
from trialwise.population.population import Population

if TYPE_CHECKING:
    import xarray as xr

DRAWS, TUNE, CHAINS = 1000, 300, 4
"""Defaults, with a third of the usual tuning, since whitened coordinates leave little to tune. They give four times 400
effective draws of every group parameter on the human data, and 400 to 800 on the bundled data, where the two spreads trade off."""


@dataclass(frozen=True)
class Request:
    """The posterior to sample, and how.

    Attributes
    ----------
    likelihood, population
        The likelihood of the participants, and the population they come from: together the posterior.
    draws, tune, chains
        Retained and tuning draws per chain, and number of chains; ``draws`` is None if the sampler decides.
    seed
        Seed of its random numbers.
    progress
        Whether to show a progress bar.
    checkpoint
        A file in which progress is saved; None for no file.
    executor
        Where likelihoods are evaluated; None for this machine.
    """

    likelihood: Likelihood
    population: Population
    draws: int | None
    tune: int
    chains: int
    seed: int
    progress: bool = True
    checkpoint: Path | None = None
    executor: Any = None

    def random(self, part: object) -> np.random.Generator:
        """Random numbers of one part of a sampler's work, such as the number of a chain."""
        return stream(self.seed, "sampler", part=part)

    def check_normal_priors(self) -> None:
        """Raise a UsageError for the user's priors of other families than the default ones, which samplers of hidden choices do not take."""
        if self.population.unusual:
            raise UsageError(
                f"priors of {', '.join(self.population.unusual)}: with a hidden choice, priors must be Normal for means and HalfNormal for spreads "
                "of the group, pm.Normal.dist(-1, 0.5), pm.HalfNormal.dist(0.5); with other pooling only the default priors are available"
            )

    @property
    def shortfall(self) -> Callable[[xr.DataTree], str] | None:
        """A function that describes what draws lack, empty if they suffice; None if the number of draws was requested."""
        return partial(shortfall_of, self.population.group_names) if self.draws is None else None


@dataclass(frozen=True)
class Sampled:
    """The result of a sampler.

    Attributes
    ----------
    tree
        The groups ``posterior``, whose variables are those of :class:`trialwise.inference.draws.Layout`, and ``sample_stats`` with
        ``diverging (chain, draw)``; of a sampler that draws hidden choices also :data:`trialwise.inference.draws.HIDDEN_CHOICES`.
    seconds
        Duration of sampling, that of interrupted runs which were continued included.
    attributes
        Numbers and texts to store with the fit, by name; ``gradients`` among them.
    notes
        Sentences that the user should know.
    earlier
        Which part of the duration was that of runs which were continued.
    """

    tree: xr.DataTree
    seconds: float
    attributes: Mapping[str, Any]
    notes: Sequence[str] = ()
    earlier: float = 0.0


@dataclass(frozen=True)
class Sampler:
    """A sampler of posteriors; each file or folder in ``inference/samplers`` defines one.

    Attributes
    ----------
    name
        The name, as in ``fit(..., sampler="nuts")`` and in ``fit.attrs["sampler"]``.
    title
        The title in a table of a report, e.g. ``"NUTS in whitened coordinates"``.
    needs_gradient
        Whether it follows gradients, and so needs exact likelihoods.
    needs_courses
        Whether it draws hidden choices, and so needs a learner whose likelihood is estimated because of them.
    preferred
        If several samplers suit a likelihood, the one with the highest number is used.
    sample
        Function that draws from the posterior of a :class:`Request`.
    sentence
        Function that returns the sentence of the methods section, given the attributes of a fit and a description of its draws
        (``"4 chains of 1000 draws each"``).
    figures
        Function that returns rows for the table of sampling, pairs of name and value, given the attributes of a fit and its
        ``sample_stats``.
    works
        Keys of the works to cite, see :data:`trialwise.reports.sections.citations.WORKS`; or a citation in full.
    counts_divergences
        Whether its transitions can diverge.
    """

    name: str
    title: str
    needs_gradient: bool
    preferred: int
    sample: Callable[[Request], Sampled]
    sentence: Callable[[Mapping[str, Any], str], str]
    figures: Callable[[Mapping[str, Any], Any], list[tuple[str, str]]] = field(default=lambda attrs, stats: [])
    works: tuple[str, ...] = ()
    counts_divergences: bool = True
    needs_courses: bool = False

    def unsuited(self, likelihood: Likelihood) -> str:
        """Why it cannot sample a posterior with this likelihood; empty if it can."""
        if self.needs_gradient and not likelihood.has_gradient:
            return f"needs gradients, which the estimated likelihood of {likelihood.learner} does not have"
        if self.needs_courses and not likelihood.has_courses:
            why = (
                "are a Markov chain, which its exact likelihood sums over"
                if likelihood.learner.markov
                else "do not exist"
            )
            return f"draws hidden choices, and those of {likelihood.learner} {why}"
        return ""


def shortfall_of(names: Sequence[str], tree: xr.DataTree) -> str:
    """Describe what the draws of these variables lack; empty if they suffice."""
    import arviz_stats

    from trialwise.inference.diagnostics import too_few

    table = arviz_stats.summary(tree, var_names=list(names), round_to="none")
    return "; ".join(finding.sentence for finding in too_few(table))
