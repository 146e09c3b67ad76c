"""The command ``trialwise``: its verbs, and what becomes of errors.

Nothing heavy is imported before a verb runs: ``trialwise --help`` answers at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from trialwise.base.errors import TrialwiseError
from trialwise.cli import check, compare, data, demo, diagnose, fit, inspect, models, report, simulate, studies
from trialwise.cli.output.console import fail, say
from trialwise.cli.output.status import status_of


class Verbs(TyperGroup):
    """The verbs; an error that trialwise raises on purpose is told in its own words, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a verb."""
        try:
            return super().invoke(ctx)
        except TrialwiseError as error:
            fail(error.message)
            raise typer.Exit(status_of(error)) from None


class Verb(TyperCommand):
    """A verb whose help tells its options in groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, the verb's own options, then each group that verbs share."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is None:
                continue
            if param.param_type_name == "argument":
                groups["Arguments"].append((record[0].split(" <")[0], record[1].removesuffix("  [required]")))
            else:
                groups.setdefault(getattr(param, "rich_help_panel", None) or "Options", []).append(record)
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


app = typer.Typer(
    cls=Verbs,
    name="trialwise",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
)

VERBS: dict[Callable[..., None], str] = {
    models.models: "List the learners, or tell all about one.",
    inspect.inspect: "Say what the data hold and what to type next.",
    fit.fit: "Fit a learner to data.",
    simulate.simulate: "Simulate a learner at known parameters.",
    demo.demo: "Tell the whole story on the bundled examples.",
    data.data: "Fetch a public data set.",
    diagnose.diagnose: "Say whether a fit can be believed, and what to try.",
    check.check: "Check a learner of your own, or a fit.",
    studies.recover: "Can this design find a learner's parameters?",
    studies.calibrate: "Are draws of a learner's fit what they claim to be?",
    studies.confuse: "Are learners told apart in this design?",
    compare.compare: "Compare fits by what they predict.",
    report.report: "Write a report on fits.",
}

for verb, brief in VERBS.items():
    app.command(cls=Verb, short_help=brief)(verb)


def _version(asked: bool) -> None:
    if asked:
        from trialwise import __version__

        say(f"trialwise {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 done, 2 usage, 3 data, 4 learner or model, 5 diagnostics failed, 6 fetching failed."
)
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Bayesian models of how people learn, trial by trial.

    Begin with `trialwise demo`, or with `trialwise inspect trials.csv` on data of your own.
    """
