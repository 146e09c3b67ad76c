"""Point estimates of each participant: maximum likelihood and maximum a posteriori, from dispersed starts."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from trialwise.base.english import counted
from trialwise.base.expects import COUNT, expects
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding, Result
from trialwise.base.streams import stream
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.trials import Trials
from trialwise.inference.starts import check_starts
from trialwise.inference.stochastic_em import ATTEMPTS, TOLERANCE, Courses, Prior, averaged, first_estimate
from trialwise.learners.learner import LEARNER, Learner
from trialwise.likelihoods.arrangement import arrangement
from trialwise.likelihoods.estimated import EstimatedLikelihood
from trialwise.likelihoods.filter_streams import FreshStreams
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood
from trialwise.population.geometry.expansion import climb
from trialwise.population.population import Population, population_of

if TYPE_CHECKING:
    import pandas as pd

FILTERS, MANY = 20, 200
"""With a hidden choice: filters and particles of the estimate of a log-likelihood."""

NEARLY_NONE = 1e-3
"""With a hidden choice: precision of the prior of maximum likelihood, which only keeps the ascent from running off to infinity."""

SAME, ALIKE = 0.01, 1.0
"""In nats: how close the value reached from a start is to the best one, if it counts as the same optimum; and with a hidden choice."""

BORDER = 8.0
"""Absolute unconstrained values beyond this count as the border of the range: 0.9997 for a range of 0 to 1."""


@dataclass(frozen=True, eq=False, repr=False)
class Point(Result):
    """Point estimates of every participant.

    Attributes
    ----------
    learner
        The learner.
    maximum_likelihood, maximum_a_posteriori
        Tables with one row per participant: ``participant``, each free parameter on its natural scale, ``log_likelihood``, ``aic`` =
        2k - 2LL and ``bic`` = k ln(n) - 2LL (n: the participant's responses), ``at_border`` (names of parameters at
        the border of their range) and ``found_again``, the number of starts that reached the same optimum. With a hidden choice also
        ``standard_error`` of ``log_likelihood``, and ``found_again`` counts values within 1 nat of the best, since they are estimates.
    starts
        Number of starting points of each participant.
    trials
        The data.
    unsettled
        With a hidden choice: for each table by its name, the participants whose estimates were still imprecise when the search ended.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> point = tw.point(tw.QLearning(initial=1.2), trials, starts=4)
    >>> point.maximum_a_posteriori[["alpha", "beta"]].round(1)
       alpha  beta
    0    0.1   0.7
    1    0.1   0.7
    2    0.1   0.6
    """

    learner: Learner
    maximum_likelihood: pd.DataFrame
    maximum_a_posteriori: pd.DataFrame
    starts: int
    trials: Trials
    unsettled: Mapping[str, tuple[Hashable, ...]] = field(default_factory=dict)

    contents = {
        "maximum_likelihood": "maximum likelihood, one row per participant",
        "maximum_a_posteriori": "maximum a posteriori, one row per participant",
    }

    @property
    def log_likelihood(self) -> float:
        """Sum of the participants' maximum log-likelihoods."""
        return float(self.maximum_likelihood["log_likelihood"].sum())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Cautions if maximum likelihood estimates lie at the border of a range, or the search for some did not settle; notes on how the data
        were read."""
        reading = (
            *self._about_silent(),
            *self._about_unsettled(),
            *(Finding("note", "reading", note) for note in self.trials.reading_notes),
        )
        table = self.maximum_likelihood
        at_border = table["at_border"] != ""
        if not at_border.any():
            return reading
        names = tuple(
            name for name in self.learner.names if table["at_border"].str.split(", ").map({name}.issubset).any()
        )
        sentence = (
            f"maximum likelihood estimates are at the border of the range for {at_border.sum()} of {len(table)} participants "
            f"({', '.join(names)}): the data alone do not determine these values"
        )
        advice = "Use maximum_a_posteriori, or a hierarchical fit"
        return (Finding("caution", "at-border", sentence, advice, names), *reading)

    def _about_silent(self) -> Iterator[Finding]:
        """A problem if nothing of a participant enters the likelihood."""
        scored = arrangement(self.learner, self.trials).packed.scored
        own = np.bincount(self.trials.participant_index, scored, self.trials.n_participants)
        silent = [label for label, count in zip(self.trials.participants, own, strict=True) if not count]
        if silent:
            labels = ", ".join(map(str, silent[:8])) + (", ..." if len(silent) > 8 else "")
            sentence = (
                f"no response of {counted(len(silent), 'participant')} ({labels}) enters the likelihood: their maximum likelihood estimates are "
                "arbitrary, and their maximum a posteriori estimates are the prior's"
            )
            advice = Message("Leave them out when reading: ", Argument("exclude", {"no responses": silent}))
            yield Finding("problem", "no-responses", sentence, advice, tuple(map(str, silent)))

    def _about_unsettled(self) -> Iterator[Finding]:
        """A caution for each table if the search ended before its estimates were as precise as they should be."""
        instead = {
            "maximum_likelihood": "maximum_a_posteriori, or a hierarchical fit",
            "maximum_a_posteriori": "a hierarchical fit",
        }
        for name, who in self.unsettled.items():
            if who:
                labels = ", ".join(map(str, who[:8])) + (", ..." if len(who) > 8 else "")
                sentence = (
                    f"{name.replace('_', ' ')} estimates of {counted(len(who), 'participant')} ({labels}) are imprecise: by their Monte Carlo "
                    f"error, more than {TOLERANCE:g} nats below an optimum"
                )
                yield Finding("caution", "unsettled", sentence, f"Use {instead[name]}", tuple(map(str, who)))

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables ``maximum_likelihood`` and ``maximum_a_posteriori``."""
        return {name: getattr(self, name) for name in self.contents}

    @property
    def headline(self) -> str:
        """Learner, participants and summed log-likelihood."""
        count = len(self.maximum_likelihood)
        return f"Point({self.learner!r}, {counted(count, 'participant')}, log-likelihood {self.log_likelihood:.1f})"


