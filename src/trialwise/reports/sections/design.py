"""The design: formulas, coding, participants at each level, medians at levels and values of covariates, and differences; and its words for a paper."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator

import numpy as np

from trialwise.base.english import counted, listed
from trialwise.base.rows import Rows
from trialwise.plots.posterior import EDGES
from trialwise.population.design import Design
from trialwise.population.designs.coding import Code, FactorCode, NumberCode
from trialwise.population.designs.parameter_design import WITHIN
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.designs.stored import StoredDesign
from trialwise.population.implied import implied_correlations
from trialwise.reports.blocks import Beside, Block, Heading, Listing, Section, Table, Text
from trialwise.reports.sections import differences
from trialwise.reports.subject import Subject

ORTHONORMAL = "orthonormal columns that sum to zero over levels, of which all have the same prior"


def section(subjects: list[Subject]) -> Section:
    """The design of each fit that has one."""
    blocks: list[Block] = []
    for subject in subjects:
        if subject.fit.design is not None:
            blocks += [Heading(subject.label)] if len(subjects) > 1 else []
            blocks += [*_blocks(subject, subject.fit.design), *differences.blocks(subject)]
    return Section("design", "Groups, covariates and conditions", blocks)


def _blocks(subject: Subject, stored: StoredDesign) -> list[Block]:
    design, variables = stored.design, subject.variables
    coefficients = list(zip(variables.coefficients, design.coefficients, strict=True))
    spreads = list(zip(variables.spreads, design.effects, strict=True))
    cells = tuple(
        (
            name,
            stored.formulas.get(name, "1"),
            ", ".join(each for each, term in coefficients if term.parameter == name),
            ", ".join(each for each, term in spreads if term.parameter == name),
        )
        for name in design.parameters
    )
    blocks: list[Block] = [
        Text(f"On the unconstrained scale, parameters depend on covariates; {_size(stored)}."),
        Table(Rows("formulas", ("parameter", "formula", "coefficients", "spreads of participants"), cells)),
    ]
    if coding := coding_of(stored):
        blocks += [Text("Coding:"), Listing(coding)]
    tables = [_levels(stored), _medians(subject, stored), _spreads(subject, stored), _correlations(subject)]
    tables = [table for table in tables if table.rows.rows]
    return [*blocks, Beside(tables)] if tables else blocks


def _size(stored: StoredDesign) -> str:
    design = stored.design
    text = counted(design.participants, "participant")
    if design.rows > design.participants:
        text += (
            f" have {counted(design.rows, 'row')} of parameters, since the state begins anew in each of their sessions"
        )
    else:
        text += " have one row of parameters each"
    if slots := _of_several_values(design):
        text += f", with several values of {listed(slots)}, between which trials switch"
    slopes = [f"{column.parameter} on {column.slot.removeprefix(':')}" for column in design.columns if column.slope]
    if slopes:
        text += f", and {'a slope' if len(slopes) == 1 else 'slopes'} of {listed(slopes)}, which changes from trial to trial"
    return text


def _of_several_values(design: Design) -> list[str]:
    """The parameters of which a row has several values, one in each condition."""
    columns = [column.parameter for column in design.columns if not column.slope]
    return [name for name in design.parameters if columns.count(name) > 1]


def coding_of(stored: StoredDesign) -> list[str]:
    """How each covariate is coded, a sentence each; a factor may be coded in several ways, for different parameters."""
    ways: dict[str, dict[str, list[str]]] = {}
    for model in stored.models.values():
        full = {name for term in model.coding.terms for name, is_full in term if is_full}
        for name, code in model.coding.codes.items():
            covariate, how = _coded(code, name in full, stored.design.has_slope(model.parameter, name))
            ways.setdefault(covariate, {}).setdefault(how, []).append(model.parameter)
    return [
        f"{covariate}: "
        + "; ".join(how if len(own) == 1 else f"{how} for {listed(names)}" for how, names in own.items())
        for covariate, own in ways.items()
    ]


def _coded(code: Code, full: bool, on_trials: bool) -> tuple[str, str]:
    """A covariate and how it is coded; a number may change from trial to trial."""
    if isinstance(code, FactorCode):
        covariate = f"{code.column} (levels {listed(map(str, code.levels))})"
        if full:
            return covariate, "a coefficient for each level"
        return covariate, ORTHONORMAL if code.label == code.column else f"the contrasts of {code.label}"
    if isinstance(code, NumberCode):
        if code.label.endswith(WITHIN):
            return (
                code.label,
                f"deviations from the means of participants, in units of {code.sd:.3g} (their SD within participants)",
            )
        over = (
            "standardised over trials, of which those of each participant weigh the same"
            if on_trials
            else "standardised over participants"
        )
        return code.label, f"{over} (mean {code.mean:.3g}, SD {code.sd:.3g})"
    alone = set(code.sd) == {1.0} and not any(code.mean)
    return code.label, f"computed from {listed(code.train)}{'' if alone else ', standardised over participants'}"


def _levels(stored: StoredDesign) -> Table:
    """How many participants, and rows if there are more, are at each level of factors that are terms by themselves."""
    design, cells = stored.design, dict[tuple[str, str], tuple[str, ...]]()
    several = design.rows > design.participants
    for model in stored.models.values():
        columns = [k for k, column in enumerate(design.columns) if column.parameter == model.parameter]
        seen = np.ones((design.rows, len(columns)), bool) if design.seen is None else design.seen[:, columns]
        for code, at in _at_levels(stored, model):
            for n, level in enumerate(code.levels):
                rows = np.any((at == n) & seen, axis=1)
                count = len(np.unique(design.owner[rows]))
                more = (str(int(rows.sum())),) if several else ()
                cells[code.column, str(level)] = (code.column, str(level), str(count), *more)
    header = ("covariate", "level", "participants", *(("rows",) if several else ()))
    return Table(Rows("participants at each level", header, tuple(cells.values())))


def _at_levels(stored: StoredDesign, model: ParameterModel) -> Iterator[tuple[FactorCode, np.ndarray]]:
    """Factors that are terms by themselves, and the index of the level of each row and slot, ``(rows, slots)``."""
    coding, design = model.coding, stored.design
    columns = [k for k, column in enumerate(design.columns) if column.parameter == model.parameter]
    owners = coding.owners()
    for term in coding.terms:
        (name, _), code = term[0], coding.codes[term[0][0]]
        if len(term) == 1 and isinstance(code, FactorCode):
            own = [model.first + n for n, owner in enumerate(owners) if owner == (name,)]
            found = design.fixed[:, columns][:, :, own]
            levels = np.stack([model.at({code.column: level})[own] for level in code.levels])
            yield code, np.abs(found[:, :, None] - levels).sum(-1).argmin(-1)


def _medians(subject: Subject, stored: StoredDesign) -> Table:
    """Medians of the group on the natural scale at levels of factors, and one standard deviation below and above means of numbers."""
    coefficients = subject.fit.draws.groups().coefficients
    coefficients = coefficients.reshape(-1, coefficients.shape[-1])
    cells = []
    for name, model in stored.models.items():
        parameter = next((p for p in subject.parameters if subject.base(p.name) == name), None)
        if parameter is None:
            continue
        for label, values in _places(model):
            median = parameter.constrain(coefficients @ model.at(values))
            low, high = np.quantile(median, EDGES)
            cells.append((name, label, *(f"{each:.3g}" for each in (median.mean(), low, high))))
    note = "On the natural scale, with all other covariates at their averages. Low and high: ends of the equal-tailed 89 % interval."
    return Table(
        Rows("group medians at levels and values", ("parameter", "at", "mean", "low", "high"), tuple(cells)), note
    )


def _spreads(subject: Subject, stored: StoredDesign) -> Table:
    """Spreads of participants at each level that has its own, also where means do not depend on it."""
    cells = []
    for name, term in zip(subject.variables.spreads, stored.design.effects, strict=True):
        if term.cell:
            draws = subject.fit.draws[name].to_numpy()
            low, high = np.quantile(draws, EDGES)
            level = term.label.replace("[", " ").replace("]", "").replace(":", ", ")
            cells.append((term.parameter, level, *(f"{each:.3g}" for each in (draws.mean(), low, high))))
    note = "Standard deviations of participants around the mean of their level, on the unconstrained scale."
    header = ("parameter", "at", "mean", "low", "high")
    return Table(Rows("spreads of participants at levels", header, tuple(cells)), note)


def _correlations(subject: Subject) -> Table:
    """Each correlation beside its prior."""
    cells, population, names = [], subject.population, iter(subject.variables.correlations)
    if population is not None:
        bounds = implied_correlations(population, EDGES[1] - EDGES[0])
        for block, bound in zip(population.terms.blocks, bounds, strict=True):
            for name in itertools.islice(names, len(block) * (len(block) - 1) // 2):
                draws = subject.fit.draws[name].to_numpy()
                low, high = np.quantile(draws, EDGES)
                text = name.removeprefix("correlation[").removesuffix("]")
                numbers = (draws.mean(), low, high, -bound, bound)
                cells.append((text, *(f"{each:.2f}" for each in numbers)))
    note = "Low and high: ends of the equal-tailed 89 % interval. A correlation is a finding only as far as its interval differs from that before the data."
    header = ("of participants", "mean", "low", "high", "prior low", "prior high")
    return Table(Rows("correlations, after and before the data", header, tuple(cells)), note)


def _places(model: ParameterModel) -> Iterator[tuple[str, dict[str, Hashable]]]:
    """Levels of factors, and values of numbers, in words and as values."""
    for name, levels in model.factors.items():
        for level in levels:
            yield f"{name} {level}", {name: level}
    for name, (mean, sd) in model.numbers.items():
        for value in (mean - sd, mean + sd):
            yield f"{name} {value:.3g}", {name: value}


def priors(subject: Subject) -> list[Block]:
    """The prior of each coefficient, spread and correlation, and what it implies."""
    cells = tuple((name, text) for name, text in subject.priors_by_name.items())
    blocks: list[Block] = [Table(Rows("priors", ("name", "prior, unconstrained scale"), cells))]
    return blocks + ([Listing(subject.implied)] if subject.implied else [])


def sentence(subject: Subject) -> str:
    """Formulas, coding, effects of participants and priors, for a paper."""
    stored = subject.fit.design
    assert stored is not None
    formulas = [f"{name} ~ {text}" for name, text in stored.formulas.items()]
    text = (
        "The model was hierarchical: on an unconstrained scale (logit for bounded, log for positive parameters), the parameters of participants followed "
        f"Normal distributions, with means that depended on covariates ({'; '.join(formulas)})."
    )
    if coding := coding_of(stored):
        text += f" Coding of covariates: {'; '.join(coding)}."
    design = stored.design
    if design.blocks or design.rows > design.participants or len(design.columns) > len(design.parameters):
        text += " " + _of_participants(subject)
    by_prior: dict[str, list[str]] = {}
    for name, prior in subject.priors_by_name.items():
        by_prior.setdefault(prior, []).append(name)
    return (
        f"{text} Priors were {listed(f'{prior} for {listed(names)}' for prior, names in by_prior.items())}."
        if by_prior
        else text
    )


def _of_participants(subject: Subject) -> str:
    """Which effects of participants there were, and whether they were correlated."""
    variables = subject.variables
    apart = f", apart from {listed(variables.correlations)}" if variables.correlations else ""
    return f"Effects of participants, with the standard deviations {listed(variables.spreads)}, were independent of each other{apart}."
