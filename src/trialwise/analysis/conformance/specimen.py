"""Specimen trials: generated data with every situation that a learner must handle.

Participants with unequal numbers of trials (one has a single trial), missed choices, forced ones, choices without an outcome, resets, outcomes
of 0 and 1 and graded ones of both signs, and all columns that the learner reads. They are what the learner declares to assume: numbers
of actions, roles of labels, ranges of outcomes and outcomes on both sides of a threshold, rows of several stages in their order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument
from trialwise.base.streams import stream
from trialwise.data.trials import MISSED, Column, Trials
from trialwise.engine import argument
from trialwise.learners.assumptions import Range
from trialwise.learners.learner import Learner
from trialwise.learners.option_violations import options_of
from trialwise.learners.reads import OPTIONAL, Reading, Reads, dimensions
from trialwise.learners.responses import as_trials
from trialwise.learners.source import uses

EVERYTHING: Range = (-np.inf, np.inf)
LENGTHS = (31, 1, 38, 24)
RANGE = (0.5, 5.0)
"""Default range of generated numbers: above 0, so that a learner may divide by them."""


def specimen(learner: Learner, columns: Mapping[str, Any] | None = None, seed: int = 0) -> Trials:
    """Trials that exercise every branch of a learner; columns and their kinds are inferred from its source.

    Parameters
    ----------
    learner
        The learner to be checked.
    columns
        Kinds of columns that cannot be inferred, by name: ``(0.0, 30.0)``, the range of a number; ``2``, the number of labels;
        ``(2, 6)``, a vector of 2 labels out of 6; ``(2, (0.0, 30.0))``, a vector of 2 numbers. ``"action"`` is the
        number of actions.
    seed
        Determines the trials.

    Raises
    ------
    UsageError
        If the kind of a column is none of these.
    """
    random, reading, declared = stream(seed, "specimen"), Reading(learner), dict(columns or {})
    count = sum(LENGTHS)
    assumed = learner.assumptions
    actions = declared.pop("action", assumed.actions or _actions_with_parameters(learner) or reading.actions or 3)
    kinds = {name: _kind(name, reads, actions) for name, reads in reading.trial.items() if name != "available"}
    for name in sorted(_read_names(learner, "trial") - set(kinds) - {"available"}):
        kinds[name] = 3 if name in OPTIONAL else RANGE  # without the method's source, only the names are known
    if assumed.stages:
        kinds[assumed.stage_column] = sum(map(len, assumed.stages))
    kinds |= {name: _checked(name, kind) for name, kind in declared.items()}
    conditions = _conditions(learner)
    kinds |= {name: len(labels) for name, labels in conditions.items()}

    levels: dict[str, tuple] = {"action": _labels(learner, "action", actions)}
    spare = sorted(dimensions(learner) - set(kinds) - {"context", "action"})
    generated: dict[str, Column] = {}
    for name, kind in kinds.items():
        match kind:
            case int(size) | (int(), int(size)):
                owner = name if name in conditions else _owner(name, dimensions(learner), spare)
                if name in conditions:
                    size = len(conditions[name])
                elif owner in assumed.labels and name not in declared:
                    size = len(assumed.labels[owner])
                else:
                    size = max(size, len(levels.get(owner, ())))
                levels[owner] = conditions[name] if name in conditions else _labels(learner, owner, size)
                generated[name] = Column(
                    random.integers(0, size, count if isinstance(kind, int) else (count, kind[0])), owner
                )
            case (int(length), (low, high)):
                generated[name] = Column(random.uniform(low, high, (count, length)))
            case (low, high):
                generated[name] = Column(random.uniform(low, high, count))

    trials = Trials(
        participants=tuple(f"participant {n + 1}" for n in range(len(LENGTHS))),
        offsets=np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.int64),
        columns=generated,
        levels=levels,
        reset=random.random(count) < 0.06,
        declared=frozenset(levels),
        **_behaviour(learner, reading, actions, random),
    )
    return in_stages(learner, trials, random) if assumed.stages else trials


def _conditions(learner: Learner) -> dict[str, tuple]:
    """The labels of each column by which parameters vary, those that all of them list."""
    conditions: dict[str, tuple] = {}
    for varied in learner.varied.values():
        known = conditions.get(varied.column, varied.levels)
        conditions[varied.column] = tuple(level for level in known if level in varied.levels)
    return conditions


def _actions_with_parameters(learner: Learner) -> int | None:
    """The number of actions of which the learner has free parameters, if it has such parameters."""
    about = learner.assumptions.action_of
    return max([2, *(about[name] + 1 for name in learner.free_fields if name in about)]) if about else None


def in_stages(learner: Learner, trials: Trials, random: np.random.Generator) -> Trials:
    """The trials as rows of stages in the order that the learner assumes, with 0 as the outcome before the last stage."""
    assumed = learner.assumptions
    common = float(learner.settings[assumed.probability]) if assumed.probability else 1.0
    stage = (np.arange(trials.n_trials) - np.repeat(trials.offsets[:-1], trials.lengths)) % len(assumed.stages)
    code = np.array([random.choice(assumed.stages[each]) for each in stage])
    if assumed.options and trials.choice is not None:
        own = np.array([random.choice(assumed.options[each]) for each in stage])
        choice = np.where(trials.choice == MISSED, MISSED, own)
        available = options_of(assumed)[code]
        trials = replace(trials, choice=choice, available=available)
    for t in np.flatnonzero(stage == 1):
        led = assumed.leads.get(-1 if trials.choice is None else int(trials.choice[t - 1]))
        others = [each for each in assumed.stages[1] if each != led]
        if led is not None:
            code[t] = led if random.random() < common or not others else random.choice(others)
    answered = np.ones(len(stage), bool) if trials.choice is None else trials.choice >= 0
    before = stage < len(assumed.stages) - 1
    columns = {**trials.columns, assumed.stage_column: replace(trials.columns[assumed.stage_column], values=code)}
    outcome = {
        name: np.where(before, np.where(answered, 0.0, np.nan), values) for name, values in trials.outcome.items()
    }
    return replace(trials, columns=columns, outcome=outcome, reset=trials.reset & (stage == 0))  # type: ignore[operator]


def _labels(learner: Learner, name: str, size: int) -> tuple[str, ...]:
    """Labels of one kind: the names of their roles, if there are as many and no two alike."""
    roles = learner.assumptions.labels.get(name, ())
    return roles if len(set(roles)) == size == len(roles) else tuple(f"{name} {k + 1}" for k in range(size))


def _behaviour(learner: Learner, reading: Reading, actions: int, random: np.random.Generator) -> dict[str, Any]:
    """Available actions, responses and outcomes, some of them missing."""
    count, assumed = sum(LENGTHS), learner.assumptions
    missed, no_outcome = random.random(count) < 0.1, random.random(count) < 0.1
    masked, available = "available" in _read_names(learner, "trial"), None
    responses = []
    for name, family in learner.responses.items():
        observed, open_actions = family.specimen(random, missed, actions, masked)
        available = open_actions if available is None else available
        responses.append((name, family, observed))
    if not (learner.family.learns_when_missing or "watch" in learner.methods):
        no_outcome |= missed & (random.random(count) < 0.8)  # outcomes without a choice trigger no update
    names = [*sorted(_read_names(learner, "outcome") | set(reading.outcome))] or ["outcome"]
    if names != ["outcome"] and len(names) == 1:
        names.append("outcome")  # a record has at least two parts
    threshold = float(learner.settings[assumed.right_above]) if assumed.right_above else None
    outcome = {
        name: np.where(no_outcome, np.nan, _outcomes(count, random, assumed.outcome.get(name, EVERYTHING), threshold))
        for name in names
    }
    for name, reads in reading.outcome.items():
        if reads.asked:
            outcome[name][random.random(count) < 0.2] = np.nan
    scored = random.random(count) >= 0.08
    return {"available": available, "scored": scored, "outcome": outcome, **as_trials(responses)}


def _outcomes(count: int, random: np.random.Generator, ends: Range, threshold: float | None) -> np.ndarray:
    """Outcomes, half of them 0 or 1, half graded with both signs; within the ends, and on both sides of the threshold."""
    values = np.where(random.random(count) < 0.5, random.integers(0, 2, count), random.normal(0.3, 1.2, count).round(3))
    if threshold is not None and not 0.0 <= threshold < 1.0:
        values += threshold - 0.5
    low, high = ends
    reflected = np.where(values < low, 2 * low - values, np.where(values > high, 2 * high - values, values))
    within = np.clip(reflected, low, high)
    if len(np.unique(within)) > 1:
        return within
    return random.uniform(max(low, high - 2.0), min(high, low + 2.0), count).round(3)  # ends far from 0 and 1


def _owner(name: str, dimensions: set[str], spare: list[str]) -> str:
    """The set of labels of a column: its own, that in its name (``option_cue``), or a dimension without a column."""
    named = [dimension for dimension in sorted(dimensions) if name.endswith(f"_{dimension}")]
    if name in dimensions or not (named or spare):
        return name
    return named[0] if named else "cue" if "cue" in spare else spare[0]


def _kind(name: str, reads: Reads, actions: int) -> Any:
    """The kind of a column, in the terms of ``columns=``, inferred from how the source reads it."""
    labels = {"context": 2, "cue": 4}.get(name, 2 if len(name) % 2 else 3)  # so that sets differ in size
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
        Argument("columns", {name: kind}),
        ": write (0.0, 30.0) for a number in that range, 3 for one of 3 labels, (2, 6) "
        "for a vector of 2 labels out of 6, (2, (0.0, 30.0)) for a vector of 2 numbers",
    )


def _read_names(learner: Learner, role: str) -> set[str]:
    """The attributes of ``trial`` or ``outcome`` that the methods read, from their bytecode."""
    return {
        use.name
        for name, method in learner.methods.items()
        for use in uses(method)
        if use.argument == argument(learner, name, role)
    }
