"""Runs: stretches of trials within which a learner's state goes on, and where a covariate changes.

What is constant within runs gives rows of parameters, since a row is one set of values from the start of a run to its end. What
changes while the state goes on gives slots, values of a parameter between which trials switch, or, if it is a number, a slope.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.learners.varied import text_in_names
from trialwise.population.designs.covariates import Covariate
from trialwise.population.names import different

Scope = Literal["participant", "row", "slot", "trial"]
"""Where a covariate is constant: within participants, within runs, or only on trials, levels (slot) or numbers (trial)."""


def runs_of(learner: Learner, trials: Trials) -> np.ndarray:
    """The run of each trial, ``int (trials,)``, ascending.

    A run is the longest stretch of a participant's trials in which the state is never fully restarted. A reset restarts it unless the
    learner has a method ``reset``, which keeps part of it.
    """
    starts = np.zeros(trials.n_trials, bool)
    starts[trials.offsets[:-1][trials.lengths > 0]] = True
    if "reset" not in learner.methods:
        starts |= np.asarray(trials.reset, bool)
    return np.cumsum(starts) - 1


def first_of(runs: np.ndarray) -> np.ndarray:
    """The first trial of each run, ``int (runs,)``."""
    return np.flatnonzero(np.diff(runs, prepend=-1))


def scope_of(covariate: Covariate, trials: Trials, runs: np.ndarray) -> Scope:
    """Where a covariate changes, which decides how the parameters that depend on it are arranged."""
    if not covariate.of_trials or _constant(covariate.values, trials.participant_index):
        return "participant"
    if _constant(covariate.values, runs):
        return "row"
    return "trial" if covariate.kind == "number" else "slot"


def _constant(values: np.ndarray, groups: np.ndarray) -> bool:
    """Whether values are the same within each group, of which the numbers ascend."""
    same_group = groups[1:] == groups[:-1]
    return bool(np.all(values[1:][same_group] == values[:-1][same_group]))


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of parameters: combinations of a participant and of values of the covariates that change between runs.

    Attributes
    ----------
    owner
        The participant of each row, ``int (rows,)``, ascending.
    row_of_trial
        The row of each trial, ``int (trials,)``.
    first
        A trial of each row, ``int (rows,)``.
    labels
        Labels of participants, or tuples of these and of values.
    """

    owner: np.ndarray
    row_of_trial: np.ndarray
    first: np.ndarray
    labels: tuple[Hashable, ...]


def rows_of(trials: Trials, runs: np.ndarray, covariates: Sequence[Covariate]) -> Rows:
    """The rows of parameters, for covariates that are constant within runs; runs with the same values share one."""
    first = first_of(runs)
    keys = np.stack([trials.participant_index[first], *(each.values[first] for each in covariates)], 1).astype(float)
    distinct, run, row_of_run = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    owner = distinct[:, 0].astype(int)
    labels: list[Hashable] = []
    for n, values in zip(owner, distinct[:, 1:], strict=True):
        parts = [_label(each, value) for each, value in zip(covariates, values, strict=True)]
        labels.append((trials.participants[n], *parts) if covariates else trials.participants[n])
    return Rows(owner, row_of_run.reshape(-1)[runs].astype(int), first[run], tuple(labels))


@dataclass(frozen=True, eq=False)
class Slots:
    """Slots of a parameter: combinations of levels of covariates that change within runs.

    Attributes
    ----------
    labels
        Their labels: ``("stable", "volatile")``.
    of_trial
        The slot of each trial, ``int (trials,)``.
    first
        A trial of each slot, ``int (slots,)``.
    """

    labels: tuple[str, ...]
    of_trial: np.ndarray
    first: np.ndarray


@dataclass(frozen=True, eq=False)
class Slope:
    """The slope of a parameter on a number that changes within runs.

    Attributes
    ----------
    name
        The name of the number.
    mean, sd
        Its mean and standard deviation over trials, in which participants weigh the same.
    values
        The number of each trial, standardised by these, ``(trials,)``.
    """

    name: str
    mean: float
    sd: float
    values: np.ndarray


def slope_of(covariate: Covariate, trials: Trials) -> Slope:
    """The slope on a number of the trials."""
    values, owner, lengths = np.asarray(covariate.values, float), trials.participant_index, trials.lengths
    mean = float(np.mean(np.bincount(owner, values) / lengths))
    sd = float(np.sqrt(np.mean(np.bincount(owner, (values - mean) ** 2) / lengths)))
    return Slope(covariate.name, mean, sd, (values - mean) / sd)


def slots_of(covariates: Sequence[Covariate]) -> Slots:
    """The slots of a parameter, for one or more covariates that change within runs."""
    sizes = [len(each.levels) for each in covariates]
    codes = np.ravel_multi_index([each.values for each in covariates], sizes)
    distinct, first, of_trial = np.unique(codes, return_index=True, return_inverse=True)
    levels = zip(*np.unravel_index(distinct, sizes), strict=True)
    texts = [", ".join(str(each.levels[n]) for each, n in zip(covariates, own, strict=True)) for own in levels]
    texts = [
        f"{covariates[0].name} {text}" if text.startswith(":") else text for text in texts
    ]  # unlike those of slopes
    names = different([text_in_names(text) for text in texts])
    clash = [text_in_names(text) != name for text, name in zip(texts, names, strict=True)]
    labels = tuple(name if other else text for text, name, other in zip(texts, names, clash, strict=True))
    return Slots(labels, of_trial.reshape(-1).astype(int), first)


def _label(covariate: Covariate, value: float) -> Hashable:
    return covariate.levels[int(value)] if covariate.kind == "factor" else float(value)
