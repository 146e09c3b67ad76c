"""Sidecars: JSON files that describe the columns of a table, as the Brain Imaging Data Structure (BIDS) has them.

The table ``sub-01/beh/sub-01_task-bandit_beh.tsv`` is described by every ``.json`` in its folder or above, up to the root of the data set, whose
name has the same last part and no other parts than the table's: ``task-bandit_beh.json``. What is nearer to the table counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from trialwise.base.errors import DataError, Problem
from trialwise.data.reading.cells import key, quote, quote_list
from trialwise.data.reading.description import Description
from trialwise.data.reading.table import Table

LARGEST = 10_000_000
"""A file of more bytes does not describe columns."""
_TABLE = re.compile(r"(?P<parts>(?:[^/]*_)?)(?P<suffix>events|beh)\.tsv(\.gz)?")
_INSIDE = re.compile(r"(sub|ses)-.*|beh|func|eeg|ieeg|meg|nirs|pet|motion|mrs|anat|dwi|perf|micr")
"""Names of folders inside a data set; the folder above the last of them is its root."""


def with_sidecars(table: Table, path: Path) -> Table:
    """The table with what its sidecars say of its columns; the same table if it has none.

    Raises
    ------
    DataError
        If a sidecar cannot be read, or does not say what it should.
    """
    entries: dict[str, tuple[str, object]] = {}
    problems: list[Problem] = []
    for sidecar in _sidecars(path, problems):
        try:
            entries |= {str(name).strip(): (sidecar.name, entry) for name, entry in _contents(sidecar).items()}
        except (OSError, ValueError, RecursionError) as error:
            problems.append(_unreadable(sidecar, error))
    described, notes = {}, [table.note] if table.note else []
    for name in dict.fromkeys(table.header):
        file, entry = entries.get(name, ("", None))
        if isinstance(entry, dict):
            described[name] = Description(
                file, _levels(entry, name, file, problems), _text(entry, "Units"), _text(entry, "Description")
            )
        elif file:
            notes.append(f"{file}: what it says of {quote(name)} is no description, {quote(entry)}, and was not read")
    if problems:
        raise DataError(problems)
    levels = {name: tuple(each.levels) for name, each in described.items() if each.levels}
    return replace(table, described=described, levels={**table.levels, **levels}, note="; ".join(notes))


def is_bids(name: str) -> bool:
    """Whether a file's name is that of a table of trials in BIDS."""
    return _TABLE.fullmatch(name) is not None


def _sidecars(path: Path, problems: list[Problem]) -> Iterator[Path]:
    """Those of a table, farthest first."""
    match = _TABLE.fullmatch(path.name)
    if match is None:
        return
    own, suffix = set(match["parts"].split("_")), match["suffix"]
    folders = [path.absolute().parent]
    while _INSIDE.fullmatch(folders[-1].name) and folders[-1].parent != folders[-1]:
        folders.append(folders[-1].parent)
    for folder in reversed(folders):
        found: dict[int, list[Path]] = {}
        for each in sorted({*folder.glob(f"*_{suffix}.json"), *folder.glob(f"{suffix}.json")}):
            parts = each.name.split("_")[:-1]
            if own.issuperset(parts):
                found.setdefault(len(parts), []).append(each)
        for number in sorted(found):
            if len(found[number]) > 1:
                message = f"describe {path.name} both, and neither is nearer to it"
                names = " and ".join(each.name for each in found[number])
                problems.append(Problem("two-sidecars", names, message, "join them in one file"))
            yield from found[number]


def _contents(path: Path) -> dict[str, object]:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it has more than {LARGEST / 1e6:g} MB")
    contents = json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_without_repetition)
    if not isinstance(contents, dict):
        raise ValueError("an object with a key for each column was expected, {...}")
    return contents


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    names = [name for name, _ in pairs]
    repeated = list(dict.fromkeys(name for name in names if names.count(name) > 1))
    if repeated:
        raise ValueError(f"{quote_list(repeated, 3)} stands there twice")
    return dict(pairs)


def _unreadable(path: Path, error: Exception) -> Problem:
    if path.is_symlink() and not path.exists():
        return Problem("no-file", path.name, "is a link to a file that is not here", "download it (datalad get)")
    what = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else str(error)
    remedy = "correct it; without it, under another name, the table is read as if nothing were known of its columns"
    return Problem(
        "damaged-file", path.name, f"cannot be read as the description of columns: {quote(what, 200)}", remedy
    )


def _levels(entry: Mapping[str, object], name: str, file: str, problems: list[Problem]) -> dict[str, str]:
    """The labels of a column with their meanings."""
    given = entry.get("Levels") or {}
    if isinstance(given, list):
        given = dict.fromkeys(map(_label, given), "")
    if not isinstance(given, dict) or any(label is None for label in given):
        message = f"the Levels of {quote(name)} must be an object, a meaning for each label: found {quote(given)}"
        problems.append(
            Problem("no-levels", file, message, 'write "Levels": {"left": "left box", "right": "right box"}')
        )
        return {}
    labels = {key(label): label for label in given}
    if len(labels) < len(given):
        repeated = [label for label in given if labels[key(label)] != label]
        message = f"the Levels of {quote(name)} have {quote_list(repeated, 3)} twice"
        problems.append(Problem("repeated-label", file, message, "give each label once"))
    return {
        label.strip(): meaning if isinstance(meaning, str) else _text(meaning, "Description")
        for label, meaning in given.items()
    }


def _label(label: object) -> str | None:
    return str(label) if isinstance(label, str | int | float) else None


def _text(entry: object, name: str) -> str:
    text = entry.get(name) if isinstance(entry, dict) else None
    return " ".join(text.split()) if isinstance(text, str) else ""
