"""Ordering of the rows of a long table by participant and trial."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import Cells, key, missing_mask, to_labels
from trialwise.data.reading.validate import Problems, check_duplicates, check_numbers


@dataclass(frozen=True)
class Order:
    """The order of the rows by participant and trial.

    Attributes
    ----------
    participants
        Labels, in the order of their first rows.
    offsets
        ``int64 (participants + 1,)``: the first element of `index` for each participant, and its length.
    index
        ``int64 (trials,)``: rows of the table in the new order.
    description
        How the rows were ordered, for the mapping.
    """

    participants: tuple[Hashable, ...]
    offsets: np.ndarray
    index: np.ndarray
    description: str


def put_in_order(
    participant: Cells | None,
    trial: Cells | None,
    runs: Sequence[Cells],
    n_rows: int,
    missing_codes: Collection[Hashable],
    problems: Problems,
) -> Order:
    """Order the rows by participant and sort those of each participant by trial.

    If trial numbers restart within a participant, rows are sorted within `runs` (session, block), and the runs keep their order
    in the table; without trial numbers, rows keep their order in the table.
    """
    participants, owner = _owners(participant, n_rows, missing_codes, problems)
    run = np.zeros(n_rows, np.int64)
    time = np.arange(n_rows, dtype=float)
    description = "no column, rows in the order of the table"
    if trial is not None:
        time, _ = check_numbers(trial, absent := missing_mask(trial, missing_codes), problems, "trial number")
        problems.in_cells(
            "missing-trial",
            trial,
            absent,
            "the trial number is missing",
            Message("fill it in, or type ", Argument("trial", False), " to keep the order of the rows"),
        )
        description = f"{trial.source}, rows sorted"
        if runs and len({*zip(owner, time, strict=True)}) < n_rows:
            run = _runs(owner, runs)
            description += f" within {' and '.join(cells.source for cells in runs)}"
        if not absent.any():
            remedy = Message(
                "remove the copies; if the numbers restart in each block, type ", Argument("block", "..."), "; or type ",
                Argument("trial", False), " to keep the order of the rows",
            )  # fmt: skip
            labels = np.array([*participants, None], object)[owner]
            keys = list(zip(labels, run.tolist(), (_plain(t) for t in time), strict=True))
            check_duplicates(keys, trial, problems, remedy)
    index = np.lexsort((np.arange(n_rows), time, run, owner))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner))])
    return Order(participants, offsets.astype(np.int64), index, description)


def _owners(
    participant: Cells | None, n_rows: int, missing_codes: Collection[Hashable], problems: Problems
) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """The labels of the participants, and the index of the participant of each row, ``int64 (rows,)``."""
    if participant is None:
        return (1,), np.zeros(n_rows, np.int64)
    absent = missing_mask(participant, missing_codes)
    problems.in_cells("missing-participant", participant, absent, "the participant is missing", "fill it in")
    (labels,) = to_labels([participant], [absent])
    first: dict[str, Hashable] = {}
    for label in labels:
        if label is not None:
            first.setdefault(key(label), label)
    index = {k: n for n, k in enumerate(first)}
    unknown = len(index)  # rows without a participant are a problem already, and are kept to find further problems
    owner = np.array([unknown if label is None else index[key(label)] for label in labels], np.int64)
    return tuple(first.values()), owner


def _runs(owner: np.ndarray, runs: Sequence[Cells]) -> np.ndarray:
    """Number the runs in the order of their first rows: the run of each row, ``int64 (rows,)``."""
    number: dict[tuple, int] = {}
    return np.array(
        [
            number.setdefault(run, len(number))
            for run in zip(owner.tolist(), *(cells.values for cells in runs), strict=True)
        ],
        np.int64,
    )


def _plain(number: float) -> float | int:
    return int(number) if float(number).is_integer() else number
