"""Trials of several stages, one row each: which labels the data show to be which stage, and which action leads where.

The rows that follow each other decide which label begins a trial; how often each action leads to each label of the next stage
decides which is whose. Where there are too few rows, nothing is decided.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, permutations
from typing import Literal

import numpy as np
from scipy import special

from trialwise.base.english import counted
from trialwise.base.message import Argument, Message
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner

DECISIVE = 1e-6
"""A share is above or below one half if one as far from it has a smaller probability than this: so small that no part of data that
are accepted as a whole is refused by chance. For differences between participants, of whom none is decisive alone, too."""

UNLIKE = 0.1
"""If more than this share of the later rows is out of place, the rows are no stages at all."""

MOST_LABELS = 5
"""With more labels, their orders are not tried."""

LISTED = 8

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

    @cached_property
    def _led(self) -> np.ndarray:
        """How often each choice in a row of each label leads to each label, ``(labels, actions, labels)``."""
        size, actions = len(self.labels), self.trials.sizes.get("action", 1)
        if self.trials.choice is None:
            return np.zeros((size, actions, size), int)
        return np.bincount(self._codes, minlength=size * actions * size).reshape(size, actions, size)

    @cached_property
    def _codes(self) -> np.ndarray:
        """The cell of :attr:`_led` of each of the rows with a choice and a row after it."""
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
        if not leads or max(leads) >= self._led.shape[1]:
            return 0, 0
        from_first = self._led[[order[code] for code in stages[0]]].sum(0)
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
        """As :attr:`_led` of each participant, ``(participants, labels, actions, labels)``."""
        rows, count, shape = self._answered, self.trials.n_participants, self._led.shape
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

    # -- in words ------------------------------------------------------------------------------------------------------

    def shown(self, order: Sequence[int]) -> str:
        """What the data show, with numbers: which label begins the trials, and which action leads where."""
        assumed, choices = self.learner.assumptions, self.trials.levels.get("action", ())
        first = [order[code] for code in assumed.stages[0]]
        later = [order[code] for code in assumed.stages[1]]
        follows = int(self._counts[1][np.ix_(first, later)].sum())
        names = " or ".join(repr(self.labels[code]) for code in first)
        parts = [f"{names} comes before {follows:,} of {counted(self.later(order), 'row')} with the other labels"]
        led = self._led[first].sum(0)[:, later]
        for action in assumed.leads:
            total = int(led[action].sum()) if action < len(led) else 0
            if total:
                most = int(led[action].argmax())
                parts.append(
                    f"choice {choices[action]!r} leads from there to {self.labels[later[most]]!r} in {led[action][most] / total:.0%} "
                    f"of {counted(total, 'trial')}"
                )
        return "; ".join(parts)

    def declaration(self, order: Sequence[int | None]) -> Message:
        """The labels in an order (None where a person has to say which), and the choices in theirs, as arguments to type."""
        name = self.trials.columns[self.column].levels or self.column
        levels = Argument("levels", {name: [... if code is None else self.labels[code] for code in order]})
        return Message(levels, " and ", Argument("actions", list(self.trials.levels.get("action", ()))))

    def shape(self) -> str:
        """The table that is wanted, in words and as an example."""
        assumed = self.learner.assumptions
        roles = assumed.labels.get(self.column, ())
        named = [f"{code} = {role}" for code, role in enumerate(roles)]
        stages = [code[0] for code in assumed.stages]
        lines = [f"        participant,{self.column},choice,outcome"]
        lines += [f"        s1,{code},1,{int(code == stages[-1])}" for code in stages]
        meaning = f" ({', '.join(named)})" if named else ""
        return (
            f"a trial is {counted(len(stages), 'row')}, one for each stage, in this order; the column {self.column} says which stage and "
            f"state a row is{meaning}; outcomes before the last stage are 0:\n" + "\n".join(lines)
        )


def stage_violations(learner: Learner, trials: Trials) -> Iterator[Message]:
    """What in the data is not as a learner with several stages assumes, each with what to type."""
    assumed, rows, name = learner.assumptions, StageRows(learner, trials), type(learner).__name__
    wanted = sum(map(len, assumed.stages))
    if len(rows.labels) != wanted:
        have = (
            f"{counted(len(rows.labels), 'label')} of {rows.column} ({_some(rows.labels)})"
            if rows.labels
            else f"no column {rows.column}"
        )
        more: Message | str = ""
        if not rows.labels:
            more = Message("\n    -> if another column says it, name it: ", Argument(rows.column, ...))
        elif len(rows.labels) < wanted:
            declared = Argument("levels", {rows.column: [...]})
            more = Message("\n    -> if some labels do not occur by chance, declare all, in this order: ", declared)
        yield Message(
            f"{name} is about trials with {len(assumed.stages)} stages and {wanted} labels of {rows.column}; the data have {have}\n    -> "
            f"{rows.shape()}", more,
        )  # fmt: skip
        return
    amiss, later = rows.out_of_place(rows.best), rows.later(rows.best)
    if amiss > max(UNLIKE * later, 1) and later:
        yield Message(
            f"{name} is about trials with {len(assumed.stages)} stages; in these data {amiss} of {counted(later, 'row')} of later stages do "
            f"not follow a row of the stage before (counted with {rows.labels[rows.best[0]]!r} as the first stage)\n    -> {rows.shape()}"
        )
        return
    if amiss:
        yield _about_rows(rows, amiss)
    if rows.verdict(rows.best) == "mixed":  # the order of labels can be seen when they are recoded
        yield _about_counterbalancing(rows)
    else:
        yield from _about_labels(rows)
    yield from _about_outcomes(rows)


def _about_labels(rows: StageRows) -> Iterator[Message]:
    """Labels that have other roles in the data than in their present order, or may have."""
    column = rows.trials.columns[rows.column].levels
    declared = column in rows.trials.declared
    coded = all(isinstance(label, int) for label in rows.labels)  # the file's own order, and the counts are seen below
    placed = rows.present in rows.fitting
    verdict = rows.verdict(rows.present)
    if (declared or coded) and placed and verdict != "contradicted":
        return
    roles = rows.learner.assumptions.labels.get(rows.column, ())
    taken = ", ".join(f"{label!r} as {role}" for label, role in zip(rows.labels, roles, strict=False))
    how = "" if declared or coded else " (labels that are not declared are sorted)"
    start = f"{type(rows.learner).__name__} takes {rows.column} {taken}{how}"
    if rows.verdict(rows.best) == "confirmed":
        conclusion = "which the data confirm:" if rows.best == rows.present else "but in the data"
        yield Message(
            f"{start}, {conclusion} {rows.shown(rows.best)}\n    -> declare the labels in the order of these roles: ",
            rows.declaration(rows.best),
        )
        return
    known = [{order[role] for order in rows.fitting} for role in rows.present]
    yield Message(
        f"{start}; the data do not decide whether that is right ({rows.shown(rows.best)})\n    -> declare the labels in the order of these "
        "roles: ", rows.declaration([codes.pop() if len(codes) == 1 else None for codes in known]),
    )  # fmt: skip


def _about_rows(rows: StageRows, amiss: int) -> Message:
    """A few rows that do not follow a row of the stage before."""
    role = np.argsort(rows.best)[rows.cue]
    stage = np.zeros(len(rows.present), int)
    for number, codes in enumerate(rows.learner.assumptions.stages):
        stage[list(codes)] = number
    stage_of = stage[role]
    before = np.concatenate([[-1], stage_of[:-1]])
    before[rows.begins] = -1
    wrong = np.flatnonzero((stage_of > 0) & (before != stage_of - 1))
    places = ", ".join(_place(rows.trials, t) for t in wrong[:3]) + (", ..." if len(wrong) > 3 else "")
    first = " or ".join(repr(rows.labels[rows.best[code]]) for code in rows.learner.assumptions.stages[0])
    return Message(
        f"{type(rows.learner).__name__} assumes that each row of a later stage directly follows one of the stage before ({rows.column} "
        f"{first}); {counted(amiss, 'row')} {'does' if amiss == 1 else 'do'} not: {places}\n    -> put the rows into the order in which they "
        "happened, add the missing row of the first stage with an empty choice, or leave the row out"
    )


def _about_counterbalancing(rows: StageRows) -> Message:
    """Choices that lead elsewhere for some participants than for others."""
    trials, (unlike, alike) = rows.trials, rows.sides(rows.best)
    assumed = rows.learner.assumptions
    action, code = next(iter(assumed.leads.items()))
    pair = [rows.labels[rows.best[each]] for each in assumed.leads.values()]
    name = type(rows.learner).__name__
    start = f"{name} assumes that choice {trials.levels['action'][action]!r} mostly leads to the same {rows.column} for everybody"
    if not len(unlike) or len(pair) != 2:
        return Message(
            f"{start}; in these data participants differ more than by chance, as if it were counterbalanced\n    -> recode {rows.column}, "
            "participant by participant, so that it does"
        )
    like, total = rows.by_participant(rows.best)
    likely = [trials.participants[n] for n in np.flatnonzero(like < total / 2)]
    decided = {*unlike.tolist(), *alike.tolist()}
    unclear = [label for n, label in enumerate(trials.participants) if n not in decided]
    few = f"; with few trials, that is uncertain for {_some(unclear)}" if unclear else ""
    cue, owner = column_of(trials, rows.column), column_of(trials, "participant")
    swap = {pair[0]: pair[1], pair[1]: pair[0]}
    return Message(
        f"{start}; it mostly leads to {rows.labels[rows.best[code]]!r} for {counted(trials.n_participants - len(likely), 'participant')}, and to "
        f"another for {len(likely)} ({_some(likely)}), as if it were counterbalanced{few}\n    -> recode {rows.column} for these {len(likely)}, in the file or with pandas: "
        f"table[{cue!r}] = table[{cue!r}].where(~table[{owner!r}].isin({likely!r}), table[{cue!r}].replace({swap!r}))"
    )


def _about_outcomes(rows: StageRows) -> Iterator[Message]:
    """Choices before the last stage without an outcome: a learner never hears of them."""
    trials, assumed = rows.trials, rows.learner.assumptions
    if "learn" not in rows.learner.methods or trials.choice is None or not trials.outcome:
        return
    role = np.argsort(rows.best)[rows.cue]
    last = np.isin(role, assumed.stages[-1])
    silent = trials.without_outcome & (trials.choice >= 0)
    wrong = np.flatnonzero(silent & ~last)
    name = type(rows.learner).__name__
    if len(wrong):
        codes = [rows.labels[rows.best[code]] for stage in assumed.stages[:-1] for code in stage]
        cue, outcome = column_of(trials, rows.column), column_of(trials, next(iter(trials.outcome)))
        which = f"== {codes[0]!r}" if len(codes) == 1 else f".isin({codes!r})"
        yield Message(
            f"{name} learns from every row with a choice and an outcome, and {counted(len(wrong), 'row')} of the first stage "
            f"{'has' if len(wrong) == 1 else 'have'} no outcome, so that it would not notice the choice ({_place(trials, wrong[0])})\n"
            f"    -> give these rows the outcome 0, in the file or with pandas: "
            f"table.loc[table[{cue!r}] {which}, {outcome!r}] = 0"
        )
    if last.any() and silent[last & (trials.choice >= 0)].all() and (last & (trials.choice >= 0)).any():
        yield Message(
            f"{name} learns from the outcome of the last stage, and no row of it has one\n    -> move the outcomes to the rows of the last "
            "stage, and give the others 0"
        )


def _place(trials: Trials, t: int) -> str:
    """Where a trial is: ``participant 'a', row 4 of the file``."""
    n = int(np.searchsorted(trials.offsets, t, side="right")) - 1
    where = f"row {trials.row[t]} of the file" if trials.row is not None else f"row {t - trials.offsets[n] + 1}"
    return f"participant {str(trials.participants[n])!r}, {where}"


def _some(labels: Sequence[Hashable]) -> str:
    return ", ".join(map(str, labels[:LISTED])) + (", ..." if len(labels) > LISTED else "")


def column_of(trials: Trials, role: str) -> str:
    """The name of the column of the file in which a role was found; the role itself if that is not known."""
    source = trials.mapping.get(role, "")
    return source.split("'")[1] if source.startswith("column '") else role
