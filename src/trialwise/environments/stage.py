"""The stage of a simulation: everything that is settled before the first choice.

What each participant is shown becomes :class:`~trialwise.data.trials.Trials` without choices, and what each choice would
bring one array beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.expects import brief
from trialwise.base.streams import Stream
from trialwise.data.trials import MISSED, Column, Trials
from trialwise.environments.environment import Environment, Recorded, Shown


class Lead(NamedTuple):
    """How choices decide what later rows show.

    ``follow(n, choice)`` gives those columns of participant ``n``, ``potential(n, columns)`` what could be got there.
    """

    follow: Callable[[int, np.ndarray], dict[str, np.ndarray]]
    potential: Callable[[int, dict[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True, eq=False)
class Stage:
    """Trials before anybody acted.

    Attributes
    ----------
    trials
        Columns, levels, resets; neither choices nor responses nor outcomes.
    outcomes
        Names of the parts of an outcome.
    potential
        ``(trials, actions, parts)``: what each action would bring, NaN where there is no feedback.
    asked
        ``bool (trials,)``: whether a choice or response is made.
    given
        Trials whose responses are taken where they are not the agent's own (:attr:`~trialwise.data.trials.Trials.scored`), and whose
        outcomes are shown where none is made; None if there are none.
    lead
        Where choices decide what later rows show; None where they do not.
    keep_missed
        Whether each response is made only where it was made in the given trials.
    """

    trials: Trials
    outcomes: tuple[str, ...]
    potential: np.ndarray
    asked: np.ndarray
    given: Trials | None = None
    lead: Lead | None = None
    keep_missed: bool = False

    def after(self, choice: np.ndarray | None) -> Stage:
        """The stage as these choices ``(trials,)`` make it; itself, if it is so already, or if nothing was chosen."""
        if self.lead is None or choice is None:
            return self
        values = {name: column.values.copy() for name, column in self.trials.columns.items()}
        potential, moved = self.potential.copy(), False
        for n in range(self.trials.n_participants):
            rows = slice(*self.trials.offsets[n : n + 2])
            columns = self.lead.follow(n, choice[rows])
            if all(np.array_equal(column, values[name][rows]) for name, column in columns.items()):
                continue
            moved, potential[rows] = True, self.lead.potential(n, columns)
            for name, column in columns.items():
                values[name][rows] = column
        if not moved:
            return self
        new = {name: replace(column, values=values[name]) for name, column in self.trials.columns.items()}
        return replace(self, trials=replace(self.trials, columns=new), potential=potential)


def generate(environment: Environment, participants: Sequence[Hashable], stream: Stream) -> Stage:
    """New sequences and outcomes for each participant.

    Raises
    ------
    UsageError
        If what the environment gives does not have the shape it should have.
    """
    _check_levels(environment)
    shows, potentials = [], []
    for label in participants:
        shown = _checked_shown(environment, environment.show(stream("sequence", label)))
        shows.append(shown)
        potentials.append(_potential(environment, shown, label, stream, _actions(environment)))
    first = shows[0]
    for label, shown in zip(participants, shows, strict=True):
        if _kinds(shown) != _kinds(first):
            raise UsageError(
                f"{environment!r} shows {', '.join(_kinds(shown))} to participant {label!r} and "
                f"{', '.join(_kinds(first))} to {participants[0]!r}: show the same columns to all, available and forced included"
            )
    columns = {
        name: Column(np.concatenate([shown[name] for shown in shows]), _levels_of(environment, name, first))
        for name in first.columns
    }
    offsets = np.cumsum([0, *(shown.trials for shown in shows)]).astype(np.int64)
    resets = [np.zeros(s.trials, bool) if s.reset is None else np.asarray(s.reset, bool) for s in shows]
    trials = Trials(
        participants=tuple(participants),
        offsets=offsets,
        columns=columns,
        levels={name: tuple(labels) for name, labels in environment.levels.items()},
        reset=np.concatenate(resets),
        available=None if first.available is None else np.concatenate([s.available for s in shows]).astype(bool),  # type: ignore[misc]
        declared=frozenset(environment.levels),
    )
    lead = _lead(environment, shows, participants, stream)
    given = None
    if first.forced is not None:
        forced = np.concatenate([s.forced for s in shows]).astype(np.int64)  # type: ignore[misc]
        trials = replace(trials, scored=forced == MISSED)
        given = replace(trials, choice=forced)
    asked = np.ones(trials.n_trials, bool)
    return Stage(trials, tuple(environment.outcomes), np.concatenate(potentials), asked, given, lead)


def _kinds(shown: Shown) -> list[str]:
    """What is shown, by name."""
    return [*shown.columns, *(name for name in ("available", "forced") if getattr(shown, name) is not None)]


def _lead(
    environment: Environment, shows: Sequence[Shown], participants: Sequence[Hashable], stream: Stream
) -> Lead | None:
    if type(environment).follow is Environment.follow:
        return None

    def follow(n: int, choice: np.ndarray) -> dict[str, np.ndarray]:
        columns = environment.follow(shows[n], choice)
        shown = _checked_shown(environment, Shown(shows[n].trials, columns))
        return {name: shown[name] for name in columns}

    def potential(n: int, columns: dict[str, np.ndarray]) -> np.ndarray:
        shown = replace(shows[n], columns={**shows[n].columns, **columns})
        return _potential(environment, shown, participants[n], stream, _actions(environment))

    return Lead(follow, potential)


def along(recorded: Recorded, participants: Sequence[Hashable], stream: Stream, keep_missed: bool) -> Stage:
    """Recorded sequences with fresh outcomes.

    Where a choice was made and no outcome shown (a test phase), none is shown to the simulated agent either.

    Raises
    ------
    UsageError
        If a participant is not among the recorded ones, or the outcomes do not have the shape they should have.
    """
    environment = recorded.environment
    trials = recorded.trials.select(participants)
    chosen = replace(recorded, trials=trials)
    actions = _actions(environment)
    shows = [chosen.shown(n) for n in range(trials.n_participants)]
    parts = [_potential(environment, *each, stream, actions) for each in zip(shows, trials.participants, strict=True)]
    potential = np.concatenate(parts)
    silent = trials.responded & trials.without_outcome & bool(trials.outcome)
    silent &= ~np.isnan(potential).all(axis=(1, 2))  # in others the environment itself gives no feedback
    potential[silent] = np.nan
    levels = dict(trials.levels)
    if "action" in environment.levels and "action" not in levels:
        levels["action"] = tuple(environment.levels["action"])
    lead = _lead(environment, shows, trials.participants, stream)
    if lead is not None and silent.any():
        raise UsageError(f"{environment!r} has feedback on every row; these trials have choices without an outcome")
    return Stage(
        replace(_cleared(trials), levels=levels),
        tuple(environment.outcomes),
        potential,
        _asked(trials, keep_missed),
        trials,
        lead,
        keep_missed,
    )


def as_recorded(trials: Trials, participants: Sequence[Hashable], keep_missed: bool) -> Stage:
    """Recorded sequences with their recorded outcomes: for agents whose doings do not change what comes."""
    trials = trials.select(participants)
    parts = list(trials.outcome.values())
    potential = np.stack(parts, axis=1)[:, None, :] if parts else np.empty((trials.n_trials, 1, 0))
    potential = np.repeat(potential, trials.sizes.get("action", 1), axis=1)  # choices may be recorded too
    return Stage(
        _cleared(trials), tuple(trials.outcome), potential, _asked(trials, keep_missed), trials, keep_missed=keep_missed
    )


def _cleared(trials: Trials) -> Trials:
    return replace(trials, choice=None, outcome={}, response={})


def _asked(trials: Trials, keep_missed: bool) -> np.ndarray:
    if keep_missed:
        return trials.responded
    return trials.responded | trials.unforced


def _actions(environment: Environment) -> int:
    return len(environment.levels["action"]) if "action" in environment.levels else 1


def _levels_of(environment: Environment, name: str, shown: Shown) -> str | None:
    column = shown.columns[name]
    if isinstance(column, Column):
        return column.levels
    return name if column.dtype.kind in "iu" else None


def _check_levels(environment: Environment) -> None:
    """Raise UsageError unless the labels of an environment are lists of different labels."""
    for name, labels in environment.levels.items():
        if isinstance(labels, str) or not isinstance(labels, Collection):
            raise UsageError(
                f"{environment!r}.levels[{name!r}] is {brief(labels)}; wanted its labels, ('left', 'right')"
            )
        if len({str(label) for label in labels}) < len(labels):
            raise UsageError(f"{environment!r}.levels[{name!r}] has a label twice: {', '.join(map(str, labels))}")


def _checked_shown(environment: Environment, shown: Shown) -> Shown:
    if not isinstance(shown, Shown) or isinstance(shown.trials, bool) or not isinstance(shown.trials, int | np.integer):
        raise UsageError(
            f"{environment!r}.show gave {brief(shown)}; wanted Shown(trials, columns), with a whole number of trials"
        )
    columns = {}
    for name in shown.columns:
        values, levels = shown[name], _levels_of(environment, name, shown)
        where = f"{environment!r} shows '{name}'"
        if values.ndim not in (1, 2) or len(values) != shown.trials:
            raise UsageError(f"{where} with shape {values.shape}; wanted ({shown.trials},) or ({shown.trials}, length)")
        if values.dtype.kind not in "fiub":
            raise UsageError(
                f"{where} as {brief(values.ravel()[0]) if values.size else 'text'}; wanted codes of labels, from 0, or real numbers"
            )
        if levels is None:
            columns[name] = Column(values.astype(np.float64))
            continue
        if levels not in environment.levels:
            raise UsageError(
                f"{where} as whole numbers, and there are no levels '{levels}': name its labels, "
                f'levels = {{"{levels}": (0, 1, ...)}}, or make the column real numbers, values.astype(float)'
            )
        top = len(environment.levels[levels]) - 1
        if values.size and (values.min() < 0 or values.max() > top):
            raise UsageError(f"{where} with codes {values.min()} to {values.max()}; its labels go from 0 to {top}")
        columns[name] = Column(values.astype(np.int64), levels)
    flags = {"reset": (shown.trials,), "available": (shown.trials, _actions(environment)), "forced": (shown.trials,)}
    for name, shape in flags.items():
        given = getattr(shown, name)
        if given is not None and np.shape(given) != shape:
            raise UsageError(f"{environment!r} shows {name} with shape {np.shape(given)}; wanted {shape}")
    if shown.forced is not None:
        forced, last = np.asarray(shown.forced), _actions(environment) - 1
        if forced.dtype.kind not in "iu" or (forced < MISSED).any() or (forced > last).any():
            raise UsageError(
                f"{environment!r} shows forced as {brief(shown.forced)}; wanted whole numbers, an action from 0 to {last} or -1 for a free choice"
            )
        if shown.available is not None:
            open_actions = np.asarray(shown.available, bool)[np.arange(shown.trials), np.maximum(forced, 0)]
            closed = np.flatnonzero((forced != MISSED) & ~open_actions)
            if len(closed):
                raise UsageError(
                    f"{environment!r} forces action {forced[closed[0]]} on trial {closed[0] + 1}, where it is not available: make it available "
                    "there, or force another one"
                )
    return replace(shown, columns=columns)


def _potential(environment: Environment, shown: Shown, label: Hashable, stream: Stream, actions: int) -> np.ndarray:
    values = np.asarray(environment.potential(shown, stream("outcomes", label)), np.float64)
    parts = len(environment.outcomes)
    if values.ndim == 2 and parts == 1:
        values = values[:, :, None]
    if values.shape != (shown.trials, actions, parts):
        raise UsageError(
            f"{environment!r}.potential gave shape {values.shape}; wanted (trials, actions, parts of an outcome) = "
            f"({shown.trials}, {actions}, {parts})"
        )
    missing = np.isnan(values).all(axis=2)
    partly = np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1))
    if len(partly):
        raise UsageError(
            f"{environment!r}.potential has no outcome for some actions of trial {partly[0] + 1} only; "
            "NaN is for trials without feedback, whatever is chosen: make the whole row NaN, or none of it"
        )
    return values
