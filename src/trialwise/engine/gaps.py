"""What ``learn`` (or ``watch``) does with a part of the outcome that is missing: nothing, or something that a state remembers.

There are more ways of asking whether a number is missing than a reader of source could know, so the learner is run, in plain Python,
on the participants with gaps. A comparison with a gap is false, as with any NaN, and counts as asking.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trialwise.base.errors import LearnerError
from trialwise.data.trials import row_of
from trialwise.engine.flags import FLAGS, TEACHES, WATCHES
from trialwise.engine.packed import Packed, middle_row
from trialwise.engine.walks.parts import PLAIN, build_parts, participant_of, plain_options, plain_preference
from trialwise.engine.walks.replay import Parts, build_replay
from trialwise.learners.learner import Learner
from trialwise.learners.state import State, Task, numbers_of

GAP = np.array([0x7FF0000000000001], np.uint64).view(np.float64)[0].item()
"""A signaling NaN: it stays one when it is stored, and arithmetic turns it into a quiet one. So a state shows whether a learner
remembers a gap, about which it may ask later, or has computed with it."""

QUIET = np.uint64(1 << 51)


class Gap(float):
    """A missing number, which notes if it is taken for a truth value: a NaN counts as true, and differs from every number."""

    def __new__(cls, name: str, outcome: Outcome) -> Gap:
        gap = super().__new__(cls, GAP)
        gap.name, gap.outcome = name, outcome
        return gap

    name: str
    outcome: Outcome

    def __bool__(self) -> bool:
        self.outcome.decided.append(self.name)
        return self.outcome.truth

    def __ne__(self, other: object) -> bool:
        return bool(self) if other == other else True  # x != x asks whether x is missing


class Outcome:
    """The outcome of a trial, as ``learn`` receives it, which notes where its parts are read.

    ``truth`` is the truth value of a gap, ``decided`` the parts whose truth value was taken.
    """

    def __init__(self, values: dict[str, float], truth: bool):
        self.truth, self.decided, self.read = truth, [], {}
        self._values = values

    truth: bool
    decided: list[str]
    read: dict[str, tuple[str, int]]

    def __getattr__(self, name: str) -> float:
        try:
            number = self._values[name]
        except KeyError:
            raise AttributeError(name) from None
        frame = sys._getframe(1)
        self.read[name] = frame.f_code.co_name, frame.f_lineno
        return Gap(name, self) if math.isnan(number) else number


@dataclass(frozen=True)
class Use:
    """A trial ``t`` without the parts ``names``, which were read at ``place``, a function and its line; ``later`` if they were used
    only on a later trial."""

    t: int
    names: tuple[str, ...]
    place: tuple[str, int]
    later: bool = False


class _Used(Exception):
    """Ends a walk at the first use of a gap."""

    def __init__(self, use: Use):
        self.use = use


def check_gaps(learner: Learner, packed: Packed, names_read: set[str]) -> None:
    """Refuse trials on which a part of the outcome is missing that ``learn`` uses.

    Raises
    ------
    LearnerError
        It names the part, the trials, the line, and what to write.
    """
    names = [name for name, *_ in packed.outcome]
    if not learner.learns or len(names) < 2:
        return
    first = packed.outcome[0][2]
    teaches = (packed.ints[:, FLAGS] & (TEACHES | WATCHES)) > 0
    gaps = np.isnan(packed.reals[:, first : first + len(names)]) & teaches[:, None]
    gaps[:, [n for n, name in enumerate(names) if name not in names_read]] = False
    if not gaps.any() or (use := _remembered_use(learner, packed, gaps)) is None:
        return
    n = int(np.searchsorted(packed.offsets, use.t, side="right")) - 1
    others = int(gaps[:, [names.index(name) for name in use.names]].any(1).sum()) - 1
    parts = " and ".join(f"outcome.{name}" for name in use.names)
    function, line = use.place
    kind = type(learner).__name__
    method = f"{kind}.{function}" if function in {**learner.methods, **learner.helper_methods} else function
    verb, pronoun = ("is", "it") if len(use.names) == 1 else ("are", "them")
    uses = (
        f"{method}, line {line}, remembers {pronoun}, and a later trial computes with that"
        if use.later
        else f"{method}, line {line}, uses {pronoun}"
    )
    asked = " and ".join(f"not np.isnan(outcome.{name})" for name in use.names)
    more = f" (and on {others} more)" if others else ""
    raise LearnerError(
        f"{parts} {verb} missing on trial {use.t - packed.offsets[n] + 1} of participant {packed.participants[n]!r}"
        f"{row_of(packed.file_rows, packed.files, use.t)}{more}, the rest of the outcome is not, and {uses}\n    -> fill {pronoun} in; or "
        f"leave the whole outcome of the trial empty, so that nothing is learnt from it; or write if {asked}: before what uses {pronoun}"
    )


_USES: dict[tuple[Learner, bytes], Use | None] = {}


def _remembered_use(learner: Learner, packed: Packed, gaps: np.ndarray) -> Use | None:
    """As :func:`_first_use`, once per learner and data, since trials are packed many times."""
    digest = hashlib.blake2b(repr((packed.layout, packed.names, packed.sizes.tolist())).encode())
    for values in (packed.offsets, packed.observed, packed.ints, packed.reals, gaps):
        digest.update(np.ascontiguousarray(values))
    key = learner, digest.digest()
    if key not in _USES:
        _USES[key] = _first_use(learner, packed, gaps)
    return _USES[key]


def _first_use(learner: Learner, packed: Packed, gaps: np.ndarray) -> Use | None:
    """The first trial with a gap that is used, with parameters in the middle of their ranges and every hidden choice."""
    values = middle_row(learner)
    sizes = dict(zip(packed.names, (int(size) for size in packed.sizes), strict=True))
    for first, end in zip(packed.offsets[:-1], packed.offsets[1:], strict=True):
        if not gaps[first:end].any():
            continue
        for option in range(learner.options):
            walk = build_replay(_Walk(learner, packed, gaps, option).parts())
            try:
                with np.errstate(all="ignore"):
                    walk(
                        participant_of(learner, packed, values), Task(sizes), plain_preference(packed), plain_options(packed),
                        packed.observed, packed.ints, packed.reals, first, end, None, None,
                    )  # fmt: skip
            except _Used as used:
                return used.use
            except Exception:  # not about gaps: whoever runs the learner hears of it
                continue
    return None


class _Walk:
    """The parts of a walk over the trials of a participant that ends where a gap is used."""

    def __init__(self, learner: Learner, packed: Packed, gaps: np.ndarray, option: int):
        self.gaps, self.option, self.packed = gaps, option, packed
        self.names = [name for name, *_ in packed.outcome]
        self.first = packed.outcome[0][2]
        outcomes = packed.reals[:, self.first : self.first + len(self.names)]
        self.usual = [_middlemost(values) for values in outcomes.T]
        self.outcome: Outcome
        self.truth = True
        self.held: Use | None = None
        self.holding = False
        self.plain = build_parts(learner, packed.layout, PLAIN._replace(row=self._row), tracing=False)

    def _row(self, what: str, layout: tuple) -> Callable:
        if what != "outcome":
            return PLAIN.row(what, layout)

        def outcome(ints, reals, t):
            self.outcome = Outcome({name: reals[t, start] for name, _, start, _ in layout}, self.truth)
            return self.outcome

        return outcome

    def parts(self) -> Parts:
        """The parts of a replay."""
        plain = self.plain
        return plain._replace(
            given_hidden=lambda ints, t: self.option,
            act=self._act,
            score=self._number(plain.score),
            score_hidden=plain.score_hidden and self._number(plain.score_hidden),
            see=plain.see and self._by_itself(plain.see),
            acted=plain.acted and self._by_itself(plain.acted),
            elapse=plain.elapse and self._by_itself(plain.elapse),
            learn=plain.learn and self._learn,
            watch=plain.watch and self._watch,
            between=plain.between and self._by_itself(plain.between),
        )

    def _act(self, agent, state, trial, hidden, preference, last):
        self.holding = self.held is not None and _holds(state)
        try:
            return self.plain.act(agent, state, trial, hidden, preference, last)
        except Exception:
            self._refuse_held()
            raise

    def _number(self, part: Callable) -> Callable:
        """A score that must not become NaN because of a gap in the state."""

        def score(*arguments):
            result = part(*arguments)
            if math.isnan(result[0]):
                self._refuse_held()
            return result

        return score

    def _refuse_held(self) -> None:
        if self.holding and self.held is not None:
            raise _Used(self.held)

    def _by_itself(self, part: Callable) -> Callable:
        """A change that must not compute with a gap in the state."""

        def change(agent, state, trial, *responses):
            holding = self.held is not None and _holds(state)
            before = numbers_of(state) if holding else None
            part(agent, state, trial, *responses)
            if before is not None and _spoilt(before, numbers_of(state)):
                self.holding = holding
                self._refuse_held()

        return change

    def _learn(self, agent, state, trial, hidden, responses, ints, reals, t):
        def learn(changed, ints, reals, t):
            return self.plain.learn(agent, changed, trial, hidden, responses, ints, reals, t)

        return self._taught(learn, state, ints, reals, t)

    def _watch(self, agent, state, trial, hidden, ints, reals, t):
        def watch(changed, ints, reals, t):
            return self.plain.watch(agent, changed, trial, hidden, ints, reals, t)

        return self._taught(watch, state, ints, reals, t)

    def _taught(self, learn: Callable, state, ints, reals, t):
        holding = self.held is not None and _holds(state)
        if holding or self.gaps[t].any():
            before = _copy(state)

            def after(empty: Sequence[str], truth: bool = True) -> np.ndarray | None:
                """The state after learning without some parts of the outcome; None if that raises an error."""
                row = reals[t : t + 1].copy()
                for n, name in enumerate(self.names):
                    if self.gaps[t, n] and name not in empty:
                        row[0, self.first + n] = self.usual[n]
                changed, self.truth = _copy(before), truth
                try:
                    learn(changed, ints[t : t + 1], row, 0)
                except Exception:
                    return None
                finally:
                    self.truth = True
                return numbers_of(changed)

            self._look(numbers_of(before), after, t, holding)
        return learn(state, ints, reals, t)

    def _look(self, before: np.ndarray, after: Callable, t: int, holding: bool) -> None:
        """Refuse a use of this trial's gaps, or of one that the state remembers; note what the state will remember."""
        missing = [name for name, gap in zip(self.names, self.gaps[t], strict=True) if gap]
        state = after(missing)
        read, decided = dict(self.outcome.read), set(self.outcome.decided)
        missing = [name for name in missing if name in read]
        if _spoilt(before, state):
            if not missing or _spoilt(before, after(())):  # not because of this trial's gaps
                self.holding = holding
                self._refuse_held()
                return
            own = tuple(name for name in missing if _spoilt(before, after([name]))) or tuple(missing)
            raise _Used(Use(t, own, read[own[-1]]))
        if decided and not _same(state, after(missing, truth=False)):
            own = tuple(name for name in missing if name in decided)
            raise _Used(Use(t, own, read[own[-1]]))
        if missing and state is not None and (_is_gap(state) & ~_is_gap(before)).any():
            self.held = Use(t, tuple(missing), read[missing[-1]], later=True)


def _middlemost(values: np.ndarray) -> float:
    """A number that occurs, so that it is what the learner is made for."""
    occurring = np.sort(values[np.isfinite(values)])
    return float(occurring[len(occurring) // 2]) if len(occurring) else 0.0


def _copy(state: object) -> object:
    if isinstance(state, State):
        return State(**{name: _copy(part) for name, part in vars(state).items()})
    return state.copy() if isinstance(state, np.ndarray) else state


def _is_gap(numbers: np.ndarray) -> np.ndarray:
    """Which numbers are gaps that nothing was computed with."""
    return np.isnan(numbers) & ((numbers.view(np.uint64) & QUIET) == 0)


def _holds(state: object) -> bool:
    return bool(_is_gap(numbers_of(state)).any())


def _spoilt(before: np.ndarray, after: np.ndarray | None) -> bool:
    """Whether learning raised an error, or any number of the state became NaN by computation."""
    if after is None or len(after) != len(before):
        return True
    return bool((np.isnan(after) & ~_is_gap(after) & ~(np.isnan(before) & ~_is_gap(before))).any())


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is not None and other is not None and np.array_equal(one, other, equal_nan=True)
