"""Courses drawn by particles side by side, each with parameters of its own, compared with the plain loop at the same random numbers."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import trialwise as tw
from trialwise.engine.flags import FLAGS, HIDDEN, HIDES
from trialwise.engine.kernels.compiled_hidden import WITH_PARAMETERS, goes_abreast
from trialwise.engine.packing import pack
from trialwise.engine.run_courses import Candidates, course_drawer
from trialwise.engine.run_hidden import stream_keys

pytestmark = pytest.mark.compile

PEOPLE, TRIALS = 3, 30
SETS = tw.learners.TaskSets(initial=1.2)


@tw.learner
class Timed:
    """Two habits whose strengths set choices and response times; a memory, whole numbers, a reset of one's own, and forgetting that is nearly complete
    for some values of the parameters."""

    alpha: float = tw.unit("learning rate")
    keep: float = tw.unit("what is kept of the strengths")
    slow: float = tw.real("log response time")
    habits: int = tw.hidden(2, "habits")

    def start(self, task):
        return tw.state(strength=task.table("action", self.habits, fill=self.alpha), last=tw.memory(), bias=self.slow)

    def reset(self, now, trial):
        now.last = 0
        now.bias = 0.5 * self.slow

    def hide(self, now, trial, preference):
        preference[0] = now.bias
        preference[1] = self.keep if now.last == 1 else 0.0

    def choose(self, now, trial, habit, preference):
        for action in range(len(preference)):
            preference[action] = 2.0 * now.strength[action, habit] + (0.3 if now.last == action else 0.0)

    @tw.responses.lognormal
    def pace(self, now, trial):
        return self.slow + 0.2 * now.strength[0, 0], 0.5

    def elapse(self, now, trial):
        now.strength.decay(1.0 - self.keep, self.alpha)

    def learn(self, now, trial, habit, choice, outcome):
        now.strength[choice, habit] += self.alpha * (outcome - now.strength[choice, habit])
        now.bias = 0.9 * now.bias + 0.1 * outcome
        now.last = choice


@tw.learner
class Wary:
    """A learner that looks at the value of a parameter, which may differ between candidates."""

    bias: float = tw.real("preference for the first habit")
    habits: int = tw.hidden(2, "habits")

    def start(self, task):
        return task.table("action", self.habits, fill=0.1)

    def hide(self, q, trial, preference):
        preference[0] = self.bias if self.bias > 0.0 else 0.5 * self.bias
        preference[1] = 0.0

    def choose(self, q, trial, habit, preference):
        for action in range(len(preference)):
            preference[action] = q[action, habit]

    def learn(self, q, trial, habit, choice, outcome):
        q[choice, habit] += 0.3 * (outcome - q[choice, habit])


VARIED = SETS.with_stickiness().with_lapse().vary(alpha={"half": ["first", "second"]}, beta="stake")


@pytest.fixture(scope="module")
def trials():
    """Three agents, with missed trials, a reset, a condition, a number, and response times."""
    data = tw.simulate(
        SETS, tw.environments.AlienTask(trials=TRIALS), dict(zip(SETS.names, (0.5, 1.5, 0.1, 0.5, 2.0, 0.1), strict=True)),
        participants=PEOPLE, seed=3,
    ).trials.to_frame()  # fmt: skip
    random, at = np.random.default_rng(1), np.arange(len(data)) % TRIALS
    data["half"], data["stake"] = np.where(at < TRIALS // 2, "first", "second"), random.normal(size=len(data))
    data["time"], data["again"] = random.lognormal(0.0, 0.5, len(data)), at == 12
    data.loc[::7, ["choice", "outcome", "time"]] = None
    return tw.read_long(data, reset="again", response={"pace": "time"}, labels=["half"], numbers=["stake"])


@pytest.mark.parametrize(
    ("learner", "side_by_side"),
    [(VARIED, True), (tw.learners.HierarchicalBayes(), True), (Timed(), True), (Wary(), False)],
    ids=["slots", "distributions", "memory", "looks at a parameter"],
)
def test_courses_of_particles_side_by_side_are_those_of_the_plain_loop(trials, learner, side_by_side):
    packed = pack(learner, trials)
    random = np.random.default_rng(4)
    many, rounds = 19, 3
    free = random.uniform(0.02, 0.98, (many, PEOPLE, packed.all_slots))
    chances = random.dirichlet(np.ones(many), PEOPLE)
    candidates = Candidates(free, chances, np.array([True, False, True]))
    start = random.integers(0, packed.options, len(packed.ints)) * ((packed.ints[:, FLAGS] & HIDES) > 0)
    compiled, plain = packed.with_hidden(start), packed.with_hidden(start)
    chosen = []
    for turn in range(rounds):
        keys = stream_keys(np.uint64(turn), np.arange(PEOPLE))
        one, other = (
            course_drawer(learner, each, many, window=4, threshold=(0.5, 0.9, 1.01)[turn], plain=each is plain)(
                free[0], keys, True, candidates
            )
            for each in (compiled, plain)
        )
        for part, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, same)
        np.testing.assert_array_equal(compiled.ints, plain.ints)
        assert one.fine.all() and (turn < 2 or one.resamplings.min() > 10)
        chosen.extend(one.chosen)
    assert max(chosen) > 0
    assert goes_abreast(learner, packed, WITH_PARAMETERS) == side_by_side


def test_a_candidate_without_a_likelihood_loses(trials):
    """An infinite inverse temperature makes logits infinite, and the likelihood NaN: the others are drawn as if it had no chance."""
    packed = pack(SETS, trials)
    count, copies = 5, 400
    parts = {name: np.tile(getattr(packed, name)[:TRIALS], (copies, 1)) for name in ("observed", "ints", "reals")}
    many = replace(
        packed, **parts, offsets=np.arange(copies + 1, dtype=np.int32) * TRIALS, rows=np.arange(copies, dtype=np.int32),
        participants=tuple(map(str, range(copies))),
    )  # fmt: skip
    free = np.tile([0.5, 1.5, 0.1, 0.5, 2.0, 0.1], (count, copies, 1))
    free[2, :, 1] = np.inf
    free[3, :, 0] = np.nan
    candidates = Candidates(free, np.full((copies, count), 1 / count), np.ones(copies, bool))
    many = many.with_hidden(np.zeros(copies * TRIALS, int))
    drawn = course_drawer(SETS, many, count)(free[0], stream_keys(np.uint64(1), np.arange(copies)), True, candidates)
    assert drawn.fine.all()
    assert set(np.unique(drawn.chosen)) == {0, 1, 4}


@tw.learner
class Precise:
    """Three habits, the first of which is closed, with judgements so precise that densities multiply beyond the largest number."""

    strength: float = tw.positive("inverse temperature")
    habits: int = tw.hidden(3, "habits")

    def start(self, task):
        return task.table(self.habits, "action")

    def hide(self, q, trial, preference):
        preference[0] = -np.inf
        preference[1] = self.strength * q[1, 0]
        preference[2] = self.strength * q[2, 0]

    def choose(self, q, trial, habit, preference):
        for action in range(len(preference)):
            preference[action] = self.strength * q[habit, action]

    @tw.responses.normal
    def judgement(self, q, trial):
        return 0.0, 0.001

    def learn(self, q, trial, habit, choice, outcome):
        q[habit, choice] += 0.3 * (outcome - q[habit, choice])


@pytest.mark.parametrize("plain", [False, True], ids=["side by side", "plain"])
def test_long_futures_of_precise_responses_renew_the_beginning(plain):
    """400 trials with densities of 400 each; particles that hold the present course alone would not renew its first tenth."""
    trials, copies = 400, 2 if plain else 30
    random = np.random.default_rng(2)
    choice = random.integers(0, 2, trials)
    rows = {"participant": 1, "choice": choice, "outcome": (choice == 0) * 1.0, "judged": 0.0}
    packed = pack(Precise(), tw.read_long(pd.DataFrame(rows), response={"judgement": "judged"}))
    parts = {name: np.tile(getattr(packed, name), (copies, 1)) for name in ("observed", "ints", "reals")}
    many = replace(
        packed, **parts, offsets=np.arange(copies + 1, dtype=np.int32) * trials, rows=np.zeros(copies, np.int32),
        participants=tuple(map(str, range(copies))),
    ).with_hidden(np.ones(copies * trials, int))  # fmt: skip
    renewed = 0.0
    for turn in range(2):
        keys = stream_keys(np.uint64(turn), np.arange(copies))
        drawn = course_drawer(Precise(), many, 8, threshold=0.8, plain=plain)(np.array([[2.0]]), keys)
        assert drawn.fine.all() and drawn.resamplings.min() > 5
        renewed += drawn.renewed.reshape(copies, trials)[:, :40].mean() / 2
    assert set(np.unique(many.ints[:, HIDDEN])) == {1, 2}
    assert renewed > 0.1
    assert plain or goes_abreast(Precise(), many, WITH_PARAMETERS)
