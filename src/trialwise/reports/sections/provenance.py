"""Provenance: versions, seed, call, date, duration and memory."""

from __future__ import annotations

from trialwise.base.rows import Rows
from trialwise.reports.blocks import Block, Section, Table, Text
from trialwise.reports.subject import Subject

SUFFIX = "_version"


def section(subjects: list[Subject]) -> Section:
    """A table with one column per fit."""
    facts = [_facts(subject) for subject in subjects]
    names = dict.fromkeys(name for each in facts for name in each)
    cells = tuple((name, *(each.get(name, "") for each in facts)) for name in names)
    blocks: list[Block] = [
        Text("With the same data, versions and seed, the same call reproduces the draws."),
        Table(Rows("versions and calls", ("", *(subject.label for subject in subjects)), cells), facts=True),
    ]
    return Section("provenance", "Versions, seed and call", blocks)


def _facts(subject: Subject) -> dict[str, str]:
    attrs = subject.fit.attrs
    facts = {"call": str(attrs["call"]), "seed": str(attrs["seed"]), "fitted": str(attrs["created"])}
    facts |= {name.removesuffix(SUFFIX): str(value) for name, value in attrs.items() if name.endswith(SUFFIX)}
    facts["seconds"] = f"{float(attrs['seconds']):.1f}"
    if float(attrs["peak_memory_mb"]) > 0:
        facts["peak memory"] = f"{float(attrs['peak_memory_mb']):.0f} MB"
    return facts
