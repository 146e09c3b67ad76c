"""The field's column names and the roles they stand for: a table, and the rule that reads it.

The rule: names are compared without capitals, blanks and punctuation, with or without a plural s. For each role the
first line of :data:`NAMES` on which any column is found decides; two columns found on one line are for the user to tell
apart. A name given by the user always goes before, and a column he named for one role is not guessed for another.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence

NAMES: dict[str, tuple[str, ...]] = {
    "participant": (
        "participant participantid subject subjects subjectid subjid subj subjidx sub subid ppt ppn pid userid agent",
        "id animal animalid mouse rat person workerid prolificid",
    ),
    "session": ("session sessionid sessionnumber sess ses visit",),
    "block": ("block blockid blocknum blockno blocknumber blockindex blocklabel subjectblock", "run"),
    "trial": (
        "trial trialnum trialno trialnumber trialindex trialid",
        "trialblock trialinblock trialsthisn iter iteration",
    ),
    "context": ("context contextid season seasonid",),
    "cue": ("cue cueid stimulus stimulusid stim stimid alien alienid sadalien state", "cond condition type splitby"),
    "choice": (
        "choice choiceid action actionid chosen itemchosen actionchosen selected decision",
        "response resp keypressed key keyrespkeys",
        "y",
    ),
    "outcome": ("outcome reward rew points payoff payout gain", "feedback", "u"),
    "response": ("rating expectation prediction scr skinconductance",),
}
"""For each role, lines of names; an earlier line goes before a later one."""

COMPANY = {"gain": "loss", "y": "u", "u": "y"}
"""Names that count only in the company of another: ``gain`` alone may be an offer, ``y`` alone a position."""

MAY_BE_RATING = frozenset({"response", "resp"})
"""Names that stand for a choice, unless the column holds fractions: then for a response such as a rating."""

AFTER_CHOICE = frozenset(
    {"rt", "reactiontime", "responsetime", "latency"}
    | {"correct", "iscorrect", "accuracy", "acc", "hit"}
    | {"outcome", "reward", "feedback"}
)
"""What is known only after the choice, and so is never shown to a learner before it."""


def plain(name: str) -> str:
    """A name without capitals, blanks and punctuation: ``"key_resp.keys"`` is ``"keyrespkeys"``."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def recognise(header: Sequence[str], roles: Iterable[str], taken: Collection[str] = ()) -> dict[str, list[str]]:
    """Which columns may play which role.

    Parameters
    ----------
    header
        Names of the columns.
    roles
        The roles to look for, among the keys of :data:`NAMES`.
    taken
        Columns that have a role already.

    Returns
    -------
    dict
        For each role found the columns on its first fitting line, in the order of the file; more than one is ambiguous.
        The pair ``gain`` and ``loss`` is returned as ``["gain", "loss"]`` under ``"outcome"``: see :func:`is_pair`.
    """
    free = [name for name in header if name and name not in taken]
    present = {plain(name) for name in free}
    found = {}
    for role in roles:
        for line in NAMES[role]:
            names = set(line.split())
            columns = [name for name in free if _stands_for(name, names, present)]
            if columns:
                found[role] = list(dict.fromkeys(columns))
                break
    if "outcome" in found and [plain(name) for name in found["outcome"]] == ["gain"]:
        found["outcome"] += [name for name in free if plain(name) == "loss"]
    return found


def is_pair(columns: Sequence[str]) -> bool:
    """Whether the columns found for the outcome are the pair ``gain`` and ``loss`` rather than two candidates."""
    return [plain(name) for name in columns] == ["gain", "loss"]


def role_of_file(stem: str) -> str | None:
    """The role of a table with participants in columns, from its name: ``seasons.csv`` is the context."""
    for role in ("context", "cue", "choice", "outcome", "block"):
        if any(_stands_for(stem, set(line.split()), set()) for line in NAMES[role]):
            return role
    return None


def closest(name: str, header: Iterable[str]) -> list[str]:
    """The names most like a misspelt one, best first."""
    by_plain = {plain(candidate): candidate for candidate in header if candidate}
    return [by_plain[match] for match in difflib.get_close_matches(plain(name), list(by_plain), n=3, cutoff=0.5)]


def _stands_for(name: str, names: Collection[str], present: Collection[str]) -> bool:
    for form in (plain(name), plain(name).removesuffix("s")):
        if form in names and (form not in COMPANY or COMPANY[form] in present):
            return True
    return False
