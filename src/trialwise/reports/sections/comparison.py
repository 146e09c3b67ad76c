"""Comparison of the learners."""

from __future__ import annotations

from trialwise.analysis.comparison.comparison import Comparison
from trialwise.base.english import counted
from trialwise.reports.blocks import Block, Folded, Section, Table, Text, findings
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import rows

ONE = "Left out: a comparison with other learners. Fit another learner to the same data and type report({'one': fit, 'other': other}, comparison=compare(...)) (trialwise report one=results/fit.nc other=results_other/fit.nc)."
MISSING = "Left out: a comparison of these learners. Type report(fits, comparison=compare(fits))."


def section(subjects: list[Subject], result: Comparison | None) -> Section:
    """Tables of learners and participants, with findings."""
    missing: list[Block] = [Text(ONE if len(subjects) == 1 else MISSING, "missing")]
    return Section("comparison", "How do learners compare?", missing if result is None else _blocks(result))


def _blocks(comparison: Comparison) -> list[Block]:
    table, participants = comparison.table, comparison.participants
    wins = participants["winner"].value_counts()
    best = table.index[0]
    blocks: list[Block] = [
        Text(
            f"By the criterion {comparison.method!r} {best} ranks first; it is the best for {wins.get(best, 0)} of {counted(len(participants), 'participant')}."
        ),
    ]
    blocks += findings(comparison.findings)
    blocks.append(Table(rows("learners, best first", table, None, "learner")))
    if comparison.frequencies is not None:
        blocks.append(
            Table(rows("frequency of each learner in the population", comparison.frequencies, None, "learner"))
        )
    alt = f"Differences between {', '.join(map(str, table.index))}, in total and by participant. The values are in the tables."
    blocks.append(
        picture(
            lambda width: comparison.plot(width=width),
            alt,
            "Differences from the best learner: in total with their 89 % intervals, and by participant.",
        )
    )
    each = Table(
        rows("participants", participants, None, "participant"),
        "Winner: the learner that predicts a participant best; and the difference of each learner from it.",
        labels=True,
    )
    return [*blocks, Folded("All participants", [each])]
