"""Posterior draws: names and shapes of the variables, and access to them by meaning."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.learners.parameters import Parameter
from trialwise.population.names import (
    INDIVIDUAL,
    mean_name,
    median_name,
    spread_name,
    unconstrained_name,
)
from trialwise.population.pooled import Pooled
from trialwise.population.population import Population

if TYPE_CHECKING:
    import xarray as xr

CHAIN_DRAW = ("chain", "draw")


@dataclass(frozen=True)
class Layout:
    """The variables that a sampler writes.

    For every parameter ``alpha``: ``alpha``, the natural value of each participant, or one value if all share it. With partial
    pooling also the scalars ``alpha_mu``, ``alpha_sd`` and ``alpha_group``, and ``individual``, the unconstrained values of all
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
            if self.population.grouped:
                dims |= dict.fromkeys((mean_name(name), spread_name(name), median_name(name)), ())
            else:
                dims[unconstrained_name(name)] = individual
        if self.population.grouped:
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

    def values(
        self, mu: np.ndarray, sd: np.ndarray, u: np.ndarray, natural: Sequence[np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Arrange arrays as variables by name.

        Parameters
        ----------
        mu, sd
            Means and spreads of the group, ``(..., parameters)``; leading axes, such as chains and draws, are
            preserved.
        u
            Unconstrained values, ``(..., rows, parameters)``: one row per participant, or a single one if all share it.
        natural
            Natural values ``(..., rows)`` of each parameter.
        """
        population, variables = self.population, {}
        natural = [each[..., 0] for each in natural] if population.shared else natural
        for k, (parameter, names) in enumerate(self._names):
            name, mean, spread, median, unconstrained = names
            variables[name] = natural[k]
            if population.grouped:
                variables[mean], variables[spread] = mu[..., k], sd[..., k]
                variables[median] = parameter.constrain(mu[..., k])
            else:
                variables[unconstrained] = u[..., 0, k] if population.shared else u[..., k]
        if population.grouped:
            variables[INDIVIDUAL] = u
        return variables

    @cached_property
    def _names(self) -> list[tuple[Parameter, tuple[str, ...]]]:
        """Each parameter with the names of its variables; made once, since :meth:`values` is called for every draw."""
        naming = (str, mean_name, spread_name, median_name, unconstrained_name)
        return [(each, tuple(name(each.name) for name in naming)) for each in self.population.parameters]

    def dataset(self, mu: np.ndarray, sd: np.ndarray, u: np.ndarray) -> xr.Dataset:
        """The group ``posterior`` of a tree, from arrays as for :meth:`values` whose first axes are chains and draws."""
        import xarray as xr

        values = self.values(mu, sd, u, list(self.population.natural(u).values()))
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
        Number of participants.
    """

    posterior: xr.Dataset
    names: tuple[str, ...]
    pooling: str
    participants: int

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

    def means(self) -> np.ndarray:
        """The group's means of all parameters on the unconstrained scale, ``(chains, draws, parameters)``."""
        return np.stack([self.mean(name).to_numpy() for name in self.names], -1)

    def spreads(self) -> np.ndarray:
        """The group's spreads of all parameters on the unconstrained scale, ``(chains, draws, parameters)``."""
        return np.stack([self.spread(name).to_numpy() for name in self.names], -1)

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


def variable_of(label: Hashable, names: Collection[Hashable] = ()) -> str:
    """The variable of a row label of a table: ``alpha`` of ``alpha[7]``, ``alpha[stable]`` of ``alpha[stable][7]``.

    Parameters
    ----------
    label
        The label of the row.
    names
        Names of variables. Without them, or if the row is of none of them, brackets at the end are taken for a participant's label, which
        is right except for a parameter of a level that all participants share, ``alpha[stable]``.
    """
    text = str(label)
    if text in names:
        return text
    own = [name for name in map(str, names) if text.startswith(f"{name}[") and text.endswith("]")]
    if own:
        return max(own, key=len)
    depth = 0
    for place in range(len(text) - 1, -1, -1) if text.endswith("]") else ():
        depth += (text[place] == "]") - (text[place] == "[")
        if depth == 0:
            return text[:place]
    return text.split("[")[0] if text.endswith("]") else text


def labelled(tree: xr.DataTree, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Draws ``(chains, draws)`` of variables of a fit's tree, with one entry ``alpha[label]`` per participant where they differ.

    The name of a parameter that varies stands for the variables of its levels.
    """
    posterior, draws = tree["posterior"], {}
    variables = [str(name) for name in posterior.data_vars]
    levels = {each: [name for name in variables if name.startswith(f"{each}[")] for each in names}
    for name in (name for each, of in levels.items() for name in (of if of and each not in variables else [each])):
        values = posterior[name].transpose(*CHAIN_DRAW, ...)
        if values.ndim == 2:
            draws[name] = values.to_numpy()
            continue
        for n, label in enumerate(posterior["participant"].to_numpy()):
            draws[row_label(name, label)] = values.to_numpy()[:, :, n]
    return draws
