"""Extremes of numbers against Python and NumPy, with NaN and infinities in every place, for every kind of number."""

import itertools
import math

import numba
import numpy as np
import pytest

from trialwise.engine.kernels.to_compiled import OPTIONS
from trialwise.engine.numbers.abreast import PARTICLES, put, take
from trialwise.engine.numbers.dual import seed, store_tangents, value

NUMBERS = (0.0, 1.5, -2.0, math.inf, -math.inf, math.nan)

TWO = {
    "min": lambda x, y: min(x, y),
    "max": lambda x, y: max(x, y),
    "np.minimum": lambda x, y: np.minimum(x, y),
    "np.maximum": lambda x, y: np.maximum(x, y),
}

THREE = {
    "np.clip": lambda x, lower, upper: np.clip(x, lower, upper),
    "np.clip, by numbers": lambda x, lower, upper: np.clip(x, -1.0, 0) + np.clip(lower, upper, 0.5),
    "np.clip, above": lambda x, lower, upper: np.clip(x, None, upper),
    "np.clip, below": lambda x, lower, upper: np.clip(x, lower, None),
    "np.clip, by names": lambda x, lower, upper: np.clip(x, a_min=lower, a_max=upper),
    "min": lambda x, lower, upper: min(x, lower, 1, upper),
    "max": lambda x, lower, upper: max(x, lower, 1, upper),
}

CASES = [*((name, function, 2) for name, function in TWO.items()), *((name, function, 3) for name, function in THREE.items())]  # fmt: skip


def points(count):
    """All combinations of numbers, the last ones repeated until registers are full; NumPy has no rule for a lower bound above the upper one."""
    every = list(itertools.product(NUMBERS, repeat=count))
    return np.array(every + every[-1:] * (-len(every) % PARTICLES)).T.copy()


def kept(function, numbers):
    """In plain Python."""
    return np.array([float(function(*(np.float64(each) for each in row))) for row in numbers.T])


@pytest.mark.parametrize(("name", "function", "count"), CASES, ids=[f"{name} of {count}" for name, _, count in CASES])
def test_extremes_are_those_of_plain_python(name, function, count):
    compiled = numba.njit(function, **OPTIONS)
    numbers = points(count)
    names = [f"numbers[{place}]" for place in range(count)]

    def arguments(form):
        return ", ".join(form.format(each, place + 1) for place, each in enumerate(names))

    lines = [
        "def run(numbers, doubles, duals, tangents, abreast):",
        "    for k in range(numbers.shape[1]):",
        f"        doubles[k] = f({arguments('{0}[k]')})",
        f"        dual = 0.0 * seed(4, 0.0, 1) + f({arguments('seed(4, {0}[k], {1})')})",
        "        duals[k] = value(dual)",
        "        store(dual, tangents, 3 * k, 3)",
        f"    for group in range(numbers.shape[1] // {PARTICLES}):",
        f"        put(abreast, group, f({arguments('take({0}, group)')}))",
    ]
    namespace = {"f": compiled, "seed": seed, "value": value, "store": store_tangents, "take": take, "put": put}
    exec("\n".join(lines), namespace)
    doubles, duals, abreast = (np.full(numbers.shape[1], 9.0) for _ in range(3))
    tangents = np.full(3 * numbers.shape[1], 9.0)
    numba.njit(namespace["run"], **OPTIONS)(numbers, doubles, duals, tangents, abreast)
    known = kept(function, numbers)
    for found in (doubles, duals, abreast):
        np.testing.assert_array_equal(found, known)
    if name in TWO and count == 2:
        tangents, others = tangents.reshape(-1, 3)[:, :2], numbers[0] != numbers[1]
        chosen = (numbers == known).T | (np.isnan(numbers) & np.isnan(known)).T
        alone = others & (chosen.sum(1) == 1)  # a tangent is that of the number which was chosen
        assert alone.sum() >= 25
        np.testing.assert_array_equal(tangents[alone], chosen[alone].astype(float))


@pytest.mark.parametrize("function", TWO.values(), ids=TWO)
def test_numbers_of_particles_are_compared_with_one_number(function):
    compiled = numba.njit(function, **OPTIONS)

    @numba.njit(**OPTIONS)
    def run(numbers, other, before, after):
        put(before, 0, compiled(other, take(numbers, 0)))
        put(after, 0, compiled(take(numbers, 0), other))

    numbers = np.array([*NUMBERS, *NUMBERS])[:PARTICLES]
    for other in NUMBERS:
        before, after = np.zeros(PARTICLES), np.zeros(PARTICLES)
        run(numbers, other, before, after)
        np.testing.assert_array_equal(before, [function(np.float64(other), each) for each in numbers])
        np.testing.assert_array_equal(after, [function(each, np.float64(other)) for each in numbers])
