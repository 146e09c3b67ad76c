"""Pareto-smoothed weights."""

import numpy as np

from trialwise.analysis.pareto import FEWEST, pareto_smoothed


def test_weights_of_few_draws_are_as_they_are_and_unreliable():
    values = np.random.default_rng(1).normal(size=(3, FEWEST))
    weight, khat = pareto_smoothed(values[:, :-1])
    np.testing.assert_array_equal(weight, -values[:, :-1])
    assert np.isposinf(khat).all()
    assert np.isfinite(pareto_smoothed(values)[1]).all()


def test_only_the_tail_is_smoothed():
    values = np.random.default_rng(2).normal(size=(1, 400))
    weight, khat = pareto_smoothed(values)
    middle = values[0] > np.quantile(values[0], 0.3)
    shift = weight[0, middle] + values[0, middle]
    np.testing.assert_allclose(shift, shift[0], atol=1e-12)
    assert khat[0] < 0.5
