"""Conformance: does a learner satisfy the contract of a trial, and are its likelihood and gradient correct?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.conformance.acting import acting, line_in
from trialwise.analysis.conformance.case import Case, Violation
from trialwise.analysis.conformance.contract import CHECKS, HIDDEN_CHECKS, MARKOV_CHECKS
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.english import counted
from trialwise.base.errors import LearnerError, TrialwiseError, UsageError
from trialwise.base.expects import FLAG, MAPPING, expects
from trialwise.base.message import NAME_ALONE, Argument, Message
from trialwise.base.progress import in_notebook
from trialwise.base.result import Finding, Result
from trialwise.base.streams import checked_seed
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.trials import Trials
from trialwise.engine import comes_from, raised
from trialwise.environments.environment import ENVIRONMENT, Environment, Recorded
from trialwise.learners.decorator import learner
from trialwise.learners.learner import Learner
from trialwise.learners.violations import check_data

if TYPE_CHECKING:
    import pandas as pd


MADE_UP = (
    "\n    -> this happened on generated data: if they cannot occur in the task that the learner is made for, check it on trials of that task, "
    "or in the environment"
)
"""What to do if a learner raises an exception on generated data."""


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
    generated
        Description of the data, if they were generated for the check; empty if it was made on data of the user.
    notes
        How data of the user were read.

    Examples
    --------
    >>> conformance = tw.check_learner(tw.learners.RescorlaWagner(), quiet=True)
    >>> conformance.passed, len(conformance.findings)
    (True, 0)
    """

    learner: str
    checks: tuple[Check, ...]
    generated: str = ""
    notes: tuple[str, ...] = ()

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
        """A problem for each check that failed, and a note if the data were generated, which may not suit the learner."""
        problems = [
            Finding("problem", check.name.replace(" ", "-"), f"{check.name}: {check.detail}", about=(self.learner,))
            for check in self.checks
            if not check.passed
        ]
        if problems and self.generated:
            sentence = f"the check was made on generated data: {self.generated}"
            advice = Message(
                "If the learner is not made for such data, give it others: ", Argument("trials", "data.csv"), ", or the environment it acts in, ",
                Argument("environment", NAME_ALONE), ", or say what is generated, ", Argument("columns", {"action": 2}),
            )  # fmt: skip
            problems.append(Finding("note", "generated-data", sentence, advice))
        return (*problems, *(Finding("note", "reading", note) for note in self.notes))

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


