"""Parameter values by participant: labels count, where values have them."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw

LEARNER = tw.QLearning(initial=0.5).fix(forget=0)
ALPHA = np.array([0.1, 0.2, 0.3, 0.4])


@pytest.fixture(scope="module")
def simulation():
    return tw.simulate(LEARNER, tw.environments.AlienTask(trials=24), {"alpha": ALPHA, "beta": 2.0}, seed=1)


def test_a_series_is_taken_by_label(simulation):
    trials = simulation.trials
    expected = tw.log_likelihood(LEARNER, trials, {"alpha": ALPHA, "beta": 2.0})
    backwards = pd.Series(ALPHA[::-1], index=[3, 2, 1, 0])
    for alpha in (backwards, backwards.rename(index=str), pd.Series(ALPHA)):
        np.testing.assert_array_equal(tw.log_likelihood(LEARNER, trials, {"alpha": alpha, "beta": 2.0}), expected)
    some = trials.select([3, 1])
    np.testing.assert_array_equal(
        tw.log_likelihood(LEARNER, some, {"alpha": pd.Series(ALPHA[[1, 3]], index=[1, 3]), "beta": 2.0}),
        expected[[3, 1]],
    )
    with pytest.raises(tw.errors.UsageError, match="are not the participants 0, 1, 2, 3"):
        tw.log_likelihood(LEARNER, trials, {"alpha": pd.Series(ALPHA, index=list("abcd")), "beta": 2.0})


def test_the_table_of_a_simulation_is_taken_everywhere(simulation):
    """One argument, one meaning: in ``simulate``, ``log_likelihood`` and ``trial_values``."""
    table = simulation.parameters
    expected = tw.log_likelihood(LEARNER, simulation.trials, {"alpha": ALPHA, "beta": 2.0})
    for given in (table, table.iloc[::-1], table.set_index("participant"), dict(table)):
        np.testing.assert_array_equal(tw.log_likelihood(LEARNER, simulation.trials, given), expected)
    tw.trial_values(LEARNER, simulation.trials, table)
    again = tw.simulate(
        LEARNER, tw.environments.AlienTask(trials=24), table.iloc[::-1].set_index("participant"), seed=1
    )
    by_label = dict(zip(again.trials.participants, again.parameters["alpha"], strict=True))
    assert by_label == dict(enumerate(ALPHA))


def test_a_mask_is_no_list_of_labels(simulation):
    for mask in (ALPHA > 0.2, list(ALPHA > 0.2), pd.Series(ALPHA > 0.2)):
        with pytest.raises(tw.errors.UsageError, match=r"True and False: select the labels"):
            simulation.trials.select(mask)
    with pytest.raises(tw.errors.UsageError, match="twice"):
        simulation.trials.select([0, 0])


def test_a_parameter_is_not_tied_to_itself():
    with pytest.raises(tw.errors.UsageError, match="tied to itself"):
        tw.QLearning().tie(alpha="alpha")


def test_labels_of_a_data_array_are_those_of_the_participants():
    import xarray as xr

    trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(20)
    learner = tw.QLearning(initial=1.2).fix(forget=0)
    given = {"alpha": [0.1, 0.5, 0.9], "beta": [1.0, 2.0, 3.0]}
    labelled = {name: xr.DataArray(values, {"participant": [0, 1, 2]}, "participant") for name, values in given.items()}
    expected = tw.log_likelihood(learner, trials, given)
    np.testing.assert_array_equal(tw.log_likelihood(learner, trials.select([2, 0, 1]), labelled), expected[[2, 0, 1]])


def test_an_index_that_may_count_rows_or_name_participants_is_refused():
    import pandas as pd

    trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(20)
    learner = tw.QLearning(initial=1.2).fix(forget=0)
    frame = pd.DataFrame({"alpha": [0.1, 0.5, 0.9], "beta": [1.0, 2.0, 3.0]})
    tw.log_likelihood(learner, trials, frame)
    with pytest.raises(tw.errors.UsageError, match="do its rows follow the participants or the index"):
        tw.log_likelihood(learner, trials.select([2, 1, 0]), frame)
    named = frame.rename_axis("participant")
    by_label = tw.log_likelihood(learner, trials.select([2, 1, 0]), named)
    np.testing.assert_array_equal(by_label, tw.log_likelihood(learner, trials, frame)[::-1])
