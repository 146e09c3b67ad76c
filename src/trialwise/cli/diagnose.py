"""``trialwise diagnose``: can a fit be believed, and if not, what to try?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialwise.base.files import write
from trialwise.cli.options.fits import Own, fit_in
from trialwise.cli.output import results
from trialwise.cli.output.console import frame, heading, note, paragraph, say
from trialwise.cli.output.status import Status
from trialwise.cli.output.words import in_options

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
    table, picture = folder / "diagnosis.csv", folder / "diagnosis_plot.png"
    write(table, found.table.to_csv(lineterminator="\n"))
    write(picture, results.png(found.plot()))
    paragraph(in_options(found.verdict))
    if found.advice:
        heading("what to try")
        for number, (words, cure) in enumerate(found.advice, 1):
            paragraph(in_options(f"{number}. {words}.\n   -> {cure}."))
    heading("parameters of the group")
    frame(found.table)
    heading("chains")
    frame(found.sampler)
    if len(found.correlations):
        heading("correlations, the strongest first")
        frame(found.correlations.set_index("first").head(PAIRS).drop(columns="known"))
    if len(found.people):
        heading("participants, the least certain first")
        frame(found.people.head(PEOPLE))
    results.print_files(
        [(table, "the parameters of the group"), (picture, "ranks, traces and autocorrelation of each chain")]
    )
    say()
    for text in found.notes:
        note(in_options(text))
    if found.problems:
        raise typer.Exit(Status.DIAGNOSTICS)
