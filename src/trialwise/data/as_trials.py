"""What verbs accept as data: trials, or what they can be read from with everything recognised, a path or a DataFrame."""

from __future__ import annotations

import warnings
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from trialwise.base.expects import TABLE, Kind
from trialwise.data.read import read_long, read_wide
from trialwise.data.reading.several import is_wide
from trialwise.data.trials import TRIALS, Trials

if TYPE_CHECKING:
    from trialwise.data.expansion.given import Expand
    from trialwise.data.reading.several import Sources

type Data = Trials | Sources
"""Trials; or a path, a DataFrame, a list of them, a folder, or a pattern such as ``"data/*.csv"``, read with all roles recognised."""

PACKAGE = Path(__file__).parent.parent

ROLES = (
    "participant",
    "session",
    "block",
    "trial",
    "context",
    "cue",
    "choice",
    "response",
    "rt",
    "outcome",
    "responded",
    "scored",
    "file",
)
"""Roles in the order of the note on what was recognised."""


def as_trials(data: Data, *, warn: bool = False) -> Trials:
    """Trials as they are, or read from a table with one row per trial (or a folder of wide tables), with all roles recognised.

    Parameters
    ----------
    data
        Trials; or what :func:`~trialwise.data.read.read_long` or :func:`~trialwise.data.read.read_wide` reads.
    warn
        Whether to warn of what was recognised and assumed: for verbs whose results have no findings that say it.

    Returns
    -------
    Trials
        If they were read, their ``notes`` begin with the columns that were recognised.

    Raises
    ------
    DataError, UsageError
        As the readers.
    """
    if isinstance(data, Trials):
        return data
    trials = read_data(data)
    trials = replace(trials, notes=(_recognised(trials), *trials.notes))
    if warn:
        warnings.warn("\n".join(trials.notes), skip_file_prefixes=(str(PACKAGE),))  # at the line that called the verb
    return trials


def read_data(data: Sources, *, expand: Expand | None = None) -> Trials:
    """Read trials with all roles recognised: one or several tables with a row a trial, or a folder of wide tables.

    ``expand`` says how a row of the table becomes several trials.

    Raises
    ------
    DataError, UsageError
        As the readers.
    """
    if expand is None and isinstance(data, str | PathLike) and _is_folder(data) and is_wide(Path(fspath(data))):
        return read_wide(data)
    return read_long(data, expand=expand)


def _is_folder(path: str | PathLike[str]) -> bool:
    try:
        return Path(fspath(path)).is_dir()
    except (OSError, ValueError):
        return False


def _recognised(trials: Trials) -> str:
    """A sentence on the columns that were recognised."""
    known = {
        role: source if role == "file" else source.split(", ")[0].removesuffix(" (recognised)")
        for role, source in trials.mapping.items()
    }
    roles = [*(role for role in ROLES if role in known), *(role for role in known if role not in (*ROLES, "not used"))]
    read = "; ".join(f"{role}: {known[role]}" for role in roles)
    unused = f". Not used: {trials.mapping['not used']}" if trials.mapping.get("not used") else ""
    return f"the data were read with all columns recognised by their names: {read}{unused}"


def _is_data(value: object) -> bool:
    if isinstance(value, list | tuple):
        return len(value) > 0 and all(_is_source(each) for each in value)
    return isinstance(value, Trials) or _is_source(value)


def _is_source(value: object) -> bool:
    return TABLE.holds(value) or hasattr(value, "to_pandas") or (isinstance(value, str | PathLike) and value != "")


DATA = Kind("trials, a path, or a table (DataFrame)", _is_data, TRIALS.remedy)
"""What functions expect that take trials."""
