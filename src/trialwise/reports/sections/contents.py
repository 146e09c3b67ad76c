"""The sections of a report in their order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from trialwise.analysis.comparison.compare import Comparison
from trialwise.reports.blocks import Section
from trialwise.reports.sections import (
    asked,
    checks,
    citations,
    comparison,
    data,
    estimates,
    learners,
    methods,
    provenance,
    recovery,
    sampling,
)
from trialwise.reports.subject import Subject

_SECTIONS: tuple[Callable[[list[Subject]], Section], ...] = (
    asked.section,
    data.section,
    learners.section,
    learners.priors,
    sampling.section,
    estimates.section,
    checks.section,
    recovery.section,
    methods.section,
    citations.section,
    provenance.section,
)


def sections(subjects: list[Subject], compared: Comparison | None, tell: Callable[[str, float], None]) -> list[Section]:
    """From what was asked to how to do it again; ``tell`` hears how far it is, see :func:`trialwise.base.progress.bars`."""
    wanted = list(_SECTIONS)
    wanted.insert(wanted.index(methods.section), partial(comparison.section, compared=compared))
    found = []
    for number, section in enumerate(wanted, 1):
        found.append(section(subjects))
        tell("writing", number / len(wanted))
    return found
