"""Posterior draws: names and shapes of the variables, and access to them by meaning."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.population.design import Design, plain_design
from trialwise.population.names import (
    INDIVIDUAL,
    mean_name,
    median_name,
    names_of_design,
    spread_name,
    unconstrained_name,
)
from trialwise.population.pooled import Pooled
from trialwise.population.population import GroupDraw, Population

if TYPE_CHECKING:
    import xarray as xr

CHAIN_DRAW = ("chain", "draw")

HIDDEN_CHOICES = "hidden_choices"
"""The group of a tree with the courses of hidden choices of some draws: ``hidden (chain, draw, trial)``."""


@dataclass(frozen=True)
class Layout:
    """The variables that a sampler writes.

    For every parameter ``alpha``: ``alpha``, the natural value of each participant, or one value if all share it. With partial
    pooling also the scalars ``alpha_mu``, ``alpha_sd`` and ``alpha_group``, with a design those of its coefficients
    (``alpha_effects[age]``), spreads and correlations, and ``individual``, the unconstrained values of all
    parameters; otherwise ``alpha_unconstrained``.

    Attributes
    ----------
    population
        The population that participants come from.
    labels
        Labels of the participants.
    """

    population: Population
    labels: Sequence[Hashable]

    @property
    def dims(self) -> dict[str, tuple[str, ...]]:
        """Dimensions of one draw of each variable, in the order of the file."""
        individual: tuple[str, ...] = () if self.population.shared else ("participant",)
        dims: dict[str, tuple[str, ...]] = {}
        for name in self.population.names:
            dims[name] = individual
            if not self.population.grouped:
                dims[unconstrained_name(name)] = individual
        if self.population.grouped:
            dims |= dict.fromkeys([*self.population.group_names, *self.population.derived_names], ())
            dims[INDIVIDUAL] = ("participant", "parameter")
        return dims

    @property
    def coords(self) -> dict[str, list[str]]:
        """Labels of each dimension."""
        return {"participant": [str(label) for label in self.labels], "parameter": list(self.population.names)}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of one draw of each variable."""
        sizes = {name: len(labels) for name, labels in self.coords.items()}
        return {name: tuple(sizes[each] for each in dims) for name, dims in self.dims.items()}

    def values(self, group: GroupDraw, natural: Sequence[np.ndarray] | None = None) -> dict[str, np.ndarray]:
        """Arrange arrays as variables by name.

        Parameters
        ----------
        group
            The group and its participants; leading axes, such as chains and draws, are preserved.
        natural
            Natural values ``(..., rows)`` of each parameter, if they have been computed.
        """
        population, u, variables = self.population, group.u, {}
        if natural is None:
            natural = list(population.natural(u).values())
        for k, name in enumerate(population.names):
            variables[name] = natural[k][..., 0] if population.shared else natural[k]
            if not population.grouped:
                variables[unconstrained_name(name)] = u[..., 0, k] if population.shared else u[..., k]
        if population.grouped:
            named = population.by_name(group.coefficients, group.spreads, group.correlations)
            variables |= named | population.derived(named)
            variables[INDIVIDUAL] = u
        return variables

    def dataset(self, group: GroupDraw) -> xr.Dataset:
        """The group ``posterior`` of a tree, from arrays as for :meth:`values` whose first axes are chains and draws."""
        import xarray as xr

        values, u = self.values(group), group.u
        variables = {name: ((*CHAIN_DRAW, *dims), values[name]) for name, dims in self.dims.items()}
        used = {each for dims in self.dims.values() for each in dims}
        coords: dict[str, Any] = {"chain": np.arange(u.shape[0]), "draw": np.arange(u.shape[1])}
        return xr.Dataset(variables, coords | {name: each for name, each in self.coords.items() if name in used})


