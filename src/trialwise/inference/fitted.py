"""A finished fit: its draws with everything needed to read, check, reuse, save and load them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.errors import DataError, Problem, UsageError
from trialwise.base.files import whole
from trialwise.base.message import from_json
from trialwise.base.result import Finding, Result, having
from trialwise.data.stored import trials_from_datasets
from trialwise.data.trials import Trials
from trialwise.inference.draws import Draws, variable_of
from trialwise.learners.learner import Learner
from trialwise.learners.stored import learner_from_attributes
from trialwise.population.population import Population, population_of

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm
    import xarray as xr

    from trialwise.base.result import Figure


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Result):
    """A posterior with everything needed to read, check and reuse it.

    Attributes
    ----------
    tree
        An ArviZ ``DataTree`` with the groups ``posterior``, ``sample_stats``, ``observed_data`` and ``constant_data``.
        For every free parameter ``alpha``, on the natural scale, ``alpha (chain, draw, participant)``; with partial
        pooling also ``alpha_mu`` and ``alpha_sd``, mean and spread of the group on the unconstrained scale (logit for 0
        to 1, log for positive), ``alpha_group``, the group's **median** on the natural scale, and ``individual``, the
        unconstrained values. Attributes: versions, seed, the learner and its source, the call, seconds, peak memory.
    learner
        Who was fitted; None for a loaded fit whose learner is the user's and was not given to :func:`load`.
    trials
        The data.
    priors
        Priors of the user's own; None for a loaded fit that had some and was not given them again.
    """

    tree: xr.DataTree
    learner: Learner | None
    trials: Trials
    priors: Mapping[str, Any] | None = field(default_factory=dict)

    contents = {"model_summary": "parameters of the group and of participants"}

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the tree."""
        return {str(name): value for name, value in self.tree.attrs.items()}

    @property
    def parameters(self) -> list[str]:
        """Names of the free parameters."""
        return list(json.loads(self.tree.attrs["parameters"]))

    @property
    def pooling(self) -> str:
        """``"partial"``, ``"none"`` or ``"complete"``: what was really done."""
        return str(self.tree.attrs["pooling"])

    @property
    def notes(self) -> tuple[str, ...]:
        """What fitting had to decide and the user should know."""
        if "note_parts" in self.tree.attrs:
            return from_json(str(self.tree.attrs["note_parts"]))
        return tuple(line for line in str(self.tree.attrs["notes"]).split("\n") if line)

    @property
    def group_names(self) -> list[str]:
        """What describes the group; see :func:`trialwise.population.names.group_names`."""
        return self.draws.group_names

    @cached_property
    def draws(self) -> Draws:
        """The posterior's draws, read by what they are."""
        posterior = self.tree["posterior"].to_dataset()
        return Draws(posterior, tuple(self.parameters), self.pooling, self.trials.n_participants)

    @cached_property
    def population(self) -> Population:
        """Whom participants come from; priors of the user's own are in it as far as they are at hand.

        Raises
        ------
        UsageError
            If the learner is not at hand.
        """
        return population_of(self._learner("population"), self.trials, self.priors, self.pooling)

    @cached_property
    def _summary(self) -> pd.DataFrame:
        import arviz_stats

        table = arviz_stats.summary(self.tree, var_names=self.draws.summary_names, round_to="none")
        return table.apply(lambda column: column.astype(float))

    def summary(self) -> pd.DataFrame:
        """A row a parameter: mean, sd, equal-tailed 89 % interval, bulk and tail effective draws, R-hat, Monte Carlo errors.

        The group comes first: medians on the natural scale (``alpha_group``), means and spreads on the unconstrained one
        (``alpha_mu``, ``alpha_sd``); then participants, ``alpha[label]``.
        """
        return self._summary.copy()

    def group(self) -> pd.DataFrame:
        """The rows of :meth:`summary` that describe the group."""
        names = {*self.group_names, *self.draws.median_names}
        rows = [label for label in self._summary.index if variable_of(label) in names]
        return self._summary.loc[rows]

    @cached_property
    def findings(self) -> tuple[Finding, ...]:  # type: ignore[override]
        """What is wrong with the draws, causes first, and what fitting had to decide."""
        from trialwise.inference.chain_checks import problems

        notes = (Finding("note", "fitting", note) for note in self.notes)
        return (*problems(self.tree, self.group()), *notes)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the draws, each a sentence with advice; empty if they can be trusted."""
        return tuple(finding.text for finding in having(self.findings, "problem"))

    def tables(self) -> dict[str, pd.DataFrame]:
        """``model_summary``, as :meth:`summary` gives it."""
        return {"model_summary": self.summary().rename_axis("parameter")}

    def means(self) -> dict[str, np.ndarray]:
        """Posterior means of every parameter, natural scale, ``(participants,)``."""
        return self.draws.natural_means()

    def trial_values(self) -> pd.DataFrame:
        """A row a trial: choice probabilities and signals at the posterior means; see :func:`trialwise.trial_values`.

        Raises
        ------
        UsageError
            If the learner is not at hand.
        """
        from trialwise.likelihoods.evaluate import trial_values

        return trial_values(self._learner("trial_values"), self.trials, self.means())

    @cached_property
    def model(self) -> pm.Model:
        """The PyMC model: for prior predictive draws, log-likelihoods, its graph, and extensions of your own.

        It is written as a PyMC user would, in ``alpha_mu``, ``alpha_sd`` and ``individual``; the sampler moved the same
        posterior in coordinates of its own (:mod:`trialwise.population.density`).

        Raises
        ------
        UsageError
            If the learner, or priors of your own that the fit had, are not at hand.
        """
        from trialwise.population.pymc.model import build_model

        if self.priors is None:
            had = json.loads(self.tree.attrs["priors"])
            raise UsageError(
                f"this fit had priors of its own, {', '.join(f'{name} ~ {text}' for name, text in had.items())}; its model "
                f"needs them again: load('...', priors={{'{next(iter(had))}': ...}})"
            )
        return build_model(self._learner("model"), self.trials, self.population)

    def plot_trace(self) -> Figure:
        """Densities by chain and traces of the group's parameters."""
        return self.plot()

    def save(self, path: str | PathLike[str]) -> None:
        """Write a netCDF file, whole or not at all; :func:`load` reads it."""
        target = Path(fspath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as place:
            self.tree.to_netcdf(place, engine="h5netcdf")

    def _learner(self, verb: str) -> Learner:
        if self.learner is None:
            name = self.tree.attrs["learner_name"]
            raise UsageError(
                f"{verb} needs the learner itself: load('...', learner={name}), with {name} from your file"
            )
        return self.learner

    @property
    def headline(self) -> str:
        """Learner, participants, draws, and whether they can be trusted."""
        state = "no problems" if not self.problems else f"{len(self.problems)} problems: see .problems"
        return (
            f"Fit({self.tree.attrs['learner']}, {self.trials.n_participants} participants, "
            f"{self.draws.chains} x {self.draws.length} draws; {state})"
        )

    def __repr__(self) -> str:
        return self.headline


def load(path: str | PathLike[str], learner: type | None = None, priors: Mapping[str, Any] | None = None) -> Fit:
    """A fit that :meth:`Fit.save` wrote.

    Summaries and plots need nothing else. ``trial_values`` and ``model`` need the learner: a built-in one is found, the
    class of your own is given as ``learner=MyLearner``. ``model`` also needs the priors, if the fit had some of its own:
    a file keeps their names and text. Nothing in the file is executed.

    Raises
    ------
    DataError
        If there is no such file, or it holds no fit.
    UsageError
        If the learner given is another than the one fitted, or priors are given for other parameters than it had.
    """
    import xarray as xr

    place = fspath(path)

    def damaged(message: str) -> DataError:
        return DataError([Problem("no-fit", place, message, "give a file that fit(...).save(...) wrote")])

    if not Path(place).is_file():
        raise damaged("no such file")
    try:
        with xr.open_datatree(place, engine="h5netcdf") as opened:
            tree = opened.load()
        if "learner_name" not in tree.attrs:
            raise damaged("it is no fit of trialwise")
        trials = trials_from_datasets(tree["observed_data"].to_dataset(), tree["constant_data"].to_dataset())
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise damaged(f"it cannot be read ({type(error).__name__}: {error})") from None
    if learner is not None and learner.__name__ != tree.attrs["learner_name"]:
        raise UsageError(f"the file holds a fit of {tree.attrs['learner_name']}, not of {learner.__name__}")
    attributes = {str(name): value for name, value in tree.attrs.items()}
    had = json.loads(attributes["priors"])
    if priors is not None and set(priors) != set(had):
        raise UsageError(
            f"the fit had priors of its own for {', '.join(had) or 'nothing'}, not for {', '.join(priors)}"
        )
    return Fit(tree, learner_from_attributes(attributes, learner), trials, priors if priors or had else {})
