"""Random numbers and clocks in a learner's methods: refused wherever they are used, with the line and what to write."""

# ruff: noqa: NPY002 -- random numbers of every kind are what is refused

import datetime
import functools
import random
import time
from datetime import datetime as moment
from random import gauss
from time import perf_counter

import numba
import numpy as np
import numpy.random as np_random
import pandas as pd
import pytest
import scipy.stats
from numpy.random import normal

import trialwise as tw

GENERATOR = np.random.default_rng(1)
OWN = random.Random(2)


def noise():
    return np.random.normal()


def indirect(x):
    return x + sum(noise() for _ in range(2))


@numba.njit
def compiled():
    return np.random.random()


@functools.cache
def remembered():
    return GENERATOR.random()


PARTIAL = functools.partial(indirect, 0.0)

FORMS = {
    "np.random.normal": lambda self: np.random.normal(),
    "np_random.random": lambda self: np_random.random(),
    "normal": lambda self: normal(),
    "GENERATOR.random": lambda self: GENERATOR.random(),
    "np.random.default_rng": lambda self: np.random.default_rng(3).normal(),
    "random.random": lambda self: random.random(),
    "gauss": lambda self: gauss(0.0, 1.0),
    "OWN.random": lambda self: OWN.random(),
    "scipy.stats.norm.rvs": lambda self: scipy.stats.norm.rvs(),
    "self.source.random": lambda self: self.source.random(),
    "np.random.rand": lambda self: sum([np.random.rand() for _ in range(2)]),
    "np.random.rayleigh": lambda self: max(np.random.rayleigh() for _ in range(2)),
}
CLOCKS = {
    "time.time": lambda self: time.time(),
    "perf_counter": lambda self: perf_counter(),
    "datetime.datetime.now": lambda self: datetime.datetime.now().second,
    "moment.now": lambda self: moment.now().second,
}
HELPERS = {
    "noise": lambda self: noise(),
    "indirect, which calls noise": lambda self: indirect(1.0),
    "compiled": lambda self: compiled(),
    "remembered": lambda self: remembered(),
    "PARTIAL": lambda self: PARTIAL(),
}


def learner_with(extra):
    """A learner one of whose helper methods computes a preference with the function."""

    class Noisy:
        beta: float = tw.positive("inverse temperature")
        source = GENERATOR

        def choose(self, now, trial, preference):
            for action in range(len(preference)):
                preference[action] = self.beta * self.extra()

        def unused(self):
            return np.random.random()

    Noisy.extra = extra
    Noisy.__module__ = __name__
    return tw.learner(Noisy)()


def trials():
    return tw.read_long(pd.DataFrame({"participant": "a", "choice": [0, 1, 0]}), trial=False)


def refusal(extra):
    with pytest.raises(tw.errors.LearnerError) as refused:
        tw.log_likelihood(learner_with(extra), trials(), {"beta": 1.0}, plain=True)
    return str(refused.value)


@pytest.mark.parametrize("text", FORMS)
def test_random_numbers_in_a_method(text):
    message = refusal(FORMS[text])
    assert f"Noisy.extra, line {FORMS[text].__code__.co_firstlineno}, uses {text}, but" in message
    assert "simulate draws the responses" in message


@pytest.mark.parametrize("text", CLOCKS)
def test_clocks(text):
    message = refusal(CLOCKS[text])
    assert f"Noisy.extra, line {CLOCKS[text].__code__.co_firstlineno}, uses {text}, but" in message
    assert "numbers=['time']" in message and "trial.time" in message


@pytest.mark.parametrize("text", HELPERS)
def test_random_numbers_in_what_a_method_calls(text):
    assert f"{__file__}, line " in refusal(HELPERS[text])


def test_an_import_inside_a_method():
    def extra(self):
        import random as chance

        return chance.random()

    assert f"Noisy.extra, line {extra.__code__.co_firstlineno + 1}, uses random, but" in refusal(extra)


def test_names_alone_are_not_refused():
    """What is called random or time and is neither, and helpers that no method calls."""
    own = type("Own", (), {"random": 0.5, "time": 2.0})

    def extra(self):
        time = own.time
        return own.random * time + math_like(time)

    def math_like(time):
        return time - 1.0

    assert np.isfinite(tw.log_likelihood(learner_with(extra), trials(), {"beta": 1.0}, plain=True)).all()
