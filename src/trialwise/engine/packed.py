"""Trials packed for the engine: matrices with one row per trial and only the columns that the learner reads.

The matrix of integers holds flags, labels, availability and slots of parameters; that of reals, numbers and outcomes. Observed
choices and other responses are a third matrix. A trial takes one or two cache lines. The layout (the column of each name) is
compiled into the kernels, the data are not.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from trialwise.base.errors import LearnerError, TrialwiseError, UsageError, did_you_mean
from trialwise.base.message import Argument
from trialwise.data.trials import Trials, row_of
from trialwise.engine.exceptions import raised
from trialwise.engine.flags import HIDDEN, HIDES, SCORED, TEACHES, WATCHES, flags_of
from trialwise.learners.learner import Learner, arguments_of
from trialwise.learners.reads import OPTIONAL, unguarded
from trialwise.learners.responses.family import Place, ResponseFamily
from trialwise.learners.source import helpers, uses
from trialwise.learners.state import State, Task

WHOLE = np.int32
"""The integer type of packed data, the same as that of data in PyMC models."""

Layout = tuple[tuple[str, str, int, int], ...]

Slots = tuple[tuple[int, int], ...]
"""For each free parameter: its number of slots, and the column of integers that gives the slot of each trial (as a column of the
matrix of parameters), or -1 if there is only one slot."""


@dataclass(frozen=True)
class Packed:
    """The trials and the dimensions of a learner, as a kernel needs them.

    Attributes
    ----------
    observed
        The learner's responses, ``(trials, columns of all)``: ``int32`` if all are integers, as choices are, else ``float64``.
    ints, reals
        ``int32 (trials, ...)`` and ``float64 (trials, ...)``, C-contiguous.
    trial, outcome
        Layouts: ``(name, kind, start, length)``; kind "i" is an integer, "u" a non-negative integer, "r" a real; length 0 is
        a scalar. A scalar outcome has the single name ``""``.
    offsets
        ``int32 (segments + 1,)``, and ``rows``, the row of parameters of each segment.
    sizes
        ``int32``, in the order of ``names``.
    capacity
        Numbers of real and of integer cells in a state, and of its tables of reals.
    forgets
        Whether the learner uses ``decay`` on a table.
    options
        Number of options of the hidden choice; 1 without one.
    slots
        Slots of parameters: a parameter with several slots takes its value on each trial from the slot given for that trial; the
        state carries over. Parameters of kernels are ``(rows, slots in all)``, with the slots of a parameter in adjacent columns.
    unscored
        Whether on any trial with a response, or watched, no response enters the likelihood.
    participants
        The label of each segment, for messages.
    file_rows
        The row of the file of each trial, for messages; None if not known.
    files
        The name of the file of each trial, if there are several.
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
    slots: Slots
    unscored: bool = False
    participants: tuple[str, ...] = ()
    file_rows: np.ndarray | None = None
    files: np.ndarray | None = None

    @property
    def all_slots(self) -> int:
        """The total number of slots of all parameters."""
        return sum(count for count, _ in self.slots)

    @property
    def layout(self) -> tuple:
        """The properties of the data on which compiled code depends."""
        return (self.trial, self.outcome, self.masked, self.names, self.actions, self.slots, self.unscored)

    def only(self, n: int) -> Packed:
        """The trials of participant ``n``."""
        first, end = self.offsets[n : n + 2]
        parts = {name: getattr(self, name)[first:end] for name in ("observed", "ints", "reals")}
        for name in ("file_rows", "files"):
            if (values := getattr(self, name)) is not None:
                parts[name] = values[first:end]
        names = self.participants[n : n + 1]
        return replace(
            self, **parts, offsets=np.array([0, end - first], WHOLE), rows=np.zeros(1, WHOLE), participants=names
        )

    def place(self, t: int) -> str:
        """Where trial ``t`` of the packed trials is, for messages: ``participant 'a', trial 3, row 4 of the file``."""
        n = int(np.searchsorted(self.offsets, t, side="right")) - 1
        name = repr(self.participants[n]) if n < len(self.participants) else f"number {n + 1}"
        row = row_of(self.file_rows, self.files, t)
        return f"participant {name}, trial {t - self.offsets[n] + 1}{row}"

    def with_hidden(self, hidden: np.ndarray) -> Packed:
        """The same trials with given hidden choices, ``(trials,)``: options from 0, or -1 where none was made.

        Raises
        ------
        UsageError
            If one is not an option, since learners use it as an index.
        """
        outside = np.flatnonzero((hidden < -1) | (hidden >= self.options))
        if len(outside):
            raise UsageError(
                f"hidden choice {hidden[outside[0]]} on trial {outside[0] + 1}: expected 0 to {self.options - 1}, or -1 for none"
            )
        ints = self.ints.copy()
        ints[:, HIDDEN] = hidden
        return replace(self, ints=ints)


