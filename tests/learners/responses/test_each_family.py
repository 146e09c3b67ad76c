"""Every response family end to end: the contract of a trial, simulation, data that it cannot have, and its own draws."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import trialwise as tw
from trialwise import constant, learner, positive, real, unit
from trialwise.analysis.calibration_curve import calibration
from trialwise.analysis.conformance.by_hand import walk_by_hand
from trialwise.analysis.conformance.specimen import specimen
from trialwise.base.errors import LearnerError, UsageError
from trialwise.cli.options.columns import options_to_read
from trialwise.engine import run
from trialwise.engine.packing import pack
from trialwise.learners.responses import FAMILIES, von_mises
from trialwise.learners.responses.family import random_numbers
from trialwise.learners.stored import learner_to_attributes
from trialwise.reports.subject import Subject


@learner
class Durations:
    """Reproduced durations, lognormal around an expectation."""

    alpha: float = unit("learning rate")
    weight: float = real("log duration per unit of expectation")
    noise: float = positive("standard deviation of the log duration", mean=-1.0)
    initial: float = constant(0.2, "expectation before any outcome")

    def start(self, task):
        return task.table("cue", fill=self.initial)

    @tw.responses.lognormal
    def respond(self, v, trial):
        return self.weight * v[trial.cue], self.noise

    def learn(self, v, trial, response, outcome):
        error = outcome - v[trial.cue]
        v[trial.cue] += self.alpha * error
        return error


@learner
class Slips:
    """Ratings with slips, Student around an expectation."""

    alpha: float = unit("learning rate")
    noise: float = positive("scale of a rating", mean=-1.0)
    df: float = positive("degrees of freedom", mean=1.5)

    def start(self, task):
        return task.table("cue")

    @tw.responses.student
    def respond(self, v, trial):
        return v[trial.cue], self.noise, self.df

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


@learner
class Presses:
    """Numbers of presses, Poisson with a rate that follows an expectation."""

    alpha: float = unit("learning rate")
    base: float = positive("presses at expectation 0")
    slope: float = real("log presses per unit of expectation")

    def start(self, task):
        return task.table("cue")

    @tw.responses.poisson
    def respond(self, v, trial):
        return self.base * np.exp(self.slope * v[trial.cue])

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


@learner
class BurstsOfPresses:
    """Numbers of presses that vary more."""

    alpha: float = unit("learning rate")
    base: float = positive("presses at expectation 0")
    size: float = positive("size of the counts")

    def start(self, task):
        return task.table("cue")

    @tw.responses.negative_binomial
    def respond(self, v, trial):
        return self.base * np.exp(v[trial.cue]), self.size

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


@learner
class Hues:
    """Remembered hues, von Mises around an expectation."""

    alpha: float = unit("learning rate")
    kappa: float = positive("concentration", mean=1.0)
    initial: float = real("hue before any outcome")

    def start(self, task):
        return task.table("cue", fill=self.initial)

    @tw.responses.von_mises
    def respond(self, v, trial):
        return v[trial.cue], self.kappa

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


@learner
class Confidence:
    """Confidence from 1 to 4, ordered around an expectation."""

    alpha: float = unit("learning rate")
    slope: float = real("logits per unit of expectation")
    lowest: float = real("first cut point")
    distance: float = positive("distance of cut points")

    def start(self, task):
        return task.table("cue")

    @tw.responses.ordered(1, 4)
    def respond(self, v, trial):
        return self.slope * v[trial.cue], self.lowest, self.lowest + self.distance, self.lowest + 2.0 * self.distance

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


@learner
class Line:
    """Ratings on a line, between 0 and 1."""

    alpha: float = unit("learning rate")
    slope: float = real("logits per unit of expectation")
    precision: float = positive("precision of a rating", mean=1.5)
    ends: float = unit("probability of an end", mean=-1.5)

    def start(self, task):
        return task.table("cue")

    @tw.responses.slider
    def respond(self, v, trial):
        mean = 1.0 / (1.0 + np.exp(-self.slope * v[trial.cue]))
        return mean, self.precision, self.ends, mean

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


@learner
class Percent:
    """Ratings from -50 to 100."""

    alpha: float = unit("learning rate")
    precision: float = positive("precision of a rating", mean=1.5)

    def start(self, task):
        return task.table("cue")

    @tw.responses.slider(-50, 100)
    def respond(self, v, trial):
        return 1.0 / (1.0 + np.exp(-v[trial.cue])), self.precision, 0.2, 0.5

    def learn(self, v, trial, response, outcome):
        v[trial.cue] += self.alpha * (outcome - v[trial.cue])


LEARNERS = {
    "lognormal": (Durations(), {"alpha": 0.3, "weight": 0.8, "noise": 0.4}),
    "student": (Slips(), {"alpha": 0.3, "noise": 0.4, "df": 2.5}),
    "student, df fixed": (Slips().fix(df=4), {"alpha": 0.3, "noise": 0.4}),
    "poisson": (Presses(), {"alpha": 0.3, "base": 2.0, "slope": 0.7}),
    "negative_binomial": (BurstsOfPresses(), {"alpha": 0.3, "base": 3.0, "size": 1.5}),
    "ordered": (Confidence(), {"alpha": 0.3, "slope": 0.8, "lowest": -1.0, "distance": 1.5}),
    "ordered with lapse": (
        Confidence().with_lapse(),
        {"alpha": 0.3, "slope": 0.8, "lowest": -1.0, "distance": 1.5, "lapse": 0.1},
    ),
    "slider": (Line(), {"alpha": 0.3, "slope": 0.8, "precision": 4.0, "ends": 0.2}),
    "slider from -50 to 100, with lapse": (Percent().with_lapse(), {"alpha": 0.3, "precision": 4.0, "lapse": 0.1}),
    "von_mises": (Hues(), {"alpha": 0.3, "kappa": 3.0, "initial": 2.5}),
    "von_mises with lapse": (Hues().with_lapse(), {"alpha": 0.3, "kappa": 3.0, "initial": 2.5, "lapse": 0.1}),
}


def test_every_family_is_here():
    marked = {model.family.name.partition("(")[0] for model, _ in LEARNERS.values()}
    assert marked | {family.name for family in FAMILIES.values() if family.by_default} == set(FAMILIES)


BY_HAND = ("student, df fixed", "ordered with lapse", "von_mises with lapse")
"""Not compiled, since others with the same parts are."""


@pytest.mark.parametrize("name", BY_HAND)
def test_log_densities_by_hand(name):
    model, values = LEARNERS[name]
    trials = specimen(model)
    expected = [np.nansum(walk_by_hand(model, trials, n, values)) for n in range(trials.n_participants)]
    np.testing.assert_allclose(tw.log_likelihood(model, trials, values, plain=True), expected, rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in LEARNERS if name not in BY_HAND])
def test_a_learner_with_this_family(name):
    """It passes every check; a simulation has the log-density of its replay; fewer than all trials are answered."""
    model, values = LEARNERS[name]
    tw.check_learner(model, quiet=True).raise_if_failed()
    simulation = tw.simulate(model, tw.environments.Conditioning(), values, seed=1, participants=3)
    table = tw.trial_values(model, simulation.trials, values)
    np.testing.assert_allclose(table["log_likelihood"], simulation.log_probability, rtol=1e-12)
    assert np.isfinite(table["predicted"]).all()
    plain = tw.log_likelihood(model, simulation.trials, values, plain=True)
    np.testing.assert_allclose(plain, tw.log_likelihood(model, simulation.trials, values), rtol=1e-12)
    packed, random = pack(model, simulation.trials), np.random.default_rng(2)
    count, kinds = simulation.trials.n_trials, (*model.family.random, "uniform")
    numbers, potential = random_numbers(kinds, random, count), random.random((count, 1, 1))
    free = np.array([[values[each] for each in model.names]] * 3)
    ours, _, _ = run.rollout_plain(model, packed, free, potential, numbers)
    compiled, _, _ = run.run_rollout(model, packed, free, potential, numbers)
    np.testing.assert_allclose(ours.observed, compiled.observed, rtol=1e-9)
    frame = simulation.trials.to_frame()
    frame.loc[::7, "response"] = np.nan
    fewer = tw.trial_values(model, tw.read_long(frame, response="response"), values)["log_likelihood"]
    assert np.isnan(fewer[::7]).all() and np.isfinite(fewer[1::7]).all()


# -- responses that cannot be ------------------------------------------------------------------------------------------------


def table_with(responses):
    count = len(responses)
    return pd.DataFrame({
        "participant": ["p"] * count, "cue": ["a", "b"] * (count // 2), "response": responses, "outcome": [0.0, 1.0] * (count // 2)
    })  # fmt: skip


IMPOSSIBLE = {
    "lognormal": (
        [0.4, 0.0, 1.2, -0.3],
        "are numbers above 0 (lognormal), and 2 of 4 in the column 'response' are not: 0, -0.3, in rows 3, 5",
        "table['response'].where(table['response'] > 0)",
    ),
    "poisson": (
        [1.0, -1.0, 3.0, 2.0],
        "the counts of Presses are whole numbers from 0 (poisson), and 1 of 4 in the column 'response' is not: -1, in row 3",
        "table['response'].where(table['response'] >= 0)",
    ),
    "ordered": (
        [0.0, 1.0, 3.0, 0.0],
        "the ratings of Confidence are whole numbers from 1 to 4 (ordered(1, 4)), and 2 of 4 in the column 'response' are not: 0, in rows 2, 5",
        "from 0 to 3, mark the method with @tw.responses.ordered(0, 3)",
    ),
    "slider": (
        [0.0, 1.2, 100.0, 0.5],
        "2 of 4 in the column 'response' are not: 1.2, 100, in rows 3, 4",
        "@tw.responses.slider(0, 100)",
    ),
    "slider from -50 to 100, with lapse": (
        [-60.0, 100.0, 3.0, -50.0],
        "numbers from -50 to 100 (slider(-50, 100)), and 1 of 4 in the column 'response' is not: -60, in row 2",
        "table['response'].where(table['response'].between(-50, 100))",
    ),
    "von_mises": (
        [1.0, -3.2, 3.0, 6.1],
        "the angles of Hues are angles in radians, from -pi to pi (von_mises), and 2 of 4 in the column 'response' are not: -3.2, 6.1",
        "table['response'] = (table['response'] + np.pi) % (2 * np.pi) - np.pi",
    ),
    "von_mises with lapse": (
        [45.0, 170.0, 1.0, 300.0],
        "3 of 4",
        "= np.radians((table['response'] + 180) % 360 - 180)",
    ),
    "negative_binomial": (
        [1.0, 0.5, 3.0, 2.5],
        "2 of 4 in the column 'response' are not: 0.5, 2.5, in rows 3, 5",
        "give the counts themselves",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_responses_are_refused_with_all_rows(name):
    (model, values), (responses, told, remedy) = LEARNERS[name], IMPOSSIBLE[name]
    trials = tw.read_long(table_with(responses), response="response")
    for refused in (lambda: tw.log_likelihood(model, trials, values), lambda: tw.check_learner(model, trials)):
        with pytest.raises(UsageError) as error:
            refused()
        assert told in str(error.value) and remedy in str(error.value)
    tw.simulate(model, trials, values, seed=1)  # responses are drawn anew


# -- draws --------------------------------------------------------------------------------------------------------------------

DRAWS = {
    "lognormal": [([0.3, 0.7], stats.lognorm(0.7, scale=np.exp(0.3)))],
    "student": [([0.3, 2.0, df], stats.t(df, 0.3, 2.0)) for df in (0.6, 3.0, 1e5)],
    "poisson": [([mean], stats.poisson(mean)) for mean in (0.4, 9.9, 10.0, 3e4)],
    "negative_binomial": [([m, r], stats.nbinom(r, r / (r + m))) for m, r in ((0.4, 0.3), (40.0, 2.0), (5.0, 1e4))],
}


class Mixture:
    """A distribution mixed with a uniform one."""

    def __init__(self, lapse, distribution, low, high):
        self.cdf = lambda y: (1 - lapse) * distribution.cdf(y) + lapse * (y - low) / (high - low)


class Angle:
    """A von Mises distribution from -pi to pi, integrated numerically."""

    def __init__(self, direction, concentration):
        grid = np.linspace(-np.pi, np.pi, 400_001)
        density = np.exp(concentration * (np.cos(grid - direction) - 1))
        total = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
        self.cdf = lambda y: np.interp(y, grid, total / total[-1])


class Ends:
    """Two ends of a scale with a distribution between them, and ranks of draws by its distribution function."""

    def __init__(self, lower, upper, between):
        self.lower, self.upper, self.between = lower, upper, between

    def pvalue(self, drawn, low, high):
        inside, count = drawn[(drawn > low) & (drawn < high)], len(drawn)
        shares = [
            stats.binomtest(int((drawn == end).sum()), count, p).pvalue
            for end, p in ((low, self.lower), (high, self.upper))
        ]
        return min(*shares, stats.kstest((inside - low) / (high - low), self.between.cdf).pvalue)


DRAWS["ordered"] = [([0.2, 0.5, 0.0, 0.3], stats.rv_discrete(values=([1, 2, 4], [0.2, 0.5, 0.3])))]
DRAWS["slider"] = [
    ([mean, precision, 0.2, 0.3, 0.0], Ends(0.14, 0.06, stats.beta(mean * precision, (1 - mean) * precision)))
    for mean, precision in ((0.7, 5.0), (0.1, 0.5), (0.4, 1e5))
]
DRAWS["slider from -50 to 100, with lapse"] = [
    ([0.7, 5.0, 0.2, 0.3, 0.25], Ends(0.105, 0.045, Mixture(0.25 / 0.85, stats.beta(3.5, 1.5), 0, 1)))
]
DRAWS["von_mises"] = [([2.5, kappa, 0.0], Angle(2.5, kappa)) for kappa in (0.0, 0.9, 3.0, 1e6)]
DRAWS["von_mises with lapse"] = [([2.5, 3.0, 0.3], Mixture(0.3, Angle(2.5, 3.0), -np.pi, np.pi))]


def differs(drawn, distribution):
    """The p-value of draws: that of Kolmogorov and Smirnov or, of whole numbers, whose steps it does not allow, of ranks drawn among equals."""
    drawn = np.asarray(drawn)
    if isinstance(distribution, Ends):
        return distribution.pvalue(drawn, min(drawn), max(drawn))
    if isinstance(getattr(distribution, "dist", distribution), stats.rv_discrete):
        ranks = distribution.cdf(drawn) - np.random.default_rng(3).random(len(drawn)) * distribution.pmf(drawn)
        return stats.kstest(ranks, "uniform").pvalue
    return stats.kstest(drawn, distribution.cdf).pvalue


@pytest.mark.parametrize("name", DRAWS)
def test_redrawn_responses(name):
    """Predictive draws of a record of predictions, as checks and one-step predictions make them."""
    family, random = LEARNERS[name][0].family, np.random.default_rng(1)
    for predictions, distribution in DRAWS[name]:
        numbers = random_numbers(family.random, random, 100_000)
        drawn = family.redraw(np.tile(predictions, (100_000, 1)).astype(float), numbers)[:, 0]
        assert differs(drawn, distribution) > 1e-4, predictions


def ordered_categories(location, cuts, lapse=0.0):
    """The distribution of categories from 1 on: differences of logistic functions, some of them by lapses."""
    ends = 1.0 / (1.0 + np.exp(location - np.array([-np.inf, *cuts, np.inf])))
    shares = (1 - lapse) * np.diff(ends) + lapse / (len(cuts) + 1)
    return stats.rv_discrete(values=(np.arange(1, len(cuts) + 2), shares))


SIMULATED = {
    **{name: cases for name, cases in DRAWS.items() if not name.startswith("ordered")},
    "normal": [([0.3, 2.0], stats.norm(0.3, 2.0))],
    "lognormal": [([m, s], stats.lognorm(s, scale=np.exp(m))) for m, s in ((0.3, 0.7), (-6.0, 3.0))],
    "ordered": [([m, -1.0, 0.5, 2.0], ordered_categories(m, (-1.0, 0.5, 2.0))) for m in (0.4, -3.0)],
    "ordered with lapse": [([0.4, -1.0, 0.5, 2.0, 0.3], ordered_categories(0.4, (-1.0, 0.5, 2.0), 0.3))],
}
"""Parameters of the response, then the probability of a lapse."""


@pytest.mark.parametrize("name", SIMULATED)
def test_simulated_responses(name):
    """Responses as a simulated participant gives them, of all families, and with lapses."""
    model = LEARNERS[name][0] if name in LEARNERS else tw.learners.RescorlaWagner()
    family, random = model.family, np.random.default_rng(2)
    sampler, count = family.sampler(model), len(family.parameters)
    for parameters, distribution in SIMULATED[name]:
        agent, answer = SimpleNamespace(lapse=parameters[-1]), tuple(map(float, parameters[:count]))
        numbers = random_numbers(family.random, random, 100_000)
        drawn = np.array([sampler(agent, answer, numbers, t, 0) for t in range(100_000)])
        assert differs(drawn, distribution) > 1e-4, parameters


def test_simulated_responses_of_every_family():
    assert {*SIMULATED} >= {name for name in LEARNERS if "fixed" not in name}


def test_many_angles_at_once_are_drawn_as_one():
    numbers = np.random.default_rng(4).random(500)
    for concentration in (0.0, 0.9, 30.0):
        at_once = von_mises.draws(np.full(500, 2.5), np.full(500, concentration), numbers)
        np.testing.assert_allclose(at_once, [von_mises.draw(2.5, concentration, each) for each in numbers], rtol=1e-12)


# -- families with settings ---------------------------------------------------------------------------------------------------


def test_settings_are_part_of_the_family():
    names = [family.name for family in (tw.responses.slider, tw.responses.slider(0, 100), tw.responses.ordered(0, 4))]
    assert names == ["slider", "slider(0, 100)", "ordered(0, 4)"]
    assert tw.responses.slider(0, 1 / 3).name != tw.responses.slider(0, 0.333333).name  # compiled code is found by name
    assert tw.responses.ordered(1, 3).parameters == {"location": "logits", "cut_1": "logits", "cut_2": "logits"}


@pytest.mark.parametrize("settings", [(), (5,), (1, 2.5), (1, 5, 2), (5, 1), (False, True)])
def test_categories_have_ends(settings):
    with pytest.raises(
        LearnerError, match=r"write the lowest and the highest category, .* @tw.responses.ordered\(1, 5\)"
    ):
        tw.responses.ordered(*settings)(lambda: None) if settings else tw.responses.ordered(lambda: None)


@pytest.mark.parametrize("settings", [(1,), (1, 0), (0, np.inf), (0, 1, 2)])
def test_a_slider_has_two_ends(settings):
    with pytest.raises(LearnerError, match="write both ends of the scale"):
        tw.responses.slider(*settings)


def test_other_families_have_no_settings():
    with pytest.raises(LearnerError, match="lognormal has no settings"):
        tw.responses.lognormal(3)
    with pytest.raises(AttributeError, match="there is no response family 'lognormel'. Did you mean 'lognormal'"):
        tw.responses.lognormel  # noqa: B018


@pytest.mark.parametrize(
    "cuts", [(-1.0, 0.5, 2.0), (0.0, 0.0, 1.0), (1.0, -1.0, 2.0), (0.0, 2.0, 1.0), (2.0, 1.0, 0.0)]
)
def test_probabilities_of_ratings_sum_to_one_or_there_are_none(cuts):
    """Cut points that cross would give a likelihood with a sum above 1, which a fit would seek."""
    family, model = tw.responses.ordered(1, 4), SimpleNamespace(declared=())
    density, prediction = family.density(model), family.prediction(model)
    total = sum(np.exp(density(None, (0.2, *cuts), rating)[0]) for rating in (1, 2, 3, 4))
    assert total == pytest.approx(float(tuple(sorted(cuts)) == cuts), abs=1e-12)
    assert sum(prediction(None, (0.2, *cuts), k) for k in range(4)) == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize(("ends", "upper"), [(1.2, 0.5), (-0.1, 0.5), (0.1, 1.2), (0.1, -0.2)])
def test_a_slider_needs_probabilities(ends, upper):
    density = tw.responses.slider.density(SimpleNamespace(declared=()))
    assert all(np.isnan(density(None, (0.5, 2.0, ends, upper), y)[0]) for y in (0.0, 0.4, 1.0))


def test_what_respond_returns_is_checked():
    class Rater:
        noise: float = positive("scale")

        @tw.responses.ordered(1, 4)
        def respond(self, now, trial):
            return 0.0, 1.0, 0.5, self.noise + 2

    with pytest.raises(LearnerError, match="Rater.respond returned cut points that do not increase, 1, 0.5, 3"):
        tw.simulate(learner(Rater)(), tw.environments.Conditioning(), {"noise": 1.0}, seed=1)

    class Counter:
        base: float = positive("mean")

        @tw.responses.poisson
        def respond(self, now, trial):
            return (self.base,)

    with pytest.raises(LearnerError, match="return the mean of the count, a number"):
        tw.simulate(learner(Counter)(), tw.environments.Conditioning(), {"base": 1.0}, seed=1)


# -- what is said of data and fits ---------------------------------------------------------------------------------------------


def test_inspection_lists_possible_families():
    def possible(responses):
        return tw.inspect(tw.read_long(table_with(responses), response="response")).families["response"]

    assert possible([0.4, 1.0, 0.2, 3.5]) == ("lognormal", "normal", "student")
    assert possible([0.0, 0.3, np.nan, 1.0]) == ("normal", "slider", "student", "von_mises")
    assert possible([3.0, 4.0, 7.0, 4.0]) == (
        "lognormal", "negative_binomial", "normal", "ordered", "poisson", "student"
    )  # fmt: skip
    assert possible(list(range(30))) == ("negative_binomial", "normal", "poisson", "student")
    shown = tw.inspect(tw.read_long(table_with([0.4, 1.0, 0.2, 3.5]))).tables()["responses"]
    assert shown.iloc[0].tolist() == ["response", "lognormal, normal, student"]


def test_ranks_of_counts_are_uniform_for_the_right_learner():
    """A rank is drawn among equal predictive draws; without, 0 of a mean of 0.5 would rank lowest in 61 % of trials."""
    model, values = LEARNERS["poisson"]
    rare = values | {"base": 0.5, "slope": 0.0}
    trials = tw.simulate(model, tw.environments.Conditioning(), rare, seed=3, participants=40).trials
    shares = calibration(model, trials, rare)
    np.testing.assert_allclose(shares["observed"], shares["probability"], atol=4 * np.sqrt(0.25 / 1200))


def test_reports_know_the_family_without_the_learner():
    attributes = learner_to_attributes(Confidence())
    loaded = SimpleNamespace(learner=None, attrs=attributes)
    assert Subject("own", loaded).family.plural == "ratings"


def test_the_printed_command_reads_whole_numbers_as_responses():
    """A column of whole numbers called response is read as choices unless it is named."""
    ratings = tw.read_long(table_with([1.0, 4.0, 2.0, 3.0]), response="response")
    assert options_to_read(Confidence(), ratings) == "--response response"
    assert options_to_read(Slips(), tw.read_long(table_with([1.5, 4.0, 2.0, 3.0]))) == ""
