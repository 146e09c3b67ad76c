"""``trialwise inspect``: summary of a data set, findings, and the next command."""

from __future__ import annotations

import shlex

from trialwise.base.english import counted
from trialwise.cli.options.columns import Columns, Files
from trialwise.cli.options.groups import grouped
from trialwise.cli.output import results
from trialwise.cli.output.console import busy, command, is_raw, say


@grouped
def inspect(files: Files, columns: Columns) -> None:
    """Summarise a data set, report findings and suggest the next command."""
    from trialwise.analysis.inspect import inspect as run

    with busy("reading"):
        trials = columns.read(files)
    typed = " ".join([*(shlex.quote(str(path)) for path in files), columns.as_typed()]).strip()
    inspection = run(trials, command_options=typed)
    counts = f"{counted(inspection.participants, 'participant')}, {inspection.trials} trials"
    say(f"{files[0] if len(files) == 1 else f'{len(files)} files'}: {counts}")
    for title, table in inspection.tables(rounded=not is_raw()).items():
        results.print_table(title, table)
    results.print_findings(inspection.findings, apart=True)
    say()
    if inspection.learner is None:
        say(f"No learner suggested: {inspection.why}")
        return
    say(f"Start with {inspection.learner} ({inspection.why}):")
    command(inspection.next_command)
