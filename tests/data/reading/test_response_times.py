"""Response times: unit, checks, and that they reach every table."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw


def frame(rt, **more):
    n = len(rt)
    return pd.DataFrame(
        {"id": "p", "trial": range(n), "choice": [k % 2 for k in range(n)], "reward": 1.0, "rt": rt} | more
    )


SECONDS = np.random.default_rng(0).gamma(4, 0.2, 40).clip(0.11)


def test_units_are_inferred_told_and_given():
    trials = tw.read_long(frame(SECONDS))
    np.testing.assert_array_equal(trials.rt, SECONDS)
    assert "seconds (by their median" in trials.mapping["rt"] and trials.notes == ()
    thousand = tw.read_long(frame(SECONDS * 1000))
    np.testing.assert_allclose(thousand.rt, SECONDS, rtol=1e-12)
    assert "milliseconds (by their median" in thousand.mapping["rt"]
    np.testing.assert_allclose(tw.read_long(frame(SECONDS), rt_unit="ms").rt, SECONDS / 1000, rtol=1e-12)
    with pytest.raises(tw.errors.UsageError, match="'s' or 'ms'"):
        tw.read_long(frame(SECONDS), rt_unit="sec")


def test_an_unclear_unit_is_asked_for():
    slow = SECONDS * 40
    with pytest.raises(tw.errors.DataError, match="may be seconds or milliseconds"):
        tw.read_long(frame(slow), rt="rt")
    trials = tw.read_long(frame(slow))  # nothing depends on a column that was only recognised
    assert trials.rt is None and "left out: type rt_unit=..." in trials.notes[0]
    np.testing.assert_array_equal(tw.read_long(frame(slow), rt_unit="s").rt, slow)


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([-0.2], "1 response time of 40 negative"),
        ([0.0, 0.0], "2 response times of 40 exactly zero"),
        ([0.05], "below 0.1 s"),
        ([2.5] * 6, "exactly 2.5 s, the longest: a deadline"),
    ],
)
def test_what_is_implausible(values, note):
    rt = SECONDS.copy()
    rt[: len(values)] = values
    (found,) = tw.read_long(frame(rt)).notes
    assert note in found


def test_rounded_times_are_named():
    (note,) = tw.read_long(frame(SECONDS.round(1) + 0.1)).notes
    assert "multiples of 100 ms" in note


def test_missing_and_strange_cells():
    rt = SECONDS.astype(object)
    rt[3] = None
    trials = tw.read_long(frame(rt))
    assert np.isnan(trials.rt[3]) and "missing: 1 x empty" in trials.mapping["rt"]
    rt[4] = "[0.5, 0.6]"
    trials = tw.read_long(frame(rt))
    assert trials.rt is None and "taken for response times, but contains" in trials.notes[0]
    with pytest.raises(tw.errors.DataError, match="must be a finite number"):
        tw.read_long(frame(rt), rt="rt")
    assert tw.read_long(frame(SECONDS), rt=False).rt is None


@pytest.mark.sample
def test_they_reach_every_table(tmp_path):
    trials = tw.read_long(frame(SECONDS))
    learner = tw.QLearning(initial=0.5).fix(forget=0)
    table = tw.trial_values(learner, trials, {"alpha": 0.3, "beta": 2.0})
    np.testing.assert_array_equal(table["rt"], SECONDS)
    fit = tw.fit(learner, trials, draws=10, tune=10, chains=1, progress=False)
    fit.save(tmp_path / "fit.nc")
    loaded = tw.load(tmp_path / "fit.nc").trials
    np.testing.assert_array_equal(loaded.rt, SECONDS)
    assert "rt" in tw.inspect(trials).numbers
    assert all(each.rt is None for each in tw.predict(fit, "one-step", datasets=2))  # they are of other choices
