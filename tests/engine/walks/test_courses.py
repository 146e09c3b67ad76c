"""Courses of hidden choices, compared with the enumeration of all of them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import chisquare

import trialwise as tw
from trialwise.engine import run, run_courses as courses_of
from trialwise.engine.flags import FLAGS, HIDDEN, HIDES
from trialwise.engine.packing import pack
from trialwise.engine.run_courses import course_drawer, permutations_of
from trialwise.engine.run_hidden import run_exact, stream_keys

pytestmark = pytest.mark.compile

LEARNER = tw.learners.TaskSets(initial=1.2)
FREE = np.array([[0.6, 1.2, 0.1, 0.6, 2.5, 0.05]])
TRIALS, COPIES = 8, 20000


@tw.learner
class Rule:
    """Two rules that are not exchangeable, a state that begins with a parameter, and that a reset changes but does not forget."""

    beta: float = tw.positive("inverse temperature")
    bias: float = tw.real("preference for the first rule")
    rules: int = tw.hidden(2, "rules")

    def start(self, task):
        return tw.state(by_cue=task.table("cue", "action", fill=self.bias), overall=task.table("action"))

    def reset(self, now, trial):
        now.overall.fill(0.0)

    def hide(self, now, trial, preference):
        preference[0] = self.bias + now.by_cue[trial.cue, 0]
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
def short():
    """Eight trials of one agent, with a missed trial, a choice without an outcome and a reset."""
    trials = tw.simulate(
        LEARNER, tw.environments.AlienTask(trials=TRIALS), dict(zip(LEARNER.names, FREE[0], strict=True)), seed=4
    ).trials
    columns = {name: replace(trials.columns[name], values=values) for name, values in SHOWN.items()}
    outcome = {"outcome": np.array(OUTCOMES)}
    return replace(
        trials,
        choice=np.array(CHOICES),
        reset=np.arange(TRIALS) == RESET,
        outcome=outcome,
        columns=trials.columns | columns,
    )


SHOWN = {"context": np.array([0, 0, 1, 1, 0, 1, 0, 0]), "cue": np.array([0, 0, 0, 0, 1, 0, 1, 0])}
CHOICES, OUTCOMES, RESET = [0, 0, -1, 1, 1, 1, 1, 0], [3.0, 0.0, np.nan, 4.0, np.nan, 2.0, 1.0, 3.0], 6


def enumerated(learner, packed, free):
    """All courses ``(courses, trials)``, with their probabilities given the responses; by the joint likelihood of each."""
    drawn = (packed.ints[:, FLAGS] & HIDES) > 0
    courses = [np.zeros(TRIALS, int) for _ in range(packed.options ** drawn.sum())]
    for course, options in zip(courses, itertools.product(range(packed.options), repeat=drawn.sum()), strict=True):
        course[drawn] = options
    values = [run.run_gradient(learner, packed.with_hidden(course), free)[0][0] for course in courses]
    return np.array(courses), softmax(values)


def spread(courses, share, count, seed):
    """So many courses in random order, each as often as its probability says."""
    random = np.random.default_rng(seed)
    places = np.searchsorted(np.cumsum(share), (np.arange(count) + random.random()) / count)
    return courses[random.permutation(np.minimum(places, len(courses) - 1))]


def copied(packed, courses):
    """The trials of one participant for many, each with a course ``(participants, trials)`` of its own."""
    count = len(courses)
    parts = {name: np.tile(getattr(packed, name), (count, 1)) for name in ("observed", "ints", "reals")}
    offsets, rows = np.arange(count + 1, dtype=np.int32) * TRIALS, np.zeros(count, np.int32)
    many = replace(packed, **parts, offsets=offsets, rows=rows, participants=tuple(map(str, range(count))))
    return many.with_hidden(courses.ravel())


def kinds(courses, packed, exchangeable):
    """What courses say about the options of each trial: which one; or for exchangeable ones, on which pairs of trials they are equal."""
    drawn = (packed.ints[:, FLAGS] & HIDES) > 0
    section = np.cumsum(np.arange(TRIALS) == RESET)
    if not exchangeable:
        return (courses == 1)[:, drawn]
    pairs = [(s, t) for s, t in itertools.combinations(np.flatnonzero(drawn), 2) if section[s] == section[t]]
    return np.stack([courses[:, s] == courses[:, t] for s, t in pairs], 1)


@pytest.mark.parametrize("window", [0, 1, 3])
@pytest.mark.parametrize("particles", [2, 4, 8])
@pytest.mark.parametrize(
    ("learner", "free"), [(LEARNER, FREE), (Rule(), np.array([[2.0, 0.5]]))], ids=["exchangeable", "not exchangeable"]
)
def test_courses_keep_the_enumerated_distribution(short, learner, free, particles, window):
    """Courses that begin with the right distribution still have it after three draws."""
    packed = pack(learner, short)
    courses, share = enumerated(learner, packed, free)
    many = copied(packed, spread(courses, share, COPIES, 10 * particles + window))
    resamplings, renewals = 0, 0
    for draw in range(3):
        keys = stream_keys(np.uint64(particles), np.arange(COPIES) + draw * COPIES)
        result = course_drawer(learner, many, particles, window=window, threshold=(1.01, 0.95, 0.9)[draw])(free, keys)
        assert result.fine.all()
        resamplings, renewals = resamplings + result.resamplings.sum(), renewals + result.renewed.sum()
    assert resamplings > COPIES and renewals > 0
    drawn = many.ints[:, HIDDEN].reshape(COPIES, TRIALS)
    found, expected = (kinds(each, packed, learner.exchangeable) for each in (drawn, courses))
    probability = share @ expected
    error = np.sqrt(probability * (1 - probability) / COPIES)
    assert np.ptp(probability) > 0.1
    assert (np.abs(found.mean(0) - probability) < 3 * error).all()
    patterns, place = np.unique(expected, axis=0, return_inverse=True)
    mass = np.bincount(place.ravel(), share)
    counts = np.array([(found == pattern).all(1).sum() for pattern in patterns])
    often = mass * COPIES > 5
    observed, wanted = ([*x[often], x[~often].sum()] for x in (counts, mass * COPIES))
    assert counts.sum() == COPIES and often.sum() > 10
    assert chisquare(observed, wanted).pvalue > 1e-3


def test_courses_forget_where_they_began(short):
    """From one course, which is improbable, to the enumerated distribution."""
    packed = pack(LEARNER, short)
    courses, share = enumerated(LEARNER, packed, FREE)
    many = copied(packed, np.tile(courses[share.argmin()], (COPIES, 1)))
    for draw in range(25):
        keys = stream_keys(np.uint64(77), np.arange(COPIES) + draw * COPIES)
        course_drawer(LEARNER, many, 4, window=1, threshold=1.01)(FREE, keys)
    found, expected = (kinds(each, packed, True) for each in (many.ints[:, HIDDEN].reshape(COPIES, TRIALS), courses))
    probability = share @ expected
    assert (np.abs(found.mean(0) - probability) < 3 * np.sqrt(probability * (1 - probability) / COPIES)).all()


def test_many_particles_need_no_present_course(short):
    packed = pack(LEARNER, short)
    courses, share = enumerated(LEARNER, packed, FREE)
    many = copied(packed, np.zeros((2000, TRIALS), int))
    course_drawer(LEARNER, many, 400)(FREE, stream_keys(np.uint64(3), np.arange(2000)), conditional=False)
    found, expected = (kinds(each, packed, True) for each in (many.ints[:, HIDDEN].reshape(2000, TRIALS), courses))
    probability = share @ expected
    assert (np.abs(found.mean(0) - probability) < 4 * np.sqrt(probability * (1 - probability) / 2000)).all()


@pytest.mark.parametrize("conditional", [True, False])
def test_plain_and_compiled_courses_agree(short, conditional):
    """Also with candidates for the parameters of every other one."""
    random = np.random.default_rng(2)
    for learner, free in ((LEARNER, FREE), (Rule(), np.array([[2.0, 0.5]]))):
        start = random.integers(0, 2, (30, TRIALS))
        free = free * random.uniform(0.7, 1.3, (5, 30, 1))
        candidates = courses_of.Candidates(free, random.dirichlet(np.ones(5), 30), np.arange(30) % 2 == 0)
        many = replace(copied(pack(learner, short), start), rows=np.arange(30, dtype=np.int32))
        compiled, plain = many, many.with_hidden(start.ravel())
        keys = stream_keys(np.uint64(8), np.arange(30))
        for given in (None, candidates):
            drawers = (
                course_drawer(learner, each, 5, window=1, threshold=0.9, plain=each is plain)
                for each in (compiled, plain)
            )
            results = [draw(free[0], keys, conditional, given) for draw in drawers]
            for one, other in zip(*results, strict=True):
                np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(compiled.ints, plain.ints)
            assert given is None or not conditional or (results[0].chosen[::2] > 0).any()
            assert not results[0].chosen[1::2].any()


def test_permutations_of_some_labels_keep_the_enumerated_distribution(short, monkeypatch):
    """As with more options than all permutations could be tried of; here those of two labels, chosen anew for each call."""
    monkeypatch.setattr(courses_of, "PERMUTED", 2)
    packed = pack(LEARNER, short)
    courses, share = enumerated(LEARNER, packed, FREE)
    random, drawn = np.random.default_rng(5), []
    for call in range(120):
        many = copied(packed, courses[random.choice(len(courses), 50, p=share)])
        for draw in range(2):
            keys = stream_keys(np.uint64(call), np.arange(50) + draw * 50)
            course_drawer(LEARNER, many, 4, window=1, threshold=1.01)(FREE, keys)
        drawn.append(many.ints[:, HIDDEN].reshape(50, TRIALS))
    found, expected = (kinds(each, packed, True) for each in (np.concatenate(drawn), courses))
    probability = share @ expected
    assert (np.abs(found.mean(0) - probability) < 3 * np.sqrt(probability * (1 - probability) / 6000)).all()


def test_ancestors_renew_the_beginning_of_a_course(short):
    """With two particles, always resampled: without ancestor sampling the first choice is hardly ever another particle's."""
    packed, shares = pack(LEARNER, short), []
    for window in (0, 2):
        many = copied(packed, np.zeros((500, TRIALS), int))
        result = course_drawer(LEARNER, many, 2, window=window, threshold=1.01)(
            FREE, stream_keys(np.uint64(3), np.arange(500))
        )
        shares.append(result.renewed.reshape(500, TRIALS)[:, 0].mean())
    assert shares[0] < 0.1 and shares[1] > 3 * shares[0]


