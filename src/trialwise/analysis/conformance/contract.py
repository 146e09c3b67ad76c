"""The contract of a trial as checks: what each does with a learner, and its message if the contract is violated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from trialwise.analysis.conformance.by_hand import walk_by_hand
from trialwise.analysis.conformance.case import AGREEMENT, Case, Violation, difference, shown
from trialwise.analysis.conformance.simulating import CUTS, simulation
from trialwise.base.english import counted
from trialwise.base.message import Message, Restriction
from trialwise.data.trials import MISSED, Trials
from trialwise.engine import (
    FLAGS,
    HIDDEN,
    TEACHES,
    WATCHES,
    run_exact,
    run_forward,
    run_gradient,
    run_trace,
    trace_plain,
)
from trialwise.learners.no_chance import no_chance
from trialwise.learners.source import helpers

COURSE, FILTERS = 9, 400
"""Number of trials over which sequences of hidden choices are summed to test particles, and number of filters averaged."""

MOST_SEQUENCES = 30_000
"""Largest number of sequences of hidden choices that are summed for each participant to test the forward algorithm."""


# -- the checks: each returns its details, or raises ------------------------------------------------------------------


def _runs(case: Case) -> str:
    free = case.natural(np.zeros((case.trials.n_participants, len(case.learner.parameters))))
    scores = case.scores(free)
    bad = np.flatnonzero(case.packed.scored & ~np.isfinite(scores))
    if len(bad) and np.isneginf(scores[bad[0]]):
        raise Violation(
            f"the response of {case.where(bad[0])} has the probability 0 in the middle of the priors: ", no_chance(case.learner, case.trials, bad[0])
        )  # fmt: skip
    if len(bad):
        raise Violation(
            f"the log-likelihood of {case.where(bad[0])} is {scores[bad[0]]} in the middle of the priors: look for a "
            "division by zero, a logarithm of zero, or a missing outcome (math.isnan) on this or an earlier trial"
        )
    return f"{case.trials.n_trials} trials of {counted(case.trials.n_participants, 'participant')}"


def _refuse_nan(case: Case, free: np.ndarray, scores: np.ndarray) -> None:
    """Away from the middle of the priors a likelihood may be 0, but it must be a number."""
    bad = np.flatnonzero(case.packed.scored & np.isnan(scores))
    if len(bad):
        at = ", ".join(
            f"{name} = {value:.4g}"
            for name, value in zip(case.learner.names, free[case.trials.participant_index[bad[0]]], strict=True)
        )
        raise Violation(
            f"the log-likelihood of {case.where(int(bad[0]))} is not a number (NaN) at {at}: on this trial or an earlier one the learner "
            "takes a logarithm or a root of a negative number, or divides 0 by 0"
        )


def _agreement(case: Case) -> str:
    worst = 0.0
    for free in case.points:
        plain, plain_signals = trace_plain(case.learner, case.packed, free)
        compiled, signals, names = run_trace(case.learner, case.packed, free)
        _refuse_nan(case, free, compiled[:, 0])
        by_trial = difference(compiled[:, 0], plain[:, 0])
        of_signals = difference(signals, plain_signals[:, : len(names)]).max(1, initial=0.0)
        dual, _ = run_gradient(case.learner, case.packed, free)
        by_participant = difference(dual, case.by_participant(plain[:, 0]))
        for quantity, gaps in (("log-likelihood", by_trial), ("signals", of_signals)):
            if gaps.max() > AGREEMENT:
                raise Violation(
                    f"{quantity} of {case.where(int(gaps.argmax()))} differ by {shown(gaps.max())} between plain Python "
                    "and compiled code: look for a global that changes, or an operation that Python and NumPy round differently"
                )
        if by_participant.max() > AGREEMENT:
            participant = case.trials.participants[int(by_participant.argmax())]
            raise Violation(
                f"the log-likelihood of {participant} differs by {shown(by_participant.max())} on dual numbers"
            )
        worst = max(worst, by_trial.max(), of_signals.max(), by_participant.max())
    return f"largest relative difference {shown(worst)}"


def _gradient(case: Case) -> str:
    worst = 0.0
    for free in case.points:
        base, slope = run_gradient(case.learner, case.packed, free)
        for k, name in enumerate(case.learner.names):
            step = np.zeros_like(free)
            step[:, k] = 1e-5 * np.maximum(np.abs(free[:, k]), 1e-2)
            above, centre, below = case.total(free + step), case.total(free), case.total(free - step)
            ahead, behind = (above - centre) / step[:, k], (centre - below) / step[:, k]
            noise = 1e-15 * (1.0 + np.abs(base)) / step[:, k]
            allowed = 1e-5 * np.maximum(1.0, np.abs(slope[:, k])) + noise
            error = np.abs(slope[:, k] - (ahead + behind) / 2)
            at_kink = (slope[:, k] >= np.minimum(ahead, behind) - allowed) & (
                slope[:, k] <= np.maximum(ahead, behind) + allowed
            )  # min, max and abs have two slopes at a kink: either is right
            wrong = ~((error <= allowed) | at_kink)
            if wrong.any():
                n = int(np.argmax(np.where(wrong, error, -1.0)))
                raise Violation(
                    f"d/d{name} of {case.trials.participants[n]} is {slope[n, k]:.8g} but finite differences give "
                    f"{(ahead + behind)[n] / 2:.8g} at {name} = {free[n, k]:.4g}: the likelihood is discontinuous there, as "
                    "where a comparison or a whole number depends on a parameter"
                )
            worst = max(worst, float((error / np.maximum(1.0, np.abs(slope[:, k]))).max()))
    return f"largest relative difference from finite differences {shown(worst)}"


def _every_parameter(case: Case) -> str:
    slopes = [np.abs(run_gradient(case.learner, case.packed, free)[1]) for free in case.points]
    constant = []
    for k, name in enumerate(case.learner.names):
        if max(slope[:, k].max() for slope in slopes) < 1e-9:
            ends = []
            for distance in (-3.0, 3.0):
                spot = np.zeros_like(case.points[0])
                spot[:, k] = distance
                ends.append(case.total(case.natural(spot)))
            constant.append(Message(f"{name} ", _why_constant(name, bool(np.abs(ends[0] - ends[1]).max() > 1e-9))))
    if constant:
        raise Violation(Message.join("; ", constant))
    return ", ".join(case.learner.names) or "no free parameter"


def _why_constant(name: str, in_steps: bool) -> Message:
    if in_steps:
        return Message(
            "changes the likelihood only in steps: its gradient is zero, so that gradient-based methods cannot fit it. It "
            "acts on choices through a discrete operation such as argmax, int() or a comparison. Use a graded one "
            "instead: weights softmax(sharpness * values), or hide(...) for a choice that is made but not observed; "
            "or ",
            Restriction("fix", name),
        )
    return Message(
        "never changes the likelihood: nothing that choose or respond reads depends on it in these trials. Use it, make "
        "it a constant(...), ",
        Restriction("fix", name),
        ", or check it on trials in which it matters",
    )


def _no_peeking(case: Case) -> str:
    _no_outcomes_by_name(case)
    trials, free = case.trials, case.points[0]
    if not trials.outcome:
        return "there are no outcomes"
    before = case.scores(free)
    for _ in range(CUTS):
        until, rows, last = case.beginning()
        gap = difference(case.scores(free, until), before[rows])
        gap[last & ~until.own] = 0.0  # whether the outcome teaches decides whether a hidden choice is made there at all
        if gap.max(initial=0.0) > 1e-12:
            raise Violation(
                f"the likelihood of {case.where(int(rows[gap.argmax()]))} changes with its own outcome, or with later trials"
            )
    return f"the same without the own outcome and later trials, at {CUTS} trials of each participant"


def _no_outcomes_by_name(case: Case) -> None:
    """Outcomes that a method before the choice reads from a global of its module."""
    outcomes = [values for values in case.trials.outcome.values() if len(values) > 3]
    for name, method in case.learner.methods.items():
        if name in ("learn", "watch"):
            continue
        for thing, value in _globals_of(method):
            if not isinstance(value, np.ndarray | list | tuple):
                continue
            flat = np.ravel(np.asarray(value, object))
            if any(len(flat) >= len(o) and _same_numbers(flat[: len(o)], o) for o in outcomes):
                raise Violation(
                    f"{type(case.learner).__name__}.{name} reads {thing}, which contains the outcomes of these trials: "
                    "the likelihood of a trial would depend on its own outcome. Outcomes belong in learn(self, state, "
                    "trial, choice, outcome)"
                )


def _same_numbers(values: np.ndarray, numbers: np.ndarray) -> bool:
    try:
        return bool(np.array_equal(values.astype(float), numbers, equal_nan=True))
    except (TypeError, ValueError):
        return False


def _globals_of(function: Callable, depth: int = 5) -> Iterator[tuple[str, Any]]:
    for name, thing in helpers(function):
        yield name, thing
        if hasattr(thing, "__code__") and depth:
            yield from _globals_of(thing, depth - 1)


def _participants_independent(case: Case) -> str:
    trials, free = case.trials, case.points[0]
    everyone = case.scores(free)
    orders = [list(reversed(range(trials.n_participants))), *([n] for n in range(min(trials.n_participants, 6)))]
    for order in orders:
        subset = trials.select(trials.participants[n] for n in order)
        scores = case.scores(free[order], subset)
        for place, n in enumerate(order):
            own = scores[subset.offsets[place] : subset.offsets[place + 1]]
            gap = difference(own, everyone[trials.offsets[n] : trials.offsets[n + 1]])
            if gap.max(initial=0.0) > 1e-12:
                raise Violation(
                    f"the likelihood of {trials.participants[n]} depends on the other participants, or on their order: "
                    "something is stored outside the state that start returns"
                )
    return "in another order, and each alone"


def _missed_trials(case: Case) -> str:
    longer, old = with_missed_trials(case.trials, case.random, _begins_trial(case))
    free = case.points[0]
    compiled = case.scores(free, longer)
    for n in range(longer.n_participants):
        values = dict(zip(case.learner.names, free[n], strict=True))
        with np.errstate(all="ignore"):
            by_hand = walk_by_hand(case.learner, longer, n, values)
        gap = difference(compiled[longer.offsets[n] : longer.offsets[n + 1]], by_hand)
        if gap.max(initial=0.0) > AGREEMENT:
            first = int(np.argmax(gap > AGREEMENT))
            raise Violation(
                f"a missed trial does more than elapse (seen at trial {first + 1} of {longer.participants[n]} with "
                "missed trials inserted): choose and respond may only read the state; changes by what is shown belong in see, "
                "changes with time in elapse or between, changes after a choice in learn"
            )
    if (
        not {"see", "elapse", "between"} & {*case.learner.methods}
        and difference(compiled[old], case.scores(free)).max() > AGREEMENT
    ):
        raise Violation(
            "missed trials change the likelihood of other trials although there is no see, elapse or between"
        )
    return "missed trials inserted; agrees with the reference implementation"


def _begins_trial(case: Case) -> np.ndarray:
    """Which rows are not a later stage of the trial of the row before."""
    assumed, columns = case.learner.assumptions, case.trials.columns
    if not assumed.stages or assumed.stage_column not in columns:
        return np.ones(case.trials.n_trials, bool)
    return np.isin(columns[assumed.stage_column].values, assumed.stages[0])


def with_missed_trials(trials: Trials, random: np.random.Generator, before: np.ndarray) -> tuple[Trials, np.ndarray]:
    """Trials with missed ones (no choice or response, no outcome) inserted before some of the rows ``before``, and the new rows of
    the original ones."""
    copies = 1 + (before & (random.random(trials.n_trials) < 0.2))
    rows = np.repeat(np.arange(trials.n_trials), copies)
    old = np.cumsum(copies) - 1
    new = np.ones(len(rows), bool)
    new[old] = False
    longer = trials.take(rows)
    inserted = {
        "offsets": np.concatenate([[0], np.cumsum(copies)])[trials.offsets].astype(np.int64),
        "choice": None if longer.choice is None else np.where(new, MISSED, longer.choice),
        "response": {name: np.where(new, np.nan, values) for name, values in longer.response.items()},
        "outcome": {name: np.where(new, np.nan, values) for name, values in longer.outcome.items()},
        "reset": longer.reset & ~new,  # type: ignore[operator]
    }
    return replace(longer, **inserted), old


def _signals(case: Case) -> str:
    learns = (case.packed.ints[:, FLAGS] & (TEACHES | WATCHES)) != 0
    for free in case.points:
        _, signals, names = run_trace(case.learner, case.packed, free)
        bad = np.argwhere(~np.isfinite(signals[learns]))
        if len(bad):
            t, k = np.flatnonzero(learns)[bad[0, 0]], bad[0, 1]
            raise Violation(
                f"learn or watch returned {signals[t, k]} as {names[k]} on {case.where(int(t))}, where there is an outcome"
            )
    return ", ".join(names) or "none"


CHECKS: dict[str, Callable[[Case], str]] = {
    "it runs and compiles": _runs,
    "plain Python, compiled and dual agree": _agreement,
    "the gradient is right": _gradient,
    "simulation and replay agree": simulation,
    "every parameter matters": _every_parameter,
    "no trial knows the future": _no_peeking,
    "participants are independent": _participants_independent,
    "a missed trial only elapses": _missed_trials,
    "signals are numbers": _signals,
}
"""The rows of the table."""


# -- further checks of learners with a hidden choice --------------------------------------------------------------------


def _exchangeable(case: Case) -> str:
    field = case.learner.hidden
    assert field is not None
    if not case.learner.exchangeable:
        return f"{field.name} is not declared exchangeable: each option has its own meaning"
    hidden = case.packed.ints[:, HIDDEN]
    swaps = [list(range(case.learner.options)) for _ in range(1, case.learner.options)]
    for k, swap in enumerate(swaps, 1):
        swap[0], swap[k] = k, 0
        swapped = case.packed.with_hidden(np.array(swap)[hidden])
        for free in case.points:
            gap = difference(case.scores(free, packed=swapped), case.scores(free))
            if gap.max() > AGREEMENT:
                raise Violation(
                    f"with options 0 and {k} swapped, the likelihood of {case.where(int(gap.argmax()))} changes by "
                    f"{shown(gap.max())}: the options differ from the start. Do not declare them exchangeable, or let start, hide "
                    "and elapse treat all options alike"
                )
    return f"{len(swaps)} swaps of options change nothing"


def _integrated(case: Case) -> str:
    from trialwise.engine import run_particles, stream_keys

    short = case.trials.beginning(COURSE)
    lengths, packed = short.lengths, case.pack(short)
    free, worst = case.points[0], 0.0
    exact = run_exact(case.learner, packed, free)[0]
    for n in range(len(lengths)):
        jobs = np.full(FILTERS, n)
        keys = stream_keys(np.uint64(n), np.arange(FILTERS))
        estimates = run_particles(case.learner, packed, free[jobs], jobs, keys, 20)
        ratio = np.exp(estimates.log_likelihood - exact[n])
        far = abs(ratio.mean() - 1.0) / max(ratio.std() / np.sqrt(FILTERS), 1e-9)
        worst = max(worst, far)
        if far > 5.0:
            raise Violation(
                f"for the first {lengths[n]} trials of {case.trials.participants[n]}, particles estimate a likelihood of "
                f"{ratio.mean():.4g} times the sum over all sequences of hidden choices, {far:.1f} standard errors away: hide, "
                "choose and elapse must depend only on state and trial"
            )
    return f"within {worst:.1f} standard errors of the sum over all sequences of hidden choices in {COURSE} trials"


def _abreast(case: Case) -> str:
    from trialwise.engine import goes_abreast, run_particles, stream_keys

    jobs = np.arange(len(case.trials.participants))
    keys = stream_keys(jobs.astype(np.uint64), jobs)
    for free in case.points:
        doubles, duals = (
            run_particles(case.learner, case.packed, free, jobs, keys, 21, scored=scored, threshold=1.0)
            for scored in (False, True)
        )
        gap = np.abs(doubles.log_likelihood - duals.log_likelihood) / (1.0 + np.abs(duals.log_likelihood))
        # a random number at the boundary between two options may fall on either side: then the estimates differ by noise
        if np.median(gap) > AGREEMENT:
            raise Violation(
                f"filters with the same random numbers, on doubles and on duals, estimate {doubles.log_likelihood[gap.argmax()]:.6g} and "
                f"{duals.log_likelihood[gap.argmax()]:.6g} for participant {case.trials.participants[int(gap.argmax())]}"
            )
    how = "several particles at once" if goes_abreast(case.learner, case.packed) else "one particle at a time"
    return f"same estimates; on doubles, {how}"


def _forward(case: Case) -> str:
    options = max(case.learner.options, 2)
    count = min(COURSE, int(np.log(MOST_SEQUENCES) / np.log(options)))
    packed, worst = case.pack(case.trials.beginning(count)), 0.0
    for free in case.points:
        value, slope, _ = run_exact(case.learner, packed, free)
        for quantity, gaps in zip(
            ("likelihood", "gradient"), _gaps(run_forward(case.learner, packed, free), (value, slope)), strict=True
        ):
            if gaps.max(initial=0.0) > AGREEMENT:
                n = int(np.argmax(gaps.max(1) if gaps.ndim > 1 else gaps))
                raise Violation(
                    f"for the first {count} trials of {case.trials.participants[n]} the {quantity} by the forward algorithm differs by "
                    f"{shown(gaps.max())} from the sum over all sequences of hidden choices: hide and choose may only read the state"
                )
            worst = max(worst, gaps.max(initial=0.0))
    return f"largest relative difference in {count} trials {shown(worst)}"


def _gaps(some: tuple[np.ndarray, ...], others: tuple[np.ndarray, ...]) -> Iterator[np.ndarray]:
    return (difference(one, other) for one, other in zip(some, others, strict=True))


MARKOV_CHECKS: dict[str, Callable[[Case], str]] = {"forward algorithm and sum over sequences agree": _forward}
"""The additional row for learners whose hidden choices are a Markov chain."""

HIDDEN_CHECKS: dict[str, Callable[[Case], str]] = {
    "hidden options are exchangeable": _exchangeable,
    "particles agree with the exact sum": _integrated,
    "filters on doubles and duals agree": _abreast,
}
"""The additional rows for learners with a hidden choice."""
