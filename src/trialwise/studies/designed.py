"""Studies with a design: participants who differ by groups, covariates and sessions are simulated, and fitted with the same formulas."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from trialwise.analysis.effects.set_effects import Difference, Effects, differences_of, known_of
from trialwise.analysis.true_values import TrueRows, Truth, labels_in, population_in
from trialwise.base.english import counted
from trialwise.base.errors import DataError, UsageError
from trialwise.base.expects import COUNT, LABELS, MAPPING, PATH, TABLE
from trialwise.base.message import Argument, Message
from trialwise.base.streams import stream
from trialwise.data.reading.table import Table
from trialwise.data.trials import Column, Trials
from trialwise.environments.environment import Environment, EnvironmentLike, Recorded
from trialwise.environments.simulate import simulate
from trialwise.environments.simulation import Simulation
from trialwise.inference.design_of import design_of, row_text
from trialwise.learners.learner import Learner
from trialwise.population.designs.build import Correlated, Random
from trialwise.population.designs.formula import Formulas, parse_formulas
from trialwise.population.designs.join import (
    Participants,
    ParticipantsTable,
    covariates_in,
    of_new_participants,
    opened,
)
from trialwise.population.designs.stored import StoredDesign
from trialwise.population.known import Known
from trialwise.population.population import Population
from trialwise.studies.fits import DesignArguments

if TYPE_CHECKING:
    import pandas as pd

SESSION = "session"
"""The column of the sessions that are simulated."""

PARTICIPANTS = replace(
    COUNT | LABELS | TABLE | PATH | MAPPING,
    wanted="a whole number, 1 or larger, a list of labels or, with formulas, a table with a row for each participant or its path",
)
"""What studies expect for participants."""

type Sessions = int | Sequence[Hashable]
"""A number of sessions, or their labels."""


@dataclass(frozen=True, eq=False)
class StudyDesign:
    """How the participants of each data set of a study differ; see :func:`trialwise.recover` for the arguments.

    Attributes
    ----------
    formulas, random, correlated
        As for :func:`trialwise.fit`.
    table
        The table of participants; None without one.
    effects
        The true differences that are set.
    sessions
        Labels of the sessions, each a new run through the environment; empty if sequences are taken as they are.
    """

    formulas: Formulas
    table: Table | None
    random: Random
    correlated: Correlated
    effects: Effects
    sessions: tuple[Hashable, ...]

    @property
    def arguments(self) -> DesignArguments:
        """The arguments of each fit."""
        return {
            "formulas": self.formulas,
            "participants": self.table,
            "random": self.random,
            "correlated": self.correlated,
        }

    @property
    def text(self) -> str:
        """The formulas, for readers of a folder."""
        if isinstance(self.formulas, Mapping):
            return "; ".join(f"{name} ~ {right}" for name, right in self.formulas.items())
        return self.formulas if isinstance(self.formulas, str) else "; ".join(self.formulas)

    def arranged(
        self, learner: Learner, environment: EnvironmentLike, labels: Sequence[Hashable], seed: int
    ) -> Arranged:
        """The sequences of a data set, and its design.

        Raises
        ------
        UsageError, DataError
            For formulas, covariates, sessions and effects that are not possible.
        """
        template = self._template(learner, environment, labels, seed)
        try:
            varied, rows, stored, notes = design_of(
                learner, template, self.formulas, self.table, "partial", random=self.random, correlated=self.correlated
            )
        except DataError as error:
            raise self._for_studies(error, environment) from None
        along: Recorded | Trials = rows
        if not isinstance(environment, Trials):
            along = Recorded(environment.environment if isinstance(environment, Recorded) else environment, rows)
        names = {
            column
            for formula in parse_formulas(self.formulas, learner.names).values()
            for atom in formula.atoms
            for column in atom.columns
            if column in template.columns
        }
        return Arranged(
            learner,
            varied,
            template,
            along,
            stored,
            self.effects,
            tuple(sorted(names)),
            tuple(notes),
            isinstance(environment, Recorded),
        )

    def _template(
        self, learner: Learner, environment: EnvironmentLike, labels: Sequence[Hashable], seed: int
    ) -> Trials:
        """The trials of all participants as they are shown; their choices are to be replaced."""
        if not isinstance(environment, Environment):
            recorded = environment.trials if isinstance(environment, Recorded) else environment
            return recorded.select(labels)
        middle = {p.name: float(p.constrain(p.mean)) for p in learner.parameters}
        sessions = self.sessions or ("",)
        runs = [row_text((label, session)) for label in labels for session in sessions] if self.sessions else labels
        trials = simulate(learner, environment, middle, seed, list(runs)).trials
        if not self.sessions:
            return trials
        if SESSION in trials.columns:
            raise UsageError(
                Argument("sessions", list(self.sessions)), f": {environment!r} has sessions of its own; leave them out"
            )
        codes = np.repeat(np.tile(np.arange(len(sessions)), len(labels)), trials.lengths)
        reset = np.array(trials.reset, bool)
        firsts = trials.offsets[:-1].reshape(len(labels), len(sessions))
        reset[firsts[:, 1:].ravel()] = True
        return replace(
            trials,
            participants=tuple(labels),
            offsets=trials.offsets[:: len(sessions)].copy(),
            columns={**trials.columns, SESSION: Column(codes, SESSION)},
            levels={**trials.levels, SESSION: self.sessions},
            reset=reset,
        )

    def _for_studies(self, error: DataError, environment: EnvironmentLike) -> DataError:
        """An error that says how to simulate sessions, if a formula names them and there are none, and nothing of dropping participants."""
        without = not self.sessions and isinstance(environment, Environment)
        start = Message("simulate sessions by ", Argument("sessions", 2), ". ")
        problems = []
        for each in error.problems:
            if without and each.code == "unknown-covariate" and f"'{SESSION}'" in each.message:
                problems.append(replace(each, remedy=Message(start, each.remedy)))
            elif "missing_covariates" in each.remedy:
                problems.append(
                    replace(each, remedy=Message("fill it in, or leave these participants out of the table"))
                )
            else:
                problems.append(each)
        return DataError(problems)


@dataclass(frozen=True, eq=False)
class Arranged:
    """The sequences of a data set, and its design.

    Attributes
    ----------
    learner, varied
        The learner, and with a parameter for each slot.
    template
        The trials of participants, whose choices are to be replaced.
    along
        The environment along these trials, in which each row of parameters is a participant.
    stored
        The design.
    effects
        The true differences that are set.
    columns
        The columns of the trials that formulas name.
    notes
        What was decided, for users.
    keep_missed
        Whether missed choices stay missed.
    """

    learner: Learner
    varied: Learner
    template: Trials
    along: Recorded | Trials
    stored: StoredDesign
    effects: Effects
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    keep_missed: bool

    def population(
        self, environment: EnvironmentLike, seed: int, priors: Mapping[str, Any] | None = None
    ) -> Population:
        """The population of the participants; the default prior is scaled by outcomes in the environment of the study."""
        return population_in(self.varied, environment, seed, priors, self.stored.design)

    def truth(self, truth: Truth, population: Population, random: np.random.Generator, seed: int) -> TrueRows:
        """The true values of all rows, with the effects that are set."""
        own = replace(truth, population=population)
        return own.of_rows(self.learner, self.template, self.known, random, partial(stream, seed))

    @property
    def known(self) -> Known:
        """The effects that are set."""
        return known_of(self.stored.models, self.effects)

    def simulated(self, true: TrueRows, seed: int) -> DesignedSimulation:
        """Simulate the participants with these true values.

        Raises
        ------
        UsageError
            If a column of the formulas depends on choices.
        """
        recorded = self.along.trials if isinstance(self.along, Recorded) else self.along
        labels = list(recorded.participants)
        rows = simulate(self.varied, self.along, true.values, seed, labels, keep_missed=self.keep_missed)
        trials = self.stored.of_rows(rows.trials).original
        for name in self.columns:
            if not np.array_equal(trials.columns[name].values, self.template.columns[name].values):
                raise UsageError(
                    f"{name} depends on earlier choices, and true values on {name}: a study needs formulas of what is shown whatever is chosen"
                )
        trials = replace(
            trials,
            columns={name: trials.columns[name] for name in self.template.columns},
            levels={name: labels for name, labels in trials.levels.items() if name in self.template.levels},
        )
        differences, known = differences_of(self.stored.models, self.effects), self.known
        values = np.array([difference.vector @ true.coefficients for difference in differences])
        is_set = [each.parameter in true.stated or known.determines(each.vector) for each in differences]
        truth = self.stored.rows.labelled().join(rows.parameters.drop(columns="participant"))
        return DesignedSimulation(rows, trials, truth, differences, values, np.array(is_set, bool))


@dataclass(frozen=True, eq=False)
class DesignedSimulation:
    """A simulated data set.

    Attributes
    ----------
    rows
        The simulation, in which each row of parameters is a participant.
    trials
        Its trials, of the participants.
    truth
        The true values, a row a row of parameters, with the participant and, where there are several, what tells them apart.
    differences
        The differences that the formulas ask for, those that are set first.
    true
        Their true values, ``(differences,)``.
    is_set
        Whether these are the same in all data sets, ``bool (differences,)``.
    """

    rows: Simulation
    trials: Trials
    truth: pd.DataFrame
    differences: tuple[Difference, ...]
    true: np.ndarray
    is_set: np.ndarray

    @property
    def parameters(self) -> pd.DataFrame:
        """The true values, by the labels of rows of parameters, as :func:`trialwise.simulate` takes them."""
        return self.rows.parameters


def study_design(
    learner: Learner,
    environment: EnvironmentLike,
    participants: Participants | None,
    formulas: Formulas | None,
    random: Random,
    correlated: Correlated,
    sessions: Sessions | None,
    effects: Effects | None = None,
) -> tuple[tuple[Hashable, ...], StudyDesign | None]:
    """The labels of the participants of a study, and its design; None without formulas.

    Raises
    ------
    UsageError
        For arguments that need formulas without any; for sessions that are not possible.
    DataError
        For a table of participants whose labels are not unique.
    """
    is_table = participants is not None and not COUNT.holds(participants) and not LABELS.holds(participants)
    source = cast("ParticipantsTable", participants) if is_table else None
    number = None if is_table else cast("int | Sequence[Hashable] | None", participants)
    if formulas is None:
        _refuse_without_formulas(learner, source, random, correlated, sessions, effects)
        return tuple(labels_in(environment, number)), None
    table = None
    if source is not None and isinstance(environment, Environment):
        table, number = of_new_participants(source)
    elif source is not None:
        table = opened(source)
    labels = tuple(labels_in(environment, number))
    if len(labels) < 2:
        raise UsageError(
            Argument("formulas", formulas), f" describe how participants differ, and there is {counted(len(labels), 'participant')}"
        )  # fmt: skip
    return labels, StudyDesign(
        formulas, table, random, correlated, effects or {}, _session_labels(sessions, environment)
    )


def _refuse_without_formulas(
    learner: Learner,
    table: ParticipantsTable | None,
    random: Random,
    correlated: Correlated,
    sessions: Sessions | None,
    effects: Effects | None,
) -> None:
    """Refuse arguments that are about formulas."""
    values = {
        "effects": effects or None,
        "sessions": sessions,
        "correlated": correlated or None,
        "random": None if random == "full" else random,
    }
    given = [Argument(name, value) for name, value in values.items() if value is not None]
    if given:
        raise UsageError(given[0], " is for formulas: add ", Argument("formulas", _example(learner, table, effects)))
    if table is not None:
        raise UsageError(
            Argument("participants", ...),
            ": a table of covariates is used by formulas; add ",
            Argument("formulas", _example(learner, table, effects)),
        )


def _session_labels(sessions: Sessions | None, environment: EnvironmentLike) -> tuple[Hashable, ...]:
    """The labels of sessions, 1, 2, ... if their number is given."""
    if sessions is None:
        return ()
    if not isinstance(environment, Environment):
        raise UsageError(
            Argument("sessions", sessions), ": sessions of recorded trials are those of the data: leave it out"
        )
    labels = tuple(range(1, sessions + 1)) if isinstance(sessions, int | np.integer) else tuple(sessions)
    if len(labels) < 2 or len(set(map(str, labels))) < len(labels):
        raise UsageError(
            Argument("sessions", sessions), ": wanted their number, 2 or more, or labels that differ, ", Argument("sessions", ["placebo", "drug"])
        )  # fmt: skip
    return labels


def _example(learner: Learner, table: ParticipantsTable | None, effects: Effects | None) -> dict[str, str]:
    """A formula that the other arguments are for."""
    for name, given in (effects or {}).items():
        if name in learner.names and isinstance(given, Mapping):
            covariates = [key for key, value in given.items() if isinstance(value, Mapping) or " - " not in key]
            return {name: "*".join(covariates[0].split(":")) if covariates else "group"}
    names = [] if table is None else covariates_in(table)
    return {learner.names[0]: names[0] if names else SESSION}
