"""Several files as one table: one file per participant or session, given as a list, a folder or a pattern.

The joined table has a column ``file``. Its row numbers run on from file to file, so that every row has one of its own; :class:`Files`
tells the file and its row again.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import DataError, Problem, UsageError
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import distinct_cells, key, missing_mask, quote, quote_list, sorted_labels
from trialwise.data.reading.coded import Coded, Distinct, joined, objects
from trialwise.data.reading.column_names import role_of_file
from trialwise.data.reading.description import merged
from trialwise.data.reading.formats import SUFFIXES
from trialwise.data.reading.open_table import open_table
from trialwise.data.reading.sidecar import is_bids
from trialwise.data.reading.table import Table
from trialwise.data.reading.text import file_error

if TYPE_CHECKING:
    from trialwise.data.reading.open_table import Source
    from trialwise.data.trials import Trials

type Sources = Source | Sequence[Source]
"""One table or several: a path, a folder, a pattern such as ``"data/*.csv"``, a DataFrame, or a list of them."""

COLUMN = "file"
"""The column with the name of the file of each row."""
MOST_FOLDERS = 1000
"""Most folders that are looked into for an example of a table."""


@dataclass(frozen=True, eq=False)
class Files:
    """The files that were joined to one table.

    Attributes
    ----------
    names
        Their names, which differ: paths below the folder that all have in common.
    starts
        ``int64 (files,)``: what was added to the row numbers of each file.
    column
        The column of the joined table that contains the names.
    """

    names: tuple[str, ...]
    starts: np.ndarray
    column: str

    def index(self, rows: np.ndarray) -> np.ndarray:
        """The index of the file of each row of the joined table."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def places(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The file of each row of the joined table, ``object (rows,)``, and its row there."""
        index = self.index(rows)
        return np.array([*self.names, None], object)[index], rows - self.starts[index]

    @property
    def meanings(self) -> Message:
        """What a file may be if a participant has several, with what to type."""
        return Message(
            "if each file is a participant of its own, type ", Argument("participant", self.column),
            "; if each is a session, after which learning starts anew, ", Argument("session", self.column),
            "; if learning goes on, ", Argument("block", self.column),
        )  # fmt: skip

    def located(self, trials: Trials, used: Collection[str]) -> Trials:
        """The trials with the file of each and its row there, and a note on participants who have several files.

        There is no such note if the column of files is among the ``used`` ones, or if each session is one file.
        """
        assert trials.row is not None
        index, (file, row) = self.index(trials.row), self.places(trials.row)
        runs = trials.columns["session"].values if "session" in trials.columns else np.zeros_like(index)
        of = {*zip(trials.participant_index.tolist(), runs.tolist(), index.tolist(), strict=True)}
        counts = Counter((participant, run) for participant, run, _ in of)
        spread = list(dict.fromkeys(participant for (participant, _), count in counts.items() if count > 1))
        notes = trials.notes
        if spread and self.column not in used:
            own = [self.names[n] for n in np.unique(index[trials.participant_index == spread[0]])]
            notes += (
                Message(
                    f"{counted(len(spread), 'participant')} {'has' if len(spread) == 1 else 'have'} rows in several files, first "
                    f"{quote(trials.participants[spread[0]])} in {', '.join(own[:3])}{', ...' if len(own) > 3 else ''}: ",
                    self.meanings,
                ),
            )
        names = ", ".join(self.names[:4]) + (", ..." if len(self.names) > 4 else "")
        mapping = {**trials.mapping, "file": f"{len(self.names)} files ({names})"}
        return replace(trials, file=file, row=row, notes=notes, mapping=mapping)


def listed(source: Sources) -> Sequence[Source]:
    """The tables of a list, a folder or a pattern; a single table is a list of one.

    Raises
    ------
    UsageError, DataError
        If there is none.
    """
    if isinstance(source, list | tuple):
        tables: list[Source] = []
        for each in source:
            tables += paths_of(each) if isinstance(each, str | PathLike) else [each]
        if not tables:
            raise UsageError("an empty list of tables: give ['s1.csv', 's2.csv'], a folder, or a pattern, 'data/*.csv'")
        return tables
    if isinstance(source, str | PathLike):
        return paths_of(source)
    return [source]  # type: ignore[list-item]


