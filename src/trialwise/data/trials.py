"""Trials: contexts, cues, choices and outcomes of all participants, as flat ragged arrays with labels."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.base.english import counted
from trialwise.base.errors import UsageError
from trialwise.base.expects import FLAG, LABELS, TABLE, WHOLE, attribute, expects, instance
from trialwise.base.message import Argument
from trialwise.base.notebook import as_html
from trialwise.data.expansion.declared import Expansion
from trialwise.data.file_rows import FileRows

if TYPE_CHECKING:
    import pandas as pd

MISSED = -1
"""The code of a missed choice."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column known before the choice.

    Attributes
    ----------
    values
        Shape ``(trials,)``, or ``(trials, length)`` for a vector of fixed length: ``int64`` codes of labels, or ``float64``
        numbers.
    levels
        The name of the set of labels that the codes index (``"cue"`` for a column of pairs of cues), or None for numbers.
    """

    values: np.ndarray
    levels: str | None = None


@dataclass(frozen=True, eq=False)
class Trials:
    """The trials of all participants, concatenated.

    Participant ``n`` has the rows ``offsets[n]:offsets[n + 1]``. The arrays are ragged: participants may have different numbers
    of trials, and nothing is padded.

    Attributes
    ----------
    participants
        Labels of the participants, as in the data.
    offsets
        ``int64 (participants + 1,)``: the first row of each participant, and the number of trials.
    choice
        ``int64 (trials,)``: the index of the chosen action, ``-1`` for a missed choice; None if the data contain no choices.
    outcome
        ``{name: float64 (trials,)}``, NaN where there was no outcome. A single outcome is called ``"outcome"``; several form a
        record.
    response
        ``{name: float64 (trials,)}``, NaN where missing: continuous responses (``"response"``: a rating, a skin conductance).
    rt
        ``float64 (trials,)``: response times in seconds, NaN where missing; None if they were not recorded. No learner reads them
        yet; they pass through to every table.
    columns
        Columns known before the choice: ``{name: Column}``.
    levels
        ``{name: labels}``: the labels of contexts, cues, ...; ``"action"`` for the choices.
    reset
        ``bool (trials,)``: whether the learner's state is reset before the trial.
    available
        ``bool (trials, actions)``, or None if every action is always available.
    scored
        ``bool (trials,)``: whether the response was the participant's own, and enters the likelihood; False for forced and instructed
        choices, which teach, and which simulations take from the data. None if all are their own.
    declared
        Names of the sets of labels that the user declared; the others were inferred from the data.
    row
        ``int64 (trials,)``: the row of each trial in the file (header = row 1), which several trials share if it was expanded; or None for
        data without a file.
    file
        ``object (trials,)``: the name of the file of each trial, if several were read as one table; otherwise None.
    trial
        ``object (trials,)``: the trial's own number or label in the file, or None if the file has none.
    inputs
        ``{name: object (trials,)}``: all columns of the table that was read, for :meth:`to_frame`; they are not stored with a fit.
    expansion
        How a row of the file became several trials, which then have the same ``row``; None if it did not. :func:`trialwise.collapse` undoes it.
    mapping
        The source of each role, for printing: ``{"choice": "actions.csv", ...}``.
    excluded
        ``{reason: labels}`` of participants that were left out (:func:`trialwise.exclude`).
    notes
        Decisions made while reading that the user should know of, e.g. that -1 was taken as a missed choice.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials
    >>> trials.n_participants, trials.n_trials, trials.sizes["action"]
    (30, 13200, 3)
    >>> some = trials.select([3, 1]).first(5)
    >>> some.participants, some.lengths.tolist(), some.choice.shape
    ((3, 1), [5, 5], (10,))
    >>> some.to_frame().columns.tolist()
    ['participant', 'row', 'trial', 'number', 'context', 'cue', 'block', 'choice', 'outcome']
    """

    participants: tuple[Hashable, ...]
    offsets: np.ndarray
    choice: np.ndarray | None = None
    outcome: Mapping[str, np.ndarray] = field(default_factory=dict)
    response: Mapping[str, np.ndarray] = field(default_factory=dict)
    rt: np.ndarray | None = None
    columns: Mapping[str, Column] = field(default_factory=dict)
    levels: Mapping[str, tuple[Hashable, ...]] = field(default_factory=dict)
    reset: np.ndarray | None = None
    available: np.ndarray | None = None
    scored: np.ndarray | None = None
    declared: frozenset[str] = frozenset()
    row: np.ndarray | None = None
    file: np.ndarray | None = None
    trial: np.ndarray | None = None
    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    expansion: Expansion | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    excluded: Mapping[str, tuple[Hashable, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        if self.reset is None:
            object.__setattr__(self, "reset", np.zeros(self.n_trials, bool))

    @property
    def reading_notes(self) -> tuple[str, ...]:
        """The notes on how the data were read, without that on a simulation."""
        return tuple(note for note in self.notes if not note.startswith("simulated: "))

    @property
    def n_trials(self) -> int:
        """Total number of trials of all participants."""
        return int(self.offsets[-1])

    @property
    def n_participants(self) -> int:
        """Number of participants."""
        return len(self.participants)

    @property
    def lengths(self) -> np.ndarray:
        """Number of trials of each participant, ``(participants,)``."""
        return np.diff(self.offsets)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of labels in each set, e.g. ``{"context": 3, "cue": 4, "action": 3}``."""
        return {name: len(labels) for name, labels in self.levels.items()}

    @property
    def participant_index(self) -> np.ndarray:
        """Index of the participant of each trial, ``int64 (trials,)``."""
        return np.repeat(np.arange(self.n_participants), self.lengths)

    @property
    def responded(self) -> np.ndarray:
        """Whether a choice or, without choices, any response was observed on each trial, ``bool (trials,)``; all True if neither is recorded."""
        if self.choice is not None:
            return self.choice != MISSED
        if self.response:
            return ~np.all([np.isnan(values) for values in self.response.values()], axis=0)
        return np.ones(self.n_trials, bool)

    @property
    def unforced(self) -> np.ndarray:
        """Whether a response, if one was made, was the participant's own, ``bool (trials,)``; all True without :attr:`scored`."""
        return np.ones(self.n_trials, bool) if self.scored is None else self.scored

    @property
    def own(self) -> np.ndarray:
        """Whether a response was made that was the participant's own and enters the likelihood and measures, ``bool (trials,)``."""
        return self.responded & self.unforced

    @property
    def forced(self) -> np.ndarray | None:
        """The choice of each trial that was not the participant's own, ``int64 (trials,)``, -1 where it was or none was made; None if all
        were, or without choices."""
        return None if self.scored is None or self.choice is None else np.where(self.scored, MISSED, self.choice)

    @property
    def without_outcome(self) -> np.ndarray:
        """Whether every part of the outcome is missing, ``bool (trials,)``."""
        missing = [np.isnan(values) for values in self.outcome.values()]
        return np.all(missing, axis=0) if missing else np.ones(self.n_trials, bool)

    @property
    def file_rows(self) -> FileRows:
        """Which trials are one row of the file, if :attr:`expansion` made several of it; otherwise each is its own."""
        expanded = self.expansion is not None and self.row is not None
        return FileRows(self.offsets, [each for each in (self.file, self.row) if each is not None] if expanded else [])

    @expects(participants=LABELS)
    def select(self, participants: Iterable[Hashable]) -> Trials:
        """Select participants by label, in the order given; labels and levels are preserved.

        Parameters
        ----------
        participants
            Labels, as in :attr:`participants`.

        Returns
        -------
        Trials
            Those of these participants.

        Raises
        ------
        UsageError
            If a label is not among the participants.
        """
        selected = list(participants)
        flags = [label for label in selected if isinstance(label, bool | np.bool_)]
        if flags and len(flags) == len(selected):
            raise UsageError(
                "select() takes labels, and these are True and False: select the labels, "
                "[label for label, yes in zip(trials.participants, mask) if yes]"
            )
        if len(set(selected)) < len(selected):
            repeated = next(label for n, label in enumerate(selected) if label in selected[:n])
            raise UsageError(f"select() with participant {repeated!r} twice: give each label once")
        index = {label: n for n, label in enumerate(self.participants)}
        unknown = [label for label in selected if label not in index]
        if unknown:
            raise UsageError(
                f"no participant {unknown[0]!r}; there are {self.n_participants}: {_joined(self.participants)}"
            )
        spans = [np.arange(self.offsets[index[label]], self.offsets[index[label] + 1]) for label in selected]
        rows = np.concatenate(spans) if spans else np.zeros(0, np.int64)
        return replace(
            self.take(rows),
            participants=tuple(selected),
            offsets=np.concatenate([[0], np.cumsum([len(span) for span in spans])]).astype(np.int64),
        )

    @expects(count=WHOLE | instance("an array of them, one per participant", np.ndarray))
    def first(self, count: int | np.ndarray) -> Trials:
        """Select the first trials of every participant, without cutting a row of the file that is several trials.

        Parameters
        ----------
        count
            Largest number of trials of each participant: a whole number, or an array ``(participants,)``. A row of a file that was
            expanded counts as many trials as it has; if it would be cut, none of them is selected, which a note says.

        Returns
        -------
        Trials
            The same participants; those with fewer trials have all of them.

        Raises
        ------
        UsageError
            If ``count`` is negative, no whole number, or an array of another length than there are participants; or if a participant's
            first row of the file has more trials.
        """
        if np.shape(count) not in ((), (self.n_participants,)) or np.any(np.less(count, 0)):
            raise UsageError("first: wanted one number from 0, or one for each participant")
        counts = np.minimum(self.lengths, count)
        rows = self.file_rows
        whole = rows.whole(counts)
        if (nothing := np.flatnonzero((whole == 0) & (counts > 0))).size:
            firsts = rows.lengths[np.searchsorted(rows.starts, self.offsets[:-1][self.lengths > 0])]
            label, wanted = self.participants[nothing[0]], int(firsts.max())
            raise UsageError(
                f"first: {counted(int(counts[nothing[0]]), 'trial')} of participant {label!r} would cut the first row of the file, which is "
                f"several trials; type first({wanted}), or more"
            )
        chosen = self.beginning(whole)
        cut = int((whole < counts).sum())
        if not cut:
            return chosen
        note = (
            f"first: no row of the file, which is several trials, is cut; {cut} of {counted(self.n_participants, 'participant')} "
            f"{'has' if cut == 1 else 'have'} fewer trials than asked for, therefore"
        )
        return replace(chosen, notes=(*chosen.notes, note))

    def beginning(self, counts: int | np.ndarray) -> Trials:
        """Select exactly so many first trials of every participant, also if that cuts a row of the file: for what goes on trial by trial.

        Parameters
        ----------
        counts
            As for :meth:`first`.

        Returns
        -------
        Trials
            The same participants.
        """
        lengths = np.minimum(self.lengths, counts)
        rows = np.concatenate([np.arange(a, a + n) for a, n in zip(self.offsets[:-1], lengths, strict=True)])
        return replace(self.take(rows), offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    def take(self, rows: np.ndarray) -> Trials:
        """Select rows of every per-trial array; the caller has to set participants and offsets.

        Parameters
        ----------
        rows
            Indices of rows, as for indexing an array ``(trials,)``. Nothing keeps the trials of a row of an expanded file together.

        Returns
        -------
        Trials
            These trials, as if they were of one participant.
        """

        def at(array):
            return None if array is None else np.ascontiguousarray(array[rows])

        return replace(
            self,
            offsets=np.array([0, len(rows)], np.int64),
            choice=at(self.choice),
            outcome={name: at(values) for name, values in self.outcome.items()},
            response={name: at(values) for name, values in self.response.items()},
            rt=at(self.rt),
            columns={name: replace(c, values=at(c.values)) for name, c in self.columns.items()},
            reset=at(self.reset),
            available=at(self.available),
            scored=at(self.scored),
            row=at(self.row),
            file=at(self.file),
            trial=at(self.trial),
            inputs={name: at(values) for name, values in self.inputs.items()},
        )

    @expects(inputs=FLAG)
    def to_frame(self, *, inputs: bool = False) -> pd.DataFrame:
        """Convert to a :class:`pandas.DataFrame` with one row per trial and the original labels.

        Parameters
        ----------
        inputs
            Whether to append every column of the table that was read, under its own name (``"<name> (input)"`` if the result has a
            column of this name already).

        Returns
        -------
        DataFrame
            A row a trial: ``participant``; ``file``, if several were read; ``row``, the row of the file, if the trials were read from one; ``trial``, the file's own
            number or label of the trial, or its running number from 1; ``number``, the running number within the participant, if the
            file has labels of its own; the columns known before the choice, choices or responses, and outcomes.

        Raises
        ------
        UsageError
            If ``inputs`` are asked for and the trials do not come from a table that was read in this session.
        """
        import pandas as pd

        frame = {"participant": np.array([*self.participants, None], object)[self.participant_index]}
        running = (
            np.concatenate([np.arange(1, n + 1) for n in self.lengths]) if self.n_participants else np.zeros(0, int)
        )
        if self.file is not None:
            frame["file"] = self.file
        if self.row is not None:
            frame["row"] = self.row
        frame["trial"] = (
            running if self.trial is None else pd.Series(self.trial, dtype=object).infer_objects().to_numpy()
        )
        if self.trial is not None:
            frame["number"] = running
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
        if self.rt is not None:
            frame["rt"] = self.rt
        frame.update(self.outcome)
        if np.any(self.reset):
            frame["reset"] = self.reset
        if self.scored is not None:
            frame["scored"] = self.scored
        table = pd.DataFrame(frame)
        return self.with_inputs(table) if inputs else table

    def with_inputs(self, table: pd.DataFrame) -> pd.DataFrame:
        """Append every column of the file to a table with a row a trial.

        Parameters
        ----------
        table
            Its rows are those of the trials, in their order.

        Returns
        -------
        DataFrame
            After the table's own columns those of the file, under their names, or as ``"<name> (input)"`` where the table has one.

        Raises
        ------
        UsageError
            If the trials do not come from a table that was read in this session.
        """
        import pandas as pd

        if not self.inputs:
            raise UsageError(
                Argument("inputs", True),
                ": these trials do not hold the columns of a table; read the file again, or join the result to it by row",
            )

        further = {f"{name} (input)" if name in table else name: values for name, values in self.inputs.items()}
        joined = pd.concat([table, pd.DataFrame(further, index=table.index)], axis=1)
        joined.attrs = dict(table.attrs)
        return joined

    def _labelled(self, codes: np.ndarray, levels: str | None) -> np.ndarray:
        if levels is None:
            return codes
        labels = np.array([*self.levels[levels], None], object)  # the last label has the index MISSED
        return labels[codes]

    def __repr__(self) -> str:
        sizes = ", ".join(counted(size, name) for name, size in self.sizes.items())
        return f"Trials({counted(self.n_participants, 'participant')}, {self.n_trials} trials; {sizes})"

    def _repr_html_(self) -> str:
        return as_html(repr(self), (), {"trials": self.to_frame()}, rest=".to_frame()")


def row_of(rows: np.ndarray | None, files: np.ndarray | None, t: int) -> str:
    """``", row 3 of the file"``, for messages; empty if the trials come from no file."""
    if rows is None:
        return ""
    return f", row {rows[t]} of {'the file' if files is None else files[t]}"


def _remedy(value: Any) -> str:
    """What to write where something else was given for trials."""
    if isinstance(value, str | PathLike):
        return f"read_long({fspath(value)!r}), or read_wide for a folder with a file per variable"
    if TABLE.holds(value):
        return "read_long(table)"
    return attribute("trials")(value)


TRIALS = instance("trials, as read_long and read_wide return them", Trials, remedy=_remedy)
"""What functions expect that take trials."""


def _joined(labels: Iterable[Hashable], limit: int = 10) -> str:
    texts = [str(label) for label in labels]
    return ", ".join(texts[:limit]) + (", ..." if len(texts) > limit else "")
