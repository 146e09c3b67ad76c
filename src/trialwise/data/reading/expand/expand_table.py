"""A table with a row a trial, whatever it was in the file: its expansion, before the roles of columns are found."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from trialwise.base.message import Message
from trialwise.data.expansion.declared import STAGE, Expansion, Repeats, Stages
from trialwise.data.reading.cells import MissingCodes, quote, quote_list
from trialwise.data.reading.column_names import closest
from trialwise.data.reading.expand.expanded import Expanded
from trialwise.data.reading.expand.repeated import repeated
from trialwise.data.reading.expand.staged import staged
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems


def expand_table(
    table: Table,
    expansion: Expansion,
    missing: MissingCodes,
    declared: Mapping[str, Sequence[Hashable]],
    where: str | None,
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
    where
        The condition by which rows were left out before.
    problems
        Where problems are noted.

    Raises
    ------
    DataError
        If a column is missing, or the rows cannot be expanded: with all problems found until then.
    """
    _check_columns(table, expansion, problems)
    problems.raise_if_any()
    if isinstance(expansion, Repeats):
        return repeated(table, expansion, missing, problems)
    assert isinstance(expansion, Stages)
    return staged(table, expansion, missing, declared, where, problems)


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
