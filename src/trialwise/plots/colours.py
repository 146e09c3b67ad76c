"""Colours that readers with any colour vision can tell apart (after Okabe & Ito 2008, Color Universal Design, and Tol 2021)."""

from __future__ import annotations

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"
"""The colour of estimates and predictions; of what deviates; of references such as chance."""

DISTINCT = (BLUE, "#E69F00", "#56B4E9", "#882255", "#000000", ORANGE, "#CC79A7", "#999999")
"""Colours of chains and of learners, the most distinct first; no red stands beside a green."""


def distinct(number: int) -> str:
    """The colour of a chain or of a learner, by its number from 0."""
    return DISTINCT[number % len(DISTINCT)]
