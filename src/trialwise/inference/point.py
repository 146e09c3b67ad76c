"""Point estimates of each participant: maximum likelihood and maximum a posteriori, from dispersed starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trialwise.base.english import counted
from trialwise.base.expects import COUNT, expects
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding, Result
from trialwise.base.streams import stream
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.trials import Trials
from trialwise.inference.starts import check_starts
from trialwise.learners.learner import LEARNER, Learner
from trialwise.likelihoods.arrangement import arrangement
from trialwise.likelihoods.emulator import Emulator
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood
from trialwise.likelihoods.log_mean import log_mean
from trialwise.population.geometry.expansion import Modes, climb
from trialwise.population.population import Population, population_of
from trialwise.population.priors import GroupPrior

if TYPE_CHECKING:
    import pandas as pd

    from trialwise.inference.samplers.pseudo_marginal.particle import Work

POLISH, FILTERS, MANY = 4, 20, 200
"""Rounds of refining emulators around an optimum; filters and particles of the estimate there."""

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
        the border of their range) and ``found_again``, the number of starts that reached the same optimum.
    starts
        Number of starting points of each participant.
    trials
        The data.

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
        """A caution if maximum likelihood estimates lie at the border of a range; notes on how the data were read."""
        reading = (
            *self._about_silent(),
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

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables ``maximum_likelihood`` and ``maximum_a_posteriori``."""
        return {name: getattr(self, name) for name in self.contents}

    @property
    def headline(self) -> str:
        """Learner, participants and summed log-likelihood."""
        count = len(self.maximum_likelihood)
        return f"Point({self.learner!r}, {counted(count, 'participant')}, log-likelihood {self.log_likelihood:.1f})"


@expects(learner=LEARNER, trials=DATA, starts=COUNT)
def point(learner: Learner, trials: Data, starts: int = 12, seed: int = 0) -> Point:
    """Maximum likelihood and maximum a posteriori estimates of each participant, without pooling.

    Starting points are drawn from the prior, never from true values, and the best optimum is returned. The MAP estimate uses the
    prior of ``pooling="none"``, on the unconstrained scale. Without a prior, some participants' estimates run to the border of
    the range; a hierarchical fit avoids that.

    With a hidden choice the log-likelihood can only be estimated: emulators of it (:mod:`trialwise.likelihoods.emulator`) are
    maximised, and refined around the optimum; ``log_likelihood`` is then an estimate at the optimum by many particles, and
    ``standard_error`` its Monte Carlo error.

    Parameters
    ----------
    learner, trials
        As for :func:`trialwise.fit`.
    starts
        Number of starting points of each participant.
    seed
        The same seed gives the same starting points.

    Returns
    -------
    Point
        Tables of both estimates, a row a participant.

    Raises
    ------
    UsageError
        Unless ``starts`` is a whole number above 0.
    ModelError
        As :func:`trialwise.fit`.

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
    maximise = _by_gradients if likelihood.has_gradient else _by_particles
    return maximise(likelihood, population, int(starts), seed)


def _by_gradients(likelihood: Likelihood, population: Population, starts: int, seed: int) -> Point:
    learner, trials, prior = likelihood.learner, likelihood.trials, population.prior
    random = stream(seed, "starts of estimates")
    count, size = len(likelihood.rows), len(prior.mean)
    centre = population.centre(prior.mean, count)
    best: dict[str, list[Modes]] = {"likelihood": [], "posterior": []}
    for _ in range(starts):
        start = centre + prior.total * random.standard_normal((count, size))
        # a prior so wide that it has no influence within the border keeps the ascent from running off to infinity
        best["likelihood"].append(climb(likelihood, start, centre, np.full(size, 1e-6), iterations=100, tolerance=1e-8))
        best["posterior"].append(climb(likelihood, start, centre, 1.0 / prior.total**2, iterations=100, tolerance=1e-8))
    tables = []
    for optima in best.values():
        u, values = _best(optima)
        tables.append(_table(learner, trials, u, likelihood.value(u).log_likelihood, values))
    return Point(learner, tables[0], tables[1], starts, trials)


def _best(optima: list[Modes]) -> tuple[np.ndarray, np.ndarray]:
    """The highest of each participant's optima, ``(participants, parameters)``, and the value of each, ``(starts, participants)``."""
    values = np.stack([modes.value for modes in optima])
    n = np.arange(values.shape[1])
    return np.stack([modes.u for modes in optima])[values.argmax(0), n], values


def _by_particles(likelihood: Likelihood, population: Population, starts: int, seed: int) -> Point:
    from trialwise.inference.checkpoint import Checkpoint
    from trialwise.inference.samplers.pseudo_marginal.particle import Work

    learner, trials, prior = likelihood.learner, likelihood.trials, population.prior
    work = Work(learner, trials, population, seed, 2, Checkpoint(None), lambda stage, share: None)
    work.prepare()
    random = stream(seed, "starts of estimates")
    tables = []
    for precision in (np.full(len(prior.mean), 1e-3), 1.0 / prior.total**2):
        for _ in range(POLISH):
            emulator = work.emulator(10)
            u, values = _best(_climbs(work, emulator, prior, precision, starts, random))
            work.about_optimum(emulator, u, precision, random)
        unit = np.repeat(np.arange(len(u)), FILTERS)
        estimates = work.estimate(u[unit], unit, MANY).reshape(len(u), FILTERS)
        value, error, _ = log_mean(estimates)
        tables.append(_table(learner, trials, u, value, values, error))
    return Point(learner, tables[0], tables[1], starts, trials)


def _climbs(
    work: Work, emulator: Emulator, prior: GroupPrior, precision: np.ndarray, starts: int, random: np.random.Generator
) -> list[Modes]:
    """Maximise the emulators, starting at each participant's points of highest estimates, where emulators are reliable."""
    centre = np.tile(prior.mean, (len(emulator.rows), 1))
    optima = []
    for _ in range(starts):
        start = np.empty_like(centre)
        for n, (u, estimates) in enumerate(zip(work.archive.u, work.archive.found, strict=True)):
            height = estimates - 0.5 * (precision * (u - prior.mean) ** 2).sum(1)
            start[n] = u[random.choice(np.argsort(height)[-50:])]
        optima.append(climb(emulator, start, centre, precision, iterations=100, tolerance=1e-6))
    return optima


def _table(
    learner: Learner, trials: Trials, u: np.ndarray, likelihood: np.ndarray, values: np.ndarray,
    error: np.ndarray | None = None,
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
            "found_again": (values > values.max(0) - 0.01).sum(0),
        }
    )
