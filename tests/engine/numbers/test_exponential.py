"""Exponentials of four numbers at a time, and the sums of a softmax, for ordinary, distant and infinite logits."""

import math

import numba
import numpy as np
import pytest

from trialwise.engine.kernels.compiled import EVERY_ACTION
from trialwise.engine.kernels.to_compiled import OPTIONS
from trialwise.engine.numbers.dual import chain, seed, store_tangents
from trialwise.engine.numbers.exponential import FARTHEST, exp_of_four
from trialwise.engine.tables.making import owning_table, preference_table
from trialwise.learners.responses import softmax


@numba.njit(**OPTIONS)
def in_fours(x):
    powers, valid = np.empty_like(x), np.zeros(len(x) // 4, np.bool_)
    for k in range(0, len(x), 4):
        powers[k], powers[k + 1], powers[k + 2], powers[k + 3], valid[k // 4] = exp_of_four(
            x[k], x[k + 1], x[k + 2], x[k + 3]
        )
    return powers, valid


@pytest.mark.parametrize("limit", [FARTHEST, 40.0, 1.0, 1e-8])
def test_accuracy_within_limits(limit):
    x = np.random.default_rng(0).uniform(-limit, limit, 200_000)
    powers, valid = in_fours(x)
    np.testing.assert_allclose(powers, np.exp(x), rtol=1e-13)
    assert valid.all()


def test_exact_at_zero():
    assert (in_fours(np.array([0.0, -0.0, 0.0, 5e-324]))[0] == 1.0).all()


@pytest.mark.parametrize("outlier", [201.0, -201.0, math.inf, -math.inf, math.nan])
def test_numbers_out_of_range_are_flagged(outlier):
    assert not in_fours(np.array([0.0, 1.0, outlier, 2.0]))[1][0]


@pytest.mark.parametrize(
    "logits",
    [
        [0.3], [0.3, -1.2], [0.1, 2.0, -3.0], [1.0, 1.0, 1.0, 1.0], [0.5, -0.1, 3.0, 2.0, 1.0, -9.0, 0.0, 4.0, 4.0, 1.5],
        [0.0, 5000.0, -5000.0], [5000.0, 4999.0, -1.0], [-5000.0, 1.0, 2.0], [-math.inf, 0.0, 1.0], [0.0, 1.0, -math.inf, 2.0],
    ],
)  # fmt: skip
@pytest.mark.parametrize("on_stack", [True, False])
def test_log_probability_of_a_softmax(logits, on_stack):
    """Value and slope of every action against the definition; the tangents of the logits are 1, 2, 3, ..."""
    count, probability = len(logits), np.exp(np.array(logits) - max(logits))
    probability /= probability.sum()
    tangents = np.arange(1.0, count + 1)
    tangents[np.isinf(logits)] = math.inf  # the slope of log(0)

    @numba.njit(**OPTIONS)
    def kernel(logits, tangents, choice, slope):
        memory = np.zeros(4 * count)
        if on_stack:
            table = preference_table(4, count, memory)
        else:
            table = owning_table(4, memory, (count,))
        for k in range(count):
            table[k] = chain(seed(4, 0.0, 1), logits[k], tangents[k])
        gap, total, mean = softmax.softmax_sums(table, EVERY_ACTION, choice)
        store_tangents(table[choice] - mean / total, slope, 0, 1)
        return gap - math.log(total)

    for choice in range(count):
        if np.isinf(logits[choice]):
            continue
        slope = np.zeros(1)
        log_p = kernel(np.array(logits), tangents, choice, slope)
        exact = logits[choice] - max(logits) - math.log(np.exp(np.array(logits) - max(logits)).sum())
        np.testing.assert_allclose(log_p, exact, rtol=1e-12, atol=1e-13)
        possible = probability > 0
        np.testing.assert_allclose(
            slope[0], tangents[choice] - probability[possible] @ tangents[possible], rtol=1e-12, atol=1e-12
        )
        gap, total, _ = softmax.softmax_sums(logits, [True] * count, choice)
        np.testing.assert_allclose(gap - math.log(total), exact, rtol=1e-14, atol=1e-14)
