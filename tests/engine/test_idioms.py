"""Ordinary Python compiles on dual numbers; values agree with plain Python and slopes with finite differences.

First the table of idioms, then features that need a whole learner.
"""

import numba
import numpy as np
import pytest

import trialwise as tw
from idioms import IDIOMS, double
from trialwise import constant, learner, memory, positive, real, state, unit
from trialwise.analysis.conformance.specimen import specimen
from trialwise.data.trials import Column, Trials
from trialwise.engine.kernels.to_compiled import OPTIONS, Adapter
from trialwise.engine.numbers.dual import lanes_for, seed, store_tangents, value
from trialwise.engine.tables.making import owning_table
from trialwise.learners.state import Table

# -- idioms, compiled together, or separately if that fails ------------------------------------------------------------

POINTS = ((0.37, 1.43), (0.81, 0.29))


def table_of(a, b, q):
    """Every cell depends on both parameters."""
    for i in range(2):
        for j in range(2):
            for k in range(3):
                q[i, j, k] = a * (i + 1) + b * (j - 0.4) * (k + 1) + 0.1 * k * k
    return q


def compiled(functions):
    """A function of ``(a, b)`` that returns values and slopes of all functions, on dual numbers."""
    adapter = Adapter(4)
    namespace = {
        "fill": adapter(table_of),
        "seed": seed,
        "value": value,
        "store": store_tangents,
        "table": owning_table,
    }
    lines = ["def run(a, b, memory, values, slopes):", "    x, y = seed(4, a, 1), seed(4, b, 2)"]
    for n, function in enumerate(functions):
        namespace[f"f{n}"] = adapter(function)
        lines += [
            "    q = table(4, memory, (2, 2, 3))",
            "    fill(x, y, q)",
            f"    r = 0.0 * x + f{n}(x, y, q)",
            f"    values[{n}] = value(r)",
            f"    store(r, slopes, {2 * n}, 2)",
        ]
    exec("\n".join(lines), namespace)
    kernel = numba.njit(namespace["run"], **OPTIONS)

    def run(a, b):
        values, slopes = np.zeros(len(functions)), np.zeros(2 * len(functions))
        memory = np.zeros(48)
        kernel(a, b, memory, values, slopes)
        return values, slopes.reshape(-1, 2)

    run(*POINTS[0])
    return run


@pytest.fixture(scope="module")
def results():
    names = list(IDIOMS)
    try:
        together = compiled(list(IDIOMS.values()))
        return {point: dict(zip(names, zip(*together(*point), strict=True), strict=True)) for point in POINTS}
    except Exception:
        return None


def plain_value(function, a, b):
    return float(function(a, b, table_of(a, b, np.zeros((2, 2, 3)).view(Table))))


@pytest.mark.parametrize("name", IDIOMS)
def test_idiom(name, results):
    function = IDIOMS[name]
    separate = compiled([function]) if results is None else None
    for point in POINTS:
        result, slope = results[point][name] if results else (part[0] for part in separate(*point))
        assert result == pytest.approx(plain_value(function, *point), rel=1e-12, abs=1e-14)
        for k in range(2):
            step = np.eye(2)[k] * 1e-6
            above, below = plain_value(function, *(point + step)), plain_value(function, *(point - step))
            assert slope[k] == pytest.approx((above - below) / 2e-6, rel=1e-6, abs=1e-7), f"slope {k}"


# -- features that need a learner --------------------------------------------------------------------------------------


