"""Options for the roles of columns, shared by all verbs that read data."""

from __future__ import annotations

import re
import shlex
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.base.errors import UsageError
from trialwise.cli.options.expansion import find_expansion
from trialwise.cli.output.words import CONDITIONS, condition_in_shell

if TYPE_CHECKING:
    from trialwise.data.trials import Trials
    from trialwise.learners.learner import Learner

PANEL = "Column roles (only where not recognised)"

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILES",
        show_default=False,
        help="One table with one row per trial (CSV, TSV, Excel, Parquet), or several of them, read as one; or tables with one column "
        "per participant, recognised by their names (contexts.csv cues.csv choices.csv outcomes.csv); or a folder of tables.",
    ),
]


def _option(flags: str, metavar: str, help: str) -> Any:
    return typer.Option(*flags.split(), metavar=metavar, help=help, show_default=False, rich_help_panel=PANEL)


def _role(role: str, help: str) -> Any:
    return _option(f"--{role}", "COL", help)


@dataclass(frozen=True)
class Columns:
    """Names of columns, ``none`` for a column that is not used; for wide tables, file names."""

    participant: Annotated[
        str | None, _role("participant", "Participant; 'none' if all rows belong to one participant.")
    ] = None
    trial: Annotated[
        str | None, _role("trial", "Trial number, which orders the rows; 'none' keeps the order of the file.")
    ] = None
    session: Annotated[str | None, _role("session", "Session.")] = None
    block: Annotated[str | None, _role("block", "Block.")] = None
    context: Annotated[str | None, _role("context", "Context.")] = None
    cue: Annotated[str | None, _role("cue", "Cue (stimulus).")] = None
    choice: Annotated[str | None, _role("choice", "Choice (action).")] = None
    outcome: Annotated[
        list[str],
        _option("--outcome", "[NAME=]COL", "Outcome (reward); repeat for several named outcomes: gain=won, loss=lost."),
    ] = field(default_factory=list)
    response: Annotated[
        list[str], _option("--response", "[NAME=]COL", "Continuous response (rating, skin conductance).")
    ] = field(default_factory=list)
    rt: Annotated[str | None, _role("rt", "Response time.")] = None
    rt_unit: Annotated[
        str | None, _option("--rt-unit", "s|ms", "Unit of the response times; by default inferred from their median.")
    ] = None
    responded: Annotated[str | None, _role("responded", "Flags (0 or 1): whether there was a response.")] = None
    scored: Annotated[
        str | None,
        _role("scored", "Flags (0 or 1): whether the response was free; forced choices teach and are not scored."),
    ] = None
    reset: Annotated[
        str | None,
        _option(
            "--reset",
            "COL|block",
            "Column of blocks, at whose changes the state is reset, or of flags (0 or 1); 'block': the recognised one.",
        ),
    ] = None
    carry: Annotated[
        bool,
        typer.Option(
            "--carry", help="The state goes on from one session to the next.", show_default=False, rich_help_panel=PANEL
        ),
    ] = False
    where: Annotated[
        str | None,
        _option("--where", "CONDITION", "Rows to read: \"phase == 'main' and rt < 3\" leaves out all others."),
    ] = None
    expand: Annotated[
        str | None,
        _option(
            "--expand",
            "STAGES",
            'Several trials in a row: "first: choice=choice1; second: choice=choice2, outcome=reward", or an environment that declares it.',
        ),
    ] = None
    exclude: Annotated[
        list[str],
        _option(
            "--exclude",
            "[REASON: ]CONDITION",
            'Participants to leave out: "inattentive: missed > 0.2 or same > 0.9"; may be repeated.',
        ),
    ] = field(default_factory=list)
    labels: Annotated[
        list[str],
        _option("--labels", "COL[=SET]", "Further column of labels, with the levels of SET; may be repeated."),
    ] = field(default_factory=list)
    numbers: Annotated[list[str], _option("--numbers", "COL", "Further column of numbers; may be repeated.")] = field(
        default_factory=list
    )
    vector: Annotated[
        list[str],
        _option(
            "--vector", "NAME=A,B[:SET]", "Columns that form a vector, e.g. options=left,right:cue; may be repeated."
        ),
    ] = field(default_factory=list)
    available: Annotated[
        list[str],
        _option(
            "--available",
            "ACTION=COL",
            "Column of 0 and 1, or condition on rows: whether an action was available; may be repeated.",
        ),
    ] = field(default_factory=list)
    actions: Annotated[str | None, _option("--actions", "A,B,C", "All levels of the choice, in order.")] = None
    levels: Annotated[
        list[str],
        _option("--levels", "SET=A,B,C", "All levels of a factor, e.g. context=hot,cold,rainy; may be repeated."),
    ] = field(default_factory=list)
    missing: Annotated[
        list[str],
        _option(
            "--missing",
            "CODE",
            "Code for missing values, in addition to empty, NA and -999; of one column (or wide table) COLUMN=CODE; may be repeated.",
        ),
    ] = field(default_factory=list)

    def as_typed(self) -> str:
        """The options as typed on the command line."""
        options = []
        for option in fields(self):
            setting = getattr(self, option.name)
            if isinstance(setting, bool):
                options += [f"--{option.name}"] * setting
                continue
            for value in setting if isinstance(setting, list) else [] if setting is None else [setting]:
                word = condition_in_shell(value) if option.name in CONDITIONS else shlex.quote(value)
                options += [f"--{option.name.replace('_', '-')}", word]
        return " ".join(options)

    def _long_tables(self, files: Sequence[Path]) -> list[Path] | None:
        """The tables with one row per trial, or None if the files are wide, with one column per participant.

        Several files are wide if one is recognised by its name, or is named as the table of a role.
        """
        from trialwise.data.reading.column_names import role_of_file
        from trialwise.data.reading.several import is_wide, paths_of

        if len(files) == 1 and files[0].is_dir() and is_wide(files[0]):
            return None
        if len(files) > 1:
            named = {text for role in ("session", "block", "context", "cue", "choice") if (text := getattr(self, role))}
            named |= {part for text in [*self.outcome, *self.response] for part in text.split("=")}
            if any(role_of_file(path.name.split(".")[0]) or str(path) in named for path in files):
                return None
        return [path for each in files for path in paths_of(each)]

    def read(self, files: Sequence[Path]) -> Trials:
        """Read the trials in these files.

        Raises
        ------
        DataError, UsageError
            As :func:`trialwise.data.read.read_long` and :func:`trialwise.data.read.read_wide`.
        """
        from trialwise.data.read import read_long, read_wide

        shared: dict[str, Any] = {
            "levels": {name: _labels(text) for name, text in map(_pair("--levels", "SET=A,B,C"), self.levels)},
            "actions": None if self.actions is None else _labels(self.actions),
            "missing": _missing(self.missing),
            "where": self.where,
            "exclude": _rules(self.exclude) or None,
            "carry": self.carry,
        }
        single = {role: _column(getattr(self, role)) for role in ("session", "block", "context", "cue", "choice")}
        several = {"outcome": _several(self.outcome), "response": _several(self.response)}
        reset: Any = self.reset == "block" or self.reset or False
        tables = self._long_tables(files)
        if tables is not None:
            return read_long(
                tables,
                **shared,
                **single,
                **several,
                reset=reset,
                rt_unit=self.rt_unit,
                expand=None if self.expand is None else find_expansion(self.expand),
                **{
                    role: _column(getattr(self, role)) for role in ("participant", "trial", "rt", "responded", "scored")
                },
                labels={name: to or name for name, to in (_cut(text, "=") for text in self.labels)},
                numbers=self.numbers,
                vectors=dict(_vector(text) for text in self.vector),
                available=dict(map(_pair("--available", "ACTION=COL"), self.available)) or None,
            )
        unused = [
            name
            for name in (
                "participant",
                "trial",
                "rt",
                "rt_unit",
                "responded",
                "scored",
                "vector",
                "available",
                "expand",
            )
            if getattr(self, name)
        ]
        if unused:
            raise UsageError(
                f"--{unused[0].replace('_', '-')} is for tables with one row per trial; these files have one column per participant"
            )
        if len(files) == 1:
            return read_wide(files[0], **_without_defaults(shared | single | several), reset=reset)
        with_role = {str(path) for source in [*single.values(), *several.values()] for path in _paths(source)}
        recognised = _by_role([path for path in files if str(path) not in with_role])
        roles: dict[str, Any] = recognised | _without_defaults(single | several)
        extra = {Path(name).stem: name for name in [*self.labels, *self.numbers]}
        return read_wide(**roles, **_without_defaults(shared), reset=reset, columns=extra)


