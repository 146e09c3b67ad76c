"""The alien task: reward matrices, sequences and noise, compared with published values and the human data."""

from functools import partial

import numpy as np
import pytest

from trialwise.base.errors import UsageError
from trialwise.base.streams import stream
from trialwise.environments import AlienTask, Noise
from trialwise.environments.tasks.alien import SEASON_ORDERS, shuffled_groups
from trialwise.environments.tasks.alien_rewards import (
    MEANS,
    TASK_SETS,
    correct_action,
    is_correct,
    mean_reward,
    task_set_of,
)

TABLES = [
    [[1, 6, 1], [1, 1, 4], [5, 1, 1], [10, 1, 1]],
    [[1, 1, 2], [1, 8, 1], [1, 1, 7], [1, 3, 1]],
    [[1, 1, 7], [3, 1, 1], [1, 3, 1], [2, 1, 1]],
]
"""The published reward matrices: seasons, aliens, items."""


@pytest.fixture(scope="module")
def sequences():
    """The sequences and potential rewards of 60 participants."""
    environment, numbers = AlienTask(), partial(stream, 3)
    shown = [environment.show(numbers("sequence", n)) for n in range(60)]
    return shown, [environment.potential(s, numbers("outcomes", n)) for n, s in enumerate(shown)]


def test_reward_matrices_equal_the_published_ones():
    np.testing.assert_array_equal(MEANS, TABLES)


def test_design_constraints():
    correct = np.where(MEANS > 1, MEANS, 0)
    assert (np.count_nonzero(correct, axis=2) == 1).all()
    assert correct.sum(axis=(1, 2)).tolist() == [25, 20, 15]  # seasons
    assert correct.sum(axis=(0, 2)).tolist() == [15] * 4  # aliens
    assert correct.sum(axis=(0, 1)).tolist() == [20] * 3  # items


def test_number_of_seasons_in_which_each_pair_is_correct():
    correct = MEANS > 1
    assert correct.sum(axis=0).tolist() == [[0, 1, 2], [1, 1, 1], [1, 1, 1], [2, 1, 0]]
    assert correct[:, 0, 2].tolist() == [False, True, True]
    assert correct[:, 3, 0].tolist() == [True, False, True]


def test_task_sets_of_each_pair():
    table = [["none", "TS0", "TS12"], ["TS2", "TS1", "TS0"], ["TS0", "TS2", "TS1"], ["TS02", "TS1", "none"]]
    label = task_set_of(*np.indices((4, 3)))
    assert np.array(TASK_SETS)[label].tolist() == table
    assert dict(zip(TASK_SETS, np.bincount(label.ravel()), strict=True)) == {
        "TS0": 3, "TS1": 3, "TS2": 2, "TS02": 1, "TS12": 1, "none": 2,
    }  # fmt: skip
    assert task_set_of([0, 3], [-1, 0]).tolist() == [-1, 3]


def test_correct_action_and_flags():
    context, cue = np.indices((3, 4))
    assert correct_action(context, cue).tolist() == [[1, 2, 0, 0], [2, 1, 2, 1], [2, 0, 1, 0]]
    np.testing.assert_array_equal(correct_action(context, cue), MEANS.argmax(axis=2))
    assert is_correct([0, 0, 0], [3, 3, 3], [0, 1, -1]).tolist() == [True, False, False]
    np.testing.assert_array_equal(mean_reward([0, 1, 2], [3, 3, 3], [0, 0, -1]), [10, 1, np.nan])


def test_nine_blocks_of_one_season_in_one_of_six_orders(sequences):
    for shown in sequences[0]:
        assert shown.trials == 468
        assert np.bincount(shown["block"]).tolist() == [52] * 9
        seasons = shown["context"].reshape(9, 52)
        assert (seasons == seasons[:, :1]).all()
        assert (seasons[:, 0] == SEASON_ORDERS).all(axis=1).sum() == 1


def test_all_orders_occur(sequences):
    orders = {tuple(shown["context"][::52]) for shown in sequences[0]}
    assert orders == {tuple(order) for order in SEASON_ORDERS}
    for order in SEASON_ORDERS:
        assert (np.sort(order.reshape(3, 3)) == [0, 1, 2]).all()
        assert (np.diff(order) != 0).all()


def test_aliens_occur_in_groups_of_four_without_repeats_in_a_block(sequences):
    for shown in sequences[0]:
        blocks = shown["cue"].reshape(9, 52)
        assert (np.sort(blocks.reshape(9, 13, 4)) == np.arange(4)).all()
        assert (np.diff(blocks) != 0).all()


