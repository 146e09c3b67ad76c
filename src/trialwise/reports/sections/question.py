"""The first screen: what was asked, and the answer of each part of the report with its numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.against_truth import INTERVAL, points, summarised
from trialwise.analysis.comparison.comparison import ABOUT, Comparison
from trialwise.base.english import counted, listed
from trialwise.base.result import Finding, Severity, having
from trialwise.population.designs.stored import StoredDesign
from trialwise.reports.blocks import TONES, Answer, Answers, Said, Section
from trialwise.reports.sections import differences
from trialwise.reports.subject import Subject, same_data
from trialwise.reports.words import names

if TYPE_CHECKING:
    import pandas as pd

OF_DIFFERENCES = ("power", "false-positives", "coverage-of-difference")
"""Findings of recovery studies about differences."""

SEVERITIES: tuple[Severity, ...] = ("problem", "caution", "note")


def section(subjects: list[Subject], comparison: Comparison | None = None) -> Section:
    """The question and its answers, each of one or more fits."""
    answers = [
        Answer("Question", "data", [Said(question(subjects))]),
        *_differences(subjects),
        Answer("Sampling", "sampling", [each for subject in subjects for each in _sampling(subject, subjects)]),
        Answer("Check", "checks", _or_missing("check", [each for s in subjects for each in _check(s, subjects)])),
        Answer("Recovery", "recovery", _or_missing("recovery study", [each for s in subjects for each in _recovery(s, subjects)])),
        Answer("Comparison", "comparison", _or_missing("comparison", _comparison(comparison))),
    ]  # fmt: skip
    return Section("question", "In brief", [Answers(answers)])


def question(subjects: list[Subject]) -> str:
    """What the fits of a report are to answer, in one or two sentences."""
    if len(subjects) == 1:
        return (
            f"Which {_parameters(subjects[0])} explain {_explained(subjects[0])}, trial by trial{_pooled(subjects[0])}?"
        )
    asked = [
        f"{names([subject.label])}: {listed(subject.fit.parameters)} of {_explained(subject)}" for subject in subjects
    ]
    compared = [f"How do {names(s.label for s in group)} compare?" for group in same_data(subjects) if len(group) > 1]
    responses = listed(dict.fromkeys(subject.family.plural for subject in subjects))
    return " ".join([f"Which parameters explain {responses}, trial by trial? {'; '.join(asked)}.", *compared])


def _parameters(subject: Subject) -> str:
    roles = {p.name: p.role for p in subject.parameters}
    return listed(f"{name} ({roles[name]})" if name in roles else name for name in subject.fit.parameters)


def _explained(subject: Subject) -> str:
    trials = subject.fit.trials
    responses = counted(int(trials.own.sum()), subject.family.noun)
    return f"the {responses} of {counted(subject.participants, 'participant')}"


def _pooled(subject: Subject) -> str:
    if subject.fit.design is not None:
        return f", how are they distributed in the group, and how do they depend on {_covariates(subject.fit.design)}"
    return {
        "partial": ", and how are they distributed in the group",
        "none": ", in each participant",
        "complete": ", if they are the same for all participants",
    }[subject.fit.pooling]


def _differences(subjects: list[Subject]) -> list[Answer]:
    said = [Said(f"{_named(each, subjects)}{words}") for each in subjects for words in differences.brief(each)]
    return [Answer("Differences", "design", said)] if said else []


def _covariates(stored: StoredDesign) -> str:
    models = stored.models.values()
    return listed(dict.fromkeys(name for each in models for name in (*each.covariates, *each.of_participants)))


def _or_missing(what: str, said: list[Said]) -> list[Said]:
    return said or [Said(f"not done: the report was given no {what}")]


def _named(subject: Subject, subjects: list[Subject]) -> str:
    return f"{names([subject.label])}: " if len(subjects) > 1 else ""


def short(finding: Finding) -> str:
    """A finding without its reasons: up to its second colon if the first follows what it is about, and without brackets; of a difference in
    simulated data sets, how often it is found."""
    if finding.code in OF_DIFFERENCES:
        return finding.sentence.split("; ")[0]
    first, *rest = finding.sentence.split(": ")
    words = f"{first}: {rest[0]}" if rest and first in finding.about else first
    return words.split(" (")[0]


def _by_severity(name: str, findings: Iterable[Finding]) -> list[Said]:
    """The findings of a result in short, together for each severity."""
    found = tuple(findings)
    groups = ((severity, having(found, severity)) for severity in SEVERITIES)
    return [Said(f"{name}{'; '.join(map(short, each))}", TONES[severity]) for severity, each in groups if each]


def _sampling(subject: Subject, subjects: list[Subject]) -> list[Said]:
    tone, brief, _ = subject.assessment
    table, stats = subject.fit.group(), subject.fit.tree["sample_stats"]
    name = _named(subject, subjects)
    facts = f"largest R-hat {table['r_hat'].max():.3f}, at least {table[['ess_bulk', 'ess_tail']].to_numpy().min():.0f} effective draws"
    if subject.sampler.counts_divergences:
        facts += f", {counted(int(stats['diverging'].sum()), 'divergent transition')}"
    said = [Said(f"{name}{brief[0].lower() if name else brief[0]}{brief[1:]} ({facts})", tone)]
    cautions = subject.diagnosis.cautions
    return said + ([Said(f"{name}{'; '.join(map(short, cautions))}", "careful")] if cautions else [])


def _check(subject: Subject, subjects: list[Subject]) -> list[Said]:
    check = subject.check
    if check is None:
        return []
    total, missed = int(check.table["tail"].notna().sum()), len(check.missed)
    name, (verdict, *others) = _named(subject, subjects), check.findings
    how = "of agents that act on their own" if check.kind == "rollout" else "predicted one step ahead"
    facts = (
        f"{missed} of {total} measures of behaviour lie outside the {100 * INTERVAL:.0f} % interval of "
        f"{counted(len(check.simulated), 'data set')} {how}"
    )
    return [Said(f"{name}{short(verdict)}: {facts}", TONES[verdict.severity]), *_by_severity(name, others)]


def _recovery(subject: Subject, subjects: list[Subject]) -> list[Said]:
    said, name = [], _named(subject, subjects)
    if subject.study is not None:
        listing = _correlations(subject.study.table)
        said.append(Said(f"{name}correlations of estimates with true values in simulated data sets: {listing}"))
        said += _by_severity(name, subject.study.findings)
    if subject.truth is not None:
        table = summarised(points(subject.fit, subject.truth))
        listing = _correlations(table)
        count = counted(subject.participants, "participant")
        said.append(
            Said(f"{name}correlations of estimates with true values of {count}, which are simulated: {listing}")
        )
    return said


def _correlations(table: pd.DataFrame) -> str:
    values = zip(table.index, table["correlation"].to_numpy(float), strict=True)
    return listed(f"{name} {value:.2f}" if np.isfinite(value) else f"{name} undefined" for name, value in values)


def _comparison(comparison: Comparison | None) -> list[Said]:
    if comparison is None:
        return []
    table = comparison.table
    best, *others = map(str, table.index)
    facts = f"{best} ranks first"
    if others and {"difference", "se_difference"} <= set(table):
        gaps = (
            f"{name} {gap:.3g} (standard error {error:.2g})"
            for name, (gap, error) in zip(
                others, table[["difference", "se_difference"]].to_numpy(float)[1:], strict=True
            )
        )
        criterion = comparison.method.upper() if comparison.method in ("aic", "bic") else "log predictive density"
        facts += f"; difference in {criterion}: {listed(gaps)}"
    about = ABOUT.get(comparison.method)
    return [Said(f"{facts}. Criterion: {about}" if about else facts), *_by_severity("", comparison.findings)]
