"""The order of the rows of a long table: participant after participant, each in the order of the trials."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from trialwise.base.message import Argument, Message
from trialwise.data.reading.cells import Cells, key, labels, missing
from trialwise.data.reading.validate import Problems, check_duplicates, check_numbers


@dataclass(frozen=True)
class Order:
    """Where each participant's trials are.

    Attributes
    ----------
    participants
        Labels, in the order of their first rows.
    offsets
        ``int64 (participants + 1,)`` into `index`.
    index
        ``int64 (trials,)``: rows of the table, sorted.
    how
        For the mapping.
    """

    participants: tuple[Hashable, ...]
    offsets: np.ndarray
    index: np.ndarray
    how: str


def put_in_order(
    participant: Cells | None,
    trial: Cells | None,
    runs: Sequence[Cells],
    n_rows: int,
    extra_missing: Collection[Hashable],
    problems: Problems,
) -> Order:
    """Gather each participant's rows and sort them by trial.

    Where trial numbers start again, rows are sorted within `runs` (session, block), and the runs are taken in the order in
    which they stand in the table; without trial numbers all rows are.
    """
    people, owner = _owners(participant, n_rows, extra_missing, problems)
    key_of_run = np.zeros(n_rows, np.int64)
    time = np.arange(n_rows, dtype=float)
    how = "no column, rows as they stand"
    if trial is not None:
        time, _ = check_numbers(trial, gone := missing(trial, extra_missing), problems, "trial number")
        problems.in_cells(
            "missing-trial",
            trial,
            gone,
            "the trial number is missing",
            Message("fill it in, or type ", Argument("trial", False), ": rows in order"),
        )
        how = f"{trial.source}, sorted by it"
        if runs and len({*zip(owner, time, strict=True)}) < n_rows:
            key_of_run = _runs(owner, runs)
            how += f" within {' and '.join(run.source for run in runs)}"
        if not gone.any():
            remedy = Message(
                "remove the copies; if numbers start again in each block, type ", Argument("block", "..."), "; ",
                Argument("trial", False), " keeps the rows",
            )  # fmt: skip
            names = np.array([*people, None], object)[owner]
            keys = list(zip(names, key_of_run.tolist(), (_plain(t) for t in time), strict=True))
            check_duplicates(keys, trial, problems, remedy)
    index = np.lexsort((np.arange(n_rows), time, key_of_run, owner))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner))])
    return Order(people, offsets.astype(np.int64), index, how)


def _owners(
    participant: Cells | None, n_rows: int, extra_missing: Collection[Hashable], problems: Problems
) -> tuple[tuple[Hashable, ...], np.ndarray]:
    if participant is None:
        return (1,), np.zeros(n_rows, np.int64)
    gone = missing(participant, extra_missing)
    problems.in_cells("missing-participant", participant, gone, "the participant is missing", "fill it in")
    (translated,) = labels([participant], [gone])
    first: dict[str, Hashable] = {}
    for label in translated:
        if label is not None:
            first.setdefault(key(label), label)
    place = {k: n for n, k in enumerate(first)}
    nobody = len(place)  # rows of nobody are a problem already; they are kept to find further ones
    owner = np.array([nobody if label is None else place[key(label)] for label in translated], np.int64)
    return tuple(first.values()), owner


def _runs(owner: np.ndarray, runs: Sequence[Cells]) -> np.ndarray:
    """The number of each row's run within its participant, in the order of first rows."""
    seen: dict[tuple, int] = {}
    return np.array(
        [
            seen.setdefault(run, len(seen))
            for run in zip(owner.tolist(), *(cells.values for cells in runs), strict=True)
        ],
        np.int64,
    )


def _plain(number: float) -> float | int:
    return int(number) if float(number).is_integer() else number
