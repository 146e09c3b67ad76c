"""How often hidden choices are drawn anew: R-hat does not see a course whose start never changes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from trialwise.engine import FLAGS, HIDES, Packed

SELDOM = 20
"""How often the hidden choice of each trial should be drawn anew in a chain."""


class Renewal(NamedTuple):
    """Where the hidden choices of a participant are drawn anew most rarely.

    Attributes
    ----------
    participant
        The label.
    share
        In which share of the sweeps the choice is drawn anew there; NaN without hidden choices.
    trial
        That trial, from 0.
    """

    participant: Hashable
    share: float
    trial: int


def renewals(packed: Packed, labels: Sequence[Hashable], shares: np.ndarray) -> list[Renewal]:
    """Of each participant.

    Parameters
    ----------
    packed, labels
        The trials, and the participants' labels.
    shares
        In which share of the sweeps of a chain the choice of each trial was drawn anew, ``(chains, trials)``; the rarest chain counts.
    """
    share = np.where(packed.ints[:, FLAGS] & HIDES, np.min(shares, 0), np.inf)
    own = [share[first:end] for first, end in pairwise(packed.offsets)]
    least = [(float(each.min()) if np.isfinite(each).any() else np.nan, int(each.argmin())) for each in own]
    return [Renewal(label, *each) for label, each in zip(labels, least, strict=True)]


def seldom(found: Sequence[Renewal], sweeps: int) -> list[str]:
    """A note on participants whose hidden choices were hardly ever drawn anew on some trial, in chains of so many sweeps."""
    few = [
        f"{each.participant} (trial {each.trial + 1}: {int(each.share * sweeps + 1e-6)} times in a chain)"
        for each in found
        if each.share * sweeps < SELDOM
    ]
    if not few:
        return []
    listed = ", ".join(few[:5]) + (", ..." if len(few) > 5 else "")
    return [
        f"the hidden choices of {listed} were seldom drawn anew, so that chains may agree on them without having looked far: draw more"
    ]
