"""``trialwise report``: one self-contained HTML page on one or more fits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.base.errors import UsageError
from trialwise.base.files import refuse_mixed, target_of
from trialwise.base.result import having
from trialwise.cli.options.environment import find_environment
from trialwise.cli.options.fits import Fits, Own, fits_in
from trialwise.cli.output import results
from trialwise.cli.output.console import say

if TYPE_CHECKING:
    import pandas as pd


def report(
    fits: Fits,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Path of the report.")] = Path(
        "report.html"
    ),
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Title of the report.", show_default=False)] = None,
    environment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Check the fits with agents simulated in this environment, built in or mine.py:MyEnvironment.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check the fits with one-step predictions, if there is no such environment.")
    ] = False,
    datasets: Annotated[
        int, typer.Option(metavar="N", min=1, help="Number of data sets that each check simulates.")
    ] = 100,
    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="True parameters of simulated participants: true_parameters.csv.", show_default=False
        ),
    ] = None,
    learner: Own = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the checks.")] = 0,
) -> None:
    """Write a report: data, learners with equations, priors, diagnostics, estimates, checks, methods and citations."""
    from trialwise.reports.report import report as write

    checks: Any = find_environment(environment) if environment else "one-step" if check else None
    target_of(output)
    loaded = fits_in(fits, learner)
    written = write(loaded, output, title=title, checks=checks, truth=_read_table(truth), datasets=datasets, seed=seed)
    say(f"{written}: one self-contained file to open in a browser, print or send")
    for name, fit in loaded.items():
        results.print_findings(having(fit.findings, "problem"), name)


def _read_table(path: Path | None) -> pd.DataFrame | None:
    if path is None:
        return None
    import pandas as pd

    refuse_mixed(path)
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"--truth {path}: {error}") from None
