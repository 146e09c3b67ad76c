"""Trials in which each row of parameters, such as a session of a participant, is a participant of its own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.data.trials import Column, Trials, row_of

if TYPE_CHECKING:
    import pandas as pd

OF_PARTICIPANT = ("participant", "trial", "number")
"""Columns of a table with a row a trial that are about the participant: labels and running numbers."""


@dataclass(frozen=True, eq=False)
class ByRows:
    """Trials by rows of parameters.

    Attributes
    ----------
    trials
        Every row is a participant, whose state begins at ``start``; its trials are in their order, and the reset flags are those of
        the data.
    owner
        ``int64 (rows,)``: the index of the participant of each row among those of ``original``.
    order
        ``int64 (trials,)``: where each of ``trials`` is among those of ``original``.
    original
        The trials as they were read.
    """

    trials: Trials
    owner: np.ndarray
    order: np.ndarray
    original: Trials

    @property
    def row_of_trial(self) -> np.ndarray:
        """The row of each trial of ``original``, ``int64 (trials,)``."""
        result = np.empty(self.trials.n_trials, np.int64)
        result[self.order] = self.trials.participant_index
        return result

    def restored(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table with a row a trial, of which each is one of ``trials``, in the order and with the labels of ``original``.

        Parameters
        ----------
        table
            Its rows are those of ``trials``, in their order, such as :func:`trialwise.trial_values`.

        Returns
        -------
        DataFrame
            Columns ``participant``, ``trial`` and ``number``, as far as the table has them, are those of ``original``; the others are
            in another order.

        Raises
        ------
        UsageError
            If the table has another number of rows.
        """
        if len(table) != self.trials.n_trials:
            raise UsageError(f"the table has {len(table)} rows, and there are {self.trials.n_trials} trials")
        result = table.iloc[np.argsort(self.order)].reset_index(drop=True)
        shown = [name for name in OF_PARTICIPANT if name in result]
        if shown:
            own = self.original.to_frame()
            result = result.assign(**{name: own[name] for name in shown if name in own})
        result.attrs = dict(table.attrs)
        return result


def row_text(label: object) -> str:
    """The label of a row of parameters as a text: ``7 / s2`` of participant 7 in session s2."""
    return (
        " / ".join(f"{part:.15g}" if isinstance(part, float) else str(part) for part in label)
        if isinstance(label, tuple)
        else str(label)
    )


@dataclass(frozen=True, eq=False)
class Rows:
    """Which rows of parameters, such as sessions, participants have.

    Attributes
    ----------
    participants
        Labels of the participants.
    owner
        The participant of each row, ``int64 (rows,)``, ascending.
    columns
        What tells the rows of a participant apart, by name: a label or number for each row, ``(rows,)``.
    order
        Where each trial of the rows, one row after the other, is among the trials of the participants, ``int64 (trials,)``; None if it
        is there already.
    """

    participants: tuple[Hashable, ...]
    owner: np.ndarray
    columns: Mapping[str, Sequence[Hashable]]
    order: np.ndarray | None = None

    @property
    def several(self) -> bool:
        """Whether some participant has several rows."""
        return len(self.owner) > len(self.participants)

    @cached_property
    def labels(self) -> list[Hashable]:
        """The label of each row: that of its participant, ``"7 / s2"`` where there are several."""
        if not self.several:
            return [self.participants[n] for n in self.owner]
        return [
            row_text((self.participants[n], *own))
            for n, own in zip(self.owner, zip(*self.columns.values(), strict=True), strict=True)
        ]

    def joined(self, rows: Trials) -> Trials:
        """The trials of participants, from trials in which each row is a participant of its own.

        Parameters
        ----------
        rows
            Trials of the rows, also simulated ones: as many as there were of each, where :attr:`order` says where they belong. Where it
            does not, the rows of a participant follow each other, and the state begins anew at the first trial of each.
        """
        lengths = np.bincount(self.owner, rows.lengths, minlength=len(self.participants)).astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        if self.order is not None:
            return replace(rows.take(np.argsort(self.order)), participants=self.participants, offsets=offsets)
        reset, columns, levels = np.array(rows.reset, bool), dict(rows.columns), dict(rows.levels)
        reset[rows.offsets[:-1][rows.lengths > 0]] = True
        for name, values in self.columns.items():
            if name not in columns:
                labels = tuple(dict.fromkeys(values))
                codes = np.array([labels.index(value) for value in values])
                columns[name], levels[name] = Column(codes[rows.participant_index], name), labels
        return replace(
            rows, participants=self.participants, offsets=offsets, reset=reset, columns=columns, levels=levels
        )

    def labelled(self, index: str = "participant") -> pd.DataFrame:
        """A row a row of parameters: the label of its participant and, where there are several, what tells them apart."""
        import pandas as pd

        own = self.columns if self.several else {}
        return pd.DataFrame({index: [self.participants[n] for n in self.owner], **{k: list(v) for k, v in own.items()}})


