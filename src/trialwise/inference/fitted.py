"""The result of a fit: posterior draws with everything needed to read, check, reuse, save and load them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.expects import COUNT, NONE, PATH, expects, instance
from trialwise.base.files import create_folder, write
from trialwise.base.message import Argument, Code, from_json
from trialwise.base.result import Finding, Result, having
from trialwise.base.seal import sealed
from trialwise.data.by_rows import ByRows, Rows
from trialwise.data.trials import Trials
from trialwise.inference.draws import HIDDEN_CHOICES, Draws, variables_of
from trialwise.learners.learner import Learner
from trialwise.population.designs.stored import StoredDesign, design_from_json
from trialwise.population.population import Population, population_of

if TYPE_CHECKING:
    import pandas as pd
    import pymc as pm
    import xarray as xr

    from trialwise.base.result import Figure
    from trialwise.likelihoods.likelihood import Likelihood


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Result):
    """Posterior draws of a learner's parameters, with everything needed to read, check and reuse them.

    Attributes
    ----------
    tree
        An ArviZ ``DataTree`` with the groups ``posterior``, ``sample_stats``, ``observed_data`` and ``constant_data``.
        For every free parameter ``alpha``, on the natural scale, ``alpha (chain, draw, participant)``; with partial
        pooling also ``alpha_mu`` and ``alpha_sd``, mean and spread of the group on the unconstrained scale (logit for 0
        to 1, log for positive), ``alpha_group``, the group's **median** on the natural scale, and ``individual``, the
        unconstrained values. A fit that draws hidden choices (particle Gibbs) has a group ``hidden_choices`` with ``hidden int8 (chain, draw,
        trial)``, the course of some draws, at most 400 of all chains, with the parameters of the draws of the same label: a byte for each trial and course,
        5.5 MB in memory for 31 participants of 440 trials, and less in a file, which is compressed; read it by :meth:`hidden_draws`.
        Attributes: versions, seed, the learner and its source, the call, seconds, peak memory.
    learner
        The fitted learner; None for a loaded fit whose learner is user-defined and was not passed to :func:`load`.
    trials
        The data.
    priors
        The user's priors by name; None for a loaded fit with some that the file cannot hold and that were not passed to :func:`load`.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> fit = tw.fit(tw.QLearning(initial=1.2), trials, draws=50, tune=100, chains=2, progress=False)
    >>> fit.headline.split(";")[0]
    'Fit(QLearning(initial=1.2), 3 participants, 2 x 50 draws'
    >>> list(fit.summary())[:2], len(fit.means()["alpha"])
    (['mean', 'sd'], 3)
    >>> fit.save("fit.nc")
    >>> tw.load("fit.nc").parameters
    ['alpha', 'beta', 'forget']
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
        """How participants were pooled, ``"partial"``, ``"none"`` or ``"complete"``."""
        return str(self.tree.attrs["pooling"])

    @property
    def notes(self) -> tuple[str, ...]:
        """Decisions made while fitting that the user should know."""
        if "note_parts" in self.tree.attrs:
            return from_json(str(self.tree.attrs["note_parts"]))
        return tuple(line for line in str(self.tree.attrs["notes"]).split("\n") if line)

    @property
    def group_names(self) -> list[str]:
        """Names of the group's variables; see :func:`trialwise.population.names.group_names`."""
        return self.draws.group_names

    @cached_property
    def draws(self) -> Draws:
        """The posterior draws, with accessors by meaning."""
        posterior = self.tree["posterior"].to_dataset()
        design = None if self.design is None else self.design.design
        return Draws(posterior, tuple(self.parameters), self.pooling, self.trials.n_participants, design)

    @cached_property
    def design(self) -> StoredDesign | None:
        """How participants differ by groups, covariates, sessions and conditions; None for a fit without formulas."""
        text = self.tree.attrs.get("design")
        return None if text is None else design_from_json(str(text))

    @cached_property
    def data(self) -> Trials:
        """The trials by participant, as they were read; :attr:`trials` has each row of parameters, such as a session, as a participant."""
        return self.trials if self.design is None else self.design.of_rows(self.trials).original

    @property
    def rows(self) -> Rows:
        """Which rows of parameters, such as sessions, each participant has; without formulas a row each."""
        if self.design is not None:
            return self.design.rows
        return Rows(self.trials.participants, np.arange(self.trials.n_participants), {})

    @cached_property
    def population(self) -> Population:
        """The population that participants come from, with the user's priors as far as they are available.

        Raises
        ------
        UsageError
            If the learner is not available.
        """
        design = None if self.design is None else self.design.design
        return population_of(self.learner_for("population"), self.trials, self.priors, self.pooling, design)

    @cached_property
    def _summary(self) -> pd.DataFrame:
        import arviz_stats

        table = arviz_stats.summary(self.tree, var_names=self.draws.summary_names, round_to="none")
        table = table.apply(lambda column: column.astype(float))
        for name in ("ess_bulk", "ess_tail"):  # estimates of numbers of draws, whose decimals are noise
            rounded = table[name].round()
            table[name] = rounded if rounded.isna().any() else rounded.astype(int)
        return table

    def summary(self) -> pd.DataFrame:
        """Summarise each parameter: mean, sd, equal-tailed 89 % interval, bulk and tail effective draws, R-hat, Monte Carlo errors.

        Returns
        -------
        DataFrame
            A row a parameter. The group comes first: medians on the natural scale (``alpha_group``), means and spreads on the unconstrained
            scale (``alpha_mu``, ``alpha_sd``); then participants, ``alpha[label]``, on the natural scale.
        """
        return self._summary.copy()

    def group(self) -> pd.DataFrame:
        """The rows of :meth:`summary` for the group."""
        names = {*self.group_names, *self.draws.median_names}
        variables = self.tree["posterior"].data_vars
        rows = [label for label in self._summary.index if variables_of([label], variables)[0] in names]
        return self._summary.loc[rows]

    @cached_property
    def findings(self) -> tuple[Finding, ...]:  # type: ignore[override]
        """Problems of the draws, causes first, then notes on the fit, and on reading the data (code ``"reading"``)."""
        from trialwise.inference.diagnostics import problems

        notes = (Finding("note", "fitting", note) for note in self.notes)
        reading = (Finding("note", "reading", note) for note in self.trials.reading_notes)
        return (*problems(self.tree, self.group()), *notes, *reading)

    @property
    def problems(self) -> tuple[str, ...]:
        """Problems of the draws, each a sentence with advice; empty if the draws can be trusted."""
        return tuple(finding.text for finding in having(self.findings, "problem"))

    def tables(self) -> dict[str, pd.DataFrame]:
        """The table ``model_summary``: :meth:`summary` with the index named."""
        return {"model_summary": self.summary().rename_axis("parameter")}

    def means(self) -> dict[str, np.ndarray]:
        """Posterior means of every parameter by name, on the natural scale, ``(participants,)`` each; with sessions that have parameters of their
        own, ``(sessions,)``, in the order of the participants of :attr:`trials`."""
        return self.draws.natural_means()

    def trial_values(self, *, same_as: int | None = None, inputs: bool = False) -> pd.DataFrame:
        """Choice probabilities and signals of each trial, one row per trial; see :func:`trialwise.trial_values`.

        They are those at the posterior means. With a hidden choice, of a fit that keeps courses of hidden choices (:attr:`tree`), all that is
        conditional on **all** trials (the probabilities ``hidden_current``, ..., the expected signals, ``same_hidden``) is averaged over the
        posterior: over the draws' parameters and the courses drawn with them (:mod:`trialwise.likelihoods.course_values`).
        ``attrs["courses"]`` is their number D; the Monte Carlo error of a probability p is about sqrt(p (1 - p) / D), somewhat more if the chains
        mix slowly. What is conditional on the trials so far alone (``choice_probability``, ``log_likelihood``, columns that end in
        ``_filtered``) still comes from particle filters at the posterior means; ``attrs["filters"]`` is their number for each participant.

        Parameters
        ----------
        same_as
            Number of a trial within the participant, from 1, for a learner with a hidden choice: adds the column ``same_hidden``, the
            probability that the hidden choice of each trial is the same as on that one, given all trials. NaN where there is none, and in other
            sessions with parameters of their own, whose state begins anew.
        inputs
            Whether to append every column of the table that the trials were read from; only of a fit that was not loaded from a file.

        Returns
        -------
        DataFrame
            As :func:`trialwise.trial_values`.

        Raises
        ------
        UsageError
            If the learner is not available, ``inputs`` are asked for and the trials do not hold them, or ``same_as`` is not the number of a
            trial, or the learner has no hidden choice.
        """
        from trialwise.inference.hidden_draws import values_of

        return values_of(*self._replayable("trial_values"), same_as, inputs)

    @expects(count=COUNT | NONE)
    def hidden_draws(self, count: int | None = None) -> xr.Dataset:
        """Draws of hidden choices from their posterior, with each trial's values given them: whole sequences, for analyses of other data.

        Each draw has parameters and, for every participant, one sequence of hidden choices, drawn together; the learner is replayed with both. A
        regressor of brain data, for example, is computed from each draw, and results are averaged over draws; the mean of ``error`` over draws is the
        column of that name in :meth:`trial_values`.

        Exchangeable options have no labels: they are numbered by first use, from the participant's first trial or the last reset of the state, and
        a number means nothing in another participant, session or draw. Compare trials of the same draw: is the option on trial t that of trial s?

        Parameters
        ----------
        count
            Largest number of draws, of all chains together, spaced evenly; by default all that the fit keeps, at most 400. At least one of each
            chain is taken. A variable takes 8 bytes times trials times draws: 44 MB for 31 participants of 440 trials and 400 draws.

        Returns
        -------
        xarray.Dataset
            Dimensions ``chain``, ``draw`` (labels of the same draws in ``tree["posterior"]``) and ``trial``, in the order of
            :attr:`data`, with the coordinates ``participant``; ``number``, the running number within the participant; and ``section``, a number of the
            participant's trials, or of those between two resets, within which options can be compared. ``hidden``: the
            option, int8 from 0, -1 where there is none. ``choice_probability``, or what :func:`trialwise.trial_values` has for other
            responses: given the hidden choice of the trial. The learner's signals, in their units, under their names.

        Raises
        ------
        UsageError
            If the fit keeps no courses of hidden choices, or the learner is not available.

        Examples
        --------
        >>> learner = tw.learners.TaskSets(initial=1.2)
        >>> truth = {name: 0.3 for name in learner.names} | {"beta": 2.0, "beta_high": 2.0}
        >>> trials = tw.simulate(learner, tw.environments.AlienTask(trials=10), truth, participants=2, seed=1).trials
        >>> fit = tw.fit(learner, trials, draws=20, chains=2, progress=False)
        >>> draws = fit.hidden_draws()
        >>> dict(draws.sizes), list(draws)
        ({'chain': 2, 'draw': 20, 'trial': 20}, ['hidden', 'choice_probability', 'error', 'error_high'])
        >>> own = draws.isel(trial=draws.participant == trials.participants[0])
        >>> as_on_the_fifth = (own.hidden == own.hidden.isel(trial=4)).mean(("chain", "draw"))
        >>> float(as_on_the_fifth[4])
        1.0

        References
        ----------
        Lindsten, Jordan & Schön (2014), Journal of Machine Learning Research 15:2145.
        """
        from trialwise.inference.hidden_draws import draws_of

        return draws_of(*self._replayable("hidden_draws"), count)

    def _replayable(self, verb: str) -> tuple[Likelihood, Draws, xr.DataArray | None, ByRows | None]:
        """The likelihood, draws and their courses, if any are kept, and the way from rows of parameters back to participants."""
        from trialwise.likelihoods.kinds import likelihood_of

        hidden = self.tree[HIDDEN_CHOICES].to_dataset()["hidden"] if HIDDEN_CHOICES in self.tree else None
        rows = None if self.design is None else self.design.of_rows(self.trials)
        return likelihood_of(self.learner_for(verb), self.trials), self.draws, hidden, rows

    @cached_property
    def model(self) -> pm.Model:
        """The PyMC model, for prior predictive draws, log-likelihoods, its graph, and your own extensions.

        It is written as a PyMC user would write it, in ``alpha_mu``, ``alpha_sd`` and ``individual``; the sampler explored the same
        posterior in other coordinates (:mod:`trialwise.population.density`).

        Raises
        ------
        UsageError
            If the learner, or user priors of the fit, are not available.
        """
        from trialwise.population.pymc.model import build_model

        if self.priors is None:
            stored = json.loads(self.tree.attrs["priors"])
            raise UsageError(
                f"this fit used the priors {', '.join(f'{name} ~ {text}' for name, text in stored.items())}; its model needs them "
                "again: give them when loading it (",
                Argument("priors", {next(iter(stored)): ...}),
                ")",
            )
        return build_model(self.learner_for("model"), self.trials, self.population)

    def plot_trace(self) -> Figure:
        """Plot densities by chain and traces of the group's parameters."""
        return self.plot()

    @expects(path=PATH)
    def save(self, path: str | PathLike[str]) -> None:
        """Write a netCDF file, completely or not at all; :func:`load` reads it.

        Parameters
        ----------
        path
            Path of the file, ``fit.nc``.

        Raises
        ------
        UsageError
            If the file, or a folder on its path, cannot be written; an earlier file is unchanged.
        """
        target = Path(fspath(path))
        create_folder(target.parent)
        tree = self.tree.copy()
        tree.attrs = {**tree.attrs, "contents": digest(tree)}
        write(target, sealed(_as_netcdf(tree)))

    def __getstate__(self) -> dict[str, object]:
        """Everything but the PyMC model, which is built anew where it is needed."""
        return {name: value for name, value in self.__dict__.items() if name != "model"}

    def learner_for(self, verb: str) -> Learner:
        """The learner, for what needs it.

        Parameters
        ----------
        verb
            What it is needed for, for the message.

        Returns
        -------
        Learner
            The fitted learner.

        Raises
        ------
        UsageError
            If the learner is not available.
        """
        if self.learner is None:
            name = self.tree.attrs["learner_name"]
            raise UsageError(
                f"{verb} needs the learner: give the class {name} from your own code when loading the fit (",
                Argument("learner", Code(name)),
                ")",
            )
        return self.learner

    @property
    def headline(self) -> str:
        """Learner, number of participants, draws, and number of problems."""
        state = "no problems" if not self.problems else f"{counted(len(self.problems), 'problem')}: see .problems"
        return (
            f"Fit({self.tree.attrs['learner']}, {counted(self.data.n_participants, 'participant')}, "
            f"{self.draws.chains} x {self.draws.length} draws; {state})"
        )

    def __repr__(self) -> str:
        return self.headline


