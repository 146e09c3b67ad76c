"""``trialwise data``: public data sets, checked and with their terms."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from trialwise.cli.output.console import command, say, table


def data(
    name: Annotated[
        str | None, typer.Argument(help="Which data set; without a name they are listed.", show_default=False)
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Where to, by default a folder of its name.", show_default=False
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="A mirror: the folder that holds the files.", show_default=False)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files of the same names that differ.")
    ] = False,
) -> None:
    """Fetch a public data set, check that it is the one meant, and say under which terms it may be used."""
    from trialwise.data.fetch import DATASETS, fetch

    if name is None:
        table(["name", "what it is"], [[each.name, each.title] for each in DATASETS.values()])
        return
    fetched = fetch(name, folder, url=url, overwrite=overwrite)
    for path in fetched.paths:
        say(f"{path}  {'downloaded' if path in fetched.downloaded else 'was there already'}")
    say()
    say(f"Terms: {fetched.dataset.terms}")
    say()
    say("Look at them:")
    command(f"trialwise inspect {shlex.quote(str(fetched.folder))}")
