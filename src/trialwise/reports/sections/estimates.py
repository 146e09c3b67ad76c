"""What was found: the group with its intervals, pictures of posteriors and chains, and every participant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from trialwise.base.rows import Rows
from trialwise.learners.parameters import Parameter
from trialwise.plots.posterior import EDGES, Shown, posterior_plot
from trialwise.population.names import MEAN, SPREAD, mean_name
from trialwise.reports.blocks import Block, Folded, Heading, Section, Table, Text
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import interval, listed, rows

COLUMNS = {
    "mean": "mean", "sd": "SD", "eti89_lb": "low", "eti89_ub": "high", "mcse_mean": "MCSE", "ess_bulk": "ESS bulk",
    "ess_tail": "ESS tail", "r_hat": "R-hat",
}  # fmt: skip


def section(subjects: list[Subject]) -> Section:
    """Tables and pictures of each posterior."""
    found: list[Block] = []
    for subject in subjects:
        if len(subjects) > 1:
            found.append(Heading(subject.label))
        found += _group(subject)
        found.append(_posterior(subject))
        if not subject.fit.draws.shared:
            found.append(Folded("Every participant", [_people(subject)]))
    return Section("estimates", "Estimates", found)


def _group(subject: Subject) -> list[Block]:
    fit = subject.fit
    if not fit.draws.grouped and not fit.draws.shared:
        return [
            Text(
                "Participants were fitted one by one, so there is no group; each one's estimates are in the table below."
            )
        ]
    table, roles = fit.group(), {p.name: p.role for p in subject.parameters}
    if fit.draws.shared:
        return [Table(rows("shared by all participants", table, COLUMNS, "parameter"), _INTERVALS)]
    medians = table.loc[fit.draws.median_names]
    told = Rows(
        "the group's medians, natural scale",
        ("parameter", "what it is", "mean", "low", "high"),
        tuple(
            (name, roles.get(name, ""), *(f"{row[column]:.3g}" for column in ("mean", "eti89_lb", "eti89_ub")))
            for name, (_, row) in zip(fit.parameters, medians.iterrows(), strict=True)
        ),
    )
    rest = table.loc[fit.group_names]
    note = f"{MEAN}: the group's mean, {SPREAD}: its spread, both before the transformation to the natural scale. MCSE: Monte Carlo standard error of the mean. ESS: effective draws."
    return [
        Table(told, f"{_INTERVALS} Half of the group's participants lie above a median; it is not their mean."),
        Table(rows("means and spreads of the group, unconstrained scale", rest, COLUMNS, "parameter"), note),
    ]


_INTERVALS = "Low and high: ends of the equal-tailed 89 % interval."


def _posterior(subject: Subject) -> Block:
    fit = subject.fit
    shown = [
        Shown(
            name,
            fit.draws.median(name),
            None if fit.draws.shared else fit.draws.natural(name),
            _density(subject, name),
        )
        for name in fit.parameters
    ]
    what = {
        "partial": "above, the group's median (filled; dashed: its prior); below, each participant's mean and 89 % interval, over the group's (shaded)",
        "none": "each participant's mean and 89 % interval",
        "complete": "the value all share (filled; dashed: its prior)",
    }[fit.pooling]
    alt = f"Posterior distributions of {listed(fit.parameters)}: {what}. The figures are in the tables."
    return picture(
        lambda width: posterior_plot(shown, width),
        alt,
        f"What the data say: {what}. Participants in order of their means.",
    )


def _density(subject: Subject, name: str) -> Callable[[np.ndarray], np.ndarray] | None:
    """The prior of the group's median, or of the value that all share."""
    key = mean_name(name) if subject.grouped else name
    if subject.prior is None or not subject.knows_prior(key) or not (subject.grouped or subject.fit.draws.shared):
        return None
    k = subject.fit.parameters.index(name)
    width = subject.prior.width[k] if subject.grouped else subject.prior.total[k]
    return lambda x: _normal(subject.parameters[k], x, subject.prior.mean[k], width)  # type: ignore[union-attr]


def _normal(parameter: Parameter, x: np.ndarray, mean: float, width: float) -> np.ndarray:
    """The density at natural values ``x`` where the unconstrained value is Normal; 0 outside the range."""
    u: Any = parameter.unconstrain(np.clip(x, parameter.lower, parameter.upper))
    density = np.exp(-0.5 * ((u - mean) / width) ** 2) / (width * np.sqrt(2 * np.pi)) / parameter.slope(u)
    return np.where(parameter.holds(x), density, np.nan)


def _people(subject: Subject) -> Table:
    trials, cells = subject.fit.trials, {}
    for name in subject.fit.parameters:
        draws = subject.fit.draws.natural(name)
        low, high = np.quantile(draws, EDGES, axis=0)
        cells[name] = [interval(*each) for each in zip(draws.mean(0), low, high, strict=True)]
    answered = np.bincount(trials.participant_index[trials.responded], minlength=trials.n_participants)
    body = tuple(
        (str(label), str(length), str(length - made), *(cells[name][n] for name in cells))
        for n, (label, length, made) in enumerate(zip(trials.participants, trials.lengths, answered, strict=True))
    )
    return Table(
        Rows("participants", ("participant", "trials", "missed", *cells), body), "Posterior mean and 89 % interval."
    )
