"""The forward algorithm against the sum over all sequences of hidden choices, by the engine and by hand."""

import math

import numpy as np
import pytest

import trialwise as tw
from oracles.hidden_markov import by_sequences
from trialwise.analysis.conformance.by_hand import HIDDEN_CHOICE, walk_by_hand
from trialwise.analysis.conformance.specimen import specimen
from trialwise.data.trials import Column
from trialwise.engine import forward_plain, pack, run_exact, run_forward, run_particles, trace_forward
from trialwise.engine.walks.forward import build_advance


@tw.learner
class Moods:
    """Three moods, whose changes depend on the last mood, on what is learnt and on the cue; only one of them follows the values."""

    alpha: float = tw.unit("learning rate")
    beta: float = tw.positive("inverse temperature")
    pull: float = tw.real("preference for moods of a larger number")
    stay: float = tw.unit("tendency to stay")
    moods: int = tw.hidden(3, "number of moods", markov=True)

    def start(self, task):
        return task.table("cue", "action")

    def hide(self, q, trial, last, preference):
        for mood in range(len(preference)):
            preference[mood] = self.pull * mood + 0.2 * mood * q[trial.cue, 0]
            if last < 0:
                preference[mood] = 0.3 * self.pull * mood
            elif mood == last:
                preference[mood] += 2.0 * self.stay + 0.1 * last

    def choose(self, q, trial, mood, preference):
        for action in range(len(preference)):
            preference[action] = (
                self.beta * q[trial.cue, action] if mood == 0 else 0.7 * self.pull * action * (mood - 1)
            )

    def elapse(self, q, trial):
        q.decay(0.1)

    def learn(self, q, trial, choice, outcome):
        error = outcome - q[trial.cue, choice]
        q[trial.cue, choice] += self.alpha * error
        return error

    def watch(self, q, trial, outcome):
        q[trial.cue, 0] += 0.5 * self.alpha * outcome
        return outcome


MOODS = Moods().with_lapse().with_stickiness()


def parameters_of(learner, participants, seed=0):
    random = np.random.default_rng(seed)
    offset = random.normal(0.0, 0.8, (participants, len(learner.names)))
    return np.stack([p.constrain(p.mean + offset[:, k]) for k, p in enumerate(learner.parameters)], 1)


@pytest.fixture(scope="module")
def trials():
    """Up to seven trials of four participants: missed and forced choices, outcomes without a choice and choices without one, a reset."""
    trials = specimen(MOODS, seed=33).first(7)
    late = np.ones(trials.n_trials, bool)
    late[trials.offsets[:-1]] = False
    answered, taught = trials.responded, ~trials.without_outcome
    flags = trials.reset & late, answered & ~trials.own, answered & ~taught, ~answered & taught, ~answered & ~taught
    assert all(flag.any() for flag in flags)
    return trials


def test_the_sum_over_sequences(trials):
    packed, free = pack(MOODS, trials), parameters_of(MOODS, trials.n_participants)
    exact, gradient, sequences = run_exact(MOODS, packed, free)
    assert sequences.max() >= 3**6
    value, slope = run_forward(MOODS, packed, free)
    np.testing.assert_allclose(value, exact, rtol=1e-12)
    np.testing.assert_allclose(slope, gradient, rtol=1e-11, atol=1e-12)


def test_plain_and_compiled_agree(trials):
    packed, free = pack(MOODS, trials), parameters_of(MOODS, trials.n_participants)
    value, _ = run_forward(MOODS, packed, free)
    plain, trace = forward_plain(MOODS, packed, free)
    compiled, _ = trace_forward(MOODS, packed, free)
    np.testing.assert_allclose(plain, value, rtol=1e-12)
    for one, other in zip(trace, compiled, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    scores = np.nan_to_num(trace.record[:, 0])
    np.testing.assert_allclose(np.add.reduceat(scores, trials.offsets[:-1]), value, rtol=1e-12)


def test_everything_by_listing_sequences(trials):
    """The likelihood, smoothed and filtered moods, the same mood twice, and the most probable course, from the reference implementation."""
    learner, free = Moods(), parameters_of(Moods(), trials.n_participants)
    parameters = {name: free[:, k] for k, name in enumerate(learner.names)}
    table = tw.trial_values(learner, trials, parameters, same_as=2)
    value = tw.log_likelihood(learner, trials, parameters)
    moods = [f"hidden_{k}" for k in (1, 2, 3)]
    for n in range(trials.n_participants):
        rows = np.arange(*trials.offsets[n : n + 2])
        drawn = np.flatnonzero((trials.responded | ~trials.without_outcome)[rows])

        def listed(count, n=n, rows=rows, drawn=drawn):
            some = trials.beginning(np.where(np.arange(trials.n_participants) == n, drawn[count - 1] + 1, 1)).select(
                [trials.participants[n]]
            )

            def log_joint(sequence):
                hidden = np.zeros(some.n_trials, int)
                hidden[drawn[:count]] = sequence
                columns = {**some.columns, HIDDEN_CHOICE: Column(hidden)}
                given = type(some)(**{**vars(some), "columns": columns})
                return np.nansum(walk_by_hand(learner, given, 0, {name: parameters[name][n] for name in learner.names}))

            return by_sequences(3, count, log_joint)

        total, smoothed, same, path = listed(len(drawn))
        np.testing.assert_allclose(value[n], total, rtol=1e-12)
        own = table.iloc[rows]
        np.testing.assert_allclose(own[moods].to_numpy()[drawn], smoothed, atol=1e-12)
        np.testing.assert_array_equal(own["hidden_path"].to_numpy()[drawn], path + 1)
        assert own[[*moods, "hidden_path"]].isna().all(axis=1).sum() == len(rows) - len(drawn)
        for count in {1, len(drawn) // 2 + 1, len(drawn)}:
            filtered = listed(count)[1][-1]
            np.testing.assert_allclose(
                own[[f"{name}_filtered" for name in moods]].to_numpy()[drawn[count - 1]], filtered, atol=1e-12
            )
        if 1 in drawn:
            place = int(np.flatnonzero(drawn == 1)[0])
            np.testing.assert_allclose(own["same_hidden"].to_numpy()[drawn], same[place], atol=1e-12)
        else:
            assert own["same_hidden"].isna().all()


def test_tiny_probabilities_do_not_underflow():
    """Responses with probabilities of e^-1000 and e^-1001 in two equally probable options, and derivatives that are weighted by them."""
    belief, path, joint, ahead = np.array([0.5, 0.5]), np.zeros(2), np.zeros(2), np.zeros(2)
    shares = np.full(4, 0.5)
    gained = build_advance(2)(
        True, belief, shares, np.zeros(4), np.array([-1000.0, -1001.0]), np.zeros(2), path, joint, ahead
    )
    assert gained == pytest.approx(-1000.0 + math.log(0.5 * (1.0 + math.exp(-1.0))), rel=1e-14)
    np.testing.assert_allclose(belief, [1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1))], rtol=1e-12)


