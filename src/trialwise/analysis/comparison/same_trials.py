"""Whether fits are fits to the same trials."""

from __future__ import annotations

import numpy as np

from trialwise.data.trials import Trials
from trialwise.inference.design_of import CONDITION, STANDARDISED


def differences(a: Trials, b: Trials) -> str:
    """A description of how the participants or responses of two data sets differ; empty if they are the same."""
    first, second = ([str(label) for label in trials.participants] for trials in (a, b))
    if first != second:
        unpaired = sorted({*first} ^ {*second})
        return (
            f"participant {unpaired[0]!r} is in only one of them" if unpaired else "participants are in another order"
        )
    unequal = np.flatnonzero(a.lengths != b.lengths)
    if len(unequal):
        n = unequal[0]
        return f"participant {first[n]!r} has {a.lengths[n]} trials in one, {b.lengths[n]} in the other"
    if (a.choice is None) != (b.choice is None) or a.response.keys() != b.response.keys():
        return "one has choices or responses that the other has not"
    differs = a.own != b.own
    if a.choice is not None and b.choice is not None:
        differs |= _choices(a) != _choices(b)
    for name, values in a.response.items():
        differs |= ~((values == b.response[name]) | (np.isnan(values) & np.isnan(b.response[name])))
    if differs.any():
        row = int(np.flatnonzero(differs)[0])
        n = int(a.participant_index[row])
        return (
            f"{differs.sum()} responses differ, the first on trial {row - a.offsets[n] + 1} of participant {first[n]!r}"
        )
    return ""


def _choices(trials: Trials) -> np.ndarray:
    """The label of each choice; codes may differ between data sets, since they depend on the labels that occurred."""
    labels = np.array([*map(str, trials.levels["action"]), None], object)  # MISSED, -1, selects the last entry
    return np.asarray(labels[trials.choice])


def made_for_formulas(name: str) -> bool:
    """Whether a column was made by a fit for its formulas, from others."""
    return name.startswith(CONDITION) or name.endswith(STANDARDISED)


def information_differs(a: Trials, b: Trials) -> bool:
    """Whether outcomes or columns of the same name differ."""

    def same(x: np.ndarray, y: np.ndarray) -> bool:
        return x.shape == y.shape and bool(((x == y) | ((x != x) & (y != y))).all())

    outcomes = [same(a.outcome[name], b.outcome[name]) for name in a.outcome.keys() & b.outcome.keys()]
    names = [name for name in a.columns.keys() & b.columns.keys() if not made_for_formulas(name)]
    columns = [same(a.columns[name].values, b.columns[name].values) for name in names]
    return not all(outcomes + columns)
