"""Expansions as they are declared: the stages of a trial, or a number of repeated choices; nothing here reads a table."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message

EXAMPLE = "first: choice=choice1; second: choice=choice2, outcome=reward"
REPEATS = "repeats"
"""How the text form of :func:`repeats` begins."""
MOST_REPEATS = 10_000
STAGE = "stage"
"""The column of the names of stages."""
OF_A_ROW = ("participant", "session", "block", "trial", "file", "row", "number", "reset", STAGE)
"""What no stage can say by itself: it belongs to the whole row of the file."""
SEVERAL_LABELS = ("groups", "actions")
"""What a stage says of the labels of its choices, beside roles."""

_PLAIN = re.compile(r"[^\s:;,=|'\"`]+")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""A number in the text form."""


type Plain = dict[str, Any]
"""An expansion in lists, texts and numbers."""


class Expansion(ABC):
    """How one row of a file becomes several trials: made by :func:`stages` or :func:`repeats`, or read from their text form.

    Examples
    --------
    >>> str(tw.stages(first={"choice": "choice1", "outcome": 0}, second={"choice": "choice2", "outcome": "reward"}))
    'first: choice=choice1, outcome=0; second: choice=choice2, outcome=reward'
    """

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns of the file that are read."""

    @property
    def several(self) -> bool:
        """Whether a row of the file can be more than one trial."""
        return True

    @abstractmethod
    def __str__(self) -> str:
        """The text form, which readers accept."""

    @abstractmethod
    def plain(self) -> Plain:
        """The expansion in lists, texts and numbers, for storage."""


@dataclass(frozen=True)
class Stage:
    """One stage of a trial.

    Attributes
    ----------
    name
        A label of the column ``stage``.
    sources
        Pairs of a role and its column in the file (text), or its value in every row (a number).
    groups
        Labels of the choice column in groups: each group has the labels of all actions at one cue, in the order of ``actions``.
    cues
        The cue of each group; None if the column of cues says it, or cues are numbered from 1.
    actions
        The label that takes the place of each label of a group.
    """

    name: str
    sources: tuple[tuple[str, str | float], ...]
    groups: tuple[tuple[Hashable, ...], ...] = ()
    cues: tuple[Hashable, ...] | None = None
    actions: tuple[Hashable, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        """The column of the file of each role."""
        return {role: source for role, source in self.sources if isinstance(source, str)}

    @property
    def constants(self) -> dict[str, float]:
        """The value of each role that is the same in every row."""
        return {role: source for role, source in self.sources if not isinstance(source, str)}

    @property
    def roles(self) -> tuple[str, ...]:
        """All columns that the stage makes, apart from its name: those named, and the cue if groups of choices say it."""
        named = [role for role, _ in self.sources]
        return tuple(dict.fromkeys([*named, *(["cue"] if len(self.groups) > 1 else [])]))

    def __str__(self) -> str:
        parts = [f"{role}={_written(source)}" for role, source in self.sources]
        if self.groups:
            cues = [f"{_label(cue)}: " for cue in self.cues] if self.cues else [""] * len(self.groups)
            texts = (f"{cue}{' '.join(map(_label, group))}" for cue, group in zip(cues, self.groups, strict=True))
            parts.append(f"groups={' | '.join(texts)}")
        if self.actions and self.actions != self.groups[0]:
            parts.append(f"actions={' '.join(map(_label, self.actions))}")
        return f"{_name(self.name)}: {', '.join(parts)}"


@dataclass(frozen=True)
class Stages(Expansion):
    """A fixed number of stages, in their order; see :func:`stages`."""

    stages: tuple[Stage, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file that are read."""
        return tuple(dict.fromkeys(column for stage in self.stages for column in stage.columns.values()))

    @property
    def several(self) -> bool:
        """Whether there is more than one stage."""
        return len(self.stages) > 1

    @property
    def roles(self) -> tuple[str, ...]:
        """The columns that are made, apart from that of the stages' names."""
        return tuple(dict.fromkeys(role for stage in self.stages for role in stage.roles))

    def __str__(self) -> str:
        return "; ".join(map(str, self.stages))

    def plain(self) -> Plain:
        """The expansion in lists, texts and numbers, for storage."""
        return {
            STAGE: [
                {
                    "name": stage.name,
                    "sources": [list(pair) for pair in stage.sources],
                    "groups": [list(group) for group in stage.groups],
                    "cues": None if stage.cues is None else list(stage.cues),
                    "actions": list(stage.actions),
                }
                for stage in self.stages
            ]
        }