def test_gradients_are_finite_where_an_option_is_all_but_impossible():
    """With an inverse temperature of 10^4, the probability of the first option comes close to the smallest double on some trials."""
    learner = tw.learners.EngagedQLearning(initial=0.5)
    truth = {"alpha": 0.4, "beta": 3.0, "stay_engaged": 0.95, "stay_random": 0.8}
    trials = tw.simulate(
        learner, tw.environments.ProbabilisticReversal(trials=300), truth, participants=20, seed=8
    ).trials
    for beta in np.geomspace(500.0, 1e5, 20):
        value, gradient = tw.log_likelihood(learner, trials, truth | {"beta": beta}, gradient=True)
        assert np.isfinite(value).all() and all(np.isfinite(slope).all() for slope in gradient.values())


def test_particles_do_not_know_the_last_hidden_choice(trials):
    """A walk that does not follow the last hidden choice fails, instead of giving another likelihood."""
    packed, free = pack(Moods(), trials), parameters_of(Moods(), trials.n_participants)
    with pytest.raises(tw.errors.LearnerError):
        run_particles(Moods(), packed, free[:1], np.zeros(1, int), np.zeros(1, np.uint64), 10)


# -- what is said of a declaration that is not true ---------------------------------------------------------------------


def test_task_sets_are_no_markov_chain():
    """Values are learnt for the set in use, so that the state depends on all earlier hidden choices."""
    with pytest.raises(
        tw.errors.LearnerError, match="must not depend on hidden choices.*leave markov out of hidden"
    ) as error:

        @tw.learner
        class Sets:
            alpha: float = tw.unit("learning rate")
            sets: int = tw.hidden(3, "number of sets", markov=True)

            def start(self, task):
                return task.table(self.sets, "action")

            def hide(self, q, trial, last, preference):
                for k in range(len(preference)):
                    preference[k] = 1.0 if k == last else 0.0

            def choose(self, q, trial, k, preference):
                for action in range(len(preference)):
                    preference[action] = q[k, action]

            def learn(self, q, trial, k, choice, outcome):
                q[k, choice] += self.alpha * (outcome - q[k, choice])

    assert "write def learn(self, state, trial, choice, outcome)" in str(error.value)


def test_hide_of_a_markov_chain_receives_the_last_hidden_choice():
    with pytest.raises(
        tw.errors.LearnerError,
        match="write def hide.self, state, trial, last, preference.*last is the last hidden choice",
    ):

        @tw.learner
        class Forgetful:
            pull: float = tw.real("pull")
            moods: int = tw.hidden(2, "number of moods", markov=True)

            def hide(self, nothing, trial, preference):
                preference[0], preference[1] = 0.0, self.pull

            def choose(self, nothing, trial, mood, preference):
                preference[0], preference[1] = 0.0, 1.0 * mood


@tw.learner
class Sneaky:
    """Notes its mood in the state, where every mood is tried in turn."""

    alpha: float = tw.unit("learning rate")
    moods: int = tw.hidden(2, "number of moods", markov=True)

    def start(self, task):
        return tw.state(q=task.table("action"), mood=tw.memory(0))

    def hide(self, now, trial, last, preference):
        for mood in range(len(preference)):
            preference[mood] = 1.0 if mood == last else 0.0

    def choose(self, now, trial, mood, preference):
        now.mood = mood
        for action in range(len(preference)):
            preference[action] = mood * now.q[action]

    def learn(self, now, trial, choice, outcome):
        now.q[choice] += self.alpha * now.mood * (outcome - now.q[choice])


def test_a_hidden_choice_noted_by_choose_is_refused_before_anything_is_computed():
    trials = specimen(Sneaky())
    with pytest.raises(tw.errors.LearnerError, match="Sneaky.choose changes the state"):
        tw.log_likelihood(Sneaky(), trials, {"alpha": 0.3})
    with pytest.raises(tw.errors.LearnerError, match="Sneaky.choose changes the state"):
        tw.fit(Sneaky(), trials, progress=False)
    checked = tw.check_learner(Sneaky, quiet=True)
    assert not checked.passed and "Sneaky.choose changes the state" in str(checked)


def test_options_of_a_markov_chain_are_not_exchangeable():
    with pytest.raises(tw.errors.UsageError, match="leave exchangeable out"):
        tw.hidden(2, "moods", exchangeable=True, markov=True)