def argument(learner: Learner, method: str, role: str) -> str | None:
    """The learner's own name for one argument of a method; None if it has no such method or argument."""
    function = learner.methods.get(method)
    if function is None:
        return None
    roles = arguments_of(method, learner.hides, learner.responses)
    return function.__code__.co_varnames[1 + roles.index(role)] if role in roles else None


def _all_names(learner: Learner) -> set[str]:
    """All attribute names in a learner's text, including helpers: the columns that it may read from a trial."""
    names, seen, pending = set(), set(), [*learner.methods.values(), *learner.helper_methods.values()]
    while pending:
        function = pending.pop()
        if function in seen:
            continue
        seen.add(function)
        names |= set(function.__code__.co_names)
        pending += [value for _, value in helpers(function) if hasattr(value, "__code__")]
    return names


class Response(NamedTuple):
    """One of a learner's responses: its name, its family, and the first of its columns in each matrix."""

    name: str
    family: ResponseFamily
    place: Place

    def observed(self, matrix: np.ndarray) -> np.ndarray:
        """The columns of this response in the matrix of observed responses."""
        return matrix[:, self.place.observed : self.place.observed + len(self.family.columns)]

    def predictions(self, record: np.ndarray, actions: int) -> np.ndarray:
        """The columns of this response in a record of predictions."""
        return record[:, self.place.record : self.place.record + self.family.predictions(actions)]


def responses_of(learner: Learner, actions: int) -> list[Response]:
    """The learner's responses, with the positions of their columns for this number of actions."""
    responses: list[Response] = []
    place = Place(0, 1, 0)  # a record begins with the log-likelihood
    for name, family in learner.responses.items():
        responses.append(Response(name, family, place))
        place = _behind(responses[-1], actions)
    return responses


def end_of(learner: Learner, actions: int) -> Place:
    """The position after the learner's last response, that is, the number of columns in each matrix."""
    return _behind(responses_of(learner, actions)[-1], actions)


def _behind(response: Response, actions: int) -> Place:
    (observed, record, random), family = response.place, response.family
    return Place(observed + len(family.columns), record + family.predictions(actions), random + len(family.random))


