"""Column names in common use and their roles: a table, and the rule by which columns are recognised.

Names are compared regardless of case, blanks and punctuation, with or without a plural s. The role of a column is decided by
the first line of :data:`NAMES` that matches any column; if several columns match the same line, the user has to choose. A name
given by the user takes precedence, and a column given for one role is not recognised for another.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence

from trialwise.data.public import DATASETS

_COMMON: dict[str, tuple[str, ...]] = {
    "participant": (
        "participant participantid subject subjects subjectid subjid subj subjidx sub subid ppt ppn pid userid agent",
        "subjectnr subjectnumber subjectno participantnr participantnumber participantprivateid participantcode",
        "id animal animalid mouse rat person workerid prolificid",
    ),
    "session": ("session sessionid sessionnumber sess ses visit",),
    "block": ("block blockid blocknum blockno blocknumber blockindex blocklabel subjectblock", "run"),
    "trial": (
        "trial trialnum trialno trialnumber trialindex trialid",
        "trialblock trialinblock trialsthisn iter iteration",
    ),
    "context": ("context contextid",),
    "cue": ("cue cueid stimulus stimulusid stim stimid state", "cond condition type splitby"),
    "choice": (
        "choice choiceid action actionid chosen itemchosen actionchosen selected decision",
        "response resp keypressed key keyrespkeys responsekb responsekeyboard stimresp",
        "accept accepted gamble",
        "y",
    ),
    "outcome": ("outcome reward rew points payoff payout gain", "feedback", "u"),
    "response": ("rating expectation prediction scr skinconductance",),
    "responded": ("responded",),
    "scored": ("scored",),
    "rt": ("rt reactiontime responsetime latency", "keyresprt stimrt responsert responsetimekb responsetimekeyboard"),
}


def _with_public_data() -> dict[str, tuple[str, ...]]:
    """Names in common use, and in the first line of a role those of public data sets."""
    names = dict(_COMMON)
    for dataset in DATASETS.values():
        for role, own in dataset.names.items():
            first, *others = names[role]
            names[role] = (f"{first} {own}", *others)
    return names


NAMES = _with_public_data()
"""For each role, lines of names in order of precedence."""

COMPANY = {"gain": "loss", "y": "u", "u": "y"}
"""Names that are recognised only beside another: ``gain`` alone may be an offer, ``y`` alone a position."""

COUNTS = "pumps pump npumps numpumps pumpcount numberofpumps totalpumps"
ENDS = "explosion exploded explode burst bursts popped pop"
"""Columns of a count of equal choices, and of whether the last of them ended the series, in rows that are several trials."""

MAY_BE_RATING = frozenset({"response", "resp"})
"""Names of a choice, or of a response such as a rating if the column contains fractions."""

AFTER_CHOICE = frozenset(
    {"rt", "reactiontime", "responsetime", "latency"}
    | {"correct", "iscorrect", "accuracy", "acc", "hit"}
    | {"outcome", "reward", "feedback"}
)
"""Names of columns known only after the choice, which must not be shown to a learner before it."""


def plain(name: str) -> str:
    """Reduce a name to its letters and digits in lower case: ``"key_resp.keys"`` becomes ``"keyrespkeys"``."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def recognise(header: Sequence[str], roles: Iterable[str], used: Collection[str] = ()) -> dict[str, list[str]]:
    """Recognise columns by their names.

    Parameters
    ----------
    header
        Names of the columns.
    roles
        The roles to look for, among the keys of :data:`NAMES`.
    used
        Columns that have a role already.

    Returns
    -------
    dict
        For each role that is recognised, the columns that match its first matching line, in the order of the file; more than
        one is ambiguous. The pair ``gain`` and ``loss`` is returned as ``["gain", "loss"]`` under ``"outcome"``: see
        :func:`is_pair`.
    """
    free = [name for name in header if name and name not in used]
    present = {plain(name) for name in free}
    matches = {}
    for role in roles:
        for line in NAMES[role]:
            names = set(line.split())
            columns = [name for name in free if _matches(name, names, present)]
            if columns:
                matches[role] = list(dict.fromkeys(columns))
                break
    if "outcome" in matches and [plain(name) for name in matches["outcome"]] == ["gain"]:
        matches["outcome"] += [name for name in free if plain(name) == "loss"]
    return matches


def is_pair(columns: Sequence[str]) -> bool:
    """Whether the columns recognised as outcome are the pair ``gain`` and ``loss`` rather than two candidates."""
    return [plain(name) for name in columns] == ["gain", "loss"]


def role_of_file(stem: str) -> str | None:
    """Recognise the role of a table with participants in columns by its name: ``contexts.csv`` contains the context."""
    for role in ("context", "cue", "choice", "outcome", "session", "block"):
        if any(_matches(stem, set(line.split()), set()) for line in NAMES[role]):
            return role
    return None


def closest(name: str, header: Iterable[str], role: str | None = None) -> list[str]:
    """The names most similar to a misspelt one, best first; if it was given for a role, those of this role before all others."""
    by_plain = {plain(candidate): candidate for candidate in header if candidate}
    near = [by_plain[match] for match in difflib.get_close_matches(plain(name), list(by_plain), n=3, cutoff=0.5)]
    return near if role is None else sorted(near, key=lambda candidate: _foreign(candidate, role))


def _foreign(name: str, role: str) -> int:
    """0 for a name of this role, 1 for one of no role, 2 for one of another."""
    roles = recognise([name], NAMES)
    return 0 if role in roles else 2 if roles else 1


def _matches(name: str, names: Collection[str], present: Collection[str]) -> bool:
    for form in (plain(name), plain(name).removesuffix("s")):
        if form in names and (form not in COMPANY or COMPANY[form] in present):
            return True
    return False
