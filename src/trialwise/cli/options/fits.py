"""Saved fits on the command line, with the user-defined learners that were fitted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialwise.base.errors import UsageError
from trialwise.cli.options.subject import find, learners_in
from trialwise.cli.output.console import busy

if TYPE_CHECKING:
    from trialwise.inference.fitted import Fit

Fits = Annotated[
    list[str],
    typer.Argument(
        metavar="[NAME=]FIT...",
        show_default=False,
        help="Saved fits, e.g. flat=results/fit.nc; the default name of a fit is that of its learner.",
    ),
]

Own = Annotated[
    list[str] | None,
    typer.Option(
        "--learner",
        metavar="FILE",
        help="File of your own learner that was fitted: mine.py, or mine.py:MyLearner; may be repeated.",
        show_default=False,
    ),
]


def fit_in(path: str | Path, own: Sequence[str] | None = None, needed: bool = False) -> Fit:
    """Load the fit in a file; its learner is built in or among the user's ``own``.

    Raises
    ------
    UsageError
        If the learner is ``needed`` but neither built in nor among ``own``.
    """
    classes = _classes(own or ())
    with busy(f"reading {path}"):
        return _load(path, classes, needed)


def _load(path: str | Path, classes: Mapping[str, type], needed: bool) -> Fit:
    from trialwise.inference.load import load

    fit = load(path)
    name = str(fit.attrs["learner_name"])
    if fit.learner is not None:
        return fit
    if name in classes:
        return load(path, learner=classes[name])
    if needed or classes:
        raise UsageError(f"{path} is a fit of {name}, a learner of your own: name its file, --learner mine.py:{name}")
    return fit


def _classes(own: Sequence[str]) -> dict[str, type]:
    """The user's own learners by name; each file is imported once, regardless of the number of fits."""
    learners = [
        thing for text in own for thing in (learners_in(Path(text)).values() if text.endswith(".py") else [find(text)])
    ]
    classes = [thing if isinstance(thing, type) else type(thing) for thing in learners]
    return {each.__name__: each for each in classes}


def fits_in(texts: Sequence[str], own: Sequence[str] | None = None, needed: bool = False) -> dict[str, Fit]:
    """Load fits by name: the given name, else that of the learner, with its settings where two fits share that name.

    Raises
    ------
    UsageError
        If two fits have the same name, or as :func:`fit_in`.
    """
    pairs = [("", text) if Path(text).is_file() else _split(text) for text in texts]
    classes = _classes(own or ())
    with busy("reading fits"):
        fits = [_load(path, classes, needed) for _, path in pairs]
    short = [str(fit.attrs["learner_name"]) for fit in fits]
    full = [str(fit.attrs["learner"]) for fit in fits]
    counts = Counter(short)
    names = [
        given or (whole if counts[name] > 1 else name)
        for (given, _), name, whole in zip(pairs, short, full, strict=True)
    ]
    duplicates = [name for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise UsageError(
            f"two fits have the name {duplicates[0]!r}: name them, e.g. first={pairs[0][1]} second={pairs[-1][1]}"
        )
    return dict(zip(names, fits, strict=True))


def _split(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    return (name, path) if equals and name and "/" not in name else ("", text)
