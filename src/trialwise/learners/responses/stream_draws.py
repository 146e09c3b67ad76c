"""Draws of distributions that need more than one random number, from a stream that one uniform number begins.

A simulated trial has a fixed number of random numbers. Rejection takes any number of them: the 53 bits of a uniform number are the key
of a stream of uniform numbers (:func:`trialwise.learners.responses.plain_numbers.uniform`), counted from 0. Parameters without a
distribution give NaN rather than an endless loop.
"""

from __future__ import annotations

import math

import numpy as np

from trialwise.learners.responses.plain_numbers import GOLDEN, uniform

MOST = 1e15
"""Largest mean of a Poisson distribution that is drawn: beyond it doubles no longer count."""


def stream_key(number):
    """The key of the stream that begins with a uniform number."""
    return int(number * 2.0**53)


def uniforms(keys, counter):
    """The ``counter``-th numbers of many streams, ``(keys,)``, as :func:`trialwise.learners.responses.plain_numbers.uniform`."""
    z = keys.astype(np.uint64) + np.uint64(counter * GOLDEN % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def normal(key, counter):
    """A standard Normal number, from the numbers ``counter`` and ``counter + 1`` of a stream (Box & Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(key, counter)))
    return radius * math.cos(2.0 * math.pi * uniform(key, counter + 1))


def log_gamma(shape, key, counter):
    """The logarithm of a Gamma number of scale 1, and the next counter (Marsaglia & Tsang 2000, ACM TOMS 26:363).

    Logarithms, since numbers of small shape are too small for doubles.
    """
    if not 0.0 < shape < math.inf:
        return math.nan, counter
    boost = 0.0
    if shape < 1.0:
        boost = math.log(1.0 - uniform(key, counter)) / shape
        counter += 1
        shape += 1.0
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        x = normal(key, counter)
        log_uniform = math.log(1.0 - uniform(key, counter + 2))
        counter += 3
        v = 1.0 + c * x
        if v > 0.0:
            log_v = 3.0 * math.log(v)
            if log_uniform < 0.5 * x * x + d - d * v * v * v + d * log_v:
                return math.log(d) + log_v + boost, counter
