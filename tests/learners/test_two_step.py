"""The two-step task: where choices lead, and its hybrid learner."""

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
    """First choice, place, second choice, reward and transition of each trial, ``(participants, trials)`` each."""
    trials, people = simulation.trials, simulation.trials.n_participants
    choice, cue = trials.choice.reshape(people, -1, 2), trials.columns["cue"].values.reshape(people, -1, 2)
    kind = trials.columns["transition"].values.reshape(people, -1, 2)
    assert (cue[:, :, 0] == 0).all() and (kind[:, :, 0] == 2).all()
    reward = trials.outcome["outcome"].reshape(people, -1, 2)
    assert (reward[:, :, 0] == 0).all()
    return choice[:, :, 0], cue[:, :, 1] - 1, choice[:, :, 1], reward[:, :, 1], kind[:, :, 1]


def test_choices_lead_where_they_should(simulated):
    first, place, second, reward, kind = rows_of(simulated)
    assert first.shape == (20, 201)
    np.testing.assert_array_equal(place, np.where(kind == 0, first, 1 - first))
    assert abs((kind == 0).mean() - 0.7) < 4 * np.sqrt(0.21 / kind.size)
    assert set(np.unique(reward)) == {0, 1} and set(np.unique(place)) == {0, 1}
    paid = simulated.potential.reshape(20, -1, 2, 2)[:, :, 1]
    np.testing.assert_array_equal(np.take_along_axis(paid, second[..., None], 2)[..., 0], reward)


def test_what_could_be_got_is_that_of_the_place_reached(simulated):
    """The same luck, met by another agent: it differs where the other went, and nowhere else."""
    other = tw.simulate(tw.learners.HybridTwoStep(), tw.environments.TwoStepTask(), TRUTH | {"beta": 0.0, "perseveration": 5.0}, participants=20, seed=2)  # fmt: skip
    here, there = rows_of(simulated)[1], rows_of(other)[1]
    paid, elsewhere = (s.potential.reshape(20, -1, 2, 2)[:, :, 1] for s in (simulated, other))
    same = here == there
    assert 0.2 < same.mean() < 0.8
    np.testing.assert_array_equal(paid[same], elsewhere[same])
    assert (paid[~same] != elsewhere[~same]).mean() > 0.3
    np.testing.assert_array_equal(rows_of(simulated)[4], rows_of(other)[4])


def test_a_participant_is_the_same_whoever_else_is_simulated(simulated):
    alone = tw.simulate(tw.learners.HybridTwoStep(), tw.environments.TwoStepTask(), TRUTH, participants=[7], seed=2)
    np.testing.assert_array_equal(alone.trials.choice, simulated.trials.select([7]).choice)
    np.testing.assert_array_equal(
        alone.trials.columns["cue"].values, simulated.trials.select([7]).columns["cue"].values
    )
    along = tw.simulate(tw.learners.HybridTwoStep(), tw.environments.TwoStepTask().on(simulated.trials), TRUTH, seed=2)
    np.testing.assert_array_equal(along.trials.choice, simulated.trials.choice)


def test_chances_drift_between_their_bounds():
    task = tw.environments.TwoStepTask()
    chances = np.stack([task.chances(201, np.random.default_rng(n)) for n in range(300)])
    assert chances.shape == (300, 201, 2, 2) and chances.min() >= 0.25 and chances.max() <= 0.75
    for trial in (0, 200):  # reflection keeps them spread evenly
        np.testing.assert_allclose(np.quantile(chances[:, trial], [0.25, 0.5, 0.75]), [0.375, 0.5, 0.625], atol=0.03)
    inner = (chances[:, :-1] > 0.35) & (chances[:, :-1] < 0.65)
    steps = np.diff(chances, axis=1)[inner]
    np.testing.assert_allclose([steps.mean(), steps.std()], [0, 0.025], atol=5e-4)
    shown = task.show(np.random.default_rng(0))
    paid = np.mean([task.potential(shown, np.random.default_rng(n)) for n in range(400)], axis=0)[1::2]
    np.testing.assert_allclose(paid.mean(), 0.5, atol=0.02)


def test_the_hybrid_is_the_published_one(simulated):
    first, place, second, reward, _ = rows_of(simulated)
    expected = np.stack([hybrid(TRUTH, *(each[n] for each in (first, place, second, reward))) for n in range(20)])
    np.testing.assert_allclose(simulated.log_probability, expected.ravel(), atol=1e-10)
    np.testing.assert_allclose(
        tw.log_likelihood(tw.learners.HybridTwoStep(), simulated.trials, TRUTH, plain=True), expected.sum((1, 2))
    )


@pytest.mark.parametrize(("omega", "by_kind"), [(0.0, False), (1.0, True)])
def test_what_rare_transitions_tell_apart(omega, by_kind):
    """Model-free agents repeat what was rewarded; model-based ones, after a rare transition, what was not."""
    truth = TRUTH | {"omega": omega, "trace": 1.0, "beta": 6.0}
    first, _, _, reward, kind = rows_of(
        tw.simulate(tw.learners.HybridTwoStep(), tw.environments.TwoStepTask(), truth, participants=60, seed=5)
    )
    stay, reward, rare = first[:, 1:] == first[:, :-1], reward[:, :-1] == 1, kind[:, :-1] == 1
    gain = {k: stay[reward & (rare == k)].mean() - stay[~reward & (rare == k)].mean() for k in (False, True)}
    assert gain[False] > 0.1
    assert gain[True] < -0.05 if by_kind else gain[True] > 0.1


def test_what_follows_is_checked():
    class Astray(tw.environments.TwoStepTask):
        def follow(self, shown, choice):
            return {"cue": np.full(shown.trials, 3)}

    with pytest.raises(tw.errors.UsageError, match="codes 3 to 3"):
        tw.simulate(tw.learners.HybridTwoStep(), Astray(), TRUTH)
    for wrong in ({"trials": 0}, {"common": 1.2}, {"lowest": 0.8}):
        with pytest.raises(tw.errors.UsageError, match="wanted a trial"):
            tw.environments.TwoStepTask(**wrong)