@expects(trials=DATA, columns=MAPPING, quiet=FLAG, environment=ENVIRONMENT)
def check_learner(
    subject: Any,
    trials: Data | None = None,
    columns: Mapping[str, Any] | None = None,
    seed: int = 0,
    quiet: bool = False,
    *,
    environment: Environment | Recorded | None = None,
) -> Conformance:
    """Check a custom learner against the contract of a trial.

    The checks: plain Python and both compiled forms agree; the gradient is the slope of the likelihood; a simulation and its
    replay have the same probability; every parameter matters; no trial depends on the future; participants are independent; a
    missed trial only calls ``elapse``; signals are numbers. A learner with a hidden choice is checked at given hidden choices,
    where everything can be computed exactly; in addition, swapping exchangeable options must change nothing, and particles must
    agree with the sum over all sequences of hidden choices in a few trials; so must the forward algorithm, if the hidden choice is a Markov
    chain.

    Parameters
    ----------
    subject
        A learner: ``MyLearner`` or ``MyLearner(initial=1.2).fix(forget=0)``.
    trials
        Data for the checks: trials, or a path or DataFrame. By default data are generated from the columns that the learner reads: labels where it uses
        ``trial.name`` as an index, numbers elsewhere, an outcome record where it reads ``outcome.name``.
    columns
        Kinds of generated columns, where the default is not suitable: ``{"delay": (0.0, 30.0)}`` a number in a range,
        ``{"stage": 2}`` one of two labels, ``{"options": (2, 6)}`` a vector of 2 labels out of 6,
        ``{"amount": (2, (0.0, 100.0))}`` a vector of 2 numbers, ``{"action": 2}`` two actions.
    seed
        Determines the generated data and parameters.
    quiet
        Do not print the table. A notebook displays it as the value of a cell, so that there it is printed only if a check failed.
    environment
        An environment in which the learner acts, whose data are those of the checks; with ``trials``, along their sequences.

    Returns
    -------
    Conformance
        With ``passed``, ``checks`` and ``raise_if_failed()``.

    Raises
    ------
    UsageError
        If ``subject`` is not a learner, ``columns`` cannot be read, ``trials`` are not what the learner assumes, or the environment does not
        suit the learner.
    DataError
        If ``trials`` cannot be read.

    Examples
    --------
    >>> conformance = tw.check_learner(tw.QLearning, quiet=True)
    >>> conformance
    QLearning() passes all 9 checks
    >>> conformance.raise_if_failed()
    """
    name, seed = getattr(subject, "__name__", repr(subject)), checked_seed(seed)
    data = None if trials is None else as_trials(trials)
    notes = () if data is None else data.notes
    try:
        instance = _as_learner(subject)
    except LearnerError as error:  # the class itself breaks the contract
        result = Conformance(name, (Check("it is a learner", False, str(error)),))
    else:
        generated = ""
        task = environment if environment is None or data is None else _along(environment, data)
        try:
            if data is not None:
                check_data(instance, data)
            if task is not None:
                data = acting(instance, task, seed)
            elif data is None:
                data = specimen(instance, columns, seed)
                generated = _described(data)
            case = Case(instance, data, seed, task, bool(generated))
            result = Conformance(repr(instance), tuple(_run_checks(case)), generated, notes)
        except UsageError:
            raise
        except Exception as error:
            row = Check("it runs and compiles", False, _explained(error, instance, task))
            result = Conformance(repr(instance), (row,), generated, notes)
    if not (quiet or (result.passed and in_notebook())):
        from rich.console import Console

        Console().print(result)
        for finding in result.findings:
            if finding.severity == "note":
                Console().print(finding.text, markup=False)
    return result


def _along(environment: Environment | Recorded, data: Trials) -> Recorded:
    """The environment along the sequences of the data."""
    return environment.on(data) if isinstance(environment, Environment) else environment


def _described(trials: Trials) -> str:
    """The sizes and ranges of generated trials."""
    sets = [counted(size, name) for name, size in trials.sizes.items()]
    ends = {name: (np.nanmin(values), np.nanmax(values)) for name, values in trials.outcome.items()}
    parts = [f"{name} from {low:.3g} to {high:.3g}" for name, (low, high) in ends.items()]
    return f"{counted(trials.n_trials, 'trial')} of {counted(trials.n_participants, 'participant')}; {', '.join([*sets, *parts])}"


def _as_learner(subject: Any) -> Learner:
    if isinstance(subject, Learner):
        return subject
    if not isinstance(subject, type):
        raise UsageError(f"check_learner({subject!r}): wanted a learner, its class or an instance of it")
    if not issubclass(subject, Learner):
        subject = learner(subject)  # raises an error that explains why the class is not a learner
    return subject()  # type: ignore[no-any-return]


def _run_checks(case: Case) -> Iterator[Check]:
    checks = CHECKS | (MARKOV_CHECKS if case.learner.markov else HIDDEN_CHECKS if case.learner.hides else {})
    for n, (name, check) in enumerate(checks.items()):
        try:
            yield Check(name, True, check(case))
        except Exception as error:
            yield Check(name, False, _explained(error, case.learner, case.task, case.generated))
            if n == 0:  # a learner that does not run cannot be checked further
                return


def _explained(
    error: Exception, learner: Learner, environment: Environment | Recorded | None, generated: bool = False
) -> Message | str:
    """Why a check failed: a violation, or an exception of the user's code; any other exception is raised again."""
    if isinstance(error, Violation):
        return error.message
    if environment is not None and (place := line_in(environment, error)):
        return f"{place}\n    {type(error).__name__}: {error}"
    if not isinstance(error, TrialwiseError) and not comes_from(learner, error):
        raise error
    message = error.message if isinstance(error, TrialwiseError) else raised(learner, error).message
    return Message(message, MADE_UP) if generated else message
