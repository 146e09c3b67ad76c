"""The data: counts, labels, outcomes, findings, and behavioural measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialwise.analysis.behaviour.measures import measured
from trialwise.analysis.inspect import Inspection, inspect
from trialwise.base.english import counted, listed
from trialwise.base.rows import Rows, rows_of
from trialwise.learners.responses import families_in
from trialwise.reports.blocks import Beside, Block, Folded, Heading, Section, Table, Text, listing
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject, same_data
from trialwise.reports.words import rows

if TYPE_CHECKING:
    import pandas as pd

BRIEF = ("counts", "numbers", "choices", "contexts")
"""Titles of the tables of an inspection that are shown without expanding."""

FEW = 12
"""Up to this number of measures, all are shown."""


def section(subjects: list[Subject]) -> Section:
    """A description of each data set."""
    groups = same_data(subjects)
    blocks: list[Block] = []
    for group in groups:
        if len(groups) > 1:
            blocks.append(Heading(f"Data of {listed(each.label for each in group)}"))
        blocks += _blocks(group)
    return Section("data", "Data", blocks)


def _blocks(group: list[Subject]) -> list[Block]:
    trials = group[0].fit.trials
    means = next(
        (each.check.mean_rewards for each in group if each.check and each.check.mean_rewards is not None), None
    )
    inspection = inspect(trials)
    blocks: list[Block] = [Text(_sentence(inspection))]
    tables = [rows_of(*each) for each in inspection.tables().items()]
    blocks.append(Beside([Table(each) for each in tables if each.title in BRIEF]))
    blocks.append(Folded("Columns and labels", [Table(each) for each in tables if each.title not in BRIEF]))
    blocks += listing("Findings:", inspection.findings)
    if families_in(trials):
        blocks += _behaviour(measured(trials, means))
    return blocks


def _sentence(inspection: Inspection) -> str:
    least, median, most = inspection.trials_each
    each = f"{least} each" if least == most else f"{least} to {most} each, median {median:g}"
    text = f"{counted(inspection.participants, 'participant')} with {counted(inspection.trials, 'trial')} ({each})"
    if inspection.missed_choices:
        text += f"; {counted(inspection.missed_choices, 'choice')} ({inspection.missed_choices / inspection.trials:.1%}) missed"
    return f"{text}."


def _behaviour(table: pd.DataFrame) -> list[Block]:
    """Means and spreads of measures over participants; measures that form curves are plotted."""
    from trialwise.plots.behaviour import behaviour_plot
    from trialwise.plots.check import curve_title, families

    names = [str(name) for name in table.columns]
    curves, rest = families(names)
    blocks: list[Block] = [Heading("Behaviour")]
    if "accuracy" in table:
        blocks.append(
            Text(
                "A choice is correct if its mean reward in the current context is the highest, according to the rewards of the "
                "environment of the checks."
            )
        )
    shown = rest if len(rest) <= FEW else [name for name in rest if not name.startswith("share of")]
    blocks.append(Table(_spread(table[shown]), "Over participants: mean, standard deviation, minimum and maximum."))
    if curves:
        alt = f"Mean curves over participants with standard errors: {listed(curve_title(family) for family in curves)}."
        caption = "Observed behaviour. Points: means over participants with two standard errors; lines: participants."
        blocks.append(picture(lambda width: behaviour_plot(table, width), alt, caption))
    return blocks


def _spread(table: Any) -> Rows:
    summary = table.agg(["mean", "std", "min", "max"]).T
    return rows("measures", summary, {"mean": "mean", "std": "SD", "min": "min", "max": "max"}, "measure")
