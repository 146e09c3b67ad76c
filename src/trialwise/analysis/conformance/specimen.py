"""Specimen trials: generated data in which everything happens that a learner has to cope with.

Participants of unequal length (one has a single trial), missed choices, choices without an outcome, resets, outcomes
of 0 and 1 and graded ones of both signs, and whatever columns the learner reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.streams import stream
from trialwise.data.trials import Column, Trials
from trialwise.engine import argument
from trialwise.learners.learner import Learner
from trialwise.learners.reads import OPTIONAL, Reading, Reads, dimensions
from trialwise.learners.source import uses

LENGTHS = (31, 1, 38, 24)
RANGE = (0.5, 5.0)
"""Where numbers lie that the learner says nothing about: above 0, so that one may divide by them."""


def specimen(learner: Learner, columns: Mapping[str, Any] | None = None, seed: int = 0) -> Trials:
    """Trials that exercise every branch of a learner; its columns and their kinds are read off its text.

    Parameters
    ----------
    learner
        The learner that will meet them.
    columns
        What its text does not tell, by name: ``(0.0, 30.0)``, the range of a number; ``2``, the number of labels;
        ``(2, 6)``, a vector of 2 labels out of 6; ``(2, (0.0, 30.0))``, a vector of 2 numbers. ``"action"`` is the
        number of actions.
    seed
        Other seeds give other trials.

    Raises
    ------
    UsageError
        If a column is told in no such way.
    """
    random, reading, told = stream(seed, "specimen"), Reading(learner), dict(columns or {})
    count = sum(LENGTHS)
    actions = told.pop("action", reading.actions or 3)
    kinds = {name: _kind(name, reads, actions) for name, reads in reading.trial.items() if name != "available"}
    for name in sorted(_read_names(learner, "trial") - set(kinds) - {"available"}):
        kinds[name] = 3 if name in OPTIONAL else RANGE  # a method without a source: only its names are known
    for name, kind in told.items():
        kinds[name] = _checked(name, kind)

    levels: dict[str, tuple] = {"action": tuple(f"action {k + 1}" for k in range(actions))}
    spare = sorted(dimensions(learner) - set(kinds) - {"context", "action"})
    made: dict[str, Column] = {}
    for name, kind in kinds.items():
        match kind:
            case int(size) | (int(), int(size)):
                owner = _owner(name, dimensions(learner), spare)
                size = max(size, len(levels.get(owner, ())))
                levels[owner] = tuple(f"{owner} {k + 1}" for k in range(size))
                made[name] = Column(
                    random.integers(0, size, count if isinstance(kind, int) else (count, kind[0])), owner
                )
            case (int(length), (low, high)):
                made[name] = Column(random.uniform(low, high, (count, length)))
            case (low, high):
                made[name] = Column(random.uniform(low, high, count))

    return Trials(
        participants=tuple(f"participant {n + 1}" for n in range(len(LENGTHS))),
        offsets=np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.int64),
        columns=made,
        levels=levels,
        reset=random.random(count) < 0.06,
        **_behaviour(learner, reading, actions, random),
    )


def _behaviour(learner: Learner, reading: Reading, actions: int, random: np.random.Generator) -> dict[str, Any]:
    """What was open, done and got; some of it missing."""
    count = sum(LENGTHS)
    missed, untold = random.random(count) < 0.1, random.random(count) < 0.1
    masked, available = "available" in _read_names(learner, "trial"), None
    responses: dict[str, Any] = {}
    for name, family in learner.responses.items():
        observed, open_actions = family.specimen(random, missed, actions, masked)
        available = open_actions if available is None else available
        responses |= family.as_trials(name, observed)
        if not family.learns_when_missing:
            untold |= missed & (random.random(count) < 0.8)  # some outcomes come without a choice: nothing is learnt
    names = [*sorted(_read_names(learner, "outcome") | set(reading.outcome))] or ["outcome"]
    if names != ["outcome"] and len(names) == 1:
        names.append("outcome")  # a record has at least two parts
    outcome = {name: np.where(untold, np.nan, _outcomes(count, random)) for name in names}
    for name, reads in reading.outcome.items():
        if reads.asked:
            outcome[name][random.random(count) < 0.2] = np.nan
    return {"available": available, "outcome": outcome, **responses}


def _outcomes(count: int, random: np.random.Generator) -> np.ndarray:
    """Half of them 0 or 1, half graded, of both signs."""
    return np.where(random.random(count) < 0.5, random.integers(0, 2, count), random.normal(0.3, 1.2, count).round(3))


def _owner(name: str, known: set[str], spare: list[str]) -> str:
    """Whose labels a column holds: its own, those it is called after (``option_cue``), or of a dimension that no column has."""
    after = [dimension for dimension in sorted(known) if name.endswith(f"_{dimension}")]
    if name in known or not (after or spare):
        return name
    return after[0] if after else "cue" if "cue" in spare else spare[0]


def _kind(name: str, reads: Reads, actions: int) -> Any:
    """The kind of a column that a text reads so, in the terms of ``columns=``."""
    labels = {"context": 2, "cue": 4}.get(name, 2 if len(name) % 2 else 3)  # so that not all have as many
    whole = [constant for constant in reads.constants if isinstance(constant, int)]
    labels = max([labels, *(constant + 1 for constant in whole)])
    far = [float(constant + sign * max(1, abs(constant))) for constant in reads.constants for sign in (-1, 1)]
    low, high = min([RANGE[0], *far]), max([RANGE[1], *far])
    if reads.vector:
        return (actions, max(labels, 4)) if reads.label else (actions, (low, high))
    return labels if reads.label or name in OPTIONAL else (low, high)


def _checked(name: str, kind: Any) -> Any:
    match kind:
        case bool():
            pass
        case int(length) | (int(length), int() | (float() | int(), float() | int())) if length > 0:
            return kind
        case (float(low), float() | int()) if low < kind[1]:
            return kind
    raise UsageError(
        f"columns={{{name!r}: {kind!r}}}: write (0.0, 30.0) for a number in that range, 3 for one of 3 labels, (2, 6) "
        "for a vector of 2 labels out of 6, (2, (0.0, 30.0)) for a vector of 2 numbers"
    )


def _read_names(learner: Learner, role: str) -> set[str]:
    """What the methods read of ``trial`` or ``outcome``, from their bytecode."""
    return {
        use.name
        for name, method in learner.methods.items()
        for use in uses(method)
        if use.argument == argument(learner, name, role)
    }
