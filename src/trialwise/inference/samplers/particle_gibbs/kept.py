"""Which draws keep their course of hidden choices: a bounded number, evenly spaced, however many draws there will be.

The number of draws is not known beforehand, and a fit may be extended or resumed with another one. Of the first D draws of a chain every s-th keeps its
course, where the stride s is the smallest power of 2 that leaves at most ``most``. Strides divide each other, so that what a longer run keeps is part of
what a shorter one kept; a draw is therefore stored if the stride at that time divides its number, and a run that ends earlier or later
finds exactly the courses that it would have kept by itself. A chain stores about ``most`` times 1 + log2(D / most) / 2 of them meanwhile.
"""

from __future__ import annotations

import numpy as np

COURSES = 400
"""Largest number of courses that a fit keeps, of all chains together."""


def stride_of(draws: int, most: int) -> int:
    """The distance between the draws that keep their course, of ``draws`` draws of a chain."""
    stride = 1
    while draws // stride > most:
        stride *= 2
    return stride


def stored(draw: int, most: int) -> bool:
    """Whether a draw, numbered from 1, is to be stored with its course while a chain runs."""
    return draw % stride_of(draw, most) == 0


def kept(draws: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The draws, numbered from 0, that keep their course at the end of a chain of ``draws``, and the places of these among all that were stored."""
    numbers = np.array([draw for draw in range(1, draws + 1) if stored(draw, most)], np.int64)
    places = np.flatnonzero(numbers % stride_of(draws, most) == 0)
    return numbers[places] - 1, places
