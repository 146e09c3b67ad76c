"""At the true parameters, ranks of observed measures among predicted ones are uniform. For all tasks and measures see ``docs/check_tails.txt``."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import trialwise as tw

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_tails.py"
specification = importlib.util.spec_from_file_location("check_tails", SCRIPT)
script = importlib.util.module_from_spec(specification)
specification.loader.exec_module(script)

SETS, REDRAWS, TRIES = 30, 3, 1000
SMALL = script.TASKS["reversal"]._replace(environment=tw.environments.ProbabilisticReversal(trials=100), agents=8)
AFTER = ["repeated after better", "repeated after worse"]


def rows(kind, sets=SETS, **more):
    """A row a measure of the small reversal task."""
    return script.table({("reversal", kind): script.ranks(SMALL, kind, sets, REDRAWS, **more)}, TRIES).set_index(
        "measure"
    )


@pytest.mark.parametrize("kind", ["one-step", "rollout"])
def test_measures_of_a_reversal_task(kind):
    table = rows(kind)
    assert {"share of 0", "repeated", *AFTER} <= set(table.index) and (table["data sets"] == SETS).all()
    assert table["inside the family's"].all()


def test_repetitions_of_redrawn_choices_are_no_measure_of_one_step_predictions():
    """After a redrawn choice, a redrawn one has another past than the observed one had: the band is left by far."""
    table = rows("one-step", SETS // 2, measures=tw.behaviour.measured).loc[AFTER]
    assert not table["inside the family's"].any() and (table["deviation"] > 0.4).all()


def test_the_correlation_of_contexts_is_no_measure_one_step_ahead():
    """Its mean at the truth is another than that of one-step predictions, since chance differences between contexts are learnt from."""
    trials = tw.load_data("alien_flat").trials.select([0, 1])
    means = tw.environments.AlienTask.mean_rewards
    whole, ahead = tw.behaviour.measured(trials, means), tw.behaviour.measured(trials, means, trials)
    assert set(whole) - set(ahead) == {"context index, correlation"} and set(ahead) < set(whole)


def test_ranks_with_ties_and_undefined_values_by_hand():
    random = np.random.default_rng(1)
    predicted = np.array([0.1, np.nan, 0.5, 0.5, 0.9])
    values = np.array([script.share_below(0.5, predicted, random) for _ in range(2000)])
    assert (
        0.2 <= values.min() < 0.21 and 0.79 < values.max() <= 0.8
    )  # one of four below, two equal: ranks 1 to 3 of 0 to 4
    assert 0 <= script.share_below(0.0, predicted, random) <= 0.2 and script.share_below(1.0, predicted, random) >= 0.8
    assert np.isnan(script.share_below(np.nan, predicted, random))
    assert np.isnan(script.share_below(0.5, np.array([np.nan]), random))
