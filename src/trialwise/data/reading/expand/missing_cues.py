"""Cues and contexts that are missing in rows that have their stage, with what to type in the declaration of the stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trialwise.base.message import Argument, Message, Whole
from trialwise.data.expansion.declared import Stage, Stages
from trialwise.data.reading.cells import MissingCodes, key, missing_mask, quote, quote_list
from trialwise.data.reading.expand.expanded import BEHAVIOUR, NAMED_ALIKE
from trialwise.data.reading.expand.part import SETS, Part
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems, check_present
from trialwise.data.reading.where import separating


def check_cues(
    table: Table, parts: Sequence[Part], stays: np.ndarray, missing: MissingCodes, where: str | None, problems: Problems
) -> None:
    """Note cues and contexts that are missing where a stage has anything, or one after it.

    Parameters
    ----------
    table
        The table of the file.
    parts
        The stages.
    stays
        ``bool (rows, stages)``: whether a row of the file has a row of each stage.
    missing
        Codes of missing values, by the columns of the file.
    where
        The condition by which rows were left out already.
    problems
        Where problems are noted.
    """
    filled = np.any([part.present for part in parts], axis=0)
    behaviour = _behaviour(parts)
    for k, part in enumerate(parts):
        there = stays[:, k] & filled
        for role in NAMED_ALIKE:
            if role in part.cells and (wrong := there & part.absent[role]).any():
                check_present(
                    part.cells[role], wrong, problems, f"{role} of the stage {part.stage.name}", SETS[role],
                    separating(table, wrong, missing, where, behaviour), _without(parts, k, role, there),
                )  # fmt: skip
        if part.grouped is not None and part.grouped.cue is not None and (wrong := there & part.absent["choice"]).any():
            remedy = _remedy(table, parts, k, wrong, missing)
            trials = separating(table, wrong, missing, where, behaviour - {part.cells["choice"].name})
            problems.in_cells(
                "missing-before-choice", part.cells["choice"], wrong,
                f"the choice of the stage {part.stage.name} is missing, and with it the cue, which only the group of the choice says",
                Message(remedy, "if these rows are no trials, leave them out, ", Argument("where", trials or "...")),
            )  # fmt: skip


def _behaviour(parts: Sequence[Part]) -> set[str]:
    """The columns of what happened in the stages."""
    return {each for part in parts for role, each in part.stage.columns.items() if role in BEHAVIOUR}


def _declared(parts: Sequence[Part], k: int, stage: Stage) -> Argument:
    """The declaration with another stage in the place of one."""
    return Argument("expand", Whole(Stages((*(p.stage for p in parts[:k]), stage, *(p.stage for p in parts[k + 1 :])))))


def _without(parts: Sequence[Part], k: int, role: str, there: np.ndarray) -> str | Argument:
    """The declaration without a column of cues or contexts; empty if that leaves something open."""
    part = parts[k]
    several = role == "cue" and len(part.stage.groups) > 1
    if several and part.grouped is not None and (part.grouped.group[there] < 0).any():
        return ""
    rest = replace(part.stage, sources=tuple(pair for pair in part.stage.sources if pair[0] != role))
    return _declared(parts, k, rest) if rest.columns else ""


def _remedy(table: Table, parts: Sequence[Part], k: int, wrong: np.ndarray, missing: MissingCodes) -> Message:
    """The column of cues to name, if one of the table can be it; otherwise how to name one, or end the trial before the stage."""
    name = parts[k].stage.name
    found = next((column for column in table.header if _says_cue(table, column, parts, k, wrong, missing)), None)
    if found is not None:
        cells, stage = table.column(found, "expand"), parts[k].stage
        labels = {key(cell) for cell, _ in cells.column.tally()}
        cues = stage.cues if stage.cues is not None and {key(cue) for cue in stage.cues} <= labels else None
        named = replace(stage, sources=(*stage.sources, ("cue", found)), cues=cues)
        return Message(
            f"the column {quote(found)} says the cue of every choice: name it in the stage {name}, ",
            _declared(parts, k, named), "; ",
        )  # fmt: skip
    remedy = f"if a column says the cue in these rows too, name it in the stage {name} of expand, cue=COLUMN; "
    filled = [
        part.cells[role].name for part in parts[k:] for role, absent in part.absent.items() if (wrong & ~absent).any()
    ]
    if k and filled:
        remedy += f"if the trial ended before this stage, empty {quote_list(dict.fromkeys(filled), 4)} in these rows, in a copy of the file; "
    return Message(remedy)


def _says_cue(
    table: Table, column: str, parts: Sequence[Part], k: int, wrong: np.ndarray, missing: MissingCodes
) -> bool:
    """Whether a column has one label for each group of choices, another for each, and one of them in all rows without a choice."""
    grouped = parts[k].grouped
    if grouped is None or not column or column in _behaviour(parts) or table.header.count(column) > 1:
        return False
    cells, known = table.column(column, "expand"), grouped.group >= 0
    if missing_mask(cells, missing)[known | wrong].any():
        return False
    keys = np.unique([key(cell) for cell in cells.column.distinct.cells], return_inverse=True)[1]
    label = keys[cells.column.codes]
    pairs = set(zip(grouped.group[known].tolist(), label[known].tolist(), strict=True))
    groups = len(parts[k].stage.groups)
    return len(pairs) == groups == len({n for _, n in pairs}) == len({g for g, _ in pairs}) and bool(
        np.isin(label[wrong], label[known]).all()
    )
