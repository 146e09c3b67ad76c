"""The oracle: the model as two plain loops over NumPy tables, and finite differences. Not timed as a peer."""

from __future__ import annotations

import numpy as np

from benchmarks.data import INITIAL, Recorded
from benchmarks.peers import Peer


def log_likelihood(recorded: Recorded, parameters: np.ndarray) -> np.ndarray:
    """Log-likelihood of each participant, (N,), computed from the table of values Q."""
    total = np.zeros(recorded.participants)
    for n, (alpha, beta, forget) in enumerate(parameters):
        q = np.full(recorded.sizes, INITIAL)
        for t in range(recorded.trials):
            context, cue, choice = (recorded.context[n, t], recorded.cue[n, t], recorded.choice[n, t])
            logits = beta * q[context, cue]
            highest = logits.max()
            total[n] += logits[choice] - highest - np.log(np.exp(logits - highest).sum())
            q = (1 - forget) * q + forget * INITIAL
            q[context, cue, choice] += alpha * (recorded.outcome[n, t] - q[context, cue, choice])
    return total


def gradient(recorded: Recorded, parameters: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Gradient (N, 3) by the five-point rule, L' = [8 (L(+h) - L(-h)) - (L(+2h) - L(-2h))] / 12 h + O(h^4).

    Participants are independent, so that one shifted evaluation serves all of them.
    """
    result = np.empty_like(parameters)
    for p in range(parameters.shape[1]):
        shift = np.zeros(parameters.shape[1])
        shift[p] = step
        near = log_likelihood(recorded, parameters + shift) - log_likelihood(recorded, parameters - shift)
        far = log_likelihood(recorded, parameters + 2 * shift) - log_likelihood(recorded, parameters - 2 * shift)
        result[:, p] = (8 * near - far) / (12 * step)
    return result


def oracle(recorded: Recorded) -> Peer:
    """The reference for all implementations."""
    return Peer(
        name="NumPy",
        form="common",
        note="two loops, finite differences",
        compile_seconds=0.0,
        value_and_gradient=lambda parameters: (log_likelihood(recorded, parameters), gradient(recorded, parameters)),
    )


def check(peer: Peer, parameters: np.ndarray, value: np.ndarray, slope: np.ndarray, rtol: float = 1e-6) -> None:
    """Raise an error if value or gradient of an implementation differ from the oracle's.

    The tolerance of a component near zero is `rtol` times a thousandth of the largest component of its parameter.
    """
    peer_value, peer_slope = (np.asarray(x) for x in peer.value_and_gradient(parameters))
    if peer_slope.shape != parameters.shape:
        raise AssertionError(f"{peer.name} ({peer.note}): gradient of shape {peer_slope.shape}, not {parameters.shape}")
    if peer_value.ndim == 0:
        value = value.sum()
    value_error = np.max(np.abs(peer_value - value) / np.abs(value))
    scale = np.maximum(np.abs(slope), 1e-3 * np.abs(slope).max(axis=0))
    slope_error = np.max(np.abs(peer_slope - slope) / scale)
    if not (value_error <= rtol and slope_error <= rtol):
        raise AssertionError(
            f"{peer.name} ({peer.note}) disagrees with the plain loop: "
            f"relative error {value_error:.1e} in the value, {slope_error:.1e} in the gradient (allowed {rtol:.0e})"
        )
