"""The trials of each row of the file: one, or several that follow each other if the file was expanded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class FileRows:
    """Which trials come from the same row of the file; all of them are of one participant and follow each other.

    Attributes
    ----------
    starts, ends
        ``int64 (rows,)``: the first and the last trial of each row of the file.
    lengths
        ``int64 (rows,)``: the number of its trials.
    owner
        ``int64 (rows,)``: the number of its participant.
    of_trial
        ``int64 (trials,)``: the number of each trial's row of the file, from 0.
    """

    def __init__(self, offsets: np.ndarray, labels: Sequence[np.ndarray]) -> None:
        """Divide trials where a participant begins (``offsets``) or any of the ``labels (trials,)`` changes; without labels, everywhere."""
        count = int(offsets[-1])
        begins = np.full(count, not labels)
        begins[offsets[:-1][np.diff(offsets) > 0]] = True
        for values in labels:
            begins[1:] |= np.asarray(values[1:] != values[:-1], bool)
        self.offsets, self.starts = offsets, np.flatnonzero(begins)
        self.lengths = np.diff(self.starts, append=count)
        self.ends = self.starts + self.lengths - 1
        self.of_trial = np.repeat(np.arange(len(self.starts)), self.lengths)
        self.owner = np.searchsorted(offsets, self.starts, side="right") - 1

    def __len__(self) -> int:
        return len(self.starts)

    def whole(self, counts: np.ndarray) -> np.ndarray:
        """The numbers of trials of whole rows among the first ``counts (participants,)`` of each participant, at most all of them."""
        borders = np.append(self.starts, self.offsets[-1])
        limits = self.offsets[:-1] + np.minimum(np.diff(self.offsets), counts)
        return np.asarray(borders[np.searchsorted(borders, limits, side="right") - 1] - self.offsets[:-1])
