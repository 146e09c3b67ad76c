"""Trials packed for the engine: two matrices, one row a trial, holding just what a learner reads.

Whole numbers: flags, labels, availability. Reals: numbers, outcomes. What was observed, the choice or the response, is a
vector of its own. One trial is one or two cache lines; the layout (which name is where) is part of the compiled code, the
data are not.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from trialwise.base.errors import LearnerError, UsageError
from trialwise.base.message import Argument
from trialwise.data.trials import MISSED, Trials
from trialwise.learners.learner import CONTRACT, Learner
from trialwise.learners.reads import OPTIONAL
from trialwise.learners.source import helpers, uses
from trialwise.learners.state import State, Task

WHOLE = np.int32
"""The type of whole numbers in packed data: what a PyMC model keeps its data in."""

FLAGS, HIDDEN = 0, 1
"""Places in a row of whole numbers: the flags, and of a learner with a hidden choice the one it is said to have made."""

RESET, LEARNS, RESPONDED = 1, 2, 4
"""Bits of the flags: reset before this trial; an outcome to learn from; a response was observed."""

Layout = tuple[tuple[str, str, int, int], ...]


@dataclass(frozen=True)
class Packed:
    """What a kernel needs of trials and a learner's shape.

    Attributes
    ----------
    observed
        The choices, ``int32 (trials,)``, or the responses, ``float64 (trials,)``.
    ints, reals
        ``int32 (trials, ...)`` and ``float64 (trials, ...)``, C-contiguous.
    trial, outcome
        Layouts: ``(name, kind, start, length)``; kind "i" is a whole number, "u" one that is not negative, "r" a real;
        length 0 is a scalar. An outcome that is one number has the
        single name ``""``.
    offsets
        ``int32 (segments + 1,)``, and ``rows``, the row of parameters of each segment.
    sizes
        ``int32``, in the order of ``names``.
    capacity
        Cells of reals and of whole numbers that a state takes, and its tables of reals.
    forgets
        Whether the learner lets a table forget.
    options
        How many options the hidden choice has; 1 without one.
    """

    observed: np.ndarray
    ints: np.ndarray
    reals: np.ndarray
    trial: Layout
    outcome: Layout
    masked: bool
    names: tuple[str, ...]
    sizes: np.ndarray
    offsets: np.ndarray
    rows: np.ndarray
    actions: int
    capacity: tuple[int, int, int]
    forgets: bool
    options: int

    @property
    def layout(self) -> tuple:
        """Everything about the data that compiled code depends on."""
        return (self.trial, self.outcome, self.masked, self.names, self.actions)

    def only(self, n: int) -> Packed:
        """The trials of participant ``n``."""
        first, end = self.offsets[n : n + 2]
        parts = {name: getattr(self, name)[first:end] for name in ("observed", "ints", "reals")}
        return replace(self, **parts, offsets=np.array([0, end - first], WHOLE), rows=np.zeros(1, WHOLE))

    def with_hidden(self, hidden: np.ndarray) -> Packed:
        """The same trials with other hidden choices, ``(trials,)``."""
        ints = self.ints.copy()
        ints[:, HIDDEN] = hidden
        return replace(self, ints=ints)


def argument(learner: Learner, method: str, role: str) -> str | None:
    """What a learner's method calls one of its arguments."""
    function = learner.methods.get(method)
    if function is None:
        return None
    roles = list(CONTRACT[method])
    if learner.hides and method in ("choose", "learn"):
        roles.insert(2, "hidden")
    return function.__code__.co_varnames[1 + roles.index(role)] if role in roles else None


def _all_names(learner: Learner) -> set[str]:
    """Every attribute name in a learner's text, helpers included: what it might read of a trial."""
    names, seen, todo = set(), set(), [*learner.methods.values(), *learner.helper_methods.values()]
    while todo:
        function = todo.pop()
        if function in seen:
            continue
        seen.add(function)
        names |= set(function.__code__.co_names)
        todo += [thing for _, thing in helpers(function) if hasattr(thing, "__code__")]
    return names


