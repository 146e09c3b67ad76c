"""What a result leaves behind: its files, its tables, its findings; the same way for all kinds of results."""

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


def made(folder: Path) -> Path:
    """The folder, made now if it does not exist: before the long work, not after it.

    Raises
    ------
    UsageError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {str(folder)!r}: {error.strerror}; give another with -o") from None
    if not os.access(folder, os.W_OK):
        raise UsageError(f"the folder {str(folder)!r} cannot be written into; give another with -o")
    return folder


def png(figure: Any) -> bytes:
    """A figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight")
    return buffer.getvalue()


Written = list[tuple[Path, str]]
"""Files, and what each holds."""


def write_table(path: Path, data: pd.DataFrame) -> Path:
    """Write a table as CSV, whole or not at all; an index that only counts the rows is left out."""
    return write(path, data.to_csv(index=not counts_rows(data), lineterminator="\n"))


def write_tables(result: Result, folder: Path, *names: str) -> Written:
    """Write the tables of a result, or those of them that are named, each into a file of its own."""
    tables = {name: each for name, each in result.tables().items() if name in (names or result.contents)}
    return [(write_table(folder / f"{name}.csv", each), result.contents[name]) for name, each in tables.items()]


def write_picture(result: Result, path: Path, what: str) -> Written:
    """Write the picture of a result."""
    return [(write(path, png(result.plot())), what)]


def save(fit: Fit, folder: Path) -> Written:
    """Write a fit's files, the draws first; each appears whole or not at all."""
    draws, trials, trace = (folder / name for name in ("fit.nc", "trial_values.csv", "trace_plot.png"))
    fit.save(draws)
    return [
        (draws, "draws and diagnostics, for trialwise.load"),
        *write_tables(fit, folder),
        (write_table(trials, fit.trial_values()), "choice probability and signals, a row a trial"),
        *write_picture(fit, trace, "the chains: they should look alike and not drift"),
    ]


def print_files(written: Written) -> None:
    """What was written."""
    heading("written")
    table(["", ""], [[str(path), what] for path, what in written])


def print_table(title: str, data: pd.DataFrame) -> None:
    """A table under its title."""
    heading(title)
    frame(data)


def print_findings(findings: Iterable[Finding], about: str = "") -> None:
    """Findings beside the result, on standard error: notes as such, all else as warnings; ``about`` says of which result."""
    for finding in findings:
        text = Message(f"{about}: ", finding.text) if about else finding.text
        (note if finding.severity == "note" else warn)(text)


def print_sentences(findings: Iterable[Finding]) -> None:
    """Findings that are the result: a line each."""
    for finding in findings:
        say(finding.text)


def print_advice(findings: Iterable[Finding]) -> None:
    """What was found and what to try, first things first."""
    for number, finding in enumerate(findings, 1):
        paragraph(Message(f"{number}. ", finding.sentence, ".\n   -> ", finding.advice, "."))


def print_group(fit: Fit) -> None:
    """The group's parameters, or where to find the participants' if there is no group."""
    group = fit.group()
    heading(f"group, {fit.learner!r}")
    if len(group):
        frame(group[_COLUMNS] if set(_COLUMNS) <= set(group.columns) else group)
        if fit.draws.grouped:
            say(f"  {MEDIAN}: the group's median; {MEAN}, {SPREAD}: mean and spread on the unconstrained scale", "dim")
    else:
        say("  no group parameters with this pooling: model_summary.csv has each participant's")


_COLUMNS = ["mean", "sd", "eti89_lb", "eti89_ub", "ess_bulk", "ess_tail", "r_hat"]


def stop_if_failed(*fits: Fit) -> None:
    """Tell the diagnostics that failed, each once, and end with their exit code.

    Raises
    ------
    typer.Exit
        If there are any.
    """
    found = {str(finding): finding for fit in fits for finding in having(fit.findings, "problem")}
    print_findings(found.values())
    if found:
        raise typer.Exit(Status.DIAGNOSTICS)


def quoted(path: Path) -> str:
    """A path as it is typed."""
    return shlex.quote(str(path))
