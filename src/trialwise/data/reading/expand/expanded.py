"""A table with a row a trial, whatever it was in the file: its expansion, before the roles of columns are found."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message
from trialwise.data.expansion.declared import STAGE, Expansion, Repeats, Stage, Stages
from trialwise.data.reading.assemble import OrderedCells
from trialwise.data.reading.cells import Cells, MissingCodes, key, missing_mask, quote, quote_list, to_flags, to_numbers
from trialwise.data.reading.coded import Coded, Distinct, coded, objects
from trialwise.data.reading.column_names import closest, recognise
from trialwise.data.reading.description import merged
from trialwise.data.reading.expand.grouped import Grouped, grouped
from trialwise.data.reading.roles import Roles
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems, missed_choices

SETS = {"choice": "action", "cue": "cue", "context": "context"}
"""The sets of labels of roles."""
NAMED_ALIKE = ("cue", "context")
"""Roles known before the choice: a stage without one that other stages have gets its own name."""
FLAGS = ("responded", "scored")
BEHAVIOUR = ("choice", "outcome", "response", "rt", *FLAGS)
"""Roles of what happened in a trial, which cannot be that of several."""


type Asked = dict[str, Any]
"""The arguments of a reader for the roles of columns."""


@dataclass
class Expanded:
    """An expanded table.

    Attributes
    ----------
    table
        A row a trial; those of one row of the file follow each other, and have its number.
    origin
        The table of the file.
    expansion
        With what the table says of it, such as the cue of each group of labels.
    roles
        Roles whose columns were made.
    labels, numbers
        Further columns that were made and that a learner reads.
    levels
        Labels in their order, by set.
    notes
        What was expanded, in a sentence for the user.
    """

    table: Table
    origin: Table
    expansion: Expansion
    roles: tuple[str, ...]
    labels: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    levels: dict[str, tuple[Hashable, ...]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def asked(self, asked: Asked) -> Asked:
        """The arguments for the roles of columns, with those that were made.

        Raises
        ------
        UsageError
            If a column of what happened is asked for that belongs to a whole row of the file, or a made one by another name.
        """
        named, result = dict(asked["named"]), dict(asked)
        for role in BEHAVIOUR:
            given = named.get(role) if role in named else asked.get(role)
            columns = (
                list(given.values()) if isinstance(given, Mapping) else [given] if isinstance(given, str) else given
            )
            whole = (
                [each for each in columns or () if each not in self.table.sources] if given not in (None, False) else []
            )
            if whole:
                raise UsageError(
                    Argument(role, given), ": with ", Argument("expand", ...), f" a row of the file is several trials, and {whole[0]!r} "
                    f"would be repeated in each; say in expand in which of them it is the {role}",
                )  # fmt: skip
        several = isinstance(self.expansion, Stages) and len(self.expansion.stages) > 1
        rest = [name for name in self.table.header if name not in self.table.sources]
        for role in ("choice", "cue", "context", "rt", *FLAGS):
            if named[role] is None and role in self.roles:
                named[role] = role
            elif named[role] is None and (role in BEHAVIOUR or several):
                named[role] = False
                self._note_unread(role, rest)
            elif role in self.roles and named[role] not in (False, role):
                raise UsageError(
                    Argument(role, named[role]), f": expand says already what the {role} is; leave one out"
                )
        for role in ("outcome", "response"):
            if asked[role] is None:
                result[role] = role if role in self.roles else False
                if role not in self.roles:
                    self._note_unread(role, rest)
        more = (
            asked["labels"]
            if isinstance(asked["labels"], Mapping)
            else {each: each for each in _listed(asked["labels"])}
        )
        result["labels"] = {**more, **{name: name for name in self.labels}}
        result["numbers"] = list(dict.fromkeys([*_listed(asked["numbers"]), *self.numbers]))
        return {**result, "named": named}

    def _note_unread(self, role: str, header: Sequence[str]) -> None:
        """Say that a column was not read which would be recognised if a row were one trial."""
        columns = recognise(header, [role]).get(role, [])
        if columns and role in (*NAMED_ALIKE, "outcome", "response", "rt"):
            self.notes.append(
                Message(
                    f"{quote_list(columns, 3)} may be the {role}, and was not read: ", Argument("expand", ...),
                    " does not say to which of the trials of a row it belongs",
                )
            )  # fmt: skip

    def missing(self, missing: MissingCodes) -> MissingCodes:
        """Codes of missing values by column, of which columns that were made contain none any more."""
        if isinstance(missing, Mapping):
            return {name: codes for name, codes in missing.items() if name not in self.table.sources}
        return {name: missing for name in self.origin.header if name not in self.table.sources}

    def declare(self, roles: Roles, declared: dict[str, tuple[Hashable, ...]]) -> None:
        """Declare the labels of columns that were made and are read, where the user declared none."""
        for name, _ in roles.label_sets():
            if name in self.levels:
                declared.setdefault(name, self.levels[name])

    def complete(self, ordered: OrderedCells) -> None:
        """Say of the ordered trials what was expanded, and give them the columns of the file."""
        origin = self.origin
        place = np.argsort(origin.rows, kind="stable")
        place = place[np.searchsorted(origin.rows, ordered.rows, sorter=place)]
        ordered.inputs = {
            name: column[place].values for name, column in zip(origin.header, origin.columns, strict=True) if name
        }
        ordered.expansion = self.expansion
        ordered.notes += self.notes
        ordered.mapping["expand"] = f"{self.expansion}: {self.notes[0]}"


def expand_table(
    table: Table,
    expansion: Expansion,
    missing: MissingCodes,
    declared: Mapping[str, Sequence[Hashable]],
    problems: Problems,
) -> Expanded:
    """Expand a table.

    Parameters
    ----------
    table
        The rows of the file that are trials.
    expansion
        How.
    missing
        Codes of missing values, by the columns of the file.
    declared
        Labels that the user declared, by set.
    problems
        Where problems are noted.

    Raises
    ------
    DataError
        If a column is missing.
    """
    _check_columns(table, expansion, problems)
    problems.raise_if_any()
    if isinstance(expansion, Repeats):
        return _repeated(table, expansion, missing, problems)
    assert isinstance(expansion, Stages)
    return _staged(table, expansion, missing, declared, problems)


def _check_columns(table: Table, expansion: Expansion, problems: Problems) -> None:
    """Note columns that are missing or ambiguous, and names of new columns that the file has already."""
    for name in expansion.columns:
        count = table.header.count(name)
        if count > 1:
            problems.add(
                "repeated-column", table.name, f"{count} columns are called {quote(name)}", "rename all but one"
            )
        if not count:
            near = closest(name, table.header)
            names = quote_list([column for column in table.header if column], 30)
            message = f"there is no column {quote(name)}, which expand names; there are {names}"
            problems.add("missing-column", table.name, message, f"write {quote(near[0])} for it?" if near else "")
    made = expansion.step if isinstance(expansion, Repeats) else STAGE
    if made in table.header and made not in expansion.columns:
        remedy = Message("rename it in a copy of the file")
        problems.add("name-clash", table.name, f"{quote(made)} is a column of the file, and expand makes one", remedy)


# -- stages ------------------------------------------------------------------------------------------------------------------


@dataclass
class _Part:
    """The cells of one stage, in the rows of the file."""

    stage: Stage
    cells: dict[str, Cells]
    absent: dict[str, np.ndarray]
    chosen: np.ndarray | None  # None without a choice
    unfilled: (
        np.ndarray
    )  # where no choice is in the file; -1 may be the code of a missed one, which is said where labels are read
    grouped: Grouped | None = None

    @property
    def present(self) -> np.ndarray:
        """Whether the stage has anything in each row of the file, ``bool (rows,)``."""
        return ~np.all([*self.absent.values()], axis=0)


def _staged(
    table: Table,
    expansion: Stages,
    missing: MissingCodes,
    declared: Mapping[str, Sequence[Hashable]],
    problems: Problems,
) -> Expanded:
    minus = _missed(table, expansion, missing, declared)
    parts = [_part(table, stage, missing, declared, minus, problems) for stage in expansion.stages]
    _check_order(parts, problems)
    resolved = Stages(tuple(part.stage if part.grouped is None else part.grouped.stage for part in parts))
    blank = np.all([column.empty for column in table.columns], axis=0)
    present = np.stack([part.present for part in parts], axis=1)
    nothing = ~present.any(axis=1) & ~blank
    stays = np.logical_or.accumulate(present[:, ::-1], axis=1)[:, ::-1]  # it or a later stage has something
    stays[:, 0] = ~blank
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
    whole = _with_columns(table, unit, expansion.columns, made, sources)
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
) -> _Part:
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
    part = _Part(stage, cells, absent, chosen, unfilled)
    if stage.groups:
        part.grouped = grouped(stage, cells["choice"], absent["choice"], cells.get("cue"), absent.get("cue"), problems)
    return part


def _check_order(parts: Sequence[_Part], problems: Problems) -> None:
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


def _made(role: str, parts: Sequence[_Part], unit: np.ndarray, stage: np.ndarray, count: int) -> Coded:
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


def _sources(role: str, parts: Sequence[_Part]) -> tuple[str, ...]:
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


def _recoded(parts: Sequence[_Part], role: str) -> bool:
    return any(role == "choice" and part.grouped is not None for part in parts)


def _own_levels(table: Table, parts: Sequence[_Part], role: str) -> tuple[Hashable, ...] | None:
    """The labels in order that the columns of all stages bring alike, such as categories of pandas."""
    names = [part.cells[role].name for part in parts if role in part.cells]
    if _recoded(parts, role) or len(names) < len(parts) or any(name not in table.levels for name in names):
        return None
    each = {tuple(map(key, table.levels[name])) for name in names}
    return table.levels[names[0]] if len(each) == 1 else None


def _own_names_first(role: str, column: Coded, parts: Sequence[_Part]) -> dict[str, tuple[Hashable, ...]]:
    """The labels of cues, where stages without one have their names beside whole numbers: these in the order of the stages, then the others."""
    own = [part.stage.name for part in parts if role not in part.stage.roles]
    labels = [cell for cell in column.distinct.cells[column.occurring()].tolist() if cell is not None]
    others = {key(cell) for cell in labels} - set(own)
    if not own or not all(text.removeprefix("-").isdecimal() for text in others):
        return {}
    return {SETS[role]: (*own, *sorted(others, key=int))}


def _with_columns(
    table: Table,
    unit: np.ndarray,
    used: Sequence[str],
    made: Mapping[str, Coded],
    sources: Mapping[str, tuple[str, ...]],
) -> Table:
    """The rows of the file repeated, without the columns that were used, and with those that were made."""
    rest = [n for n, name in enumerate(table.header) if name not in used and name not in made]
    return replace(
        table,
        header=(*(table.header[n] for n in rest), *made),
        columns=(*(table.columns[n][unit] for n in rest), *made.values()),
        rows=table.rows[unit],
        sources=dict(sources),
        levels={name: labels for name, labels in table.levels.items() if name not in made},
        described={name: each for name, each in table.described.items() if name not in made},
    )


# -- repeats -----------------------------------------------------------------------------------------------------------------


def _repeated(table: Table, expansion: Repeats, missing: MissingCodes, problems: Problems) -> Expanded:
    counts, ended = table.column(expansion.count, "expand"), table.column(expansion.ended, "expand")
    no_count, no_end = missing_mask(counts, missing), missing_mask(ended, missing)
    nothing = no_count & no_end
    remedy = Message("fill it in, or leave these rows out, ", Argument("where", "..."))
    problems.in_cells("missing-count", counts, no_count & ~nothing, "the count is missing", remedy)
    problems.in_cells("missing-end", ended, no_end & ~nothing, "whether the series was ended is missing", remedy)
    number, wrong, _ = to_numbers(counts, no_count)
    flag, no_flag = to_flags(ended, no_end)
    with np.errstate(invalid="ignore"):
        wrong |= ~no_count & ~((number >= 0) & (number == np.floor(number)))
        above = ~no_count & ~wrong & (number > expansion.most)
        none = ~no_count & ~wrong & flag & (number == 0)
    examples = quote_list(dict.fromkeys(counts.values[wrong].tolist()), 3)
    problems.in_cells(
        "not-a-count", counts, wrong, f"a count must be a whole number from 0; found {examples}", "correct it"
    )
    problems.in_cells(
        "not-a-flag", ended, no_flag, f"whether the series was ended must be 0 or 1; found {quote_list(dict.fromkeys(ended.values[no_flag].tolist()), 3)}",
        "correct it",
    )  # fmt: skip
    problems.in_cells(
        "ended-without-a-choice", counts, none, "the series was ended although the count is 0", "correct it"
    )
    problems.in_cells(
        "count-too-large", counts, above, f"a count is larger than the largest that is declared, {expansion.most:,}",
        "correct it, or declare a larger one, most=... in expand",
    )  # fmt: skip
    good = ~(nothing | no_count | no_end | wrong | above | none | no_flag)
    repetitions = np.where(good, number, 0).astype(np.int64)
    lengths = np.where(good, repetitions + 1 - flag, 0)
    unit = np.repeat(np.arange(len(lengths)), lengths)
    step = np.arange(len(unit)) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # from 0
    goes = step < repetitions[unit]
    last = goes & (step == repetitions[unit] - 1) & flag[unit]
    made = {
        "choice": Coded(Distinct(objects(expansion.actions)), goes.astype(np.int64)),
        "outcome": Coded(Distinct(objects([0, 1])), last.astype(np.int64)),
        expansion.step: Coded(Distinct(objects(range(1, int(lengths.max(initial=0)) + 1))), step),
    }
    sources = {"choice": expansion.columns, "outcome": (expansion.ended,), expansion.step: (expansion.count,)}
    note = f"{counted(int((lengths > 0).sum()), 'row')} of the file are {counted(len(unit), 'trial')}"
    note += f"; {counted(int(nothing.sum()), 'row')} without a count left out" if nothing.any() else ""
    if not len(unit):
        problems.add("empty-table", table.name, "no row has a count", "check that these are the right columns")
    problems.raise_if_any()
    whole = _with_columns(table, unit, expansion.columns, made, sources)
    return Expanded(
        whole, table, expansion, ("choice", "outcome"), (), (expansion.step,), {"action": expansion.actions}, [note]
    )


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str | int) else list(names)
