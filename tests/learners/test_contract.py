"""The contract of a trial: the order of steps, missing values, and errors with their messages."""

from dataclasses import replace

import numpy as np
import pytest

import trialwise as tw
from trialwise import constant, learner, positive, unit
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.errors import LearnerError, UsageError
from trialwise.data.trials import Column, Trials
from trialwise.engine import run
from trialwise.engine.packing import pack
from trialwise.learners.state import Table, Task

NONE = np.nan
VALUES = {"alpha": 0.5, "beta": 2.0, "forget": 0.1}
FLAT = tw.QLearning(initial=1.0)


def trials_of(choice, outcome, actions=2, reset=None, available=None, **columns):
    """One participant; outcomes are a list, or a dict of lists for a record; columns are arrays, integer columns are labels."""
    outcome = outcome if isinstance(outcome, dict) else {"outcome": outcome}
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    labels = {n: tuple(range(v.max() + 1)) for n, v in arrays.items() if v.dtype.kind == "i"}
    return Trials(
        participants=("one",),
        offsets=np.array([0, len(choice)]),
        choice=np.array(choice),
        outcome={name: np.array(values, float) for name, values in outcome.items()},
        columns={n: Column(v, n if n in labels else None) for n, v in arrays.items()},
        levels={"action": tuple(range(actions))} | labels,
        reset=None if reset is None else np.array(reset, bool),
        available=None if available is None else np.array(available, bool),
    )  # fmt: skip


def scores(model, trials, values):
    """Log-likelihood of each trial from compiled code, after a comparison with plain Python."""
    packed = pack(model, trials)
    free = np.array([[values[name] for name in model.names]])
    compiled = tw.trial_values(model, trials, {name: values[name] for name in model.names})["log_likelihood"].to_numpy()
    plain, _ = run.trace_plain(model, packed, free)
    np.testing.assert_allclose(compiled, plain[:, 0], rtol=1e-12)
    return compiled


def log_softmax_of_first(*logits):
    """Log-probability of the first of some logits under their softmax."""
    return logits[0] - np.log(np.sum(np.exp(logits)))


# -- the class -----------------------------------------------------------------------------------------------------


def test_a_class_may_name_its_base():
    """Type checkers then know the base class; results are the same."""

    def counter(*bases):
        def start(self, task):
            return task.table("action")

        def choose(self, value, trial, preference):
            for action in range(len(preference)):
                preference[action] = self.beta * value[action]

        def learn(self, value, trial, choice, outcome):
            value[choice] += self.alpha * (outcome - value[choice])

        fields = {"alpha": unit("learning rate"), "beta": positive("inverse temperature")}
        methods = {"start": start, "choose": choose, "learn": learn}
        return learner(type("Counter", bases, {"__annotations__": dict.fromkeys(fields, float), **fields, **methods}))

    trials, values = trials_of([0, 0, 1], [3.0, 0.0, 1.0]), {"alpha": 0.5, "beta": 2.0}
    with_base = counter(tw.learners.Learner)().fix(beta=2.0)
    assert with_base.names == ("alpha",)
    np.testing.assert_array_equal(
        tw.log_likelihood(with_base, trials, {"alpha": 0.5}), tw.log_likelihood(counter()(), trials, values)
    )


def test_a_class_without_the_decorator_is_not_a_learner():
    class Counter(tw.learners.Learner):
        alpha = unit("learning rate")

    with pytest.raises(UsageError, match="Counter is not a learner yet: write @learner above the class"):
        Counter()


# -- the order of a trial, by hand -------------------------------------------------------------------------------------


def test_three_trials_by_hand():
    """The choice sees the values before forgetting; learning sees them after."""
    result = scores(FLAT, trials_of([0, 0, 1], [3.0, 0.0, 1.0]), VALUES)
    # trial 1: both values are 1; update to 1 + 0.5 * (3 - 1) = 2
    # trial 2: the choice is made at 2; decay to 1.9, then update to 1.9 + 0.5 * (0 - 1.9) = 0.95
    by_hand = [log_softmax_of_first(2.0, 2.0), log_softmax_of_first(4.0, 2.0), log_softmax_of_first(2.0, 1.9)]
    np.testing.assert_allclose(result, by_hand, rtol=1e-12)


def test_missing_choice_only_elapses():
    result = scores(FLAT, trials_of([0, -1, 1], [3.0, NONE, 1.0]), VALUES)
    assert np.isnan(result[1])
    np.testing.assert_allclose(
        result[[0, 2]], [log_softmax_of_first(2.0, 2.0), log_softmax_of_first(2.0, 3.8)], rtol=1e-12
    )


def test_outcome_of_a_missed_choice_triggers_no_update():
    without = scores(FLAT, trials_of([0, -1, 1], [3.0, NONE, 1.0]), VALUES)
    np.testing.assert_array_equal(scores(FLAT, trials_of([0, -1, 1], [3.0, 9.0, 1.0]), VALUES), without)


