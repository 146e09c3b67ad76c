r"""Probabilities of hidden choices trial by trial: filtered (given the trials so far) and smoothed (given all trials).

Particle filters are run and recorded. The path of each final particle is traced back through its ancestors; many particles
share early ancestors, so independent filters, weighted by their likelihoods, are added until enough distinct ancestors are left at
the first trial. A fit that keeps courses of hidden choices (:mod:`trialwise.likelihoods.course_values`) needs filters for filtered quantities only.

Exchangeable options have no labels: by symmetry each has the same probability on every trial. Meaningful quantities are computed
within each path, before averaging: is the option in use the one **settled on** for the current context, that is the one
chosen there most often, or the one settled on for the previous context, or another? Filtered: most often so far; smoothed: most
often in the whole record. After a reset to the initial state the options are like new, so that all this starts again: "the whole record" is that
between two such resets, and options before and after one are never the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trialwise.base.streams import stream_key
from trialwise.data.trials import MISSED, Trials
from trialwise.engine import FLAGS, HIDES, RESET, Packed, Trace, run_traced, signal_names, stream_keys
from trialwise.learners.learner import Learner
from trialwise.likelihoods.first_use import afresh

ENOUGH = 100.0
"""Sufficient effective number of ancestors at the first trial: one over the sum of their squared weights."""

MOST_FILTERS = 64
PARTICLES = 200


@dataclass(frozen=True)
class Paths:
    """Weighted paths, each a possible sequence of a participant's hidden choices.

    Attributes
    ----------
    hidden
        Option of each trial, ``(trials, paths)``, numbered by first use if options are exchangeable; -1 on trials without a hidden choice.
    signals
        Signals of the learner, ``(trials, paths, signals)``.
    weight
        Weights of the paths, ``(paths,)``, summing to 1.
    ancestors
        Effective number of distinct ancestors at the first trial.
    filters
        Number of filters.
    """

    hidden: np.ndarray
    signals: np.ndarray
    weight: np.ndarray
    ancestors: float
    filters: int


@dataclass(frozen=True)
class HiddenValues:
    """One participant's trials with the hidden choice integrated out: columns by name, ``(trials,)`` each."""

    record: np.ndarray
    columns: dict[str, np.ndarray]
    ancestors: float
    filters: int


def previous_contexts(context: np.ndarray, resets: np.ndarray) -> np.ndarray:
    """The context before the current one on each trial; -1 where there was none since the start or a reset."""
    before, last = np.full(len(context), -1), -1
    for t in range(1, len(context)):
        if resets[t]:
            last = -1
        elif context[t] != context[t - 1]:
            last = context[t - 1]
        before[t] = last
    return before


def _paths(traces: list[Trace]) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """For every filter, the paths of its final particles: options and indices, ``(trials, particles)``, and first ancestors."""
    options, places, first = [], [], []
    for trace in traces:
        trials, count = trace.hidden.shape
        place = np.empty((trials, count), np.int64)
        at = np.arange(count)
        for t in range(trials - 1, -1, -1):
            at = trace.parent[t, at]
            place[t] = at
        options.append(np.take_along_axis(trace.hidden, place, 1))
        places.append(place)
        first.append(at)
    return options, places, first


def _shares(values: np.ndarray) -> np.ndarray:
    weight = np.exp(values - values.max())
    return np.asarray(weight / weight.sum())


def filters_of(
    learner: Learner, packed: Packed, n: int, free: np.ndarray, key: np.uint64, particles: int = PARTICLES
) -> tuple[list[Trace], Paths]:
    """Run filters of participant ``n`` until enough ancestors are left at the first trial, and trace paths through them."""
    traces: list[Trace] = []
    ancestors = 0.0
    while not traces or (ancestors < ENOUGH and len(traces) < MOST_FILTERS):
        for _ in range(max(1, len(traces))):
            traces.append(run_traced(learner, packed, n, free, int(stream_keys(key, len(traces))), particles))
        options, places, first = _paths(traces)
        of_filter = _shares(np.array([np.nansum(trace.record[:, 0]) for trace in traces]))
        mass = [
            share * np.bincount(f, t.weight[-1], particles)
            for share, f, t in zip(of_filter, first, traces, strict=True)
        ]
        ancestors = 1.0 / float(sum((m**2).sum() for m in mass))
    count = traces[0].signals.shape[1]
    signals = [
        np.take_along_axis(trace.signals.reshape(*trace.hidden.shape, count), place[..., None], 1)
        for trace, place in zip(traces, places, strict=True)
    ]
    weight = np.concatenate([share * trace.weight[-1] for share, trace in zip(of_filter, traces, strict=True)])
    return traces, Paths(np.concatenate(options, 1), np.concatenate(signals, 1), weight, ancestors, len(traces))