def by_rows(trials: Trials, row_of_trial: np.ndarray, labels: Sequence[Hashable]) -> ByRows:
    """Make each row of parameters a participant, so that whatever takes participants takes rows.

    Parameters
    ----------
    trials
        Those of all participants.
    row_of_trial
        ``int (trials,)``: the row of each trial, from 0, in ascending order of participant. Within a participant rows may alternate.
    labels
        The label of each row: strings that differ, which say participant and row, such as ``"7 / s2"``.

    Returns
    -------
    ByRows
        The trials by row, the participant of each row, and the way back.

    Raises
    ------
    UsageError
        If rows are not numbered so, or labels are not as many or not different; if a row has trials of several participants, or trials
        that were one row of the file are in two; if a participant has no trials, and therefore no row.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([3, 1]).first(4)
    >>> from trialwise.data.by_rows import by_rows
    >>> rows = by_rows(trials, np.array([0, 0, 1, 1, 2, 2, 2, 2]), ["3 / a", "3 / b", "1 / a"])
    >>> rows.trials.participants, rows.trials.lengths.tolist(), rows.owner.tolist()
    (('3 / a', '3 / b', '1 / a'), [2, 2, 4], [0, 0, 1])
    >>> rows.restored(rows.trials.to_frame())["participant"].tolist()
    [3, 3, 3, 3, 1, 1, 1, 1]
    """
    row_of_trial, count = np.asarray(row_of_trial), len(labels)
    wanted = f"a whole number from 0 to {count - 1} is wanted for each of {trials.n_trials} trials"
    if row_of_trial.shape != (trials.n_trials,) or row_of_trial.dtype.kind not in "iu":
        raise UsageError(f"rows of shape {row_of_trial.shape} and type {row_of_trial.dtype}: {wanted}")
    row_of_trial = row_of_trial.astype(np.int64)
    if trials.n_trials and not 0 <= row_of_trial.min() <= row_of_trial.max() < count:
        raise UsageError(
            f"rows from {row_of_trial.min()} to {row_of_trial.max()}: {wanted}, since there are {count} labels"
        )
    lengths = np.bincount(row_of_trial, minlength=count)
    if not lengths.all():
        raise UsageError(
            f"row {int(np.argmin(lengths))} ({labels[int(np.argmin(lengths))]!r}) has no trials: leave it out"
        )
    texts = [str(label) for label in labels]
    if len(set(texts)) < count:
        twice = next(text for n, text in enumerate(texts) if text in texts[:n])
        raise UsageError(f"two rows with the label {twice!r}: give each its own")
    _check_owners(trials, row_of_trial, labels)
    order = np.argsort(row_of_trial, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    owner = trials.participant_index[order][offsets[:-1]]
    rows = replace(trials.take(order), participants=tuple(labels), offsets=offsets)
    return ByRows(rows, owner, order, trials)


def _check_owners(trials: Trials, row_of_trial: np.ndarray, labels: Sequence[Hashable]) -> None:
    """Refuse rows that are not within one participant, or cut a row of the file that became several trials."""
    empty = [str(label) for label, length in zip(trials.participants, trials.lengths, strict=True) if not length]
    if empty:
        raise UsageError(f"no trials of {', '.join(empty)}: select the others")
    owner = trials.participant_index
    first, last = np.full(len(labels), len(owner)), np.full(len(labels), -1)
    np.minimum.at(first, row_of_trial, owner)
    np.maximum.at(last, row_of_trial, owner)
    if (first < last).any():
        n = int(np.argmax(first < last))
        pair = f"{trials.participants[first[n]]!r} and {trials.participants[last[n]]!r}"
        raise UsageError(f"row {n} ({labels[n]!r}) has trials of participants {pair}: a row is within one participant")
    if (np.diff(first) < 0).any():
        n = int(np.argmax(np.diff(first) < 0))
        raise UsageError(
            f"row {n + 1} ({labels[n + 1]!r}) is of participant {trials.participants[first[n + 1]]!r}, who comes before "
            f"{trials.participants[first[n]]!r} of row {n}: number the rows in the order of participants"
        )
    if trials.expansion is None or trials.row is None or not len(owner):
        return
    file = np.zeros(len(owner)) if trials.file is None else trials.file
    together = (owner[1:] == owner[:-1]) & (trials.row[1:] == trials.row[:-1]) & (file[1:] == file[:-1])
    cut = together & (row_of_trial[1:] != row_of_trial[:-1])
    if cut.any():
        t = int(np.argmax(cut)) + 1
        raise UsageError(
            f"trials {t} and {t + 1}{row_of(trials.row, trials.file, t)}, are in rows {row_of_trial[t - 1]} and {row_of_trial[t]}: "
            "trials that were one row of the file stay together"
        )
