"""Options that select a learner, built in or in a user's file, with its settings and restrictions."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.base.errors import LearnerError, UsageError
from trialwise.cli.options.own_file import load

if TYPE_CHECKING:
    from trialwise.learners.learner import Learner

PANEL = "Learner"

Name = Annotated[
    str,
    typer.Argument(
        metavar="LEARNER",
        show_default=False,
        help="A built-in learner (listed by trialwise models), or your own: mine.py:MyLearner.",
    ),
]


def _option(flags: str, metavar: str, help: str) -> Any:
    return typer.Option(*flags.split(), metavar=metavar, help=help, show_default=False, rich_help_panel=PANEL)


@dataclass(frozen=True)
class Restrictions:
    """Settings and restrictions of a learner."""

    set_: Annotated[list[str], _option("--set", "NAME=VALUE", "A setting, e.g. initial=1.2; may be repeated.")] = field(
        default_factory=list
    )
    fix: Annotated[
        list[str], _option("--fix", "NAME=VALUE", "Fix a parameter at a value, e.g. forget=0; may be repeated.")
    ] = field(default_factory=list)
    tie: Annotated[
        list[str],
        _option("--tie", "NAME=OTHER", "Make a parameter equal to another, e.g. alpha_high=alpha; may be repeated."),
    ] = field(default_factory=list)
    lapse: Annotated[
        bool, typer.Option("--lapse", help="Add a lapse rate: random choices on some trials.", rich_help_panel=PANEL)
    ] = False
    stickiness: Annotated[
        bool,
        typer.Option(
            "--stickiness", help="Add stickiness: a tendency to repeat the last choice.", rich_help_panel=PANEL
        ),
    ] = False

    def as_typed(self) -> str:
        """The options as typed on the command line."""
        options = [
            f"--{n} {shlex.quote(v)}" for n in ("set", "fix", "tie") for v in getattr(self, "set_" if n == "set" else n)
        ]
        return " ".join([*options, *["--lapse"] * self.lapse, *["--stickiness"] * self.stickiness])

    def of(self, name: str) -> Learner:
        """The learner of this name, with these settings and restrictions.

        Raises
        ------
        UsageError, LearnerError
            If there is no such learner, or a setting or restriction does not apply to it.
        """
        from trialwise.learners.learner import Learner

        base = find(name)
        if isinstance(base, Learner):  # an instance in the user's file
            if self.set_:
                raise UsageError(
                    f"--set {self.set_[0]}: {name} is already the instance {base!r}; name its class, or change the file"
                )
            learner: Learner = base
        else:
            learner = base(**{key: _setting(base, key, text) for key, text in _pairs("--set", self.set_)})
        if self.fix:
            learner = learner.fix(**{key: _number("--fix", key, text) for key, text in _pairs("--fix", self.fix)})
        if self.tie:
            learner = learner.tie(**dict(_pairs("--tie", self.tie)))
        if self.lapse:
            learner = learner.with_lapse()
        return learner.with_stickiness() if self.stickiness else learner


def find(name: str, bare: bool = False) -> Any:
    """The class of a learner, or an instance if the user's file defines one of this name.

    Parameters
    ----------
    name
        ``QLearning``, ``mine.py:MyLearner``, or ``mine.py`` if it defines exactly one learner.
    bare
        Also return classes that are not learners.

    Raises
    ------
    UsageError
        If there is no such learner, file or class.
    LearnerError
        If the file cannot be imported, or the class is not a learner.
    """
    import difflib

    from trialwise.learners import BUILT_IN

    in_file = re.fullmatch(r"(.+\.py)(?::(\w*))?", name)
    if in_file:
        return _in_file(Path(in_file[1]), in_file[2] or "", bare)
    if name in BUILT_IN:
        return BUILT_IN[name]
    near = difflib.get_close_matches(name.casefold(), {each.casefold(): each for each in BUILT_IN}, 1)
    guess = next((f"Did you mean {each}? " for each in BUILT_IN if near and each.casefold() == near[0]), "")
    if (fit := Path(name) / "fit.nc").is_file():
        guess = f"For the fit in this folder, name its file, {fit}. "
    raise UsageError(
        f"there is no learner {name!r}. {guess}Built in are {', '.join(BUILT_IN)}; to use your own, type mine.py:MyLearner"
    )


def learners_in(path: Path) -> dict[str, Any]:
    """The learners that a file defines, by name: classes, and instances such as ``QLearning().fix(forget=0)``."""
    from trialwise.learners.learner import Learner

    module = load(path)
    return {
        name: thing
        for name, thing in vars(module).items()
        if isinstance(thing, Learner)
        or (isinstance(thing, type) and issubclass(thing, Learner) and thing.__module__ == module.__name__)
    }


def _in_file(path: Path, name: str, bare: bool) -> Any:
    from trialwise.learners.learner import Learner

    learners = learners_in(path)
    if not name:
        if len(learners) == 1:
            return next(iter(learners.values()))
        problem = (
            f"contains {len(learners)} learners: name one of"
            if learners
            else "contains no learner: write @learner above a class"
        )
        raise UsageError(" ".join([str(path), problem, ", ".join(f"{path}:{each}" for each in learners)]).rstrip())
    thing = getattr(sys.modules[f"learner_file_{path.stem}"], name, None)
    if isinstance(thing, Learner) or (isinstance(thing, type) and (bare or issubclass(thing, Learner))):
        return thing
    if thing is not None:
        raise LearnerError(f"{name} in {path} is not a learner: write @learner above the class")
    raise UsageError(f"there is no {name!r} in {path}; its learners: {', '.join(learners) or 'none'}")


def _pairs(option: str, texts: list[str]) -> list[tuple[str, str]]:
    for text in texts:
        if not re.fullmatch(r"\w+=.+", text):
            raise UsageError(f"{option} {text}: write {option} NAME={'OTHER' if option == '--tie' else 'VALUE'}")
    return [(name, value) for name, _, value in (text.partition("=") for text in texts)]


def _number(option: str, name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} {name}={text}: expected a number") from None


def _setting(kind: Any, name: str, text: str) -> Any:
    """The value converted to the type of the setting's default; the learner itself rejects unknown names."""
    default = getattr(kind.fields.get(name), "value", text)
    convert: Callable[[str], Any] = (
        {"true": True, "false": False}.__getitem__ if isinstance(default, bool) else type(default)
    )
    try:
        return convert(text.lower() if isinstance(default, bool) else text)
    except (ValueError, KeyError):
        expected = "true or false" if isinstance(default, bool) else f"{type(default).__name__}, as in {name}={default}"
        raise UsageError(f"--set {name}={text}: expected {expected}") from None
