"""The contract of a trial: what happens in which order, what is missing, what is refused and with which words."""

from dataclasses import replace

import numpy as np
import pytest

import trialwise as tw
from trialwise import constant, learner, positive, unit
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.errors import LearnerError, UsageError
from trialwise.data.trials import Column, Trials
from trialwise.engine import run
from trialwise.engine.packed import pack
from trialwise.learners.state import Table, Task

NONE = np.nan
VALUES = {"alpha": 0.5, "beta": 2.0, "forget": 0.1}
FLAT = tw.QLearning(initial=1.0)


def trials_of(choice, outcome, actions=2, reset=None, available=None, **columns):
    """One participant; outcomes a list, or a dict of lists for a record; columns are arrays, whole numbers are "
    "labels."""
    outcome = outcome if isinstance(outcome, dict) else {"outcome": outcome}
    simulated = {name: np.asarray(values) for name, values in columns.items()}
    labels = {n: tuple(range(v.max() + 1)) for n, v in simulated.items() if v.dtype.kind == "i"}
    return Trials(
        participants=("one",),
        offsets=np.array([0, len(choice)]),
        choice=np.array(choice),
        outcome={name: np.array(values, float) for name, values in outcome.items()},
        columns={n: Column(v, n if n in labels else None) for n, v in simulated.items()},
        levels={"action": tuple(range(actions))} | labels,
        reset=None if reset is None else np.array(reset, bool),
        available=None if available is None else np.array(available, bool),
    )  # fmt: skip


def scores(own, trials, values):
    """Log-likelihood of each trial, compiled, after making sure that plain Python says the same."""
    packed = pack(own, trials)
    free = np.array([[values[name] for name in own.names]])
    compiled = tw.trial_values(own, trials, {name: values[name] for name in own.names})["log_likelihood"].to_numpy()
    plain, _ = run.trace_plain(own, packed, free)
    np.testing.assert_allclose(compiled, plain[:, 0], rtol=1e-12)
    return compiled


def log_share(*logits):
    """Log-probability of the first of some logits under their softmax."""
    return logits[0] - np.log(np.sum(np.exp(logits)))


# -- the class -----------------------------------------------------------------------------------------------------


def test_a_class_may_name_its_base():
    """It is then known to type checkers; it computes the same."""

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
    based = counter(tw.learners.Learner)().fix(beta=2.0)
    assert based.names == ("alpha",)
    np.testing.assert_array_equal(
        tw.log_likelihood(based, trials, {"alpha": 0.5}), tw.log_likelihood(counter()(), trials, values)
    )


def test_a_class_without_the_decorator_is_no_learner():
    class Counter(tw.learners.Learner):
        alpha = unit("learning rate")

    with pytest.raises(UsageError, match="Counter is not a learner yet: write @learner above the class"):
        Counter()


# -- the order of a trial, by hand -------------------------------------------------------------------------------------


def test_three_trials_by_hand():
    """The choice sees the values before forgetting; learning sees them after."""
    result = scores(FLAT, trials_of([0, 0, 1], [3.0, 0.0, 1.0]), VALUES)
    # trial 1: both at 1, nothing to forget; 1 + 0.5 * (3 - 1) = 2
    # trial 2: chosen at 2, not at 1.9; forgotten to 1.9, then 1.9 + 0.5 * (0 - 1.9) = 0.95
    by_hand = [log_share(2.0, 2.0), log_share(4.0, 2.0), log_share(2.0, 1.9)]
    np.testing.assert_allclose(result, by_hand, rtol=1e-12)


def test_missing_choice_only_elapses():
    result = scores(FLAT, trials_of([0, -1, 1], [3.0, NONE, 1.0]), VALUES)
    assert np.isnan(result[1])
    np.testing.assert_allclose(result[[0, 2]], [log_share(2.0, 2.0), log_share(2.0, 3.8)], rtol=1e-12)


def test_outcome_of_a_missed_choice_teaches_nothing():
    without = scores(FLAT, trials_of([0, -1, 1], [3.0, NONE, 1.0]), VALUES)
    np.testing.assert_array_equal(scores(FLAT, trials_of([0, -1, 1], [3.0, 9.0, 1.0]), VALUES), without)


def test_choice_without_outcome_counts_but_teaches_nothing():
    result = scores(FLAT, trials_of([0, 0, 1], [3.0, NONE, 1.0]), VALUES)
    by_hand = [log_share(2.0, 2.0), log_share(4.0, 2.0), log_share(2.0, 3.8)]
    np.testing.assert_allclose(result, by_hand, rtol=1e-12)


