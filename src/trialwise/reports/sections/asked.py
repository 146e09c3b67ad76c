"""What was asked, a sentence a fit; and in brief whether the answers can be relied on."""

from __future__ import annotations

from trialwise.reports.blocks import Block, Section, Text, Verdict
from trialwise.reports.subject import Subject
from trialwise.reports.words import counted, listed


def section(subjects: list[Subject]) -> Section:
    """The question of each fit and a verdict."""
    found: list[Block] = []
    for subject in subjects:
        found += [Text(question(subject)), Verdict(*subject.judged)]
    if len(subjects) > 1:
        found.append(Text(f"And how do {listed(subject.label for subject in subjects)} compare?"))
    return Section("asked", "What was asked", found)


def question(subject: Subject) -> str:
    """What a fit answers, in one sentence."""
    trials = subject.fit.trials
    roles = {p.name: p.role for p in subject.parameters}
    told = listed(f"{name} ({roles[name]})" if name in roles else name for name in subject.fit.parameters)
    what, people = subject.family.plural, counted(trials.n_participants, "participant")
    asks = {
        "partial": f"which {told} explain the {what} of {people}, trial by trial, and what is the group like that they come from?",
        "none": f"which {told} explain the {what} of each of {people}, trial by trial?",
        "complete": f"which {told}, the same for all, explain the {what} of {people}, trial by trial?",
    }
    return f"{subject.label}: {asks[subject.fit.pooling]}"
