"""Wide tables, with participants in columns and trials in rows: conversion to one column of cells per role."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.message import Argument
from trialwise.data.reading.assemble import OrderedCells, PreChoice
from trialwise.data.reading.cells import (
    Cells,
    MissingCodes,
    key,
    missing_mask,
    quote,
    quote_list,
    to_labels,
    to_numbers,
)
from trialwise.data.reading.coded import Coded, coded, joined, objects
from trialwise.data.reading.column_names import NAMES, plain
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems
from trialwise.data.reading.where import separating
from trialwise.data.reading.wide_where import RoleName, as_long, keep_where

_TRIAL = set(" ".join(NAMES["trial"]).split()) | {"index", "row"}


def order_wide(
    tables: Mapping[RoleName, Table],
    declared: Mapping[str, Sequence[Hashable]],
    missing_codes: MissingCodes,
    problems: Problems,
    where: str | None = None,
) -> OrderedCells:
    """Order the cells of all tables by participant and trial; `where` is a condition on trials, see :func:`keep_where`.

    Raises
    ------
    DataError
        If the tables do not have the same participants and the same number of rows.
    UsageError
        If the condition cannot be read, or leaves no trial.
    """
    falls = list(dict.fromkeys(note for table in tables.values() for note in _about_falls(table)))
    numbers = next((column for table in tables.values() if (column := _trial_numbers(table)) is not None), None)
    tables = {role_name: _without_trial_numbers(table) for role_name, table in tables.items()}
    _check_headers(tables, problems)
    height = max(_height(table) for table in tables.values())
    tallest = max(tables.values(), key=lambda table: len(table.rows))
    for table in tables.values():
        if len(table.rows) < height:
            message = f"has {len(table.rows)} trials where {tallest.name} has {height}"
            remedy = "give all tables one row per trial, missed trials included"
            problems.add("rows-differ", table.name, message, remedy)
    problems.raise_if_any()

    header = next(iter(tables.values())).header
    participants = _labels_of(header)
    columns = {role_name: _in_order(table, header) for role_name, table in tables.items()}
    lengths = [max(_length(column[n]) for column in columns.values()) for n in range(len(participants))]
    for name, length in zip(header, lengths, strict=True):
        if length == 0:
            problems.add("no-trials", tallest.name, f"participant {quote(name)} has no trials", "remove the column")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    owners = np.empty(offsets[-1], object)
    for label, start, stop in zip(participants, offsets, offsets[1:], strict=False):
        owners[start:stop] = [label] * int(stop - start)

    def concatenated(role_name: RoleName) -> Cells:
        table = tables[role_name]
        cells = [column[:length] for column, length in zip(columns[role_name], lengths, strict=True)]
        rows = [_rows(table, tallest, length) for length in lengths]
        comma = table.has_decimal_comma(table.columns)
        return Cells(joined(cells), np.concatenate(rows), role_name[1], table.name, table.name, comma, owners)

    rows = np.concatenate([_rows(tallest, tallest, length) for length in lengths])
    cells = {role_name: concatenated(role_name) for role_name in tables}
    ordered = OrderedCells(participants, offsets, rows)
    numbered = coded(objects(range(1, max(lengths) + 1))) if numbers is None else numbers
    long = as_long(ordered, cells, joined([numbered[:length] for length in lengths]))
    if where is not None:
        ordered, cells, long = keep_where(where, ordered, cells, long, missing_codes)
    ordered.without = lambda wrong: separating(long, wrong, missing_codes, where, [name for _, name in cells])
    ordered.mapping["participant"] = f"the columns, {len(ordered.participants)} labels"
    notes = {f"{table.name}: {table.note}": None for table in tables.values() if table.note}
    ordered.notes += [*notes, *falls]
    for role_name in tables:
        _assign(ordered, role_name, cells[role_name], declared, missing_codes)
    return ordered


def codes_by_table(missing: MissingCodes, tables: Mapping[RoleName, Table]) -> MissingCodes:
    """Codes of missing values by the names of the tables' roles; a table may be named by its role, or by its file.

    Raises
    ------
    UsageError
        If there is no such table.
    """
    if not isinstance(missing, Mapping):
        return missing
    codes: dict[str, list[Hashable]] = {}
    for named, own in missing.items():
        roles = [name for _, name in tables if name == named]
        roles = roles or [n for (_, n), table in tables.items() if named in (table.name, table.name.split(".")[0])]
        if not roles:
            names = list(dict.fromkeys(name for _, name in tables))
            raise UsageError(
                Argument("missing", dict(missing)),
                f": there is no table {named!r}; codes are given by table, not by participant. {did_you_mean(str(named), names, 'tables')}",
            )
        for name in roles:
            codes[name] = [*codes.get(name, ()), *own]
    return codes


def _assign(
    ordered: OrderedCells,
    role_name: RoleName,
    cells: Cells,
    declared: Mapping[str, Sequence[Hashable]],
    missing_codes: MissingCodes,
) -> None:
    """Assign a column of cells to its role."""
    role, name = role_name
    if role == "choice":
        ordered.choice = cells
    elif role == "outcome":
        ordered.outcome = {**ordered.outcome, name: cells}
    elif role == "response":
        ordered.response = {**ordered.response, name: cells}
    elif role == "reset":
        ordered.reset = cells
    elif role == "columns":
        text = to_numbers(cells, missing_mask(cells, missing_codes))[1].any()
        ordered.pre_choice[name] = PreChoice((cells,), name if name in declared or text else None)
    else:
        ordered.pre_choice[role] = PreChoice((cells,), role)


def _trial_numbers(table: Table) -> Coded | None:
    """A first column of trial numbers."""
    if len(table.header) > 1 and plain(table.header[0]) in _TRIAL:
        counts = [key(cell) for cell in table.columns[0].values]
        if all(count.isdecimal() for count in counts) and len(set(counts)) == len(counts):
            return table.columns[0]
    return None


def _about_falls(table: Table) -> Iterator[str]:
    """A note on trial numbers that fall from one row to the next."""
    column = _trial_numbers(table)
    numbers = [] if column is None else [int(key(cell)) for cell in column.values]
    fall = next(((one, other) for one, other in itertools.pairwise(numbers) if other < one), None)
    if fall:
        yield (
            f"{table.name}: trial {fall[0]} comes before {fall[1]}, and the rows are read in this order, whatever their numbers: sort the rows of all "
            "tables by these numbers, in copies of the files, if that is the order in which they happened"
        )


def _without_trial_numbers(table: Table) -> Table:
    if _trial_numbers(table) is None:
        return table
    return replace(table, header=table.header[1:], columns=table.columns[1:])


def _check_headers(tables: Mapping[RoleName, Table], problems: Problems) -> None:
    first = next(iter(tables.values()))
    expected = set(map(key, first.header))
    for table in {id(table): table for table in tables.values()}.values():
        repeated = [name for name, count in Counter(table.header).items() if name and count > 1]
        if repeated:
            message = f"the header row must contain each participant's label once; repeated: {quote_list(repeated)}"
            remedy = "is the header row missing? write the participants' labels in the first row"
            problems.add("repeated-participant", table.name, message, remedy, [1])
        elif "" in table.header:
            message = f"column {table.header.index('') + 1} has no participant's label in the header row"
            problems.add("unnamed-column", table.name, message, "write the label, or remove the column", [1])
        elif table.header != first.header and set(map(key, table.header)) != expected:
            lacking = [name for name in first.header if name not in table.header]
            extra = [name for name in table.header if name not in first.header]
            differences = [f"without {quote_list(lacking, 4)}"] * bool(lacking)
            differences += [f"with {quote_list(extra, 4)}"] * bool(extra)
            message = f"its participants are not those of {first.name}: {' and '.join(differences)}"
            problems.add("participants-differ", table.name, message, "give all tables the same columns", [1])
    problems.raise_if_any()


def _in_order(table: Table, header: Sequence[str]) -> Sequence[Coded]:
    if table.header == header:
        return table.columns
    columns = dict(zip(map(key, table.header), table.columns, strict=True))
    return [columns[key(name)] for name in header]


def _labels_of(header: Sequence[str]) -> tuple[Hashable, ...]:
    cells = Cells(coded(objects(header)), np.ones(len(header), np.int64), "header", "header", "header")
    return tuple(to_labels([cells], [np.zeros(len(header), bool)])[0].values)


def _length(column: Coded) -> int:
    """The number of cells up to the last filled one."""
    if len(column) and not column.distinct.empty[column.codes[-1]]:
        return len(column)
    filled = np.flatnonzero(~column.empty)
    return int(filled[-1]) + 1 if len(filled) else 0


def _height(table: Table) -> int:
    return max((_length(column) for column in table.columns), default=0)


def _rows(table: Table, tallest: Table, length: int) -> np.ndarray:
    return (table if len(table.rows) >= length else tallest).rows[:length]