@dataclass(frozen=True)
class Draws(Pooled):
    """Posterior draws, with access by meaning.

    Attributes
    ----------
    posterior
        The group ``posterior`` of a fit's tree.
    names
        Names of the free parameters.
    pooling
        ``"partial"``, ``"none"`` or ``"complete"``.
    participants
        Number of participants; with sessions that have parameters of their own, of all their rows.
    design
        How participants differ by groups, covariates, sessions and conditions; None without formulas.
    """

    posterior: xr.Dataset
    names: tuple[str, ...]
    pooling: str
    participants: int
    design: Design | None = None

    def __getitem__(self, name: str) -> xr.DataArray:
        """A variable by name, ``(chain, draw, ...)``."""
        return self.posterior[name].transpose(*CHAIN_DRAW, ...)

    @property
    def chains(self) -> int:
        """Number of chains."""
        return self.posterior.sizes["chain"]

    @property
    def length(self) -> int:
        """Number of draws per chain."""
        return self.posterior.sizes["draw"]

    @property
    def count(self) -> int:
        """Number of draws of all chains together."""
        return self.chains * self.length

    # -- names -------------------------------------------------------------------------------------------------------

    @property
    def summary_names(self) -> list[str]:
        """Variables of a summary in order: the group's medians, its other variables, then participants."""
        listed = [*self.median_names, *self.group_names]
        return [*listed, *(name for name in self.names if name not in listed)]

    # -- the group ---------------------------------------------------------------------------------------------------

    def mean(self, parameter: str) -> xr.DataArray:
        """The group's mean on the unconstrained scale, ``(chain, draw)``."""
        return self[mean_name(parameter)]

    def spread(self, parameter: str) -> xr.DataArray:
        """The group's spread on the unconstrained scale, ``(chain, draw)``."""
        return self[spread_name(parameter)]

    def median(self, parameter: str) -> np.ndarray | None:
        """The group's median on the natural scale, or the shared value, ``(draws,)``; None without pooling."""
        if self.grouped:
            return self[median_name(parameter)].to_numpy().ravel()
        return self[parameter].to_numpy().ravel() if self.shared else None

    def groups(self) -> GroupDraw:
        """The group and its participants in every draw, ``(chains, draws, ...)``; with partial pooling."""
        names = names_of_design(self.design or plain_design(self.names, ()))
        shape = (self.chains, self.length)
        coefficients, spreads, correlations = (
            np.stack([self[name].to_numpy() for name in each], -1) if each else np.zeros((*shape, 0)) for each in names
        )
        return GroupDraw(coefficients, spreads, correlations, self.unconstrained())

    def away(self) -> np.ndarray:
        """How far the parameters of each row are from their means, in units of their standard deviations around them, averaged over draws,
        ``(rows, parameters)``."""
        coefficients, spreads, correlations, u = self.groups()
        design = self.design or plain_design(self.names, range(u.shape[2]))
        variance = design.variance(spreads, correlations)
        return np.asarray(((u - design.centre(coefficients)) / np.sqrt(variance)).mean((0, 1)))

    # -- participants ------------------------------------------------------------------------------------------------

    def natural(self, parameter: str) -> np.ndarray:
        """Natural values of every participant, ``(draws, participants)``, with chains concatenated."""
        values = self[parameter].to_numpy().reshape(self.count, -1)
        return np.broadcast_to(values, (self.count, self.participants))

    def unconstrained(self) -> np.ndarray:
        """Unconstrained values, ``(chains, draws, rows, parameters)``: one row per participant, or a single one if all share it.

        Raises
        ------
        KeyError
            If a parameter has no unconstrained values: without a group, if the user's prior is on the natural scale.
        """
        if self.grouped:
            return self.posterior[INDIVIDUAL].transpose(*CHAIN_DRAW, "participant", "parameter").to_numpy()
        u = np.stack([self[unconstrained_name(name)].to_numpy() for name in self.names], -1)
        return u.reshape(self.chains, self.length, -1, len(self.names))

    def natural_means(self) -> dict[str, np.ndarray]:
        """Posterior means of natural values by parameter, ``(participants,)`` each."""
        return {
            name: np.broadcast_to(self[name].mean(CHAIN_DRAW).to_numpy(), (self.participants,)).copy()
            for name in self.names
        }

    # -- thinning ----------------------------------------------------------------------------------------------------

    def thinned(self, count: int) -> Draws:
        """About ``count`` draws, spaced evenly within each chain."""
        each = min(self.length, -(-count // self.chains))
        return replace(self, posterior=self.posterior.isel(draw=np.linspace(0, self.length - 1, each).astype(int)))


def row_label(name: str, participant: Hashable) -> str:
    """The label of a participant's row in a table: ``alpha[7]``."""
    return f"{name}[{participant}]"


def variables_of(labels: Iterable[Hashable], names: Iterable[Hashable]) -> list[str]:
    """The variables of row labels of a table, each once: ``alpha`` of ``alpha[7]``, ``alpha[stable]`` of ``alpha[stable][7]``.

    Parameters
    ----------
    labels
        Labels of rows: names of variables, or these with the label of a participant.
    names
        Names of all variables.
    """
    known = {str(name) for name in names}
    return list(dict.fromkeys(_variable_of(str(label), known) for label in labels))


def _variable_of(label: str, known: set[str]) -> str:
    if label in known:
        return label
    return max((label[:k] for k, letter in enumerate(label) if letter == "[" and label[:k] in known), key=len)


def labelled(tree: xr.DataTree, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Draws ``(chains, draws)`` of variables of a fit's tree, with one entry ``alpha[label]`` per participant where they differ."""
    posterior, draws = tree["posterior"], {}
    for name in names:
        values = posterior[name].transpose(*CHAIN_DRAW, ...)
        if values.ndim == 2:
            draws[name] = values.to_numpy()
            continue
        for n, label in enumerate(posterior["participant"].to_numpy()):
            draws[row_label(name, label)] = values.to_numpy()[:, :, n]
    return draws