def _rules(texts: list[str]) -> dict[str, str]:
    """Rules of exclusion by reason; several of one reason are alternatives."""
    conditions: dict[str, list[str]] = {}
    for reason, condition in map(_rule, texts):
        conditions.setdefault(reason, []).append(condition)
    return {
        reason: each[0] if len(each) == 1 else " or ".join(f"({condition})" for condition in each)
        for reason, each in conditions.items()
    }


def _rule(text: str) -> tuple[str, str]:
    """A rule of exclusion as reason and condition; a condition alone is its own reason."""
    reason = re.match(r"([^'\"<>=]+): +", text)
    return (reason[1], text[reason.end() :]) if reason else (text, text)


def options_to_read(learner: Learner, trials: Trials) -> str:
    """The options needed to read the file of simulated trials for this learner."""
    from trialwise.learners.reads import Reading

    reads = set(Reading(learner).trial)
    options: list[str] = []
    labels: set[str] = set()
    for name in sorted(reads & set(trials.columns) - {"context", "cue"}):
        column = trials.columns[name]
        labels |= {column.levels} if column.levels else set()
        owner = "" if column.levels in (None, name) else str(column.levels)
        if column.values.ndim == 2:
            parts = ",".join(f"{name}_{k + 1}" for k in range(column.values.shape[1]))
            options += ["--vector", f"{name}={parts}" + (f":{column.levels}" if column.levels else "")]
        else:
            options += (
                ["--numbers", name] if column.levels is None else ["--labels", f"{name}={owner}" if owner else name]
            )
    for name in sorted(labels):
        options += ["--levels", f"{name}={','.join(map(str, trials.levels[name]))}"]
    if trials.available is not None:
        for label in trials.levels["action"]:
            options += ["--available", f"{label}=available_{label}"]
    if options:  # with so many columns, another one could be recognised in place of these
        for name in ("context", "cue"):
            options += [f"--{name}", name] if name in trials.columns else []
    if options and trials.scored is not None:
        options += ["--scored", "scored"]
    if options and trials.reset is not None and trials.reset.any():
        options += ["--reset", "reset"]
    for name, values in trials.response.items():
        if trials.choice is None and all(each.is_integer() for each in values if each == each):
            options += ["--response", name]  # whole numbers could be choices
    return " ".join(map(shlex.quote, options))


