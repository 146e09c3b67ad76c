"""Learners in all phases of the alien experiment, and measures of behaviour in these phases."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from oracles.alien import trial_log_probabilities
from trialwise.analysis.behaviour import alien_phases as phases, measures as behaviour
from trialwise.analysis.conformance.by_hand import HIDDEN_CHOICE, walk_by_hand
from trialwise.data.trials import Column
from trialwise.environments.tasks.alien_rewards import MEANS
from trialwise.learners.state import Task

FLAT = {"alpha": 0.3, "beta": 3.0, "forget": 0.01, "beta_high": 2.0, "beta_test": 1.5}
SETS = {"alpha": 0.4, "beta": 3.0, "forget": 0.005, "alpha_high": 0.1, "beta_high": 6.0, "forget_high": 0.005, "beta_test": 2.0}  # fmt: skip
BAYES = {"alpha": 0.3, "beta": 8.0, "forget": 0.005, "beta_high": 6.0, "forget_high": 0.01, "beta_test": 3.0}
PEOPLE = 100


def live(learner, truth, *which, participants=PEOPLE, seed=1):
    """Agents simulated in some phases."""
    return tw.simulate(
        learner, tw.environments.AlienExperiment(phases=which), truth, participants=participants, seed=seed
    )


@pytest.fixture(scope="module")
def flat():
    return live(
        tw.learners.AlienQLearning(), FLAT, "initial", "hidden", "refresher", "comparison", "refresher", "novel"
    )


@pytest.fixture(scope="module")
def sets():
    return live(tw.learners.AlienTaskSets(), SETS, "initial", "hidden", "refresher", "comparison", "refresher", "novel")


# -- the rules, against arrays -----------------------------------------------------------------------------------------


KINDS = [
    ("flat", tw.learners.AlienQLearning, FLAT, {"initial": 0.7}),
    ("sets", tw.learners.AlienTaskSets, SETS, {"initial": 0.7}),
    ("Bayes", tw.learners.AlienHierarchicalBayes, BAYES, {}),
]


@pytest.mark.parametrize(("kind", "learner", "truth", "more"), KINDS)
def test_every_phase_by_the_published_rules(kind, learner, truth, more):
    simulation = tw.simulate(learner(**more), tw.environments.AlienExperiment(), truth, seed=4)
    trials, hidden = simulation.trials, simulation.hidden
    np.testing.assert_allclose(
        simulation.log_probability, trial_log_probabilities(kind, truth, trials, hidden, **more), atol=1e-9
    )
    # the variants, in plain Python; that compiled code does the same is conformance's business
    if hidden is not None:
        trials = replace(trials, columns={**trials.columns, HIDDEN_CHOICE: Column(hidden)})
    for how in ({"carried": True}, {"frozen": True}, *([{"published": True}] if kind == "Bayes" else [])):
        by_hand = walk_by_hand(learner(**more, **how), trials, 0, truth)
        expected = trial_log_probabilities(kind, truth, trials, hidden, **more, **how)
        np.testing.assert_allclose(by_hand, expected, atol=1e-9)
        assert abs(expected - simulation.log_probability).max() > 0.01


def test_a_hidden_block_begins_with_nothing_or_with_what_was_known():
    sizes = Task({"context": 6, "cue": 8, "action": 3})
    for carried in (False, True):
        agent = tw.learners.AlienTaskSets(carried=carried).agent(SETS)
        now = agent.start(sizes)
        now.high[:3] = [[5, 1, 2], [1, 4, 1], [2, 2, 3]]
        now.low[1] = 7.0
        hidden = type("Trial", (), {"context": 3})
        for _ in range(2):  # the second time with what was known the first time
            agent.reset(now, hidden)
            np.testing.assert_array_equal(now.high[3], [5, 4, 3] if carried else [1.2] * 3)
            assert (now.low[1] == 7).all()
            now.high[:] = 0.5
        flat = tw.learners.AlienQLearning(carried=carried).agent(FLAT)
        now = flat.start(sizes)
        now.value[:3] = np.array([3.0, 6.0, 9.0])[:, None, None]
        flat.reset(now, hidden)
        assert (now.value[3] == (6.0 if carried else 1.2)).all() and (now.value[0] == 3.0).all()


# -- what agents do ----------------------------------------------------------------------------------------------------


def test_flat_agents_prefer_richer_seasons_if_they_can(flat):
    share = phases.preferences(flat.trials)
    assert share["seasons"].mean() > 0.7 and share["aliens"].mean() > 0.7
    # as published: no inverse temperature, so exactly chance on every choice, whatever was learnt
    idle = live(tw.learners.AlienQLearning(), FLAT | {"beta_high": 0.0}, "initial", "comparison")
    asked = idle.trials.columns["asked"].values == 1
    np.testing.assert_allclose(idle.log_probability[asked], np.log(0.5))
    error = 0.5 / np.sqrt(asked.sum())
    share = phases.preferences(idle.trials)
    assert abs(share["seasons"].mean() - 0.5) < 4 * error and share["aliens"].mean() > 0.7
    assert (behaviour.accuracy(behaviour.scored(phases.of_phase(idle.trials, "initial"), MEANS)).mean() > 0.6).all()


def test_agents_with_task_sets_prefer_seasons_that_served(sets):
    share = phases.preferences(sets.trials)
    assert share["seasons"].mean() > 0.6 and share["aliens"].mean() > 0.6
    np.testing.assert_allclose(share["difference"], share["seasons"] - share["aliens"])
    idle = live(tw.learners.AlienTaskSets(), SETS | {"beta_high": 0.0}, "initial", "comparison")
    assert abs(phases.preferences(idle.trials)["seasons"].mean() - 0.5) < 4 * 0.5 / np.sqrt(24 * PEOPLE)


def test_in_a_novel_season_a_whole_set_is_used(sets, flat):
    profile = phases.novel_profile(sets.trials).mean()
    assert profile["none"] < 0.2 and profile["shared"] > 1 / 3  # what no set holds is rarely given
    assert profile["TS0"] > profile["TS2"] + 0.05  # the set that served best is
    indifferent = live(tw.learners.AlienTaskSets(), SETS | {"beta_test": 0.0}, "initial", "novel")
    np.testing.assert_allclose(phases.novel_profile(indifferent.trials).mean(), 1 / 3, atol=0.06)
    # flat agents act on the mean over seasons: for alien 0 item 2 (2 and 7) beats item 1 (6)
    assert phases.novel_profile(flat.trials)["none"].mean() < 0.2


def test_in_hidden_seasons_sets_are_found_again(sets, flat):
    """The hidden-season slope: one alien's reward is informative about the set, and so about the next alien; values alone are not."""

    def slope(simulation):
        return behaviour.early_slope(behaviour.scored(phases.of_phase(simulation.trials, "hidden"), MEANS))["slope"]

    of_sets, of_flat = slope(sets), slope(flat)
    errors = np.array([of_sets.std(), of_flat.std()]) / np.sqrt(PEOPLE)
    assert of_sets.mean() > 4 * errors[0] and abs(of_flat.mean()) < 3 * errors[1]
    assert of_sets.mean() > of_flat.mean() + 2 * np.hypot(*errors)


