"""The two-step task: its transitions and rewards, and the hybrid learner."""

import numpy as np
import pytest

import trialwise as tw
from oracles.two_step import hybrid

TRUTH = {
    "alpha": 0.5, "alpha_second": 0.4, "beta": 4.0, "beta_second": 3.0, "omega": 0.6, "trace": 0.6, "perseveration": 0.3,
}  # fmt: skip


@pytest.fixture(scope="module")
def simulated():
    return tw.simulate(tw.learners.HybridTwoStep(), tw.environments.TwoStepTask(), TRUTH, participants=20, seed=2)


def rows_of(simulation):
    """First choice, second-stage state, second choice, reward and transition of each trial, ``(participants, trials)`` each."""
    trials, participants = simulation.trials, simulation.trials.n_participants
    choice, cue = trials.choice.reshape(participants, -1, 2), trials.columns["cue"].values.reshape(participants, -1, 2)
    transition = trials.columns["transition"].values.reshape(participants, -1, 2)
    assert (cue[:, :, 0] == 0).all() and (transition[:, :, 0] == 2).all()
    reward = trials.outcome["outcome"].reshape(participants, -1, 2)
    assert (reward[:, :, 0] == 0).all()
    return choice[:, :, 0], cue[:, :, 1] - 1, choice[:, :, 1], reward[:, :, 1], transition[:, :, 1]


def test_transitions_follow_first_choices(simulated):
    first, second_state, second, reward, transition = rows_of(simulated)
    assert first.shape == (20, 201)
    np.testing.assert_array_equal(second_state, np.where(transition == 0, first, 1 - first))
    assert abs((transition == 0).mean() - 0.7) < 4 * np.sqrt(0.21 / transition.size)
    assert set(np.unique(reward)) == {0, 1} and set(np.unique(second_state)) == {0, 1}
    rewards = simulated.potential.reshape(20, -1, 2, 2)[:, :, 1]
    np.testing.assert_array_equal(np.take_along_axis(rewards, second[..., None], 2)[..., 0], reward)


def test_potential_rewards_are_those_of_the_state_reached(simulated):
    """With the same random numbers, potential rewards of another agent differ only on trials with another second-stage state."""
    other = tw.simulate(tw.learners.HybridTwoStep(), tw.environments.TwoStepTask(), TRUTH | {"beta": 0.0, "perseveration": 5.0}, participants=20, seed=2)  # fmt: skip
    state, other_state = rows_of(simulated)[1], rows_of(other)[1]
    rewards, other_rewards = (s.potential.reshape(20, -1, 2, 2)[:, :, 1] for s in (simulated, other))
    same = state == other_state
    assert 0.2 < same.mean() < 0.8
    np.testing.assert_array_equal(rewards[same], other_rewards[same])
    assert (rewards[~same] != other_rewards[~same]).mean() > 0.3
    np.testing.assert_array_equal(rows_of(simulated)[4], rows_of(other)[4])


def test_a_participant_does_not_depend_on_other_participants(simulated):
    single = tw.simulate(tw.learners.HybridTwoStep(), tw.environments.TwoStepTask(), TRUTH, participants=[7], seed=2)
    np.testing.assert_array_equal(single.trials.choice, simulated.trials.select([7]).choice)
    np.testing.assert_array_equal(
        single.trials.columns["cue"].values, simulated.trials.select([7]).columns["cue"].values
    )
    repeated = tw.simulate(
        tw.learners.HybridTwoStep(), tw.environments.TwoStepTask().on(simulated.trials), TRUTH, seed=2
    )
    np.testing.assert_array_equal(repeated.trials.choice, simulated.trials.choice)


def test_reward_probabilities_drift_between_their_bounds():
    environment = tw.environments.TwoStepTask()
    chances = np.stack([environment.chances(201, np.random.default_rng(n)) for n in range(300)])
    assert chances.shape == (300, 201, 2, 2) and chances.min() >= 0.25 and chances.max() <= 0.75
    for trial in (0, 200):  # reflection keeps the distribution uniform
        np.testing.assert_allclose(np.quantile(chances[:, trial], [0.25, 0.5, 0.75]), [0.375, 0.5, 0.625], atol=0.03)
    inner = (chances[:, :-1] > 0.35) & (chances[:, :-1] < 0.65)
    steps = np.diff(chances, axis=1)[inner]
    np.testing.assert_allclose([steps.mean(), steps.std()], [0, 0.025], atol=5e-4)
    shown = environment.show(np.random.default_rng(0))
    rewards = np.mean([environment.potential(shown, np.random.default_rng(n)) for n in range(400)], axis=0)[1::2]
    np.testing.assert_allclose(rewards.mean(), 0.5, atol=0.02)


def test_the_hybrid_learner_equals_the_published_model(simulated):
    first, second_state, second, reward, _ = rows_of(simulated)
    expected = np.stack(
        [hybrid(TRUTH, *(each[n] for each in (first, second_state, second, reward))) for n in range(20)]
    )
    np.testing.assert_allclose(simulated.log_probability, expected.ravel(), atol=1e-10)
    np.testing.assert_allclose(
        tw.log_likelihood(tw.learners.HybridTwoStep(), simulated.trials, TRUTH, plain=True), expected.sum((1, 2))
    )


@pytest.mark.parametrize(("omega", "model_based"), [(0.0, False), (1.0, True)])
def test_rare_transitions_distinguish_model_based_from_model_free_agents(omega, model_based):
    """Model-free agents repeat rewarded choices; model-based agents, after rare transitions, unrewarded ones."""
    truth = TRUTH | {"omega": omega, "trace": 1.0, "beta": 6.0}
    first, _, _, reward, transition = rows_of(
        tw.simulate(tw.learners.HybridTwoStep(), tw.environments.TwoStepTask(), truth, participants=60, seed=5)
    )
    stay, reward, rare = first[:, 1:] == first[:, :-1], reward[:, :-1] == 1, transition[:, :-1] == 1
    gain = {k: stay[reward & (rare == k)].mean() - stay[~reward & (rare == k)].mean() for k in (False, True)}
    assert gain[False] > 0.1
    assert gain[True] < -0.05 if model_based else gain[True] > 0.1


def test_values_returned_by_follow_are_checked():
    class InvalidFollow(tw.environments.TwoStepTask):
        def follow(self, shown, choice):
            return {"cue": np.full(shown.trials, 3)}

    with pytest.raises(tw.errors.UsageError, match="codes 3 to 3"):
        tw.simulate(tw.learners.HybridTwoStep(), InvalidFollow(), TRUTH)
    for wrong in ({"trials": 0}, {"common": 1.2}, {"lowest": 0.8}):
        with pytest.raises(tw.errors.UsageError, match="wanted a trial"):
            tw.environments.TwoStepTask(**wrong)
