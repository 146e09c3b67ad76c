"""The learners: what they are in words and equations, what of them is free, and what was believed of that beforehand."""

from __future__ import annotations

import numpy as np

from trialwise.base.rows import Rows
from trialwise.learners.learner import Learner
from trialwise.learners.parameters import Parameter, Setting
from trialwise.population.names import mean_name, spread_name
from trialwise.reports import docstring
from trialwise.reports.blocks import Block, Code, Equation, Folded, Heading, Section, Table, Text
from trialwise.reports.mathml import displayed
from trialwise.reports.subject import Subject

SCALES = {"unit": "logit", "positive": "log", "interval": "scaled logit", "real": "identity"}
"""Names of the scales on which participants are Normal."""


def section(subjects: list[Subject]) -> Section:
    """Each learner: its docstring, its parameters, settings and restrictions, and its text."""
    found: list[Block] = []
    for subject in subjects:
        found.append(Heading(subject.label))
        found += docstring.blocks(subject.docstring) or [Text("Its class has no docstring.", "muted")]
        found += _parameters(subject)
        if source := subject.fit.attrs.get("learner_source"):
            found.append(Folded("The learner as it was written", [Code(source)]))
    return Section("learners", "Learners", found)


def _parameters(subject: Subject) -> list[Block]:
    told, found = subject.restrictions, list[Block]()
    if subject.parameters:
        cells = tuple((p.name, p.role, p.range) for p in subject.parameters)
        found.append(Table(Rows("free parameters", ("name", "what it is", "range"), cells)))
    else:
        found.append(Text(f"Free parameters: {', '.join(subject.fit.parameters)}."))
    held = [(name, f"held at {value:g}") for name, value in told["fixed"].items()]
    held += [(name, f"the same as {other}") for name, other in told["tied"].items()]
    held += [(name, str(value)) for name, value in told["settings"].items()]
    if held:
        cells = tuple((name, _role(subject.fields.get(name)), value) for name, value in held)
        found.append(Table(Rows("held and set", ("name", "what it is", "value"), cells)))
    for name in told["wrappers"]:
        found += docstring.blocks(getattr(Learner, f"with_{name}").__doc__ or "")
    return found


def _role(field: Parameter | Setting | None) -> str:
    return field.role if field is not None else ""


def priors(subjects: list[Subject]) -> Section:
    """The hierarchy and its priors, in equations and in words."""
    found: list[Block] = []
    for subject in subjects:
        if len(subjects) > 1:
            found.append(Heading(subject.label))
        found += _priors(subject)
    return Section("priors", "Priors", found)


def _priors(subject: Subject) -> list[Block]:
    found: list[Block] = [Text(_hierarchy(subject))]
    if subject.grouped:
        found.append(Equation(displayed(
            r"u_n &\sim \mathrm{Normal}(\mu, \sigma), \quad \theta_n = g(u_n) \\"
            r"\mu &\sim \mathrm{Normal}(m, s), \quad \sigma \sim \mathrm{HalfNormal}(t)"
        )))  # fmt: skip
    if subject.prior is None:
        found.append(
            Text(
                "Neither the learner nor its priors are told in the file: load it with learner= to see them.", "missing"
            )
        )
        return found
    cells = tuple(_row(subject, k, parameter) for k, parameter in enumerate(subject.parameters))
    header: tuple[str, ...]
    if subject.grouped:
        header = ("parameter", "scale", "group mean", "group spread", "group median, in words")
    else:
        header = ("parameter", "scale", "prior", "in words")
    note = "In words: the median, and in brackets the middle 95 %, on the natural scale."
    if any(parameter.per_outcome for parameter in subject.parameters):
        note += " Default priors of inverse temperatures are told in units of the outcome's standard deviation, here put in."
    found.append(Table(Rows("priors", header, cells), note))
    return found


def _hierarchy(subject: Subject) -> str:
    scale = "Parameters are told on an unconstrained scale: the logit of what lies between two bounds, the logarithm of what is positive."
    return {
        "partial": f"{scale} There participants n are Normal about a group, whose mean and spread were estimated with them:",
        "none": f"{scale} There each participant has the same Normal prior, and nothing is learnt from one about another.",
        "complete": f"{scale} All participants share one value of each parameter, which has a Normal prior there.",
    }[subject.fit.pooling]


def _row(subject: Subject, k: int, parameter: Parameter) -> tuple[str, ...]:
    prior = subject.prior
    assert prior is not None
    mean, width, given = prior.mean[k], prior.width[k], subject.given_priors
    scale = SCALES[parameter.support]
    if not subject.grouped:
        width = float(np.hypot(width, prior.spread[k]))
        if not subject.knows_prior(parameter.name):
            return parameter.name, scale, given[parameter.name], "the user's own"
        return parameter.name, scale, f"Normal({mean:.3g}, {width:.3g})", parameter.spread_out(mean, width)
    centre, around = mean_name(parameter.name), spread_name(parameter.name)
    knows = subject.knows_prior(centre)
    return (
        parameter.name,
        scale,
        f"Normal({mean:.3g}, {width:.3g})" if knows else given[centre],
        f"HalfNormal({prior.spread[k]:.3g})" if subject.knows_prior(around) else given[around],
        parameter.spread_out(mean, width) if knows else "the user's own",
    )
