"""``trialwise diagnose``: can a fit be believed, and if not, what to try?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialwise.base.result import having
from trialwise.cli.options.fits import Own, fit_in
from trialwise.cli.output import results
from trialwise.cli.output.console import heading, paragraph, say
from trialwise.cli.output.status import Status

PAIRS, PEOPLE = 5, 5
"""How many are printed."""


def diagnose(
    path: Annotated[
        Path, typer.Argument(metavar="FIT", show_default=False, help="What fit left behind: results/fit.nc.")
    ],
    learner: Own = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Where table and picture go; by default beside the fit."),
    ] = None,
) -> None:
    """Say whether a fit can be believed, and if not, what to try."""
    from trialwise.analysis.diagnose import diagnose as run

    fit = fit_in(path, learner)
    folder = results.made(output or path.parent)
    found = run(fit)
    written = results.write_tables(found, folder, "diagnosis")
    what = "ranks, traces and autocorrelation of each chain"
    written += results.write_picture(found, folder / "diagnosis_plot.png", what)
    paragraph(found.verdict)
    if found.advice:
        heading("what to try")
        results.print_advice((*found.problems, *found.cautions))
    results.print_table("parameters of the group", found.table)
    results.print_table("chains", found.sampler)
    if len(found.correlations):
        pairs = found.correlations.set_index("first").head(PAIRS).drop(columns="known")
        results.print_table("correlations, the strongest first", pairs)
    if len(found.people):
        results.print_table("participants, the least certain first", found.people.head(PEOPLE))
    results.print_files(written)
    say()
    results.print_findings(having(found.findings, "note"))
    if found.problems:
        raise typer.Exit(Status.DIAGNOSTICS)
