"""Functions that do not compile: what is said about them compiles, and gives the same."""

import functools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import trialwise as tw
from trialwise import learner, real
from trialwise.base.errors import LearnerError
from trialwise.engine import explain

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


def total_of_exponentials(a, b, q):
    total = a
    for x in q:
        total += math.exp(x)
    return total


def entries_above(a, b, q):
    total = a
    for j in range(len(q)):
        if q[j] > 0.1:
            total += q[j]
    return total


def whole_table(a, b, q):
    table = np.zeros(3)
    for j in range(2):
        table[j] = q[j]
    table[2] = a
    return table[2] + table[0]


NORM = "Unknown attribute 'norm' of type Module(<module 'scipy.stats' from 'x.py'>)"

OTHERS = {
    "ndtr": (lambda a, b, q: special.ndtr(a), lambda a, b, q: tw.functions.normal_cdf(a)),
    "log_ndtr": (lambda a, b, q: special.log_ndtr(a), lambda a, b, q: tw.functions.log_normal_cdf(a)),
    "ndtri": (lambda a, b, q: special.ndtri(0.4) * a, lambda a, b, q: tw.functions.normal_quantile(0.4) * a),
    "norm.cdf": (
        lambda a, b, q: stats.norm.cdf(a, 0.5, 2.0),
        lambda a, b, q: tw.functions.normal_cdf((a - 0.5) / 2.0),
    ),
    "norm.logsf": (
        lambda a, b, q: stats.norm.logsf(a, 0.5, 2.0),
        lambda a, b, q: tw.functions.log_normal_cdf((0.5 - a) / 2.0),
    ),
    "norm.ppf": (
        lambda a, b, q: stats.norm.ppf(0.4, a, 2.0),
        lambda a, b, q: a + 2.0 * tw.functions.normal_quantile(0.4),
    ),
    "norm.logpdf": (
        lambda a, b, q: stats.norm.logpdf(a, 0.5, 2.0),
        lambda a, b, q: -0.5 * ((a - 0.5) / 2.0) ** 2 - math.log(2.0 * math.sqrt(2.0 * math.pi)),
    ),
    "expit": (lambda a, b, q: special.expit(a), lambda a, b, q: tw.functions.logistic(a)),
    "log_expit": (lambda a, b, q: special.log_expit(a), lambda a, b, q: -tw.functions.softplus(-a)),
    "logsumexp": (lambda a, b, q: special.logsumexp(q) + a, lambda a, b, q: tw.functions.log_sum_exp(q) + a),
    "logaddexp": (lambda a, b, q: np.logaddexp.reduce(q) + a, lambda a, b, q: tw.functions.log_sum_exp(q) + a),
    "psi": (lambda a, b, q: special.psi(a + 3.0), lambda a, b, q: tw.functions.digamma(a + 3.0)),
    "gammaln": (lambda a, b, q: special.gammaln(a + 3.0), lambda a, b, q: math.lgamma(a + 3.0)),
    "erf": (lambda a, b, q: special.erf(a), lambda a, b, q: math.erf(a)),
    "factorial": (lambda a, b, q: math.factorial(4) * a, lambda a, b, q: math.gamma(4 + 1.0) * a),
    "comb": (
        lambda a, b, q: math.comb(5, 2) * a,
        lambda a, b, q: math.exp(math.lgamma(5 + 1.0) - math.lgamma(2 + 1.0) - math.lgamma(5 - 2 + 1.0)) * a,
    ),
    "norm": (lambda a, b, q: np.linalg.norm(q) * a, lambda a, b, q: math.sqrt(np.dot(q, q)) * a),
    "isclose": (
        lambda a, b, q: a if np.isclose(a, b) else b,
        lambda a, b, q: a if abs(a - b) <= 1e-8 + 1e-5 * abs(b) else b,
    ),
    "roll": (lambda a, b, q: np.roll(q, 1)[0] * a, lambda a, b, q: q[(0 - 1) % len(q)] * a),
    "linspace": (lambda a, b, q: np.linspace(a, b, 5)[1], lambda a, b, q: a + (b - a) * 1 / (5 - 1)),
    "append": (lambda a, b, q: np.append(q, a)[2] + q[0], whole_table),
    "reduce": (lambda a, b, q: functools.reduce(lambda x, y: x + math.exp(y), q, a), total_of_exponentials),
    "map": (lambda a, b, q: a + sum(map(math.exp, q)), total_of_exponentials),
    "condition": (lambda a, b, q: a + q[q > 0.1].sum(), entries_above),
    "generator": (lambda a, b, q: sum(x * x for x in q) + a, lambda a, b, q: sum([x * x for x in q]) + a),
    "fmod": (lambda a, b, q: math.fmod(-a, 0.3), lambda a, b, q: -a - 0.3 * np.trunc(-a / 0.3)),
    "log": (lambda a, b, q: math.log(a + 3.0, 3), lambda a, b, q: math.log(a + 3.0) / math.log(3)),
    "float": (lambda a, b, q: float(a > b) * a, lambda a, b, q: (1.0 if a > b else 0.0) * a),
    "inner": (lambda a, b, q: np.inner(q, q) * a, lambda a, b, q: np.dot(q, q) * a),
    "count_nonzero": (lambda a, b, q: np.count_nonzero(q) * a, lambda a, b, q: np.sum(q != 0.0) * a),
    "list": (
        lambda a, b, q: np.max([a, b]) + np.mean([a, q[0]]) + np.prod([a, b]) + np.exp([a, b])[0],
        lambda a, b, q: (
            np.max(np.array([a, b]))
            + np.mean(np.array([a, q[0]]))
            + np.prod(np.array([a, b]))
            + np.exp(np.array([a, b]))[0]
        ),
    ),
    "statement": (lambda a, b, q: next(x for x in q) + a, lambda a, b, q: [x for x in q][0] + a),  # noqa: C416, RUF015
}
"""What does not compile, and what to write instead."""


