"""Repeated choices: a row of the file, with a count, becomes a row for each choice to go on and one for that to stop."""

from __future__ import annotations

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.data.expansion.declared import Repeats
from trialwise.data.reading.cells import MissingCodes, missing_mask, quote_list, to_flags, to_numbers
from trialwise.data.reading.coded import Coded, Distinct, objects
from trialwise.data.reading.expand.expanded import Expanded, with_columns
from trialwise.data.reading.table import Table
from trialwise.data.reading.validate import Problems


def repeated(table: Table, expansion: Repeats, missing: MissingCodes, problems: Problems) -> Expanded:
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
    whole = with_columns(table, unit, expansion.columns, made, sources)
    return Expanded(
        whole, table, expansion, ("choice", "outcome"), (), (expansion.step,), {"action": expansion.actions}, [note]
    )
