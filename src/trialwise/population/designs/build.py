"""Build the design of a model from formulas of its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from trialwise.base.english import counted, listed
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument
from trialwise.data.reading.cells import quote_list
from trialwise.data.reading.validate import Problems
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.population.design import Column, Design, Term
from trialwise.population.designs.covariates import Covariate, Kind, covariates_of
from trialwise.population.designs.formula import Formula, Formulas, parse_formulas
from trialwise.population.designs.join import ParticipantsTable
from trialwise.population.designs.kept import KeptCovariate
from trialwise.population.designs.parameter_design import Arrangement, ParameterDesign, parameter_design
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.designs.runs import Rows, Scope, Slope, rows_of, runs_of, scope_of
from trialwise.population.names import spread_name

Random = Literal["full", "intercept"]
MissingCovariates = Literal["refuse", "drop"]
type Correlated = bool | Sequence[Sequence[str]]


@dataclass(frozen=True, eq=False)
class Designed:
    """A design with what is needed to fit and to report it.

    Attributes
    ----------
    trials
        The trials, without participants who were dropped.
    design
        The matrices.
    row_of_trial
        The row of parameters of each trial, ``int (trials,)``.
    slots
        ``{parameter: int (trials,)}``: the slot of each trial, of parameters that change within runs.
    slot_labels
        Labels of the slots of these parameters.
    slopes
        The slopes of parameters on numbers that change within runs.
    models
        How each parameter's mean depends on covariates.
    notes
        What was decided, for users.
    formulas
        The formulas as they were written, ``{"alpha": "group * age", "alpha_sd": "group"}``, to be stored.
    covariates
        The covariates that are constant within participants or rows.
    """

    trials: Trials
    design: Design
    row_of_trial: np.ndarray
    slots: Mapping[str, np.ndarray]
    slot_labels: Mapping[str, tuple[str, ...]]
    slopes: Mapping[str, Slope]
    models: Mapping[str, ParameterModel]
    notes: tuple[str, ...]
    formulas: Mapping[str, str]
    covariates: tuple[KeptCovariate, ...]


def designed(
    parameters: Sequence[str],
    learner: Learner,
    trials: Trials,
    formulas: Formulas,
    participants: ParticipantsTable | None = None,
    *,
    random: Random = "full",
    correlated: Correlated = False,
    missing_covariates: MissingCovariates = "refuse",
) -> Designed:
    """Build the design of a model.

    Parameters
    ----------
    parameters
        Names of the free parameters.
    learner
        The learner; if it has a method ``reset``, its state goes on over resets.
    trials
        Trials of all participants.
    formulas
        ``"alpha ~ group * age"``, a list, or ``{"alpha": "group * age"}``; see
        :func:`~trialwise.population.designs.formula.parse_formulas`.
    participants
        A table with a row for each participant: a path, a DataFrame or a dict of columns. Columns that it lacks are looked for in the
        trials.
    random
        ``"full"``: what changes within participants has an effect of each of them, unless the formula contains
        ``(... | participant)``; ``"intercept"``: they differ in intercepts only.
    correlated
        Which effects of participants are correlated: none, all of each parameter, or blocks of parameters, ``[["alpha", "beta"]]``. True for a
        model in which no parameter has several effects correlates all parameters.
    missing_covariates
        ``"refuse"``, or ``"drop"`` to leave out participants without a value.

    Returns
    -------
    Designed
        The design.

    Raises
    ------
    UsageError
        For formulas that cannot be read or are not possible, with all of them.
    DataError
        With all problems of covariates.

    Examples
    --------
    >>> from trialwise.population.designs.build import designed
    >>> trials = tw.load_data("alien_flat").trials
    >>> ages = {"participant": trials.participants, "age": [20 + n for n in range(30)]}
    >>> built = designed(["alpha", "beta"], tw.QLearning(), trials, "alpha ~ age", ages)
    >>> [(term.parameter, term.label) for term in built.design.coefficients]
    [('alpha', ''), ('alpha', 'age'), ('beta', '')]
    >>> built.models["alpha"].numbers["age"][0]
    34.5
    """
    for name, value, allowed in (
        ("random", random, Random),
        ("missing_covariates", missing_covariates, MissingCovariates),
    ):
        if value not in get_args(allowed):
            raise UsageError(Argument(name, value), f": must be one of {', '.join(map(repr, get_args(allowed)))}")
    empty = [label for label, length in zip(trials.participants, trials.lengths, strict=True) if not length]
    if empty:
        raise UsageError(
            f"{counted(len(empty), 'participant')} without trials: {quote_list(empty)}; leave them out of trials.select(...)"
        )
    blocks_of_names = _named_blocks(correlated, parameters)
    parsed = parse_formulas(formulas, parameters)
    notes: list[str] = []
    covariates = covariates_of(trials, parsed.values(), participants, missing_covariates, notes)
    trials = covariates.trials
    runs = runs_of(learner, trials)
    scopes: dict[tuple[str, Kind], Scope] = {
        key: scope_of(covariate, trials, runs) for key, covariate in covariates.columns.items()
    }
    changing = {each.name: each for key, each in covariates.columns.items() if scopes[key] == "row"}
    rows = rows_of(trials, runs, list(changing.values()))
    arrangement, problems = Arrangement(trials, covariates, scopes, rows, runs), Problems()
    parts = {name: parameter_design(formula, arrangement, random, problems, notes) for name, formula in parsed.items()}
    problems.raise_if_any()
    complete = {name: part for name, part in parts.items() if part is not None}
    _note_places(changing, rows, complete, notes)
    design = _assembled(complete, rows)
    blocks = _blocks(correlated, blocks_of_names, design, notes)
    _check_slots(design, complete, rows, notes)
    models = _models(parsed, complete, len(design.coefficients))
    average = np.stack([models[name].at() for name in design.parameters])
    design = replace(design, blocks=blocks, average=average, seen=_seen(design, complete, rows))
    slotted = {name: part.slots for name, part in complete.items() if part.slots is not None}
    return Designed(
        trials,
        design,
        rows.row_of_trial,
        {name: slots.of_trial for name, slots in slotted.items()},
        {name: slots.labels for name, slots in slotted.items()},
        {name: part.slope for name, part in complete.items() if part.slope is not None},
        models,
        tuple(dict.fromkeys(notes)),
        _texts(parsed),
        _kept(arrangement),
    )


def _kept(arrangement: Arrangement) -> tuple[KeptCovariate, ...]:
    """The covariates that are constant within participants or rows; one that is used as a factor and as a number is kept as a factor."""
    kept: dict[str, KeptCovariate] = {}
    for key, covariate in arrangement.covariates.columns.items():
        scope = arrangement.scopes[key]
        if scope not in ("participant", "row") or (covariate.name in kept and kept[covariate.name].levels):
            continue
        own = arrangement.of_participants(covariate) if scope == "participant" else arrangement.of_rows(covariate)
        values = [covariate.levels[code] for code in own] if covariate.levels else [float(value) for value in own]
        kept[covariate.name] = KeptCovariate(covariate.name, scope, tuple(values), covariate.levels)
    return tuple(kept.values())


def _note_places(
    changing: Mapping[str, Covariate], rows: Rows, parts: Mapping[str, ParameterDesign], notes: list[str]
) -> None:
    """Notes on what gives rows of parameters and what gives slots."""
    if changing:
        notes.append(
            f"{listed(changing)} changes between runs, each of which starts anew: participants have parameters for each of their values, "
            f"{counted(len(rows.owner), 'row')} in all"
        )
    for name, part in parts.items():
        if part.slots is not None:
            notes.append(
                f"{name} changes while the state goes on, between {listed(part.slots.labels)}: one run of the learner, in which {name} has "
                f"{len(part.slots.labels)} values"
            )


def _check_slots(design: Design, parts: Mapping[str, ParameterDesign], rows: Rows, notes: list[str]) -> None:
    """Refuse coefficients that no trial can tell apart: those of combinations of conditions within runs that do not occur.

    Raises
    ------
    UsageError
        With the parameters concerned.
    """
    messages = []
    for name, part in parts.items():
        if part.slots is None:
            continue
        present = np.unique(np.stack([rows.row_of_trial, part.slots.of_trial], 1), axis=0)
        columns = [k for k, column in enumerate(design.columns) if column.parameter == name]
        own = [f for f, term in enumerate(design.coefficients) if term.parameter == name]
        seen = design.fixed[present[:, 0], np.array(columns)[present[:, 1]]][:, own]
        if np.linalg.matrix_rank(seen) < len(own):
            messages.append(
                f"{name}: some combinations of these conditions have no trials, so that its {len(own)} coefficients cannot be told "
                "apart; leave out the interaction, or a term"
            )
    if messages:
        raise UsageError("\n".join(messages))


def _seen(design: Design, parts: Mapping[str, ParameterDesign], rows: Rows) -> np.ndarray | None:
    """Whether each row has trials in each slot, ``bool (rows, K)``; None without slots."""
    if all(part.slots is None for part in parts.values()):
        return None
    seen = np.ones((design.rows, len(design.columns)), bool)
    for name, part in parts.items():
        if part.slots is not None:
            first = design.place[name]
            seen[:, first : first + len(part.slots.labels)] = False
            seen[rows.row_of_trial, first + part.slots.of_trial] = True
    return seen


def _assembled(parts: Mapping[str, ParameterDesign], rows: Rows) -> Design:
    """Put the columns of all parameters into one design."""
    columns: list[Column] = []
    coefficients: list[Term] = []
    effects: list[Term] = []
    for name, part in parts.items():
        columns += [Column(name, label) for label in part.labels]
        for terms, coding in ((coefficients, part.common), (effects, part.own)):
            terms += [Term(name, label, cell) for label, cell in zip(coding.labels(), coding.cells(), strict=True)]
    count = len(rows.owner)
    fixed = np.zeros((count, len(columns), len(coefficients)))
    random = np.zeros((count, len(columns), len(effects)))
    k = f = q = 0
    for part in parts.values():
        _, slots, own_f = part.fixed.shape
        own_q = part.random.shape[2]
        fixed[:, k : k + slots, f : f + own_f] = part.fixed
        random[:, k : k + slots, q : q + own_q] = part.random
        k, f, q = k + slots, f + own_f, q + own_q
    return Design(tuple(columns), tuple(coefficients), tuple(effects), rows.owner, fixed, random, rows.labels)


def _models(
    parsed: Mapping[str, Formula], parts: Mapping[str, ParameterDesign], total: int
) -> dict[str, ParameterModel]:
    models, first, first_effect = {}, 0, 0
    for name, part in parts.items():
        models[name] = ParameterModel(
            name, parsed[name].text, part.common, first, total, part.own, first_effect, part.labels
        )
        first += len(part.common.labels())
        first_effect += len(part.own.labels())
    return models


def _texts(parsed: Mapping[str, Formula]) -> dict[str, str]:
    """The formulas as written; those of parameters without one are left out."""
    texts = {name: formula.text for name, formula in parsed.items() if formula.atoms or formula.own is not None}
    return texts | {spread_name(name): formula.spread_text for name, formula in parsed.items() if formula.spread}


def _named_blocks(correlated: Correlated, parameters: Sequence[str]) -> list[list[str]]:
    """The blocks of parameters that were asked for, after checking them."""
    if isinstance(correlated, bool | np.bool_):
        return []
    if isinstance(correlated, str) or not all(
        not isinstance(each, str) and hasattr(each, "__iter__") for each in correlated
    ):
        raise UsageError(
            Argument("correlated", correlated), ": wanted True, False or a list of blocks, ",
            Argument("correlated", [list(parameters[:2])]),
        )  # fmt: skip
    blocks = [list(block) for block in correlated]
    names = [name for block in blocks for name in block]
    for name in names:
        if name not in parameters:
            raise UsageError(
                Argument("correlated", blocks), f": there is no free parameter {name!r}. {did_you_mean(str(name), parameters, 'free parameters')}"
            )  # fmt: skip
        if names.count(name) > 1:
            raise UsageError(Argument("correlated", blocks), f": {name} stands in two places; leave one")
    return blocks


def _blocks(
    correlated: Correlated, named: list[list[str]], design: Design, notes: list[str]
) -> tuple[tuple[int, ...], ...]:
    """The blocks of correlated effects, as indices."""
    own = {name: [q for q, term in enumerate(design.effects) if term.parameter == name] for name in _names(design)}
    if named:
        blocks = [[q for name in own if name in block for q in own[name]] for block in named]
        for block in blocks:
            apart = _never_together(block, design)
            if apart:
                raise UsageError(
                    Argument("correlated", named), f": no participant has both {apart[0]} and {apart[1]}, so that data cannot tell their correlation"
                )  # fmt: skip
    elif not correlated:
        return ()
    elif all(len(effects) == 1 for effects in own.values()):
        blocks = [[q for effects in own.values() for q in effects]]
        notes.append(f"correlated: {listed(own)}, each of which has one effect of participants")
    else:
        blocks = [effects for effects in own.values() if not _never_together(effects, design)]
    several = tuple(tuple(block) for block in blocks if len(block) > 1)
    if not several:
        raise UsageError(
            Argument("correlated", named or True), ": there are no two effects of the same participants that could be correlated; leave it out"
        )  # fmt: skip
    return several


def _names(design: Design) -> list[str]:
    return list(dict.fromkeys(column.parameter for column in design.columns))


def _never_together(effects: Sequence[int], design: Design) -> tuple[str, str] | None:
    """Two effects of which no participant has both, as those of the spreads of two groups."""
    has = np.zeros((design.participants, len(design.effects)), bool)
    np.logical_or.at(has, design.owner, np.any(design.random != 0, axis=1))
    for n, a in enumerate(effects):
        for b in effects[n + 1 :]:
            if not np.any(has[:, a] & has[:, b]):
                first, second = (f"{design.effects[q].parameter} {design.effects[q].label}".strip() for q in (a, b))
                return first, second
    return None
