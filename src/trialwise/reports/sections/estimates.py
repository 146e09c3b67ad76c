"""Estimates: group parameters with intervals, plots of posteriors, and estimates of every participant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from trialwise.base.english import listed
from trialwise.base.rows import Rows
from trialwise.learners.parameters import Parameter
from trialwise.plots.posterior import EDGES, PosteriorPanel, posterior_plot
from trialwise.population.names import EFFECTS, MEAN, SPREAD, median_name
from trialwise.reports.blocks import Beside, Block, Folded, Heading, Section, Table, Text
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import interval, rows

COLUMNS = {
    "mean": "mean", "sd": "SD", "eti89_lb": "low", "eti89_ub": "high", "mcse_mean": "MCSE", "ess_bulk": "ESS bulk",
    "ess_tail": "ESS tail", "r_hat": "R-hat",
}  # fmt: skip


def section(subjects: list[Subject]) -> Section:
    """Tables and plots of each posterior."""
    blocks: list[Block] = []
    for subject in subjects:
        if len(subjects) > 1:
            blocks.append(Heading(subject.label))
        blocks += _group(subject)
        blocks.append(_posterior(subject))
        if not subject.fit.draws.shared:
            blocks.append(Folded("All participants", [_participants(subject)]))
    return Section("estimates", "Estimates", blocks)


def _group(subject: Subject) -> list[Block]:
    fit = subject.fit
    if not fit.draws.grouped and not fit.draws.shared:
        return [
            Text(
                "Participants were fitted separately, so there are no group parameters; the table below contains the estimates of each participant."
            )
        ]
    table, roles = fit.group(), {subject.base(p.name): p.role for p in subject.parameters}
    if fit.draws.shared:
        return [Table(rows("shared by all participants", table, COLUMNS, "parameter"), _INTERVALS)]
    medians = table.loc[fit.draws.median_names]
    summary = Rows(
        "group medians, natural scale",
        ("parameter", "description", "mean", "low", "high"),
        tuple(
            (name, roles.get(name, ""), *(f"{row[column]:.3g}" for column in ("mean", "eti89_lb", "eti89_ub")))
            for name, (_, row) in zip(dict.fromkeys(map(subject.base, fit.parameters)), medians.iterrows(), strict=True)
        ),
    )
    unconstrained = table.loc[fit.group_names]
    note = f"{MEAN}, {SPREAD}: mean and standard deviation of the group."
    title = "group means and standard deviations, unconstrained scale"
    if fit.design is not None:
        note = f"{MEAN}: mean at average covariates; {SPREAD}: standard deviation around it; {EFFECTS}: coefficients of coded columns."
        title = "group variables, unconstrained scale"
    return [
        Beside(
            [
                Table(summary, f"{_INTERVALS} Half of the population lies above the group median."),
                Table(rows(title, unconstrained, COLUMNS, "parameter"), note),
            ]
        )
    ]


_INTERVALS = "Low and high: ends of the equal-tailed 89 % interval."


def _posterior(subject: Subject) -> Block:
    fit = subject.fit
    panels = [
        PosteriorPanel(
            name,
            None if fit.draws.grouped and median_name(name) not in fit.draws.median_names else fit.draws.median(name),
            None if fit.draws.shared else fit.draws.natural(name),
            _density(subject, name),
        )
        for name in fit.parameters
    ]
    sessions = fit.design is not None and fit.design.by_session
    each = "session of each participant" if sessions else "participant"
    description = {
        "partial": f"above, the group median (filled) and its prior (dashed); below, mean and 89 % interval of each {each}, and interval of the group median (shaded)",
        "none": "mean and 89 % interval of each participant",
        "complete": "the shared value (filled) and its prior (dashed)",
    }[fit.pooling]
    alt = f"Posterior distributions of {listed(fit.parameters)}: {description}. The values are in the tables."
    return picture(
        lambda width: posterior_plot(panels, width),
        alt,
        f"Posterior distributions: {description}. {each.capitalize().split(' ')[0]}s are ordered by their means.",
    )


def _density(subject: Subject, name: str) -> Callable[[np.ndarray], np.ndarray] | None:
    """The prior density of the group median, or of the shared value; None if unknown."""
    k = subject.fit.parameters.index(name)
    if subject.grouped:
        prior = subject.median_prior(name)
        return None if prior is None else lambda x: _normal(subject.parameters[k], x, *prior)
    if subject.prior is None or not subject.has_prior(name) or not subject.fit.draws.shared:
        return None
    mean, width = subject.prior.mean[k], subject.prior.total[k]
    return lambda x: _normal(subject.parameters[k], x, mean, width)


def _normal(parameter: Parameter, x: np.ndarray, mean: float, width: float) -> np.ndarray:
    """The density at natural values ``x`` if the unconstrained value is Normal; NaN outside the range."""
    u: Any = parameter.unconstrain(np.clip(x, parameter.lower, parameter.upper))
    density = np.exp(-0.5 * ((u - mean) / width) ** 2) / (width * np.sqrt(2 * np.pi)) / parameter.slope(u)
    return np.where(parameter.holds(x), density, np.nan)


def _participants(subject: Subject) -> Table:
    trials, cells = subject.fit.trials, {}
    for name in subject.fit.parameters:
        draws = subject.fit.draws.natural(name)
        low, high = np.quantile(draws, EDGES, axis=0)
        cells[name] = [interval(*each) for each in zip(draws.mean(0), low, high, strict=True)]
    responded = np.bincount(trials.participant_index[trials.own], minlength=trials.n_participants)
    names, labels = subject.labels
    body = tuple(
        (*label, str(length), str(length - responses), *(cells[name][n] for name in cells))
        for n, (label, length, responses) in enumerate(zip(labels, trials.lengths, responded, strict=True))
    )
    return Table(
        Rows("participants", (*names, "trials", "missed", *cells), body),
        "Posterior mean and 89 % interval.",
        labels=True,
    )
