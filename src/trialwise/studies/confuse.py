"""Model recovery: are the learners that a study compares told apart in its design? (R27; Wilson & Collins 2019, eLife 8:e49547)"""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from trialwise.analysis.comparison.integrated import integrated_likelihood
from trialwise.analysis.true_values import Truth, population_in
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.result import Finding, Result
from trialwise.environments.simulate import Simulation, Surroundings
from trialwise.inference.fit import fit
from trialwise.inference.point import point
from trialwise.learners.learner import Learner
from trialwise.studies.pieces import divided, failures
from trialwise.studies.store import Piece
from trialwise.studies.study import Study, participants_of

if TYPE_CHECKING:
    import pandas as pd

Criterion = Literal["bic", "aic", "integrated"]

TOLD_APART = 0.8
"""Share of its own participants from which a learner counts as told apart from the others."""

SHORT: dict[str, Any] = {"draws": 300, "chains": 2}
"""Of each hierarchical fit: its draws only say where to integrate, and over which groups."""

STARTS = 4
"""Of each point estimate: likelihoods of learners are smooth, and the best of several starts wins."""


@dataclass(frozen=True, eq=False, repr=False)
class Confusion(Result):
    """What model recovery found.

    Attributes
    ----------
    learners
        Labels.
    criterion
        By which learners were compared.
    scores
        A row a data set, participant and fitted learner: ``dataset``, ``simulated``, ``participant``, ``fitted``, ``score``, the
        criterion (smaller is better; with ``"integrated"`` it is -2 log p).
    seconds
        Of each data set.
    failed
        Why data sets could not be fitted, by their number.
    """

    learners: tuple[str, ...]
    criterion: str
    scores: pd.DataFrame
    seconds: pd.Series
    failed: Mapping[int, str]

    contents = {
        "confusion": "shares of participants, simulated in rows, best fit in columns",
        "confusion_groups": "shares of data sets",
        "inversion": "what a win is worth",
        "confusion_scores": "every score",
    }

    @property
    def confusion(self) -> pd.DataFrame:
        r"""Of the participants that a learner simulated (row), the share that another one fits best (column): :math:`p(\text{fitted} | \text{simulated})`."""
        return self._shares(self._best(["dataset", "simulated", "participant"]))

    @property
    def groups(self) -> pd.DataFrame:
        """The same of whole data sets, by the sum of the criterion over their participants."""
        return self._shares(self._best(["dataset", "simulated"]))

    @property
    def inversion(self) -> pd.DataFrame:
        r"""Of the participants that a learner fits best (column), the share that each simulated (row): :math:`p(\text{simulated} | \text{fitted})`.

        With as many participants of each learner as of any other: what a win is worth, if all are equally likely beforehand. NaN
        where a learner never fits best.
        """
        matrix = self.confusion
        return matrix / matrix.sum(axis=0).replace(0.0, np.nan)

    def _best(self, by: list[str]) -> pd.DataFrame:
        wide: Any = self.scores.pivot_table(index=by, columns="fitted", values="score", aggfunc="sum", sort=False)
        return wide[list(self.learners)].idxmin(axis=1).rename("fitted").reset_index()

    def _shares(self, best: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        table = pd.crosstab(best["simulated"], best["fitted"], normalize="index")
        return table.reindex(index=list(self.learners), columns=list(self.learners)).fillna(0.0)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """For each learner whether it is told apart from the others, and what a win of it is worth."""
        confusion: Any = self.confusion
        inversion: Any = self.inversion
        groups: Any = self.groups
        found = []
        for name in self.learners:
            own = confusion.loc[name, name]
            text = "told apart" if own >= TOLD_APART else "not told apart by single participants"
            text = f"{name}: {text}: fits {own:.0%} of its own participants best, {groups.loc[name, name]:.0%} of its own data sets"
            others = confusion.loc[name].drop(name)
            if len(others) and others.max() > 1 - TOLD_APART:
                text += f"; {others.max():.0%} are taken for {others.idxmax()}"
            worth = inversion.loc[name, name]
            text += f"; where it fits best it is right in {worth:.0%}" if np.isfinite(worth) else "; never fits best"
            found.append(Finding("note" if own >= TOLD_APART else "caution", "told-apart", text, about=(name,)))
        return (*found, *failures(self.failed, len(self.seconds)))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings in words."""
        return tuple(finding.text for finding in self.findings)

    def tables(self) -> dict[str, pd.DataFrame]:
        """``confusion``, ``confusion_groups`` (:attr:`groups`), ``inversion`` and ``confusion_scores``."""
        return {
            "confusion": self.confusion,
            "confusion_groups": self.groups,
            "inversion": self.inversion,
            "confusion_scores": self.scores,
        }

    @property
    def headline(self) -> str:
        """Learners, criterion and data sets."""
        return f"Confusion of {len(self.learners)} learners by {self.criterion}, {len(self.seconds)} data sets"


def confuse(
    learners: Sequence[Learner], environment: Surroundings, truth: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    datasets: int = 10, participants: int | Sequence[Hashable] | None = None, seed: int = 0, *, criterion: Criterion = "bic",
    folder: str | PathLike[str] | None = None, executor: Any = None, workers: int | None = None, progress: bool = True,
) -> Confusion:  # fmt: skip
    """Simulate with each learner, fit all of them, and see which one is taken for which.

    Parameters
    ----------
    learners
        Two or more, no two alike.
    environment, participants, seed
        As for :func:`recover`.
    truth
        Ranges by parameter name, for every learner that has it; or a mapping for each learner. What has no range is drawn from
        the learner's default prior, a new group for each data set. That prior is wide: agents that act at random are in it,
        and no criterion tells those apart.
    datasets
        How many of **each** learner.
    criterion
        ``"bic"`` and ``"aic"``: of maximum-likelihood estimates, each participant alone, from dispersed starts: cheap, and what most
        papers report. ``"integrated"``: each learner is fitted hierarchically and its parameters integrated out
        (:func:`integrated_likelihood`): no count of parameters, but a hundred times the work.
    folder, executor, workers, progress
        As for :func:`recover`.

    Returns
    -------
    Confusion

    Raises
    ------
    UsageError
        For arguments that do not fit together.
    ModelError
        If no data set could be fitted.
    """
    people = participants_of(environment, participants, datasets, seed)
    learners = tuple(learners)
    labels = tuple(repr(learner) for learner in learners)
    if len(learners) < 2 or len(set(labels)) < len(labels) or not all(isinstance(each, Learner) for each in learners):
        raise UsageError(f"confuse([{', '.join(labels)}], ...): two learners or more are wanted, no two alike")
    if criterion not in get_args(Criterion):
        raise UsageError(f"criterion={criterion!r}: {did_you_mean(str(criterion), get_args(Criterion), 'criteria')}")
    if criterion == "integrated" and len(people) < 2:
        raise UsageError("criterion='integrated' is about groups: participants=2 or more")
    truths = tuple(
        Truth(population_in(learner, environment, seed), stated, {})
        for learner, stated in zip(learners, _stated(learners, truth), strict=True)
    )
    study = ConfusionStudy(environment, people, seed, learners, truths, criterion)
    return study.run(
        datasets * len(learners),
        folder=folder,
        executor=executor,
        workers=workers,
        progress=progress,
        truth=repr(truth),
    )


def _stated(learners: Sequence[Learner], truth: Any) -> list[dict[str, Any]]:
    """The ranges of each learner.

    Raises
    ------
    UsageError
        For a name that no learner has, or another number of mappings than of learners.
    """
    known = {name: None for learner in learners for name in learner.names}
    if truth is None or isinstance(truth, Mapping):
        each: list[Mapping[str, Any]] = [
            {name: value for name, value in (truth or {}).items() if name in learner.names} for learner in learners
        ]
        unknown = [name for name in truth or {} if name not in known]
    elif isinstance(truth, Sequence) and len(truth) == len(learners) and all(isinstance(t, Mapping) for t in truth):
        each = list(truth)
        unknown = [name for learner, t in zip(learners, each, strict=True) for name in t if name not in learner.names]
    else:
        raise UsageError(
            f"truth={truth!r}: wanted ranges by name, or a list with a mapping for each of {len(learners)} learners"
        )
    if unknown:
        raise UsageError(f"truth={{{unknown[0]!r}: ...}}: {did_you_mean(str(unknown[0]), known, 'free parameters')}")
    return [dict(ranges) for ranges in each]


@dataclass(frozen=True, eq=False)
class ConfusionStudy(Study[Confusion]):
    """Each data set is simulated by one of the learners, which take turns, and fitted by all."""

    kind, stage = "confuse", "confusing"

    learners: tuple[Learner, ...]
    truths: tuple[Truth, ...]
    criterion: str

    @property
    def examples(self) -> range:
        return range(len(self.learners))

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the learners in tables."""
        return tuple(repr(learner) for learner in self.learners)

    def described(self) -> dict[str, str]:
        return {"learners": ", ".join(self.labels)}

    def simulation(self, number: int) -> Simulation:
        who = number % len(self.learners)
        values = self.truths[who].values(len(self.participants), self.truth_stream(number))
        return self.simulated(self.learners[who], values, number)

    def task(self, number: int) -> Piece:
        """The criterion, ``(learners, participants)``."""
        began = time.perf_counter()
        trials, fitting = self.simulation(number).trials, self.fit_seed(number)
        score = [self._score(learner, trials, fitting) for learner in self.learners]
        return {
            "score": np.stack(score),
            "simulated": np.array(number % len(self.learners)),
            "participants": np.array([str(label) for label in self.participants]),
            "seconds": np.array(time.perf_counter() - began),
        }

    def gather(self, pieces: dict[int, Piece]) -> Confusion:
        return _gathered(self.labels, self.criterion, pieces)

    def _score(self, learner: Learner, trials: Any, seed: int) -> np.ndarray:
        if self.criterion == "integrated":
            fitted = fit(learner, trials, seed=seed, progress=False, **SHORT)
            return -2 * integrated_likelihood(fitted, seed=seed)["log_likelihood"].to_numpy()
        return point(learner, trials, STARTS, seed).maximum_likelihood[self.criterion].to_numpy()


def _gathered(labels: tuple[str, ...], criterion: str, pieces: dict[int, Piece]) -> Confusion:
    import pandas as pd

    done, failed = divided(pieces)
    parts = []
    for number, piece in done.items():
        for label, score in zip(labels, piece["score"], strict=True):
            told = {
                "dataset": number,
                "simulated": labels[int(piece["simulated"])],
                "participant": piece["participants"],
            }
            parts.append(pd.DataFrame({**told, "fitted": label, "score": score}))
    seconds = pd.Series({number: piece["seconds"].item() for number, piece in done.items()}, name="seconds")
    return Confusion(labels, criterion, pd.concat(parts, ignore_index=True), seconds, failed)
