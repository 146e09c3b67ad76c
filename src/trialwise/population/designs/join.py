"""A table with a row for each participant, joined to trials by the labels of participants."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.data.reading.cells import key, quote, quote_list
from trialwise.data.reading.coded import coded, objects
from trialwise.data.reading.column_names import recognise
from trialwise.data.reading.open_table import Source, open_table
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems

if TYPE_CHECKING:
    import pandas as pd

type ParticipantsTable = str | PathLike[str] | pd.DataFrame | Mapping[str, Sequence[object]] | Table
"""A path (CSV, TSV, Excel, Parquet), a DataFrame, a dict of columns, or a table that was opened."""

type Participants = int | Sequence[Hashable] | ParticipantsTable
"""A number of participants, their labels or, with formulas, a table with a row for each."""

_NAME = "participants"


@dataclass(frozen=True, eq=False)
class Joined:
    """A table with a row for each participant.

    Attributes
    ----------
    table
        Its cells.
    participant
        The column of their labels.
    index
        The row in it of each participant of the trials, ``int (participants,)``, -1 for none.
    """

    table: Table
    participant: str
    index: np.ndarray

    @property
    def names(self) -> list[str]:
        """Its columns, without that of participants."""
        return [name for name in self.table.header if name and name != self.participant]


def joined(
    source: ParticipantsTable, labels: Sequence[Hashable], of_trials: str, problems: Problems, notes: list[str]
) -> Joined | None:
    """Open a table and find the row of each participant; None if that cannot be done, with the problem noted.

    A column that has the name of the trials' own column of participants, ``of_trials`` says which, is that of the table's; else one is
    recognised by its name.

    Labels are compared as text. If they differ only as ``sub-01``, ``01`` and ``1`` do, and one label fits, they are the same.
    """
    table = opened(source)
    columns = [name for name in table.header if f"column {name!r}" in of_trials]
    columns = columns or recognise(table.header, ["participant"]).get("participant", [])
    if len(columns) != 1:
        found = f"columns {quote_list(columns)} may all be" if columns else "no column is recognised as"
        problems.add(
            "no-participant-column",
            table.name,
            f"{found} that of participants; there are {quote_list([name for name in table.header if name], 30)}",
            "call the column of their labels 'participant', and no other",
        )
        return None
    cells = table.column(columns[0], "recognised").values
    rows = [n for n, cell in enumerate(cells) if cell is not None]
    keys = {n: key(cells[n]) for n in rows}
    counts = Counter(keys.values())
    repeated = [n for n in rows if counts[keys[n]] > 1]
    if repeated:
        names = list(dict.fromkeys(cells[n] for n in repeated))
        problems.add(
            "repeated-participant",
            f"{table.name}, column {quote(columns[0])}",
            f"{quote_list(names)} {'has' if len(names) == 1 else 'have'} more than one row",
            "leave one row for each participant; what changes within a participant belongs to the trials",
            table.rows[repeated],
        )
    unnamed = [n for n, cell in enumerate(cells) if cell is None]
    if unnamed:
        where = f"{table.name}, column {quote(columns[0])}"
        problems.add("no-label", where, "the participant is missing", "fill it in", table.rows[unnamed])
    index = _matched(labels, cells, keys, notes)
    unused = [cells[n] for n in rows if n not in set(index.tolist())]
    if unused:
        verb = "is" if len(unused) == 1 else "are"
        notes.append(f"{table.name}: {quote_list(unused)} {verb} left out, without trials")
    return Joined(table, columns[0], index)


def opened(source: ParticipantsTable) -> Table:
    """The cells of a table with a row for each participant.

    Raises
    ------
    UsageError, DataError
        As for :func:`trialwise.data.reading.open_table.open_table`; for a dict of columns of different lengths.
    """
    return source if isinstance(source, Table) else open_table(_frame(source), _NAME)


def covariates_in(source: ParticipantsTable) -> list[str]:
    """The columns of a table without those that may be the participants'.

    Raises
    ------
    UsageError, DataError
        If it cannot be opened.
    """
    header = opened(source).header
    return [name for name in header if name and name not in recognise(header, ["participant"]).get("participant", [])]


def of_new_participants(source: ParticipantsTable) -> tuple[Table, tuple[Hashable, ...]]:
    """A table of participants who are yet to be simulated, and their labels: its own or, if no column has them, numbers from 0.

    Raises
    ------
    UsageError, DataError
        If it cannot be opened; with all problems of its labels.
    """
    table = opened(source)
    if not recognise(table.header, ["participant"]).get("participant"):
        numbers = coded(objects(range(len(table.rows))))
        table = replace(table, header=(*table.header, "participant"), columns=(*table.columns, numbers))
    problems = Problems()
    found = joined(table, (), "", problems, [])
    problems.raise_if_any()
    assert found is not None
    return table, tuple(table.column(found.participant, "recognised").values.tolist())


def _frame(source: str | PathLike[str] | pd.DataFrame | Mapping[str, Sequence[object]]) -> Source:
    """A dict of columns as a table; anything else as it is."""
    if not isinstance(source, Mapping):
        return source
    import pandas as pd

    try:
        return pd.DataFrame(dict(source))
    except ValueError as error:
        raise UsageError(Argument("participants", {"participant": ..., "age": ...}), f": {error}") from None


def _matched(labels: Sequence[Hashable], cells: np.ndarray, keys: Mapping[int, str], notes: list[str]) -> np.ndarray:
    """The row of each label, -1 for none."""
    row_of = {text: n for n, text in reversed(list(keys.items()))}
    index = np.array([row_of.get(key(label), -1) for label in labels], int)
    here = Counter(_bare(key(label)) for label in labels)
    there = Counter(map(_bare, keys.values()))
    by_bare = {_bare(text): n for n, text in keys.items()}
    loosely = []
    for n, label in enumerate(labels):
        bare = _bare(key(label))
        if index[n] < 0 and here[bare] == 1 and there[bare] == 1:
            index[n] = by_bare[bare]
            loosely.append(f"{quote(cells[index[n]])} in the table is {quote(label)} in the trials")
    if loosely:
        more = f", and {len(loosely) - 1} more" if len(loosely) > 1 else ""
        notes.append(f"participants are compared without 'sub-' and leading zeros: {loosely[0]}{more}")
    return index


def _bare(text: str) -> str:
    """A label without the prefix of the Brain Imaging Data Structure and leading zeros."""
    text = re.sub(r"^sub-", "", text.strip())
    return str(int(text)) if re.fullmatch(r"\d{1,15}", text) else text
