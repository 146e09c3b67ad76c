"""``trialwise check``: conformance of a learner, and posterior predictive checks of a fit."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.cli.options.columns import Columns
from trialwise.cli.options.environment import find_environment
from trialwise.cli.options.fits import Own, fit_in
from trialwise.cli.options.formulas import option
from trialwise.cli.options.groups import grouped
from trialwise.cli.options.subject import find
from trialwise.cli.output import results, writing
from trialwise.cli.output.console import busy, frame, heading, note, say, table
from trialwise.cli.output.status import Status

DATASETS = 100

Subject = Annotated[
    str,
    typer.Argument(
        metavar="LEARNER|FIT",
        show_default=False,
        help="A learner, built in or mine.py:MyLearner; or a saved fit, e.g. results/fit.nc.",
    ),
]


PANEL = "Groups, sessions and conditions of a fit"


@dataclass(frozen=True)
class Levels:
    """At which levels the behaviour of participants of a fit is checked."""

    by: Annotated[
        str | None,
        option(
            "--by",
            "COL",
            "A group, session or condition: check behaviour at its levels, and the differences too.",
            PANEL,
        ),
    ] = None
    participants: Annotated[
        Path | None,
        option("--participants", "FILE", "Table with one row per participant and the column of --by.", PANEL),
    ] = None
    anew: Annotated[
        bool,
        typer.Option(
            "--anew", help="Draw parameters anew from the group, to check what it expects.", rich_help_panel=PANEL
        ),
    ] = False


@grouped
def check(
    subject: Subject,
    columns: Columns,
    levels: Levels,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILES",
            show_default=False,
            help="For a learner: data to check it on, as for trialwise fit; by default data are generated.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the simulated data and parameters.")] = 0,
    environment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Built in or mine.py:MyEnvironment. For a learner: check it on agents in this environment. For a fit: simulate agents in it; "
            "by default, one-step predictions given the real past.",
            show_default=False,
        ),
    ] = None,
    datasets: Annotated[
        int, typer.Option(metavar="N", min=1, help="For a fit: number of simulated data sets.")
    ] = DATASETS,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="For a fit: folder for table and figure; by default that of the fit.",
        ),
    ] = None,
    learner: Own = None,
) -> None:
    """Run conformance checks on a learner, or posterior predictive checks on a fit."""
    if subject.endswith(".nc"):
        if typed := " ".join([*map(str, files or ()), columns.as_typed()]).strip():
            raise UsageError(f"a fit is checked on the data that it was fitted to: leave out {typed}")
        _fit(Path(subject), seed, environment, datasets, output, learner, levels)
        return
    if output is not None or learner or levels != Levels():
        raise UsageError(
            "--learner, -o, --by, --participants and --anew apply only to checks of a fit: trialwise check results/fit.nc"
        )
    if columns.as_typed() and not files:
        raise UsageError(
            f"{columns.as_typed()} is about columns of data: name the file, trialwise check {shlex.quote(subject)} data.csv"
        )
    _learner(subject, columns, files or [], environment, seed)


def _learner(subject: str, columns: Columns, files: list[Path], name: str | None, seed: int) -> None:
    from trialwise.analysis.conformance.check_learner import check_learner

    trials = columns.read(files) if files else None
    environment = find_environment(name) if name else None
    with busy("checking"):
        result = check_learner(find(subject, bare=True), trials, seed=seed, quiet=True, environment=environment)
    for text in result.notes:
        note(text)
    say(result.learner, "bold")
    rows = [[check.name, "passed" if check.passed else "FAILED", check.detail] for check in result.checks]
    table(["check", "result", "found"], rows)
    if not result.passed:
        if result.generated:
            note(
                f"the check was made on generated data: {result.generated}. If the learner is not made for such data, give it others, "
                f"trialwise check {shlex.quote(subject)} data.csv, or the environment it acts in, --environment NAME"
            )
        raise typer.Exit(Status.MODEL)


def _fit(
    path: Path,
    seed: int,
    name: str | None,
    datasets: int,
    output: Path | None,
    learner: list[str] | None,
    levels: Levels,
) -> None:
    from trialwise.analysis.check import check as run

    environment = find_environment(name) if name else None
    fit = fit_in(path, learner, needed=True)
    folder = writing.make_folder(output or path.parent)
    result = run(fit, environment, datasets=datasets, seed=seed, **vars(levels))
    with busy("writing"):
        written = writing.write_result(result, folder, "check_plot.png", "observed and predicted behaviour, plotted")
        if result.levels is not None:
            picture = folder / "check_levels_plot.png"
            written += writing.write_picture(result.levels, picture, f"the same by {result.levels.name}, plotted")
    method = f"agents in {environment!r}" if environment else "one-step predictions given the real past"
    method += ", parameters drawn anew from the group" if levels.anew else ""
    say(
        f"{fit.learner!r}: {datasets} simulated data sets ({method}), compared with {counted(fit.data.n_participants, 'participant')}"
    )
    title = "measures outside their 89 % predictive interval, the most extreme first"
    if len(result.missed):
        frame(result.missed, title)
    else:
        heading(title)
        say("  none")
    if result.levels is not None:
        results.print_table(f"participants at each level of {result.levels.name}", result.levels.counts)
        table = result.levels.outside
        if len(table):
            frame(table, "differences of levels outside their 89 % predictive interval, the most extreme first")
    say()
    results.print_sentences(result.findings)
    if environment is None:
        note(
            "one-step predictions look good because they see the real past; with --environment and the one that the data come from, agents act on "
            "their own"
        )
    results.print_files(written)
