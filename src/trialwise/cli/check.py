"""``trialwise check``: may a learner of one's own be believed? Does a fitted one do what the participants did?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from trialwise.base.errors import UsageError
from trialwise.cli.options.fits import Own, fit_in
from trialwise.cli.options.subject import find
from trialwise.cli.options.task import named
from trialwise.cli.output import results
from trialwise.cli.output.console import frame, heading, note, say, show
from trialwise.cli.output.status import Status

DATASETS = 100

Subject = Annotated[
    str,
    typer.Argument(
        metavar="LEARNER|FIT",
        show_default=False,
        help="A learner, built in or mine.py:MyLearner; or what it left behind when fitted: results/fit.nc.",
    ),
]


def check(
    subject: Subject,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Other seeds make up other data and parameters.")] = 0,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of a fit: the task its agents live through, e.g. AlienTask; without, each choice is drawn given the real ones before it.",
            show_default=False,
        ),
    ] = None,
    datasets: Annotated[int, typer.Option(metavar="N", min=1, help="Of a fit: how many are simulated.")] = DATASETS,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Of a fit: where table and pictures go; by default beside it."
        ),
    ] = None,
    learner: Own = None,
) -> None:
    """Check a learner against the contract of a trial, or a fit against what its participants did."""
    if subject.endswith(".nc"):
        _fit(Path(subject), seed, task, datasets, output, learner)
        return
    from trialwise.analysis.conformance.check_learner import check_learner

    if task is not None or output is not None or learner:
        raise UsageError(
            "--task, --learner and -o are for checks of a fit: trialwise check results/fit.nc --task AlienTask"
        )
    result = check_learner(find(subject, bare=True), seed=seed, quiet=True)
    show(result)
    if not result.passed:
        raise typer.Exit(Status.MODEL)


def _fit(
    path: Path, seed: int, task: str | None, datasets: int, output: Path | None, learner: list[str] | None
) -> None:
    from trialwise.analysis.check import check as run

    made: Any = named(task)() if task else None
    fit = fit_in(path, learner, needed=True)
    folder = results.made(output or path.parent)
    found = run(fit, made, datasets=datasets, seed=seed)
    written = results.write_tables(found, folder)
    written += results.write_picture(found, folder / "check_plot.png", "the same in pictures")
    how = f"agents in {made!r}" if made else "each choice given the real ones before it"
    say(f"{fit.learner!r}: {datasets} simulated data sets, {how}, against {fit.trials.n_participants} participants")
    heading("measures outside their 89 % interval, the farthest first")
    if len(found.missed):
        frame(found.missed)
    else:
        say("none")
    if made is None:
        note(
            "one step ahead a learner is led by the hand; --task AlienTask lets agents live through the task by themselves"
        )
    results.print_files(written)
