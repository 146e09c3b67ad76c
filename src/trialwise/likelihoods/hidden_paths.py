"""Predictions of responses given one course of hidden choices before each trial, drawn as the trials before it leave it uncertain.

The parameters of a choice may be averaged over the courses, since probabilities of actions are then those of the next choice. Those of
ratings may not: a mixture of distributions is wider than the one with their mean parameters.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trialwise.engine import WHOLE, Packed, run_trace, run_traced
from trialwise.learners.learner import Learner


def predictions_of_paths(
    learner: Learner, packed: Packed, n: int, free: np.ndarray, key: int, particles: int, wanted: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:  # fmt: skip
    """Predictions of participant ``n`` on the trials ``wanted``, from 0, a row each; the course before each is drawn for itself.

    Parameters
    ----------
    learner, packed
        The learner, and the trials of all participants.
    n
        Number of the participant.
    free
        Its parameters.
    key, particles
        The random stream of the particle filter that draws the courses, and its number of particles.
    wanted
        Numbers of the trials.
    random
        Chooses a particle for each of them.
    """
    trace, own = run_traced(learner, packed, n, free, key, particles), packed.only(n)
    paths, at = np.zeros((len(wanted), len(own.ints)), np.int64), np.zeros(len(wanted), np.int64)
    for t in range(int(wanted.max()) - 1, -1, -1):
        begun, begins = wanted > t, wanted == t + 1
        at[begins] = random.choice(particles, begins.sum(), p=trace.weight[t] / trace.weight[t].sum())
        paths[begun, t] = np.maximum(trace.hidden[t, at[begun]], 0)  # where there was no hidden choice, any does
        if t:
            at[begun] = trace.parent[t - 1, at[begun]]
    rows = np.concatenate([np.arange(t + 1) for t in wanted])
    hidden = np.concatenate([path[: t + 1] for path, t in zip(paths, wanted, strict=True)])
    ends = np.cumsum(wanted + 1)
    courses = replace(
        own,
        observed=own.observed[rows],
        ints=own.ints[rows],
        reals=own.reals[rows],
        offsets=np.array([0, *ends], WHOLE),
        rows=np.zeros(len(wanted), WHOLE),
        participants=own.participants * len(wanted),
        file_rows=None if own.file_rows is None else own.file_rows[rows],
        files=None if own.files is None else own.files[rows],
    )
    record, _, _ = run_trace(learner, courses.with_hidden(hidden), np.asarray(free)[None])
    return record[ends - 1]
