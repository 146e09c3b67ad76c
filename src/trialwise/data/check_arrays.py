"""Do the arrays of trials fit together? Readers see to it; files of fits and trials put together by hand may not."""

from __future__ import annotations

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.data.trials import MISSED, Trials


def check_arrays(trials: Trials) -> None:
    """Refuse trials that no reader makes: compiled code would read beyond their arrays.

    Raises
    ------
    UsageError
        If arrays differ in length, codes have no label, or numbers are none.
    """
    offsets, count = trials.offsets, trials.n_trials
    shape_of_offsets = (len(trials.participants) + 1,)
    if (
        offsets.shape != shape_of_offsets
        or offsets[0] != 0
        or (np.diff(offsets) < 0).any()
        or offsets.dtype.kind != "i"
    ):
        raise UsageError(f"offsets of {len(trials.participants)} participants that do not begin at 0 and rise")
    if len(set(trials.participants)) < len(trials.participants):
        raise UsageError("two participants with the same label")
    numbers = {**trials.outcome, **trials.response, "reset": np.asarray(trials.reset)}
    numbers |= {
        name: values
        for name in ("available", "scored", "row", "file", "trial", "rt")
        if (values := getattr(trials, name)) is not None
    }
    numeric = {*numbers} - {"file", "trial"}
    codes = {} if trials.choice is None else {"choice": (trials.choice, "action", MISSED)}
    for name, column in trials.columns.items():
        numbers[name] = column.values
        numeric.add(name)
        if column.levels is not None:
            codes[name] = (column.values, column.levels, 0)
    for name, values in [*numbers.items(), *((name, values) for name, (values, _, _) in codes.items())]:
        if np.ndim(values) == 0 or len(values) != count:
            raise UsageError(f"{np.size(values)} values of {name} for {count} trials")
        if name in numeric and np.asarray(values).dtype.kind not in "fiub":
            raise UsageError(f"{name} must be an array of numbers, and this is one of {np.asarray(values).dtype}")
    if trials.available is not None and trials.available.shape[1] != len(trials.levels["action"]):
        raise UsageError(
            f"{trials.available.shape[1]} columns of available actions for {len(trials.levels['action'])} actions"
        )
    for name, (values, levels, lowest) in codes.items():
        values, size = np.asarray(values), len(trials.levels.get(levels, ()))
        if values.dtype.kind != "i" or (values.size and not lowest <= values.min() <= values.max() < size):
            raise UsageError(
                f"{name} must have whole numbers from {lowest} to {size - 1}, the codes of its {size} labels"
            )
