"""``trialwise compare``: which learner describes the participants best?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.cli.options.fits import Fits, Own, fits_in
from trialwise.cli.output import results, writing
from trialwise.cli.output.console import busy, note, say

if TYPE_CHECKING:
    from trialwise.analysis.comparison.crossvalidation import Method


class By(StrEnum):
    """The criterion: what is predicted; of the same values as ``Method`` of ``trialwise.analysis.comparison.crossvalidation``."""

    participant = "participant"
    future = "future"
    trial = "trial"
    integrated = "integrated"


def compare(
    fits: Fits,
    method: Annotated[
        By,
        typer.Option(
            metavar="WHAT",
            help="What is predicted. participant: choices of new participants; future: later choices of each participant; trial: other choices of the same participants; integrated: the same choices, averaged over parameters.",
        ),
    ] = By.participant,
    start: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=2,
            help="With future: first predicted trial; by default the second half is predicted.",
            show_default=False,
        ),
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(metavar="N", min=25, help="Number of posterior draws used of each fit.", show_default=False),
    ] = None,
    particles: Annotated[
        int,
        typer.Option(
            metavar="N", min=2, help="Particles of each likelihood estimate, for learners with a hidden choice."
        ),
    ] = 100,
    refit: Annotated[
        bool, typer.Option("--refit", help="Refit without each participant whose k-hat is too high.")
    ] = False,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Fit and compare the baselines as well, such as random responding.")
    ] = False,
    learner: Own = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the Monte Carlo estimates.")] = 0,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for tables and figures.")
    ] = Path("comparison"),
) -> None:
    """Compare fits of learners to the same trials by their predictive accuracy."""
    from trialwise.analysis.comparison.compare import compare as run
    from trialwise.analysis.comparison.comparison import ABOUT

    loaded = fits_in(fits, learner, needed=True)
    if len(loaded) < 2 and not baselines:
        raise UsageError(
            "compare takes two or more fits, or one and the baselines:\n   trialwise compare a=one/fit.nc b=other/fit.nc\n"
            "   trialwise compare one/fit.nc --baselines"
        )
    folder = writing.make_folder(output)
    by: Method = str(method)  # type: ignore[assignment]
    result = run(loaded, by, start=start, draws=draws, particles=particles, refit=refit, baselines=baselines, seed=seed)
    participants = result.participants
    with busy("writing"):
        written = writing.write_result(result, folder, "comparison_plot.png", "differences between learners, plotted")
    say(f"criterion: {ABOUT[str(method)]}; {counted(len(participants), 'participant')}")
    results.print_predictions("learners, best first (log predictive density, higher is better)", result.table)
    wins = participants["winner"].value_counts().rename("participants").to_frame()
    results.print_table("number of participants best described by each learner", wins)
    if result.frequencies is not None:
        results.print_table("frequency of each learner in the population", result.frequencies)
        say(f"  probability that all learners are equally frequent: {result.omnibus_risk:.3g}", "dim")
    results.print_files(written)
    if method == By.trial:
        note(
            "single trials are predicted for the same participants; to predict new participants, use --method participant"
        )
    results.print_findings(result.findings, apart=True)
