"""``trialwise check``: may a learner of one's own be believed?"""

from __future__ import annotations

from typing import Annotated

import typer

from trialwise.cli.console import show
from trialwise.cli.status import Status
from trialwise.cli.subject import Name, find


def check(
    learner: Name,
    seed: Annotated[int, typer.Option(metavar="N", help="Other seeds make up other data and parameters.")] = 0,
) -> None:
    """Check a learner against the contract of a trial, on data that are made up from what it reads."""
    from trialwise.conformance import check_learner

    result = check_learner(find(learner, bare=True), seed=seed, quiet=True)
    show(result)
    if not result.passed:
        raise typer.Exit(Status.MODEL)