GROUPS = ("posterior", "sample_stats", "observed_data", "constant_data")
"""The groups of a fit's tree; one that draws hidden choices has another, :data:`trialwise.inference.draws.HIDDEN_CHOICES`."""


def _groups(tree: xr.DataTree) -> tuple[str, ...]:
    return (*GROUPS, *(name for name in (HIDDEN_CHOICES,) if name in tree))


def digest(tree: xr.DataTree) -> str:
    """SHA-256 of a fit's numbers, labels and attributes, by which :func:`load` notices damage and edits."""
    total = hashlib.sha256()
    for group in _groups(tree):
        contents = tree[group]
        for name, values in sorted((str(name), each.to_numpy()) for name, each in contents.variables.items()):
            total.update(f"{group}/{name} {values.shape}".encode())
            if values.dtype.kind in "fiub":
                total.update(np.ascontiguousarray(values, np.float64).tobytes())
            else:
                total.update(json.dumps([str(label) for label in values.ravel()]).encode())
    for contents in (tree, *(tree[group] for group in _groups(tree))):
        described = {str(name): str(value) for name, value in contents.attrs.items() if name != "contents"}
        total.update(json.dumps(described, sort_keys=True).encode())
    return total.hexdigest()


def _as_netcdf(tree: xr.DataTree) -> bytes:
    """The content of a netCDF file, made in memory: HDF5 ends the process where a disk is full or the size of files is limited."""
    packed = {f"/{HIDDEN_CHOICES}": {"hidden": {"zlib": True}}} if HIDDEN_CHOICES in tree else {}
    return bytes(tree.to_netcdf(None, engine="h5netcdf", encoding=packed))  # type: ignore[arg-type]


def _remedy(value: Any) -> str:
    """What to write where something else was given for a fit."""
    if isinstance(value, str | PathLike):
        return f"load({fspath(value)!r})"
    return "fit(learner, trials)" if isinstance(value, Learner | Trials) else ""


FIT = instance("a fit, as fit(...) and load(...) return it", Fit, remedy=_remedy)
"""What functions expect that take a fit."""
