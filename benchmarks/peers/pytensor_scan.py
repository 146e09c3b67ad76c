"""PyTensor `scan`, compiled by Numba (the default backend under PyMC 6); gradients by `pytensor.grad`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytensor
import pytensor.tensor as pt
from pytensor.tensor.special import log_softmax
from pytensor.tensor.variable import TensorVariable

from benchmarks.data import INITIAL, Recorded, by_row
from benchmarks.peers import Peer


def common(recorded: Recorded, parameters: TensorVariable) -> TensorVariable:
    """A scan that returns the whole table of every participant: T tables, preceded by Q0, without the last.

    This is the form of the forum thread and of the example gallery: Q[t + 1] = update(Q[t], trial t), vectorised over
    participants, then log softmax(beta Q[t, n, context, cue, :]) at the choice.
    """
    alpha, beta, forget = parameters[:, 0], parameters[:, 1], parameters[:, 2]
    participant = np.arange(recorded.participants)
    context, cue, choice = recorded.context.T, recorded.cue.T, recorded.choice.T

    def update(context, cue, choice, outcome, q, alpha, forget):
        stay = (1 - forget)[:, None, None, None]
        q = stay * q + (1 - stay) * INITIAL
        cell = (participant, context, cue, choice)
        return pt.set_subtensor(q[cell], q[cell] + alpha * (outcome - q[cell]))

    start = pt.full((recorded.participants, *recorded.sizes), INITIAL)
    after = pytensor.scan(
        update,
        sequences=[pt.as_tensor(np.ascontiguousarray(x)) for x in (context, cue, choice, recorded.outcome.T)],
        outputs_info=[start],
        non_sequences=[alpha, forget],
        return_updates=False,
    )
    before = pt.concatenate([start[None], after[:-1]], axis=0)
    trial = np.arange(recorded.trials)[:, None]
    log_p = log_softmax(beta[None, :, None] * before[trial, participant, context, cue], axis=-1)
    return log_p[trial, participant, choice].sum()


def lazy(recorded: Recorded, parameters: TensorVariable) -> TensorVariable:
    """A scan that returns and updates only the visited row: forgetting is deferred to the next visit.

    The row (s, u) last visited g + 1 trials ago is d (1 - forget)^g at the start of the trial, where g is known from the data;
    it then decays once more and its chosen cell is updated.
    """
    alpha, beta, forget = parameters[:, 0], parameters[:, 1], parameters[:, 2]
    contexts, cues, actions = recorded.sizes
    participant = np.arange(recorded.participants)
    row = np.ascontiguousarray((recorded.context * cues + recorded.cue).T)
    delay = np.zeros(row.shape)
    last = np.full((recorded.participants, contexts * cues), -1)
    for t in range(recorded.trials):
        delay[t] = np.where(last[participant, row[t]] < 0, 0, t - last[participant, row[t]] - 1)
        last[participant, row[t]] = t
    chosen = (recorded.choice.T[..., None] == np.arange(actions)).astype(float)
    retention = pt.exp(delay * pt.log1p(-forget))

    def visit(row, retention, chosen, centred_outcome, d, alpha, forget):
        before = d[participant, row] * retention[:, None]
        decayed = (1 - forget)[:, None] * before
        updated = decayed + chosen * alpha[:, None] * (centred_outcome[:, None] - decayed)
        return pt.set_subtensor(d[participant, row], updated), before

    _, before = pytensor.scan(
        visit,
        sequences=[pt.as_tensor(row), retention, pt.as_tensor(chosen), pt.as_tensor(recorded.outcome.T - INITIAL)],
        outputs_info=[pt.zeros((recorded.participants, contexts * cues, actions)), None],
        non_sequences=[alpha, forget],
        return_updates=False,
    )
    return (log_softmax(beta[None, :, None] * before, axis=-1) * chosen).sum()


def sorted_by_row(recorded: Recorded, parameters: TensorVariable) -> TensorVariable:
    """A scan over the visits of a row, all rows of all participants in parallel (see `RowVisits`).

    With h the chosen cell's indicator and g the gap to the next visit, one visit is d <- keep d + gain,
    keep = (1 - forget)^g (1 - alpha h),  gain = (1 - forget)^(g - 1) alpha h (r - Q0); both are known outside the scan.
    """
    visits = by_row(recorded)
    alpha, beta, forget = (parameters[:, p][visits.participant] for p in range(3))
    actions = recorded.sizes[2]
    chosen = (visits.choice[:, None] == np.arange(actions)[:, None]).astype(float)
    decayed = pt.exp((visits.gap - 1) * pt.log1p(-forget))
    keep = (decayed * (1 - forget))[:, None] * (1 - alpha * chosen)
    gain = (alpha * decayed * (visits.outcome - INITIAL))[:, None] * chosen
    start = pt.zeros((actions, visits.participant.size))
    _, before = pytensor.scan(
        lambda keep, gain, d: (keep * d + gain, d),
        sequences=[keep, gain],
        outputs_info=[start, None],
        return_updates=False,
    )
    return (log_softmax(beta * before, axis=1) * (chosen * visits.counts[:, None])).sum()


def compiled(build: Callable[[Recorded, TensorVariable], TensorVariable], recorded: Recorded) -> tuple[Callable, float]:
    """Compile the summed value and its gradient; the time includes the first call."""
    start = time.perf_counter()
    parameters = pt.dmatrix("parameters")
    value = build(recorded, parameters)
    gradient: TensorVariable = pytensor.grad(value, parameters)  # type: ignore[assignment]
    function = pytensor.function([parameters], [value, gradient], mode="NUMBA", trust_input=True)
    function(np.full((recorded.participants, 3), 0.5))
    return function, time.perf_counter() - start


def peers(recorded: Recorded) -> list[Peer]:
    """The common form, and the fastest forms found with trials in order and sorted by row."""
    builds: list[tuple[Callable, Literal["common", "best"], str]] = [
        (common, "common", "whole tables leave the scan"),
        (lazy, "best", "visited rows only, lazy forgetting"),
        (sorted_by_row, "best", "trials sorted by row (flat model only)"),
    ]
    implementations: list[Peer] = []
    for build, form, note in builds:
        function, seconds = compiled(build, recorded)
        implementations.append(Peer("PyTensor scan, Numba", form, note, seconds, function))
    return implementations
