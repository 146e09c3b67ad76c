"""What is possible but implausible in a data set, as notes with what to type: nothing here changes a value."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

import numpy as np

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import quote, quote_list

RARE = 0.01
"""A label on fewer than this share of the rows is rare."""
LEAST = 20
"""Fewest occurrences of a common label, so that a rare one beside it may be a slip."""
FAR = 20.0
"""A number farther from the middle than this many times the range of all others is isolated."""
MOST_NOTES = 6


def about_labels(name: str, counts: Counter[Hashable], columns: Sequence[str] = ()) -> Iterator[str]:
    """Notes on inferred labels that may be slips: rare and one edit from a common one, far from the other codes, or the same in print.

    ``columns`` are those of the table in which the labels stand, for advice about them alone.
    """
    yield from _same_in_print(name, counts)
    total = counts.total()
    rare = [label for label, count in counts.items() if count < max(RARE * total, 2)]
    common = [label for label, count in counts.items() if count >= max(LEAST, 10 * RARE * total)]
    notes = 0
    for label in rare:
        near = [
            other for other in common if isinstance(label, str) and isinstance(other, str) and one_edit(label, other)
        ]
        if near and notes < MOST_NOTES:
            notes += 1
            yield (
                f"{name} {quote(label)} occurs {counted(counts[label], 'time')}, {quote(near[0])} {counts[near[0]]} times: a slip? If so, correct it "
                "in a copy of the file; otherwise it is a label of its own"
            )
    yield from _far_codes(name, counts, columns)


def _same_in_print(name: str, counts: Iterable[Hashable]) -> Iterator[str]:
    """Labels that look the same but differ in their characters: composed or not, of another alphabet's width, with invisible ones."""
    forms: dict[str, list[str]] = {}
    for label in counts:
        if isinstance(label, str):
            visible = label if label.isascii() else _visible(label)
            forms.setdefault(" ".join(visible.split()), []).append(label)
    for form, labels in forms.items():
        if len(labels) > 1:
            codes = " and ".join(ascii(each) for each in labels)
            yield f"{name} {quote(form)} is written in {len(labels)} ways that look the same: {codes}"


def _visible(label: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKC", label) if unicodedata.category(each) != "Cf")


def _missing_there(columns: Sequence[str], code: int | float) -> Argument:
    """What to type if a code says that a value is missing: in these columns only, since elsewhere it may be a value."""
    return Argument("missing", {column: [code] for column in columns} if columns else [code])


def _far_codes(name: str, counts: Counter[Hashable], columns: Sequence[str]) -> Iterator[str]:
    """Whole numbers far beyond the others, such as 99 beside 0 and 1."""
    codes = sorted(code for code in counts if isinstance(code, int))
    if len(codes) != len(counts) or len(codes) < 3 or name in ("participant", "block", "session"):
        return
    last, before, first = codes[-1], codes[-2], codes[0]
    for code, others in ((last, (first, before)), (first, (codes[1], last))):
        gap = min(abs(code - other) for other in others)
        if gap > max(5, 3 * (others[1] - others[0])) and counts[code] <= counts.total() / 20:
            yield Message(
                f"{name} {code} ({counted(counts[code], 'row')}) is far from the other codes, {others[0]} to {others[1]}: if it says that a value"
                " is missing, type ", _missing_there(columns, code),
            )  # fmt: skip


def one_edit(a: str, b: str) -> bool:
    """Whether one letter was added, left out, replaced or swapped; digits are no slips: s1 stands beside s2."""
    if abs(len(a) - len(b)) > 1 or a == b or max(len(a), len(b)) < 2:
        return False
    if len(a) == len(b):
        places = [n for n, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        if len(places) == 1:
            return not (a[places[0]].isdigit() and b[places[0]].isdigit())
        return (
            len(places) == 2
            and places[1] == places[0] + 1
            and a[places[0]] == b[places[1]]
            and a[places[1]] == b[places[0]]
        )
    short, long = sorted((a, b), key=len)
    removed = [n for n in range(len(long)) if long[:n] + long[n + 1 :] == short]
    return bool(removed) and not all(long[n].isdigit() for n in removed)


def about_numbers(name: str, values: np.ndarray, columns: Sequence[str] = ()) -> Iterator[str]:
    """Notes on a number that is isolated from all others, such as 9999 among 0 and 1; ``columns`` as for :func:`about_labels`."""
    finite = values[np.isfinite(values)]
    if len(finite) < LEAST:
        return
    distinct, count = np.unique(finite, return_counts=True)
    for end in (0, -1):
        if len(distinct) < 3:
            break
        others = np.delete(distinct, end)
        value, spread = distinct[end], others[-1] - others[0]
        if count[end] <= len(finite) / 20 and min(abs(value - others)) > FAR * max(spread, 1e-12):
            yield Message(
                f"{name} {value:g} ({counted(int(count[end]), 'row')}) is far from all others, {others[0]:g} to {others[-1]:g}: if it says that a"
                " value is missing, type ", _missing_there(columns, int(value) if value.is_integer() else float(value)),
            )  # fmt: skip


def about_participants(
    labels: Sequence[Hashable], owner: np.ndarray, row_of: Callable[[np.ndarray], list[tuple]]
) -> Iterator[str]:
    """Notes on participants whose labels may be slips, and whose rows come in several or identical stretches.

    Parameters
    ----------
    labels
        Of all participants.
    owner
        The index of the participant of each row, in the order of the file.
    row_of
        The contents of rows, for comparing stretches.
    """
    owner = owner[owner < len(labels)]  # rows without a participant are a problem of their own
    if not len(owner):
        return
    yield from _same_in_print("participant", dict.fromkeys(labels))
    sizes = np.bincount(owner, minlength=len(labels))
    typical = float(np.median(sizes))
    for n in np.flatnonzero(sizes < typical / 4).tolist():
        label = labels[n]
        near = [
            other
            for k, other in enumerate(labels)
            if sizes[k] >= typical and isinstance(other, str) and one_edit(str(label), other)
        ]
        if near:
            yield (
                f"participant {quote(label)} has {counted(int(sizes[n]), 'row')}, {quote(near[0])} has {sizes[labels.index(near[0])]}: a slip? If so, "
                "correct it in a copy of the file; otherwise it is a participant of its own"
            )
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    stops = [*starts[1:], len(owner)]
    stretches: dict[int, list[tuple[int, int]]] = {}
    for start, stop in zip(starts, stops, strict=True):
        stretches.setdefault(int(owner[start]), []).append((int(start), int(stop)))
    repeated = {n: spans for n, spans in stretches.items() if len(spans) > 1}
    twice = [
        labels[n]
        for n, spans in repeated.items()
        if min(b - a for a, b in spans) > 2 and len({tuple(row_of(np.arange(*span))) for span in spans}) < len(spans)
    ]
    if twice:
        yield f"participants {quote_list(twice)} have the same rows twice: was the file appended to itself? Remove the copies"
    elif 0 < len(repeated) < len(labels) / 2:
        yield f"the rows of participants {quote_list([labels[n] for n in repeated])} come in several stretches: two people with the same label?"
