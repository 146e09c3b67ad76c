"""Posterior predictive checks: whether simulated participants reproduce the observed behaviour."""

from __future__ import annotations

from trialwise.analysis.check import Check
from trialwise.analysis.check_levels import CheckByLevel
from trialwise.base.english import counted
from trialwise.reports.blocks import Block, Folded, Heading, Section, Table, Text, findings
from trialwise.reports.pictures import picture
from trialwise.reports.subject import Subject
from trialwise.reports.words import rows

MISSING = (
    "Left out: posterior predictive checks. Type report(..., checks=environment), with the environment that the data come from, to simulate "
    'agents that act on their own; checks="one-step" if there is none (trialwise report ... --environment NAME; --check).'
)
FEW = 10
"""Number of measures shown without expanding the table."""

COLUMNS = {"observed": "observed", "predicted": "predicted", "low": "low", "high": "high", "tail": "tail"}
NOTE = (
    "Means over participants. Predicted, low and high: mean and 89 % interval of simulated data sets; tail: proportion of them that are "
    "at least as large as the observed value."
)


def section(subjects: list[Subject]) -> Section:
    """Simulated against observed behaviour."""
    blocks: list[Block] = []
    for subject in subjects:
        if subject.check is None:
            continue
        if len(subjects) > 1:
            blocks.append(Heading(subject.label))
        blocks += _blocks(subject.check)
    return Section("checks", "Does the learner reproduce the observed behaviour?", blocks or [Text(MISSING, "missing")])


def _blocks(check: Check) -> list[Block]:
    method = {
        "rollout": "with agents that acted on their own in the environment",
        "one-step": "one step ahead, drawing each choice given the real past",
    }[check.kind]
    drawn = "drawn anew from the group for each participant" if check.anew else "drawn from the posterior"
    method += f", with parameters {drawn}"
    blocks: list[Block] = [Text(f"{counted(len(check.simulated), 'data set')} were simulated {method}.")]
    missed = len(check.missed)
    blocks += findings(check.findings)
    if missed:
        title = "measures outside their interval, the most extreme first" + (
            f" ({FEW} of {missed})" if missed > FEW else ""
        )
        blocks.append(Table(rows(title, check.missed.head(FEW), COLUMNS, "measure"), NOTE))
    alt = "Observed behaviour with 89 % intervals of simulated behaviour, and observed proportions against predicted probabilities."
    caption = "Points: observed; bands and bars: 89 % intervals of simulated data sets. Probabilities are calibrated where points lie on the diagonal."
    blocks.append(picture(lambda width: check.plot(width=width), alt, caption))
    if check.levels is not None:
        blocks += _levels(check.levels)
    blocks.append(Folded("All measures", [Table(rows("measures", check.table, COLUMNS, "measure"), NOTE)]))
    return blocks


def _levels(levels: CheckByLevel) -> list[Block]:
    """Behaviour at each level, and the differences between levels; their verdicts are among the findings of the check."""
    blocks: list[Block] = [Heading(f"By {levels.name}")]
    outside = levels.outside.head(FEW)
    if len(outside):
        title = "differences of levels outside their interval"
        blocks.append(Table(rows(title, outside, {"level": "level", **COLUMNS}, "measure"), NOTE))
    alt = f"Observed behaviour at each level of {levels.name} with 89 % intervals of simulated behaviour, and differences between levels."
    caption = "Points: observed; bands and bars: 89 % intervals of simulated data sets. Left: means over the participants at each level; right: differences of these."
    blocks.append(picture(lambda width: levels.plot(width=width), alt, caption))
    return blocks
