"""The data: counts, labels, outcomes, what is odd about them, and what participants did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialwise.analysis.behaviour.measures import measured
from trialwise.analysis.inspect import Inspection, inspect
from trialwise.base.rows import Rows, rows_of
from trialwise.data.trials import Trials
from trialwise.learners.responses import families_in
from trialwise.reports.blocks import Beside, Block, Folded, Heading, Section, Table, Text, listing
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject, same_data
from trialwise.reports.words import counted, listed, rows

if TYPE_CHECKING:
    import pandas as pd

BRIEF = ("counts", "numbers", "choices", "contexts")
"""Tables of an inspection that are shown at once."""

FEW = 12
"""Measures up to which all are told at once."""


def section(subjects: list[Subject]) -> Section:
    """What each set of data holds."""
    groups = same_data(subjects)
    found: list[Block] = []
    for group in groups:
        if len(groups) > 1:
            found.append(Heading(f"Data of {listed(each.label for each in group)}"))
        found += _blocks(group[0].fit.trials)
    return Section("data", "Data", found)


def _blocks(trials: Trials) -> list[Block]:
    seen = inspect(trials)
    found: list[Block] = [Text(_sentence(seen))]
    tables = [rows_of(*each) for each in seen.tables().items()]
    found.append(Beside([Table(each) for each in tables if each.title in BRIEF]))
    found.append(Folded("Columns and labels", [Table(each) for each in tables if each.title not in BRIEF]))
    found += listing("Worth a look:", seen.findings)
    if any(family.acts for family in families_in(trials)):
        found += _behaviour(measured(trials))
    return found


def _sentence(seen: Inspection) -> str:
    few, median, many = seen.trials_each
    each = f"{few} each" if few == many else f"{few} to {many} each, median {median:g}"
    text = f"{counted(seen.participants, 'participant')} with {counted(seen.trials, 'trial')} ({each})"
    if seen.missed_choices:
        text += f"; {counted(seen.missed_choices, 'choice')} ({seen.missed_choices / seen.trials:.1%}) missed"
    return f"{text}."


def _behaviour(table: pd.DataFrame) -> list[Block]:
    """Means and spreads of measures over participants; those that make curves as pictures."""
    from trialwise.plots.behaviour import behaviour_plot
    from trialwise.plots.check import families, named

    names = [str(name) for name in table.columns]
    curves, rest = families(names)
    found: list[Block] = [Heading("Behaviour")]
    if "accuracy" in table:
        found.append(
            Text(
                "A choice is correct if it is the one that brings most on average in its context, by the rewards of the alien "
                "task, whose numbers of contexts, cues and actions these data have."
            )
        )
    shown = rest if len(rest) <= FEW else [name for name in rest if not name.startswith("share of")]
    found.append(Table(_spread(table[shown]), "Over participants: mean, standard deviation, least and most."))
    if curves:
        alt = f"Curves over participants, each with its spread: {listed(named(family) for family in curves)}."
        caption = (
            "What participants did. Points: means over participants with two standard errors; lines: participants."
        )
        found.append(picture(lambda width: behaviour_plot(table, width), alt, caption))
    return found


def _spread(table: Any) -> Rows:
    told = table.agg(["mean", "std", "min", "max"]).T
    return rows("measures", told, {"mean": "mean", "std": "SD", "min": "min", "max": "max"}, "measure")
