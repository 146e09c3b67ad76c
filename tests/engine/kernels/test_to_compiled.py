"""Compiled functions of learners raise what plain Python raises: indices outside arrays, whole numbers divided by zero."""

import linecache
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise import learner, unit
from trialwise.base.errors import LearnerError
from trialwise.data.trials import Column
from trialwise.engine.kernels import generators
from trialwise.engine.kernels.generators import without_generators
from trialwise.engine.packing import pack
from trialwise.engine.run import run_gradient, run_rollout, run_trace

GAINS = np.array([0.1, 0.2, 0.3])
GRID = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])


def gain(k):
    return GAINS[k]


class Base:
    alpha: float = unit("learning rate")

    def start(self, task):
        return task.table("cue", "action", fill=0.0)

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = q[trial.cue, action]


BASE = {name: value for name, value in vars(Base).items() if not name.startswith("__")}


def learns(body):
    """A learner with this ``learn``, written as a method of a class of its own."""
    return learner(type(body.__name__.title(), (), {"__annotations__": Base.__annotations__, **BASE, "learn": body}))()


def module_array(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * (GAINS[int(outcome)] - q[trial.cue, choice])


def array_of_two_axes(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * (GRID[1, int(outcome)] - q[trial.cue, choice])


def in_a_helper(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * (gain(int(outcome)) - q[trial.cue, choice])


def counted_up(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * (np.arange(3)[int(outcome)] - q[trial.cue, choice])


def written_in_a_copy(self, q, trial, choice, outcome):
    counts = np.arange(3)
    counts[int(outcome)] = 1
    q[trial.cue, choice] += self.alpha * (counts[0] - q[trial.cue, choice])


OUTSIDE = [module_array, array_of_two_axes, in_a_helper, counted_up, written_in_a_copy]


def divided(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * (7 // (5 - int(outcome)) - q[trial.cue, choice])


def remainder(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * (7 % (5 - int(outcome)) - q[trial.cue, choice])


def by_a_column(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * (7 // trial.divisor - q[trial.cue, choice])


def quotient_by_a_column(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * (7 / trial.divisor - q[trial.cue, choice])


def quotient_in_place(self, q, trial, choice, outcome):
    share = choice + 1
    share /= 5 - int(outcome)
    q[trial.cue, choice] += self.alpha * (share - q[trial.cue, choice])


def negative_power(self, q, trial, choice, outcome):
    base = 5 - int(outcome)
    exponent = -1 if base == 0 else 2
    q[trial.cue, choice] += self.alpha * (0.1 * base**exponent - q[trial.cue, choice])


BY_ZERO = [divided, remainder, by_a_column, quotient_by_a_column, quotient_in_place, negative_power]


def data(late: float):
    """Two participants, 60 trials each; the 41st trial of participant 1, row 102 of the file, has the outcome ``late``, and the whole
    number ``divisor``, 1 elsewhere, is 0 there if ``late`` is 5."""
    rows = [
        {"participant": p, "cue": t % 3, "choice": (t // 2) % 3, "outcome": float(t % 3)}
        for p in range(2)
        for t in range(60)
    ]
    rows[100]["outcome"] = late
    trials = tw.read_long(pd.DataFrame(rows))
    divisor = np.where((np.arange(120) == 100) & (late == 5.0), 0, 1)
    return replace(trials, columns={**trials.columns, "divisor": Column(divisor, None)})


@pytest.mark.parametrize("body", [*OUTSIDE, *BY_ZERO], ids=lambda body: body.__name__)
def test_errors_name_the_line_and_the_trial(body):
    subject, trials = learns(body), data(5.0)
    packed = pack(subject, trials)
    free = np.full((2, 1), 0.3)
    kind = "ZeroDivisionError" if body in BY_ZERO else "IndexError"
    for run in (run_gradient, run_trace, lambda *a: tw.log_likelihood(subject, trials, {"alpha": 0.3})):
        with pytest.raises(LearnerError, match=rf"(?s)line \d+: .*{kind}.*participant '1', trial 41, row 102"):
            run(subject, packed, free)
    with pytest.raises(LearnerError, match=rf"(?s){kind}.*participant '1', trial 41, row 102"):
        tw.log_likelihood(subject, trials, {"alpha": 0.3}, plain=True)
    with pytest.raises(LearnerError, match="participant '1', trial 41"):
        tw.fit(subject, trials, progress=False, draws=5, tune=5, chains=1)


def test_arrays_far_beyond_do_not_end_the_process():
    with pytest.raises(LearnerError, match="IndexError: index 100000000"):
        tw.log_likelihood(learns(module_array), data(1e8), {"alpha": 0.3})


def real_power(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * (2.0 ** (-int(outcome)) + (int(outcome) + 2) ** 2 - q[trial.cue, choice])


@pytest.mark.parametrize("body", [*OUTSIDE, *BY_ZERO, real_power], ids=lambda body: body.__name__)
def test_inside_the_arrays_values_are_those_of_plain_python(body):
    subject, trials = learns(body), data(2.0)
    values = [tw.log_likelihood(subject, trials, {"alpha": 0.3}, plain=plain) for plain in (False, True)]
    np.testing.assert_allclose(*values, rtol=1e-12)


def test_simulated_outcomes_outside_an_array_are_named():
    subject, trials = learns(module_array), data(2.0)
    packed = pack(subject, trials)
    potential = np.full((packed.ints.shape[0], packed.actions, 1), 1.0)
    potential[70] = 9.0
    random = np.random.default_rng(1).random((packed.ints.shape[0], 1))
    with pytest.raises(LearnerError, match="(?s)IndexError: index 9 .*participant '1', trial 11"):
        run_rollout(subject, packed, np.full((2, 1), 0.3), potential, random)


def test_floats_divided_by_zero_are_infinite_as_on_duals():
    def float_divided(self, q, trial, choice, outcome):
        q[trial.cue, choice] = 1.0 / (1.0 + 1.0 / (outcome - outcome))

    subject, trials = learns(float_divided), data(2.0)
    packed = pack(subject, trials)
    likelihood, _ = run_gradient(subject, packed, np.full((2, 1), 0.3))
    assert np.isfinite(likelihood).all()


def power_of_two(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * (2 ** (trial.divisor - 1 - int(outcome)) - q[trial.cue, choice])


def constant_power(self, q, trial, choice, outcome):
    q[trial.cue, choice] += self.alpha * ((int(outcome) + 2) ** -1 - q[trial.cue, choice])


@pytest.mark.parametrize("body", [power_of_two, constant_power], ids=lambda body: body.__name__)
def test_whole_numbers_to_negative_powers_are_refused(body):
    subject, trials = learns(body), data(2.0)
    assert np.isfinite(tw.log_likelihood(subject, trials, {"alpha": 0.3}, plain=True)).all()
    with pytest.raises(LearnerError, match=r"negative power: write .* 2\.0 \*\* k"):
        tw.log_likelihood(subject, trials, {"alpha": 0.3})


def sums_a_generator(file, name):
    """A function of a file of its own, whose text has a generator."""
    file.write_text("import math\n\ndef total(x, n):\n    return math.prod(x * k for k in range(1, n))\n")
    namespace = {}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    return namespace[name]


def test_generators_become_lists_where_the_source_is_what_runs(tmp_path):
    total = sums_a_generator(tmp_path / "helpers.py", "total")
    changed = without_generators(total)
    assert changed is not total and changed(0.5, 4) == total(0.5, 4) == 0.75
    assert changed.__code__.co_firstlineno == 3
    assert not any(code.co_name == "<genexpr>" for code in generators._all(changed.__code__))


def test_generators_stay_where_the_source_was_edited(tmp_path):
    file = tmp_path / "edited.py"
    total = sums_a_generator(file, "total")
    file.write_text(file.read_text().replace("x * k", "x + k"))
    assert without_generators(total) is total
    file.unlink()
    linecache.checkcache(str(file))
    assert without_generators(total) is total