class Optimum(NamedTuple):
    """Where the search from one start ended: ``u (participants, parameters)`` and the value of what is maximised there, ``(participants,)``."""

    u: np.ndarray
    value: np.ndarray


@expects(learner=LEARNER, trials=DATA, starts=COUNT)
def point(learner: Learner, trials: Data, starts: int = 12, seed: int = 0) -> Point:
    """Maximum likelihood and maximum a posteriori estimates of each participant, without pooling.

    Starting points are drawn from the prior, never from true values, and the best optimum is returned. The MAP estimate uses the
    prior of ``pooling="none"``, on the unconstrained scale. Without a prior, some participants' estimates run to the border of
    the range; a hierarchical fit avoids that. Of a learner without free parameters the tables have the log-likelihood alone.

    With a hidden choice the likelihood can only be estimated. It is maximised by stochastic approximation EM
    (:mod:`trialwise.inference.stochastic_em`): the best of the first estimates from all starts is refined until the Monte Carlo error of the
    optimum is worth less than 0.1 nats: all parameters together lie so far from it that the objective is lower by less than that on average, e.g. each of six
    by about 0.2 of its standard error. Another seed gives other estimates within this error. A participant for whom this took too long is named
    in ``unsettled``, with a caution. ``log_likelihood`` is an estimate at the optimum by particle filters, with random numbers that the search has not
    used, and ``standard_error`` its Monte Carlo error: differences of ``aic`` and ``bic`` below a few times twice that are noise. Maximum likelihood
    estimates that would be at a border may end before it, where the likelihood hardly changes any more.

    Parameters
    ----------
    learner, trials
        As for :func:`trialwise.fit`.
    starts
        Number of starting points of each participant.
    seed
        The same seed gives the same starting points, and with a hidden choice the same courses and estimates.

    Returns
    -------
    Point
        Tables of both estimates, a row a participant.

    Raises
    ------
    UsageError
        Unless ``starts`` is a whole number above 0.
    ModelError
        As :func:`trialwise.fit`; or if at none of 50 draws of a start hidden choices can explain all responses.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1, 2]).first(60)
    >>> point = tw.point(tw.QLearning(initial=1.2), trials, starts=4)
    >>> round(point.log_likelihood, 1), list(point.maximum_likelihood)
    (-197.0, ['participant', 'alpha', 'beta', 'forget', 'log_likelihood', 'aic', 'bic', 'at_border', 'found_again'])
    """
    trials = as_trials(trials)
    likelihood, population = likelihood_of(learner, trials, filters=1), population_of(learner, trials, pooling="none")
    check_starts(likelihood, population, seed, takes_priors=False)
    if not learner.names:
        return _of_nothing(likelihood, int(starts), seed)
    maximise = _by_gradients if likelihood.has_gradient else _by_courses
    return maximise(likelihood, population, int(starts), seed)


def _of_nothing(likelihood: Likelihood, starts: int, seed: int) -> Point:
    """Without free parameters there is nothing to search: the log-likelihood as it is, and criteria without a penalty."""
    u = np.zeros((len(likelihood.rows), 0))
    value, error = (likelihood if likelihood.exact else _of_optima(likelihood, seed)).value(u)
    learner, trials, ends = likelihood.learner, likelihood.trials, np.zeros((starts, len(u)))
    table = _table(learner, trials, u, value, None if likelihood.exact else error, ends, SAME)
    return Point(learner, table, table.copy(), starts, trials)


