"""Writing of results: the folder, tables as CSV, pictures, and all files of a fit."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialwise.base.errors import TrialwiseError, UsageError
from trialwise.base.files import together, write
from trialwise.base.result import Result
from trialwise.base.rows import counts_rows
from trialwise.base.spreadsheets import as_csv
from trialwise.cli.output.console import note

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.analysis.contrasts import Contrasts
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


def write_table(path: Path, data: pd.DataFrame, *, for_people: bool = True) -> Path:
    """Write a table as CSV, atomically; an index that only numbers the rows is omitted.

    Labels that a spreadsheet would run as formulas get an apostrophe, unless the file is not ``for_people``.
    """
    return write(path, as_csv(data, index=not counts_rows(data), for_people=for_people))


def write_tables(result: Result, folder: Path, *names: str) -> Written:
    """Write the tables of a result, or only the named ones, each to its own file."""
    tables = {name: each for name, each in result.tables().items() if name in (names or result.contents)}
    return [(write_table(folder / f"{name}.csv", each), result.contents[name]) for name, each in tables.items()]


def write_picture(result: Result, path: Path, description: str) -> Written:
    """Write the plot of a result as PNG."""
    return [(write(path, png(result.plot())), description)]


def write_result(result: Result, folder: Path, picture: str, description: str, *names: str) -> Written:
    """Write the tables of a result, or only the named ones, and its plot, all of them or none."""
    with together(folder, Path(picture).stem.removesuffix("_plot")):
        return [*write_tables(result, folder, *names), *write_picture(result, folder / picture, description)]


def _by_row(fit: Fit, values: pd.DataFrame, path: Path) -> Written:
    """Write the values of trials by rows of the file, if these are several trials each."""
    from trialwise.data.collapse import collapse

    if fit.trials.expansion is None:
        return []
    return [(write_table(path, collapse(fit.data, values)), "the same, one row per row of the file")]


RESCUED = "rescued_fit.nc"
"""Posterior draws of a fit whose other files could not be made."""


def _contrasts(found: Sequence[Contrasts], folder: Path) -> Written:
    """Write the differences that the formulas of a fit ask for, and the evidence for them, if there are any."""
    from trialwise.analysis.contrasts import differences_of_several, evidence_of_several

    if not found:
        return []
    contrasts = write_table(folder / "contrasts.csv", differences_of_several(found))
    evidence = write_table(folder / "evidence.csv", evidence_of_several(found))
    return [
        (contrasts, "differences and slopes of the formulas, on each scale"),
        (evidence, "their direction and Bayes factors, also with half and twice the prior"),
    ]


def save(fit: Fit, folder: Path, found: Sequence[Contrasts] = ()) -> Written:
    """Write the files of a fit, all of them or none; after an error the posterior draws alone, under a name of their own."""
    draws, trials, trace = (folder / name for name in ("fit.nc", "trial_values.csv", "trace_plot.png"))
    try:
        with together(folder, "fit"):
            fit.save(draws)
            values = fit.trial_values()
            return [
                (draws, "posterior draws and diagnostics, for trialwise.load"),
                *write_tables(fit, folder),
                (write_table(trials, values), "predictions and signals, one row per trial"),
                *_by_row(fit, values, folder / "trial_values_by_row.csv"),
                *_contrasts(found, folder),
                *write_picture(fit, trace, "trace plot: chains should overlap and show no drift"),
            ]
    except Exception:
        with suppress(TrialwiseError):
            fit.save(folder / RESCUED)
            note(f"the posterior draws were saved in {folder / RESCUED}")
        raise
