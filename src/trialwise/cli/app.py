"""The command ``trialwise``: its verbs, and how errors are reported.

Nothing heavy is imported before a verb runs, so that ``trialwise --help`` responds immediately.
"""

from __future__ import annotations

import inspect as signatures
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from trialwise.base.errors import TrialwiseError
from trialwise.cli import check, compare, data, demo, diagnose, fit, inspect, models, report, simulate, studies
from trialwise.cli.output.console import fail, say, tables_as_csv
from trialwise.cli.output.status import status_of


class Verbs(TyperGroup):
    """The group of verbs; errors that trialwise raises on purpose are printed without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run a verb and translate its errors into exit codes."""
        try:
            return super().invoke(ctx)
        except TrialwiseError as error:
            fail(error.message)
            raise typer.Exit(status_of(error)) from None


class Verb(TyperCommand):
    """A verb whose help lists its options in groups."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line; hidden arguments, which only exist to be refused, are left out."""
        shown = (param for param in self.get_params(ctx) if not getattr(param, "hidden", False))
        return [self.options_metavar or "", *(piece for param in shown for piece in param.get_usage_pieces(ctx))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, the verb's own options, then each shared group of options."""
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
    models.models: "List the learners, or describe one in full.",
    inspect.inspect: "Summarise a data set and suggest the next command.",
    fit.fit: "Fit a learner to data.",
    simulate.simulate: "Simulate a learner at known parameters.",
    demo.demo: "Run a complete analysis of the bundled examples.",
    data.data: "Fetch a public data set.",
    diagnose.diagnose: "Diagnose a fit and suggest remedies.",
    check.check: "Check your own learner, or the predictions of a fit.",
    studies.recover: "Can this design recover a learner's parameters?",
    studies.calibrate: "Is the fit calibrated? Simulation-based calibration.",
    studies.confuse: "Can this design distinguish between learners?",
    compare.compare: "Compare fits by their predictions.",
    report.report: "Write an HTML report on one or more fits.",
}

WITHOUT_TABLES = (demo.demo, report.report)
"""Verbs whose result is a page."""

Raw = Annotated[
    bool,
    typer.Option(
        "--raw", help="Print tables as CSV with all digits, for scripts; everything else goes to standard error."
    ),
]


def with_raw(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb with the option ``--raw``."""
    kinds = get_type_hints(verb, include_extras=True)
    own = [each.replace(annotation=kinds[name]) for name, each in signatures.signature(verb).parameters.items()]
    raw = signatures.Parameter("raw", signatures.Parameter.KEYWORD_ONLY, default=False, annotation=Raw)

    @wraps(verb)
    def run(raw: bool, **values: Any) -> None:
        with tables_as_csv(raw):
            verb(**values)

    run.__signature__ = signatures.Signature([*own, raw])  # type: ignore[attr-defined]
    run.__annotations__ = {**kinds, "raw": Raw}
    del run.__wrapped__  # type: ignore[attr-defined]
    return run


for verb, summary in VERBS.items():
    app.command(cls=Verb, short_help=summary)(verb if verb in WITHOUT_TABLES else with_raw(verb))


def _version(requested: bool) -> None:
    if requested:
        from trialwise import __version__

        say(f"trialwise {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 success, 2 usage, 3 data, 4 learner or model, 5 diagnostics failed, 6 download failed."
)
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Bayesian models of how people learn, trial by trial.

    Start with `trialwise demo`, or with `trialwise inspect trials.csv` on your own data.
    """
