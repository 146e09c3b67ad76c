"""Trials of several stages, one row each: which labels the data show to be which stage, and which action leads where.

The rows that follow each other decide which label begins a trial; how often each action leads to each label of the next stage
decides which is whose. Where there are too few rows, nothing is decided.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, permutations
from typing import Literal

import numpy as np
from scipy import special

from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner

DECISIVE = 1e-6
"""A share is above or below one half if one as far from it has a smaller probability than this: so small that no part of data that
are accepted as a whole is refused by chance. For differences between participants, of whom none is decisive alone, too."""

UNLIKE = 0.1
"""If more than this share of the later rows is out of place, the rows are no stages at all."""

MOST_LABELS = 5
"""With more labels, their orders are not tried."""

Verdict = Literal["confirmed", "contradicted", "mixed", "open"]


@dataclass(frozen=True, eq=False)
class StageRows:
    """The rows of trials with several stages, and what they show about the order of labels.

    An order is a tuple: the present code of the label that has the role 0, 1, ...
    """

    learner: Learner
    trials: Trials

    @cached_property
    def column(self) -> str:
        """The column that says which stage a row is."""
        return self.learner.assumptions.stage_column

    @cached_property
    def labels(self) -> tuple[Hashable, ...]:
        """Its labels, in their present order."""
        column = self.trials.columns.get(self.column)
        return (
            ()
            if column is None or column.levels is None or column.values.ndim > 1
            else self.trials.levels[column.levels]
        )

    @cached_property
    def present(self) -> tuple[int, ...]:
        """The present order."""
        return tuple(range(len(self.labels)))

    @cached_property
    def cue(self) -> np.ndarray:
        """The code of each row."""
        return self.trials.columns[self.column].values

    @cached_property
    def begins(self) -> np.ndarray:
        """Whether nothing comes before the row: it is a participant's first, or the state is reset before it."""
        begins = np.array(self.trials.reset, bool)
        begins[self.trials.offsets[:-1][self.trials.lengths > 0]] = True
        return begins

    @cached_property
    def _counts(self) -> tuple[np.ndarray, np.ndarray]:
        """How often each label comes first, and how often each follows each, ``(labels,)`` and ``(labels, labels)``."""
        size, cue, begins = len(self.labels), self.cue, self.begins
        first = np.bincount(cue[begins], minlength=size)
        pairs = (cue[:-1] * size + cue[1:])[~begins[1:]]
        return first, np.bincount(pairs, minlength=size * size).reshape(size, size)

    @property
    def follows(self) -> np.ndarray:
        """How often each label is followed by each in the next row, ``(labels, labels)``."""
        return self._counts[1]

    @cached_property
    def led(self) -> np.ndarray:
        """How often each choice in a row of each label leads to each label, ``(labels, actions, labels)``."""
        size, actions = len(self.labels), self.trials.sizes.get("action", 1)
        if self.trials.choice is None:
            return np.zeros((size, actions, size), int)
        return np.bincount(self._codes, minlength=size * actions * size).reshape(size, actions, size)

    @cached_property
    def _codes(self) -> np.ndarray:
        """The cell of :attr:`led` of each of the rows with a choice and a row after it."""
        assert self.trials.choice is not None
        rows, size, actions = self._answered, len(self.labels), self.trials.sizes["action"]
        return (self.cue[rows] * actions + self.trials.choice[rows]) * size + self.cue[rows + 1]

    @cached_property
    def _answered(self) -> np.ndarray:
        """Rows with a choice, after which a row of the same participant comes."""
        assert self.trials.choice is not None
        return np.flatnonzero((self.trials.choice[:-1] >= 0) & ~self.begins[1:])

    def out_of_place(self, order: Sequence[int]) -> int:
        """The number of rows of a later stage that do not follow a row of the stage before."""
        first, pairs = self._counts
        stages, count = self.learner.assumptions.stages, 0
        for before, codes in pairwise(stages):
            here, allowed = [order[code] for code in codes], [order[code] for code in before]
            count += first[here].sum() + pairs[:, here].sum() - pairs[np.ix_(allowed, here)].sum()
        return int(count)

    def later(self, order: Sequence[int]) -> int:
        """The number of rows of later stages."""
        first, pairs = self._counts
        codes = [order[code] for stage in self.learner.assumptions.stages[1:] for code in stage]
        return int(first[codes].sum() + pairs[:, codes].sum())

    def transitions(self, order: Sequence[int]) -> tuple[int, int]:
        """Number of transitions that are as the learner assumes of most, and of all transitions after a choice."""
        stages, leads, like = self.learner.assumptions.stages, self.learner.assumptions.leads, 0
        if not leads or max(leads) >= self.led.shape[1]:
            return 0, 0
        from_first = self.led[[order[code] for code in stages[0]]].sum(0)
        total = int(from_first[:, [order[code] for code in stages[1]]].sum())
        like = sum(int(from_first[action, order[code]]) for action, code in leads.items())
        return (like, total) if self.common > 0.5 else (total - like, total)

    @property
    def common(self) -> float:
        """The probability that the learner assumes of these transitions."""
        name = self.learner.assumptions.probability
        return float(self.learner.settings[name]) if name else 1.0

    @cached_property
    def fitting(self) -> list[tuple[int, ...]]:
        """The orders with which fewest rows are out of place."""
        orders = list(permutations(self.present)) if len(self.labels) <= MOST_LABELS else [self.present]
        counts = [self.out_of_place(order) for order in orders]
        return [order for order, count in zip(orders, counts, strict=True) if count == min(counts)]

    @cached_property
    def best(self) -> tuple[int, ...]:
        """The fitting order with which most transitions are as assumed; the present one if it is as good."""
        share = {order: self.transitions(order)[0] for order in self.fitting}
        if self.present in share and share[self.present] == max(share.values()):
            return self.present
        return max(self.fitting, key=lambda order: share[order])

    @cached_property
    def _led_each(self) -> np.ndarray:
        """As :attr:`led` of each participant, ``(participants, labels, actions, labels)``."""
        rows, count, shape = self._answered, self.trials.n_participants, self.led.shape
        cells = shape[0] * shape[1] * shape[2]
        codes = self.trials.participant_index[rows] * cells + self._codes
        return np.bincount(codes, minlength=count * cells).reshape(count, *shape)

    def by_participant(self, order: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """As :meth:`transitions`, ``(participants,)`` each."""
        assumed = self.learner.assumptions
        if not self.transitions(order)[1]:
            return np.zeros(self.trials.n_participants), np.zeros(self.trials.n_participants)
        from_first = self._led_each[:, [order[code] for code in assumed.stages[0]]].sum(1)
        total = from_first[:, :, [order[code] for code in assumed.stages[1]]].sum((1, 2))
        like = np.sum([from_first[:, action, order[code]] for action, code in assumed.leads.items()], axis=0)
        return (like, total) if self.common > 0.5 else (total - like, total)

    def sides(self, order: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Participants whose transitions are decisively unlike what is assumed, and decisively like it: indices."""
        like, total = self.by_participant(order)
        distance = (2 * like - total) / np.sqrt(np.maximum(total, 1))
        limit = -special.ndtri(DECISIVE / max(self.trials.n_participants, 1))
        return np.flatnonzero(distance < -limit), np.flatnonzero(distance > limit)

    def verdict(self, order: Sequence[int]) -> Verdict:
        """What the transitions say of an order of labels."""
        if self.common == 0.5:
            return "open"
        like, total = self.by_participant(order)
        unlike, alike = self.sides(order)
        limit = -special.ndtri(DECISIVE)
        pooled = (2 * like.sum() - total.sum()) / np.sqrt(max(total.sum(), 1))
        some = total > 0
        squares = float(((2 * like - total)[some] ** 2 / total[some]).sum())
        differ = abs(pooled) < limit and special.chdtrc(max(int(some.sum()), 1), squares) < DECISIVE
        if differ or (len(unlike) and (len(alike) or pooled > -limit)):
            return "mixed"
        return "contradicted" if pooled < -limit else "confirmed" if pooled > limit else "open"
