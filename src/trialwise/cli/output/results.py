"""What a fit leaves behind: its files, its group table, its problems."""

from __future__ import annotations

import io
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from trialwise.base.errors import UsageError
from trialwise.base.files import write
from trialwise.cli.output.console import frame, heading, note, say, table, warn
from trialwise.cli.output.status import Status
from trialwise.cli.output.words import in_options
from trialwise.population.names import MEAN, MEDIAN, SPREAD

if TYPE_CHECKING:
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


def save(fit: Fit, folder: Path) -> list[tuple[Path, str]]:
    """Write a fit's files, the draws first; each appears whole or not at all. The files, and what each holds."""
    draws, summary, trace, trials = (
        folder / name for name in ("fit.nc", "model_summary.csv", "trace_plot.png", "trial_values.csv")
    )
    fit.save(draws)
    write(summary, fit.summary().to_csv(index_label="parameter", lineterminator="\n"))
    write(trials, fit.trial_values().to_csv(index=False, lineterminator="\n"))
    write(trace, png(fit.plot_trace()))
    return [
        (draws, "draws and diagnostics, for trialwise.load"),
        (summary, "parameters of the group and of participants"),
        (trials, "choice probability and signals, a row a trial"),
        (trace, "the chains: they should look alike and not drift"),
    ]


def print_files(written: list[tuple[Path, str]]) -> None:
    """What was written."""
    heading("written")
    table(["", ""], [[str(path), what] for path, what in written])


def print_group(fit: Fit) -> None:
    """The group's parameters, or where to find the participants' if there is no group."""
    group = fit.group()
    heading(f"group, {fit.learner!r}")
    if len(group):
        frame(group[_COLUMNS] if set(_COLUMNS) <= set(group.columns) else group)
        if any(str(name).endswith(MEDIAN) for name in group.index):
            say(f"  {MEDIAN}: the group's median; {MEAN}, {SPREAD}: mean and spread on the unconstrained scale", "dim")
    else:
        say("  no group parameters with this pooling: model_summary.csv has each participant's")


_COLUMNS = ["mean", "sd", "eti89_lb", "eti89_ub", "ess_bulk", "ess_tail", "r_hat"]


def print_notes(fit: Fit) -> None:
    """What the user should know about the fit."""
    for text in fit.notes:
        note(in_options(text))


def stop_if_failed(*fits: Fit) -> None:
    """Tell the diagnostics that failed, each once, and end with their exit code.

    Raises
    ------
    typer.Exit
        If there are any.
    """
    found = {text: None for fit in fits for text in fit.problems}
    for text in found:
        warn(in_options(text))
    if found:
        raise typer.Exit(Status.DIAGNOSTICS)


def quoted(path: Path) -> str:
    """A path as it is typed."""
    return shlex.quote(str(path))
