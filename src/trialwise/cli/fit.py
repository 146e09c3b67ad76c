"""``trialwise fit``: sample the posterior of a learner given a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trialwise.base.english import counted
from trialwise.base.result import having
from trialwise.cli.options.columns import Columns, Files
from trialwise.cli.options.formulas import Formulas
from trialwise.cli.options.groups import grouped
from trialwise.cli.options.sampling import PANEL, Pooling, Sampling
from trialwise.cli.options.subject import Name, Restrictions
from trialwise.cli.output import results, writing
from trialwise.cli.output.console import busy, note, say

CHECKPOINT = "unfinished.npz"
"""Checkpoint of a long fit, from which the same command continues."""

Output = Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder for the results.")]


@grouped
def fit(
    learner: Name,
    files: Files,
    restrictions: Restrictions,
    formulas: Formulas,
    sampling: Sampling,
    columns: Columns,
    output: Output = Path("results"),
    pooling: Annotated[
        Pooling,
        typer.Option(
            help="partial: hierarchical; none: each participant separately; complete: one set of parameters for all.",
            metavar="HOW",
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
            help="Dask cluster for a fit with a hidden choice, e.g. tcp://10.0.0.1:8786.",
        ),
    ] = None,
) -> None:
    """Fit a learner to data; write posterior draws, a summary, a trace plot and a table of trials."""
    from trialwise.analysis.contrasts import main_contrasts
    from trialwise.likelihoods.kinds import likelihood_of

    restricted, design = restrictions.of(learner), formulas.arguments()
    with busy("reading"):
        trials = columns.read(files)
    folder = writing.make_folder(output)
    if not sampling.quiet:
        for text in trials.notes:
            note(text)
        say(
            f"{restricted!r}: {', '.join(restricted.names)}; "
            f"{counted(trials.n_participants, 'participant')}, {trials.n_trials} trials"
        )
    checkpoint = None if likelihood_of(restricted, trials).has_gradient else folder / CHECKPOINT
    fitted = sampling.fit(restricted, trials, pooling, checkpoint, scheduler, design)
    with busy("writing"):
        found = main_contrasts(fitted)
        written = writing.save(fitted, folder, found)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    if not sampling.quiet:
        results.print_group(fitted)
        results.print_contrasts(found)
        results.print_files(written)
        results.print_limits(found)
        later = [finding for finding in having(fitted.findings, "note") if finding.code != "reading"]  # printed above
        results.print_findings(later, apart=True)
    results.stop_if_failed(fitted, apart=not sampling.quiet and not later)
