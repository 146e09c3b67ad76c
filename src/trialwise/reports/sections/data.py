"""The data: counts, labels, outcomes, findings, and behavioural measures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from trialwise.analysis.behaviour.measures import measured
from trialwise.analysis.inspect import Inspection, inspect
from trialwise.base.english import counted, listed
from trialwise.base.rows import Rows, rows_of
from trialwise.learners.responses import families_in
from trialwise.reports.blocks import Beside, Block, Folded, Heading, Section, Table, Text, findings
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject, same_data
from trialwise.reports.words import first_few, names, rows

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.data.trials import Trials

BRIEF = ("counts", "numbers", "choices", "contexts")
"""Titles of the tables of an inspection that are shown without expanding."""

LABELS = 12
"""Labels of participants that are listed."""

FEW = 12
"""Up to this number of measures, all are shown."""


def section(subjects: list[Subject]) -> Section:
    """A description of each data set."""
    groups = same_data(subjects)
    blocks: list[Block] = []
    for group in groups:
        if len(groups) > 1:
            blocks.append(Heading(f"Data of {names(each.label for each in group)}"))
        blocks += _blocks(group)
    return Section("data", "Data", blocks)


def _blocks(group: list[Subject]) -> list[Block]:
    trials = group[0].fit.data
    means = next(
        (each.check.mean_rewards for each in group if each.check and each.check.mean_rewards is not None), None
    )
    inspection = inspect(trials)
    blocks: list[Block] = [Text(_sentence(inspection))]
    tables = [rows_of(*each) for each in (inspection.tables() | _columns(trials)).items()]
    blocks.append(Beside([Table(each) for each in tables if each.title in BRIEF]))
    blocks.append(Folded("Columns and labels", [Table(each) for each in tables if each.title not in BRIEF]))
    blocks += findings(inspection.findings)
    if families_in(trials):
        blocks += _behaviour(measured(trials, means), None if means is None else 1 / means.shape[2])
    return blocks


def _columns(trials: Trials) -> dict[str, pd.DataFrame]:
    """Where each role was found; of participants, those that were fitted rather than all in the file."""
    import pandas as pd

    fitted = f"{trials.n_participants} fitted: {first_few(trials.participants, LABELS)}"
    found = {role: re.sub(r", \d+ labels$", "", where) for role, where in trials.mapping.items()}
    found["participant"] = "; ".join(filter(None, [found.get("participant"), fitted]))
    return {"columns": pd.DataFrame(list(found.items()), columns=["role", "found in"])}


def _sentence(inspection: Inspection) -> str:
    least, median, most = inspection.trials_each
    each = f"{least} each" if least == most else f"{least} to {most} each, median {median:g}"
    text = f"{counted(inspection.participants, 'participant')} with {counted(inspection.trials, 'trial')} ({each})"
    if inspection.missed_choices:
        text += f"; {counted(inspection.missed_choices, 'choice')} ({inspection.missed_choices / inspection.trials:.1%}) missed"
    return f"{text}."


def _behaviour(table: pd.DataFrame, chance: float | None) -> list[Block]:
    """Means and spreads of measures over participants; measures that form curves are plotted."""
    from trialwise.plots.behaviour import behaviour_plot
    from trialwise.plots.measures import curve_title, families

    curves, rest = families([str(name) for name in table.columns])
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
        alt = f"Mean curves over participants with 89 % intervals: {listed(curve_title(family) for family in curves)}."
        caption = "Observed behaviour. Points: means over participants with their 89 % intervals; lines: participants."
        blocks.append(picture(lambda width: behaviour_plot(table, width, chance), alt, caption))
    return blocks


def _spread(table: Any) -> Rows:
    summary = table.agg(["mean", "std", "min", "max"]).T
    return rows("measures", summary, {"mean": "mean", "std": "SD", "min": "min", "max": "max"}, "measure")
