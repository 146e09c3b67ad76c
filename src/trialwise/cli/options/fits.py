"""Fits named on the command line, with the learners of the user's own that were fitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialwise.base.errors import UsageError
from trialwise.cli.options.subject import find, learners_in

if TYPE_CHECKING:
    from trialwise.inference.fitted import Fit

Fits = Annotated[
    list[str],
    typer.Argument(
        metavar="[NAME=]FIT...",
        show_default=False,
        help="What learners left behind when fitted, flat=results/fit.nc; without a name they are called after the learner.",
    ),
]

Own = Annotated[
    list[str] | None,
    typer.Option(
        "--learner",
        metavar="FILE",
        help="A learner of your own that was fitted: mine.py, or mine.py:MyLearner; may be repeated.",
        show_default=False,
    ),
]


def fit_in(path: str | Path, own: Sequence[str] | None = None, needed: bool = False) -> Fit:
    """The fit of a file, its learner looked for among the user's ``own``.

    Raises
    ------
    UsageError
        If the learner is ``needed`` and neither built in nor one of these.
    """
    return _loaded(path, _classes(own or ()), needed)


def _loaded(path: str | Path, classes: Mapping[str, type], needed: bool) -> Fit:
    from trialwise.inference.fitted import load

    fit = load(path)
    name = str(fit.attrs["learner_name"])
    if fit.learner is not None:
        return fit
    if name in classes:
        return load(path, learner=classes[name])
    if needed or classes:
        raise UsageError(f"{path} is a fit of {name}, a learner of your own: say where it is, --learner mine.py:{name}")
    return fit


def _classes(own: Sequence[str]) -> dict[str, type]:
    """The user's own learners by name; each file is run once, however many fits there are."""
    found = [
        thing for text in own for thing in (learners_in(Path(text)).values() if text.endswith(".py") else [find(text)])
    ]
    classes = [thing if isinstance(thing, type) else type(thing) for thing in found]
    return {each.__name__: each for each in classes}


def fits_in(texts: Sequence[str], own: Sequence[str] | None = None, needed: bool = False) -> dict[str, Fit]:
    """Fits under the names given, else under their learners' names, in full where two learners differ by that alone.

    Raises
    ------
    UsageError
        If two have the same name; as :func:`fit_in`.
    """
    pairs = [("", text) if Path(text).is_file() else _split(text) for text in texts]
    classes = _classes(own or ())
    found = [_loaded(path, classes, needed) for _, path in pairs]
    short = [str(fit.attrs["learner_name"]) for fit in found]
    full = [str(fit.attrs["learner"]) for fit in found]
    several = Counter(short)
    names = [
        given or (whole if several[name] > 1 else name)
        for (given, _), name, whole in zip(pairs, short, full, strict=True)
    ]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UsageError(f"two fits are called {twice[0]!r}: name them, e.g. first={pairs[0][1]} second={pairs[-1][1]}")
    return dict(zip(names, found, strict=True))


def _split(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    return (name, path) if equals and name and "/" not in name else ("", text)