def pack(
    learner: Learner,
    trials: Trials,
    *,
    slots: Mapping[str, np.ndarray] | None = None,
) -> Packed:
    """Pack the parts of the trials that the learner reads.

    Parameters
    ----------
    learner, trials
        The learner, and the trials with its responses.
    slots
        For free parameters with several values, the number of the value that applies on each trial, from 0,
        ``int (trials,)``.

    Raises
    ------
    UsageError
        If the data lack choices, responses or outcomes that the learner needs; for slots of a name that is not a free
        parameter, or slots that are not whole numbers from 0.
    LearnerError
        If a method reads a column that is not known before the choice, or an outcome that does not exist.
    """
    _check_needs(learner, trials)
    count, names_read = trials.n_trials, _all_names(learner)
    actions = trials.sizes.get("action", 1)
    outcomes = list(trials.outcome.items())
    observed = [family.observed(trials, name) for name, family in learner.responses.items()]
    flags = flags_of(learner, trials, observed)

    _check_parts(learner, trials, (flags & (TEACHES | WATCHES)) > 0)
    ints: list[np.ndarray] = [flags, np.zeros(count, WHOLE)] if learner.hides else [flags]
    reals: list[np.ndarray] = [np.zeros(count)]  # never empty, so that pointers to a row are valid
    trial: list[tuple[str, str, int, int]] = []

    def add(name: str, values: np.ndarray) -> None:
        kind, target = ("i", ints) if values.dtype.kind in "iub" else ("r", reals)
        if kind == "i" and not (values < 0).any():
            kind = "u"
        start, vector = len(target), values.ndim == 2
        target.extend(values.T if vector else [values])
        trial.append((name, kind, start, values.shape[1] if vector else 0))

    for name, column in trials.columns.items():
        if name in names_read:
            add(name, column.values)
    for name in OPTIONAL:
        if name in names_read and name not in trials.columns:
            add(name, np.zeros(count, np.int64))
    if trials.available is not None:
        add("available", trials.available.astype(np.int64))
    elif "available" in names_read:
        add("available", np.ones((count, actions), np.int64))
    first_outcome = len(reals)
    reals.extend(values for _, values in outcomes)
    single = len(outcomes) == 1
    outcome = tuple(("" if single else name, "r", first_outcome + k, 0) for k, (name, _) in enumerate(outcomes))

    slot_codes = _slots(learner, trials, slots or {})
    slot_columns = []
    for levels, codes in slot_codes:
        slot_columns.append((levels, -1 if codes is None else len(ints)))
        ints.extend([] if codes is None else [codes])
    size_names = tuple(sorted(trials.sizes))
    return Packed(
        observed=np.ascontiguousarray(np.concatenate(observed, axis=1)),
        ints=np.ascontiguousarray(np.stack(ints, 1), WHOLE),
        reals=np.ascontiguousarray(np.stack(reals, 1), np.float64),
        trial=tuple(trial),
        outcome=outcome,
        masked=trials.available is not None,
        names=size_names,
        sizes=np.array([trials.sizes[name] for name in size_names], WHOLE),
        offsets=np.asarray(trials.offsets, WHOLE),
        rows=np.arange(trials.n_participants, dtype=WHOLE),
        actions=actions,
        capacity=_capacity(learner, trials),
        forgets="decay" in names_read,
        options=learner.options,
        slots=tuple(slot_columns),
        unscored=bool((((flags & HIDES) > 0) & ((flags & SCORED) == 0)).any()),
        participants=tuple(str(label) for label in trials.participants),
        file_rows=None if trials.row is None else np.asarray(trials.row),
        files=trials.file,
    )


def _check_needs(learner: Learner, trials: Trials) -> None:
    """Check that the data have what the learner reads; see :func:`pack`."""
    for name, family in learner.responses.items():
        if not family.in_data(trials):
            raise UsageError(f"{learner} ", family.absent())
        if not family.acts and name not in trials.response and (len(learner.responses) > 1 or len(trials.response) > 1):
            names = ", ".join(trials.response)
            raise UsageError(
                f"{learner} needs the responses '{name}', and those of the data are called {names}: name their column, ",
                Argument("response", {name: "its column"}),
            )
    if learner.learns and not trials.outcome:
        raise UsageError(
            f"{learner} learns from outcomes and the data have none: name the column, ", Argument("outcome", ...)
        )
    for use in _reads(learner, "trial"):
        _check_trial_name(learner, trials, use)
    for use in _reads(learner, "outcome"):
        _check_outcome_name(learner, trials, use)


def _check_parts(learner: Learner, trials: Trials, teaches: np.ndarray) -> None:
    """Refuse trials on which a part of the outcome is missing that ``learn`` uses without asking whether it is missing."""
    if len(trials.outcome) < 2 or trials.without_outcome.all():
        return
    gaps = {name: np.isnan(values) & teaches for name, values in trials.outcome.items()}
    used = unguarded(learner) if any(gap.any() for gap in gaps.values()) else set()
    wrong = [(int(np.argmax(gap)), name, int(gap.sum())) for name, gap in gaps.items() if name in used and gap.any()]
    if not wrong:
        return
    t, name, count = min(wrong)
    n = int(np.searchsorted(trials.offsets, t, side="right")) - 1
    row = row_of(trials.row, trials.file, t)
    more = f" (and on {count - 1} more)" if count > 1 else ""
    raise LearnerError(
        f"outcome.{name} is missing on trial {t - trials.offsets[n] + 1} of participant {str(trials.participants[n])!r}{row}{more}, the "
        f"rest of the outcome is not, and {type(learner).__name__}.learn uses outcome.{name} on every trial\n    -> fill it in; or leave "
        f"the whole outcome of the trial empty, so that nothing is learnt from it; or write if not np.isnan(outcome.{name}): before "
        "what uses it"
    )


