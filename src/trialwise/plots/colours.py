"""Colours that readers with any colour vision can tell apart (Okabe & Ito 2008, Color Universal Design)."""

from __future__ import annotations

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"
"""The colour of estimates and predictions; of what deviates; of references such as chance."""

DISTINCT = (BLUE, "#E69F00", "#56B4E9", "#CC79A7", "#000000", ORANGE, "#009E73", "#999999")
"""Colours of chains and of learners. Red and green are among them only from the sixth on, and differ in lightness."""


def distinct(number: int) -> str:
    """The colour of a chain or of a learner, by its number from 0."""
    return DISTINCT[number % len(DISTINCT)]
