"""The sections of a report in their order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trialwise.analysis.comparison.comparison import Comparison
from trialwise.reports.blocks import Section
from trialwise.reports.sections import (
    checks,
    citations,
    comparison,
    data,
    design,
    estimates,
    learners,
    methods,
    provenance,
    question,
    recovery,
    sampling,
)
from trialwise.reports.subject import Subject

_SECTIONS: tuple[Callable[[list[Subject]], Section], ...] = (
    data.section,
    learners.section,
    design.section,
    learners.priors,
    sampling.section,
    estimates.section,
    checks.section,
    recovery.section,
    methods.section,
    citations.section,
    provenance.section,
)


def sections(
    subjects: list[Subject], comparison_result: Comparison | None, advance: Callable[[str, float], None]
) -> list[Section]:
    """The sections from question to provenance; ``advance`` receives the progress, see :func:`trialwise.base.progress.bars`."""
    builders: list[Callable[[list[Subject]], Section]] = [
        partial(question.section, comparison=comparison_result),
        *_SECTIONS,
    ]
    if all(subject.fit.design is None for subject in subjects):
        builders.remove(design.section)
    builders.insert(builders.index(methods.section), partial(comparison.section, result=comparison_result))
    finished = []
    for number, build in enumerate(builders, 1):
        finished.append(build(subjects))
        advance("writing", number / len(builders))
    return finished