def test_context_and_cue_are_optional():
    """The same class is a plain bandit, or has cues; labels that are all alike change nothing."""
    bandit = trials_of([0, 0, 1], [3.0, 0.0, 1.0])
    with_cues = trials_of([0, 0, 1], [3.0, 0.0, 1.0], context=[0, 0, 0], cue=[0, 0, 0])
    np.testing.assert_array_equal(scores(FLAT, bandit, VALUES), scores(FLAT, with_cues, VALUES))
    apart = trials_of([0, 0, 1], [3.0, 0.0, 1.0], context=[0, 0, 0], cue=[0, 1, 0])
    by_hand = [log_share(2.0, 2.0), log_share(2.0, 2.0), log_share(2.0, 3.8)]
    np.testing.assert_allclose(scores(FLAT, apart, VALUES), by_hand, rtol=1e-12)


def test_integer_outcomes_are_numbers_like_others():
    whole = trials_of([0, 0, 1], [3, 0, 1])
    np.testing.assert_array_equal(
        scores(FLAT, whole, VALUES), scores(FLAT, trials_of([0, 0, 1], [3.0, 0.0, 1.0]), VALUES)
    )


# -- resets, stickiness, availability ----------------------------------------------------------------------------------

STICKY = FLAT.with_stickiness()


def test_reset_starts_anew_and_forgets_the_last_choice():
    trials = trials_of([0, 0, 0], [3.0, 3.0, 3.0], reset=[1, 0, 1])  # a reset before trial 1 is the start itself
    result = scores(STICKY, trials, VALUES | {"stickiness": 0.7})
    by_hand = [log_share(2.0, 2.0), log_share(4.7, 2.0), log_share(2.0, 2.0)]
    np.testing.assert_allclose(result, by_hand, rtol=1e-12)


def test_stickiness_remembers_through_missed_trials_and_lack_of_outcomes():
    result = scores(STICKY, trials_of([0, -1, 1], [NONE, NONE, NONE]), VALUES | {"stickiness": 0.7})
    np.testing.assert_allclose(result[2], log_share(2.0, 2.7), rtol=1e-12)


def test_lapse_mixes_over_what_is_available():
    own = FLAT.fix(alpha=0.5, forget=0.1).with_lapse()
    trials = trials_of([0, 2], [3.0, 1.0], actions=3, available=[[1, 1, 0], [1, 0, 1]])
    result = scores(own, trials, {"beta": 2.0, "lapse": 0.2})
    second = 0.8 * np.exp(log_share(2.0, 4.0)) + 0.1
    np.testing.assert_allclose(result, [np.log(0.5), np.log(second)], rtol=1e-12)
    refused = trials_of([2, 0], [3.0, 1.0], actions=3, available=[[1, 1, 0], [1, 1, 1]])
    assert scores(own, refused, {"beta": 2.0, "lapse": 0.2})[0] == -np.inf


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
    np.testing.assert_allclose(result, [log_share(1.0, 1.0), log_share(2.0, 1.0), log_share(1.0, 0.5)], rtol=1e-12)


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
    np.testing.assert_allclose(result, [log_share(0.5, 0.0), log_share(-0.5 + 0.5, 0.0)], rtol=1e-12)
    values = tw.trial_values(PairsAndRecords(), trials, {"alpha": 0.5, "aversion": 3.0})
    np.testing.assert_allclose(values["net"], [-1.0, 1.0])


def test_a_record_must_have_the_parts_that_are_read():
    values = {"alpha": 0.5, "aversion": 3.0}
    columns = {"options": [[2, 0]], "bonus": [[0.5, 0.0]], "scale": [1.0]}
    with pytest.raises(LearnerError, match=r"reads outcome\.loss; the outcomes are gain, lost"):
        tw.log_likelihood(PairsAndRecords(), trials_of([0], {"gain": [1.0], "lost": [1.0]}, **columns), values)
    with pytest.raises(LearnerError, match="the outcome is one number"):
        tw.log_likelihood(PairsAndRecords(), trials_of([0], [1.0], **columns), values)


# -- what goes wrong ---------------------------------------------------------------------------------------------------


@learner
class Narrow:
    """Has room for two places; the data may have more."""

    beta: float = positive("inverse temperature")

    def start(self, task):
        return task.table(2, "action")

    def choose(self, q, trial, preference):
        preference[:] = self.beta * q[trial.place]

    def learn(self, q, trial, choice, outcome):
        q[trial.place, choice] += outcome


@pytest.mark.parametrize("where", [0, 40], ids=["early", "late"])
def test_index_outside_a_table(where):
    place = np.zeros(50, np.int64)
    place[where:] = 2
    trials = trials_of(np.zeros(50, int), np.ones(50), place=place)
    with pytest.raises(LearnerError, match="index"):
        tw.log_likelihood(Narrow(), trials, {"beta": 1.0})
    with pytest.raises(LearnerError, match="index"):
        tw.trial_values(Narrow(), trials, {"beta": 1.0})["log_likelihood"].to_numpy()


