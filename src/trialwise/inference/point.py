"""Point estimates of each participant: maximum likelihood and maximum a posteriori, from dispersed starts (R15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trialwise.engine.packed import pack
from trialwise.errors import UsageError
from trialwise.expansion import Evaluator, Modes, climb
from trialwise.learner import Learner
from trialwise.priors import group_prior
from trialwise.starts import check_starts
from trialwise.trials import Trials

if TYPE_CHECKING:
    import pandas as pd

BORDER = 8.0
"""Unconstrained values beyond this are the border of the range: 0.9997 of 0 to 1."""


@dataclass(frozen=True, eq=False)
class Point:
    """Point estimates of every participant.

    Attributes
    ----------
    maximum_likelihood, maximum_a_posteriori
        A row a participant: ``participant``, each free parameter on its natural scale, ``log_likelihood``, ``aic`` =
        2k - 2LL and ``bic`` = k ln(n) - 2LL (n: the participant's responses), ``at_border`` (names of parameters that ran
        to the border of their range) and ``found_again``, from how many starts the same optimum was reached.
    starts
        How many starting points each participant had.
    """

    learner: Learner
    maximum_likelihood: pd.DataFrame
    maximum_a_posteriori: pd.DataFrame
    starts: int

    @property
    def log_likelihood(self) -> float:
        """Sum of the participants' maximum log-likelihoods."""
        return float(self.maximum_likelihood["log_likelihood"].sum())

    def __repr__(self) -> str:
        people = len(self.maximum_likelihood)
        return f"Point({self.learner!r}, {people} participants, log-likelihood {self.log_likelihood:.1f})"


def point(learner: Learner, trials: Trials, starts: int = 12, seed: int = 0) -> Point:
    """Maximum likelihood and MAP of each participant on its own, all climbing at once.

    Starting points are drawn from the prior, never from a truth; the best of them wins. The MAP's prior is the one of
    ``pooling="none"``, on the unconstrained scale. Without a prior some participants' estimates run to the border of the
    range, which is why a hierarchical fit is worth its seconds.

    Raises
    ------
    UsageError
        If ``starts`` is no whole number above 0.
    ModelError
        As :func:`trialwise.fit`.
    """
    if not isinstance(starts, int | np.integer) or starts < 1:
        raise UsageError(f"starts={starts!r}: a whole number above 0 is wanted")
    packed, prior = pack(learner, trials), group_prior(learner, trials)
    evaluate = Evaluator(learner, packed)
    check_starts(evaluate, trials, prior, seed)
    random = np.random.default_rng(seed)
    people, size = evaluate.people, len(prior.mean)
    centre = np.tile(prior.mean, (people, 1))
    best: dict[str, list[Modes]] = {"likelihood": [], "posterior": []}
    for _ in range(starts):
        start = centre + prior.total * random.standard_normal((people, size))
        # a prior so wide that it is none within the border keeps the climb from running off to infinity
        best["likelihood"].append(climb(evaluate, start, centre, np.full(size, 1e-6), iterations=100, tolerance=1e-8))
        best["posterior"].append(climb(evaluate, start, centre, 1.0 / prior.total**2, iterations=100, tolerance=1e-8))
    return Point(
        learner,
        _table(evaluate, trials, best["likelihood"]),
        _table(evaluate, trials, best["posterior"]),
        int(starts),
    )


def _table(evaluate: Evaluator, trials: Trials, tries: list[Modes]) -> pd.DataFrame:
    import pandas as pd

    values = np.stack([modes.value for modes in tries])
    winner = values.argmax(0)
    n = np.arange(values.shape[1])
    u = np.stack([modes.u for modes in tries])[winner, n]
    parameters = evaluate.learner.parameters
    likelihood = evaluate(u)[0]
    spans = zip(trials.offsets, trials.offsets[1:], strict=False)
    responses = np.array([trials.responded[first:end].sum() for first, end in spans])
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
            "aic": 2 * k - 2 * likelihood,
            "bic": k * np.log(np.maximum(responses, 1)) - 2 * likelihood,
            "at_border": at_border,
            "found_again": (values > values.max(0) - 0.01).sum(0),
        }
    )
