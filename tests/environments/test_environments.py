"""Other environments, and all phases of the alien experiment: sequences, outcomes, and simulations of learners."""

import numpy as np
import pytest

import trialwise as tw
from trialwise.environments.tasks.alien import SEASON_ORDERS
from trialwise.environments.tasks.alien_rewards import MEANS


def test_a_restless_bandit_drifts_about_its_centre():
    environment = tw.environments.RestlessBandit()
    means = np.stack([environment.means(300, np.random.default_rng(n)) for n in range(300)])
    stationary = environment.drift / np.sqrt(1 - environment.decay**2)
    np.testing.assert_allclose(means.mean(), 50.0, atol=1.0)
    np.testing.assert_allclose(means[:, [0, 150, 299]].std((0, 2)), stationary, rtol=0.06)
    steps = means[:, 1:] - environment.decay * means[:, :-1] - (1 - environment.decay) * environment.centre
    np.testing.assert_allclose(steps.std(), environment.drift, rtol=0.02)
    payoff = environment.potential(environment.show(np.random.default_rng(1)), np.random.default_rng(2))
    assert payoff.shape == (300, 4) and (payoff == np.round(payoff)).all() and payoff.min() >= 1 and payoff.max() <= 100


def test_a_bandit_without_decay_starts_at_its_centre():
    bandit = tw.environments.RestlessBandit(trials=5, arms=2, decay=1.0, drift=0.0)
    np.testing.assert_array_equal(bandit.means(5, np.random.default_rng(0)), np.full((5, 2), 50.0))


def test_the_better_option_reverses():
    environment = tw.environments.ProbabilisticReversal(trials=4000, chance=0.7, shortest=15, longest=25)
    shown = environment.show(np.random.default_rng(3))
    block = shown["block"]
    lengths = np.bincount(block)[:-1]
    assert len(block) == 4000 and lengths.min() >= 15 and lengths.max() <= 25 and len(set(lengths)) == 11
    reward = environment.potential(shown, np.random.default_rng(4))
    better = reward[np.arange(4000), block % 2]
    np.testing.assert_allclose([better.mean(), reward.mean()], [0.7, 0.5], atol=0.03)


@pytest.mark.parametrize(
    "environment", [tw.environments.RestlessBandit(trials=60), tw.environments.ProbabilisticReversal(trials=60)]
)
def test_simulation_in_other_environments(environment):
    simulation = tw.simulate(
        tw.QLearning(), environment, {"alpha": 0.3, "beta": 0.2, "forget": 0.0}, participants=3, seed=1
    )
    assert simulation.trials.n_trials == 180
    value = tw.log_likelihood(tw.QLearning(), simulation.trials, {"alpha": 0.3, "beta": 0.2, "forget": 0.0})
    np.testing.assert_allclose(value.sum(), simulation.log_probability.sum())
    recorded = tw.simulate(tw.QLearning(), environment.on(simulation.trials), simulation.parameters, seed=1)
    assert recorded.trials.n_trials == 180


def test_invalid_settings():
    with pytest.raises(tw.errors.UsageError, match="two arms"):
        tw.environments.RestlessBandit(arms=1)
    with pytest.raises(tw.errors.UsageError, match="chance from 0 to 1"):
        tw.environments.ProbabilisticReversal(chance=1.2)


# -- all phases of the alien experiment --------------------------------------------------------------------------------

LENGTHS = {
    "training": 40, "initial": 468, "hidden": 360, "refresher": 168, "comparison": 60, "novel": 12, "mixed": 252,
}  # fmt: skip
"""Trials of each phase (a refresher has 120 according to the published text, 168 in the code of the task)."""


@pytest.fixture(scope="module")
def experiment():
    """The sequence of all phases for one participant."""
    return tw.environments.AlienExperiment().show(np.random.default_rng(7))


def test_phases_and_their_lengths(experiment):
    phase, names = experiment["phase"], tw.environments.AlienExperiment.levels["phase"]
    changes = phase[np.concatenate([[True], np.diff(phase) != 0])]
    assert [names[k] for k in changes] == [
        "training", "initial", "hidden", "refresher", "comparison", "refresher", "novel", "mixed",
    ]  # fmt: skip
    counts = dict(zip(names, np.bincount(phase), strict=True))
    assert counts == LENGTHS | {"refresher": 2 * 168} and experiment.trials == sum(counts.values())


@pytest.mark.parametrize(
    ("phase", "blocks"),
    [("training", [40]), ("initial", [52] * 9), ("hidden", [40] * 9), ("refresher", [28] * 6), ("novel", [12]), ("mixed", [84] * 3)],
)  # fmt: skip
def test_lengths_of_blocks(phase, blocks):
    shown = tw.environments.AlienExperiment(phases=[phase]).show(np.random.default_rng(5))
    assert np.bincount(shown["block"]).tolist() == blocks
    assert np.bincount(tw.environments.AlienExperiment(phases=["novel", phase]).show(np.random.default_rng(5))["block"]).tolist() == [12, *blocks]  # fmt: skip


