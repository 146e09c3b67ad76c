"""Options of the design of a fit: formulas of parameters, and the table of participants that they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from trialwise.base.errors import UsageError

PANEL = "Groups, covariates, sessions and conditions"

ALL, NONE = "all", "none"
"""What is typed in place of True and False."""


class Random(StrEnum):
    """Which effects participants have of their own."""

    full = "full"
    intercept = "intercept"


class Missing(StrEnum):
    """What is done about participants without a covariate."""

    refuse = "refuse"
    drop = "drop"


def option(flag: str, metavar: str, help: str, panel: str = PANEL) -> Any:
    """An option of a panel of the help, without its default."""
    return typer.Option(flag, metavar=metavar, help=help, show_default=False, rich_help_panel=panel)


FORMULA = option(
    "--formula",
    "FORMULA",
    'What a parameter depends on: "alpha ~ group + age", "beta ~ session"; may be repeated.',
)
RANDOM = option(
    "--random",
    "HOW",
    "full: what changes within participants has an effect of each, the default; intercept: participants differ in intercepts only.",
)
CORRELATED = option(
    "--correlated",
    "all|A,B",
    "Correlated effects of participants: all those of each parameter, or those of the parameters A and B, a block; may be repeated.",
)


@dataclass(frozen=True)
class Formulas:
    """How parameters depend on groups, covariates, sessions and conditions."""

    formula: Annotated[list[str], FORMULA] = field(default_factory=list)
    participants: Annotated[
        Path | None,
        option(
            "--participants",
            "FILE",
            "Table with one row per participant and columns for the formulas; they may also be columns of the data.",
        ),
    ] = None
    random: Annotated[Random | None, RANDOM] = None
    correlated: Annotated[list[str], CORRELATED] = field(default_factory=list)
    missing_covariates: Annotated[
        Missing | None,
        option(
            "--missing-covariates",
            "HOW",
            "refuse participants without a value, the default, or drop them, which a note reports.",
        ),
    ] = None

    def arguments(self) -> dict[str, object]:
        """The arguments of :func:`trialwise.fit`; options that were not given keep the defaults of the library.

        Raises
        ------
        UsageError
            If an option about formulas is given without one, or ``--correlated`` names both all parameters and some.
        """
        options: dict[str, object] = {
            "participants": self.participants,
            "random": None if self.random is None else str(self.random),
            "correlated": blocks(self.correlated),
            "missing_covariates": None if self.missing_covariates is None else str(self.missing_covariates),
        }
        given = {name: value for name, value in options.items() if value is not None}
        unused = [name for name in given if name != "participants" and not self.formula]
        if unused:  # the library refuses a table of participants, with an example of a formula
            raise UsageError(
                f'--{unused[0].replace("_", "-")} is about formulas, and there is none: add --formula "alpha ~ group"'
            )
        return given | ({"formulas": list(self.formula)} if self.formula else {})


def blocks(texts: Sequence[str] | None) -> bool | list[list[str]] | None:
    """The blocks of correlated parameters, or whether all are; None if nothing was typed."""
    if not texts:
        return None
    if ALL in texts or NONE in texts:
        if len(texts) > 1:
            raise UsageError(
                f"--correlated: {ALL} and {NONE} stand alone; leave out the other, or name blocks of parameters only"
            )
        return texts[0] == ALL
    return [[name.strip() for name in text.split(",")] for text in texts]
