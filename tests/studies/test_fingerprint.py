"""The hash of a study's settings: whatever a result depends on changes it, in every process alike."""

import functools
import subprocess
import sys
import types

import numpy as np
import pandas as pd
import pytest
import scipy.stats as st

from trialwise.data.reading.validate import Problems
from trialwise.environments import Environment
from trialwise.population.designs.join import joined, opened
from trialwise.studies.fingerprint import digest


def nothing(self, *arguments):
    return None


def environment(**members):
    members |= {"show": nothing, "potential": nothing, "__module__": "own"}
    return types.new_class("Own", (Environment,), {}, lambda space: space.update(members))()


def scaled(x, by):
    return x * by


@functools.cache
def one():
    return 1


@functools.cache
def two():
    return 2


VALUES = {
    "range": (range(10), range(2, 10)),
    "set": ({1, 2}, {1, 3}),
    "frozenset": (frozenset("ab"), frozenset("ac")),
    "mapping": (types.MappingProxyType({"a": 1}), types.MappingProxyType({"a": 2})),
    "table": (pd.DataFrame({"a": range(1000)}), pd.DataFrame({"a": [*range(500), -1, *range(501, 1000)]})),
    "column": (pd.Series([1.0, 2.0]), pd.Series([2.0, 1.0])),
    "normal": (st.norm(0, 1), st.norm(0, 2)),
    "histogram": (st.rv_histogram(([1.0], [0.05, 0.1]))(), st.rv_histogram(([1.0], [0.8, 0.9]))()),
    "histogram, not frozen": (st.rv_histogram(([1.0], [0.05, 0.1])), st.rv_histogram(([1.0], [0.8, 0.9]))),
    "discrete": (st.rv_discrete(values=([0, 1], [0.5, 0.5]))(), st.rv_discrete(values=([0, 1], [0.4, 0.6]))()),
    "partial": (functools.partial(scaled, by=2), functools.partial(scaled, by=3)),
    "cached": (one, two),
    "array": (np.arange(3), np.arange(1, 4)),
}


@pytest.mark.parametrize("name", VALUES)
def test_values(name):
    first, second = VALUES[name]
    assert digest(first) == digest(first)
    assert digest(first) != digest(second)


@pytest.mark.parametrize("name", VALUES)
def test_members_of_a_users_class(name):
    first, second = VALUES[name]
    assert digest(environment(reversals=first)) == digest(environment(reversals=first))
    assert digest(environment(reversals=first)) != digest(environment(reversals=second))


PEOPLE = {"group": ["patient", "control"] * 3, "age": [1, 2, 3, 4, 5, 6.5]}


def test_tables_of_participants():
    """By their cells and the order of levels, whatever was computed from them before, in this process or another."""
    again = "from trialwise.studies.fingerprint import digest; from trialwise.population.designs.join import opened"
    code = f"{again}; print(digest(opened({PEOPLE!r})))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    used = opened(PEOPLE)
    joined(used, ("a",), "", Problems(), [])
    assert digest(used) == digest(opened(pd.DataFrame(PEOPLE))) == printed
    levels = [pd.Categorical(PEOPLE["group"], order) for order in (["patient", "control"], ["control", "patient"])]
    others = [
        PEOPLE | {"age": [1, 2, 3, 4, 5, 6]},
        {"sex": PEOPLE["group"], "age": PEOPLE["age"]},
        *(PEOPLE | {"group": each} for each in levels),
    ]
    hashes = {digest(opened(each)) for each in (PEOPLE, *others)}
    assert len(hashes) == 5


HELPER = """
from trialwise.environments import Environment
from trialwise.studies.fingerprint import digest
class Schedule:
    at = {at}
    def reversal(self):
        return self.at + {more}
class Task(Environment):
    schedule = Schedule
    def show(self, task, random):
        return Schedule().reversal()
    def potential(self, *arguments):
        return None
print(digest(Task()))
"""


def test_helper_classes_and_another_process(tmp_path):
    def printed(**values):
        path = tmp_path / "own.py"
        path.write_text(HELPER.format(**values))
        return subprocess.run([sys.executable, path], capture_output=True, text=True, check=True).stdout

    first = printed(at=30, more=0)
    assert first == printed(at=30, more=0)
    assert first != printed(at=5, more=0)
    assert first != printed(at=30, more=1)


class Schedule:
    """An object that can be called."""

    def __init__(self, period):
        self.period = period

    def __call__(self, trial):
        return trial % self.period


class Slotted:
    """An object without a dictionary."""

    __slots__ = ("period",)

    def __init__(self, period):
        self.period = period


def at_keyword(default):
    def good(trial, *, reversal=default):
        return trial > reversal

    return good


@pytest.mark.parametrize(
    "make",
    [
        at_keyword, Schedule, Slotted, lambda x: {"rule": at_keyword(x)}, lambda x: np.vectorize(at_keyword(x)), lambda x: st.norm(x, 1),
        lambda x: np.polynomial.Polynomial([x, 1]), lambda x: np.array([x, "a"], object), lambda x: Schedule(x).__call__,
    ],
    ids=["keyword", "callable", "slots", "mapping", "vectorize", "distribution", "polynomial", "objects", "method"],
)  # fmt: skip
def test_globals_of_a_function_are_hashed_by_their_contents(make):
    def subject(thing):
        space = {"GOOD": thing}
        exec("def better(self, trial):\n    return GOOD", space)
        return environment(better=space["better"])

    assert digest(subject(make(20))) == digest(subject(make(20)))
    assert digest(subject(make(20))) != digest(subject(make(5)))
