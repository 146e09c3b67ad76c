"""Learners in all phases of the alien experiment, and measures of behaviour in these phases."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from oracles.alien import trial_log_probabilities
from trialwise import behaviour
from trialwise.analysis.behaviour.tasks import alien_phases as phases
from trialwise.analysis.conformance.by_hand import HIDDEN_CHOICE, walk_by_hand
from trialwise.data.trials import Column
from trialwise.environments.tasks.alien_rewards import MEANS
from trialwise.learners.state import Task

FLAT = {"alpha": 0.3, "beta": 3.0, "forget": 0.01, "beta_high": 2.0, "beta_test": 1.5}
SETS = {"alpha": 0.4, "beta": 3.0, "forget": 0.005, "alpha_high": 0.1, "beta_high": 6.0, "forget_high": 0.005, "beta_test": 2.0}  # fmt: skip
BAYES = {"alpha": 0.3, "beta": 8.0, "forget": 0.005, "beta_high": 6.0, "forget_high": 0.01, "beta_test": 3.0}
PARTICIPANTS = 100


def simulate_phases(learner, truth, *phase_names, participants=PARTICIPANTS, seed=1):
    """Agents simulated in the given phases."""
    return tw.simulate(
        learner, tw.environments.AlienExperiment(phases=phase_names), truth, participants=participants, seed=seed
    )


@pytest.fixture(scope="module")
def flat():
    return simulate_phases(
        tw.learners.AlienQLearning(), FLAT, "initial", "hidden", "refresher", "comparison", "refresher", "novel"
    )


@pytest.fixture(scope="module")
def sets():
    return simulate_phases(
        tw.learners.AlienTaskSets(), SETS, "initial", "hidden", "refresher", "comparison", "refresher", "novel"
    )


# -- the learners against NumPy oracles --------------------------------------------------------------------------------


KINDS = [
    ("flat", tw.learners.AlienQLearning, FLAT, {"initial": 0.7}),
    ("sets", tw.learners.AlienTaskSets, SETS, {"initial": 0.7}),
    ("Bayes", tw.learners.AlienHierarchicalBayes, BAYES, {}),
]


@pytest.mark.parametrize(("kind", "learner", "truth", "settings"), KINDS)
def test_every_phase_against_the_published_model(kind, learner, truth, settings):
    simulation = tw.simulate(learner(**settings), tw.environments.AlienExperiment(), truth, seed=4)
    trials, hidden = simulation.trials, simulation.hidden
    np.testing.assert_allclose(
        simulation.log_probability, trial_log_probabilities(kind, truth, trials, hidden, **settings), atol=1e-9
    )
    # variants in plain Python; conformance tests compare these with compiled code
    if hidden is not None:
        trials = replace(trials, columns={**trials.columns, HIDDEN_CHOICE: Column(hidden)})
    for variant in ({"carried": True}, {"frozen": True}, *([{"published": True}] if kind == "Bayes" else [])):
        by_hand = walk_by_hand(learner(**settings, **variant), trials, 0, truth)
        expected = trial_log_probabilities(kind, truth, trials, hidden, **settings, **variant)
        np.testing.assert_allclose(by_hand, expected, atol=1e-9)
        assert abs(expected - simulation.log_probability).max() > 0.01


def test_values_at_the_start_of_a_hidden_block():
    sizes = Task({"context": 6, "cue": 8, "action": 3})
    for carried in (False, True):
        agent = tw.learners.AlienTaskSets(carried=carried).agent(SETS)
        now = agent.start(sizes)
        now.high[:3] = [[5, 1, 2], [1, 4, 1], [2, 2, 3]]
        now.low[1] = 7.0
        hidden = type("Trial", (), {"context": 3})
        for _ in range(2):  # a second reset restores the same values
            agent.reset(now, hidden)
            np.testing.assert_array_equal(now.high[3], [5, 4, 3] if carried else [1.2] * 3)
            assert (now.low[1] == 7).all()
            now.high[:] = 0.5
        flat = tw.learners.AlienQLearning(carried=carried).agent(FLAT)
        now = flat.start(sizes)
        now.value[:3] = np.array([3.0, 6.0, 9.0])[:, None, None]
        flat.reset(now, hidden)
        assert (now.value[3] == (6.0 if carried else 1.2)).all() and (now.value[0] == 3.0).all()


# -- behaviour of agents -----------------------------------------------------------------------------------------------


def test_flat_agents_prefer_richer_seasons(flat):
    share = phases.preferences(flat.trials)
    assert share["seasons"].mean() > 0.7 and share["aliens"].mean() > 0.7
    # as published, with an inverse temperature of 0: exactly chance on every choice, irrespective of learning
    indifferent = simulate_phases(tw.learners.AlienQLearning(), FLAT | {"beta_high": 0.0}, "initial", "comparison")
    asked = indifferent.trials.columns["asked"].values == 1
    np.testing.assert_allclose(indifferent.log_probability[asked], np.log(0.5))
    error = 0.5 / np.sqrt(asked.sum())
    share = phases.preferences(indifferent.trials)
    assert abs(share["seasons"].mean() - 0.5) < 4 * error and share["aliens"].mean() > 0.7
    assert (
        behaviour.accuracy(behaviour.scored(phases.of_phase(indifferent.trials, "initial"), MEANS)).mean() > 0.6
    ).all()


def test_agents_with_task_sets_prefer_seasons_of_valuable_sets(sets):
    share = phases.preferences(sets.trials)
    assert share["seasons"].mean() > 0.6 and share["aliens"].mean() > 0.6
    np.testing.assert_allclose(share["difference"], share["seasons"] - share["aliens"])
    indifferent = simulate_phases(tw.learners.AlienTaskSets(), SETS | {"beta_high": 0.0}, "initial", "comparison")
    assert abs(phases.preferences(indifferent.trials)["seasons"].mean() - 0.5) < 4 * 0.5 / np.sqrt(24 * PARTICIPANTS)


def test_one_task_set_is_used_in_a_novel_season(sets, flat):
    profile = phases.novel_profile(sets.trials).mean()
    assert profile["none"] < 0.2 and profile["shared"] > 1 / 3  # items of no task set are rarely chosen
    assert profile["TS0"] > profile["TS2"] + 0.05  # items of the best task set are chosen often
    indifferent = simulate_phases(tw.learners.AlienTaskSets(), SETS | {"beta_test": 0.0}, "initial", "novel")
    np.testing.assert_allclose(phases.novel_profile(indifferent.trials).mean(), 1 / 3, atol=0.06)
    # flat agents use the mean over seasons: for alien 0, item 2 (2 and 7) has a higher mean than item 1 (6)
    assert phases.novel_profile(flat.trials)["none"].mean() < 0.2


def test_task_sets_are_reused_in_hidden_seasons(sets, flat):
    """The hidden-season slope: a reward is informative about the task set, and hence about the next alien, only for agents with task sets."""

    def slope(simulation):
        return behaviour.early_slope(behaviour.scored(phases.of_phase(simulation.trials, "hidden"), MEANS))["slope"]

    of_sets, of_flat = slope(sets), slope(flat)
    errors = np.array([of_sets.std(), of_flat.std()]) / np.sqrt(PARTICIPANTS)
    assert of_sets.mean() > 4 * errors[0] and abs(of_flat.mean()) < 3 * errors[1]
    assert of_sets.mean() > of_flat.mean() + 2 * np.hypot(*errors)


# -- measures ----------------------------------------------------------------------------------------------------------


def test_selection_of_a_phase(sets):
    part = phases.of_phase(sets.trials, "hidden")
    assert part.lengths.tolist() == [360] * PARTICIPANTS
    assert part.sizes == {"context": 3, "cue": 4, "action": 3, "block": 64}
    rows = sets.trials.columns["phase"].values == 2
    np.testing.assert_array_equal(part.columns["context"].values, sets.trials.columns["season"].values[rows])
    np.testing.assert_array_equal(part.choice, sets.trials.choice[rows])
    frame = behaviour.scored(part, MEANS)
    assert frame["block"].max() == 9 and frame["position"].max() == 40
    assert phases.of_phase(sets.trials, "refresher").lengths.tolist() == [336] * PARTICIPANTS
    with pytest.raises(tw.errors.UsageError, match="not a phase with true seasons"):
        phases.of_phase(sets.trials, "novel")
    with pytest.raises(tw.errors.UsageError, match="not trials of AlienExperiment: they have no phase"):
        phases.of_phase(tw.load_data("alien_flat")[0], "initial")


def test_measures_by_hand(sets):
    trials = sets.trials.select([0, 1])
    choice = trials.choice.copy()
    asked, novel = trials.columns["asked"].values, trials.columns["context"].values == 4
    left, right = trials.columns["option_context"].values.T
    choice[asked == 1] = (right < left)[asked == 1]  # season 0 is richer than 1, 1 than 2
    aliens = trials.columns["option_cue"].values
    best = np.array([[6, 4, 5, 10], [2, 8, 7, 3], [7, 3, 3, 2]])
    season = trials.columns["context"].values
    poorer = [int(best[c, a] > best[c, b]) for c, (a, b) in zip(season[asked == 2], aliens[asked == 2], strict=True)]
    choice[asked == 2] = poorer
    choice[novel] = np.array([1, 2, 0, 0])[trials.columns["cue"].values[novel]]  # the correct items of season 0
    changed = replace(trials, choice=choice)
    tied = np.isnan(phases.preferred(changed)[asked == 2])
    assert tied.sum() == 4  # one pair of aliens with equal rewards, twice per participant
    share = phases.preferences(changed)
    assert share.to_numpy().tolist() == [[1.0, 0.0, 1.0]] * 2
    # for three aliens these items are correct only in season 0, for the fourth also in season 2
    assert phases.novel_profile(changed).to_numpy().tolist() == [[1.0, 0.0, 0.0, 0.5, 0.0]] * 2


def test_every_measure_of_the_experiment(sets):
    table = behaviour.measured(sets.trials)
    hidden = behaviour.scored(phases.of_phase(sets.trials, "hidden"), MEANS)
    np.testing.assert_array_equal(table["hidden: early slope"], behaviour.early_slope(hidden)["slope"])
    np.testing.assert_array_equal(table["preference: seasons"], phases.preferences(sets.trials)["seasons"])
    np.testing.assert_array_equal(table["novel: none"], phases.novel_profile(sets.trials)["none"])
    assert "initial: previous context, trial 1 after a switch" in table and "initial: accuracy, block 9" in table
    assert not any(name.startswith("mixed") for name in table) and len(table) == PARTICIPANTS


def test_first_choices_by_task_set():
    table = pd.DataFrame({"participant": pd.Categorical(["a"] * 6), "position": [1, 2, 3, 4, 5, 1],
                          "cue": [0, 1, 2, 3, 0, 0], "choice": [1, 2, 2, 0, 0, -1]})  # fmt: skip
    result = phases.first_choices(table).loc["a"]
    assert result.to_dict() == {"TS0": 0.5, "TS1": 0.25, "TS2": 0.0, "TS02": 0.25, "TS12": 0.0, "none": 0.0}


def test_the_experiment_is_read_from_its_file(tmp_path):
    simulation = tw.simulate(
        tw.learners.AlienQLearning(), tw.environments.AlienExperiment(), FLAT, participants=2, seed=3
    )
    file, *_ = simulation.save(tmp_path)
    trials = tw.read_long(
        file,
        labels=["asked", "season", "phase"],
        vectors={f"option_{name}": ([f"option_{name}_1", f"option_{name}_2"], name) for name in ("context", "cue")},
        levels={
            name: tw.environments.AlienExperiment.levels[name]
            for name in ("context", "cue", "asked", "phase", "season", "action")
        },
        available={action: f"available_{action}" for action in range(3)},
        reset="reset",
    )
    expected = simulation.log_probability.reshape(2, -1).sum(1)
    np.testing.assert_allclose(tw.log_likelihood(tw.learners.AlienQLearning(), trials, FLAT, plain=True), expected)
    pd.testing.assert_frame_equal(phases.preferences(trials), phases.preferences(simulation.trials))
