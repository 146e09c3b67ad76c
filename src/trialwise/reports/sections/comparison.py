"""Comparison: which learner describes participants best."""

from __future__ import annotations

from trialwise.analysis.comparison.compare import Comparison
from trialwise.reports.blocks import Block, Folded, Section, Table, Text, listing
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import counted, rows

ONE = "Left out: how this learner compares with others. Fit another to the same data and type report({'one': fit, 'other': other}, comparison=compare(...))."
MISSING = "Left out: how these learners compare. Type report(fits, comparison=compare(fits))."


def section(subjects: list[Subject], compared: Comparison | None) -> Section:
    """Tables of learners and participants, and what to know about them."""
    missing: list[Block] = [Text(ONE if len(subjects) == 1 else MISSING, "missing")]
    return Section("comparison", "How do learners compare?", missing if compared is None else _blocks(compared))


def _blocks(comparison: Comparison) -> list[Block]:
    table, people = comparison.table, comparison.participants
    wins = people["winner"].value_counts()
    best = table.index[0]
    found: list[Block] = [
        Text(
            f"By the criterion {comparison.method!r} {best} comes first; it is the best for {wins.get(best, 0)} of {counted(len(people), 'participant')}."
        ),
    ]
    found += listing("To be known:", comparison.findings)
    found.append(Table(rows("learners, the best first", table, None, "learner")))
    if comparison.frequencies is not None:
        found.append(Table(rows("how frequent each is among participants", comparison.frequencies, None, "learner")))
    alt = f"Differences between {', '.join(map(str, table.index))}, over all participants and for each. The figures are in the tables."
    found.append(
        picture(
            lambda width: comparison.plot(),
            alt,
            "Differences from the best learner, over all participants and person by person.",
        )
    )
    each = Table(
        rows("participants", people, None, "participant"),
        "How far each learner is below the winner of that participant.",
    )
    return [*found, Folded("Every participant", [each])]
