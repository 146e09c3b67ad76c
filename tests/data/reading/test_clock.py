"""Times of day as the order of trials."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw


def read(times, **columns):
    number = len(times)
    table = pd.DataFrame(
        {"subjID": "s1", "time": times, "choice": np.resize(["a", "b"], number), "reward": np.resize([1, 0], number)}
    )
    more = {"reset": True} if "block" in columns else {}
    return tw.read_long(table.assign(**columns), trial="time", **more)


def noted(trials):
    return any("times of day begin anew" in note for note in trials.notes)


EVENING, MORNING = ["22:00:00", "23:59:00"], ["00:10:00", "01:00:00"]
TWO_DAYS = ["14:00:00", "14:30:00", "15:00:00", "09:00:00", "09:30:00", "10:00:00"]
SAME_HOURS = ["09:00:00", "09:10:00", "09:20:00", "09:05:00", "09:15:00", "09:25:00"]


@pytest.mark.parametrize(
    "times",
    [
        EVENING + MORNING,
        [*EVENING, *MORNING, "22:00:05", "23:58:00", "00:20:00"],  # two nights
        [EVENING[1], EVENING[0], *MORNING],  # and rows in no order
        ["12:50:00", "01:05:00", "01:10:00"],  # a clock of 12 hours
        TWO_DAYS,
        SAME_HOURS,
    ],
)
def test_times_that_may_be_of_several_days_are_noted(times):
    trials = read(times)
    assert noted(trials)
    table = pd.DataFrame({"choice": ["a"] * len(times), "reward": 1, "time": times})
    assert tw.read_long(table, participant=False, trial=False).row.tolist() == [*range(2, len(times) + 2)]  # obeyed


@pytest.mark.parametrize(
    "times", [sorted(TWO_DAYS), SAME_HOURS[:3][::-1], ["09:02:00", "09:01:00", "09:03:00", "09:00:00"]]
)
def test_times_of_one_day_in_any_order_are_not(times):
    trials = read(times)
    assert not noted(trials)
    assert [times[row - 2] for row in trials.row] == sorted(times)


@pytest.mark.parametrize("times", [TWO_DAYS, SAME_HOURS])
def test_times_of_day_are_sorted_within_sessions(times):
    trials = read(times, session=[1, 1, 1, 2, 2, 2])
    assert trials.row.tolist() == [2, 3, 4, 5, 6, 7]
    assert np.flatnonzero(trials.reset).tolist() == [3]
    assert not noted(trials)


def test_numbers_are_no_times_of_day():
    assert not noted(read(["1000", "1100", "0900", "0930", "0935", "0940"]))
