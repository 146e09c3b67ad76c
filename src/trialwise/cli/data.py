"""``trialwise data``: download and verify public data sets."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from trialwise.cli.output.console import command, say, table


def data(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Name of a data set; without one, all are listed.", show_default=False),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Destination; by default a folder with the name of the data set.",
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="URL of a mirror: the folder that contains the files.", show_default=False),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files that differ.")] = False,
) -> None:
    """Download a public data set, verify its checksum and print its terms of use."""
    from trialwise.data.fetch import DATASETS, fetch

    if name is None:
        table(["name", "description"], [[each.name, each.title] for each in DATASETS.values()])
        return
    fetched = fetch(name, folder, url=url, overwrite=overwrite)
    for path in fetched.paths:
        say(f"{path}  {'downloaded' if path in fetched.downloaded else 'already present'}")
    say()
    say(f"Terms: {fetched.dataset.terms}")
    say()
    say("Inspect the data:")
    command(f"trialwise inspect {shlex.quote(str(fetched.folder))}")
