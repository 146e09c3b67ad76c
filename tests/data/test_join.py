"""Tables join back to the file that was read: row, the file's own trial number, session and labels, all columns on request."""

import numpy as np
import pandas as pd
import pytest

import trialwise as tw

LEARNER, AT = tw.QLearning(initial=0.5), {"alpha": 0.3, "beta": 2.0, "forget": 0.0}


@pytest.fixture
def frame():
    """Two sessions with trials numbered from 0 with a gap, in no order; letters for participants; an event time of one's own."""
    random = np.random.default_rng(1)
    rows = [(p, s, t) for p in ("b", "a") for s in (1, 2) for t in (0, 1, 2, 5, 6, 9)]
    frame = pd.DataFrame(rows, columns=["id", "session", "trial"])
    frame["choice"] = random.choice(["x", "y"], len(frame))
    frame["reward"] = random.integers(0, 2, len(frame))
    frame["onset"] = random.uniform(0, 100, len(frame)).round(3)
    return frame.sample(frac=1, random_state=2).reset_index(drop=True)


def test_rows_and_labels_of_the_file(frame):
    table = tw.trial_values(LEARNER, tw.read_long(frame), AT)
    joined = table.join(frame.set_index(frame.index + 2).rename(columns=lambda name: f"{name}_file"), on="row")
    assert (joined["participant"] == joined["id_file"]).all()
    for name in ("trial", "session", "choice"):
        assert (joined[name] == joined[f"{name}_file"]).all(), name
    assert (joined["outcome"] == joined["reward_file"]).all()
    assert table["number"].tolist() == [*range(1, 13)] * 2
    assert table["trial"].dtype.kind == "i"


def test_all_columns_on_request(frame):
    trials = tw.read_long(frame)
    table = trials.to_frame(inputs=True)
    assert table["onset"].tolist() == frame["onset"].iloc[table["row"] - 2].tolist()
    assert table["trial (input)"].tolist() == table["trial"].tolist()
    assert set(frame) <= {name.removesuffix(" (input)") for name in table}
    with pytest.raises(tw.errors.UsageError, match="read the file again"):
        tw.simulate(LEARNER, tw.environments.AlienTask(trials=12), AT, participants=1).trials.to_frame(inputs=True)


def test_selections_keep_their_labels(frame):
    trials = tw.read_long(frame).select(["a"]).first(8)
    assert trials.to_frame()["trial"].tolist() == [0, 1, 2, 5, 6, 9, 0, 1]
    assert trials.to_frame(inputs=True)["id"].tolist() == ["a"] * 8


@pytest.mark.sample
def test_labels_survive_a_file(frame, tmp_path):
    fit = tw.fit(LEARNER.fix(forget=0), tw.read_long(frame), draws=10, tune=10, chains=1, progress=False)
    fit.save(tmp_path / "fit.nc")
    pd.testing.assert_frame_equal(tw.load(tmp_path / "fit.nc").trials.to_frame(), fit.trials.to_frame())


def test_sessions_restart_unless_carried(frame):
    """The likelihood of two sessions is that of two people, or of one who goes on."""
    trials = tw.read_long(frame)
    assert trials.mapping["reset"] == "at each new session, 2 resets"
    apart = tw.read_long(frame.assign(id=frame["id"] + frame["session"].astype(str)), session=False)
    together = dict(zip(apart.participants, tw.log_likelihood(LEARNER, apart, AT), strict=True))
    expected = [together[f"{label}1"] + together[f"{label}2"] for label in trials.participants]
    np.testing.assert_allclose(tw.log_likelihood(LEARNER, trials, AT), expected, rtol=1e-12)
    np.testing.assert_array_equal(tw.read_long(frame, reset="session").reset, trials.reset)
    np.testing.assert_array_equal(tw.read_long(frame, reset=True).reset, trials.reset)

    carried = tw.read_long(frame, carry=True)
    assert not carried.reset.any()
    assert carried.mapping["reset"] == "not at a new session"
    renumbered = frame.assign(trial=frame["trial"] + 10 * frame["session"]).drop(columns="session")
    np.testing.assert_allclose(
        tw.log_likelihood(LEARNER, carried, AT), tw.log_likelihood(LEARNER, tw.read_long(renumbered), AT), rtol=1e-12
    )


def test_wide_tables_have_sessions(tmp_path):
    choices = pd.DataFrame({"ann": [0, 1, 1, 0], "ben": [1, 1, 0, 0]})
    trials = tw.read_wide(
        choice=choices, outcome=choices, session=pd.DataFrame({"ann": [1, 1, 2, 2], "ben": [1, 2, 2, 2]})
    )
    assert trials.reset.tolist() == [False, False, True, False, False, True, False, False]
    for name, table in {"choices": choices, "rewards": choices, "sessions": choices * 0 + 1}.items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    assert "session" in tw.read_wide(tmp_path).columns