@pytest.mark.parametrize(("noise", "sd", "decimals"), [("experiment", 0.5, 1), ("paper", 0.05, 2)])
def test_noise_in_every_phase_with_feedback(noise, sd, decimals):
    environment = tw.environments.AlienExperiment(noise=noise)
    shown = environment.show(np.random.default_rng(1))
    reward, means = environment.potential(shown, np.random.default_rng(2)), environment.means(shown)
    for phase in (0, 1, 2, 3, 6):
        rows = (shown["phase"] == phase)[:, None] & (means > 2.5)
        error = (reward - means)[rows]
        assert abs(error.mean()) < 5 * sd / np.sqrt(rows.sum()) and abs(error.std() / sd - 1) < 0.15
    reward = reward[np.isfinite(reward)]
    np.testing.assert_array_equal(reward, np.round(reward, decimals))
    assert reward.min() >= 0 and (reward == 0).any() == (noise == "experiment")


@pytest.mark.parametrize("phase", sorted(set(LENGTHS) - {"comparison", "mixed"}))
def test_no_alien_twice_in_a_row_and_seasons_in_one_of_six_orders(phase):
    shown = tw.environments.AlienExperiment(phases=[phase]).show(np.random.default_rng(2))
    block, cue, season = shown["block"], shown["cue"], shown["season"]
    assert not ((np.diff(cue) == 0) & (np.diff(block) == 0)).any()
    groups = np.sort(cue.reshape(-1, 4), 1)
    assert (groups == groups[0]).all() and (groups[0] % 4 == [0, 1, 2, 3]).all()
    order = season[np.concatenate([[True], np.diff(block) != 0])]
    if len(order) > 1:
        assert any((full_order[: len(order)] == order).all() for full_order in SEASON_ORDERS)
        assert np.array_equal(np.flatnonzero(shown.reset), np.arange(9) * 40 if phase == "hidden" else [])


def test_mixed_trials_contain_every_pair_equally_often():
    shown = tw.environments.AlienExperiment(phases=("mixed",)).show(np.random.default_rng(2))
    pair = shown["season"] * 4 + shown["cue"]
    assert (np.bincount(pair) == 21).all() and (np.sort(pair.reshape(-1, 12), 1) == np.arange(12)).all()


def test_comparisons(experiment):
    asked = experiment["asked"] > 0
    sides, means = experiment["option_context"][asked], tw.environments.AlienExperiment().means(experiment)[asked]
    kind = experiment["asked"][asked]
    assert (np.bincount(kind) == [0, 24, 36]).all() and not experiment.available[asked, 2].any()
    assert (kind[:12] == 1).all() and (kind[-12:] == 1).all() and (kind[12:-12] == 2).all()
    pairs, counts = np.unique(np.sort(sides[kind == 1], 1), axis=0, return_counts=True)
    assert len(pairs) == 3 and (counts == 8).all()
    assert (sides[kind == 2][:, 0] == sides[kind == 2][:, 1]).all()
    mean_rewards = {0: 6.25, 1: 5.0, 2: 3.75}
    assert [mean_rewards[s] for s in sides[kind == 1].ravel()] == means[kind == 1, :2].ravel().tolist()
    # one of the 18 pairs of aliens within a season has equal values
    assert (np.diff(means[kind == 2, :2])[:, 0] == 0).sum() == 2


def test_feedback_in_each_phase(experiment):
    reward = tw.environments.AlienExperiment().potential(experiment, np.random.default_rng(1))
    no_feedback = np.isin(experiment["phase"], [4, 5])
    assert np.isnan(reward[no_feedback]).all() and np.isfinite(reward[~no_feedback]).all()
    training = experiment["phase"] == 0
    is_best = reward[training].argmax(1) == experiment["cue"][training] % 3
    assert is_best.all() and abs(reward[training].max(1).mean() - 5.0) < 0.3
    hidden = experiment["phase"] == 2
    assert (experiment["context"][hidden] == 3).all()
    cells = [
        reward[hidden & (experiment["season"] == s) & (experiment["cue"] == c)].mean(0)
        for s in range(3)
        for c in range(4)
    ]
    np.testing.assert_allclose(np.array(cells).reshape(3, 4, 3), MEANS, atol=0.4)


def test_unknown_phases_are_errors():
    for wrong in ("initial", [], ["inital"]):
        with pytest.raises(tw.errors.UsageError, match="wanted a list of some of training"):
            tw.environments.AlienExperiment(phases=wrong)


def test_simulation_of_a_learner_in_all_phases():
    simulation = tw.simulate(
        tw.QLearning(initial=1.2), tw.environments.AlienExperiment(), {"alpha": 0.2, "beta": 2, "forget": 0.02}
    )
    frame = simulation.trials.to_frame()
    is_comparison = frame["asked"] != "item"
    assert set(frame.loc[is_comparison, "choice"]) <= {0, 1} and frame.loc[is_comparison, "outcome"].isna().all()
    late = frame[(frame["phase"] == "initial") & (frame["block"] > 6)]
    assert (late["outcome"] > 1.6).mean() > 0.4
