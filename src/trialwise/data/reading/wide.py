"""Wide tables, participants in columns and trials in rows: put side by side and cut into one column of cells a role."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from trialwise.data.reading.assemble import Before, Gathered
from trialwise.data.reading.cells import Cells, key, labels, listed, missing, numbers, shown
from trialwise.data.reading.names import NAMES, plain
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems

Place = tuple[str, str]
"""A role and a name, such as ``("outcome", "gain")``."""

_TRIAL = set(" ".join(NAMES["trial"]).split()) | {"index", "row"}


def gather_wide(
    tables: Mapping[Place, Table],
    declared: Mapping[str, Sequence[Hashable]],
    also_missing: Collection[Hashable],
    problems: Problems,
) -> Gathered:
    """Put the tables side by side.

    Raises
    ------
    DataError
        If they do not have the same participants and rows.
    """
    tables = {place: _without_trial_numbers(table) for place, table in tables.items()}
    _check_headers(tables, problems)
    height = max(_height(table) for table in tables.values())
    tallest = max(tables.values(), key=lambda table: len(table.rows))
    for table in tables.values():
        if len(table.rows) < height:
            message = f"has {len(table.rows)} trials where {tallest.name} has {height}"
            problems.add("rows-differ", table.name, message, "give all tables one row a trial, missed trials included")
    problems.raise_if_any()

    header = next(iter(tables.values())).header
    people = _labels_of(header)
    columns = {place: [table.columns[table.header.index(name)] for name in header] for place, table in tables.items()}
    lengths = [max(_last(column[n]) for column in columns.values()) for n in range(len(people))]
    for name, length in zip(header, lengths, strict=True):
        if length == 0:
            problems.add("no-trials", tallest.name, f"participant {shown(name)} has no trials", "remove the column")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    whose = np.empty(offsets[-1], object)
    for label, start, stop in zip(people, offsets, offsets[1:], strict=False):
        whose[start:stop] = [label] * int(stop - start)

    def cut(place: Place) -> Cells:
        table = tables[place]
        cells = [_padded(column, length) for column, length in zip(columns[place], lengths, strict=True)]
        rows = [_rows(table, tallest, length) for length in lengths]
        comma = table.has_decimal_comma(table.columns)
        return Cells(np.concatenate(cells), np.concatenate(rows), table.name, table.name, table.name, comma, whose)

    gathered = Gathered(people, offsets, np.concatenate([_rows(tallest, tallest, length) for length in lengths]))
    gathered.mapping["participant"] = f"the columns, {len(people)} labels"
    notes = {f"{table.name}: {table.note}": None for table in tables.values() if table.note}
    gathered.notes += notes
    for place in tables:
        _put(gathered, place, cut(place), declared, also_missing)
    return gathered


def _put(
    gathered: Gathered,
    place: Place,
    cells: Cells,
    declared: Mapping[str, Sequence[Hashable]],
    also_missing: Collection[Hashable],
) -> None:
    role, name = place
    if role == "choice":
        gathered.choice = cells
    elif role == "outcome":
        gathered.outcome = {**gathered.outcome, name: cells}
    elif role == "response":
        gathered.response = {**gathered.response, name: cells}
    elif role == "reset":
        gathered.reset = cells
    elif role == "columns":
        text = numbers(cells, missing(cells, also_missing))[1].any()
        gathered.before[name] = Before((cells,), name if name in declared or text else None)
    else:
        gathered.before[role] = Before((cells,), role)


def _without_trial_numbers(table: Table) -> Table:
    """Leave out a first column that only counts the trials."""
    if len(table.header) > 1 and plain(table.header[0]) in _TRIAL:
        counts = [key(cell) for cell in table.columns[0]]
        if all(count.isdecimal() for count in counts) and len(set(counts)) == len(counts):
            return replace(table, header=table.header[1:], columns=table.columns[1:])
    return table


def _check_headers(tables: Mapping[Place, Table], problems: Problems) -> None:
    first = next(iter(tables.values()))
    expected = {key(name) for name in first.header}
    for table in {id(table): table for table in tables.values()}.values():
        twice = [name for name in dict.fromkeys(table.header) if name and table.header.count(name) > 1]
        if twice:
            message = f"the header row must hold each participant's label once; {listed(twice)} stand there repeatedly"
            remedy = "is the header row missing? write the participants' labels in the first row"
            problems.add("repeated-participant", table.name, message, remedy, [1])
        elif "" in table.header:
            message = f"column {table.header.index('') + 1} has no participant's label in the header row"
            problems.add("unnamed-column", table.name, message, "write it there, or remove the column", [1])
        elif {key(name) for name in table.header} != expected:
            gone = [name for name in first.header if name not in table.header]
            new = [name for name in table.header if name not in first.header]
            told = [f"without {listed(gone, 4)}"] * bool(gone) + [f"with {listed(new, 4)}"] * bool(new)
            message = f"its participants are not those of {first.name}: {' and '.join(told)}"
            problems.add("participants-differ", table.name, message, "give all tables the same columns", [1])
    problems.raise_if_any()


def _labels_of(header: Sequence[str]) -> tuple[Hashable, ...]:
    names = np.array([*header, None], object)[:-1]
    cells = Cells(names, np.ones(len(names), np.int64), "header", "header", "header")
    return tuple(labels([cells], [np.zeros(len(names), bool)])[0])


def _last(column: np.ndarray) -> int:
    filled = np.flatnonzero([cell is not None for cell in column])
    return int(filled[-1]) + 1 if len(filled) else 0


def _height(table: Table) -> int:
    return max((_last(column) for column in table.columns), default=0)


def _padded(column: np.ndarray, length: int) -> np.ndarray:
    padded = np.full(length, None, object)
    padded[: min(length, len(column))] = column[:length]
    return padded


def _rows(table: Table, tallest: Table, length: int) -> np.ndarray:
    return (table if len(table.rows) >= length else tallest).rows[:length]
