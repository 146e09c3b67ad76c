"""Simulation: random streams, simulated data, recorded sequences, files."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.base.errors import ModelError, UsageError
from trialwise.base.streams import checked_seed, stream, stream_key, stream_seed
from trialwise.data.read import read_long, read_wide
from trialwise.data.trials import MISSED, Trials
from trialwise.environments import AlienTask, Conditioning, Environment, Shown
from trialwise.environments.simulate import simulate
from trialwise.learners import PearceHall, QLearning, RescorlaWagner, TaskSets

FLAT = QLearning(initial=1.2)
TRUTH = {"alpha": (0.05, 0.3), "beta": (1, 4), "forget": (0, 0.1)}
SCR = {"alpha": (0, 1), "intercept": 0.2, "slope": 1.5, "noise": 0.1}


@pytest.fixture(scope="module")
def flat():
    return simulate(FLAT, AlienTask(), TRUTH, seed=11, participants=8)


@pytest.fixture(scope="module")
def irregular(flat):
    """Trials of five participants with different lengths and labels, some missed choices and some missing outcomes."""
    selection = flat.trials.select([3, 0, 5, 1, 2])
    rows = np.concatenate([np.arange(start, start + 60 + 20 * n) for n, start in enumerate(selection.offsets[:-1])])
    trials = replace(
        selection.take(rows),
        participants=("e", "d", "c", "b", "a"),
        offsets=np.cumsum([0, 60, 80, 100, 120, 140]).astype(np.int64),
    )
    trials.choice[[2, 70, 71]] = MISSED
    trials.outcome["outcome"][[2, 70, 71, 5, 200]] = np.nan  # 5 and 200: a choice without an outcome
    return trials


class Bandit(Environment):
    """Two arms, never the same outcome twice in a row for the same arm."""

    levels = {"action": ("left", "right")}

    def __init__(self, trials=50, without_feedback=()):
        self.trials, self.without_feedback = trials, list(without_feedback)

    def show(self, random):
        return Shown(self.trials)

    def potential(self, shown, random):
        outcome = (random.random((shown.trials, 2)) < (0.2, 0.8)).astype(float)
        outcome[self.without_feedback] = np.nan
        return outcome


# -- random streams ----------------------------------------------------------------------------------------------------


def test_streams_depend_on_seed_label_and_purpose():
    def numbers(*key):
        return tuple(stream(*key).random(4))

    keys = [
        (0, "response", 1),
        (1, "response", 1),
        (0, "response", 2),
        (0, "outcomes", 1),
        (0, "response", "1', 'outcomes"),
    ]
    keys += [(0, "parameter", 1, "alpha"), (0, "parameter", 1, "beta"), (0, "response")]
    assert len({numbers(*key) for key in keys}) == len({stream_key(*key) for key in keys}) == len(keys)
    assert len({stream_seed(*key) for key in keys}) == len(keys)
    assert numbers(0, "response", 1) == numbers(0, "response", "1") == numbers(0, "response", np.int64(1))


def test_streams_do_not_depend_on_the_machine():
    assert stream(0, "sequence", 0).random(2).tolist() == [0.7653640134457819, 0.7058332881405555]


@pytest.mark.parametrize("seed", [-1, 0.5, "1", True])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(UsageError, match="whole number"):
        checked_seed(seed)


def test_a_seed_may_be_taken_from_the_system():
    assert checked_seed(None) != checked_seed(None)


# -- determinism -------------------------------------------------------------------------------------------------------


def test_same_seed_same_data(flat):
    repeated = simulate(FLAT, AlienTask(), TRUTH, seed=11, participants=8)
    pd.testing.assert_frame_equal(repeated.trials.to_frame(), flat.trials.to_frame())
    pd.testing.assert_frame_equal(repeated.parameters, flat.parameters)
    other = simulate(FLAT, AlienTask(), TRUTH, seed=12, participants=8)
    assert (other.trials.choice != flat.trials.choice).mean() > 0.3
    assert not np.isin(other.parameters["alpha"], flat.parameters["alpha"]).any()


def test_a_participant_does_not_depend_on_other_participants(flat):
    selection = simulate(FLAT, AlienTask(), TRUTH, seed=11, participants=[6, 2])
    pd.testing.assert_frame_equal(selection.trials.to_frame(), flat.trials.select([6, 2]).to_frame())
    expected = flat.parameters.set_index("participant").loc[[6, 2]].reset_index()
    pd.testing.assert_frame_equal(selection.parameters, expected)


def test_a_fixed_parameter_does_not_affect_draws_of_the_others(flat):
    fixed = simulate(FLAT, AlienTask(trials=20), {**TRUTH, "beta": 2.0}, seed=11, participants=8)
    np.testing.assert_array_equal(fixed.parameters["alpha"], flat.parameters["alpha"])
    assert (fixed.parameters["beta"] == 2).all()


def test_participants_differ_from_each_other(flat):
    choices = flat.trials.choice.reshape(8, 468)
    assert len({tuple(row) for row in choices}) == 8


# -- simulated data ----------------------------------------------------------------------------------------------------


def test_contents_of_simulated_trials(flat):
    trials = flat.trials
    assert trials.participants == tuple(range(8))
    assert [*trials.columns] == ["block", "context", "cue"]
    assert trials.levels["context"] == (0, 1, 2) and trials.levels["action"] == (0, 1, 2)
    assert trials.declared == {"block", "context", "cue", "action"}
    assert set(trials.choice) == {0, 1, 2}
    assert np.isfinite(trials.outcome["outcome"]).all()
    frame = trials.to_frame()
    assert [*frame] == ["participant", "trial", "block", "context", "cue", "choice", "outcome"]


def test_outcomes_are_those_of_the_choice(flat):
    environment, numbers = AlienTask(), partial(stream, 11)
    for n, label in enumerate(flat.trials.participants):
        rows = slice(*flat.trials.offsets[n : n + 2])
        potential = environment.potential(environment.show(numbers("sequence", label)), numbers("outcomes", label))
        received = np.take_along_axis(potential, flat.trials.choice[rows, None], axis=1)[:, 0]
        np.testing.assert_array_equal(flat.trials.outcome["outcome"][rows], received)


def test_potential_outcomes_are_stored(flat, irregular, tmp_path):
    environment, numbers = AlienTask(), partial(stream, 11)
    expected = [
        environment.potential(environment.show(numbers("sequence", n)), numbers("outcomes", n)) for n in range(8)
    ]
    np.testing.assert_array_equal(flat.potential, np.concatenate(expected))
    received = np.take_along_axis(flat.potential, flat.trials.choice[:, None], 1)[:, 0]
    np.testing.assert_array_equal(received, flat.trials.outcome["outcome"])
    saved = pd.read_csv(flat.save(tmp_path, potential=True)[-1])
    assert [*saved] == ["participant", "trial", "0", "1", "2"]
    np.testing.assert_array_equal(saved[["0", "1", "2"]], flat.potential)
    resimulated = simulate(
        FLAT, AlienTask().on(irregular), {"alpha": 0.2, "beta": 2, "forget": 0}, seed=1, keep_missed=True
    )
    assert np.flatnonzero(np.isnan(resimulated.potential).all(1)).tolist() == [
        5,
        200,
    ]  # missed trials have potential outcomes
    conditioned = simulate(RescorlaWagner(), Conditioning(), SCR)
    np.testing.assert_array_equal(conditioned.potential[:, 0], conditioned.trials.outcome["outcome"])
    with pytest.raises(UsageError, match="makes no choices"):
        conditioned.save(tmp_path, potential=True)


def test_hidden_choices_are_stored_and_depend_on_the_seed(tmp_path):
    truth = {"alpha": 0.2, "beta": 3, "forget": 0.05, "alpha_high": 0.2, "beta_high": 2, "forget_high": 0.05}
    first, repeated, other = (simulate(TaskSets(), AlienTask(), truth, seed, 2) for seed in (5, 5, 6))
    assert set(first.hidden) == {0, 1, 2} and first.hidden.shape == (936,)
    np.testing.assert_array_equal(first.hidden, repeated.hidden)
    assert (first.hidden != other.hidden).mean() > 0.3
    single = simulate(TaskSets(), AlienTask(), truth, 5, participants=[1])
    np.testing.assert_array_equal(single.hidden, first.hidden[468:])
    files = first.save(tmp_path)
    np.testing.assert_array_equal(pd.read_csv(files[0])["hidden_choice"], first.hidden)
    assert pd.read_csv(files[1]).loc[1].to_dict() == {"participant": 1} | truth


def test_log_probability_equals_the_likelihood(flat):
    truth = {name: flat.parameters[name].to_numpy() for name in FLAT.names}
    np.testing.assert_allclose(
        flat.log_probability,
        tw.trial_values(FLAT, flat.trials, truth)["log_likelihood"].to_numpy(),
        rtol=1e-10,
        atol=1e-12,
    )


def test_likelihood_is_largest_near_the_true_parameters(flat):
    truth = {name: flat.parameters[name].to_numpy() for name in FLAT.names}
    best = tw.trial_values(FLAT, flat.trials, truth)["log_likelihood"].to_numpy().sum()
    for name, factor in [("alpha", 3), ("alpha", 1 / 3), ("beta", 2), ("beta", 0.5), ("forget", 5), ("forget", 0)]:
        wrong = {**truth, name: truth[name] * factor}
        assert tw.trial_values(FLAT, flat.trials, wrong)["log_likelihood"].to_numpy().sum() < best - 2, (name, factor)


def probabilities_by_hand(trials, truth):
    """Probability of every action on every trial of flat Q-learning, (trials, 3), from the equations."""
    p, q = np.empty((trials.n_trials, 3)), None
    context, cue = trials.columns["context"].values, trials.columns["cue"].values
    for n in range(trials.n_participants):
        q = np.full((3, 4, 3), 1.2)
        for t in range(trials.offsets[n], trials.offsets[n + 1]):
            weight = np.exp(truth["beta"][n] * q[context[t], cue[t]])
            p[t] = weight / weight.sum()
            q += truth["forget"][n] * (1.2 - q)
            cell = context[t], cue[t], trials.choice[t]
            q[cell] += truth["alpha"][n] * (trials.outcome["outcome"][t] - q[cell])
    return p


def test_choice_frequencies_agree_with_probabilities(flat):
    p = probabilities_by_hand(flat.trials, flat.parameters)
    chosen = np.eye(3)[flat.trials.choice]
    np.testing.assert_allclose(flat.log_probability, np.log(p[chosen == 1]), rtol=1e-8, atol=1e-12)
    statistic = 0.0  # chi-square over ten classes of probability
    for members in np.array_split(p.ravel().argsort(), 10):
        expected = p.ravel()[members]
        statistic += (chosen.ravel()[members].sum() - expected.sum()) ** 2 / (expected * (1 - expected)).sum()
    assert statistic < 29.6  # the 99.9 % point, 10 degrees of freedom


def test_agents_that_do_not_learn_choose_at_random():
    without_learning = simulate(FLAT, AlienTask(), {"alpha": 0, "beta": 5, "forget": 0.1}, seed=2, participants=20)
    counts = np.bincount(without_learning.trials.choice)
    expected = counts.sum() / 3
    assert ((counts - expected) ** 2 / expected).sum() < 13.8
    np.testing.assert_allclose(without_learning.log_probability, -np.log(3))


def test_a_custom_environment():
    simulation = simulate(QLearning(), Bandit(200), {"alpha": 0.3, "beta": 5, "forget": 0}, participants=10)
    assert simulation.trials.levels == {"action": ("left", "right")}
    assert set(simulation.trials.to_frame()["choice"]) == {"left", "right"}
    assert simulation.trials.choice.mean() > 0.8


def test_trials_without_feedback_trigger_no_update():
    without_feedback = simulate(
        QLearning(), Bandit(30, range(30)), {"alpha": 0.3, "beta": 5, "forget": 0}, participants=2
    )
    assert np.isnan(without_feedback.trials.outcome["outcome"]).all()
    np.testing.assert_allclose(without_feedback.log_probability, -np.log(2))


# -- participants and parameters ---------------------------------------------------------------------------------------


def test_arrays_scalars_and_distributions():
    from scipy.stats import beta

    truth = {"alpha": [0.1, 0.2, 0.3], "beta": 2, "forget": beta(2, 20)}
    table = simulate(FLAT, AlienTask(trials=10), truth).parameters
    assert table["alpha"].tolist() == [0.1, 0.2, 0.3] and table["beta"].tolist() == [2, 2, 2]
    assert table["forget"].nunique() == 3 and table["forget"].between(0, 1).all()


def test_true_parameters_reproduce_a_simulation(flat):
    repeated = simulate(FLAT, AlienTask(), flat.parameters, seed=11)
    np.testing.assert_array_equal(repeated.trials.choice, flat.trials.choice)
    selection = simulate(FLAT, AlienTask(), flat.parameters, seed=11, participants=[4, 3])
    np.testing.assert_array_equal(selection.trials.choice, flat.trials.select([4, 3]).choice)


def test_restricted_learners_list_free_parameters_only():
    simulation = simulate(FLAT.fix(forget=0), AlienTask(trials=10), {"alpha": 0.1, "beta": 2})
    assert [*simulation.parameters] == ["participant", "alpha", "beta"]
    assert simulation.trials.n_participants == 1


@pytest.mark.parametrize(
    ("parameters", "more", "message"),
    [
        ({"alpha": (0, 0.2, 0.4), "beta": 1, "forget": 0}, {}, r"a range is a pair \(low, high\)"),
        ({"alpha": (0, 2), "beta": 1, "forget": 0}, {"participants": 20}, "ranges 0 to 1"),
        ({"alpha": 0.1, "beta": 1}, {}, "needs a value for forget"),
        ({"alpha": 0.1, "beta": 1, "forget": np.nan}, {}, "forget of participant 0 is missing"),
        ({"alpha": [0.1, 0.2], "beta": 1, "forget": 0}, {"participants": 3}, "one for each of 3"),
        ({"alpha": 0.1, "beta": 1, "forget": 0}, {"participants": 0}, "1 or (more|larger)"),
        (
            {"alpha": 0.1, "beta": 1, "forget": 0},
            {"participants": ["a", "a"]},
            "one or more labels that differ as text",
        ),
        ({"alpha": 0.1, "beta": 1, "forget": 0}, {"keep_missed": True}, "Leave it out|leave it out"),
        ({"participant": [1], "alpha": [0.1], "beta": [1], "forget": [0]}, {"participants": [7]}, "no participant 7"),
    ],
)
def test_invalid_parameters(parameters, more, message):
    with pytest.raises(UsageError, match=message):
        simulate(FLAT, AlienTask(trials=10), parameters, **more)


def test_a_range_must_be_ascending():
    with pytest.raises(UsageError, match="in ascending order"):
        simulate(FLAT, AlienTask(trials=10), {"alpha": (1, 0), "beta": 1, "forget": 0})


def test_overflow_is_an_error():
    p = {"alpha": 1, "beta": 1e300, "forget": 0}
    with pytest.raises(ModelError, match="trial 1 of participant 0 the response has no finite probability at alpha=1"):
        simulate(QLearning(initial=1e300), Bandit(), p)


def test_invalid_environments():
    class Flat(Bandit):
        def potential(self, shown, random):
            return np.zeros(shown.trials)

    class Partly(Bandit):
        def potential(self, shown, random):
            outcome = np.zeros((shown.trials, 2))
            outcome[3, 1] = np.nan
            return outcome

    class Unnamed(Bandit):
        def show(self, random):
            return Shown(self.trials, {"cue": np.zeros(self.trials, int)})

    class Short(Bandit):
        def show(self, random):
            return Shown(self.trials, {"delay": np.zeros(3)})

    p = {"alpha": 0.1, "beta": 1, "forget": 0}
    for wrong, message in [
        (Flat(), r"wanted \(trials, actions, parts of an outcome\) = \(50, 2, 1\)"),
        (Partly(), "some actions of trial 4 only"),
        (Unnamed(), "name its labels"),
        (Short(), r"shape \(3,\)"),
        (object(), "wanted an environment"),
    ]:
        with pytest.raises(UsageError, match=message):
            simulate(QLearning(), wrong, p)


# -- recorded sequences ------------------------------------------------------------------------------------------------


def test_recorded_sequences_get_fresh_outcomes(irregular):
    p = {"alpha": 0.2, "beta": 2, "forget": 0}
    simulation = simulate(FLAT, AlienTask().on(irregular), p, seed=1)
    trials = simulation.trials
    assert trials.participants == irregular.participants
    np.testing.assert_array_equal(trials.columns["cue"].values, irregular.columns["cue"].values)
    assert (trials.choice != MISSED).all()
    # no feedback where the recorded choice had none; missed trials now have a choice and therefore feedback
    assert np.flatnonzero(np.isnan(trials.outcome["outcome"])).tolist() == [5, 200]
    single = simulate(FLAT, AlienTask().on(irregular), p, seed=1, participants=["c"])
    np.testing.assert_array_equal(single.trials.choice, trials.select(["c"]).choice)


def test_missed_trials_can_be_retained(irregular):
    simulation = simulate(
        FLAT, AlienTask().on(irregular), {"alpha": 0.2, "beta": 2, "forget": 0}, seed=1, keep_missed=True
    )
    np.testing.assert_array_equal(simulation.trials.choice == MISSED, irregular.choice == MISSED)
    np.testing.assert_array_equal(
        np.isnan(simulation.trials.outcome["outcome"]), np.isnan(irregular.outcome["outcome"])
    )
    np.testing.assert_array_equal(np.isnan(simulation.log_probability), irregular.choice == MISSED)


def test_sequences_must_match_the_environment(flat):
    trials = flat.trials
    two_contexts = replace(trials, levels={**trials.levels, "context": ("hot", "cold")})
    with pytest.raises(
        UsageError, match=r"3 contexts; these trials have 2: hot, cold.*levels=\{\"context\": \[0, 1, 2\]\}"
    ):
        AlienTask().on(two_contexts)
    with pytest.raises(UsageError, match="3 actions; these trials have 2"):
        AlienTask().on(replace(trials, levels={**trials.levels, "action": ("a", "b")}))
    without_cue = replace(trials, columns={name: c for name, c in trials.columns.items() if name != "cue"})
    with pytest.raises(UsageError, match="depend on the cue"):
        AlienTask().on(without_cue)


def test_trials_instead_of_an_environment_are_an_error(flat):
    with pytest.raises(UsageError, match=r"AlienTask\(\), AlienExperiment\(\), RestlessBandit\(\), Conditioning\(\)"):
        simulate(FLAT, flat.trials, {"alpha": 0.2, "beta": 2, "forget": 0})


# -- continuous responses ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def conductance():
    return simulate(RescorlaWagner(), Conditioning(), SCR, seed=3, participants=200)


def test_conditioning(conductance):
    trials = conductance.trials
    cue = trials.columns["cue"].values.reshape(200, 30)
    shock = trials.outcome["outcome"].reshape(200, 30)
    assert trials.levels["cue"] == ("CS+", "CS-") and trials.choice is None
    assert ((cue == 0).sum(axis=1) == 18).all()
    assert (shock.sum(axis=1) == 7).all() and (shock[cue == 1] == 0).all()
    assert [*trials.to_frame()] == ["participant", "trial", "cue", "response", "outcome"]


def test_responses_are_normal_around_the_expectation(conductance):
    first = conductance.trials.response["response"][::30]
    assert first.mean() == pytest.approx(0.2 + 1.5 * 0.5, abs=4 * 0.1 / np.sqrt(200))
    assert first.std() == pytest.approx(0.1, abs=0.02)
    truth = {name: conductance.parameters[name].to_numpy() for name in RescorlaWagner().names}
    scored = tw.trial_values(RescorlaWagner(), conductance.trials, truth)["log_likelihood"].to_numpy()
    np.testing.assert_allclose(conductance.log_probability, scored, rtol=1e-10)


def test_recorded_outcomes_are_used_if_they_do_not_depend_on_choices(conductance):
    recorded = conductance.trials.select([5, 9])
    missed = recorded.response["response"].copy()
    missed[4] = np.nan
    recorded = replace(recorded, response={"scr": missed})
    repeated = simulate(RescorlaWagner(), recorded, SCR, seed=3, keep_missed=True)
    np.testing.assert_array_equal(repeated.trials.outcome["outcome"], recorded.outcome["outcome"])
    np.testing.assert_array_equal(np.isnan(repeated.trials.response["response"]), np.isnan(missed))
    fresh = simulate(RescorlaWagner(), Conditioning().on(recorded), SCR, seed=3)
    np.testing.assert_allclose(
        fresh.trials.response["response"], conductance.trials.select([5, 9]).response["response"]
    )


def test_pearce_hall():
    p = {"kappa": 0.3, "eta": 0.4, "intercept": 0, "slope": 1, "noise": 0.05}
    simulation = simulate(PearceHall(), Conditioning(shocks=18), p, participants=5)
    cue = simulation.trials.columns["cue"].values.reshape(5, 30)
    late = simulation.trials.response["response"].reshape(5, 30)[:, -8:]
    assert late[cue[:, -8:] == 0].mean() > 0.8 and late[cue[:, -8:] == 1].mean() < 0.2


def test_learners_need_environments_of_their_response():
    with pytest.raises(UsageError, match="has no actions"):
        simulate(FLAT, Conditioning(), {"alpha": 0.2, "beta": 2, "forget": 0})
    with pytest.raises(UsageError, match="makes none"):
        simulate(RescorlaWagner(), AlienTask(), SCR)
    with pytest.raises(UsageError, match="at most 18 shocks"):
        Conditioning(shocks=19)


# -- files -------------------------------------------------------------------------------------------------------------


def test_saved_files_are_read_without_loss(flat, tmp_path):
    files = flat.save(tmp_path / "made", wide=True)
    names = ["trials.csv", "true_parameters.csv", "contexts.csv", "cues.csv", "choices.csv", "outcomes.csv"]
    assert [file.name for file in files] == names
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == sorted(names)  # no temporary file remains
    frame = pd.read_csv(files[0])
    pd.testing.assert_frame_equal(frame, flat.trials.to_frame(), check_dtype=False)
    pd.testing.assert_frame_equal(pd.read_csv(files[1]), flat.parameters)
    for trials in (read_long(files[0]), read_wide(tmp_path / "made")):
        np.testing.assert_array_equal(trials.choice, flat.trials.choice)
        np.testing.assert_array_equal(trials.outcome["outcome"], flat.trials.outcome["outcome"])
        assert trials.participants == flat.trials.participants


def test_missed_choices_and_unequal_lengths_are_saved_and_read(irregular, tmp_path):
    p = {"alpha": 0.2, "beta": 2, "forget": 0}
    simulation = simulate(FLAT, AlienTask().on(irregular), p, seed=1, keep_missed=True)
    long, *_ = simulation.save(tmp_path, wide=True)
    for trials in (read_long(long), read_wide(tmp_path)):
        assert trials.participants == irregular.participants
        np.testing.assert_array_equal(trials.offsets, irregular.offsets)
        np.testing.assert_array_equal(trials.choice, simulation.trials.choice)
        np.testing.assert_array_equal(trials.outcome["outcome"], simulation.trials.outcome["outcome"])


def test_wide_files_need_contexts_and_cues(tmp_path):
    simulation = simulate(QLearning(), Bandit(), {"alpha": 0.1, "beta": 1, "forget": 0})
    with pytest.raises(UsageError, match="no context, cue"):
        simulation.save(tmp_path, wide=True)
    assert not [*tmp_path.iterdir()]


def test_a_failed_write_leaves_the_old_file(flat, tmp_path, monkeypatch):
    (tmp_path / "trials.csv").write_text("old")

    def fail(*_):
        raise OSError("no space")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(UsageError, match="no space"):
        flat.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["trials.csv"]
    assert (tmp_path / "trials.csv").read_text() == "old"


def test_no_participants_are_an_error():
    empty = Trials((), np.zeros(1, np.int64), levels=AlienTask.levels, columns={})
    with pytest.raises(UsageError):
        simulate(RescorlaWagner(), empty, SCR)