def pack(learner: Learner, trials: Trials) -> Packed:
    """Lay out what the learner reads of the trials.

    Raises
    ------
    UsageError
        If the data have no choices, no response or no outcomes where the learner needs them.
    LearnerError
        If a method reads a column that is not known before the choice, or an outcome that does not exist.
    """
    if learner.response == "categorical" and trials.choice is None:
        raise UsageError(f"{learner} needs choices and the data have none: name the column, ", Argument("choice", ...))
    if learner.response == "normal" and not trials.response:
        raise UsageError(
            f"{learner} needs a response and the data have none: name the column, ", Argument("response", ...)
        )
    if "learn" in learner.methods and not trials.outcome:
        raise UsageError(
            f"{learner} learns from outcomes and the data have none: name the column, ", Argument("outcome", ...)
        )
    for use in _reads(learner, "trial"):
        _check_trial_name(learner, trials, use)
    for use in _reads(learner, "outcome"):
        _check_outcome_name(learner, trials, use)

    count, wanted = trials.n_trials, _all_names(learner)
    actions = trials.sizes.get("action", 1)
    outcomes = list(trials.outcome.items())
    got_outcome = ~trials.without_outcome
    if learner.response == "normal":
        observed = np.ascontiguousarray(next(iter(trials.response.values())), np.float64)
        responded, learns = ~np.isnan(observed), got_outcome
    else:
        observed = np.ascontiguousarray(trials.choice, WHOLE)
        responded = observed != MISSED
        learns = got_outcome & responded
    flags = RESET * trials.reset + LEARNS * learns + RESPONDED * responded

    ints: list[np.ndarray] = [flags, np.zeros(count, WHOLE)] if learner.hides else [flags]
    reals: list[np.ndarray] = [np.zeros(count)]  # never empty, so that there is a row to point to
    trial: list[tuple[str, str, int, int]] = []

    def add(name: str, values: np.ndarray) -> None:
        kind, into = ("i", ints) if values.dtype.kind in "iub" else ("r", reals)
        if kind == "i" and not (values < 0).any():
            kind = "u"
        start, vector = len(into), values.ndim == 2
        into.extend(values.T if vector else [values])
        trial.append((name, kind, start, values.shape[1] if vector else 0))

    for name, column in trials.columns.items():
        if name in wanted:
            add(name, column.values)
    for name in OPTIONAL:
        if name in wanted and name not in trials.columns:
            add(name, np.zeros(count, np.int64))
    if trials.available is not None:
        add("available", trials.available.astype(np.int64))
    elif "available" in wanted:
        add("available", np.ones((count, actions), np.int64))
    first = len(reals)
    reals.extend(values for _, values in outcomes)
    single = len(outcomes) == 1
    outcome = tuple(("" if single else name, "r", first + k, 0) for k, (name, _) in enumerate(outcomes))

    names = tuple(sorted(trials.sizes))
    return Packed(
        observed=observed,
        ints=np.ascontiguousarray(np.stack(ints, 1), WHOLE),
        reals=np.ascontiguousarray(np.stack(reals, 1), np.float64),
        trial=tuple(trial),
        outcome=outcome,
        masked=trials.available is not None,
        names=names,
        sizes=np.array([trials.sizes[name] for name in names], WHOLE),
        offsets=np.asarray(trials.offsets, WHOLE),
        rows=np.arange(trials.n_participants, dtype=WHOLE),
        actions=actions,
        capacity=_capacity(learner, trials),
        forgets="decay" in wanted,
        options=learner.options,
    )


def middle(learner: Learner) -> dict[str, float]:
    """A value well inside the range of each free parameter."""
    return {parameter.name: float(parameter.constrain(parameter.mean)) for parameter in learner.parameters}


def _capacity(learner: Learner, trials: Trials) -> tuple[int, int, int]:
    """How much memory a state takes, found by starting one in plain Python."""
    if "start" not in learner.methods:
        return 0, 0, 0
    task = Task(trials.sizes)
    made = learner.agent(middle(learner)).start(task)
    loose = [v for v in vars(made).values() if not isinstance(v, np.ndarray)] if isinstance(made, State) else []
    return task.cells + len(loose), task.memories + len(loose), task.tables


def _reads(learner: Learner, role: str) -> Iterator[tuple[str, str, int]]:
    for name, method in learner.methods.items():
        mine = argument(learner, name, role)
        for use in uses(method):
            if use.argument == mine:
                yield name, use.name, use.line


def _check_trial_name(learner: Learner, trials: Trials, use: tuple[str, str, int]) -> None:
    method, name, line = use
    known = [*trials.columns, *(n for n in OPTIONAL if n not in trials.columns), "available"]
    if name in known:
        return
    where = f"{type(learner).__name__}.{method}, line {line}, reads trial.{name}"
    if name in ("choice", "outcome", "response", *trials.outcome, *trials.response):
        raise LearnerError(
            f"{where}, which is known only after the choice. It belongs in learn(self, state, trial, choice, outcome)"
        )
    near = difflib.get_close_matches(name, known, 1)
    guess = f" Did you mean trial.{near[0]}?" if near else ""
    raise LearnerError(
        f"{where}, but the data have no such column.{guess} Known before the choice: {', '.join(known)}. "
        "A column of the file is kept with ",
        Argument("labels", [name]),
        " or ",
        Argument("numbers", [name]),
    )


def _check_outcome_name(learner: Learner, trials: Trials, use: tuple[str, str, int]) -> None:
    method, name, line = use
    where = f"{type(learner).__name__}.{method}, line {line}, reads outcome.{name}"
    if len(trials.outcome) == 1:
        raise LearnerError(
            f"{where}, but the outcome is one number: write outcome, or map several columns, "
            f'outcome={{"{name}": "column", ...}}'
        )
    if name not in trials.outcome:
        raise LearnerError(f"{where}; the outcomes are {', '.join(trials.outcome)}")
