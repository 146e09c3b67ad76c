"""Point estimates with a hidden choice, compared with optima of likelihoods that are summed over all courses of hidden choices."""

import numpy as np
import pytest
from scipy.optimize import minimize

import trialwise as tw
from trialwise.engine.packing import pack
from trialwise.engine.run_hidden import run_exact
from trialwise.inference import stochastic_em
from trialwise.inference.stochastic_em import Courses, Prior, averaged, first_estimate, inverse_curvature
from trialwise.population.population import population_of

pytestmark = pytest.mark.compile

LEARNER = tw.learners.TaskSets(initial=1.2).tie(alpha_high="alpha", beta_high="beta", forget_high="forget")
TRIALS, PARTICIPANTS = 7, 3
NEARLY_NONE = np.full(3, 1e-3)


@pytest.fixture(scope="module")
def prior(trials):
    normal = population_of(LEARNER, trials, pooling="none").prior
    return Prior(normal.mean, 1.0 / normal.total**2)


def exactly(trials, n, u, prior):
    """What is maximised for participant ``n`` at ``u (parameters,)`` and its gradient, by the sum over all courses."""
    theta = np.array([[float(p.constrain(value)) for p, value in zip(LEARNER.parameters, u, strict=True)]])
    slopes = np.array([float(p.slope(value)) for p, value in zip(LEARNER.parameters, u, strict=True)])
    value, gradient, _ = run_exact(LEARNER, pack(LEARNER, trials).only(n), theta)
    away = u - prior.mean
    return value[0] - 0.5 * (prior.precision * away**2).sum(), gradient[0] * slopes - prior.precision * away


def optimum(trials, n, prior, starts):
    """The best of the optima that are reached from ``starts (starts, parameters)``, and the value there."""
    ends = [
        minimize(lambda u: tuple(-part for part in exactly(trials, n, u, prior)), start, jac=True, method="L-BFGS-B")
        for start in starts
    ]
    best = min(ends, key=lambda end: end.fun)
    return best.x, -best.fun


def dispersed(trials, count, seed=0):
    normal = population_of(LEARNER, trials, pooling="none").prior
    return normal.mean + normal.total * np.random.default_rng(seed).standard_normal((count, 3))


def estimates(table):
    """The estimates of a table, ``(participants, parameters)``, on the unconstrained scale."""
    return np.stack([p.unconstrain(table[p.name].to_numpy()) for p in LEARNER.parameters], 1)


def losses(trials, u, prior, count=6):
    """How much lower what is maximised is at ``u (participants, parameters)`` than at the exact optimum, ``(participants,)``."""
    best = [optimum(trials, n, prior, dispersed(trials, count, n))[1] for n in range(PARTICIPANTS)]
    return np.array(best) - [exactly(trials, n, u[n], prior)[0] for n in range(PARTICIPANTS)]


@pytest.fixture(scope="module")
def point(trials):
    return tw.point(LEARNER, trials, starts=3, seed=1)


def test_the_map_estimate_is_the_optimum_of_the_enumerated_likelihood(trials, prior, point):
    """Within the Monte Carlo error that the docstring states, 0.1 nats on average; the optima are interior and unique."""
    loss = losses(trials, estimates(point.maximum_a_posteriori), prior)
    assert (loss > -1e-3).all() and loss.mean() < stochastic_em.TOLERANCE and loss.max() < 3 * stochastic_em.TOLERANCE
    assert point.unsettled["maximum_a_posteriori"] == ()
    assert (point.maximum_a_posteriori["found_again"] == 3).all()


def test_the_maximum_likelihood_estimate_is_no_lower_than_the_optimum_of_the_enumerated_likelihood(
    trials, prior, point
):
    """For the participant with an interior optimum, and for the others, whose optima are near a border."""
    nearly_none = Prior(prior.mean, NEARLY_NONE)
    best = [optimum(trials, n, nearly_none, dispersed(trials, 6, n))[0] for n in range(PARTICIPANTS)]
    assert (np.abs(best) < 3.0).all(1).any()
    loss = losses(trials, estimates(point.maximum_likelihood), nearly_none)
    assert loss.max() < 3 * stochastic_em.TOLERANCE
    value, mode = (table["log_likelihood"] for table in (point.maximum_likelihood, point.maximum_a_posteriori))
    assert (value > mode - stochastic_em.TOLERANCE).all()


def test_log_likelihoods_are_those_of_the_estimates(trials, point):
    for table in point.tables().values():
        values = {p.name: table[p.name].to_numpy() for p in LEARNER.parameters}
        exact = tw.log_likelihood(LEARNER, trials, values, method="exact")
        away = table["log_likelihood"].to_numpy() - np.asarray(exact)
        assert (np.abs(away) < 4 * table["standard_error"] + 1e-3).all()


def test_longer_rounds_come_closer_to_the_optimum(trials, prior, monkeypatch):
    """Losses over several runs are as small as the tolerance says they are, for a tolerance ten times as strict too."""
    begin = np.tile(prior.mean, (PARTICIPANTS, 1))
    best = np.array([optimum(trials, n, prior, dispersed(trials, 4, n))[1] for n in range(PARTICIPANTS)])
    for tolerance in (0.1, 0.01):
        monkeypatch.setattr(stochastic_em, "TOLERANCE", tolerance)
        loss = []
        for seed in range(8):
            ascent = averaged(Courses(LEARNER, trials, seed), begin, prior)
            assert ascent.settled.all()
            loss.append(best - [exactly(trials, n, ascent.u[n], prior)[0] for n in range(PARTICIPANTS)])
        assert np.mean(loss) < tolerance


