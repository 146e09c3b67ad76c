"""Formulas, covariates and trials, arranged for a fit: rows of parameters, slots, and the design of the population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.data.by_rows import by_rows, row_text
from trialwise.data.trials import Column, Trials
from trialwise.learners.learner import Learner
from trialwise.learners.varied import CONDITION, STANDARDISED
from trialwise.population.designs.build import Correlated, Designed, MissingCovariates, Random, designed
from trialwise.population.designs.formula import Formulas
from trialwise.population.designs.join import ParticipantsTable
from trialwise.population.designs.stored import StoredDesign, runs_of_rows


def design_of(
    learner: Learner,
    trials: Trials,
    formulas: Formulas,
    participants: ParticipantsTable | None,
    pooling: str,
    *,
    random: Random = "full",
    correlated: Correlated = False,
    missing_covariates: MissingCovariates = "refuse",
) -> tuple[Learner, Trials, StoredDesign, Sequence[str]]:
    """Arrange a learner and trials for formulas; see :func:`trialwise.fit` for the arguments.

    Returns
    -------
    tuple
        The learner, with a parameter for each slot; trials in which each row of parameters is a participant of its own; the design; and
        what was decided, for users.

    Raises
    ------
    UsageError
        For formulas that cannot be read or fitted.
    DataError
        With all problems of covariates.
    """
    if not isinstance(formulas, str | Mapping) and not (
        isinstance(formulas, Sequence) and all(isinstance(each, str) for each in formulas)
    ):
        raise UsageError(
            Argument("formulas", formulas),
            ": a formula, a list of them or a dict is wanted, such as ",
            Argument("formulas", {learner.names[0]: "group"}),
        )
    if trials.n_participants == 1:
        raise UsageError(
            Argument("formulas", formulas),
            " describe how participants differ, and there is a single one: vary a parameter of its learner, "
            ".vary(...), or leave it out",
        )
    if pooling != "partial":
        raise UsageError(
            Argument("formulas", formulas),
            " describe how participants of a group differ: fit with ",
            Argument("pooling", "partial"),
        )
    built = designed(
        learner.names, learner, trials, formulas, participants,
        random=random, correlated=correlated, missing_covariates=missing_covariates,
    )  # fmt: skip
    learner, trials = varied(learner, built)
    runs = runs_of_rows(built.row_of_trial)
    stored = StoredDesign(
        built.design, built.models, built.formulas, tuple(built.trials.participants), runs, built.covariates
    )
    if stored.by_session:
        trials = by_rows(trials, built.row_of_trial, [row_text(label) for label in built.design.labels]).trials
    return learner, trials, stored, built.notes


def varied(learner: Learner, built: Designed) -> tuple[Learner, Trials]:
    """The learner with a parameter for each slot and slope, and trials with the columns that say which applies."""
    trials = built.trials
    by: dict[str, str | dict[str, tuple[str, ...]]] = {}
    for name, slope in built.slopes.items():
        by[name] = column = f"{slope.name}{STANDARDISED}"
        trials = replace(trials, columns={**trials.columns, column: Column(slope.values)})
    for name, codes in built.slots.items():
        labels, column = built.slot_labels[name], f"{CONDITION}{name}"
        trials = replace(
            trials,
            columns={**trials.columns, column: Column(np.asarray(codes, np.int64), column)},
            levels={**trials.levels, column: tuple(labels)},
        )
        by[name] = {column: labels}
    return (learner.vary(**by) if by else learner), trials
