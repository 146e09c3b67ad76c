"""Labels that a table declares itself: by the categories of pandas, or by its sidecar."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import Cells, MissingCodes, distinct_cells, key, missing_mask, quote, quote_list
from trialwise.data.reading.description import Description
from trialwise.data.reading.roles import Roles
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import categories

_NO_RESPONSE = re.compile(
    r"\b(no|without)( an?)? ?(valid )?(key ?)?(response|answer|choice|press|button)|\bmiss(ed|ing)?\b|\btime[ -]?out|\bomi(ssion|tted)|"
    r"\btoo (slow|late)\b|\b(did|has) ?n[o']t (respond|answer|choose|press)|\bnon-?response"
)
"""What a sidecar says of a code that stands for a missed choice."""


def declare_own_levels(
    roles: Roles, table: Table, missing: MissingCodes, declared: dict[str, tuple[Hashable, ...]]
) -> dict[str, str]:
    """Declare the labels of a table's own columns, in their order, where the user declared none.

    Returns
    -------
    dict
        The sidecar that declares them, by set of labels.
    """
    declared_in = {}
    for labels_of, cells in roles.label_sets():
        if cells.name in table.levels and labels_of not in declared:
            own = categories(cells, table.levels[cells.name], missing, choices=labels_of == "action")
            if own is not None:
                declared[labels_of] = own
                if cells.name in table.described:
                    declared_in[labels_of] = table.described[cells.name].file
    return declared_in


def about_described(roles: Roles, table: Table, missing: MissingCodes) -> Iterator[Message]:
    """Notes on codes of no choice, and on numbers that a sidecar does not list."""
    described = {name: each for name, each in table.described.items() if each.levels}
    choice = roles.choice
    if choice is not None and choice.name in described:
        yield from _codes_of_no_choice(choice, described[choice.name], missing)
    numbers = [cells for column in roles.pre_choice.values() if column.levels is None for cells in column.cells]
    for cells in [*roles.outcome.values(), *roles.response.values(), *numbers]:
        if cells.name in described:
            own, present = described[cells.name], ~missing_mask(cells, missing)
            known = {key(label) for label in own.levels}
            other = [cell for cell in distinct_cells(cells, present) if cell is not None and key(cell) not in known]
            if other:
                yield Message(
                    f"{cells.where}: {quote_list(other, 4)} {'is' if len(other) == 1 else 'are'} not among the levels in {own.file}: a code that "
                    "says that a value is missing? Then type ", Argument("missing", dict.fromkeys(cells.in_file, other[:4])),
                )  # fmt: skip


def _codes_of_no_choice(cells: Cells, own: Description, missing: MissingCodes) -> Iterator[Message]:
    counts = {key(cell): count for cell, count in cells.column.tally(~missing_mask(cells, missing)) if cell is not None}
    for label, meaning in own.levels.items():
        if counts.get(key(label)) and _NO_RESPONSE.search(meaning.casefold()):
            yield Message(
                f"{cells.where}: {label} ({counted(counts[key(label)], 'row')}) means {quote(meaning)} by {own.file}, and was taken as a choice; "
                "if there was none, type ", Argument("missing", {name: [label] for name in cells.in_file}),
            )  # fmt: skip
