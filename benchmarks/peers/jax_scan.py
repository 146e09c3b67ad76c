"""JAX `lax.scan` in double precision on the CPU; derivatives by JAX, reverse and forward."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.data import INITIAL, Recorded, by_row
from benchmarks.peers import Peer, ValueAndGradient

jax.config.update("jax_enable_x64", True)


def common(recorded: Recorded) -> Callable:
    """Reverse mode through a scan over trials that carries every participant's table, (N, S, A, K)."""
    participant = jnp.arange(recorded.participants)
    trials = tuple(jnp.asarray(x.T) for x in (recorded.context, recorded.cue, recorded.choice, recorded.outcome))

    def log_likelihood(parameters):
        alpha, beta, forget = parameters.T
        stay = (1 - forget)[:, None, None, None]

        def step(q, trial):
            context, cue, choice, outcome = trial
            log_p = jax.nn.log_softmax(beta[:, None] * q[participant, context, cue])[participant, choice]
            q = stay * q + (1 - stay) * INITIAL
            return q.at[participant, context, cue, choice].add(
                alpha * (outcome - q[participant, context, cue, choice])
            ), log_p

        start = jnp.full((recorded.participants, *recorded.sizes), INITIAL)
        return lax.scan(step, start, trials)[1].sum()

    return jax.value_and_grad(log_likelihood)


def forward(recorded: Recorded) -> Callable:
    """Forward mode through the same scan: three tangents in parallel, nothing stored per trial.

    The update is a masked sum over the flat table (no scatter), d <- (1 - f) d + h alpha (r - Q0 - (1 - f) d), with h
    the chosen cell's indicator; participants are independent, so that one tangent
    per parameter serves all participants.
    """
    contexts, cues, actions = recorded.sizes
    row = recorded.context * cues + recorded.cue
    cell = row * actions + recorded.choice
    participant = jnp.arange(recorded.participants)
    chosen = jnp.arange(contexts * cues * actions) == jnp.asarray(cell.T)[..., None]
    trials = (jnp.asarray(row.T), jnp.asarray(recorded.choice.T), jnp.asarray(recorded.outcome.T) - INITIAL, chosen)

    def log_likelihood(parameters):
        alpha, beta, forget = (parameters[:, p, None] for p in range(3))

        def step(carry, trial):
            d, total = carry
            row, choice, centred_outcome, chosen = trial
            logits = beta * d.reshape(recorded.participants, contexts * cues, actions)[participant, row]
            total = total + jax.nn.log_softmax(logits)[participant, choice]
            d = (1 - forget) * d
            return (d + jnp.where(chosen, alpha * (centred_outcome[:, None] - d), 0.0), total), None

        start = (jnp.zeros((recorded.participants, contexts * cues * actions)), jnp.zeros(recorded.participants))
        return lax.scan(step, start, trials)[0][1]

    def value_and_gradient(parameters):
        def along(axis):
            return jax.jvp(log_likelihood, (parameters,), (jnp.broadcast_to(axis, parameters.shape),))

        return jax.vmap(along, out_axes=(None, 1))(jnp.eye(3))

    return value_and_gradient


def sorted_by_row(recorded: Recorded) -> Callable:
    """Reverse mode through a scan over the visits of a row, all rows of all participants in parallel (see `RowVisits`).

    One visit, with h the chosen cell's indicator and g the gap to the next visit:
    d <- (1 - f)^(g - 1) [(1 - f) d + h alpha (r - Q0 - (1 - f) d)].
    """
    visits = by_row(recorded)
    actions = recorded.sizes[2]
    gap, centred_outcome = jnp.asarray(visits.gap), jnp.asarray(visits.outcome) - INITIAL
    chosen = jnp.asarray(visits.choice)[:, None] == jnp.arange(actions)[:, None]
    counted = chosen & jnp.asarray(visits.counts)[:, None]
    rows = visits.participant.size // recorded.participants

    def log_likelihood(parameters):
        alpha, beta, forget = (jnp.repeat(parameters[:, p], rows) for p in range(3))
        retained = jnp.exp((gap - 1) * jnp.log1p(-forget))

        def step(d, visit):
            retained, centred_outcome, chosen = visit
            decayed = (1 - forget) * d
            return retained * (decayed + jnp.where(chosen, alpha * (centred_outcome - decayed), 0.0)), d

        before = lax.scan(step, jnp.zeros((actions, visits.participant.size)), (retained, centred_outcome, chosen))[1]
        return jnp.where(counted, jax.nn.log_softmax(beta * before, axis=1), 0.0).sum()

    return jax.value_and_grad(log_likelihood)


def compiled(function: Callable, recorded: Recorded) -> tuple[ValueAndGradient, float]:
    """Compile ahead of time; results are converted to NumPy arrays, which waits for their completion."""
    start = time.perf_counter()
    executable = jax.jit(function).lower(np.empty((recorded.participants, 3))).compile()

    def value_and_gradient(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        value, gradient = executable(parameters)
        return np.asarray(value), np.asarray(gradient)

    return value_and_gradient, time.perf_counter() - start


def peers(recorded: Recorded) -> list[Peer]:
    """The common form, and the fastest forms found with trials in order and sorted by row."""
    builds: list[tuple[Callable, Literal["common", "best"], str]] = [
        (common, "common", "reverse mode, whole tables carried"),
        (forward, "best", "forward mode, masked update"),
        (sorted_by_row, "best", "trials sorted by row (flat model only)"),
    ]
    implementations: list[Peer] = []
    for build, form, note in builds:
        function, seconds = compiled(build(recorded), recorded)
        implementations.append(Peer("JAX scan", form, note, seconds, function))
    return implementations