# -- measures ----------------------------------------------------------------------------------------------------------


def test_a_phase_is_a_task_of_its_own(sets):
    part = phases.of_phase(sets.trials, "hidden")
    assert part.lengths.tolist() == [360] * PEOPLE and part.sizes == {"context": 3, "cue": 4, "action": 3, "block": 64}
    rows = sets.trials.columns["phase"].values == 2
    np.testing.assert_array_equal(part.columns["context"].values, sets.trials.columns["season"].values[rows])
    np.testing.assert_array_equal(part.choice, sets.trials.choice[rows])
    frame = behaviour.scored(part, MEANS)
    assert frame["block"].max() == 9 and frame["position"].max() == 40
    assert phases.of_phase(sets.trials, "refresher").lengths.tolist() == [336] * PEOPLE
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
    choice[novel] = np.array([1, 2, 0, 0])[trials.columns["cue"].values[novel]]  # season 0's items
    done = replace(trials, choice=choice)
    tied = np.isnan(phases.preferred(done)[asked == 2])
    assert tied.sum() == 4  # the one pair of equally rich aliens, twice a participant
    share = phases.preferences(done)
    assert share.to_numpy().tolist() == [[1.0, 0.0, 1.0]] * 2
    # season 0's items are correct there alone for three aliens; for the fourth in season 2 as well
    assert phases.novel_profile(done).to_numpy().tolist() == [[1.0, 0.0, 0.0, 0.5, 0.0]] * 2


def test_every_measure_of_the_experiment(sets):
    table = behaviour.measured(sets.trials)
    hidden = behaviour.scored(phases.of_phase(sets.trials, "hidden"), MEANS)
    np.testing.assert_array_equal(table["hidden: early slope"], behaviour.early_slope(hidden)["slope"])
    np.testing.assert_array_equal(table["preference: seasons"], phases.preferences(sets.trials)["seasons"])
    np.testing.assert_array_equal(table["novel: none"], phases.novel_profile(sets.trials)["none"])
    assert "initial: previous context, trial 1 after a switch" in table and "initial: accuracy, block 9" in table
    assert not any(name.startswith("mixed") for name in table) and len(table) == PEOPLE


def test_first_choices_are_told_by_task_set():
    table = pd.DataFrame({"participant": pd.Categorical(["a"] * 6), "position": [1, 2, 3, 4, 5, 1],
                          "cue": [0, 1, 2, 3, 0, 0], "choice": [1, 2, 2, 0, 0, -1]})  # fmt: skip
    result = phases.first_choices(table).loc["a"]
    assert result.to_dict() == {"TS0": 0.5, "TS1": 0.25, "TS2": 0.0, "TS02": 0.25, "TS12": 0.0, "none": 0.0}


def test_the_experiment_is_read_back_from_its_file(tmp_path):
    created = tw.simulate(tw.learners.AlienQLearning(), tw.environments.AlienExperiment(), FLAT, participants=2, seed=3)
    file, *_ = created.save(tmp_path)
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
    expected = created.log_probability.reshape(2, -1).sum(1)
    np.testing.assert_allclose(tw.log_likelihood(tw.learners.AlienQLearning(), trials, FLAT, plain=True), expected)
    pd.testing.assert_frame_equal(phases.preferences(trials), phases.preferences(created.trials))
