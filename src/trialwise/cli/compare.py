"""``trialwise compare``: which learner describes the participants best?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trialwise.cli.options.fits import Fits, Own, fits_in
from trialwise.cli.output import results
from trialwise.cli.output.console import note, say

FIGURES = {"weight": ".2f", "worst_k": ".2f", "bad_k": ".0f", "draws": ".0f"}
"""How columns are shown; the others, which are in units of log-likelihood, with one decimal."""


class By(StrEnum):
    """What is predicted."""

    participant = "participant"
    future = "future"
    trial = "trial"


def compare(
    fits: Fits,
    method: Annotated[
        By,
        typer.Option(
            help="participant: a new person's choices; future: each one's later choices; trial: other choices of the same people.",
        ),
    ] = By.participant,
    start: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=2,
            help="With future: the first trial predicted; without, the second half.",
            show_default=False,
        ),
    ] = None,
    draws: Annotated[
        int | None, typer.Option(metavar="N", min=25, help="How many draws of each fit are used.", show_default=False)
    ] = None,
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit anew without each participant whose k-hat is bad.")
    ] = False,
    learner: Own = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="The same seed gives the same figures.")] = 0,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where tables and pictures go.")
    ] = Path("comparison"),
) -> None:
    """Compare fits of learners to the same trials by what they predict."""
    from trialwise.analysis.comparison.compare import ABOUT, compare as run

    loaded = fits_in(fits, learner, needed=True)
    folder = results.made(output)
    found = run(loaded, str(method), start=start, draws=draws, refit=refit, seed=seed)  # type: ignore[arg-type]
    people = found.participants
    written = results.write_tables(found, folder)
    written += results.write_picture(found, folder / "comparison_plot.png", "the same in pictures")
    say(f"what is predicted: {ABOUT[str(method)]}; {len(people)} participants")
    rounded = found.table.apply(
        lambda column: column.map(lambda value: format(value, FIGURES.get(str(column.name), ".1f")))
    )
    results.print_table("learners, the best first (log predictive density, higher is better)", rounded)
    wins = people["winner"].value_counts().rename("participants").to_frame()
    results.print_table("participants best described", wins)
    if found.frequencies is not None:
        results.print_table("how frequent each learner is", found.frequencies)
        say(f"  probability that all are equally frequent: {found.omnibus_risk:.3g}", "dim")
    results.print_files(written)
    if method == By.trial:
        note("single trials predict the same people, not new ones: --method participant does that")
    results.print_findings(found.findings)