def test_choice_without_outcome_is_scored_but_triggers_no_update():
    result = scores(FLAT, trials_of([0, 0, 1], [3.0, NONE, 1.0]), VALUES)
    by_hand = [log_softmax_of_first(2.0, 2.0), log_softmax_of_first(4.0, 2.0), log_softmax_of_first(2.0, 3.8)]
    np.testing.assert_allclose(result, by_hand, rtol=1e-12)


def test_context_and_cue_are_optional():
    """The same class works with and without cues; a single label has no effect."""
    bandit = trials_of([0, 0, 1], [3.0, 0.0, 1.0])
    with_cues = trials_of([0, 0, 1], [3.0, 0.0, 1.0], context=[0, 0, 0], cue=[0, 0, 0])
    np.testing.assert_array_equal(scores(FLAT, bandit, VALUES), scores(FLAT, with_cues, VALUES))
    two_cues = trials_of([0, 0, 1], [3.0, 0.0, 1.0], context=[0, 0, 0], cue=[0, 1, 0])
    by_hand = [log_softmax_of_first(2.0, 2.0), log_softmax_of_first(2.0, 2.0), log_softmax_of_first(2.0, 3.8)]
    np.testing.assert_allclose(scores(FLAT, two_cues, VALUES), by_hand, rtol=1e-12)


def test_integer_outcomes_equal_floats():
    integers = trials_of([0, 0, 1], [3, 0, 1])
    np.testing.assert_array_equal(
        scores(FLAT, integers, VALUES), scores(FLAT, trials_of([0, 0, 1], [3.0, 0.0, 1.0]), VALUES)
    )


# -- resets, stickiness, availability ----------------------------------------------------------------------------------

STICKY = FLAT.with_stickiness()


def test_reset_clears_values_and_the_last_choice():
    trials = trials_of([0, 0, 0], [3.0, 3.0, 3.0], reset=[1, 0, 1])  # a reset before trial 1 has no effect
    result = scores(STICKY, trials, VALUES | {"stickiness": 0.7})
    by_hand = [log_softmax_of_first(2.0, 2.0), log_softmax_of_first(4.7, 2.0), log_softmax_of_first(2.0, 2.0)]
    np.testing.assert_allclose(result, by_hand, rtol=1e-12)


def test_stickiness_lasts_over_missed_trials_and_missing_outcomes():
    result = scores(STICKY, trials_of([0, -1, 1], [NONE, NONE, NONE]), VALUES | {"stickiness": 0.7})
    np.testing.assert_allclose(result[2], log_softmax_of_first(2.0, 2.7), rtol=1e-12)


def test_lapse_is_uniform_over_available_actions():
    model = FLAT.fix(alpha=0.5, forget=0.1).with_lapse()
    trials = trials_of([0, 2], [3.0, 1.0], actions=3, available=[[1, 1, 0], [1, 0, 1]])
    result = scores(model, trials, {"beta": 2.0, "lapse": 0.2})
    second = 0.8 * np.exp(log_softmax_of_first(2.0, 4.0)) + 0.1
    np.testing.assert_allclose(result, [np.log(0.5), np.log(second)], rtol=1e-12)
    unavailable = trials_of([2, 0], [3.0, 1.0], actions=3, available=[[1, 1, 0], [1, 1, 1]])
    with pytest.warns(UserWarning, match="2 was not available there"):
        assert scores(model, unavailable, {"beta": 2.0, "lapse": 0.2})[0] == -np.inf


@learner
class HalvedAtBlocks:
    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table("action", fill=1.0)

    def reset(self, q, trial):
        q *= 0.5 + 0 * trial.cue

    def choose(self, q, trial, preference):
        preference[:] = self.beta * q

    def learn(self, q, trial, choice, outcome):
        q[choice] += outcome


def test_partial_reset():
    result = scores(HalvedAtBlocks(), trials_of([0, 0, 0], [1.0, 0.0, 0.0], reset=[1, 0, 1]), {"beta": 1.0})
    np.testing.assert_allclose(
        result,
        [log_softmax_of_first(1.0, 1.0), log_softmax_of_first(2.0, 1.0), log_softmax_of_first(1.0, 0.5)],
        rtol=1e-12,
    )


# -- records, vectors --------------------------------------------------------------------------------------------------


@learner
class PairsAndRecords:
    """A pair of cues on each trial, a gain and a loss; number columns and vectors of numbers."""

    alpha: float = unit("learning rate")
    aversion: float = positive("loss aversion")

    def start(self, task):
        return task.table("options")

    def choose(self, q, trial, preference):
        for side in range(len(preference)):
            preference[side] = q[trial.options[side]] + trial.bonus[side] * trial.scale

    def learn(self, q, trial, choice, outcome):
        net = outcome.gain - self.aversion * outcome.loss
        q[trial.options[choice]] += self.alpha * (net - q[trial.options[choice]])
        return net, outcome.gain