def test_permutations_of_labels():
    keys = stream_keys(np.uint64(8), np.arange(3))
    assert (
        len(permutations_of(LEARNER, 3, keys)) == 6
        and len(permutations_of(tw.learners.TaskSets(sets=4), 4, keys)) == 24
    )
    many = permutations_of(tw.learners.TaskSets(sets=6), 6, keys)
    assert len(many) == 24 and (many[0] == np.arange(6)).all() and (np.sort(many, 1) == np.arange(6)).all()
    found = {tuple(each) for each in many}
    assert len(found) == 24 and {tuple(one[other]) for one in many for other in many} == found  # a group
    assert (many == np.arange(6)).all(0).sum() == 2
    assert not np.array_equal(many, permutations_of(tw.learners.TaskSets(sets=6), 6, keys + np.uint64(1)))
    assert len(permutations_of(Rule(), 2, keys)) == 1


@pytest.mark.parametrize("particles", [2, 4, 8])
@pytest.mark.parametrize(
    ("learner", "values"),
    [
        (LEARNER, [FREE[0], [0.2, 0.4, 0.4, 0.05, 0.8, 0.3], [0.9, 2.0, 0.01, 0.9, 5.0, 0.02]]),
        (Rule(), [[2.0, 0.5], [0.7, -0.5], [4.0, 1.5]]),
    ],
    ids=["exchangeable", "not exchangeable"],
)
def test_candidates_and_courses_have_the_enumerated_joint_distribution(short, learner, values, particles):
    """Three values of the parameters with unequal prior probabilities, proposed symmetrically: their posterior is that of enumerated likelihoods,
    and so are courses given each."""
    packed, prior = pack(learner, short), np.array([0.2, 0.5, 0.3])
    values, copies = np.array(values), COPIES // 2
    courses, shares, evidence = [], [], []
    for each in values:
        those, share = enumerated(learner, packed, each[None])
        courses.append(those)
        shares.append(share)
        evidence.append(run_exact(learner, packed, each[None])[0][0])
    posterior = prior * np.exp(evidence - np.max(evidence))
    posterior /= posterior.sum()
    assert posterior.min() > 0.02
    random = np.random.default_rng(particles)
    at = random.choice(3, copies, p=posterior)
    start = np.array([courses[k][random.choice(len(courses[k]), p=shares[k])] for k in at])
    many = replace(copied(packed, start), rows=np.arange(copies, dtype=np.int32))
    draw = course_drawer(learner, many, particles, window=2, threshold=0.95)
    for turn in range(3):
        other = random.integers(3, size=(particles, copies))
        other[0] = at
        chances = prior[other].T
        candidates = courses_of.Candidates(
            values[other], chances / chances.sum(1, keepdims=True), np.ones(copies, bool)
        )
        drawn = draw(values[at], stream_keys(np.uint64(particles), np.arange(copies) + turn * copies), True, candidates)
        assert drawn.fine.all()
        before, at = at, other[drawn.chosen, np.arange(copies)]
    assert (before != at).mean() > 0.05
    error = np.sqrt(posterior * (1 - posterior) / copies)
    assert (np.abs(np.bincount(at, minlength=3) / copies - posterior) < 3 * error).all()
    found = kinds(many.ints[:, HIDDEN].reshape(copies, TRIALS), packed, learner.exchangeable)
    for k in range(3):
        probability = shares[k] @ kinds(courses[k], packed, learner.exchangeable)
        error = np.sqrt(probability * (1 - probability) / (at == k).sum())
        assert (np.abs(found[at == k].mean(0) - probability) < 3.5 * error + 1e-12).all()
