"""The fingerprint of code: the same as long as nothing differs that the code refers to."""

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd
import pytest
import scipy.stats as st

from trialwise.learners.fingerprint import fingerprint
from trialwise.studies.fingerprint import digest

THING = None


def refers():
    return THING


def of(thing):
    """The fingerprint of a function that refers to a thing."""
    global THING
    THING = thing
    return fingerprint({"refers": refers})


@dataclass(frozen=True)
class Schedule:
    period: int

    @cached_property
    def twice(self):
        return 2 * self.period


class Node:
    def __init__(self, name):
        self.name, self.next = name, self


PAIRS = {
    "distribution": lambda k: (st.norm, st.cauchy)[k](0, 1),
    "family of distributions": lambda k: (st.gamma, st.beta)[k],
    "array": lambda k: np.arange(k, k + 3),
    "shape": lambda k: np.zeros([(2, 3), (3, 2)][k]),
    "objects": lambda k: np.array(["a", k], object),
    "set": lambda k: {"a", "b", f"c{k}"},
    "table": lambda k: pd.DataFrame({"a": [1, 2 + k]}),
    "partial": lambda k: partial(refers, k),
    "dataclass": lambda k: Schedule(k),
    "part of itself": lambda k: Node(f"n{k}"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_equal_things_are_alike_and_others_are_not(name):
    make = PAIRS[name]
    for hash_of in (of, digest):
        assert hash_of(make(0)) == hash_of(make(0)) != hash_of(make(1))


def test_results_that_an_object_keeps_do_not_count():
    used = Schedule(3)
    assert used.twice == 6
    for hash_of in (of, digest):
        assert hash_of(used) == hash_of(Schedule(3))


def test_names_that_modules_have_dropped_do_not_warn(recwarn):
    """``object`` and ``str`` are looked for in every module that the code names, also in NumPy, where they are deprecated."""

    def own(x):
        return np.asarray(x, dtype=object), str(x)

    fingerprint({"own": own})
    assert not recwarn.list