def test_vectors_and_records():
    trials = trials_of(
        [0, 1], {"gain": [2.0, 1.0], "loss": [1.0, 0.0]},
        options=[[2, 0], [1, 2]], bonus=[[0.5, 0.0], [0.0, 0.25]], scale=[1.0, 2.0],
    )  # fmt: skip
    result = scores(PairsAndRecords(), trials, {"alpha": 0.5, "aversion": 3.0})
    np.testing.assert_allclose(
        result, [log_softmax_of_first(0.5, 0.0), log_softmax_of_first(-0.5 + 0.5, 0.0)], rtol=1e-12
    )
    values = tw.trial_values(PairsAndRecords(), trials, {"alpha": 0.5, "aversion": 3.0})
    np.testing.assert_allclose(values["net"], [-1.0, 1.0])


def test_a_record_must_have_the_fields_that_are_read():
    values = {"alpha": 0.5, "aversion": 3.0}
    columns = {"options": [[2, 0]], "bonus": [[0.5, 0.0]], "scale": [1.0]}
    with pytest.raises(LearnerError, match=r"reads outcome\.loss; the outcomes are gain, lost"):
        tw.log_likelihood(PairsAndRecords(), trials_of([0], {"gain": [1.0], "lost": [1.0]}, **columns), values)
    with pytest.raises(LearnerError, match="the outcome is one number"):
        tw.log_likelihood(PairsAndRecords(), trials_of([0], [1.0], **columns), values)


# -- errors ------------------------------------------------------------------------------------------------------------


@learner
class Narrow:
    """A table with two rows; the data may have more places."""

    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table(2, "action")

    def choose(self, q, trial, preference):
        preference[:] = self.beta * q[trial.place]

    def learn(self, q, trial, choice, outcome):
        q[trial.place, choice] += outcome


@pytest.mark.parametrize("first", [0, 40], ids=["early", "late"])
def test_index_outside_a_table(first):
    place = np.zeros(50, np.int64)
    place[first:] = 2
    trials = trials_of(np.zeros(50, int), np.ones(50), place=place)
    with pytest.raises(LearnerError, match="index"):
        tw.log_likelihood(Narrow(), trials, {"beta": 1.0})
    with pytest.raises(LearnerError, match="index"):
        tw.trial_values(Narrow(), trials, {"beta": 1.0})["log_likelihood"].to_numpy()


