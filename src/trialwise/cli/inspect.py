"""``trialwise inspect``: what the data hold, what is odd about them, and what to type next."""

from __future__ import annotations

import shlex

from trialwise.cli.options.columns import Columns, Files
from trialwise.cli.options.groups import grouped
from trialwise.cli.output.console import command, heading, say, table, warn
from trialwise.cli.output.words import in_options


@grouped
def inspect(files: Files, columns: Columns) -> None:
    """Say what the data hold, what is odd about them, and what to type next."""
    from trialwise.analysis.inspect import inspect as look

    trials = columns.read(files)
    again = " ".join([*(shlex.quote(str(path)) for path in files), columns.words()]).strip()
    found = look(trials, command_options=again)
    for rows in found.tables():
        heading(rows.title)
        table(rows.header, rows.rows)
    say()
    for caution in found.warnings:
        warn(in_options(caution.message))
    if found.learner is None:
        say(f"No learner to suggest: {in_options(found.why)}")
        return
    say(f"Begin with {found.learner} ({found.why}):")
    command(found.next_command)