@dataclass(frozen=True)
class Repeats(Expansion):
    """A choice that was repeated, with the number of repetitions in the file; see :func:`repeats`."""

    count: str
    ended: str
    step: str = "step"
    actions: tuple[Hashable, Hashable] = ("stop", "go")
    most: int = MOST_REPEATS

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file that are read."""
        return self.count, self.ended

    def __str__(self) -> str:
        text = f"{REPEATS}: count={_name(self.count)}, ended={_name(self.ended)}"
        text += "" if self.step == "step" else f", step={_name(self.step)}"
        text += "" if self.actions == ("stop", "go") else f", actions={' '.join(map(_label, self.actions))}"
        return text + ("" if self.most == MOST_REPEATS else f", most={self.most}")

    def plain(self) -> Plain:
        """The expansion in lists, texts and numbers, for storage."""
        return {
            "count": self.count,
            "ended": self.ended,
            "step": self.step,
            "actions": list(self.actions),
            "most": self.most,
        }


def from_plain(value: Plain | None) -> Expansion | None:
    """The expansion that :meth:`Expansion.plain` wrote."""
    if value is None:
        return None
    if STAGE not in value:
        return Repeats(**{**value, "actions": tuple(value["actions"])})
    return Stages(
        tuple(
            Stage(
                each["name"],
                tuple((role, source) for role, source in each["sources"]),
                tuple(map(tuple, each["groups"])),
                None if each["cues"] is None else tuple(each["cues"]),
                tuple(each["actions"]),
            )
            for each in value[STAGE]
        )
    )


def stages(declared: Mapping[str, Mapping[str, object]] | None = None, /, **named: Mapping[str, object]) -> Stages:
    r"""Declare the stages of trials that a file has in one row each: a row of the file becomes a row for each stage.

    The rows of stage :math:`s` come in the order of the arguments, have its name in the column ``stage``, and repeat all columns of the
    file that no stage names. A stage that is empty in the file, with all stages after it, is left out: the trial had ended. The first stage always
    stays, as a missed choice if it is empty.

    Parameters
    ----------
    declared, named
        The roles of each stage, by its name: ``choice``, ``outcome``, ``cue``, ``context``, ``rt``, ``response``, ``responded``, ``scored``, or any other
        name of a column for ``labels=``, ``numbers=`` or ``available=`` of the reader. A text is the name of a column of the file, a number
        the value in every row; a number as the outcome stands where a choice was made. A stage without a ``cue`` or ``context``
        that others have gets its own name there, and no value of any other role. Columns of the file that would be recognised as one of
        these roles are not read if no stage names them, which a note says.

        ``groups`` are labels of the choice column, if they are coded over several cues: with ``[[1, 2], [3, 4]]``, labels 1 and 3 are the first
        action, 2 and 4 the second. Each group belongs to one cue: to that with which its labels occur in the column ``cue``, which must
        then hold for every row; or, without such a column, the cues are 1, 2, ...; ``{"A": [1, 2], "B": [3, 4]}`` names
        them. The actions have the labels of the first group, unless ``actions`` gives others.

    Returns
    -------
    Stages
        For ``expand=`` of :func:`trialwise.read_long`.

    Raises
    ------
    UsageError
        If a stage has no column of the file, or says what belongs to a whole row.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"id": ["a", "a"], "choice1": [1, 2], "choice2": [4, 1], "reward": [1, 0]})
    >>> two = tw.stages(
    ...     first={"choice": "choice1", "cue": 0, "outcome": 0},
    ...     second={"choice": "choice2", "groups": [[1, 2], [3, 4]], "outcome": "reward"},
    ... )
    >>> tw.read_long(table, expand=two).to_frame()[["row", "cue", "stage", "choice", "outcome"]]
       row  cue   stage  choice  outcome
    0    2    0   first       1      0.0
    1    2    2  second       2      1.0
    2    3    0   first       2      0.0
    3    3    1  second       1      0.0
    """
    if declared is not None and not isinstance(declared, Mapping):
        raise _wrong(f"{declared!r} is no mapping of stages; give a text to the reader")
    given = {**(declared or {}), **named}
    if not given:
        raise _wrong("there is no stage")
    return Stages(tuple(_stage(str(name), roles) for name, roles in given.items()))


def repeats(
    count: str,
    ended: str,
    *,
    step: str = "step",
    actions: Sequence[Hashable] = ("stop", "go"),
    most: int = MOST_REPEATS,
) -> Repeats:
    r"""Declare that a row of the file is a series of equal choices, to go on or to stop: how often one went on, and whether that ended it.

    A row with the count :math:`n` becomes the rows :math:`l = 1, \ldots, n` of choices to go on, and, unless it was ended from outside
    (the balloon burst, the losing card came), a row :math:`l = n + 1` of the choice to stop. The number column ``step`` is :math:`l`, from 1. The outcome
    is 1 where the series was ended, and 0 on all other rows, that of stopping included.

    Parameters
    ----------
    count
        Column of the number of choices to go on, the one that ended the series included.
    ended
        Column of flags: 1 if the last of these choices ended the series, 0 if one stopped.
    step
        Name of the number column of a learner, ``trial.step``.
    actions
        Labels of the choices to stop and to go on.
    most
        The largest number that a count can be: larger ones are a problem.

    Returns
    -------
    Repeats
        For ``expand=`` of :func:`trialwise.read_long`.

    Raises
    ------
    UsageError
        If two of the columns have the same name, or there are not two actions.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"id": ["a", "a"], "pumps": [2, 1], "explosion": [0, 1]})
    >>> series = tw.repeats(count="pumps", ended="explosion", step="pump")
    >>> tw.read_long(table, expand=series).to_frame()[["row", "pump", "choice", "outcome"]]
       row  pump choice  outcome
    0    2   1.0     go      0.0
    1    2   2.0     go      0.0
    2    2   3.0   stop      0.0
    3    3   1.0     go      1.0
    """
    if not all(isinstance(each, str) and each for each in (count, ended, step)) or len({count, ended}) < 2:
        raise _wrong(f"repeats of count {count!r} and ended {ended!r}: give the names of two columns")
    if step in (*OF_A_ROW, "choice", "outcome"):
        raise _wrong(f"the column {step!r} of results cannot be that of steps; give another name")
    if isinstance(actions, str) or len({str(each) for each in actions}) != 2:
        raise _wrong(f"the labels {actions!r} are not those of two actions, ['stop', 'go']")
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise _wrong(f"the largest count is {most!r}; wanted a whole number from 1")
    stop, go = actions
    return Repeats(count, ended, step, (stop, go), most)


def _stage(name: str, roles: Mapping[str, object]) -> Stage:
    if not isinstance(roles, Mapping):
        raise _wrong(f"stage {name!r} is {roles!r}; wanted its roles and their columns")
    if not name.strip():
        raise _wrong("a stage has no name")
    for role, source in roles.items():
        if role in OF_A_ROW:
            raise _wrong(f"stage {name!r} has the {role}, which belongs to a whole row: the reader takes it by itself")
        if role not in SEVERAL_LABELS and not _is_source(source):
            raise _wrong(f"stage {name!r} has {source!r} as {role}; wanted the name of a column, or a number")
        if role == "choice" and not isinstance(source, str):
            raise _wrong(f"stage {name!r} has the number {source} as choice; wanted the name of a column")
    sources = tuple(
        (str(role), source) for role, source in roles.items() if role not in SEVERAL_LABELS and _is_source(source)
    )
    if not any(isinstance(source, str) for _, source in sources):
        raise _wrong(f"stage {name!r} has no column of the file")
    return _with_groups(Stage(name.strip(), sources), roles.get("groups"), roles.get("actions"))


def _with_groups(stage: Stage, groups: object, actions: object) -> Stage:
    """The stage with the labels of its choices."""
    if groups is None:
        if actions is not None:
            raise _wrong(f"stage {stage.name!r} has actions without groups of labels that they stand for")
        return stage
    cues = tuple(groups) if isinstance(groups, Mapping) else None
    given = [*(groups.values() if isinstance(groups, Mapping) else groups)] if _is_list(groups) else []
    lists = [tuple(group) for group in given if _is_list(group)]
    if "choice" not in stage.columns or not lists or len(lists) < len(given):
        raise _wrong(f"stage {stage.name!r} has the groups {groups!r}; wanted labels of its choices, [[1, 2], [3, 4]]")
    labels = [str(label) for group in lists for label in group]
    of_first = lists[0] if actions is None else tuple(actions) if _is_list(actions) else ()
    if len(set(labels)) < len(labels) or any(len(group) != len(of_first) for group in lists) or not of_first:
        raise _wrong(
            f"stage {stage.name!r} has groups of labels {[list(group) for group in lists]}: wanted each label once, and as many "
            f"in each group as there are actions, {len(of_first)}"
        )
    if "cue" in stage.constants and len(lists) > 1:
        raise _wrong(f"stage {stage.name!r} has one cue and {len(lists)} groups of choices: leave the cue out")
    if len({str(each) for each in of_first}) < len(of_first):
        raise _wrong(f"stage {stage.name!r} has an action twice")
    return replace(stage, groups=tuple(lists), cues=cues, actions=of_first)


def _is_list(value: object) -> TypeGuard[Iterable[Hashable]]:
    return isinstance(value, Iterable) and not isinstance(value, str)


def _is_source(value: object) -> TypeGuard[str | float]:
    if isinstance(value, str):
        return bool(value)
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _wrong(what: str) -> UsageError:
    return UsageError(Message("expand: ", what, "; write ", Argument("expand", EXAMPLE)))


def _written(source: str | float) -> str:
    return (
        _name(source) if isinstance(source, str) else f"{source:g}" if float(f"{source:g}") == source else repr(source)
    )


def _name(text: str) -> str:
    """A name as the text form spells it: in backquotes unless it is a single word that is no number."""
    return text if _PLAIN.fullmatch(text) and not NUMBER.fullmatch(text) else f"`{text}`"


def _label(label: Hashable) -> str:
    text = str(label)
    numeric = isinstance(label, str) and re.fullmatch(r"-?\d+", text)
    return text if _PLAIN.fullmatch(text) and not numeric else repr(text)
