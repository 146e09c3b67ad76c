"""Conformance: does a learner satisfy the contract of a trial, and are its likelihood and gradient correct?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trialwise.analysis.conformance.contract import CHECKS, HIDDEN_CHECKS, Case, Violation
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.errors import LearnerError, TrialwiseError, UsageError
from trialwise.base.progress import in_notebook
from trialwise.base.result import Finding, Result
from trialwise.data.trials import Trials
from trialwise.learners.decorator import learner
from trialwise.learners.learner import Learner
from trialwise.learners.violations import check_assumptions

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Check:
    """One row of the table: the check, whether it passed, and the details."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, repr=False)
class Conformance(Result):
    """The result of checking a learner.

    Attributes
    ----------
    learner
        Description of the learner.
    checks
        The :class:`Check` of each property; only the first one if the learner does not run at all.

    Examples
    --------
    >>> conformance = tw.check_learner(tw.learners.RescorlaWagner(), quiet=True)
    >>> conformance.passed, len(conformance.findings)
    (True, 0)
    """

    learner: str
    checks: tuple[Check, ...]

    contents = {"checks": "each check, whether it passed, and the details"}

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def raise_if_failed(self) -> None:
        """Raise an error unless every check passed, for use in tests.

        Raises
        ------
        LearnerError
            If a check failed; the message lists all that failed.
        """
        if not self.passed:
            raise LearnerError(str(self))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """A problem for each check that failed."""
        return tuple(
            Finding("problem", check.name.replace(" ", "-"), f"{check.name}: {check.detail}", about=(self.learner,))
            for check in self.checks
            if not check.passed
        )

    def tables(self) -> dict[str, pd.DataFrame]:
        """``checks``: a row a check."""
        import pandas as pd

        rows = [(check.name, "passed" if check.passed else "FAILED", check.detail) for check in self.checks]
        return {"checks": pd.DataFrame(rows, columns=["check", "result", "found"])}

    @property
    def headline(self) -> str:
        """Whether the learner passes."""
        return f"{self.learner} {f'passes all {len(self.checks)} checks' if self.passed else 'fails'}"

    def __rich__(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(self.learner), title_justify="left", show_lines=not self.passed)
        for heading in ("check", ""):
            table.add_column(heading, no_wrap=True)
        table.add_column("found")
        for check in self.checks:
            mark = Text("passed", "green") if check.passed else Text("FAILED", "bold red")
            table.add_row(Text(check.name), mark, Text(check.detail))
        return table


def check_learner(
    subject: Any,
    trials: Trials | None = None,
    columns: Mapping[str, Any] | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Conformance:
    """Check a custom learner against the contract of a trial.

    The checks: plain Python and both compiled forms agree; the gradient is the slope of the likelihood; a simulation and its
    replay have the same probability; every parameter matters; no trial depends on the future; participants are independent; a
    missed trial only calls ``elapse``; signals are numbers. A learner with a hidden choice is checked at given hidden choices,
    where everything can be computed exactly; in addition, swapping exchangeable options must change nothing, and particles must
    agree with the sum over all sequences of hidden choices in a few trials.

    Parameters
    ----------
    subject
        A learner: ``MyLearner`` or ``MyLearner(initial=1.2).fix(forget=0)``.
    trials
        Data for the checks. By default data are generated from the columns that the learner reads: labels where it uses
        ``trial.name`` as an index, numbers elsewhere, an outcome record where it reads ``outcome.name``.
    columns
        Kinds of generated columns, where the default is not suitable: ``{"delay": (0.0, 30.0)}`` a number in a range,
        ``{"stage": 2}`` one of two labels, ``{"options": (2, 6)}`` a vector of 2 labels out of 6,
        ``{"amount": (2, (0.0, 100.0))}`` a vector of 2 numbers, ``{"action": 2}`` two actions.
    seed
        Determines the generated data and parameters.
    quiet
        Do not print the table. A notebook displays it as the value of a cell, so that there it is printed only if a check failed.

    Returns
    -------
    Conformance
        With ``passed``, ``checks`` and ``raise_if_failed()``.

    Raises
    ------
    UsageError
        If ``subject`` is not a learner, ``columns`` cannot be read, or ``trials`` are not what the learner assumes.

    Examples
    --------
    >>> conformance = tw.check_learner(tw.QLearning, quiet=True)
    >>> conformance
    QLearning() passes all 9 checks
    >>> conformance.raise_if_failed()
    """
    name = getattr(subject, "__name__", repr(subject))
    try:
        instance = _as_learner(subject)
        if trials is not None:
            check_assumptions(instance, trials)
        case = Case(instance, specimen(instance, columns, seed) if trials is None else trials, seed)
        result = Conformance(repr(instance), tuple(_run_checks(case)))
    except LearnerError as error:  # the class itself breaks the contract
        result = Conformance(name, (Check("it is a learner", False, str(error)),))
    if not (quiet or (result.passed and in_notebook())):
        from rich.console import Console

        Console().print(result)
    return result


def _as_learner(subject: Any) -> Learner:
    if isinstance(subject, Learner):
        return subject
    if not isinstance(subject, type):
        raise UsageError(f"check_learner({subject!r}): wanted a learner, its class or an instance of it")
    if not issubclass(subject, Learner):
        subject = learner(subject)  # raises an error that explains why the class is not a learner
    return subject()  # type: ignore[no-any-return]


def _run_checks(case: Case) -> Iterator[Check]:
    checks = CHECKS | HIDDEN_CHECKS if case.learner.hides else CHECKS
    for n, (name, check) in enumerate(checks.items()):
        try:
            yield Check(name, True, check(case))
        except (Violation, TrialwiseError) as error:
            yield Check(name, False, error.message)
            if n == 0:  # a learner that does not run cannot be checked further
                return
