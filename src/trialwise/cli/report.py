"""``trialwise report``: one page on one or several fits, to be read without a network and sent to whom it concerns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.base.errors import UsageError
from trialwise.base.result import having
from trialwise.cli.options.fits import Fits, Own, fits_in
from trialwise.cli.options.task import named
from trialwise.cli.output import results
from trialwise.cli.output.console import say

if TYPE_CHECKING:
    import pandas as pd


def report(
    fits: Fits,
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
    datasets: Annotated[int, typer.Option(metavar="N", min=1, help="How many data sets each check simulates.")] = 100,
    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="True parameters of simulated participants: true_parameters.csv.", show_default=False
        ),
    ] = None,
    learner: Own = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Other seeds make other checks.")] = 0,
) -> None:
    """Write a report on fits: data, learners with equations, priors, diagnostics, estimates, checks, methods and citations."""
    from trialwise.reports.report import report as write

    checks: Any = named(task)() if task else "one-step" if check else None
    loaded = fits_in(fits, learner)
    written = write(loaded, output, title=title, checks=checks, truth=_table(truth), datasets=datasets, seed=seed)
    say(f"{written}: one file that needs nothing else; read it in a browser, print it, send it")
    for name, fit in loaded.items():
        results.print_findings(having(fit.findings, "problem"), name)


def _table(path: Path | None) -> pd.DataFrame | None:
    if path is None:
        return None
    import pandas as pd

    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--truth {path}: {error}") from None
