"""Printing of results: findings, tables and the list of written files, in one way for all kinds of results."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from trialwise.base.english import counted
from trialwise.base.message import Message
from trialwise.base.result import Finding, having
from trialwise.cli.output.console import frame, heading, listing, note, paragraph, say, warn
from trialwise.cli.output.status import Status
from trialwise.cli.output.writing import Written
from trialwise.population.names import MEAN, MEDIAN, SPREAD

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.analysis.contrasts import Contrasts
    from trialwise.inference.fitted import Fit


def print_files(written: Written) -> None:
    """Print the paths and descriptions of the written files."""
    listing("files written", [[str(path), description] for path, description in written])


def print_table(title: str, data: pd.DataFrame) -> None:
    """Print a table under its title."""
    frame(data, title)


def print_predictions(title: str, data: pd.DataFrame) -> None:
    """Print a table of a comparison: log-likelihoods with one decimal; columns without any value are left out."""
    frame(data.dropna(axis="columns", how="all"), title, formats=_FORMATS)


_FORMATS = {"weight": ".2f", "worst_k": ".2f", "bad_k": ".0f", "draws": ".0f", None: ".1f"}


def print_findings(findings: Iterable[Finding], name: str = "", *, apart: bool = False) -> None:
    """Print findings to standard error, notes as notes and all others as warnings, prefixed by the name of the result.

    If they are to stand ``apart``, an empty line precedes them.
    """
    for number, finding in enumerate(findings):
        if apart and number == 0:
            say()
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
    group, title = fit.group().rename_axis("parameter"), f"group parameters, {fit.learner!r}"
    if len(group):
        frame(group[_COLUMNS] if set(_COLUMNS) <= set(group.columns) else group, title)
        if any(str(name).endswith(MEDIAN) for name in group.index):
            say(
                f"  {MEDIAN}: median of the group; {MEAN}, {SPREAD}: mean and standard deviation on the unconstrained scale",
                "dim",
            )
    else:
        heading(title)
        say("  no group parameters with this pooling; model_summary.csv contains those of each participant")


def print_contrasts(found: Sequence[Contrasts]) -> None:
    """Print a sentence for each difference that the formulas of a fit ask for."""
    if found:
        heading("differences and slopes of the formulas")
    for each in found:
        by = f"{each.what} by {' and '.join(each.by)}"
        for sentence in (*each.sentences, *each.tests):
            say(f"  {by}{sentence.removeprefix(each.what)}")


def print_limits(found: Sequence[Contrasts]) -> None:
    """Print what limits the differences that the formulas of a fit ask for, as warnings; their notes are left to ``tw.contrasts``."""
    from trialwise.analysis.contrasts import findings_of_several

    limits = [finding for finding in findings_of_several(found) if finding.severity != "note"]
    print_findings(limits, apart=True)


_COLUMNS = ["mean", "sd", "eti89_lb", "eti89_ub", "ess_bulk", "ess_tail", "r_hat"]


def stop_if_failed(*fits: Fit, apart: bool = False) -> None:
    """Print each failed diagnostic, of several fits with the fit's name, and if there are any exit with the status for them.

    Raises
    ------
    typer.Exit
        If any diagnostic failed.
    """
    problems = [having(fit.findings, "problem") for fit in fits]
    if apart and any(problems):
        say()
    for fit, each in zip(fits, problems, strict=True):
        name = f"{fit.learner!r}, {counted(fit.data.n_participants, 'participant')}" if len(fits) > 1 else ""
        print_findings(each, name)
    if any(problems):
        raise typer.Exit(Status.DIAGNOSTICS)


def quoted(path: Path) -> str:
    """A path quoted for the shell."""
    return shlex.quote(str(path))
