"""Parameters with slopes equal those of a learner written by hand, by every way to their numbers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import trialwise as tw
from trialwise import interval, learner, positive, real, unit
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.errors import UsageError
from trialwise.data.trials import Column
from trialwise.engine import pack
from trialwise.engine.objects.shift import shift_function
from trialwise.engine.run_hidden import run_exact, run_particles, stream_keys


@learner
class Simple:
    """Values of actions, learnt with a rate, and a bias for the first."""

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    bias: float = real("bias to the first action")
    shift: float = interval(-1, 3, "size of an outcome")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[action]
        preference[0] += self.bias

    def learn(self, q, trial, choice, outcome):
        error = self.shift * outcome - q[choice]
        q[choice] += self.alpha * error
        return error


@learner
class ByHand:
    """The same, with slopes of all four parameters on the unconstrained scale."""

    alpha: float = unit("learning rate")
    alpha_slope: float = real("slope")
    beta: float = positive("inverse temperature")
    beta_slope: float = real("slope")
    bias: float = real("bias to the first action")
    bias_slope: float = real("slope")
    shift: float = interval(-1, 3, "size of an outcome")
    shift_slope: float = real("slope")

    def start(self, task):
        return task.table("action")

    def choose(self, q, trial, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * np.exp(self.beta_slope * trial.stake) * q[action]
        preference[0] += self.bias + self.bias_slope * trial.stake

    def learn(self, q, trial, choice, outcome):
        logit = np.log(self.alpha / (1 - self.alpha)) + self.alpha_slope * trial.effort
        alpha = 1 / (1 + np.exp(-logit))
        scaled = np.log((self.shift + 1) / (3 - self.shift)) + self.shift_slope * trial.effort
        error = (-1 + 4 / (1 + np.exp(-scaled))) * outcome - q[choice]
        q[choice] += alpha * error
        return error


SHIFTED = Simple().vary(alpha="effort", beta="stake", bias="stake", shift="effort")
VALUES = {
    "alpha": [0.2, 0.3, 0.1, 0.5], "alpha:effort": 0.7, "beta": 2.0, "beta:stake": [-0.5, 0.2, 0.1, 0.6], "bias": 0.2,
    "bias:stake": -0.3, "shift": 1.2, "shift:effort": -0.4,
}  # fmt: skip
IN_ORDER = dict(zip(ByHand().names, VALUES.values(), strict=True))


def with_numbers(data, seed=4):
    random = np.random.default_rng(seed)
    numbers = {name: Column(random.normal(size=data.n_trials)) for name in ("stake", "effort")}
    return replace(data, columns={**data.columns, **numbers})


@pytest.fixture(scope="module")
def trials():
    return with_numbers(specimen(Simple(), {"action": 2}))


def test_slopes_equal_a_learner_written_by_hand(trials):
    close = {"rtol": 1e-10, "atol": 1e-10}
    total, slope = tw.log_likelihood(SHIFTED, trials, VALUES, gradient=True)
    expected, expected_slope = tw.log_likelihood(ByHand(), trials, IN_ORDER, gradient=True)
    np.testing.assert_allclose(total, expected, **close)
    for name, other in zip(SHIFTED.names, ByHand().names, strict=True):
        assert np.abs(slope[name]).max() > 1e-3
        np.testing.assert_allclose(slope[name], expected_slope[other], **close)
        high, low = (
            tw.log_likelihood(SHIFTED, trials, VALUES | {name: np.asarray(VALUES[name]) + step})
            for step in (1e-5, -1e-5)
        )
        np.testing.assert_allclose(slope[name], (high - low) / 2e-5, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(tw.log_likelihood(SHIFTED, trials, VALUES, plain=True), expected, **close)
    frame, by_hand = tw.trial_values(SHIFTED, trials, VALUES), tw.trial_values(ByHand(), trials, IN_ORDER)
    assert frame.columns.tolist() == by_hand.columns.tolist() and "error" in frame
    for name in frame.select_dtypes("number"):
        np.testing.assert_allclose(frame[name], by_hand[name], **close)


def test_flat_slopes_change_nothing(trials):
    values = {"alpha": [0.2, 0.3, 0.1, 0.5], "beta": 2.0, "bias": 0.3, "shift": 1.2}
    expected = tw.log_likelihood(Simple(), trials, values)
    flat = {name: values.get(name, 0.0) for name in SHIFTED.names}
    np.testing.assert_allclose(tw.log_likelihood(SHIFTED, trials, flat), expected, rtol=1e-12)


@given(
    bounds=st.sampled_from([("unit", 0.0, 1.0), ("interval", -1.0, 3.0), ("positive", 0.0, np.inf)]),
    u=st.floats(-8, 8),
    slope=st.floats(-5, 5),
    x=st.floats(-3, 3),
)
@settings(max_examples=200, deadline=None)
def test_a_shift_is_a_distance_on_the_unconstrained_scale(bounds, u, slope, x):
    parameter = replace(Simple().declared["alpha"], support=bounds[0], lower=bounds[1], upper=bounds[2])
    shifted, by_value, by_slope = shift_function(*bounds)(float(parameter.constrain(u)), slope, x)
    v = u + slope * x
    np.testing.assert_allclose(shifted, parameter.constrain(v), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(by_slope, x * parameter.slope(v), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(by_value, parameter.slope(v) / parameter.slope(u), rtol=1e-8, atol=1e-12)


def test_far_slopes_reach_the_bounds_without_nan(trials):
    far = VALUES | {"alpha:effort": 400.0, "shift:effort": -400.0, "beta:stake": 0.0}
    total, slope = tw.log_likelihood(SHIFTED, trials, far, gradient=True)
    assert np.isfinite(total).all() and all(np.isfinite(each).all() for each in slope.values())


def test_simulations_equal_those_by_hand():
    task = tw.environments.ProbabilisticReversal(trials=60)
    base = tw.simulate(Simple(), task, {"alpha": 0.3, "beta": 2, "bias": 0, "shift": 1}, participants=4, seed=1).trials
    recorded = task.on(with_numbers(base))
    simulated, by_hand = (
        tw.simulate(each, recorded, values, seed=3) for each, values in ((SHIFTED, VALUES), (ByHand(), IN_ORDER))
    )
    np.testing.assert_array_equal(simulated.trials.choice, by_hand.trials.choice)
    np.testing.assert_allclose(simulated.log_probability, by_hand.log_probability, rtol=1e-12)
    assert list(simulated.parameters) == ["participant", *SHIFTED.names]


def test_slopes_with_a_hidden_choice():
    """Sums over all sequences and filters: two numbers equal two labels with the values there, and derivatives the chain rule."""
    model = tw.learners.TaskSets()
    short = specimen(model, {"context": 2, "cue": 2, "action": 2}).first(7)
    x = np.arange(short.n_trials) % 2
    columns = {"x": Column(x.astype(float)), "label": Column(x, "label")}
    data = replace(short, columns={**short.columns, **columns}, levels={**short.levels, "label": ("0", "1")})
    sloped, labelled = model.vary(alpha="x"), model.vary(alpha={"label": ["0", "1"]})
    alpha = model.declared["alpha"]
    free = np.random.default_rng(0).uniform(0.2, 0.8, (short.n_participants, len(sloped.names)))
    assert sloped.names[:2] == ("alpha", "alpha:x")
    u = alpha.unconstrain(free[:, 0])
    equal = free.copy()
    equal[:, 1] = alpha.constrain(u + free[:, 1])
    value, slope, _ = run_exact(labelled, pack(labelled, data), equal)
    result, slopes, _ = run_exact(sloped, pack(sloped, data), free)
    np.testing.assert_allclose(result, value, rtol=1e-10)
    rate = alpha.slope(u + free[:, 1])
    np.testing.assert_allclose(slopes[:, 1], slope[:, 1] * rate, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(slopes[:, 0], slope[:, 0] + slope[:, 1] * rate / alpha.slope(u), rtol=1e-9, atol=1e-12)
    jobs = np.arange(short.n_participants)
    keys = stream_keys(jobs.astype(np.uint64), jobs)
    by_slope, by_label = (
        run_particles(each, pack(each, data), values, jobs, keys, 50, scored=False).log_likelihood
        for each, values in ((sloped, free), (labelled, equal))
    )
    np.testing.assert_allclose(by_slope, by_label, rtol=1e-9)


def test_data_that_do_not_fit(trials):
    def with_column(values, levels=None):
        column = Column(values, None if levels is None else "stake")
        return replace(
            trials,
            columns={**trials.columns, "stake": column},
            levels={**trials.levels, **({} if levels is None else {"stake": levels})},
        )

    numbers = trials.columns["stake"].values.copy()
    numbers[[5, 40]] = np.nan
    with pytest.raises(UsageError, match="no finite number on 2 of 94 trials .first on trial 6 of .*'participant 1'"):
        pack(SHIFTED, with_column(numbers))
    codes = np.zeros(trials.n_trials, np.int64)
    with pytest.raises(UsageError, match=r"stake, which was read as labels\n.*numbers=\['stake'\]"):
        pack(SHIFTED, with_column(codes, ("a",)))
    with pytest.raises(UsageError, match="several numbers a trial"):
        pack(SHIFTED, with_column(np.zeros((trials.n_trials, 2))))
    with pytest.raises(UsageError, match=r"no such column .*\n.*numbers=\['day'\]"):
        pack(Simple().vary(beta="day"), trials)
    with pytest.raises(UsageError, match="'participant 2' has no trials"):
        pack(SHIFTED, trials.first(np.array([1, 0, 1, 1])))
    with pytest.raises(UsageError, match="beta:stake"):
        tw.log_likelihood(Simple().vary(beta="stake"), trials, {"beta": 1.0, "alpha": 0.3, "bias": 0, "shift": 1})