def test_replacements_compile_and_give_the_same():
    instead = [replacement for _, replacement in OTHERS.values()]

    for body, replacement in OTHERS.values():
        q = np.array([0.3, -1.2])
        assert float(replacement(0.37, -1.2, q)) == pytest.approx(float(body(0.37, -1.2, q)), rel=1e-12)
    names = [f"f{n}" for n in range(len(instead))]
    namespace = dict(zip(names, instead, strict=True))
    exec(f"def total(a, b, q):\n    return {' + '.join(f'{name}(a, b, q)' for name in names)}", namespace)
    values = [
        tw.log_likelihood(subject(namespace["total"]), tw.read_long(DATA), {"a": 0.3, "b": 0.2}, plain=plain)
        for plain in (False, True)
    ]
    np.testing.assert_allclose(*values, rtol=1e-12)


@pytest.mark.parametrize(
    ("reason", "line", "words"),
    [
        ("Unknown attribute 'ndtr' of type Module(<module 'scipy.special' from 'x.py'>)", "", "normal_cdf(x)"),
        ("Unknown attribute 'log_ndtr' of type Module(<module 'scipy.special' from 'x.py'>)", "", "log_normal_cdf(x)"),
        ("Untyped global name 'expit': Cannot determine Numba type of <class 'numpy.ufunc'>", "", "logistic(x)"),
        (NORM, "return stats.norm.logcdf(self.a, 0.5, 2.0)", "log_normal_cdf((x - mean) / sd)"),
        (NORM, "return norm.ppf(0.4, self.a)", "mean + sd * tw.functions.normal_quantile(p)"),
        ("Unknown attribute 'reduce' of type Function(<ufunc 'logaddexp'>)", "", "log_sum_exp(values)"),
        ("No implementation of function Function(<function roll at 0x1f>) found for signature:", "", "% len(table)"),
        ("No implementation of function Function(<built-in function sum>) found for signature:", "", "for x in table"),
        ("No implementation of function Function(<function sum at 0x1f>) found for signature:", "", "table[j, k]"),
        ("No implementation of function Function(<built-in function getitem>) found for signature:", "", "np.where"),
        (
            "No implementation of function Function(<function max at 0x1f>) found for signature: >>> max(list(dual4)<iv=None>)",
            "",
            "np.array([x, y])",
        ),
        ("The use of yield in a closure is unsupported.", "", "a list in place of the generator"),
    ],
)
def test_replacements_are_found_by_the_reason(reason, line, words):
    assert words in explain._replacement(reason, line)


LIVE = {
    "float": "1.0 if x > y else 0.0",
    "list": r"np.array\(\[x, y\]\)",
    "log": r"math.log\(x\) / math.log\(base\)",
    "ndtr": "normal_cdf",
    "logsumexp": "log_sum_exp",
    "statement": "list",
    "condition": "np.where",
    "roll": "table",
}


@pytest.mark.parametrize("name", LIVE)
def test_what_does_not_compile_has_a_replacement_of_its_own(name):
    with pytest.raises(LearnerError, match=rf"-> .*{LIVE[name]}"):
        tw.log_likelihood(subject(OTHERS[name][0]), tw.read_long(DATA), {"a": 0.3, "b": 0.2})
