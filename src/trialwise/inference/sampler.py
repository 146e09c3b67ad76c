"""What a sampler is: what it is asked, what it gives, and how a report describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.streams import stream
from trialwise.likelihoods.likelihood import Likelihood
from trialwise.population.population import Population

if TYPE_CHECKING:
    import xarray as xr

DRAWS, TUNE, CHAINS = 1000, 300, 4
"""Defaults, with a third of the usual tuning, since whitened coordinates leave little to tune. Four times 400 effective draws
of every group parameter on the human data, 400 to 800 on the bundled ones, where the two spreads are hard to tell apart."""


@dataclass(frozen=True)
class Request:
    """The posterior that a sampler is asked for.

    Attributes
    ----------
    likelihood, population
        Of the participants, and where they come from: together the posterior.
    draws, tune, chains
        Kept and tuning draws of each chain, and how many chains; ``draws`` is None where the sampler decides.
    seed
        Where its random numbers start.
    progress
        Whether a bar is shown.
    checkpoint
        A file that the work so far is kept in; None for none.
    executor
        Who evaluates likelihoods; None for this machine.
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

    @property
    def lacking(self) -> Callable[[xr.DataTree], str] | None:
        """Says what draws lack, in words, nothing if they are enough; None where the number of draws was given."""
        return partial(lacking, self.population.group_names) if self.draws is None else None


@dataclass(frozen=True)
class Sampled:
    """What a sampler gives.

    Attributes
    ----------
    tree
        The groups ``posterior``, whose variables are those of :class:`trialwise.inference.draws.Layout`, and ``sample_stats`` with
        ``diverging (chain, draw)``.
    seconds
        Of sampling.
    attributes
        Numbers and texts to be kept with the fit, by name; ``gradients`` among them.
    notes
        What the user should know, a sentence each.
    """

    tree: xr.DataTree
    seconds: float
    attributes: Mapping[str, Any]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Sampler:
    """A sampler of posteriors; one file (or folder) of ``inference/samplers`` holds one.

    Attributes
    ----------
    name
        As in ``fit(..., sampler="nuts")`` and in ``fit.attrs["sampler"]``.
    title
        In a table of a report, e.g. ``"NUTS in whitened coordinates"``.
    needs_gradient
        Whether it follows gradients, so that it takes exact likelihoods alone.
    preferred
        Where several samplers suit a likelihood, the one of the highest number is taken.
    sample
        Draws from the posterior that a :class:`Request` asks for.
    sentence
        What the methods section says of it, given the attributes of a fit and its draws in words (``"4 chains of 1000 draws
        each"``).
    figures
        Rows for the table of sampling, a name and a value each, given the attributes of a fit and its ``sample_stats``.
    works
        Keys of what is to be cited, see :data:`trialwise.reports.sections.citations.WORKS`; or a citation in full.
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


def lacking(names: Sequence[str], tree: xr.DataTree) -> str:
    """What the draws of these variables lack, in words; nothing if they are enough."""
    import arviz_stats

    from trialwise.inference.chain_checks import too_few

    table = arviz_stats.summary(tree, var_names=list(names), round_to="none")
    return "; ".join(finding.sentence for finding in too_few(table))
