"""Choices of one stage whose labels are coded over several cues."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from trialwise.data.expansion.declared import Stage
from trialwise.data.reading.cells import Cells, distinct_cells, key, quote, quote_list
from trialwise.data.reading.coded import Coded, Distinct, objects
from trialwise.data.reading.validate import Problems


@dataclass
class Grouped:
    """Actions and cues that the labels of a stage's choices stand for.

    Attributes
    ----------
    stage
        With the cue of each group.
    choice
        Labels of actions, in the rows of the file.
    cue
        The cue of each row with a choice; None if the file has a column of cues, or all labels are of one group.
    group
        ``int64 (rows,)``: the group of the choice in each row of the file, -1 without one.
    """

    stage: Stage
    choice: Coded
    cue: Coded | None
    group: np.ndarray


def grouped(
    stage: Stage,
    choice: Cells,
    absent: np.ndarray,
    cue: Cells | None,
    no_cue: np.ndarray | None,
    problems: Problems,
) -> Grouped:
    """Translate the labels of choices; note labels that are in no group, and choices at a cue that is not that of their group."""
    place = {key(label): (g, k) for g, labels in enumerate(stage.groups) for k, label in enumerate(labels)}
    places = [
        (-1, len(stage.actions)) if cell is None else place.get(key(cell), (-1, len(stage.actions)))
        for cell in choice.column.distinct.cells
    ]
    group, action = (np.array([each[n] for each in places], np.int64)[choice.column.codes] for n in (0, 1))
    unknown = (group < 0) & ~absent
    examples = quote_list(distinct_cells(choice, unknown), 4)
    problems.in_cells(
        "label-in-no-group", choice, unknown, f"found {examples}, which are in no group of the stage {stage.name}",
        "correct the cells, or give all labels in groups in expand",
    )  # fmt: skip
    group = np.where(absent, -1, group)
    translated = Coded(Distinct(objects([*stage.actions, None])), action)
    if cue is not None and no_cue is not None:
        if len(stage.groups) > 1:
            stage = replace(stage, cues=_cues(stage, group, cue, no_cue, choice, problems))
        return Grouped(stage, translated, None, group)
    if len(stage.groups) == 1:
        return Grouped(stage, translated, None, group)
    cues = stage.cues or tuple(range(1, len(stage.groups) + 1))
    derived = Coded(Distinct(objects([*cues, None])), np.where(group < 0, len(cues), group))
    return Grouped(replace(stage, cues=cues), translated, derived, group)


def _cues(
    stage: Stage, group: np.ndarray, cue: Cells, no_cue: np.ndarray, choice: Cells, problems: Problems
) -> tuple[Hashable, ...]:
    """The cue of each group: as declared, or that with which most of its labels occur; others are a problem."""
    labels = [cell for cell in distinct_cells(cue, ~no_cue) if cell is not None]
    keys = list(dict.fromkeys(map(key, labels)))
    known = [
        -1 if cell is None or key(cell) not in keys else keys.index(key(cell)) for cell in cue.column.distinct.cells
    ]
    place = np.array(known, np.int64)[cue.column.codes]
    both = (group >= 0) & ~no_cue
    counts = np.zeros((len(stage.groups), max(len(keys), 1)), np.int64)
    np.add.at(counts, (group[both], place[both]), 1)
    spelling = {key(label): label for label in reversed(labels)}
    if stage.cues is not None:
        own = np.array([keys.index(key(label)) if key(label) in keys else -2 for label in stage.cues], np.int64)
    else:
        own = np.where(counts.any(axis=1), counts.argmax(axis=1), -2)
        free = [n for n in range(len(keys)) if n not in own.tolist()]
        if (own < 0).sum() == len(free) == 1:  # a group that never occurs has the cue that is left
            own[own < 0] = free[0]
    taken = [n for n in own.tolist() if n >= 0]
    where = ", ".join(
        f"{quote_list(labels, 4)} at {quote(spelling[keys[n]])}"
        for labels, n in zip(stage.groups, own.tolist(), strict=True)
        if n >= 0
    )
    wrong = both & (own[group] != place)
    message = f"labels of one group occur at several cues of {quote(cue.name)}; most of them: {where}"
    if len(set(taken)) < len(taken):
        wrong, message = both, f"the labels of several groups occur at the same cue of {quote(cue.name)}: {where}"
    problems.in_cells(
        "choice-at-another-cue", choice, wrong, message,
        "correct the cells; or, if the groups are other ones, give these in expand, groups=1 2 | 3 4",
    )  # fmt: skip
    return tuple(
        (stage.cues[g] if stage.cues is not None else f"group {g + 1}") if n < 0 else spelling[keys[n]]
        for g, n in enumerate(own.tolist())
    )
