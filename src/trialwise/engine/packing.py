"""Packing trials for the engine: what a learner reads of them is looked up in its methods, checked, and put into matrices."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

import numpy as np

from trialwise.base.errors import LearnerError, TrialwiseError, UsageError, did_you_mean
from trialwise.base.message import Argument
from trialwise.data.trials import Trials
from trialwise.engine.exceptions import raised
from trialwise.engine.flags import HIDES, SCORED, flags_of
from trialwise.engine.gaps import check_gaps
from trialwise.engine.packed import WHOLE, Packed, argument, middle
from trialwise.learners.learner import Learner
from trialwise.learners.randomness import check_repeatable
from trialwise.learners.reads import OPTIONAL
from trialwise.learners.source import helpers, uses
from trialwise.learners.state import State, Task
from trialwise.learners.varied import check_varied


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
        ``int (trials,)``; in addition to those of parameters that vary (:meth:`trialwise.learners.learner.Learner.vary`).

    Raises
    ------
    UsageError
        If the data lack choices, responses or outcomes that the learner needs, or conditions by which its parameters vary; for slots of
        a name that is not a free parameter, or slots that are not whole numbers from 0.
    LearnerError
        If a method reads a column that is not known before the choice, or an outcome that does not exist, or if ``learn`` uses a part
        of the outcome that is missing (:mod:`trialwise.engine.gaps`), or if a method uses random numbers or a clock.
    """
    check_repeatable(learner)
    _check_needs(learner, trials)
    count, names_read = trials.n_trials, _all_names(learner)
    actions = trials.sizes.get("action", 1)
    outcomes = list(trials.outcome.items())
    observed = [family.observed(trials, name) for name, family in learner.responses.items()]
    flags = flags_of(learner, trials, observed)

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
    packed = Packed(
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
    check_gaps(learner, packed, names_read)
    return packed


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


def _slots(learner: Learner, trials: Trials, slots: Mapping[str, np.ndarray]) -> list[tuple[int, np.ndarray | None]]:
    """The number of slots of each free parameter and, if there are several, the slot of each trial."""
    fields = learner.free_fields
    for name in slots:
        if name not in fields:
            raise UsageError(f"slots={{{name!r}: ...}}: {did_you_mean(name, fields, 'free parameters')}")
        if name in learner.varied:
            raise UsageError(
                f"slots={{{name!r}: ...}}: {name} has its slots by {learner.varied[name].column} in {learner}"
            )
    check_varied(str(learner), {name: learner.varied[name] for name in fields if name in learner.varied}, trials)
    if (slots or learner.varied) and not trials.lengths.all():
        empty = trials.participants[int(np.argmin(trials.lengths))]
        raise UsageError(
            f"participant {empty!r} has no trials, and parameters of {learner} vary: there is no first value"
        )
    result: list[tuple[int, np.ndarray | None]] = []
    first = 0
    for name in fields:
        levels, codes = 1, None
        if name in learner.varied:
            varied = learner.varied[name]
            levels = len(varied.levels)
            codes = first + varied.slots(name, trials) if levels > 1 else None
        elif name in slots:
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
