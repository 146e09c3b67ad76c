"""``trialwise fit``: from files to a posterior."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialwise.base.result import having
from trialwise.cli.options.columns import Columns, Files
from trialwise.cli.options.groups import grouped
from trialwise.cli.options.sampling import PANEL, Pooling, Sampling
from trialwise.cli.options.subject import Name, Restrictions
from trialwise.cli.output import results
from trialwise.cli.output.console import note, say

CHECKPOINT = "unfinished.npz"
"""The work so far of a fit that takes minutes: the same command goes on from there."""

Output = Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the results go.")]


@grouped
def fit(
    learner: Name,
    files: Files,
    restrictions: Restrictions,
    sampling: Sampling,
    columns: Columns,
    output: Output = Path("results"),
    pooling: Annotated[
        Pooling,
        typer.Option(
            help="partial: participants come from a group; none: each alone; complete: all are one.",
            rich_help_panel=PANEL,
        ),
    ] = Pooling.partial,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            show_default=False,
            rich_help_panel=PANEL,
            help="Of a Dask cluster that runs the particle filters of a hidden choice: tcp://10.0.0.1:8786.",
        ),
    ] = None,
) -> None:
    """Fit a learner to data; write the draws, a summary, a trace plot and a table of trials."""
    from trialwise.likelihoods.kinds import likelihood_of

    restricted = restrictions.of(learner)
    trials = columns.read(files)
    folder = results.made(output)
    if not sampling.quiet:
        for text in trials.notes:
            note(text)
        say(
            f"{restricted!r}: {', '.join(restricted.names)}; "
            f"{trials.n_participants} participants, {trials.n_trials} trials"
        )
    unfinished = None if likelihood_of(restricted, trials).has_gradient else folder / CHECKPOINT
    fitted = sampling.fit(restricted, trials, pooling, unfinished, scheduler)
    written = results.save(fitted, folder)
    if unfinished is not None:
        unfinished.unlink(missing_ok=True)
    if not sampling.quiet:
        results.print_group(fitted)
        results.print_files(written)
        say()
        results.print_findings(having(fitted.findings, "note"))
    results.stop_if_failed(fitted)