def _slots(learner: Learner, trials: Trials, slots: Mapping[str, np.ndarray]) -> list[tuple[int, np.ndarray | None]]:
    """The number of slots of each free parameter and, if there are several, the slot of each trial."""
    for name in slots:
        if name not in learner.names:
            raise UsageError(f"slots={{{name!r}: ...}}: {did_you_mean(name, learner.names, 'free parameters')}")
    if slots and not trials.lengths.all():
        raise UsageError("slots=...: a participant without trials has no first slot")
    result: list[tuple[int, np.ndarray | None]] = []
    first = 0
    for name in learner.names:
        levels, codes = 1, None
        if name in slots:
            values = np.asarray(slots[name])
            if values.shape != (trials.n_trials,) or values.dtype.kind not in "iu" or (values < 0).any():
                raise UsageError(
                    f"slots={{{name!r}: ...}}: a whole number from 0 is wanted for each of {trials.n_trials} trials"
                )
            levels = int(values.max()) + 1
            codes = first + values if levels > 1 else None
        result.append((levels, codes))
        first += levels
    return result


def middle(learner: Learner) -> dict[str, float]:
    """A value in the interior of the range of each free parameter."""
    return {parameter.name: float(parameter.constrain(parameter.mean)) for parameter in learner.parameters}


def _capacity(learner: Learner, trials: Trials) -> tuple[int, int, int]:
    """The size of a state, determined by a call of ``start`` in plain Python."""
    if "start" not in learner.methods:
        return 0, 0, 0
    task = Task(trials.sizes)
    try:
        state = learner.agent(middle(learner)).start(task)
    except TrialwiseError:
        raise
    except Exception as error:
        raise raised(learner, error) from error
    numbers = [v for v in vars(state).values() if not isinstance(v, np.ndarray)] if isinstance(state, State) else []
    return task.cells + len(numbers), task.memories + len(numbers), task.tables


def _reads(learner: Learner, role: str) -> Iterator[tuple[str, str, int]]:
    for name, method in learner.methods.items():
        own_name = argument(learner, name, role)
        for use in uses(method):
            if use.argument == own_name:
                yield name, use.name, use.line


def _check_trial_name(learner: Learner, trials: Trials, use: tuple[str, str, int]) -> None:
    method, name, line = use
    known = [*trials.columns, *(n for n in OPTIONAL if n not in trials.columns), "available"]
    if name in known:
        return
    location = f"{type(learner).__name__}.{method}, line {line}, reads trial.{name}"
    if name in ("choice", "outcome", "response", *trials.outcome, *trials.response):
        raise LearnerError(
            f"{location}, which is known only after the choice. It belongs in learn(self, state, trial, choice, outcome)"
        )
    matches = difflib.get_close_matches(name, known, 1)
    guess = f" Did you mean trial.{matches[0]}?" if matches else ""
    raise LearnerError(
        f"{location}, but the data have no such column.{guess} Known before the choice: {', '.join(known)}. "
        "A column of the file is kept with ",
        Argument("labels", [name]),
        " or ",
        Argument("numbers", [name]),
    )


def _check_outcome_name(learner: Learner, trials: Trials, use: tuple[str, str, int]) -> None:
    method, name, line = use
    location = f"{type(learner).__name__}.{method}, line {line}, reads outcome.{name}"
    if len(trials.outcome) == 1:
        raise LearnerError(
            f"{location}, but the outcome is one number: write outcome, or map several columns, "
            f'outcome={{"{name}": "column", ...}}'
        )
    if name not in trials.outcome:
        raise LearnerError(f"{location}; the outcomes are {', '.join(trials.outcome)}")
