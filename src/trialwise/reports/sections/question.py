"""The research question of each fit, with an assessment of the fit."""

from __future__ import annotations

from trialwise.base.english import counted, listed
from trialwise.reports.blocks import Block, Section, Text, Verdict
from trialwise.reports.subject import Subject


def section(subjects: list[Subject]) -> Section:
    """The question and the assessment of each fit."""
    blocks: list[Block] = []
    for subject in subjects:
        blocks += [Text(question(subject)), Verdict(*subject.assessment)]
    if len(subjects) > 1:
        blocks.append(Text(f"How do {listed(subject.label for subject in subjects)} compare?"))
    return Section("question", "Question", blocks)


def question(subject: Subject) -> str:
    """The research question that a fit addresses, in one sentence."""
    trials = subject.fit.trials
    roles = {p.name: p.role for p in subject.parameters}
    parameters = listed(f"{name} ({roles[name]})" if name in roles else name for name in subject.fit.parameters)
    responses, participants = subject.family.plural, counted(trials.n_participants, "participant")
    questions = {
        "partial": f"which {parameters} explain the {responses} of {participants}, trial by trial, and how are they distributed in the group?",
        "none": f"which {parameters} explain the {responses} of each of {participants}, trial by trial?",
        "complete": f"which {parameters}, the same for all, explain the {responses} of {participants}, trial by trial?",
    }
    return f"{subject.label}: {questions[subject.fit.pooling]}"
