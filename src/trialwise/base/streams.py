"""Random streams: all random numbers of the package come from here, a stream of its own for every purpose.

Streams are counter-based (Philox 4x64): the key is a hash of seed, label and purpose, so that a participant gets the same numbers
whoever else is simulated, in whatever order, in whatever process. No two purposes share a stream, so that no verb
repeats the random numbers of another one that was given the same seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument

PURPOSES = {
    # simulate
    "sequence": "what a participant is shown",
    "outcomes": "the outcomes that each action would bring to a participant",
    "response": "a participant's responses",
    "hidden choice": "a participant's hidden choices",
    "parameter": "a participant's value of a parameter; a stream each",
    # predict
    "predictive data set": "the seed of each data set that is simulated",
    "one-step response": "responses drawn given the recorded trials before them",
    "prior predictive parameters": "groups and participants drawn from the prior",
    "new participants": "effects of participants who were not fitted",
    "outcomes of an example": "a run through an environment, to see how outcomes spread there",
    # particle filters
    "particles": "estimates at the same random numbers, whatever the parameters",
    "hidden values": "what a hidden choice was",
    "one-step filters": "predictions of each response",
    "hidden courses": "what hidden choices before a trial may have been, for a response drawn on it",
    "integrated likelihood": "estimates that are averaged over parameters",
    "trials left out": "the probability of single trials",
    # fit and point
    "quantiles of priors": "of the user's own, around which the starting points lie",
    "starting points": "points at which the likelihood is looked at before sampling",
    "first point": "where a chain starts",
    "chains": "the seed of a run of chains",
    "sweeps of a chain": "parameters given courses of hidden choices, and courses given parameters; a stream for each sweep",
    "permutations of labels": "under which the pasts of courses are joined to a future",
    "sampler": "whatever a sampler needs; a stream for each part of its work",
    "starts of estimates": "where the search for a point estimate starts",
    "courses of an ascent": "hidden choices, drawn while a point estimate is sought",
    "values of optima": "estimates of the likelihood where that search ends",
    # compare
    "points of a quadratic": "points at which a participant's likelihood is expanded",
    "points under a group": "points that a participant's parameters are integrated over",
    # check
    "calibration of predictions": "filters of the predictions, and draws among which an observed response is ranked",
    # studies
    "true parameters": "of each data set",
    "simulated data set": "the seed of each data set",
    "fit of a data set": "the seed of each fit",
    "ranks within their bins": "whole ranks spread over the interval that each stands for",
    "band of uniform ranks": "simulated ECDFs of uniform ranks",
    # diagnose
    "spreads by level": "participants whose spreads are equal at all levels",
    "draws of priors": "what was believed before the data",
    # check_learner
    "specimen": "made-up data",
    "conformance": "parameters that a learner is tried at",
    "conformance in an environment": "parameters of agents that act in an environment to try a learner",
    "support of a prior": "draws from a user's prior that show where it is",
    "conformance of hidden choices": "hidden choices that a learner is tried at",
}
"""Every purpose that random numbers serve, and what it is."""

Stream = Callable[..., np.random.Generator]
"""``(purpose, label="", part="")`` gives a generator; :func:`stream` with its seed fixed."""

SEEDS = 2**53
"""Seeds that are made from others are smaller, so that they survive any file format."""


def stream(seed: int, purpose: str, label: Hashable = "", part: object = "") -> np.random.Generator:
    """The random numbers of a purpose.

    Parameters
    ----------
    seed
        A whole number, 0 or larger.
    purpose
        One of :data:`PURPOSES`.
    label
        Of a participant. Labels count as they are written: the 1 of a table in memory and the ``"1"`` read from a file are one
        participant.
    part
        Which of several streams of this purpose: the name of a parameter, the number of a data set.

    Returns
    -------
    Generator
        A fresh one at each call.

    Raises
    ------
    UsageError
        If the seed is not such a number.
    """
    return np.random.Generator(np.random.Philox(key=_hash(seed, purpose, label, part)))


def stream_key(seed: int, purpose: str, label: Hashable = "", part: object = "") -> int:
    """As :func:`stream`, a key of 64 bits for generators of other kinds."""
    return _hash(seed, purpose, label, part) % 2**64


def stream_seed(seed: int, purpose: str, label: Hashable = "", part: object = "") -> int:
    """As :func:`stream`, a seed for something that has streams of its own."""
    return _hash(seed, purpose, label, part) % SEEDS


def checked_seed(seed: int | None) -> int:
    """A seed that a user gave; None takes one from the system.

    Raises
    ------
    UsageError
        If it is no whole number, 0 or larger.
    """
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] % SEEDS)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise UsageError(Argument("seed", seed), ": wanted a whole number, 0 or larger, e.g. ", Argument("seed", 1))
    return int(seed)


def _hash(seed: int, purpose: str, label: Hashable, part: object) -> int:
    assert purpose in PURPOSES, f"{purpose!r} is no purpose of random numbers"
    whole = f"{purpose} {part}" if part != "" else purpose
    name = repr((checked_seed(seed), str(label), whole)).encode()  # repr keeps them apart whatever characters they hold
    return int.from_bytes(hashlib.blake2b(name, digest_size=16).digest(), "little")
