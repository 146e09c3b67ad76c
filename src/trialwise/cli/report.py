"""``trialwise report``: one page on one or several fits, to be read without a network and sent to whom it concerns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.cli.console import say, warn
from trialwise.cli.subject import find
from trialwise.cli.task import named
from trialwise.cli.words import in_options
from trialwise.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.fitted import Fit


def report(
    fits: Annotated[
        list[Path],
        typer.Argument(
            metavar="FIT...", show_default=False, help="What fits left behind: results/fit.nc, one or several."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to.")] = Path("report.html"),
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Of the report.", show_default=False)] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Check the fits by agents that live through this task, e.g. AlienTask.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the fits one step ahead, if there is no such task.")
    ] = False,
    draws: Annotated[int, typer.Option(metavar="N", min=1, help="Data sets of each check.")] = 100,
    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="True parameters of simulated participants: true_parameters.csv.", show_default=False
        ),
    ] = None,
    learner: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A learner of your own, for checks: mine.py:MyLearner; may be repeated.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Other seeds make other checks.")] = 0,
) -> None:
    """Write a report on fits: data, learners with equations, priors, diagnostics, estimates, checks, methods and citations."""
    from trialwise.report import report as write

    own = {each.__name__: each for each in map(_class, learner or ())}
    checks: Any = named(task)() if task else "one-step" if check else None
    loaded = _by_name(fits, own)
    written = write(loaded, output, title=title, checks=checks, truth=_table(truth), draws=draws, seed=seed)
    say(f"{written}: one file that needs nothing else; read it in a browser, print it, send it")
    for name, fit in loaded.items():
        for text in fit.problems:
            warn(in_options(f"{name}: {text}"))


def _class(name: str) -> type:
    found = find(name)
    return found if isinstance(found, type) else type(found)


def _by_name(paths: list[Path], own: dict[str, type]) -> dict[str, Fit]:
    """The fits by learner, and by file where that is not enough."""
    from trialwise.fitted import load

    loaded = []
    for path in paths:
        fit = load(path)
        mine = own.get(str(fit.attrs["learner_name"]))
        loaded.append(load(path, mine) if mine and fit.learner is None else fit)
    labels = [str(fit.attrs["learner"]) for fit in loaded]
    if len(set(labels)) < len(labels):
        labels = [f"{label} ({path})" for label, path in zip(labels, paths, strict=True)]
    if len(set(labels)) < len(labels):
        raise UsageError(f"{' '.join(map(str, paths))}: give each fit once")
    return dict(zip(labels, loaded, strict=True))


def _table(path: Path | None) -> pd.DataFrame | None:
    if path is None:
        return None
    import pandas as pd

    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--truth {path}: {error}") from None