@learner
class Workshop:
    """A learner with numbers and memories in its state, helper methods and settings of every kind."""

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    bias: float = real("bias to repeat")
    slow: bool = constant(True, "half the learning rate")
    rule: str = constant("sum", "how values combine")
    order: int = constant(2, "an exponent")
    initial: float = constant(0.1, "value before any outcome")

    def start(self, task):
        return state(
            value=task.table("cue", "action", fill=self.initial), trace=task.table(task.size("action")),
            level=0.0, count=0, last=memory(-1), seen=task.memory("cue", fill=0),
        )  # fmt: skip

    def rate(self, outcome):
        return self.half(self.alpha) if self.slow else self.alpha * outcome

    def half(self, x):
        return double(x) / 4

    def choose(self, now, trial, preference):
        preference[:] = self.beta * now.value[trial.cue]
        if now.last >= 0:
            preference[now.last] += self.bias
        for action, trace in enumerate(now.trace):
            if self.rule == "sum":
                preference[action] += trace
            else:
                preference[action] -= trace
        preference[0] += now.level / (1 + now.count) + 0.1 * now.seen[trial.cue]

    def elapse(self, now, trial):
        now.trace *= 0.9
        now.value.decay(self.alpha / 10, self.initial, except_=(trial.cue, 0))

    def learn(self, now, trial, choice, outcome):
        error = outcome - now.value[trial.cue, choice]
        now.value[trial.cue, choice] += self.rate(outcome) * error
        now.trace[choice] += error**self.order / 10
        now.level = np.where(trial.cue == 0, now.level + self.alpha * (outcome - now.level), now.level)
        now.count += 1
        now.last = choice
        now.seen[trial.cue] += 1
        return error, now.level, np.where(trial.cue == 0, now.count, 0)


def assert_agrees_with_plain_python_and_differences(learner, trials, seed=0):
    random = np.random.default_rng(seed)
    free = {p.name: p.constrain(p.mean + random.normal(size=trials.n_participants)) for p in learner.parameters}
    result, gradient = tw.log_likelihood(learner, trials, free, gradient=True)
    np.testing.assert_allclose(result, tw.log_likelihood(learner, trials, free, plain=True), rtol=1e-10)
    for name in learner.names:
        above, below = (
            tw.log_likelihood(learner, trials, free | {name: free[name] + sign * 1e-6}, plain=True) for sign in (1, -1)
        )
        np.testing.assert_allclose(gradient[name], (above - below) / 2e-6, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("workshop", [Workshop(), Workshop(slow=False, rule="difference", order=3)], ids=repr)
def test_state_settings_and_helpers(workshop):
    assert_agrees_with_plain_python_and_differences(workshop, specimen(workshop))


def with_parameters(count):
    """A learner with ``count`` parameters, each of which affects the likelihood."""
    fields = [f'    p{k}: float = real("weight {k}")' for k in range(count)]
    total = " + ".join(f"self.p{k} * {np.cos(k):.3f}" for k in range(count))
    sizes = " + ".join(f"self.p{k} ** 2 * {np.sin(k + 1):.3f}" for k in range(count))
    text = [
        "@learner", "class Wide:", *fields,
        "    def start(self, task):", "        return state(value=0.0)",
        "    def choose(self, now, trial, preference):", f"        preference[0] = now.value + {total}",
        "        preference[1] = 0.0",
        "    def learn(self, now, trial, choice, outcome):",
        f"        now.value += 0.1 * (outcome - now.value) * ({sizes})",
    ]  # fmt: skip
    namespace = {"learner": learner, "real": real, "state": state}
    exec("\n".join(text), namespace)
    return namespace["Wide"]()


@pytest.mark.parametrize("count", [1, 3, 4, 7, 8, 15, 16, 20])
def test_lanes_and_passes(count):
    assert lanes_for(count) == {1: 4, 3: 4, 4: 8, 7: 8, 8: 16}.get(count, 16)
    random = np.random.default_rng(count)
    trials = Trials(
        participants=("one", "two"),
        offsets=np.array([0, 9, 16]),
        choice=random.integers(0, 2, 16),
        outcome={"outcome": random.normal(size=16)},
        columns={"context": Column(np.zeros(16, np.int64), "context")},
        levels={"action": (0, 1), "context": (0,)},
    )
    assert_agrees_with_plain_python_and_differences(with_parameters(count), trials)
