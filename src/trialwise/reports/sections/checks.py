"""Checks: whether simulated participants do what the real ones did; and whether known parameters come back."""

from __future__ import annotations

from trialwise.analysis.check import Check
from trialwise.reports.blocks import Block, Folded, Heading, Section, Table, Text, Verdict
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import counted, rows

MISSING = (
    "Left out: whether simulated participants do what the real ones did. Type report(..., checks=AlienTask()), or another task, for agents "
    'that live through the task by themselves; checks="one-step" if there is no such task (trialwise report ... --task AlienTask; --check).'
)
FEW = 10
"""Measures that are told at once."""

COLUMNS = {"observed": "observed", "predicted": "predicted", "low": "low", "high": "high", "tail": "tail"}
NOTE = (
    "Means over participants. Predicted, low and high: mean and 89 % interval of simulated data sets; tail: the share of them at "
    "least as large as observed."
)


def section(subjects: list[Subject]) -> Section:
    """Simulated against observed behaviour."""
    found: list[Block] = []
    for subject in subjects:
        if subject.check is None:
            continue
        if len(subjects) > 1:
            found.append(Heading(subject.label))
        found += _blocks(subject.check)
    return Section("checks", "Does the learner do what participants did?", found or [Text(MISSING, "missing")])


def _blocks(check: Check) -> list[Block]:
    how = {
        "rollout": "by agents that live through the task by themselves, at parameters drawn from the posterior",
        "one-step": "by drawing each choice anew, given the real ones before it, at parameters drawn from the posterior",
    }[check.kind]
    found: list[Block] = [Text(f"{counted(len(check.simulated), 'data set')} were simulated {how}.")]
    missed = len(check.missed)
    for finding in check.findings:
        good = finding.severity == "note"
        brief = "The learner does what participants did" if good else "The learner does some things differently"
        found.append(Verdict("good" if good else "careful", brief, f"{finding}."))
    if missed:
        title = "outside their interval, the farthest first" + (f" ({FEW} of {missed})" if missed > FEW else "")
        found.append(Table(rows(title, check.missed.head(FEW), COLUMNS, "measure"), NOTE))
    alt = "Observed behaviour over the 89 % intervals of simulated behaviour, and how often actions were chosen against their probability."
    caption = "Points: observed; bands and bars: 89 % of simulated data sets. Probabilities hold where points lie on the diagonal."
    found.append(picture(lambda width: check.plot(width=width), alt, caption))
    found.append(Folded("Every measure", [Table(rows("measures", check.table, COLUMNS, "measure"), NOTE)]))
    return found
