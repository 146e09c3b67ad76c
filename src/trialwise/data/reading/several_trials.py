"""Files whose rows look like several trials each: the expansion that would read them, to be suggested."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Mapping, Sequence

from trialwise.base.errors import UsageError
from trialwise.data.expansion.declared import Expansion, repeats, stages
from trialwise.data.reading.cells import MissingCodes, missing_mask, sorted_labels, to_labels
from trialwise.data.reading.column_names import COUNTS, ENDS, NAMES, plain, recognise
from trialwise.data.reading.table import Table

FEW_LABELS = 12
"""A column with more labels than this is none of choices of one stage."""
_ORDINALS = {"first": 1, "second": 2, "third": 3, "1st": 1, "2nd": 2, "3rd": 3}
_NUMBER = re.compile(r"1st|2nd|3rd|first|second|third|[1-9]")
_STAGE = re.compile(r"level|stage|step")


def suggested(table: Table, missing: MissingCodes) -> Expansion | None:
    """The expansion that reads the table as the names of its columns say; None if they say nothing, or more than one thing.

    Choices are recognised by their names and a number: ``level1_choice`` and ``level2_choice``, ``choice_first`` and ``choice_second``.
    Of outcomes without a number, the last stage has it. Labels that are a multiple of those of the first stage are coded over as
    many cues. A count beside the flag of an end (``pumps`` and ``explosion``) is a series.
    """
    names = [name for name in table.header if name and table.header.count(name) == 1]
    counts, ends = ([name for name in names if plain(name) in known.split()] for known in (COUNTS, ENDS))
    if len(counts) == len(ends) == 1:
        step = counts[0].removesuffix("s")
        return (
            repeats(counts[0], ends[0], step=step)
            if step.isidentifier() and step not in names
            else repeats(counts[0], ends[0])
        )
    choices = _numbered(names, " ".join(NAMES["choice"][:2]))
    if choices is None or len(choices) < 2 or sorted(choices) != [*range(1, len(choices) + 1)]:
        return None
    labels = {number: _labels(table, name, missing) for number, name in choices.items()}
    if any(not 1 < len(each) <= FEW_LABELS for each in labels.values()):
        return None
    try:
        return stages(_stages(table, choices, labels, missing))
    except UsageError:  # columns that stand for the row as well
        return None


def _stages(
    table: Table, choices: Mapping[int, str], labels: Mapping[int, Sequence[Hashable]], missing: MissingCodes
) -> dict[str, dict[str, object]]:
    names, last = [name for name in table.header if name], max(choices)
    words = ("first", "second", "third") if last <= 3 else tuple(f"stage{number}" for number in choices)
    outcomes = _numbered(names, NAMES["outcome"][0]) or dict.fromkeys(
        [last], _single(names, "outcome", choices.values())
    )
    cues = _numbered(names, NAMES["cue"][0]) or dict.fromkeys([last], _single(names, "cue", choices.values()))
    times = _numbered(names, " ".join(NAMES["rt"])) or {}
    declared: dict[str, dict[str, object]] = {}
    for number in sorted(choices):
        roles: dict[str, object] = {"choice": choices[number]}
        groups = _groups(labels[1], labels[number])
        if cue := cues.get(number):
            roles["cue"] = cue
        elif _may_be_zero(table, cues, labels, missing):
            roles["cue"] = 0
        if groups:
            roles.pop("cue", None) if not cue else None
            roles["groups"] = groups
            roles |= {} if list(labels[1]) == groups[0] else {"actions": [*labels[1]]}
        if outcome := outcomes.get(number):
            roles["outcome"] = outcome
        elif outcomes.get(last):
            roles["outcome"] = 0
        if number in times:
            roles["rt"] = times[number]
        declared[words[number - 1]] = roles
    return declared


def _numbered(names: Sequence[str], known: str) -> dict[int, str] | None:
    """The columns of one name with different numbers; None if there are none, or several such names."""
    found: dict[str, dict[int, str]] = {}
    for name in names:
        numbers = _NUMBER.findall(plain(name))
        if len(numbers) == 1:
            rest = _NUMBER.sub("", plain(name))
            if rest in known.split() or _STAGE.sub("", rest) in known.split():
                number = _ORDINALS.get(numbers[0]) or int(numbers[0])
                found.setdefault(rest, {})[number] = name
    return next(iter(found.values())) if len(found) == 1 else None


def _single(names: Sequence[str], role: str, used: Collection[str]) -> str | None:
    matches = recognise(names, [role], used).get(role, [])
    return matches[0] if len(matches) == 1 else None


def _labels(table: Table, name: str, missing: MissingCodes) -> list[Hashable]:
    cells = table.column(name, "")
    (labels,) = to_labels([cells], [missing_mask(cells, missing)])
    return [label for label in sorted_labels(each for each, _ in labels.tally() if each is not None) if label != -1]


def _groups(first: Sequence[Hashable], labels: Sequence[Hashable]) -> list[list[Hashable]]:
    """Whole numbers that are several times as many as those of the first stage, in groups of as many."""
    size = len(first)
    if len(labels) <= size or len(labels) % size or not all(isinstance(label, int) for label in labels):
        return []
    return [list(labels[start : start + size]) for start in range(0, len(labels), size)]


def _may_be_zero(
    table: Table, cues: Mapping[int, str | None], labels: Mapping[int, Sequence[Hashable]], missing: MissingCodes
) -> bool:
    """Whether a stage without a cue can have cue 0: later stages have cues, which are other whole numbers."""
    columns = [name for name in cues.values() if name]
    if not columns:
        return any(_groups(labels[1], each) for each in labels.values())
    return all(isinstance(label, int) and label != 0 for name in columns for label in _labels(table, name, missing))
