"""Whether fits are fits to the same trials."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from trialwise.base.message import Argument, Input, Message, in_python
from trialwise.data.reading.cells import quote_list
from trialwise.data.trials import Trials
from trialwise.learners.varied import made_for_formulas


def differences(a: Trials, b: Trials) -> str:
    """A description of how the participants or responses of two data sets differ; empty if they are the same."""
    parts = []
    for place, labels in (("first", _only_in(a, b)), ("second", _only_in(b, a))):
        if labels:
            who = "participant" if len(labels) == 1 else "participants"
            parts.append(f"{who} {quote_list(labels)} {'is' if len(labels) == 1 else 'are'} in the {place} only")
    if parts:
        return ", ".join(parts)
    if not _same_order(a, b):
        return "participants are in another order"
    return _responses(a, b)


def how_to_match(one: tuple[str, Trials], other: tuple[str, Trials]) -> Message:
    """What to fit instead of two fits to trials that differ, each given by its name and trials: without those whom the other fit has not, or
    in the order of the first."""
    (a_name, a), (b_name, b) = one, other
    extra = {name: labels for name, labels in ((a_name, _only_in(a, b)), (b_name, _only_in(b, a))) if labels}
    if not extra and not _same_order(a, b):
        return Message(
            f"fit {b_name!r} again to them in this order, in Python trials.select({in_python(list(a.participants))})"
        )
    if not extra or len(_only_in(a, b)) == a.n_participants:
        return Message("fit them to the same trials")
    parts: list[str | Input] = []
    for name, labels in extra.items():
        rules = {"not in the other fit": labels}
        who = "this participant" if len(labels) == 1 else "these participants"
        parts += [
            f"{'; ' if parts else ''}fit {name!r} again without {who}, in Python to tw.exclude(trials, {in_python(rules)}), or where the data are read by ",
            Argument("exclude", rules),
        ]
    return Message(*parts)


def _same_order(a: Trials, b: Trials) -> bool:
    """Whether two data sets have the same participants in the same order."""
    return list(map(str, a.participants)) == list(map(str, b.participants))


def _only_in(a: Trials, b: Trials) -> list[Hashable]:
    """The participants of one that the other has not."""
    known = set(map(str, b.participants))
    return [label for label in a.participants if str(label) not in known]


def _responses(a: Trials, b: Trials) -> str:
    """How the responses of the same participants differ."""
    unequal = np.flatnonzero(a.lengths != b.lengths)
    if len(unequal):
        n = unequal[0]
        return f"participant {a.participants[n]!r} has {a.lengths[n]} trials in one, {b.lengths[n]} in the other"
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
        return f"{differs.sum()} responses differ, the first on trial {row - a.offsets[n] + 1} of participant {a.participants[n]!r}"
    return ""


def _choices(trials: Trials) -> np.ndarray:
    """The label of each choice; codes may differ between data sets, since they depend on the labels that occurred."""
    labels = np.array([*map(str, trials.levels["action"]), None], object)  # MISSED, -1, selects the last entry
    return np.asarray(labels[trials.choice])


def information_differs(a: Trials, b: Trials) -> bool:
    """Whether outcomes or columns of the same name differ."""

    def same(x: np.ndarray, y: np.ndarray) -> bool:
        return x.shape == y.shape and bool(((x == y) | ((x != x) & (y != y))).all())

    outcomes = [same(a.outcome[name], b.outcome[name]) for name in a.outcome.keys() & b.outcome.keys()]
    names = [name for name in a.columns.keys() & b.columns.keys() if not made_for_formulas(name)]
    columns = [same(a.columns[name].values, b.columns[name].values) for name in names]
    return not all(outcomes + columns)
