"""``trialwise recover``, ``calibrate`` and ``confuse``: studies of many fits, which resume after an interruption."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.result import Result
from trialwise.cli.options.columns import Columns
from trialwise.cli.options.design import PANEL as DESIGN, Design, ranges_of
from trialwise.cli.options.groups import grouped
from trialwise.cli.options.sampling import PANEL as SAMPLING
from trialwise.cli.options.subject import PANEL as LEARNER, Name, Restrictions
from trialwise.cli.output import results, writing
from trialwise.cli.output.console import busy, say

if TYPE_CHECKING:
    import pandas as pd

PANEL = "Execution"


def _option(flags: str, metavar: str, help: str, panel: str = PANEL, **more: Any) -> Any:
    return typer.Option(*flags.split(), metavar=metavar, help=help, show_default=False, rich_help_panel=panel, **more)


@dataclass(frozen=True)
class Work:
    """Seed, executor and progress of a study."""

    seed: Annotated[int, _option("--seed", "N", "Random seed.", min=0)] = 0
    workers: Annotated[
        int | None, _option("--workers", "N", "Number of local processes; by default one per core.", min=1)
    ] = None
    scheduler: Annotated[
        str | None, _option("--scheduler", "ADDRESS", "Dask cluster that runs the fits, e.g. tcp://10.0.0.1:8786.")
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress bar.", rich_help_panel=PANEL)] = False

    def arguments(self, folder: Path) -> dict[str, Any]:
        """Keyword arguments for the studies of the library."""
        return {
            "seed": self.seed,
            "workers": self.workers,
            "executor": self.scheduler,
            "folder": folder,
            "progress": not self.quiet,
        }


@dataclass(frozen=True)
class Fits:
    """Sampling options of each fit."""

    draws: Annotated[
        int | None, _option("--draws", "N", "Posterior draws per chain; see trialwise fit.", SAMPLING, min=1)
    ] = None
    tune: Annotated[int | None, _option("--tune", "N", "Tuning draws per chain, discarded.", SAMPLING, min=1)] = None
    chains: Annotated[int | None, _option("--chains", "N", "Number of chains; by default 4.", SAMPLING, min=1)] = None
    sampler: Annotated[
        str | None,
        _option(
            "--sampler", "NAME", "A sampler by name, e.g. nuts; by default the one that suits the learner.", SAMPLING
        ),
    ] = None

    def arguments(self) -> dict[str, Any]:
        """The options that were given; all others keep the defaults of the library."""
        return {name: value for name, value in vars(self).items() if value is not None}


Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FOLDER",
        help="Folder for the results and, as they are completed, the pieces of the study.",
        show_default=True,
    ),
]
Sets = Annotated[
    int, typer.Option("--datasets", metavar="N", min=1, help="Number of simulated data sets; can be increased later.")
]


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
            "Draw true values from the posterior of a fit, results/fit.nc, and use its sequences.",
            DESIGN,
        ),
    ] = None,
) -> None:
    """Can this design recover the learner's parameters? Simulates and fits many data sets and compares estimates with true values."""
    from trialwise.studies.recover import recover as run

    restricted = restrictions.of(learner)
    truth: Any = ranges_of([restricted], design.param or [])
    if posterior is not None:
        from trialwise.inference.load import load

        if truth or design.on is not None or design.participants is not None:
            raise UsageError(
                "--from: the fit determines true values, participants and sequences; leave out --param, --on and --participants"
            )
        truth = load(posterior)
    environment, folder = design.environment(restricted, columns), writing.make_folder(output)
    study = run(
        restricted, environment, truth, datasets, design.participants, **work.arguments(folder), **fits.arguments()
    )
    results.print_table(
        f"recovery of {study.learner} in {environment!r}, {counted(len(study.fits), 'data set')}", study.table
    )
    _conclude(study, folder, "recovery_plot.png", "true and estimated values, plotted")


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
    """Is the fit of a learner calibrated? Runs simulation-based calibration."""
    from trialwise.studies.calibrate import calibrate as run

    restricted = restrictions.of(learner)
    if design.param:
        raise UsageError(
            "--param: calibration requires true values drawn from the prior, otherwise ranks are meaningless; leave it out"
        )
    environment, folder = design.environment(restricted, columns), writing.make_folder(output)
    study = run(restricted, environment, datasets, design.participants, **work.arguments(folder), **fits.arguments())
    table = study.table
    results.print_table(
        f"calibration of {study.learner} in {environment!r}, {counted(len(study.ranks), 'data set')}",
        table.assign(outside=_flag_text(table["outside"]), outside_joint=_flag_text(table["outside_joint"])),
    )
    _conclude(study, folder, "calibration_plot.png", "ECDF of ranks minus the uniform ECDF, plotted")


@grouped
def confuse(
    learners: Annotated[
        list[str],
        typer.Argument(
            metavar="LEARNERS",
            show_default=False,
            help="Two or more learners, built in or your own: mine.py:MyLearner.",
        ),
    ],
    design: Design,
    work: Work,
    columns: Columns,
    output: Output = Path("confusion"),
    datasets: Annotated[
        int, typer.Option("--datasets", metavar="N", min=1, help="Number of simulated data sets per learner.")
    ] = 10,
    settings: Annotated[
        list[str] | None,
        _option("--set", "NAME=VALUE", "A setting, e.g. initial=1.2, for every learner that has it.", LEARNER),
    ] = None,
    criterion: Annotated[
        str,
        typer.Option(metavar="NAME", help="bic, aic or integrated (hierarchical fits, about a hundred times slower)."),
    ] = "bic",
) -> None:
    """Can this design distinguish between learners? Simulates each, fits all, and counts which one fits best."""
    from trialwise.studies.confuse import confuse as run

    candidates = [_with_settings(name, settings or []) for name in learners]
    environment, folder = design.environment(candidates[0], columns), writing.make_folder(output)
    truth = ranges_of(candidates, design.param or [])
    rule: Any = criterion
    study = run(candidates, environment, truth, datasets, design.participants, criterion=rule, **work.arguments(folder))
    title = f"P(best-fitting learner in columns | simulated learner in rows), participants, by {study.criterion.upper() if study.criterion in ('bic', 'aic') else study.criterion}"
    results.print_table(title, study.confusion)
    results.print_table("P(best-fitting learner in columns | simulated learner in rows), data sets", study.groups)
    results.print_table("P(simulated learner in rows | best-fitting learner in columns), participants", study.inversion)
    _conclude(study, folder, "confusion_plot.png", "the three matrices")


def _with_settings(name: str, settings: list[str]) -> Any:
    """A learner with the settings that apply to it."""
    from trialwise.cli.options.subject import find
    from trialwise.learners.learner import Learner

    learner = find(name)
    if isinstance(learner, Learner):
        return learner
    own = [text for text in settings if text.partition("=")[0] in learner.fields]
    return Restrictions(set_=own).of(name)


def _flag_text(flags: pd.Series) -> pd.Series:
    return flags.map({True: "outside", False: ""})


def _conclude(study: Result, folder: Path, picture: str, description: str) -> None:
    """Print the findings, write tables and figure, and list the files."""
    say()
    results.print_sentences(study.findings)
    with busy("writing"):
        written = writing.write_result(study, folder, picture, description)
    results.print_files([*written, (folder / "pieces", "completed pieces, from which the same command resumes")])