def _of_optima(likelihood: Likelihood, seed: int) -> EstimatedLikelihood:
    """The likelihood by which ends of searches are compared, with random numbers that no search has used."""
    learner, trials = likelihood.learner, likelihood.trials
    streams = FreshStreams(trials, seed, "values of optima")
    return EstimatedLikelihood(learner, trials, particles=MANY, filters=FILTERS, streams=streams)


def _by_gradients(likelihood: Likelihood, population: Population, starts: int, seed: int) -> Point:
    learner, trials, prior = likelihood.learner, likelihood.trials, population.prior
    random = stream(seed, "starts of estimates")
    count, size = len(likelihood.rows), len(prior.mean)
    centre = population.centre(prior.mean, count)
    best: dict[str, list[Optimum]] = {"likelihood": [], "posterior": []}
    for _ in range(starts):
        start = centre + prior.total * random.standard_normal((count, size))
        # a prior so wide that it has no influence within the border keeps the ascent from running off to infinity
        for name, precision in {"likelihood": np.full(size, 1e-6), "posterior": 1.0 / prior.total**2}.items():
            modes = climb(likelihood, start, centre, precision, iterations=100, tolerance=1e-8)
            best[name].append(Optimum(modes.u, modes.value))
    tables = []
    for optima in best.values():
        u, values = _best(optima)
        tables.append(_table(learner, trials, u, likelihood.value(u).log_likelihood, None, values, SAME))
    return Point(learner, tables[0], tables[1], starts, trials)


def _best(optima: list[Optimum]) -> tuple[np.ndarray, np.ndarray]:
    """The highest of each participant's optima, ``(participants, parameters)``, and the value of each, ``(starts, participants)``."""
    values = np.stack([np.where(np.isnan(each.value), -np.inf, each.value) for each in optima])
    n = np.arange(values.shape[1])
    return np.stack([each.u for each in optima])[values.argmax(0), n], values


def _by_courses(likelihood: Likelihood, population: Population, starts: int, seed: int) -> Point:
    learner, trials, normal = likelihood.learner, likelihood.trials, population.prior
    courses, random = Courses(learner, trials, seed), stream(seed, "starts of estimates")
    estimated = _of_optima(likelihood, seed)
    shape = (starts, ATTEMPTS, len(likelihood.rows), len(normal.mean))
    points = population.centre(normal.mean, len(likelihood.rows)) + normal.total * random.standard_normal(shape)
    precisions = {
        "maximum_a_posteriori": 1.0 / normal.total**2,
        "maximum_likelihood": np.full(len(normal.mean), NEARLY_NONE),
    }
    tables, unsettled = {}, {}
    found: list[np.ndarray] = []
    for name, precision in precisions.items():
        prior = Prior(normal.mean, precision)

        def optimum(u: np.ndarray, prior: Prior = prior) -> Optimum:
            return Optimum(u, estimated.value(u).log_likelihood + prior.value(u))

        firsts = [optimum(first_estimate(courses, each, prior)) for each in points]
        # the maximum of the likelihood is at least what it is at the mode of the posterior
        begin, _ = _best([*firsts, *map(optimum, found)])
        ascent = averaged(courses, begin, prior)
        # where the search did not settle it may have gone astray: then the best point that was seen is better
        best, _ = _best([optimum(each) for each in (ascent.u, begin, *found)])
        u = np.where(ascent.settled[:, None], ascent.u, best)
        found.append(u)
        tables[name] = _table(learner, trials, u, *estimated.value(u), _best(firsts)[1], ALIKE)
        unsettled[name] = tuple(
            each for each, fine in zip(trials.participants, ascent.settled, strict=True) if not fine
        )
    return Point(learner, tables["maximum_likelihood"], tables["maximum_a_posteriori"], starts, trials, unsettled)


def _table(
    learner: Learner, trials: Trials, u: np.ndarray, likelihood: np.ndarray, error: np.ndarray | None, values: np.ndarray, alike: float
) -> pd.DataFrame:  # fmt: skip
    import pandas as pd

    parameters = learner.parameters
    spans = zip(trials.offsets, trials.offsets[1:], strict=False)
    responses = np.array([trials.own[first:end].sum() for first, end in spans])
    k = len(parameters)
    at_border = [
        ", ".join(
            p.name for p, value in zip(parameters, row, strict=True) if p.support != "real" and abs(value) > BORDER
        )
        for row in u
    ]
    return pd.DataFrame(
        {
            "participant": list(trials.participants),
            **{p.name: p.constrain(u[:, j]) for j, p in enumerate(parameters)},
            "log_likelihood": likelihood,
            **({} if error is None else {"standard_error": error}),
            "aic": 2 * k - 2 * likelihood,
            "bic": k * np.log(np.maximum(responses, 1)) - 2 * likelihood,
            "at_border": at_border,
            "found_again": (values > values.max(0) - alike).sum(0),
        }
    )
