"""``trialwise recover``, ``calibrate`` and ``confuse``: studies of many fits, that go on where they were interrupted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.base.errors import UsageError
from trialwise.base.result import Result
from trialwise.cli.options.columns import Columns
from trialwise.cli.options.design import Design, ranges_of
from trialwise.cli.options.groups import grouped
from trialwise.cli.options.sampling import PANEL as SAMPLING
from trialwise.cli.options.subject import Name, Restrictions
from trialwise.cli.output import results
from trialwise.cli.output.console import say

if TYPE_CHECKING:
    import pandas as pd

PANEL = "The work"


def _option(flags: str, metavar: str, help: str, panel: str = PANEL, **more: Any) -> Any:
    return typer.Option(*flags.split(), metavar=metavar, help=help, show_default=False, rich_help_panel=panel, **more)


@dataclass(frozen=True)
class Work:
    """Where pieces are kept, and who does them."""

    seed: Annotated[int, _option("--seed", "N", "The same seed gives the same study.", min=0)] = 0
    workers: Annotated[
        int | None, _option("--workers", "N", "Processes of this machine; by default one a core.", min=1)
    ] = None
    scheduler: Annotated[
        str | None, _option("--scheduler", "ADDRESS", "Of a Dask cluster that does the work: tcp://10.0.0.1:8786.")
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.", rich_help_panel=PANEL)] = False

    def given(self, folder: Path) -> dict[str, Any]:
        """Arguments of the library's studies."""
        return {
            "seed": self.seed,
            "workers": self.workers,
            "executor": self.scheduler,
            "folder": folder,
            "progress": not self.quiet,
        }


@dataclass(frozen=True)
class Fits:
    """How long each fit samples."""

    draws: Annotated[
        int | None, _option("--draws", "N", "Draws kept of each chain; see trialwise fit.", SAMPLING, min=1)
    ] = None
    tune: Annotated[int | None, _option("--tune", "N", "Draws for tuning, not kept.", SAMPLING, min=1)] = None
    chains: Annotated[int | None, _option("--chains", "N", "Chains; by default 4.", SAMPLING, min=1)] = None
    sampler: Annotated[
        str | None, _option("--sampler", "NAME", "By default the one that suits the learner.", SAMPLING)
    ] = None

    def given(self) -> dict[str, Any]:
        """What was given; the rest is left to the library."""
        return {name: value for name, value in vars(self).items() if value is not None}


Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Where results go, and finished pieces as they come.",
        show_default=True,
    ),
]
Sets = Annotated[int, typer.Option("--datasets", metavar="N", min=1, help="How many; more can be asked for later.")]


@grouped
def recover(
    learner: Name,
    restrictions: Restrictions,
    design: Design,
    work: Work,
    fits: Fits,
    columns: Columns,
    output: Output = Path("recovery"),
    datasets: Sets = 20,
    posterior: Annotated[
        Path | None,
        _option(
            "--from",
            "FIT",
            "True values from the posterior of a fit, results/fit.nc, along its own sequences.",
            "The design",
        ),
    ] = None,
) -> None:
    """Can this design find the learner's parameters? Simulate, fit, compare, many times."""
    from trialwise.studies.recover import recover as run

    restricted = restrictions.of(learner)
    truth: Any = ranges_of([restricted], design.param or [])
    if posterior is not None:
        from trialwise.inference.fitted import load

        if truth or design.on is not None or design.participants is not None:
            raise UsageError(
                "--from: the fit says who is simulated, and along what; leave --param, --on and --participants out"
            )
        truth = load(posterior)
    like, folder = design.made(restricted, columns), results.made(output)
    study = run(restricted, like, truth, datasets, design.participants, **work.given(folder), **fits.given())
    results.print_table(f"recovery of {study.learner} in {like!r}, {len(study.fits)} data sets", study.table)
    _conclude(study, folder, "recovery_plot.png", "the same in pictures")


@grouped
def calibrate(
    learner: Name,
    restrictions: Restrictions,
    design: Design,
    work: Work,
    fits: Fits,
    columns: Columns,
    output: Output = Path("calibration"),
    datasets: Sets = 200,
) -> None:
    """Are the draws of a learner's fit what they claim to be? Simulation-based calibration."""
    from trialwise.studies.calibrate import calibrate as run

    restricted = restrictions.of(learner)
    if design.param:
        raise UsageError(
            "--param: true values of a calibration come from the prior, or ranks mean nothing; leave it out"
        )
    like, folder = design.made(restricted, columns), results.made(output)
    study = run(restricted, like, datasets, design.participants, **work.given(folder), **fits.given())
    table = study.table
    results.print_table(
        f"calibration of {study.learner} in {like!r}, {len(study.ranks)} data sets",
        table.assign(outside=_words(table["outside"]), outside_joint=_words(table["outside_joint"])),
    )
    _conclude(study, folder, "calibration_plot.png", "ranks against uniform ones")


@grouped
def confuse(
    learners: Annotated[
        list[str],
        typer.Argument(
            metavar="LEARNERS", show_default=False, help="Two or more: built in, or your own, mine.py:MyLearner."
        ),
    ],
    design: Design,
    work: Work,
    columns: Columns,
    output: Output = Path("confusion"),
    datasets: Annotated[int, typer.Option("--datasets", metavar="N", min=1, help="How many of each learner.")] = 10,
    settings: Annotated[
        list[str] | None,
        _option("--set", "NAME=VALUE", "A setting, e.g. initial=1.2, of every learner that has it.", "The learner"),
    ] = None,
    criterion: Annotated[
        str, typer.Option(metavar="NAME", help="bic, aic or integrated (hierarchical fits: a hundred times the work).")
    ] = "bic",
) -> None:
    """Are learners told apart in this design? Simulate with each, fit all, count who is taken for whom."""
    from trialwise.studies.confuse import confuse as run

    found = [_with_settings(name, settings or []) for name in learners]
    like, folder = design.made(found[0], columns), results.made(output)
    truth = ranges_of(found, design.param or [])
    kind: Any = criterion
    study = run(found, like, truth, datasets, design.participants, criterion=kind, **work.given(folder))
    title = f"fits best (columns) of what was simulated (rows), by {study.criterion}: participants"
    results.print_table(title, study.confusion)
    results.print_table("data sets", study.groups)
    results.print_table("who simulated (rows) what fits best (columns): participants", study.inversion)
    _conclude(study, folder, "confusion_plot.png", "the three matrices")


def _with_settings(name: str, settings: list[str]) -> Any:
    """A learner, with those of the settings that it has."""
    from trialwise.cli.options.subject import find
    from trialwise.learners.learner import Learner

    found = find(name)
    if isinstance(found, Learner):
        return found
    own = [text for text in settings if text.partition("=")[0] in found.fields]
    return Restrictions(set_=own).of(name)


def _words(flags: pd.Series) -> pd.Series:
    return flags.map({True: "outside", False: ""})


def _conclude(study: Result, folder: Path, picture: str, what: str) -> None:
    """Tell the findings; write tables and picture, and say so."""
    say()
    results.print_sentences(study.findings)
    written = [*results.write_tables(study, folder), *results.write_picture(study, folder / picture, what)]
    results.print_files([*written, (folder / "pieces", "finished pieces: the same command goes on from them")])
