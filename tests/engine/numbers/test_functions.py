"""Functions of duals that are common in learners: values of SciPy, slopes of finite differences; and what is said about others."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import special

import trialwise as tw
from trialwise import learner, real
from trialwise.base.errors import LearnerError
from trialwise.engine.packing import pack
from trialwise.engine.run import run_gradient

DATA = pd.DataFrame({"participant": [1] * 4, "choice": [0, 1, 1, 0], "outcome": [1.0, 0.0, 1.0, 0.5]})


def subject(body):
    def choose(self, q, trial, preference):
        preference[0] = body(self.a, self.b, q)
        preference[1] = 0.0

    def start(self, task):
        return task.table("action", fill=0.3)

    fields = {"a": real("one"), "b": real("another")}
    return learner(
        type(
            "Subject", (), {"__annotations__": dict.fromkeys(fields, float), **fields, "start": start, "choose": choose}
        )
    )()


COMMON = {
    "erfc": (lambda a, b, q: math.erfc(a), lambda a, b: special.erfc(a)),
    "lgamma": (lambda a, b, q: math.lgamma(a + 3.0), lambda a, b: special.gammaln(a + 3.0)),
    "lgamma below 0": (lambda a, b, q: math.lgamma(a - 2.55), lambda a, b: special.gammaln(a - 2.55)),
    "hypot": (lambda a, b, q: math.hypot(a, b), lambda a, b: np.hypot(a, b)),
    "np.hypot of one": (lambda a, b, q: np.hypot(2.0, b), lambda a, b: np.hypot(2.0, b)),
    "logaddexp": (lambda a, b, q: np.logaddexp(a, b), lambda a, b: np.logaddexp(a, b)),
    "logaddexp of one": (lambda a, b, q: np.logaddexp(0.0, b), lambda a, b: np.logaddexp(0.0, b)),
}


@pytest.mark.parametrize("name", COMMON)
def test_values_and_slopes(name):
    body, known = COMMON[name]
    model, trials = subject(body), tw.read_long(DATA)
    packed = pack(model, trials)

    def by_hand(a, b):
        logit, ones = known(a, b), np.array([1, 0, 0, 1])
        return float((ones * logit - np.logaddexp(0.0, logit)).sum())

    for a, b in ((0.37, -1.2), (-1.4, 0.8)):
        (value,), (slope,) = run_gradient(model, packed, np.array([[a, b]]))
        assert value == pytest.approx(by_hand(a, b), rel=1e-11)
        step = 1e-6
        expected = [by_hand(a + step, b) - by_hand(a - step, b), by_hand(a, b + step) - by_hand(a, b - step)]
        np.testing.assert_allclose(slope, np.array(expected) / (2 * step), rtol=1e-6, atol=1e-8)


OTHERS = {
    "ndtr": (lambda a, b, q: special.ndtr(a), "erfc"),
    "log_ndtr": (lambda a, b, q: special.log_ndtr(a), "math.log"),
    "expit": (lambda a, b, q: special.expit(a), "math.exp"),
    "cumsum": (lambda a, b, q: np.cumsum(q)[1] + a, "total"),
    "prod": (lambda a, b, q: np.prod(q) + a, "product"),
    "sort": (lambda a, b, q: np.sort(q)[0] + a, "rank"),
    "any": (lambda a, b, q: a if np.any(q > 0) else b, "found"),
    "arange": (lambda a, b, q: (q * np.arange(2))[1] + a, "table\\[j\\] \\* j"),
    "generator": (lambda a, b, q: sum(x for x in q) + a, "total \\+="),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_does_not_compile_has_a_replacement_of_its_own(name):
    body, words = OTHERS[name]
    with pytest.raises(LearnerError, match=rf"-> .*{words}"):
        tw.log_likelihood(subject(body), tw.read_long(DATA), {"a": 0.3, "b": 0.2})
