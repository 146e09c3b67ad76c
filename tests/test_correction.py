"""Choosing among a block of proposals by weight."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trialwise.inference.correction import pick


@given(st.integers(0, 10_000), st.integers(2, 25), st.floats(0.0, 4.0))
def test_points_come_as_often_as_their_weights_say(seed, points, spread):
    """Within one of their share; those alike side by side, the one to go on from at the end."""
    random = np.random.default_rng(seed)
    weight = np.exp(spread * random.standard_normal((3, points, 2)))
    picked, last = pick(weight, random)
    assert picked.shape == (3, points - 1, 2) and last.shape == (3, 1, 2)
    share = (points - 1) * weight / weight.sum(1, keepdims=True)
    for chain in range(3):
        for unit in range(2):
            mine = picked[chain, :, unit]
            assert (abs(np.bincount(mine, minlength=points) - share[chain, :, unit]) < 1 + 1e-9).all()
            assert mine[-1] == last[chain, 0, unit]
            assert (np.diff(mine) != 0).sum() == len(set(mine)) - 1


def test_the_point_to_go_on_from_is_drawn_by_weight():
    weight = np.broadcast_to(np.array([0.5, 0.0, 1.5, 2.0])[:, None], (40_000, 4, 1))
    _, last = pick(weight, np.random.default_rng(5))
    np.testing.assert_allclose(np.bincount(last.ravel(), minlength=4) / 40_000, [0.125, 0, 0.375, 0.5], atol=0.01)
