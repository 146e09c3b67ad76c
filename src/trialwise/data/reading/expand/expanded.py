"""An expanded table: what was made of the file, and what it means for the arguments and the result of a reader."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message
from trialwise.data.expansion.declared import Expansion, Stages
from trialwise.data.reading.assemble import OrderedCells
from trialwise.data.reading.cells import MissingCodes, quote_list
from trialwise.data.reading.coded import Coded
from trialwise.data.reading.column_names import recognise
from trialwise.data.reading.roles import Roles, as_list
from trialwise.data.reading.table import Table

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
            else {each: each for each in as_list(asked["labels"])}
        )
        result["labels"] = {**more, **{name: name for name in self.labels}}
        result["numbers"] = list(dict.fromkeys([*as_list(asked["numbers"]), *self.numbers]))
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


def with_columns(
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