def hidden_values(
    learner: Learner, trials: Trials, packed: Packed, n: int, free: np.ndarray, seed: int
) -> HiddenValues:
    """The filtered and smoothed hidden choices of participant ``n`` at natural parameters ``free (parameters,)``."""
    key = np.uint64(stream_key(seed, "hidden values", trials.participants[n]))
    traces, paths = filters_of(learner, packed, n, free, key)
    context, drawn, resets = _trials_of(trials, packed, n)
    record, share = _predictive(traces)
    columns = smoothed(learner, trials, packed, n, paths.hidden, paths.weight)
    filtered = _filtered(learner, traces, share, context, resets)
    columns |= {f"{name}_filtered": np.where(drawn, values, np.nan) for name, values in filtered.items()}
    names = signal_names(learner, packed)
    for k, name in enumerate(names):
        columns[name] = np.einsum("tp,p->t", paths.signals[:, :, k], paths.weight)
        each = [np.einsum("tp,tp->t", t.signals.reshape(*t.hidden.shape, -1)[:, :, k], t.weight) for t in traces]
        columns[f"{name}_filtered"] = (np.stack(each, 1) * share[1]).sum(1)
    return HiddenValues(record, columns, paths.ancestors, paths.filters)


def smoothed(
    learner: Learner, trials: Trials, packed: Packed, n: int, hidden: np.ndarray, weight: np.ndarray
) -> dict[str, np.ndarray]:
    """Probabilities of the kinds of option on each trial of participant ``n``, by kind, ``(trials,)`` each: of weighted courses ``hidden (trials,
    courses)``; NaN on trials without a hidden choice."""
    context, drawn, resets = _trials_of(trials, packed, n)
    kinds = _kinds(learner, hidden, context, resets, settled=None)
    return {name: np.where(drawn, kind @ weight, np.nan) for name, kind in kinds.items()}


def _trials_of(trials: Trials, packed: Packed, n: int) -> tuple[np.ndarray | None, np.ndarray, np.ndarray]:
    """Contexts of participant n's trials, if there are any, whether each has a hidden choice, and whether it follows a reset."""
    rows, flags = slice(trials.offsets[n], trials.offsets[n + 1]), packed.only(n).ints[:, FLAGS]
    context = trials.columns["context"].values[rows] if "context" in trials.columns else None
    return context, (flags & HIDES) > 0, (flags & RESET) > 0


def _predictive(traces: list[Trace]) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Log-probability and predictions of each trial, with filters weighted by their likelihoods so far; and the weights before and after
    each trial."""
    each = np.stack([np.nan_to_num(trace.record[:, 0]) for trace in traces], 1)
    after = np.cumsum(each, 0)
    before = after - each

    def normal(x):
        weight = np.exp(x - x.max(1, keepdims=True))
        return weight / weight.sum(1, keepdims=True)

    ahead, behind = normal(before), normal(after)
    record = (np.stack([trace.record for trace in traces], 1) * ahead[..., None]).sum(1)
    top = each.max(1)
    record[:, 0] = np.log((np.exp(each - top[:, None]) * ahead).sum(1)) + top
    record[np.isnan(traces[0].record[:, 0])] = np.nan
    return record, (ahead, behind)


def _as_last(hidden: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Whether the option is the last one, 0 or 1 for each path; NaN if there was none since the participant's first trial or the last reset."""
    return np.where(last >= 0, hidden == last, np.nan)


