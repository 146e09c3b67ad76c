"""Writing and printing of results: files, tables and findings, in one way for all kinds of results."""

from __future__ import annotations

import io
import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from trialwise.base.errors import UsageError
from trialwise.base.files import write
from trialwise.base.message import Message
from trialwise.base.result import Finding, Result, having
from trialwise.base.rows import counts_rows
from trialwise.cli.output.console import frame, heading, note, paragraph, say, table, warn
from trialwise.cli.output.status import Status
from trialwise.population.names import MEAN, MEDIAN, SPREAD

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.inference.fitted import Fit


def make_folder(folder: Path) -> Path:
    """Create the output folder if it does not exist. Call this before long computations, so that problems show early.

    Raises
    ------
    UsageError
        If it cannot be created or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot create the folder {str(folder)!r}: {error.strerror}; choose another with -o"
        ) from None
    if not os.access(folder, os.W_OK):
        raise UsageError(f"the folder {str(folder)!r} is not writable; choose another with -o")
    return folder


def png(figure: Any) -> bytes:
    """Render a figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight")
    return buffer.getvalue()


Written = list[tuple[Path, str]]
"""Written files, each with a description."""


def write_table(path: Path, data: pd.DataFrame) -> Path:
    """Write a table as CSV, atomically; an index that only numbers the rows is omitted."""
    return write(path, data.to_csv(index=not counts_rows(data), lineterminator="\n"))


def write_tables(result: Result, folder: Path, *names: str) -> Written:
    """Write the tables of a result, or only the named ones, each to its own file."""
    tables = {name: each for name, each in result.tables().items() if name in (names or result.contents)}
    return [(write_table(folder / f"{name}.csv", each), result.contents[name]) for name, each in tables.items()]


def write_picture(result: Result, path: Path, description: str) -> Written:
    """Write the plot of a result as PNG."""
    return [(write(path, png(result.plot())), description)]


def save(fit: Fit, folder: Path) -> Written:
    """Write the files of a fit, posterior draws first, each atomically."""
    draws, trials, trace = (folder / name for name in ("fit.nc", "trial_values.csv", "trace_plot.png"))
    fit.save(draws)
    return [
        (draws, "posterior draws and diagnostics, for trialwise.load"),
        *write_tables(fit, folder),
        (write_table(trials, fit.trial_values()), "choice probability and signals, one row per trial"),
        *write_picture(fit, trace, "trace plot: chains should overlap and show no drift"),
    ]


def print_files(written: Written) -> None:
    """Print the paths and descriptions of the written files."""
    heading("files written")
    table(["", ""], [[str(path), description] for path, description in written])


def print_table(title: str, data: pd.DataFrame) -> None:
    """Print a table under its title."""
    heading(title)
    frame(data)


def print_findings(findings: Iterable[Finding], name: str = "") -> None:
    """Print findings to standard error, notes as notes and all others as warnings, prefixed by the name of the result."""
    for finding in findings:
        text = Message(f"{name}: ", finding.text) if name else finding.text
        (note if finding.severity == "note" else warn)(text)


def print_sentences(findings: Iterable[Finding]) -> None:
    """Print findings as part of the result, one per line."""
    for finding in findings:
        say(finding.text)


def print_advice(findings: Iterable[Finding]) -> None:
    """Print a numbered list of findings with advice, most important first."""
    for number, finding in enumerate(findings, 1):
        paragraph(Message(f"{number}. ", finding.sentence, ".\n   -> ", finding.advice, "."))


def print_group(fit: Fit) -> None:
    """Print the group parameters; without a group, name the file with the participants' parameters."""
    group = fit.group()
    heading(f"group parameters, {fit.learner!r}")
    if len(group):
        frame(group[_COLUMNS] if set(_COLUMNS) <= set(group.columns) else group)
        if any(str(name).endswith(MEDIAN) for name in group.index):
            say(
                f"  {MEDIAN}: median of the group; {MEAN}, {SPREAD}: mean and standard deviation on the unconstrained scale",
                "dim",
            )
    else:
        say("  no group parameters with this pooling; model_summary.csv contains those of each participant")


_COLUMNS = ["mean", "sd", "eti89_lb", "eti89_ub", "ess_bulk", "ess_tail", "r_hat"]


def stop_if_failed(*fits: Fit) -> None:
    """Print each failed diagnostic once and, if there are any, exit with the status for failed diagnostics.

    Raises
    ------
    typer.Exit
        If any diagnostic failed.
    """
    problems = {str(finding): finding for fit in fits for finding in having(fit.findings, "problem")}
    print_findings(problems.values())
    if problems:
        raise typer.Exit(Status.DIAGNOSTICS)


def quoted(path: Path) -> str:
    """A path quoted for the shell."""
    return shlex.quote(str(path))