def test_columns_that_are_not_there_or_come_too_late():
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
    ("wrong", "words"),
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
        (lambda: tw.learners.RescorlaWagner().with_lapse(), "has no choices"),
        (lambda: setattr(tw.QLearning(), "initial", 2.0), "frozen"),
        (lambda: tw.log_likelihood(tw.QLearning(), trials_of([0], [1.0]), {"alpha": 0.1}), "needs a value for beta"),
        (lambda: tw.log_likelihood(FLAT, trials_of([0], [1.0]), VALUES | {"alpha": -1}), "ranges 0 to 1"),
        (lambda: tw.log_likelihood(FLAT, trials_of([0], [1.0]), VALUES | {"alpha": [0.1, 0.2]}), "each of 1"),
        (lambda: tw.log_likelihood(FLAT.fix(forget=0), trials_of([0], [1.0]), VALUES), "leave it out"),
        (lambda: tw.log_likelihood(FLAT.tie(forget="alpha"), trials_of([0], [1.0]), VALUES), "tied to alpha"),
        (lambda: tw.log_likelihood(tw.learners.PearceHall(), trials_of([0], [1.0]), {}), "needs a response"),
    ],
)  # fmt: skip
def test_usage_errors(wrong, words):
    with pytest.raises(UsageError, match=words):
        wrong()


def test_contract_is_checked_where_the_class_is_written():
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


# -- restrictions are variants, not copies -----------------------------------------------------------------------------


def test_restricted_learners_are_the_free_one_at_those_values():
    trials = specimen(tw.QLearning(), seed=4)
    free, slopes = tw.log_likelihood(tw.QLearning(), trials, VALUES | {"forget": 0.5}, gradient=True)
    fixed = tw.log_likelihood(tw.QLearning().fix(forget=0.5), trials, {"alpha": 0.5, "beta": 2.0})
    np.testing.assert_allclose(fixed, free, rtol=1e-12)
    own = tw.QLearning().tie(forget="alpha")
    tied, tied_slopes = tw.log_likelihood(own, trials, {"alpha": 0.5, "beta": 2.0}, gradient=True)
    np.testing.assert_allclose(tied, free, rtol=1e-12)
    np.testing.assert_allclose(tied_slopes["alpha"], slopes["alpha"] + slopes["forget"], rtol=1e-10)
    assert own.fix(forget=0.2) == tw.QLearning().fix(forget=0.2)


def test_one_participant_cut_from_the_file():
    trials = specimen(tw.QLearning(), seed=4)
    whole = tw.log_likelihood(tw.QLearning(), trials, VALUES)
    for n, who in enumerate(trials.participants):
        assert tw.log_likelihood(tw.QLearning(), trials.select([who]), VALUES)[0] == pytest.approx(whole[n], rel=1e-12)


def test_the_future_does_not_matter():
    trials = specimen(tw.QLearning(), seed=2)
    later = trials.outcome["outcome"].copy()
    later[20:31] += 5.0
    changed = tw.trial_values(tw.QLearning(), replace(trials, outcome={"outcome": later}), VALUES)[
        "log_likelihood"
    ].to_numpy()
    same = tw.trial_values(tw.QLearning(), trials, VALUES)["log_likelihood"].to_numpy()
    np.testing.assert_array_equal(changed[:21], same[:21])
    assert not np.array_equal(changed[21:31], same[21:31], equal_nan=True)


def test_rollout_compiled_and_plain_draw_the_same():
    packed = pack(FLAT, specimen(FLAT))
    random = np.random.default_rng(0)
    free = np.array([[0.5, 2.0, 0.1]] * 4)
    potential, draws = random.normal(size=(len(packed.ints), packed.actions, 1)), random.random((len(packed.ints), 2))
    compiled, plain = (walk(FLAT, packed, free, potential, draws) for walk in (run.run_rollout, run.rollout_plain))
    np.testing.assert_array_equal(compiled[0].observed, plain[0].observed)
    np.testing.assert_allclose(compiled[0].reals, plain[0].reals, rtol=1e-12)
    np.testing.assert_allclose(compiled[1], plain[1], rtol=1e-12)


def test_plain_learner_by_hand():
    """An agent is an ordinary object: its methods can be called in a debugger."""
    agent, task = FLAT.agent(VALUES), Task({"action": 2})
    q = agent.start(task)
    preference = np.zeros(2).view(Table)
    trial = type("Seen", (), {"context": 0, "cue": 0})
    agent.choose(q, trial, preference)
    np.testing.assert_array_equal(preference, [2.0, 2.0])
    assert agent.learn(q, trial, 0, 3.0) == 2.0
