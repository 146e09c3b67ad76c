"""What families of counts have in common: whole numbers from 0."""

from __future__ import annotations

import numpy as np

from trialwise.learners.responses.one_number import OneNumber


class Count(OneNumber):
    """A response that is a whole number from 0."""

    noun = "count"
    range = "whole numbers from 0"

    def impossible(self, observed: np.ndarray) -> np.ndarray:
        counts = observed[:, 0]
        return np.asarray(~np.isnan(counts) & ((counts < 0) | (counts != np.floor(counts))))

    def remedy(self, observed: np.ndarray, column: str) -> str:
        counts = observed[~np.isnan(observed)]
        if (counts == np.floor(counts)).all():
            return f"leave negative numbers empty, if they say that there is no count: {column} = {column}.where({column} >= 0)"
        return (
            "give the counts themselves, neither means nor shares of them; for other numbers use another family, such as lognormal "
            "or normal"
        )
