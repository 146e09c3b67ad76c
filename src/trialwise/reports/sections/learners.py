"""The learners: description, equations, parameters and source; and the priors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trialwise.base.rows import Rows
from trialwise.learners.learner import Learner
from trialwise.learners.parameters import Parameter, Setting
from trialwise.population.names import mean_name, spread_name
from trialwise.reports import docstring
from trialwise.reports.blocks import Block, Code, Equation, Folded, Heading, Section, Table, Text
from trialwise.reports.mathml import displayed
from trialwise.reports.sections import design
from trialwise.reports.subject import Subject, same_learner
from trialwise.reports.words import names

SCALES = {"unit": "logit", "positive": "log", "interval": "scaled logit", "real": "identity"}
"""Names of the scales on which parameters are Normal across participants."""


def section(subjects: list[Subject]) -> Section:
    """Docstring, parameters, settings, restrictions and source of each learner."""
    blocks: list[Block] = []
    for group in same_learner(subjects):
        subject = group[0]
        blocks.append(Heading(_heading(group)))
        blocks += docstring.blocks(subject.docstring) or [Text("The class has no docstring.", "muted")]
        blocks += _parameters(subject)
        if source := subject.fit.attrs.get("learner_source"):
            blocks.append(Folded("Source code of the learner", [Code(source)]))
    return Section("learners", "Learners", blocks)


def _heading(group: list[Subject]) -> str:
    """The learner's own name, and the names of its fits if they are others."""
    name, labels = group[0].learner_name, [subject.label for subject in group]
    return name if labels == [name] else f"{name} (fitted as {names(labels)})"


def _parameters(subject: Subject) -> list[Block]:
    restrictions, blocks = subject.restrictions, list[Block]()
    if subject.parameters:
        cells = tuple((p.name, p.role, p.range) for p in subject.parameters)
        blocks.append(Table(Rows("free parameters", ("name", "description", "range"), cells)))
    else:
        blocks.append(Text(f"Free parameters: {', '.join(subject.fit.parameters)}."))
    values = [(name, f"fixed at {value:g}") for name, value in restrictions["fixed"].items()]
    values += [(name, f"equal to {other}") for name, other in restrictions["tied"].items()]
    values += [(name, str(value)) for name, value in restrictions["settings"].items()]
    if values:
        cells = tuple((name, _role(subject.fields.get(name)), value) for name, value in values)
        blocks.append(Table(Rows("fixed parameters and settings", ("name", "description", "value"), cells)))
    for name in restrictions["wrappers"]:
        blocks += docstring.blocks(getattr(Learner, f"with_{name}").__doc__ or "")
    return blocks


def _role(field: Parameter | Setting | None) -> str:
    return field.role if field is not None else ""


def priors(subjects: list[Subject]) -> Section:
    """The hierarchical model and its priors, as equations and text; what several fits share stands once."""
    models: list[tuple[list[Block], list[Subject]]] = []
    for subject in subjects:
        model = _model(subject)
        same = next((others for other, others in models if other == model), None)
        if same is not None:
            same.append(subject)
        else:
            models.append((model, [subject]))
    blocks: list[Block] = []
    for model, those in models:
        if len(models) > 1:
            blocks.append(Heading(names(subject.label for subject in those)))
        blocks += model
        for table, labels in _tables(those):
            if len(those) > 1 and isinstance(table, Table):
                table = replace(table, rows=replace(table.rows, title=f"priors of {names(labels)}"))
            blocks.append(table)
    return Section("priors", "Priors", blocks)