def test_columns_that_do_not_exist_or_are_known_too_late():
    @learner
    class Peeks:
        def choose(self, nothing, trial, preference):
            preference[0] = trial.outcome

    @learner
    class Misspells:
        def choose(self, nothing, trial, preference):
            preference[0] = trial.plcae

    with pytest.raises(LearnerError, match=r"Peeks\.choose, line \d+, reads trial\.outcome, .* only after the choice"):
        tw.log_likelihood(Peeks(), trials_of([0], [1.0]), {})
    with pytest.raises(LearnerError, match=r"Did you mean trial\.place\?"):
        tw.log_likelihood(Misspells(), trials_of([0], [1.0], place=[0]), {})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tw.QLearning(initial="low"), "a float is wanted"),
        (lambda: tw.QLearning(alpha=0.3), r"\.fix\(alpha=0\.3\)"),
        (lambda: tw.QLearning(inital=0.3), "Did you mean 'initial'"),
        (lambda: tw.QLearning().fix(alpha=1.5), "ranges 0 to 1"),
        (lambda: tw.QLearning().fix(alfa=0.5), "Did you mean 'alpha'"),
        (lambda: tw.QLearning().fix(initial=0.5), r"is a setting: write QLearning\(initial"),
        (lambda: tw.QLearning().tie(forget="beta"), "forget ranges 0 to 1 but beta ranges above 0"),
        (lambda: tw.QLearning().tie(forget="forget"), "itself"),
        (lambda: tw.QLearning().tie(forget="alfa"), "Did you mean 'alpha'"),
        (lambda: tw.QLearning().with_lapse().with_lapse(), "already has a parameter 'lapse'"),
        (lambda: tw.learners.RescorlaWagner().with_lapse(), "have no lapse"),
        (lambda: setattr(tw.QLearning(), "initial", 2.0), "frozen"),
        (lambda: tw.log_likelihood(tw.QLearning(), trials_of([0], [1.0]), {"alpha": 0.1}), "needs a value for beta"),
        (lambda: tw.log_likelihood(FLAT, trials_of([0], [1.0]), VALUES | {"alpha": -1}), "ranges 0 to 1"),
        (lambda: tw.log_likelihood(FLAT, trials_of([0], [1.0]), VALUES | {"alpha": [0.1, 0.2]}), "each of 1"),
        (lambda: tw.log_likelihood(FLAT.fix(forget=0), trials_of([0], [1.0]), VALUES), "leave it out"),
        (lambda: tw.log_likelihood(FLAT.tie(forget="alpha"), trials_of([0], [1.0]), VALUES), "tied to alpha"),
        (lambda: tw.log_likelihood(tw.learners.PearceHall(), trials_of([0], [1.0]), {}), "needs a response"),
    ],
)  # fmt: skip
def test_usage_errors(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_contract_is_checked_when_the_class_is_defined():
    with pytest.raises(LearnerError, match="has no choose"):
        learner(type("Empty", (), {}))

    class Short:
        def choose(self, trial, preference):
            pass

    with pytest.raises(LearnerError, match=r"write def choose\(self, state, trial, preference\):"):
        learner(Short)

    class Bare:
        alpha: float = 0.5

        def choose(self, nothing, trial, preference):
            pass

    with pytest.raises(LearnerError, match="a field says what it is"):
        learner(Bare)

    class Unknown:
        alpha: float = unit("learning rate")
        initial: float = constant(0.0, "value before any outcome")

        def choose(self, nothing, trial, preference):
            preference[0] = self.alhpa

    with pytest.raises(LearnerError, match="Did you mean 'alpha'"):
        learner(Unknown)


# -- restrictions ------------------------------------------------------------------------------------------------------


def test_restricted_learners_equal_the_free_learner_at_the_same_values():
    trials = specimen(tw.QLearning(), seed=4)
    free, slopes = tw.log_likelihood(tw.QLearning(), trials, VALUES | {"forget": 0.5}, gradient=True)
    fixed = tw.log_likelihood(tw.QLearning().fix(forget=0.5), trials, {"alpha": 0.5, "beta": 2.0})
    np.testing.assert_allclose(fixed, free, rtol=1e-12)
    model = tw.QLearning().tie(forget="alpha")
    tied, tied_slopes = tw.log_likelihood(model, trials, {"alpha": 0.5, "beta": 2.0}, gradient=True)
    np.testing.assert_allclose(tied, free, rtol=1e-12)
    np.testing.assert_allclose(tied_slopes["alpha"], slopes["alpha"] + slopes["forget"], rtol=1e-10)
    assert model.fix(forget=0.2) == tw.QLearning().fix(forget=0.2)


def test_a_selected_participant_has_the_same_likelihood():
    trials = specimen(tw.QLearning(), seed=4)
    likelihoods = tw.log_likelihood(tw.QLearning(), trials, VALUES)
    for n, participant in enumerate(trials.participants):
        assert tw.log_likelihood(tw.QLearning(), trials.select([participant]), VALUES)[0] == pytest.approx(
            likelihoods[n], rel=1e-12
        )


def test_later_outcomes_do_not_affect_earlier_trials():
    trials = specimen(tw.QLearning(), seed=2)
    outcome = trials.outcome["outcome"].copy()
    outcome[20:31] += 5.0
    changed = tw.trial_values(tw.QLearning(), replace(trials, outcome={"outcome": outcome}), VALUES)[
        "log_likelihood"
    ].to_numpy()
    original = tw.trial_values(tw.QLearning(), trials, VALUES)["log_likelihood"].to_numpy()
    np.testing.assert_array_equal(changed[:21], original[:21])
    assert not np.array_equal(changed[21:31], original[21:31], equal_nan=True)


def test_compiled_and_plain_rollouts_agree():
    packed = pack(FLAT, specimen(FLAT))
    random = np.random.default_rng(0)
    free = np.array([[0.5, 2.0, 0.1]] * 4)
    potential, draws = random.normal(size=(len(packed.ints), packed.actions, 1)), random.random((len(packed.ints), 2))
    compiled, plain = (
        rollout(FLAT, packed, free, potential, draws) for rollout in (run.run_rollout, run.rollout_plain)
    )
    np.testing.assert_array_equal(compiled[0].observed, plain[0].observed)
    np.testing.assert_allclose(compiled[0].reals, plain[0].reals, rtol=1e-12)
    np.testing.assert_allclose(compiled[1], plain[1], rtol=1e-12)


def test_plain_learner_by_hand():
    """An agent is an ordinary object whose methods can be called in a debugger."""
    agent, task = FLAT.agent(VALUES), Task({"action": 2})
    q = agent.start(task)
    preference = np.zeros(2).view(Table)
    trial = type("Seen", (), {"context": 0, "cue": 0})
    agent.choose(q, trial, preference)
    np.testing.assert_array_equal(preference, [2.0, 2.0])
    assert agent.learn(q, trial, 0, 3.0) == 2.0