def test_all_orders_of_a_group_are_equally_likely():
    random = np.random.default_rng(1)
    codes = [int("".join(map(str, shuffled_groups(1, random)))) for _ in range(2400)]
    _, counts = np.unique(codes, return_counts=True)
    assert len(counts) == 24
    assert ((counts - 100) ** 2 / 100).sum() < 49.7  # the 99.9 % point of chi-square with 23 degrees of freedom


def test_rewards_scatter_around_the_matrix(sequences):
    shown, rewards = sequences
    cells = np.concatenate([MEANS[s["context"], s["cue"]] for s in shown])
    error = np.concatenate(rewards) - cells
    high = cells > 2.5  # not affected by the floor at 0
    assert abs(error[high].mean()) < 0.01
    assert error[high].std() == pytest.approx(np.sqrt(0.25 + 0.01 / 12), abs=0.01)
    for context, cue, action in np.ndindex(3, 4, 3):
        cell_rewards = np.concatenate(
            [r[(s["context"] == context) & (s["cue"] == cue), action] for s, r in zip(shown, rewards, strict=True)]
        )
        assert cell_rewards.mean() == pytest.approx(MEANS[context, cue, action], abs=0.07)


@pytest.mark.parametrize(("noise", "decimals"), [("experiment", 1), ("paper", 2), (Noise(3.0, 0), 0)])
def test_noise_is_rounded_and_floored(noise, decimals):
    environment, numbers = AlienTask(noise=noise), partial(stream, 0)
    rewards = environment.potential(environment.show(numbers("sequence", 0)), numbers("outcomes", 0))
    assert rewards.shape == (468, 3)
    np.testing.assert_array_equal(rewards, np.round(rewards, decimals))
    assert (rewards >= 0).all() and not np.signbit(rewards).any()  # no -0.0 in a file
    assert (rewards == 0).any() == (noise != "paper")


def test_paper_noise_is_small():
    environment, numbers = AlienTask(noise="paper"), partial(stream, 0)
    shown = environment.show(numbers("sequence", 0))
    error = environment.potential(shown, numbers("outcomes", 0)) - MEANS[shown["context"], shown["cue"]]
    assert error.std() == pytest.approx(0.05, abs=0.005)


def test_a_shorter_task_is_the_beginning_of_the_full_task():
    full, short, numbers = AlienTask(), AlienTask(trials=440), partial(stream, 5)
    a, b = full.show(numbers("sequence", 0)), short.show(numbers("sequence", 0))
    assert b.trials == 440
    np.testing.assert_array_equal(a["cue"][:440], b["cue"])
    rewards = full.potential(a, numbers("outcomes", 0))
    np.testing.assert_array_equal(rewards[:440], short.potential(b, numbers("outcomes", 0)))


def test_presentations():
    shown = AlienTask(presentations=2).show(stream(0, "sequence", 0))
    assert np.bincount(shown["block"]).tolist() == [8] * 9


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"presentations": 0}, "at least once"),
        ({"trials": 469}, "1 to 468"),
        ({"trials": 0}, "1 to 468"),
        ({"noise": "loud"}, '"experiment", "paper"'),
        ({"noise": 0.5}, "Noise"),
        ({"noise": Noise(-1, 1)}, "0 or larger"),
    ],
)
def test_invalid_settings(wrong, message):
    with pytest.raises(UsageError, match=message):
        AlienTask(**wrong)


# -- the human data --------------------------------------------------------------------------------------------------


def test_human_participants_have_the_six_orders(human_tables):
    counts = np.zeros(6, int)
    for seasons in human_tables["seasons"].T:
        order = seasons[np.flatnonzero(np.diff(seasons, prepend=-1))]
        counts += (order == SEASON_ORDERS).all(axis=1)
    assert counts.tolist() == [6, 5, 10, 1, 3, 6]


def test_mean_human_rewards_equal_the_matrix(human_tables):
    seasons, aliens, actions, rewards = human_tables.values()
    for context, cue, action in np.ndindex(3, 4, 3):
        cell = (seasons == context) & (aliens == cue) & (actions == action)
        # the largest deviation is 0.074, in a cell of 173 trials with a standard deviation of 0.5
        assert rewards[cell].mean() == pytest.approx(MEANS[context, cue, action], abs=0.075)


def test_human_accuracy(human_tables):
    seasons, aliens, actions, _ = (table.astype(int) for table in human_tables.values())
    accuracy = is_correct(seasons, aliens, actions).mean(axis=0)
    assert accuracy.mean() == pytest.approx(0.548, abs=5e-4)
    assert np.flatnonzero(accuracy < 0.35).tolist() == [30]