def paths_of(source: str | PathLike[str]) -> list[Path]:
    """The files of a folder or of a pattern that is not itself the name of a file; another path is a list of one.

    Raises
    ------
    UsageError
        If a folder contains wide tables.
    DataError
        If there is no table.
    """
    path = Path(fspath(source))
    try:
        is_folder, is_pattern = path.is_dir(), glob.has_magic(str(path)) and not path.exists()
    except (OSError, ValueError):  # not the name of a file: reading it says why
        return [path]
    if is_folder and is_wide(path):
        raise UsageError(
            f"the folder {str(path)!r} contains a table for each variable, with participants in columns: write read_wide({str(path)!r})"
        )
    if is_folder:
        is_root = (path / "dataset_description.json").is_file()
        paths = [] if is_root else tables_in(path)
        remedy = f"give a pattern, {_pattern_below(path)!r}"
        if is_root:
            message = "is the root of a data set (BIDS), whose trials are in folders below it"
        else:
            message = f"is a folder without tables ({', '.join(SUFFIXES)})"
            remedy = f"if they are in folders below it, {remedy}"
    elif is_pattern:
        found = sorted((Path(name) for name in glob.glob(str(path), recursive=True)), key=_in_order)
        paths = [each for each in found if each.is_file()]
        message, remedy = "no file matches this pattern", f"looked in {str(Path.cwd())!r}"
    else:
        return [path]
    if not paths:
        raise file_error(str(path), "no-file", message, remedy)
    return paths


def _pattern_below(folder: Path) -> str:
    """A pattern of the tables in folders below this one, like the first table there; those of trials in BIDS before all others."""
    first = None
    for within, folders, _ in itertools.islice(os.walk(folder), MOST_FOLDERS):
        folders.sort()
        tables = [] if Path(within) == folder else _all_tables(Path(within))
        bids = next((each for each in tables if is_bids(each.name)), None)
        first = bids or first or next(iter(tables), None)
        if bids:
            break
    if first is None:
        return str(folder / "*" / "*.csv")
    if is_bids(first.name):
        ending = first.name[first.name.rindex("_") :]
    else:
        ending = "".join(first.suffixes[-2 if first.suffix.lower() == ".gz" else -1 :])
    return str(folder.joinpath(*["*"] * (len(first.relative_to(folder).parts) - 1), f"*{ending}"))


def tables_in(folder: Path) -> list[Path]:
    """The long tables in a folder, by name; only the one called ``trials`` if there is one, as among the files of a simulation."""
    paths = _all_tables(folder)
    return [path for path in paths if path.name.startswith("trials.")][:1] or paths


def is_wide(folder: Path) -> bool:
    """Whether a folder contains tables with participants in columns, recognised by a name such as ``actions.csv``."""
    return any(role_of_file(path.name.split(".")[0]) == "choice" for path in _all_tables(folder))


def _all_tables(folder: Path) -> list[Path]:
    names = (path for path in folder.iterdir() if _suffix(path) in SUFFIXES and not path.name.startswith((".", "~$")))
    return sorted((path for path in names if path.is_file()), key=_in_order)


def _suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _in_order(path: Path) -> tuple[tuple[int, int | str], ...]:
    """``s2.csv`` comes before ``s10.csv``."""
    parts = re.split(r"(\d+)", str(path))
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part)


def open_tables(source: Sources) -> tuple[Table, Files | None]:
    """Open one table, or join several.

    Returns
    -------
    table
        The cells of all, with a column of the files' names if there are several.
    files
        The files; None if there is only one.

    Raises
    ------
    DataError
        With the problems of all files; if they differ in their columns; if one occurs twice, by name or by contents.
    UsageError
        If `source` is no table, or contains none.
    """
    sources = listed(source)
    if len(sources) == 1:
        return open_table(sources[0]), None
    names = _names(sources)
    tables: list[Table] = []
    problems: list[Problem] = []
    for name, each in zip(names, sources, strict=True):
        try:
            tables.append(replace(open_table(each, name), name=name))
        except DataError as error:
            problems += [each for each in error.problems if each not in problems]  # a sidecar may be that of all files
    if not problems:
        problems = [*_differences(tables), *_copies(tables, sources)]
    if problems:
        raise DataError(problems)
    return _joined(tables)


def _names(sources: Sequence[Source]) -> list[str]:
    """A name for each table: paths below the folder that they have in common; DataFrames by their place in the list."""
    paths = [os.path.abspath(each) if isinstance(each, str | PathLike) else None for each in sources]
    real = [str(path) for path in paths if path is not None]
    folder = os.path.commonpath([os.path.dirname(path) for path in real]) if real else ""
    names = []
    for n, path in enumerate(paths, 1):
        names.append(f"table {n}" if path is None else Path(os.path.relpath(path, folder)).as_posix())
    return names