def test_the_curvature_is_that_of_the_enumerated_likelihood(trials, prior):
    """Louis's identity, at a point away from the optimum where the likelihood with the prior is concave."""
    u, step = prior.mean + np.array([-0.3, -0.4, 0.3]), 1e-4
    courses, slopes, curvatures = Courses(LEARNER, trials, 1), [], []
    rows = np.tile(u, (PARTICIPANTS, 1))
    courses.draw(rows, conditional=False)
    for _ in range(4000):
        courses.draw(rows)
        slopes.append(courses.likelihood.gradient(rows)[1])
        curvatures.append(courses.likelihood.curvature(rows) if len(curvatures) < 400 else curvatures[-1])
    found = np.linalg.inv(inverse_curvature(np.mean(curvatures[:400], 0), np.array(slopes), prior.precision))
    for n in range(PARTICIPANTS):
        moves = step * np.eye(3)
        gradients = [[exactly(trials, n, u + sign * move, prior)[1] for move in moves] for sign in (-1, 1)]
        exact = (np.array(gradients[0]) - gradients[1]) / (2 * step)
        np.testing.assert_allclose(found[n], exact, atol=0.1)


def test_directions_without_curvature_of_their_own_get_a_little():
    """Where the courses' gradients vary as much as the curvature is, one direction has none left, and the step along it is limited."""
    curvature, random = np.diag([4.0, 1.0])[None], np.random.default_rng(0)
    slopes = random.standard_normal((200, 1, 2)) * [2.0, 0.0]
    inverse = inverse_curvature(curvature, slopes, np.zeros(2))
    assert inverse[0, 0, 0] == pytest.approx(0.25 / 0.1) and inverse[0, 1, 1] == pytest.approx(1.0, rel=1e-2)


def test_the_same_seed_gives_the_same_estimates(trials, point):
    again, other = (tw.point(LEARNER, trials, starts=3, seed=seed) for seed in (1, 2))
    for name, table in point.tables().items():
        np.testing.assert_array_equal(estimates(table), estimates(again.tables()[name]))
        assert (estimates(table) != estimates(other.tables()[name])).all()


def test_participants_whose_estimates_do_not_settle_are_named(trials, monkeypatch):
    monkeypatch.setattr(stochastic_em, "ROUNDS", (20, 20))
    monkeypatch.setattr(stochastic_em, "TOLERANCE", 1e-9)
    point = tw.point(LEARNER, trials, starts=1)
    assert point.unsettled == dict.fromkeys(point.tables(), trials.participants)
    cautions = [each for each in point.findings if each.code == "unsettled"]
    assert [each.severity for each in cautions] == ["caution", "caution"]
    assert "maximum a posteriori estimates of 3 participants (0, 1, 2) are imprecise" in cautions[0].sentence
    assert [each.advice for each in cautions] == [
        "Use a hierarchical fit",
        "Use maximum_a_posteriori, or a hierarchical fit",
    ]
    assert cautions[0].about == ("0", "1", "2")
    value, mode = (table["log_likelihood"] for table in (point.maximum_likelihood, point.maximum_a_posteriori))
    assert (value > mode - 0.05).all()


@tw.learner
class Certain:
    """Chooses its hidden option for sure where ``slope`` is positive, and the other one for sure where it is negative."""

    slope: float = tw.real("direction")
    bias: float = tw.real("preference for the first option")
    options: int = tw.hidden(2, "options")

    def start(self, task):
        return task.table("action")

    def hide(self, now, trial, preference):
        preference[0] = self.bias
        preference[1] = -self.bias if trial.cue == 0 else -np.inf

    def choose(self, now, trial, option, preference):
        for action in range(len(preference)):
            wanted = option if self.slope > 0 else 1 - option
            preference[action] = 0.0 if action == wanted else -np.inf

    def learn(self, now, trial, option, choice, outcome):
        now[choice] += outcome


def test_starts_at_which_responses_are_impossible_are_replaced():
    frame = {"participant": [1, 1, 2, 2], "cue": [0, 1, 0, 1], "choice": [1, 0, 0, 0], "reward": [0.0, 1.0, 1.0, 0.0]}
    import pandas as pd

    trials = tw.read_long(pd.DataFrame(frame))
    wrong, right = np.full((2, 2), [-1.0, 0.0]), np.full((2, 2), [1.0, 0.0])
    prior = Prior(np.zeros(2), np.ones(2))
    courses = Courses(Certain(), trials, 0)
    assert not courses.tried(wrong).any() and courses.tried(right).all()
    assert (first_estimate(courses, np.stack([wrong, right, wrong]), prior)[:, 0] > 0).all()
    with pytest.raises(
        tw.errors.ModelError, match=r"no course .* participant 1 at slope = -1, bias = 0\n.*log_likelihood"
    ):
        first_estimate(courses, np.stack([wrong, wrong]), prior)
