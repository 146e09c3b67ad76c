"""Hidden choices integrated out by particles, compared with the sum over all sequences and with forward-backward passes."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

import trialwise as tw
from trialwise.engine import run
from trialwise.engine.kernels.compiled_hidden import goes_abreast
from trialwise.engine.packing import pack
from trialwise.engine.run_hidden import (
    run_exact,
    run_particles,
    run_traced,
    stream_keys,
    trace_particles_plain,
)
from trialwise.likelihoods.kinds import likelihood_of

pytestmark = pytest.mark.compile

RANGES = {
    "alpha": (0.05, 0.8), "beta": (0.2, 4.0), "forget": (0.0, 0.4),
    "alpha_high": (0.05, 0.8), "beta_high": (0.2, 4.0), "forget_high": (0.0, 0.4),
}  # fmt: skip
LEARNER = tw.learners.TaskSets(initial=1.2)
NAMES = list(LEARNER.names)


@tw.learner
class Rule:
    """Two rules that are not exchangeable: values by cue, or values over all cues."""

    beta: float = tw.positive("inverse temperature")
    bias: float = tw.real("preference for the first rule")
    rules: int = tw.hidden(2, "rules")

    def start(self, task):
        return tw.state(by_cue=task.table("cue", "action"), overall=task.table("action"))

    def hide(self, now, trial, preference):
        preference[0] = self.bias
        preference[1] = 0.0

    def choose(self, now, trial, rule, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * (now.by_cue[trial.cue, action] if rule == 0 else now.overall[action])

    def learn(self, now, trial, rule, choice, outcome):
        if rule == 0:
            now.by_cue[trial.cue, choice] += 0.5 * (outcome - now.by_cue[trial.cue, choice])
        else:
            now.overall[choice] += 0.5 * (outcome - now.overall[choice])


@pytest.fixture(scope="module")
def mixed():
    """60 trials of each of 6 agents, with missed trials, a reset and actions that are not always available."""
    data = tw.simulate(LEARNER, tw.environments.AlienTask(trials=60), RANGES, participants=6, seed=3).trials.to_frame()
    random = np.random.default_rng(1)
    data["choice"] = data["choice"].astype(object)
    actions = sorted(data["choice"].unique())
    for action in actions:
        data[f"open {action}"] = (random.random(len(data)) < 0.8) | (data["choice"] == action)
    data["again"] = np.arange(len(data)) % 60 == 25
    data.loc[::7, ["choice", "outcome"]] = None
    available = {action: f"open {action}" for action in actions}
    return tw.read_long(data, reset="again", available=available, actions=actions)


@pytest.mark.parametrize(
    ("learner", "vectorised"),
    [
        (LEARNER, True),
        (tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha").fix(forget_high=0.0), True),
        (tw.learners.TaskSets().with_stickiness().with_lapse(), True),
        (tw.learners.HierarchicalBayes(), True),
        (tw.learners.HierarchicalBayes(published=True), True),
        (Rule(), False),
    ],
    ids=str,
)
def test_vectorised_particles_agree_with_single_particles(learner, vectorised, mixed):
    """With the same random numbers."""
    packed = pack(learner, mixed)
    free, jobs = np.stack([p.constrain(np.full(6, 0.3)) for p in learner.parameters], 1), np.arange(6)
    keys = stream_keys(jobs.astype(np.uint64), jobs)
    for particles in (7, 8, 37):
        doubles, duals = (
            run_particles(learner, packed, free, jobs, keys, particles, scored=scored, threshold=1.0)
            for scored in (False, True)
        )
        np.testing.assert_allclose(doubles.log_likelihood, duals.log_likelihood, rtol=1e-9)
        assert duals.resamplings.min() > 10
    assert goes_abreast(learner, packed) == vectorised


@pytest.fixture(scope="module")
def pairs():
    """200 agents of 12 trials with different parameters."""
    simulation = tw.simulate(LEARNER, tw.environments.AlienTask(trials=12), RANGES, participants=200, seed=5)
    packed = pack(LEARNER, simulation.trials)
    free = simulation.parameters[NAMES].to_numpy()
    return packed, free, *run_exact(LEARNER, packed, free)[:2]


@pytest.fixture(scope="module")
def short():
    """Two agents of seven trials, with a reset, a missed trial and a choice without an outcome."""
    trials = tw.simulate(LEARNER, tw.environments.AlienTask(trials=7), RANGES, participants=2, seed=4).trials
    choice, reset, outcome = trials.choice.copy(), trials.reset.copy(), trials.outcome["outcome"].copy()
    choice[[2, 9]], outcome[[2, 4, 9]] = -1, np.nan
    reset[[5, 10]] = True
    return replace(trials, choice=choice, reset=reset, outcome={"outcome": outcome})


def test_exact_is_the_sum_over_sequences(short):
    packed, free = pack(LEARNER, short), np.array([[0.3, 1.5, 0.1, 0.4, 2.0, 0.05], [0.6, 0.8, 0.0, 0.2, 1.0, 0.2]])
    likelihoods, slopes = [], []
    for sequence in itertools.product(range(3), repeat=7):
        likelihood, slope = run.run_gradient(LEARNER, packed.with_hidden(np.tile(sequence, 2)), free)
        likelihoods.append(likelihood)
        slopes.append(slope)
    missed = (
        (short.choice < 0).reshape(2, 7).sum(1)
    )  # the hidden choice of a missed trial has no effect: each sequence is counted three times
    exact, gradient, _ = run_exact(LEARNER, packed, free, relabel=False)
    np.testing.assert_allclose(exact, logsumexp(likelihoods, 0) - missed * np.log(3), rtol=1e-12)
    share = softmax(np.array(likelihoods), 0)
    np.testing.assert_allclose(gradient, (share[..., None] * np.array(slopes)).sum(0), rtol=1e-9, atol=1e-12)


@pytest.mark.study
def test_relabelling_changes_nothing(pairs):
    packed, free, exact, gradient = pairs
    value, slope, sequences = run_exact(LEARNER, packed, free, relabel=False)
    np.testing.assert_allclose(value, exact, rtol=1e-12)
    np.testing.assert_allclose(slope, gradient, rtol=1e-8, atol=1e-10)
    assert (sequences == 3**12).all()
    assert (run_exact(LEARNER, packed, free)[2] == (3**11 + 1) // 2).all()


@pytest.mark.study
def test_gradient_of_the_exact_likelihood(pairs):
    packed, free, _, gradient = pairs
    for k in range(len(NAMES)):
        step = np.zeros(len(NAMES))
        step[k] = 1e-6
        above, below = (run_exact(LEARNER, packed, free + sign * step)[0] for sign in (1, -1))
        np.testing.assert_allclose(gradient[:, k], (above - below) / 2e-6, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("relabel", [False, True])
@pytest.mark.parametrize("threshold", [0.5, 1.0], ids=["rarely resampled", "always resampled"])
def test_particles_are_unbiased(pairs, threshold, relabel):
    """The estimate (not its logarithm) and the score weighted by it; standardised errors over 200 agents are standard Normal."""
    packed, free, exact, gradient = pairs
    filters = 400
    jobs = np.repeat(np.arange(200), filters)
    keys = stream_keys(jobs.astype(np.uint64), np.tile(np.arange(filters), 200))
    result = run_particles(
        LEARNER, packed, free[jobs], jobs, keys, 6, scored=True, threshold=threshold, relabel=relabel
    )
    assert (result.resamplings > 0).mean() > (0.9 if threshold == 1.0 else -1)
    ratio = np.exp(result.log_likelihood - exact[jobs]).reshape(200, filters)
    z = (ratio.mean(1) - 1.0) / (ratio.std(1) / np.sqrt(filters) + 1e-12)
    assert abs(z.mean()) < 4.0 / np.sqrt(200) and z.std() < 1.25 and np.abs(z).max() < 5.0
    score = result.score.reshape(200, filters, -1)
    weighted = (ratio[..., None] * score).mean(1) / ratio.mean(1)[:, None]
    spread = (ratio[..., None] * (score - gradient[:, None])).std(1) / np.sqrt(filters) / ratio.mean(1)[:, None]
    z = (weighted - gradient) / (spread + 1e-3)  # scores near zero come from sequences too rare to be sampled
    assert np.abs(z.mean(0)).max() < 4.5 / np.sqrt(200) and z.std() < 1.25


def test_plain_and_compiled_filters_agree(short):
    packed, free = pack(LEARNER, short), np.array([[0.3, 1.5, 0.1, 0.4, 2.0, 0.05], [0.6, 0.8, 0.0, 0.2, 1.0, 0.2]])
    for n in range(2):
        total, plain = trace_particles_plain(LEARNER, packed, n, free[n], 99, 12)
        compiled = run_traced(LEARNER, packed, n, free[n], 99, 12)
        assert total == pytest.approx(np.nansum(compiled.record[:, 0]), rel=1e-12)
        for expected, result in zip(plain, compiled, strict=True):
            np.testing.assert_allclose(expected, result, rtol=1e-10, atol=1e-12)
        observed = short.choice[short.offsets[n] : short.offsets[n + 1]] >= 0
        np.testing.assert_allclose(compiled.record[observed, 1:].sum(1), 1.0, rtol=1e-12)


# -- all trials, with complete forgetting, which leaves three states ------------------------------------------------------


def forward_backward(contexts, cues, actions, rewards, alpha, beta, alpha_high, beta_high, initial=1.2):
    """Likelihood and P(set | all choices) at forget = forget_high = 1, where only the last trial's update is remembered.

    The state after a trial is the update of that trial: one cell of one set, one cell of the context's row.
    """
    trials = len(actions)
    joint = np.empty((trials, 3, 3))  # p(z_t, a_t | z_t-1)
    for t in range(trials):
        for previous in range(3):
            high, low = np.full((3, 3), initial), np.full((3, 4, 3), initial)
            if t:
                high[contexts[t - 1], previous] += alpha_high * (rewards[t - 1] - initial)
                low[previous, cues[t - 1], actions[t - 1]] += alpha * (rewards[t - 1] - initial)
            joint[t, previous] = (
                softmax(beta_high * high[contexts[t]]) * softmax(beta * low[:, cues[t]], axis=1)[:, actions[t]]
            )
    forward_message, log_likelihood, forward = np.array([1.0, 0.0, 0.0]), 0.0, []
    for t in range(trials):
        forward_message = forward_message @ joint[t]
        log_likelihood += np.log(forward_message.sum())
        forward_message = forward_message / forward_message.sum()
        forward.append(forward_message)
    backward_message, smoothed, same_set = np.ones(3), [forward[-1]], []
    for t in range(trials - 1, 0, -1):
        pair = forward[t - 1][:, None] * joint[t] * backward_message
        same_set.append(np.trace(pair) / pair.sum())  # the same set on trials t - 1 and t
        backward_message = joint[t] @ backward_message
        backward_message = backward_message / backward_message.sum()
        smoothed.append(forward[t - 1] * backward_message / (forward[t - 1] @ backward_message))
    return log_likelihood, np.array(forward), np.array(smoothed[::-1]), np.array(same_set[::-1])


def test_likelihood_of_all_trials_against_forward_backward_passes():
    values = {"alpha": 0.7, "beta": 1.2, "alpha_high": 0.6, "beta_high": 1.5}
    learner = LEARNER.fix(forget=1, forget_high=1)
    trials = tw.simulate(learner, tw.environments.AlienTask(trials=440), values, seed=8).trials
    data = [trials.columns["context"].values, trials.columns["cue"].values, trials.choice, trials.outcome["outcome"]]
    truth, _, _, _ = forward_backward(*data, **values)
    result, score = tw.log_likelihood(learner, trials, values, gradient=True, particles=200, filters=60)
    assert abs(result[0] - truth) < 4 * result.standard_error[0] + 1e-3
    for name in values:
        step = 1e-5
        above, below = (forward_backward(*data, **(values | {name: values[name] + s}))[0] for s in (step, -step))
        slope = (above - below) / (2 * step)
        assert score[name][0] == pytest.approx(slope, abs=0.05 * max(1.0, abs(slope)))


def test_smoothing_against_forward_backward_passes():
    """Sets are exchangeable, so that the comparison is of the probability that two successive trials had the same set."""
    values = {"alpha": 0.7, "beta": 1.2, "alpha_high": 0.6, "beta_high": 1.5}
    learner = LEARNER.fix(forget=1, forget_high=1)
    trials = tw.simulate(learner, tw.environments.AlienTask(trials=440), values, seed=8).trials
    data = [trials.columns["context"].values, trials.columns["cue"].values, trials.choice, trials.outcome["outcome"]]
    _, _, _, expected = forward_backward(*data, **values)
    theta = np.array([values[name] for name in learner.names])
    same = likelihood_of(learner, trials).same_hidden(0, theta)
    np.testing.assert_array_equal(tw.trial_values(learner, trials, values, same_as=7)["same_hidden"], same[6])
    np.testing.assert_allclose(np.diag(same), 1.0)
    result = np.diag(same, 1)
    assert np.abs(result - expected).max() < 0.2 and np.sqrt(((result - expected) ** 2).mean()) < 0.05
    assert np.ptp(expected) > 0.3  # the probability varies


def test_trial_values_of_a_hidden_choice():
    simulation = tw.simulate(LEARNER, tw.environments.AlienTask(trials=120), RANGES, participants=2, seed=3)
    trials = simulation.trials
    choice, outcome = trials.choice.copy(), trials.outcome["outcome"].copy()
    choice[[5, 200]], outcome[[5, 200]] = -1, np.nan
    trials = replace(trials, choice=choice, outcome={"outcome": outcome})
    values = {name: simulation.parameters[name].to_numpy() for name in NAMES}
    table = tw.trial_values(LEARNER, trials, values)
    smoothed = table[["hidden_current", "hidden_previous", "hidden_other"]].to_numpy()
    filtered = table[["hidden_current_filtered", "hidden_previous_filtered", "hidden_other_filtered"]].to_numpy()
    for probabilities in (smoothed, filtered):
        assert np.isnan(probabilities[[5, 200]]).all()
        np.testing.assert_allclose(np.delete(probabilities, [5, 200], 0).sum(1), 1.0, rtol=1e-9)
        assert np.nanmin(probabilities) >= -1e-9
    assert np.isnan(table[["error", "error_high", "choice_probability"]].to_numpy()[[5, 200]]).all()
    assert min(table.attrs["ancestors"]) > 100
    total = table.groupby("participant")["log_likelihood"].sum().to_numpy()
    likelihood = tw.log_likelihood(LEARNER, trials, values, particles=400)
    np.testing.assert_allclose(total, likelihood, atol=0.5)
    assert (smoothed[30:120, 0].mean() > 1 / 3) and (table["hidden_previous"][: trials.lengths[0]] >= 0).any()


def test_options_that_are_not_exchangeable():
    """Each option has its own probability, which equals that of the exact sum."""
    learner = Rule()
    trials = tw.simulate(learner, tw.environments.AlienTask(trials=8), {"beta": 1.5, "bias": 0.8}, seed=2).trials
    packed, free = pack(learner, trials), np.array([[1.5, 0.8]])
    assert [*learner.names] == ["beta", "bias"]
    sequences = np.array([
        [*sequence, run.run_gradient(learner, packed.with_hidden(np.array(sequence)), free)[0][0]]
        for sequence in itertools.product(range(2), repeat=8)
    ])  # fmt: skip
    share = softmax(sequences[:, -1])
    table = tw.trial_values(learner, trials, {"beta": 1.5, "bias": 0.8})
    np.testing.assert_allclose(table["hidden_2"], share @ sequences[:, :-1], atol=0.03)
    np.testing.assert_allclose(table["hidden_1"] + table["hidden_2"], 1.0)


def test_errors_of_hidden_choices(pairs):
    trials = tw.simulate(LEARNER, tw.environments.AlienTask(trials=440), dict.fromkeys(NAMES, 0.3)).trials
    values = dict.fromkeys(NAMES, 0.3)
    with pytest.raises(tw.errors.UsageError, match=r"10\^209 of them for participant 1 with 440 trials"):
        tw.log_likelihood(LEARNER, trials, values, method="exact")
    with pytest.raises(tw.errors.UsageError, match="leave it out, or leave out method='exact'"):
        tw.log_likelihood(LEARNER, trials.first(3), values, method="exact", plain=True)
    with pytest.raises(tw.errors.UsageError, match="one of 'particle', 'exact'"):
        tw.log_likelihood(LEARNER, trials, values, method="enumerate")
    with pytest.raises(tw.errors.UsageError, match="3 or more are wanted: .* has 3 hidden options"):
        tw.log_likelihood(LEARNER, trials, values, particles=2)
    for sets in (0, 101):
        with pytest.raises(tw.errors.UsageError, match="1 to 100 is wanted"):
            tw.learners.TaskSets(sets=sets)
        with pytest.raises(tw.errors.UsageError, match=rf"hidden\({sets}, ...\): wanted a number of options, 1 to 100"):
            tw.hidden(sets, "number of sets")


def rule_of(sets, rows):
    """A learner whose ``hide`` has ``sets`` options and whose table has ``rows``."""

    @tw.learner
    class Rows:
        beta: float = tw.positive("inverse temperature")
        options: int = tw.hidden(sets, "number of rules")

        def start(self, task):
            return task.table(rows, "action", fill=0.0)

        def hide(self, q, trial, preference):
            for rule in range(len(preference)):
                preference[rule] = self.beta * rule

        def choose(self, q, trial, rule, preference):
            for action in range(len(preference)):
                preference[action] = q[rule, action]

        def learn(self, q, trial, rule, choice, outcome):
            q[rule, choice] += 0.1 * (outcome - q[rule, choice])

    return Rows()


def test_hide_and_choose_must_agree_on_the_number_of_options():
    trials = tw.simulate(
        tw.QLearning(), tw.environments.AlienTask(trials=20), {"alpha": 0.1, "beta": 2, "forget": 0.1}
    ).trials
    with pytest.raises(tw.errors.LearnerError, match="hide has 3 options and choose does not know number 2"):
        tw.log_likelihood(rule_of(3, rows=2), trials, {"beta": 1.0})
    with pytest.raises(tw.errors.LearnerError, match="hide has 3 options and choose does not know number 2"):
        tw.fit(rule_of(3, rows=2), trials, progress=False)
    with pytest.raises(tw.errors.UsageError, match="has 3 hidden options"):
        tw.log_likelihood(rule_of(3, rows=3), trials, {"beta": 1.0}, particles=2)


def test_start_cannot_depend_on_the_hidden_choice():
    class Early:
        beta: float = tw.positive("inverse temperature")
        rules: int = tw.hidden(2, "number of rules")

        def start(self, task, rule):
            return task.table(2, "action", fill=0.0)

        def hide(self, q, trial, preference):
            preference[0] = self.beta

        def choose(self, q, trial, rule, preference):
            preference[0] = q[rule, 0]

    with pytest.raises(tw.errors.LearnerError, match="what start does cannot depend on it"):
        tw.learner(Early)


def test_same_seed_same_estimate(pairs):
    simulation = tw.simulate(LEARNER, tw.environments.AlienTask(trials=60), RANGES, participants=4, seed=1)
    values = {name: simulation.parameters[name].to_numpy() for name in NAMES}
    first, repeated, other = (tw.log_likelihood(LEARNER, simulation.trials, values, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first, repeated)
    assert (first != other).all() and (first.standard_error > 0).all()
    one_participant = simulation.trials.select([2])
    its_values = {name: value[2:3] for name, value in values.items()}
    assert tw.log_likelihood(LEARNER, one_participant, its_values, seed=3)[0] == first[2]


def test_exact_and_particle_by_name():
    simulation = tw.simulate(LEARNER, tw.environments.AlienTask(trials=12), RANGES, participants=3, seed=2)
    values = {name: simulation.parameters[name].to_numpy() for name in NAMES}
    exact = tw.log_likelihood(LEARNER, simulation.trials, values, method="exact")
    result = tw.log_likelihood(LEARNER, simulation.trials, values, particles=200, filters=50)
    assert (exact.standard_error == 0).all()
    assert (np.abs(result - exact) < 5 * result.standard_error + 1e-6).all()


def test_one_set_is_the_learner_without_contexts():
    simulation = tw.simulate(LEARNER, tw.environments.AlienTask(trials=100), RANGES, participants=3, seed=2)
    one_set = tw.learners.TaskSets(initial=1.2, sets=1).fix(alpha_high=0.1, beta_high=1, forget_high=0)
    values = {name: simulation.parameters[name].to_numpy() for name in one_set.names}
    result = tw.log_likelihood(one_set, simulation.trials, values)
    np.testing.assert_allclose(result.standard_error, 0.0, atol=1e-9)
    np.testing.assert_allclose(
        result, tw.log_likelihood(tw.learners.StimulusLearning(initial=1.2), simulation.trials, values), rtol=1e-10
    )