def _by_role(files: Sequence[Path]) -> dict[str, Path]:
    from trialwise.data.reading.column_names import role_of_file

    roles: dict[str, Path] = {}
    for path in files:
        role = role_of_file(path.name.split(".")[0])
        if role is None:
            raise UsageError(
                f"{path.name}: several files are read as tables with one column per participant and recognised by their names, and this is "
                "none of contexts, cues, choices, outcomes, sessions, blocks. Name its role, "
                f"e.g. --choice {shlex.quote(str(path))}; or give only tables with one row per trial"
            )
        if role in roles:
            raise UsageError(
                f"{roles[role].name} and {path.name} could both be the {role}: type --{role} with one of them, "
                "and leave the other out"
            )
        roles[role] = path
    return roles


def _column(name: str | None) -> Any:
    return False if name == "none" else name


def _several(texts: Sequence[str]) -> Any:
    """One column, a dict of named columns, False for ``none``, or None if not given."""
    if not texts:
        return None
    if list(texts) == ["none"]:
        return False
    pairs = [_cut(text, "=") for text in texts]
    if len(pairs) == 1 and pairs[0][1] is None:
        return pairs[0][0]
    return {name: column or name for name, column in pairs}


def _paths(source: Any) -> Iterable[Any]:
    return source.values() if isinstance(source, Mapping) else [source]


def _without_defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value not in (None, False)}


def _cut(text: str, mark: str) -> tuple[str, str | None]:
    first, separator, rest = text.partition(mark)
    return (first, rest) if separator and first and rest else (text, None)


def _pair(option: str, form: str) -> Any:
    def cut(text: str) -> tuple[str, str]:
        name, rest = _cut(text, "=")
        if rest is None:
            raise UsageError(f"{option} {text}: write {option} {form}")
        return name, rest

    return cut


def _vector(text: str) -> tuple[str, Any]:
    name, rest = _pair("--vector", "NAME=A,B[:SET]")(text)
    columns, levels = _cut(rest, ":")
    parts = columns.split(",")
    return name, parts if levels is None else (parts, levels)


def _missing(texts: Sequence[str]) -> Any:
    """Codes of missing values, for all columns or by column; if any is of one column, the others are of no column by themselves."""
    named = [_cut(text, "=") for text in texts]
    if not any(codes for _, codes in named):
        return [_label(code) for code in texts]
    if not all(codes for _, codes in named):
        raise UsageError("--missing: give codes either of all columns, 99, or of single columns, COLUMN=99")
    return {column: [*_labels(codes or "")] for column, codes in named}


def _labels(text: str) -> list[Hashable]:
    return [_label(part.strip()) for part in text.split(",") if part.strip()]


def _label(text: str) -> Hashable:
    try:
        return int(text)
    except ValueError:
        return text
