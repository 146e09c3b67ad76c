"""``trialwise inspect``: what the data hold, what is odd about them, and what to type next."""

from __future__ import annotations

import shlex

from trialwise.cli.options.columns import Columns, Files
from trialwise.cli.options.groups import grouped
from trialwise.cli.output import results
from trialwise.cli.output.console import command, say


@grouped
def inspect(files: Files, columns: Columns) -> None:
    """Say what the data hold, what is odd about them, and what to type next."""
    from trialwise.analysis.inspect import inspect as look

    trials = columns.read(files)
    again = " ".join([*(shlex.quote(str(path)) for path in files), columns.words()]).strip()
    found = look(trials, command_options=again)
    for title, table in found.tables().items():
        results.print_table(title, table)
    say()
    results.print_findings(found.findings)
    if found.learner is None:
        say(f"No learner to suggest: {found.why}")
        return
    say(f"Begin with {found.learner} ({found.why}):")
    command(found.next_command)
