"""Trials: what every participant saw, did and got, as flat ragged arrays with labels."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from trialwise.base.errors import UsageError

MISSED = -1
"""The code of a choice that was not made."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column known before the choice.

    Attributes
    ----------
    values
        Shape ``(trials,)``, or ``(trials, length)`` for a fixed-length vector. Whole numbers (``int64``) are codes of
        labels, reals (``float64``) are numbers.
    levels
        The name of the set of labels that the codes point into (``"cue"`` for a column of pairs of cues), or None for numbers.
    """

    values: np.ndarray
    levels: str | None = None


@dataclass(frozen=True, eq=False)
class Trials:
    """The trials of all participants, one after another.

    Participant ``n`` owns the rows ``offsets[n]:offsets[n + 1]``: ragged by nature, nothing is padded.

    Attributes
    ----------
    participants
        Labels of the participants, as found in the data.
    offsets
        ``int64 (participants + 1,)``.
    choice
        ``int64 (trials,)``: the index of the chosen action, ``-1`` where no choice was made; None if the data hold no choices.
    outcome
        ``{name: float64 (trials,)}``, NaN where there was no outcome. One outcome is called ``"outcome"``; several are a record.
    response
        ``{name: float64 (trials,)}``, NaN where missing: responses that are not choices (``"response"``: a rating, a skin conductance).
    columns
        What was known before the choice: ``{name: Column}``.
    levels
        ``{name: labels}``: the labels of participants' contexts, cues, ...; ``"action"`` names the choices.
    reset
        ``bool (trials,)``: the state is reset before this trial.
    available
        ``bool (trials, actions)``, or None when every action is always available.
    declared
        Names of the levels that the user declared; the others were inferred from the data.
    row
        ``int64 (trials,)``: the row of each trial in the file (header = row 1), or None for data without one.
    mapping
        Where each role came from, for printing: ``{"choice": "actions.csv", ...}``.
    notes
        What reading had to decide and the user should know, e.g. that -1 was taken as a missed choice.
    """

    participants: tuple[Hashable, ...]
    offsets: np.ndarray
    choice: np.ndarray | None = None
    outcome: Mapping[str, np.ndarray] = field(default_factory=dict)
    response: Mapping[str, np.ndarray] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    levels: Mapping[str, tuple[Hashable, ...]] = field(default_factory=dict)
    reset: np.ndarray | None = None
    available: np.ndarray | None = None
    declared: frozenset[str] = frozenset()
    row: np.ndarray | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        if self.reset is None:
            object.__setattr__(self, "reset", np.zeros(self.n_trials, bool))

    @property
    def n_trials(self) -> int:
        """Number of trials of all participants together."""
        return int(self.offsets[-1])

    @property
    def n_participants(self) -> int:
        return len(self.participants)

    @property
    def lengths(self) -> np.ndarray:
        """Trials of each participant, ``(participants,)``."""
        return np.diff(self.offsets)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of labels of each set of levels, e.g. ``{"context": 3, "cue": 4, "action": 3}``."""
        return {name: len(labels) for name, labels in self.levels.items()}

    @property
    def participant_index(self) -> np.ndarray:
        """The participant of each trial, ``int64 (trials,)``."""
        return np.repeat(np.arange(self.n_participants), self.lengths)

    @property
    def responded(self) -> np.ndarray:
        """Whether a choice, or a response, was observed on each trial, ``bool (trials,)``; all if neither is recorded."""
        if self.choice is not None:
            return self.choice != MISSED
        if self.response:
            return ~np.isnan(next(iter(self.response.values())))
        return np.ones(self.n_trials, bool)

    @property
    def without_outcome(self) -> np.ndarray:
        """Whether no part of an outcome is known, ``bool (trials,)``."""
        missing = [np.isnan(values) for values in self.outcome.values()]
        return np.all(missing, axis=0) if missing else np.ones(self.n_trials, bool)

    def select(self, participants: Iterable[Hashable]) -> Trials:
        """The trials of some participants, by label, in the order asked for; labels and levels survive.

        Raises
        ------
        UsageError
            If a label is not among the participants.
        """
        wanted = list(participants)
        place = {label: n for n, label in enumerate(self.participants)}
        unknown = [label for label in wanted if label not in place]
        if unknown:
            raise UsageError(
                f"no participant {unknown[0]!r}; there are {self.n_participants}: {_listed(self.participants)}"
            )
        which = [place[label] for label in wanted]
        spans = [np.arange(self.offsets[n], self.offsets[n + 1]) for n in which]
        keep = np.concatenate(spans) if spans else np.zeros(0, np.int64)
        return replace(
            self.take(keep),
            participants=tuple(wanted),
            offsets=np.concatenate([[0], np.cumsum([len(span) for span in spans])]).astype(np.int64),
        )

    def first(self, count: int | np.ndarray) -> Trials:
        """The first so many trials of every participant (all of those who have fewer); or of each, ``(participants,)``."""
        lengths = np.minimum(self.lengths, count)
        rows = np.concatenate([np.arange(a, a + n) for a, n in zip(self.offsets[:-1], lengths, strict=True)])
        return replace(self.take(rows), offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def take(self, rows: np.ndarray) -> Trials:
        """Every per-trial array at the given rows; participants and offsets are left for the caller to set."""

        def at(array):
            return None if array is None else np.ascontiguousarray(array[rows])

        return replace(
            self,
            offsets=np.array([0, len(rows)], np.int64),
            choice=at(self.choice),
            outcome={name: at(values) for name, values in self.outcome.items()},
            response={name: at(values) for name, values in self.response.items()},
            columns={name: replace(c, values=at(c.values)) for name, c in self.columns.items()},
            reset=at(self.reset),
            available=at(self.available),
            row=at(self.row),
        )

    def to_frame(self):
        """One row a trial, with the original labels: a :class:`pandas.DataFrame`."""
        import pandas as pd

        frame = {"participant": np.array(self.participants, object)[self.participant_index]}
        frame["trial"] = np.concatenate([np.arange(1, n + 1) for n in self.lengths]) if self.n_participants else []
        for name, column in self.columns.items():
            values = self._labelled(column.values, column.levels)
            if values.ndim == 1:
                frame[name] = values
            else:
                frame.update({f"{name}_{k + 1}": values[:, k] for k in range(values.shape[1])})
        if self.available is not None:
            for action, label in enumerate(self.levels["action"]):
                frame[f"available_{label}"] = self.available[:, action].astype(int)
        if self.choice is not None:
            frame["choice"] = self._labelled(self.choice, "action")
        frame.update(self.response)
        frame.update(self.outcome)
        if self.reset.any():
            frame["reset"] = self.reset
        return pd.DataFrame(frame)

    def _labelled(self, codes: np.ndarray, levels: str | None) -> np.ndarray:
        if levels is None:
            return codes
        labels = np.array([*self.levels[levels], None], object)  # the last one answers to MISSED
        return labels[codes]

    def __repr__(self) -> str:
        sizes = ", ".join(f"{size} {name}s" for name, size in self.sizes.items())
        return f"Trials({self.n_participants} participants, {self.n_trials} trials; {sizes})"


def _listed(labels: Iterable[Hashable], most: int = 10) -> str:
    words = [str(label) for label in labels]
    return ", ".join(words[:most]) + (", ..." if len(words) > most else "")
