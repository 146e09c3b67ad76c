"""Parameters that vary between conditions: against learners that are written by hand with a parameter for each."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import trialwise as tw
from trialwise import constant, hidden, learner, positive, unit
from trialwise.engine import pack, run_rollout
from trialwise.engine.run import rollout_plain, run_plain, trace_plain
from trialwise.learners.pickling import pack as parcel_of, unpack
from trialwise.learners.stored import learner_from_attributes, learner_to_attributes
from trialwise.learners.varied import Varied
from trialwise.studies.fingerprint import digest

SPEED = {"speed": ["slow", "fast"]}
STAKE = {"stake": [1, 5, 25]}
VARIED = tw.QLearning(initial=0.4).vary(alpha=SPEED, forget=SPEED, beta=STAKE)


@learner
class ByHand:
    """Q-learning with rates for two speeds and temperatures for three stakes."""

    alpha_slow: float = unit("learning rate", mean=-1.0)
    alpha_fast: float = unit("learning rate", mean=-1.0)
    beta_1: float = positive("inverse temperature", mean=1.0)
    beta_5: float = positive("inverse temperature", mean=1.0)
    beta_25: float = positive("inverse temperature", mean=1.0)
    forget_slow: float = unit("forgetting rate", mean=-2.0)
    forget_fast: float = unit("forgetting rate", mean=-2.0)
    initial: float = constant(0.4, "value before any outcome")

    def start(self, task):
        return task.table("context", "cue", "action", fill=self.initial)

    def choose(self, q, trial, preference):
        beta = self.beta_1
        if trial.stake == 1:
            beta = self.beta_5
        elif trial.stake == 2:
            beta = self.beta_25
        for action in range(len(preference)):
            preference[action] = beta * q[trial.context, trial.cue, action]

    def elapse(self, q, trial):
        q.decay(self.forget_slow if trial.speed == 0 else self.forget_fast, self.initial)

    def learn(self, q, trial, choice, outcome):
        error = outcome - q[trial.context, trial.cue, choice]
        q[trial.context, trial.cue, choice] += (self.alpha_slow if trial.speed == 0 else self.alpha_fast) * error
        return error


@learner
class HiddenByHand:
    """A hidden choice between two sets, with learning rates for two speeds."""

    alpha_slow: float = unit("learning rate")
    alpha_fast: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    sets: int = hidden(2, "number of sets", exchangeable=True)

    def start(self, task):
        return task.table(self.sets, "cue", "action", fill=0.5)

    def hide(self, q, trial, preference):
        for k in range(len(preference)):
            preference[k] = self.beta * q[k, trial.cue, 0]

    def choose(self, q, trial, k, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[k, trial.cue, action]

    def learn(self, q, trial, k, choice, outcome):
        rate = self.alpha_slow if trial.speed == 0 else self.alpha_fast
        q[k, trial.cue, choice] += rate * (outcome - q[k, trial.cue, choice])


@learner
class HiddenChoice:
    """The same with one learning rate."""

    alpha: float = unit("learning rate")
    beta: float = positive("inverse temperature")
    sets: int = hidden(2, "number of sets", exchangeable=True)

    def start(self, task):
        return task.table(self.sets, "cue", "action", fill=0.5)

    def hide(self, q, trial, preference):
        for k in range(len(preference)):
            preference[k] = self.beta * q[k, trial.cue, 0]

    def choose(self, q, trial, k, preference):
        for action in range(len(preference)):
            preference[action] = self.beta * q[k, trial.cue, action]

    def learn(self, q, trial, k, choice, outcome):
        q[k, trial.cue, choice] += self.alpha * (outcome - q[k, trial.cue, choice])


def table(people=4, length=40, seed=1):
    random = np.random.default_rng(seed)
    count = people * length
    frame = pd.DataFrame({"participant": np.repeat([f"s{n}" for n in range(people)], length)})
    frame["speed"] = random.choice(["slow", "fast"], count)
    frame["stake"] = random.choice([1, 5, 25], count)
    frame["cue"] = random.integers(0, 2, count)
    frame["choice"] = random.integers(0, 3, count).astype(object)
    frame["reset"] = np.arange(count) % 17 > 8
    frame["outcome"] = random.integers(0, 2, count).astype(float)
    frame.loc[[3, 50], "choice"] = None
    frame.loc[[7, 51], "outcome"] = None
    return frame


def read(frame=None, **options):
    frame = table() if frame is None else frame
    return tw.read_long(frame, labels=["speed", "stake"], reset="reset", levels={"speed": ["slow", "fast"]}, **options)


TRIALS = read()


def values(learner, count=4, seed=0):
    random = np.random.default_rng(seed)
    return {p.name: p.constrain(random.normal(p.mean, 1.0, count)) for p in learner.parameters}


def by_hand(free):
    """The same values under the names of the learner written by hand."""
    return {name.replace("[", "_").replace("]", ""): each for name, each in free.items()}


def test_names_are_those_of_the_levels_in_the_order_of_the_class():
    assert VARIED.names == (
        "alpha[slow]", "alpha[fast]", "beta[1]", "beta[5]", "beta[25]", "forget[slow]", "forget[fast]",
    )  # fmt: skip
    assert tuple(by_hand(dict.fromkeys(VARIED.names))) == ByHand().names
    own, hands = VARIED.parameters[0], ByHand().parameters[0]
    assert (own.support, own.mean, own.width, own.spread) == (hands.support, hands.mean, hands.width, hands.spread)
    assert own.role == "learning rate, speed slow"
    assert tw.QLearning().names == ("alpha", "beta", "forget")  # unchanged


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_likelihood_and_gradient_are_those_of_the_learner_written_by_hand(seed):
    free = values(VARIED, seed=seed)
    np.testing.assert_allclose(
        tw.log_likelihood(VARIED, TRIALS, free), tw.log_likelihood(ByHand(), TRIALS, by_hand(free)), rtol=1e-12
    )
    ours, slopes = tw.log_likelihood(VARIED, TRIALS, free, gradient=True)
    theirs, their_slopes = tw.log_likelihood(ByHand(), TRIALS, by_hand(free), gradient=True)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert list(slopes) == list(VARIED.names)
    for name, slope in by_hand(slopes).items():
        np.testing.assert_allclose(slope, their_slopes[name], rtol=1e-11, atol=1e-12)


def test_plain_python_gives_the_same():
    free = values(VARIED)
    compiled = tw.log_likelihood(VARIED, TRIALS, free)
    np.testing.assert_allclose(tw.log_likelihood(VARIED, TRIALS, free, plain=True), compiled, rtol=1e-12)
    packed, matrix = pack(VARIED, TRIALS), np.stack(list(free.values()), 1)
    np.testing.assert_allclose(run_plain(VARIED, packed, matrix), compiled, rtol=1e-12)
    theirs = trace_plain(ByHand(), pack(ByHand(), TRIALS), matrix)
    for ours, their in zip(trace_plain(VARIED, packed, matrix), theirs, strict=True):
        np.testing.assert_allclose(ours, their, rtol=1e-12)


def test_values_of_trials_are_those_of_the_learner_written_by_hand():
    free = values(VARIED)
    ours, theirs = tw.trial_values(VARIED, TRIALS, free), tw.trial_values(ByHand(), TRIALS, by_hand(free))
    assert ours["error"].notna().any()
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "each", [tw.QLearning(), tw.learners.RescorlaWagner(), tw.QLearning().with_lapse().with_stickiness()], ids=repr
)
def test_with_equal_levels_it_is_the_unvaried_learner(each):
    trials = TRIALS if each.acts else read(table().assign(response=np.linspace(0, 1, 160)), response="response")
    varied = each.vary(**{name: SPEED if k % 2 else STAKE for k, name in enumerate(each.names)})
    free = values(each)
    expanded = {name: free[name.partition("[")[0]] for name in varied.names}
    np.testing.assert_allclose(
        tw.log_likelihood(varied, trials, expanded), tw.log_likelihood(each, trials, free), rtol=1e-12
    )


class Speeds(tw.environments.Environment):
    """A bandit with two speeds in alternating blocks and three stakes in random order."""

    levels = {"action": (0, 1, 2), "cue": (0, 1), "speed": ("slow", "fast"), "stake": (1, 5, 25)}

    def show(self, random):
        number = np.arange(60)
        columns = {"cue": random.integers(0, 2, 60), "speed": number // 10 % 2, "stake": random.integers(0, 3, 60)}
        return tw.environments.Shown(60, columns)

    def potential(self, shown, random):
        return (random.random((shown.trials, 3)) < (0.2, 0.5, 0.8)).astype(float)


def test_simulations_with_the_same_seed_are_the_same():
    free = values(VARIED, count=5)
    ours = tw.simulate(VARIED, Speeds(), free, seed=3)
    theirs = tw.simulate(ByHand(), Speeds(), by_hand(free), seed=3)
    pd.testing.assert_frame_equal(ours.trials.to_frame(), theirs.trials.to_frame())
    np.testing.assert_allclose(ours.log_probability, theirs.log_probability, rtol=1e-12)
    assert list(ours.parameters) == ["participant", *VARIED.names]
    again = tw.simulate(VARIED, Speeds(), ours.parameters, seed=3)
    assert again.trials.choice.tolist() == ours.trials.choice.tolist()
    packed, matrix = pack(VARIED, ours.trials), np.stack(list(free.values()), 1)
    potential, random = ours.potential[:, :, None], np.random.default_rng(1).random((300, 2))
    compiled, plain = (run(VARIED, packed, matrix, potential, random) for run in (run_rollout, rollout_plain))
    np.testing.assert_array_equal(compiled[0].observed, plain[0].observed)
    np.testing.assert_allclose(compiled[1], plain[1], rtol=1e-12)


def test_an_environment_without_the_column_is_refused():
    task = tw.environments.AlienTask(trials=20)
    with pytest.raises(
        tw.errors.UsageError, match=r"(?s)alpha varies by speed, and there is no such column.*beta varies by stake"
    ):
        tw.simulate(VARIED, task, values(VARIED))


def test_hidden_choices():
    ours, theirs = HiddenChoice().vary(alpha=SPEED), HiddenByHand()
    trials = TRIALS.first(9)
    free = values(ours, seed=5)
    for options in ({"method": "exact"}, {"seed": 4, "particles": 50}):
        np.testing.assert_allclose(
            tw.log_likelihood(ours, trials, free, **options),
            tw.log_likelihood(theirs, trials, by_hand(free), **options),
            rtol=1e-10,
        )
    one, other = tw.trial_values(ours, trials, free), tw.trial_values(theirs, trials, by_hand(free))
    pd.testing.assert_frame_equal(one, other, rtol=1e-9, atol=1e-12)
    equal = {"alpha[slow]": 0.3, "alpha[fast]": 0.3, "beta": 2.0}
    np.testing.assert_allclose(
        tw.log_likelihood(ours, trials, equal, method="exact"),
        tw.log_likelihood(HiddenChoice(), trials, {"alpha": 0.3, "beta": 2.0}, method="exact"),
        rtol=1e-12,
    )
    simulated = tw.simulate(ours, Speeds(), free, seed=2), tw.simulate(theirs, Speeds(), by_hand(free), seed=2)
    assert simulated[0].trials.choice.tolist() == simulated[1].trials.choice.tolist()
    assert simulated[0].hidden.tolist() == simulated[1].hidden.tolist()


def test_ties_follow_and_restrictions_replace():
    tied = tw.QLearning().tie(forget="alpha").vary(alpha=SPEED)
    assert tied.names == ("alpha[slow]", "alpha[fast]", "beta")
    free = {"alpha[slow]": 0.1, "alpha[fast]": 0.6, "beta": 3.0}
    both = tw.QLearning().vary(alpha=SPEED, forget=SPEED)
    same = free | {"forget[slow]": 0.1, "forget[fast]": 0.6}
    np.testing.assert_allclose(tw.log_likelihood(tied, TRIALS, free), tw.log_likelihood(both, TRIALS, same), rtol=1e-12)
    fixed = VARIED.fix(alpha=0.2).tie(forget="alpha")
    assert fixed.names == ("beta[1]", "beta[5]", "beta[25]") and not set(fixed.varied) & {"alpha", "forget"}
    assert VARIED.fix(beta=1.0).names == ("alpha[slow]", "alpha[fast]", "forget[slow]", "forget[fast]")


def test_levels_that_the_data_lack_are_fine_and_others_are_refused():
    more = tw.QLearning().vary(alpha={"speed": ["still", "slow", "fast"]})
    free = {"alpha[still]": 0.9, "alpha[slow]": 0.1, "alpha[fast]": 0.5, "beta": 2.0, "forget": 0.1}
    two = tw.QLearning().vary(alpha=SPEED)
    expected = tw.log_likelihood(two, TRIALS, {name: each for name, each in free.items() if name != "alpha[still]"})
    np.testing.assert_allclose(tw.log_likelihood(more, TRIALS, free), expected, rtol=1e-12)
    only = tw.QLearning().vary(alpha={"speed": ["slow"]}, beta={"stake": [1, 5]})
    with pytest.raises(tw.errors.UsageError) as refused:
        tw.log_likelihood(only, TRIALS, {"alpha[slow]": 0.1, "beta[1]": 1, "beta[5]": 1, "forget": 0.1})
    text = str(refused.value)
    first = int(np.argmax(table()["speed"] == "fast"))
    where = f"(first on trial {first + 1} of participant 's0', row {first + 2} of the file)"
    assert f"alpha varies by speed, with a value at each of slow; the data also have fast {where}" in text
    assert "vary(alpha={'speed': ['slow', 'fast']})" in text and "vary(beta={'stake': [1, 5, 25]})" in text
    missing = tw.QLearning().vary(alpha={"day": [1, 2]})
    with pytest.raises(tw.errors.UsageError, match=r"no such column .*cue.*labels=\['day'\]"):
        tw.log_likelihood(missing, TRIALS, {"alpha[1]": 0.1, "alpha[2]": 0.1, "beta": 1, "forget": 0.1})
    numbers = tw.read_long(table(), numbers=["stake"])
    with pytest.raises(tw.errors.UsageError, match=r"stake, which was read as numbers"):
        tw.log_likelihood(tw.QLearning().vary(beta=STAKE), numbers, {})


def test_labels_are_the_same_as_text_and_as_number():
    text = tw.QLearning().vary(beta={"stake": ["1", "5", "25"]})
    free = {"alpha": 0.2, "beta[1]": 1.0, "beta[5]": 2.0, "beta[25]": 3.0, "forget": 0.1}
    number = tw.QLearning().vary(beta=STAKE)
    np.testing.assert_array_equal(tw.log_likelihood(text, TRIALS, free), tw.log_likelihood(number, TRIALS, free))


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"alhpa": SPEED}, "no such parameter"),
        ({"initial": SPEED}, "'initial' is a setting"),
        ({"alpha[slow]": SPEED}, "no such parameter"),
        ({"alpha": "speed"}, "one column and its levels are wanted"),
        ({"alpha": {**SPEED, **STAKE}}, "not 2 columns"),
        ({"alpha": {"speed": "slow"}}, "list of its levels"),
        ({"alpha": {"speed": []}}, "list of its levels"),
        ({"alpha": {"speed": [1, "1"]}}, "are the same level"),
        ({"alpha": {"speed": ["a/b", "a|b"]}}, "are the same level"),
        ({"alpha": {"speed": [None]}}, "levels are texts or numbers"),
    ],
)
def test_conditions_that_are_none_are_refused(conditions, words):
    with pytest.raises(tw.errors.UsageError, match=words):
        tw.QLearning().vary(**conditions)


def test_parameters_that_are_not_free_do_not_vary():
    with pytest.raises(tw.errors.UsageError, match=r"alpha is fixed at 0.1"):
        tw.QLearning().fix(alpha=0.1).vary(alpha=SPEED)
    with pytest.raises(tw.errors.UsageError, match=r"forget is tied to alpha"):
        tw.QLearning().tie(forget="alpha").vary(forget=SPEED)
    with pytest.raises(tw.errors.UsageError, match=r"is one level of a parameter that varies"):
        VARIED.fix(**{"alpha[slow]": 0.1})
    with pytest.raises(tw.errors.UsageError, match=r"alpha varies by speed in .*: give alpha\[slow\], alpha\[fast\]"):
        tw.log_likelihood(VARIED, TRIALS, {"alpha": 0.2})


def test_it_is_a_value_like_other_learners():
    again = tw.QLearning(initial=0.4).vary(beta=STAKE).vary(forget=SPEED, alpha=SPEED)
    assert again == VARIED and hash(again) == hash(VARIED) and repr(again) == repr(VARIED)
    assert eval(repr(VARIED), {"QLearning": tw.QLearning}) == VARIED
    others = [
        tw.QLearning(initial=0.4),
        VARIED.vary(alpha={"speed": ["fast", "slow"]}),
        VARIED.vary(alpha={"pace": ["slow", "fast"]}),
    ]
    assert len({VARIED, *others}) == 4 and len({digest(each) for each in (VARIED, *others)}) == 4
    for copied in (copy.deepcopy(VARIED), pickle.loads(pickle.dumps(VARIED)), unpack(parcel_of(VARIED))):
        assert copied == VARIED and copied.names == VARIED.names
    assert learner_from_attributes(learner_to_attributes(VARIED)) == VARIED
    assert unpack(parcel_of(HiddenChoice().vary(alpha=SPEED))).names == ("alpha[slow]", "alpha[fast]", "beta")
    assert VARIED.key == VARIED.vary(alpha={"pace": ["slow", "fast"]}).key  # the same machine code


def test_names_have_no_characters_that_separate_names():
    assert Varied("x", ("a/b", "c, d", 2.5, True)).names("k") == ("k[a|b]", "k[c; d]", "k[2.5]", "k[True]")


def test_values_that_apply_on_a_trial():
    free = {name: float(k) for k, name in enumerate(VARIED.names)}
    assert VARIED.at(free, {"speed": "fast", "stake": "5"}) == {"alpha": 1.0, "beta": 3.0, "forget": 6.0}
    with pytest.raises(tw.errors.UsageError, match="alpha has no value at speed 'medium': its levels are slow, fast"):
        VARIED.at(free, {"speed": "medium", "stake": 1})


@pytest.mark.parametrize("each", [VARIED, tw.learners.TaskSets(sets=2).vary(alpha=SPEED, beta_high=STAKE)], ids=repr)
def test_the_check_of_a_learner_passes(each):
    report = tw.check_learner(each)
    assert report.passed, str(report)
