"""Fixed stages: a row of the file becomes a row a stage."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.data.expansion.declared import STAGE, Stage, Stages
from trialwise.data.reading.cells import Cells, MissingCodes, key, missing_mask, to_flags, to_numbers
from trialwise.data.reading.coded import Coded, Distinct, coded, objects
from trialwise.data.reading.description import merged
from trialwise.data.reading.expand.expanded import BEHAVIOUR, FLAGS, NAMED_ALIKE, Expanded, with_columns
from trialwise.data.reading.expand.grouped import grouped
from trialwise.data.reading.expand.missing_cues import check_cues
from trialwise.data.reading.expand.part import SETS, Part
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems, missed_choices


def staged(
    table: Table,
    expansion: Stages,
    missing: MissingCodes,
    declared: Mapping[str, Sequence[Hashable]],
    where: str | None,
    problems: Problems,
) -> Expanded:
    """A row of the file becomes a row a stage; ``where`` is the condition by which rows were left out before.

    Raises
    ------
    DataError
        If the stages cannot be told: what is wrong with their columns would be hidden by what is missing in those that are made.
    """
    minus = _missed(table, expansion, missing, declared)
    parts = [_part(table, stage, missing, declared, minus, problems) for stage in expansion.stages]
    _check_order(parts, problems)
    resolved = Stages(tuple(part.stage if part.grouped is None else part.grouped.stage for part in parts))
    blank = np.all([column.empty for column in table.columns], axis=0)
    present = np.stack([part.present for part in parts], axis=1)
    nothing = ~present.any(axis=1) & ~blank
    stays = np.logical_or.accumulate(present[:, ::-1], axis=1)[:, ::-1]  # it or a later stage has something
    stays[:, 0] = ~blank
    check_cues(table, parts, stays, missing, where, problems)
    problems.raise_if_any()
    unit, stage = np.nonzero(stays)
    roles = expansion.roles
    made = {role: _made(role, parts, unit, stage, len(table.rows)) for role in roles}
    names = objects([each.name for each in expansion.stages])
    made[STAGE] = Coded(Distinct(names), stage)
    sources = {role: _sources(role, parts) for role in roles} | {STAGE: ()}
    levels: dict[str, tuple[Hashable, ...]] = {STAGE: tuple(names)}
    for role in NAMED_ALIKE:
        levels |= {} if role not in roles else _own_names_first(role, made[role], parts)
    counts = stays.sum(axis=0)
    note = f"{counted(int((~blank).sum()), 'row')} of the file are {counted(len(unit), 'trial')}"
    note += f" ({', '.join(f'{name}: {count:,}' for name, count in zip(names, counts, strict=True))})"
    for k, part in enumerate(parts[1:], 1):
        if ended := int((stays[:, k - 1] & ~stays[:, k]).sum()):
            note += f"; {counted(ended, 'row')} ended before the stage {part.stage.name}, which is empty there"
    notes = [note]
    if nothing.any():
        notes.append(
            Message(
                f"nothing stands in any stage in {counted(int(nothing.sum()), 'row')} of the file: read as missed choices of the first; "
                "rows that are no trials are left out by ", Argument("where", "..."),
            )
        )  # fmt: skip
    known = {role: each for role in roles if (each := _own_levels(table, parts, role)) is not None}
    described = {
        role: merged([table.described.get(name) for name in sources[role]])
        for role in roles
        if sources[role] and all(name in table.described for name in sources[role]) and not _recoded(parts, role)
    }
    whole = with_columns(table, unit, expansion.columns, made, sources)
    whole = replace(whole, levels={**whole.levels, **known}, described={**whole.described, **described})
    shown = tuple(role for role in roles if role in (*BEHAVIOUR, *NAMED_ALIKE))
    return Expanded(whole, table, resolved, shown, (STAGE,), (), levels, notes)


def _absent(
    cells: Cells, stage: Stage, role: str, missing: MissingCodes, declared: Mapping[str, Sequence[Hashable]]
) -> np.ndarray:
    labels = () if role == "choice" and stage.groups else declared.get(SETS.get(role, role), ())
    return missing_mask(cells, missing, labels)


def _missed(
    table: Table, expansion: Stages, missing: MissingCodes, declared: Mapping[str, Sequence[Hashable]]
) -> dict[str, np.ndarray]:
    """Where the choice of each stage is -1 as the code of a missed one, which depends on the labels of all stages."""
    own = {
        stage.name: table.column(stage.columns["choice"], "expand")
        for stage in expansion.stages
        if "choice" in stage.columns
    }
    absent = {
        stage.name: _absent(own[stage.name], stage, "choice", missing, declared)
        for stage in expansion.stages
        if stage.name in own
    }
    alike = [stage.name for stage in expansion.stages if stage.name in own and not stage.groups]
    result = {}
    for stage in expansion.stages:
        if stage.groups:
            labels = [label for group in stage.groups for label in group]
            result[stage.name] = missed_choices(own[stage.name], absent[stage.name], labels, Problems())
    if alike:
        count = len(table.rows)
        others = coded(objects([label for stage in expansion.stages for label in stage.actions]))
        column = _below([*(own[name].column for name in alike), others])
        every = replace(own[alike[0]], column=column, rows=np.zeros(len(column), np.int64))
        skipped = np.concatenate([*(absent[name] for name in alike), np.zeros(len(others), bool)])
        mask = missed_choices(every, skipped, declared.get("action"), Problems())
        result |= {name: mask[k * count : (k + 1) * count] for k, name in enumerate(alike)}
    return result


def _part(
    table: Table,
    stage: Stage,
    missing: MissingCodes,
    declared: Mapping[str, Sequence[Hashable]],
    minus: Mapping[str, np.ndarray],
    problems: Problems,
) -> Part:
    cells, absent = {}, {}
    for role, name in stage.columns.items():
        cells[role] = table.column(name, "expand")
        absent[role] = _absent(cells[role], stage, role, missing, declared)
    unfilled = absent.get("choice", np.zeros(len(table.rows), bool))
    if "choice" in cells:
        absent["choice"] = unfilled | minus[stage.name]
    chosen = None
    if "choice" in cells:
        chosen = ~absent["choice"]
        if "responded" in cells:
            made, _ = to_flags(cells["responded"], absent["responded"])
            chosen &= made | absent["responded"]
    part = Part(stage, cells, absent, chosen, unfilled)
    if stage.groups:
        part.grouped = grouped(stage, cells["choice"], absent["choice"], cells.get("cue"), absent.get("cue"), problems)
    return part


def _check_order(parts: Sequence[Part], problems: Problems) -> None:
    """Note choices of a stage in rows without one of a stage before."""
    missed: np.ndarray | None = None
    before = ""
    for part in parts:
        if part.chosen is None:
            continue
        if missed is not None:
            problems.in_cells(
                "stages-out-of-order", part.cells["choice"], missed & part.chosen,
                f"there is a choice in the stage {part.stage.name} although there is none in {before}",
                Message("correct the cells in a copy of the file; or leave these rows out, ", Argument("where", "...")),
            )  # fmt: skip
        missed = ~part.chosen if missed is None else missed | ~part.chosen
        before = part.stage.name if not before else f"{before} or {part.stage.name}"


def _made(role: str, parts: Sequence[Part], unit: np.ndarray, stage: np.ndarray, count: int) -> Coded:
    """The column of a role: the cells of each stage in its rows."""
    as_numbers = any(role in part.stage.constants for part in parts) and role not in (*SETS, *FLAGS)
    columns = [_constant(None, count)]
    row_of = np.zeros(len(unit), np.int64)  # in the columns below each other, of which the first is empty
    for k, part in enumerate(parts):
        rows = np.flatnonzero(stage == k)
        own = unit[rows]
        if role == "choice" and part.grouped is not None:
            column, absent = part.grouped.choice, part.absent["choice"]
        elif role == "cue" and part.grouped is not None and part.grouped.cue is not None:
            column, absent = part.grouped.cue, part.absent["choice"]
        elif role in part.cells:
            column = part.cells[role].column
            absent = part.unfilled if role == "choice" else part.absent[role]
            if as_numbers and to_numbers(part.cells[role], absent)[2]:
                column = _truth_as_numbers(part.cells[role])
        elif role in part.stage.constants:
            column, absent = _constant(part.stage.constants[role], count), np.zeros(count, bool)
            if role == "outcome" and part.chosen is not None:
                absent = ~part.chosen
        elif role in NAMED_ALIKE:
            column, absent = _constant(part.stage.name, count), np.zeros(count, bool)
        else:
            continue
        row_of[rows] = np.where(absent[own], 0, count * len(columns) + own)
        columns.append(column)
    return _below(columns)[row_of]


def _below(columns: Sequence[Coded]) -> Coded:
    """One column below the other, without looking at a row."""
    once = coded(np.concatenate([column.distinct.cells for column in columns]))
    starts = np.cumsum([0, *(len(column.distinct) for column in columns)])
    return Coded(
        once.distinct,
        once.codes[np.concatenate([n + column.codes for n, column in zip(starts, columns, strict=False)])],
    )


def _sources(role: str, parts: Sequence[Part]) -> tuple[str, ...]:
    """The columns of the file that a role comes from; cues that groups of choices say come from these."""
    names = []
    for part in parts:
        derived = role == "cue" and part.grouped is not None and part.grouped.cue is not None
        names += [part.cells["choice" if derived else role].name] if derived or role in part.cells else []
    return tuple(dict.fromkeys(names))


def _constant(value: object, count: int) -> Coded:
    return Coded(Distinct(objects([value])), np.zeros(count, np.int64))


def _truth_as_numbers(cells: Cells) -> Coded:
    """Truth values as 1 and 0, to stand beside the numbers of other stages."""
    values = [int(to_flags(_alone(cells, cell), np.zeros(1, bool))[0][0]) for cell in cells.column.distinct.cells]
    return Coded(Distinct(objects(values)), cells.column.codes)


def _alone(cells: Cells, cell: object) -> Cells:
    return replace(cells, column=coded(objects([cell])), rows=cells.rows[:1])


def _recoded(parts: Sequence[Part], role: str) -> bool:
    return any(role == "choice" and part.grouped is not None for part in parts)


def _own_levels(table: Table, parts: Sequence[Part], role: str) -> tuple[Hashable, ...] | None:
    """The labels in order that the columns of all stages bring alike, such as categories of pandas."""
    names = [part.cells[role].name for part in parts if role in part.cells]
    if _recoded(parts, role) or len(names) < len(parts) or any(name not in table.levels for name in names):
        return None
    each = {tuple(map(key, table.levels[name])) for name in names}
    return table.levels[names[0]] if len(each) == 1 else None


def _own_names_first(role: str, column: Coded, parts: Sequence[Part]) -> dict[str, tuple[Hashable, ...]]:
    """The labels of cues, where stages without one have their names beside whole numbers: these in the order of the stages, then the others."""
    own = [part.stage.name for part in parts if role not in part.stage.roles]
    labels = [cell for cell in column.distinct.cells[column.occurring()].tolist() if cell is not None]
    others = {key(cell) for cell in labels} - set(own)
    if not own or not all(text.removeprefix("-").isdecimal() for text in others):
        return {}
    return {SETS[role]: (*own, *sorted(others, key=int))}