def _model(subject: Subject) -> list[Block]:
    blocks: list[Block] = [Text(_hierarchy(subject))]
    if subject.fit.design is not None:
        blocks.append(Equation(displayed(
            r"u_r &= X_r B + Z_r v_n, \quad \theta_r = g(u_r) \\"
            r"v_n &\sim \mathrm{Normal}(0, \Sigma)"
        )))  # fmt: skip
    elif subject.grouped:
        blocks.append(Equation(displayed(
            r"u_n &\sim \mathrm{Normal}(\mu, \sigma), \quad \theta_n = g(u_n) \\"
            r"\mu &\sim \mathrm{Normal}(m, s), \quad \sigma \sim \mathrm{HalfNormal}(t)"
        )))  # fmt: skip
    return blocks


def _tables(subjects: list[Subject]) -> list[tuple[Block, list[str]]]:
    """The table of each prior with the fits that have it; a note that several tables share stands below the last one."""
    found: list[tuple[Block, list[str]]] = []
    for subject in subjects:
        known = subject.prior is not None and subject.fit.design is not None
        for block in design.priors(subject) if known else [_priors(subject)]:
            same = next((labels for other, labels in found if other == block), None)
            if same is not None:
                same.append(subject.label)
            else:
                found.append((block, [subject.label]))
    notes = [getattr(block, "note", "") for block, _ in found]
    return [
        (replace(block, note="" if note in notes[k + 1 :] else note) if isinstance(block, Table) else block, labels)
        for k, ((block, labels), note) in enumerate(zip(found, notes, strict=True))
    ]


def _priors(subject: Subject) -> Block:
    if subject.prior is None:
        return Text(
            "The file contains neither the learner nor its priors: give the learner when loading it to show them.",
            "missing",
        )
    cells = tuple(_row(subject, k, parameter) for k, parameter in enumerate(subject.parameters))
    header: tuple[str, ...]
    if subject.grouped:
        header = ("parameter", "scale", "group mean", "group spread", "implied group median")
    else:
        header = ("parameter", "scale", "prior", "implied value")
    note = "Implied values: median and, in brackets, central 95 % interval on the natural scale."
    if any(parameter.per_outcome for parameter in subject.parameters):
        note += " Default priors of inverse temperatures are defined relative to the standard deviation of the outcome, which is included here."
    return Table(Rows("priors", header, cells), note)


def _hierarchy(subject: Subject) -> str:
    scale = "Parameters are modelled on an unconstrained scale: the logit of bounded parameters and the logarithm of positive ones."
    if subject.fit.design is not None:
        return (
            f"{scale} On this scale, the values u of each row r of parameters of participant n have a mean that depends on coefficients B, by the coded "
            "columns X, and deviate from it by effects v of the participant, by the columns Z; their standard deviations and correlations are those of Σ:"
        )
    return {
        "partial": f"{scale} On this scale, the values u of participants n are normally distributed, with group mean and spread estimated from the data:",
        "none": f"{scale} On this scale, each participant has the same Normal prior, without pooling across participants.",
        "complete": f"{scale} All participants share one value of each parameter, with a Normal prior on this scale.",
    }[subject.fit.pooling]


def _row(subject: Subject, k: int, parameter: Parameter) -> tuple[str, ...]:
    prior = subject.prior
    assert prior is not None
    mean, width, user_priors = prior.mean[k], prior.width[k], subject.user_priors
    scale = SCALES[parameter.support]
    if not subject.grouped:
        width = float(np.hypot(width, prior.spread[k]))
        if not subject.has_prior(parameter.name):
            return parameter.name, scale, user_priors[parameter.name], "specified by the user"
        return parameter.name, scale, f"Normal({mean:.3g}, {width:.3g})", parameter.spread_out(mean, width)
    group_mean, group_spread = mean_name(parameter.name), spread_name(parameter.name)
    has_prior = subject.has_prior(group_mean)
    return (
        parameter.name,
        scale,
        f"Normal({mean:.3g}, {width:.3g})" if has_prior else user_priors[group_mean],
        f"HalfNormal({prior.spread[k]:.3g})" if subject.has_prior(group_spread) else user_priors[group_spread],
        parameter.spread_out(mean, width) if has_prior else "specified by the user",
    )
