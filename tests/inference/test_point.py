"""Point estimates reach the optimum, from starting points that never use true values."""

import numpy as np
import pytest
from scipy.optimize import minimize

import trialwise as tw

LEARNER = tw.QLearning(initial=1.2)


def test_maximum_likelihood_is_the_optimum(small):
    result = tw.point(LEARNER, small.trials, starts=8)
    for n, participant in enumerate(small.trials.participants):
        single = small.trials.select([participant])

        def loss(u, trials=single):
            values = {p.name: p.constrain(u[k]) for k, p in enumerate(LEARNER.parameters)}
            return -float(tw.log_likelihood(LEARNER, trials, values)[0])

        truth = small.parameters.loc[n, list(LEARNER.names)].to_numpy(float)
        start = [p.unconstrain(v) for p, v in zip(LEARNER.parameters, truth, strict=True)]
        best = -minimize(loss, start, method="Nelder-Mead", options={"maxiter": 2000, "fatol": 1e-6}).fun
        assert result.maximum_likelihood.loc[n, "log_likelihood"] >= best - 1e-2


def test_columns_and_criteria(small):
    table = tw.point(LEARNER, small.trials, starts=3).maximum_likelihood
    row = table.iloc[0]
    assert row["aic"] == pytest.approx(6 - 2 * row["log_likelihood"])
    assert row["bic"] == pytest.approx(3 * np.log(120) - 2 * row["log_likelihood"])
    assert list(table["participant"]) == list(small.trials.participants)
    assert table["found_again"].between(1, 3).all()


def test_maximum_a_posteriori_is_not_at_a_border(small):
    table = tw.point(LEARNER, small.trials, starts=4).maximum_a_posteriori
    assert (table["at_border"] == "").all()


@pytest.mark.parametrize(("initial", "published"), [(0.12, -12236.0), (1.2, -12321.0)])
def test_human_data_reach_the_published_sum(humans, initial, published):
    assert tw.point(tw.QLearning(initial=initial), humans).log_likelihood >= published


def test_invalid_numbers_of_starts(small):
    with pytest.raises(tw.errors.UsageError, match="starts=0"):
        tw.point(LEARNER, small.trials, starts=0)


@pytest.mark.compile
@pytest.mark.parametrize("learner", [LEARNER, tw.learners.TaskSets(initial=1.2), tw.learners.EngagedQLearning()])
def test_without_free_parameters_the_likelihood_is_as_it_is(small, learner):
    """Nothing is searched, in points and whatever compares them."""
    trials, values = small.trials.first(7), {p.name: 0.3 for p in learner.parameters}
    fixed = learner.fix(**values)
    point = tw.point(fixed, trials, starts=2)
    exact = tw.log_likelihood(learner, trials, values, **({"method": "exact"} if learner.hides else {}))
    for table in (point.maximum_likelihood, point.maximum_a_posteriori):
        error = table.get("standard_error", 1e-12)
        assert ((table["log_likelihood"] - exact).abs() <= 4.5 * error + 1e-9).all()
        np.testing.assert_array_equal(table["aic"], -2 * table["log_likelihood"])
        np.testing.assert_array_equal(table["bic"], table["aic"])
        assert (table["found_again"] == 2).all() and not table["at_border"].any()
    assert not point.findings and "log-likelihood" in repr(point)
    compared = tw.compare({"fixed": point, "free": tw.point(LEARNER, trials, starts=2)}, "bic").table
    assert compared.loc["fixed", "parameters"] == 0 and compared.loc["free", "parameters"] == 3 * len(
        point.maximum_likelihood
    )