def _kinds(
    learner: Learner, hidden: np.ndarray, context: np.ndarray | None, resets: np.ndarray, settled: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Indicators of the kind of option on each trial of each path, by kind, ``(trials, paths)`` of 0 and 1."""
    if not learner.exchangeable:
        return {f"hidden_{k + 1}": (hidden == k).astype(float) for k in range(learner.options)}
    anew = afresh(learner, resets)
    if context is None:
        again = np.zeros(hidden.shape)
        last = np.full(hidden.shape[1], MISSED)
        for t in range(len(hidden)):
            if anew[t]:
                last = np.full(hidden.shape[1], MISSED)
            again[t] = _as_last(hidden[t], last)
            last = np.where(hidden[t] >= 0, hidden[t], last)
        return {"hidden_same": again}
    if settled is None:
        settled = np.empty((len(hidden), hidden.shape[1], context.max() + 1), np.int64)
        for section in np.split(np.arange(len(hidden)), np.flatnonzero(anew)):
            counts = np.stack([
                np.stack([((hidden[section] == k) & (context[section] == c)[:, None]).sum(0) for k in range(learner.options)], 1)
                for c in range(context.max() + 1)
            ], 1)  # paths, contexts, options  # fmt: skip
            settled[section] = np.where(counts.max(2) > 0, counts.argmax(2), MISSED - 1)
    before = previous_contexts(context, resets)
    now = np.take_along_axis(settled, context[:, None, None], 2)[..., 0]
    then = np.take_along_axis(settled, np.maximum(before, 0)[:, None, None], 2)[..., 0]
    current = (hidden == now).astype(float)
    previous = ((hidden == then) & (before >= 0)[:, None] & (hidden != now)).astype(float)
    return {"hidden_current": current, "hidden_previous": previous, "hidden_other": 1.0 - current - previous}


def _filtered(
    learner: Learner, traces: list[Trace], share: tuple[np.ndarray, np.ndarray], context: np.ndarray | None, resets: np.ndarray
) -> dict[str, np.ndarray]:  # fmt: skip
    """Probabilities of the kinds given the trials so far; the option settled on is the one chosen most often before the trial."""
    total: dict[str, np.ndarray] = {}
    anew = afresh(learner, resets)
    for f, trace in enumerate(traces):
        trials, count = trace.hidden.shape
        settled, last = None, None
        if learner.exchangeable and context is not None:
            settled = np.empty((trials, count, context.max() + 1), np.int64)
            counts = np.zeros((count, context.max() + 1, learner.options), np.int64)
            particle = np.arange(count)
            for t in range(trials):
                if anew[t]:
                    counts[:] = 0
                settled[t] = np.where(counts.max(2) > 0, counts.argmax(2), MISSED - 1)
                chosen = trace.hidden[t] >= 0
                counts[particle[chosen], context[t], trace.hidden[t, chosen]] += 1
                counts = counts[trace.parent[t]]
            kinds = _kinds(learner, trace.hidden, context, resets, settled)
        elif learner.exchangeable:
            again, last = np.zeros(trace.hidden.shape), np.full(count, MISSED)
            for t in range(trials):
                if anew[t]:
                    last = np.full(count, MISSED)
                again[t] = _as_last(trace.hidden[t], last)
                last = np.where(trace.hidden[t] >= 0, trace.hidden[t], last)[trace.parent[t]]
            kinds = {"hidden_same": again}
        else:
            kinds = _kinds(learner, trace.hidden, context, resets, None)
        for name, kind in kinds.items():
            weighted = np.einsum("tp,tp->t", kind, trace.weight) * share[1][:, f]
            total[name] = total.get(name, 0.0) + weighted
    return total


def same_hidden(
    learner: Learner, trials: Trials, packed: Packed, n: int, free: np.ndarray, seed: int
) -> tuple[np.ndarray, float]:
    """Probability that the same option was in use on trials s and t, ``(trials, trials)``, see :func:`same_in`; and the effective number of
    ancestors."""
    key = np.uint64(stream_key(seed, "hidden values", trials.participants[n]))
    _, paths = filters_of(learner, packed, n, free, key)
    return same_in(learner, trials, packed, n, paths.hidden, paths.weight), paths.ancestors


def same_in(
    learner: Learner, trials: Trials, packed: Packed, n: int, hidden: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Probability that participant n's option on trials s and t is the same, ``(trials, trials)``, in weighted courses ``hidden (trials, courses)``; NaN
    where there is none, and for exchangeable options on both sides of a reset to the initial state, after which they are like new."""
    same = np.zeros((len(hidden),) * 2)
    if learner.exchangeable:
        section = np.cumsum(afresh(learner, _trials_of(trials, packed, n)[2]))
        same[section[:, None] != section] = np.nan
    for k in range(learner.options):
        chosen = (hidden == k).astype(float)
        same += (chosen * weight) @ chosen.T
    missed = hidden[:, 0] < 0
    same[missed], same[:, missed] = np.nan, np.nan
    return same
