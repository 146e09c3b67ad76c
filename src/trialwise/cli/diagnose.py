"""``trialwise diagnose``: convergence and sampling diagnostics of a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialwise.base.result import having
from trialwise.cli.options.fits import Own, fit_in
from trialwise.cli.output import results, writing
from trialwise.cli.output.console import busy, heading, say
from trialwise.cli.output.status import Status

PAIRS, PARTICIPANTS = 5, 5
"""Number of rows printed."""


def diagnose(
    path: Annotated[Path, typer.Argument(metavar="FIT", show_default=False, help="A saved fit, e.g. results/fit.nc.")],
    learner: Own = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Folder for table and figure; by default that of the fit."
        ),
    ] = None,
) -> None:
    """Judge whether a fit can be relied on, and suggest remedies if not."""
    from trialwise.analysis.diagnose import diagnose as run

    fit = fit_in(path, learner)
    folder = writing.make_folder(output or path.parent)
    with busy("diagnosing"):
        diagnosis = run(fit)
        description = "ranks, traces and autocorrelation of each chain"
        written = writing.write_result(diagnosis, folder, "diagnosis_plot.png", description, "diagnosis")
    say(diagnosis.verdict)
    if diagnosis.advice:
        heading("recommendations")
        results.print_advice((*diagnosis.problems, *diagnosis.cautions))
    results.print_table("group parameters", diagnosis.table)
    results.print_table("chains", diagnosis.sampler)
    if len(diagnosis.correlations):
        pairs = diagnosis.correlations.set_index("first").head(PAIRS).drop(columns="known")
        results.print_table("posterior correlations, strongest first", pairs)
    if diagnosis.effects is not None:
        results.print_table("effects of the formulas, before and after the data", diagnosis.effects.set_index("effect"))
    if len(diagnosis.participants):
        results.print_table("participants, least certain first", diagnosis.participants.head(PARTICIPANTS))
    results.print_files(written)
    results.print_findings(having(diagnosis.findings, "note"), apart=True)
    if diagnosis.problems:
        raise typer.Exit(Status.DIAGNOSTICS)
