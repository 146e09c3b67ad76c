"""Particles side by side: functions that cannot be computed so make the filter run one particle at a time, with the same result."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise import learner, real
from trialwise.engine.kernels.compiled_hidden import goes_abreast
from trialwise.engine.packing import pack
from trialwise.engine.run_hidden import run_exact, run_particles, stream_keys
from trialwise.learners.parameters import hidden


def of_numbers(x, y):
    total = tw.functions.log_normal_cdf(x) + tw.functions.logistic(y) + np.logaddexp(x, 0.3)
    return total + tw.functions.log_sum_exp((x, y)) + np.hypot(x, y) + np.floor(3.0 * x) + np.clip(x, 0.1, y)


def of_orders(x, y):
    both = np.array([x, y])
    some = any(each > 0.2 for each in both)
    return np.sort(both)[0] + np.cumsum(both)[1] + (x if some else 0.0) + round(y) + np.clip(y, 0.0, 0.2)


def subject(function):
    class Plans:
        a: float = real("a preference")
        plans: int = hidden(2, "number of plans")

        def start(self, task):
            return task.table(2, "action", fill=0.1)

        def hide(self, value, trial, preference):
            preference[0] = self.a
            preference[1] = 0.0

        def choose(self, value, trial, plan, preference):
            preference[0] = function(value[plan, 0], value[plan, 1])
            preference[1] = value[plan, 1]

        def learn(self, value, trial, plan, choice, outcome):
            value[plan, choice] += 0.4 * (outcome - value[plan, choice])

    return learner(Plans)()


@pytest.mark.parametrize(("function", "side_by_side"), [(of_numbers, True), (of_orders, False)])
def test_filters_agree_with_the_exact_likelihood(function, side_by_side):
    plans = subject(function)
    rows = [{"participant": 1, "choice": t % 2, "outcome": float(t % 3 == 0)} for t in range(6)]
    packed = pack(plans, tw.read_long(pd.DataFrame(rows)))
    free, jobs = np.full((64, 1), 0.3), np.zeros(64, int)
    exact, *_ = run_exact(plans, packed, free[:1])
    estimates, *_ = run_particles(plans, packed, free, jobs, stream_keys(jobs, np.arange(64)), 400)
    assert goes_abreast(plans, packed) == side_by_side
    assert np.log(np.mean(np.exp(estimates - exact))) == pytest.approx(0.0, abs=0.02)
