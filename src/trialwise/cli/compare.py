"""``trialwise compare``: which learner describes the participants best?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from trialwise.base.files import write
from trialwise.cli.options.fits import Fits, Own, fits_in
from trialwise.cli.output import results
from trialwise.cli.output.console import frame, heading, note, say, warn
from trialwise.cli.output.words import in_options

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
    from trialwise.analysis.comparison.compare import ABOUT
    from trialwise.analysis.comparison.compare import compare as run

    loaded = fits_in(fits, learner, needed=True)
    folder = results.made(output)
    found = run(loaded, str(method), start=start, draws=draws, refit=refit, seed=seed)  # type: ignore[arg-type]
    people = found.participants.join(found.elpd.add_prefix("elpd_"))
    table, each, often, picture = (
        folder / name for name in ("comparison.csv", "participants.csv", "frequencies.csv", "comparison_plot.png")
    )
    written = [
        (table, "a row a learner, the best first"),
        (each, "a row a participant: who describes it best, and by how much"),
    ]
    write(table, found.table.to_csv(lineterminator="\n"))
    write(each, people.to_csv(lineterminator="\n"))
    if found.frequencies is not None:
        write(often, found.frequencies.to_csv(lineterminator="\n"))
        written.append((often, "how frequent each learner is"))
    write(picture, results.png(found.plot()))
    written.append((picture, "the same in pictures"))
    say(f"what is predicted: {ABOUT[str(method)]}; {len(people)} participants")
    heading("learners, the best first (log predictive density, higher is better)")
    frame(
        found.table.apply(lambda column: column.map(lambda value: format(value, FIGURES.get(str(column.name), ".1f"))))
    )
    heading("participants best described")
    frame(people["winner"].value_counts().rename("participants").to_frame())
    if found.frequencies is not None:
        heading("how frequent each learner is")
        frame(found.frequencies)
        say(f"  probability that all are equally frequent: {found.omnibus_risk:.3g}", "dim")
    results.print_files(written)
    if method == By.trial:
        note("single trials predict the same people, not new ones: --method participant does that")
    for text in found.problems:
        warn(in_options(text))
