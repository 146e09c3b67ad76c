"""Arguments of kernels, and checks of their shapes, since compiled code does not check array bounds."""

from __future__ import annotations

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.engine.packed import WHOLE, Packed, end_of
from trialwise.learners.learner import Learner


def numbers(packed: Packed) -> np.ndarray:
    """``(cells, memories, tables)``: the memory that a kernel needs."""
    return np.array(packed.capacity, WHOLE)


def kernel_inputs(packed: Packed) -> tuple[np.ndarray, ...]:
    """The data arguments of every kernel, in order."""
    return (packed.rows, packed.offsets, packed.observed, packed.ints, packed.reals, packed.sizes, numbers(packed))


def in_rows(packed: Packed, free: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Parameters in the form that kernels read: C-contiguous ``(rows, slots in all)``, on the natural scale.

    Parameters
    ----------
    packed
        The trials to which the parameters apply.
    free
        The parameters.
    rows
        The rows that the kernel will read; by default those of ``packed``.

    Raises
    ------
    UsageError
        If one of those rows is missing, or if the number of columns is not the number of the learner's slots.
    """
    free = np.ascontiguousarray(free, np.float64)
    rows = packed.rows if rows is None else rows
    expected = int(rows.max()) + 1 if len(rows) else 0
    if free.ndim != 2 or free.shape[1] != packed.all_slots or len(free) < expected:
        raise UsageError(
            f"parameters of shape {free.shape}: expected ({expected}, {packed.all_slots}), a row for each participant and a column "
            "for each free parameter (for each slot of a parameter that has several)"
        )
    return free


def check_rollout(learner: Learner, packed: Packed, potential: np.ndarray, random: np.ndarray) -> None:
    """Check that potential outcomes and random numbers are large enough for a rollout.

    Raises
    ------
    UsageError
        If ``potential`` is not ``(trials, actions, outcomes)`` or ``random`` has too few rows or columns.
    """
    trials, actions, outcomes = len(packed.ints), max(packed.actions, 1), len(packed.outcome)
    if potential.ndim != 3 or potential.shape[:2] != (trials, actions) or potential.shape[2] > outcomes:
        raise UsageError(
            f"potential outcomes of shape {potential.shape}: expected ({trials}, {actions}, {outcomes}), (trials, actions, outcomes)"
        )
    columns = end_of(learner, packed.actions).random + learner.hides
    if random.ndim != 2 or len(random) != trials or random.shape[1] < columns:
        raise UsageError(
            f"random numbers of shape {random.shape}: expected ({trials}, {columns}), (trials, random numbers of a trial)"
        )


def check_jobs(packed: Packed, free: np.ndarray, segments: np.ndarray, keys: np.ndarray) -> None:
    """Check the jobs of a particle filter (one participant's segment each): segments exist, with parameters and streams for all.

    Raises
    ------
    UsageError
        If ``free`` or ``keys`` has another length than ``segments``, or a segment does not exist.
    """
    if not len(free) == len(segments) == len(keys):
        raise UsageError(
            f"{len(segments)} segments with {len(free)} rows of parameters and {len(keys)} streams: expected the same number of each"
        )
    count = len(packed.rows)
    if len(segments) and not 0 <= segments.min() <= segments.max() < count:
        unknown = segments[(segments < 0) | (segments >= count)][0]
        raise UsageError(f"segment {unknown}: the trials have segments 0 to {count - 1}")