def _differences(tables: Sequence[Table]) -> Iterator[Problem]:
    """Files with other columns than the first."""
    first = tables[0]
    others: dict[tuple[str, ...], list[str]] = {}
    for table in tables[1:]:
        if sorted(table.header) != sorted(first.header):
            others.setdefault(tuple(sorted(table.header)), []).append(table.name)
    for header, names in others.items():
        lacking = [name for name in first.header if name not in header]
        extra = [name for name in header if name not in first.header]
        parts = [f"without {quote_list(lacking, 4)}"] * bool(lacking) + [f"with {quote_list(extra, 4)}"] * bool(extra)
        what = f" ({' and '.join(parts)})" if parts else " (some occur more often)"
        which = f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
        yield Problem(
            "columns-differ",
            which,
            f"{'has' if len(names) == 1 else 'have'} other columns than {first.name}{what}",
            "give all files the same columns, or name only the files of one kind, in a list or by a pattern, 'data/s*.csv'",
        )


def _copies(tables: Sequence[Table], sources: Sequence[Source]) -> Iterator[Problem]:
    """Files that occur twice: under the same path, or with the same contents."""
    seen: dict[object, str] = {}
    for table, source in zip(tables, sources, strict=True):
        path = os.path.realpath(source) if isinstance(source, str | PathLike) else id(source)
        contents = tuple(tuple(column.values.tolist()) for column in table.columns)
        first = seen.get(path) or seen.get(contents)
        if first is not None:
            what = "is given twice" if first == table.name else f"has the same rows as {first}"
            yield Problem("same-file-twice", table.name, what, "give each file once; leave the copy out")
        seen |= {path: table.name, contents: table.name}


def _joined(tables: Sequence[Table]) -> tuple[Table, Files]:
    header = tables[0].header
    columns: list[Coded] = []
    for n, name in enumerate(header):
        place = header[:n].count(name)  # columns may share a name
        columns.append(joined([table.columns[_places(table.header, name)[place]] for table in tables]))
    sizes = [int(table.rows.max()) + 1 for table in tables]
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1].astype(np.int64)
    rows = np.concatenate([table.rows + start for table, start in zip(tables, starts, strict=True)])
    names = tuple(table.name for table in tables)
    column = next(each for each in (COLUMN, "file_name", "name_of_the_file") if each not in header)
    own = Coded(Distinct(objects(names)), np.repeat(np.arange(len(names)), [len(table.rows) for table in tables]))
    notes = dict.fromkeys(table.note for table in tables if table.note)
    levels: dict[str, tuple[Hashable, ...]] = {}
    for name in dict.fromkeys(name for table in tables for name in table.levels):
        order = _order_of_all(tables, name)
        if order is None:
            notes[
                f"the categories of {name} differ between the tables in their order, which is not kept: they are sorted"
            ] = None
        else:
            levels |= {name: order} if order else {}
    table = replace(
        tables[0],
        name=f"{len(tables)} files",
        header=(*header, column),
        columns=(*columns, own),
        rows=rows,
        free_comma=any(table.free_comma for table in tables),
        note="; ".join(notes),
        levels=levels,
        described={
            name: merged([table.described.get(name) for table in tables])
            for name in dict.fromkeys(name for table in tables for name in table.described)
        },
    )
    return table, Files(names, starts, column)


def _order_of_all(tables: Sequence[Table], name: str) -> tuple[Hashable, ...] | None:
    """The only order of a column's labels that is that of every table's categories; None if there is none or more than one.

    Empty if labels would be sorted in this way without categories. A table whose column has none must not contain other labels.
    """
    spelling: dict[str, Hashable] = {}
    before: dict[str, set[str]] = {}
    every = [[key(label) for label in table.levels.get(name, ())] for table in tables]
    for labels, keys in zip((table.levels.get(name, ()) for table in tables), every, strict=True):
        spelling |= {k: label for k, label in zip(keys, labels, strict=True) if k not in spelling}
        for k in keys:
            before.setdefault(k, set())
        for one, following in itertools.pairwise(keys):
            before[following].add(one)
    plain = [table.column(name, "") for table in tables if name not in table.levels]
    others = {key(cell) for cells in plain for cell in distinct_cells(cells, ~missing_mask(cells))}
    try:
        order = [*TopologicalSorter(before).static_order()]
    except CycleError:
        return None
    if others <= before.keys() and all(one in before[following] for one, following in itertools.pairwise(order)):
        return tuple(spelling[k] for k in order)
    place = {key(label): n for n, label in enumerate(sorted_labels(spelling.values()))}
    is_sorted = all(place[one] < place[following] for keys in every for one, following in itertools.pairwise(keys))
    return () if is_sorted else None


def _places(header: Sequence[str], name: str) -> list[int]:
    return [n for n, each in enumerate(header) if each == name]
