"""Model recovery: can the learners that a study compares be distinguished in its design? (Wilson & Collins 2019, eLife 8:e49547)"""

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
from trialwise.base.result import Finding, Result, Severity
from trialwise.environments.simulate import EnvironmentLike, Simulation
from trialwise.inference.fit import fit
from trialwise.inference.point import point
from trialwise.learners.learner import Learner
from trialwise.studies.pieces import divided, failures
from trialwise.studies.store import Piece
from trialwise.studies.study import Study, participants_of

if TYPE_CHECKING:
    import pandas as pd

Criterion = Literal["bic", "aic", "integrated"]

DISTINGUISHED = 0.8
"""A learner counts as distinguished from the others if it fits at least this share of its own participants best."""

SHORT: dict[str, Any] = {"draws": 300, "chains": 2}
"""Settings of each hierarchical fit; few draws suffice, since they only determine where to integrate, and over which groups."""

STARTS = 4
"""Starting points of each point estimate: likelihoods of learners are smooth, and the best of several optima is taken."""


@dataclass(frozen=True, eq=False, repr=False)
class Confusion(Result):
    """The result of model recovery.

    Attributes
    ----------
    learners
        Labels of the learners.
    criterion
        The criterion by which learners were compared.
    scores
        A row a data set, participant and fitted learner: ``dataset``, ``simulated``, ``participant``, ``fitted``, ``score``, the
        criterion (smaller is better; with ``"integrated"`` it is -2 log p).
    seconds
        Computing time of each data set.
    failed
        Reasons why data sets could not be fitted, by number of the data set.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> learners = [tw.QLearning(initial=1.2), tw.learners.StimulusLearning(initial=1.2)]
    >>> truth = {"alpha": (0.2, 0.5), "beta": (2, 4), "forget": (0, 0.1)}
    >>> confusion = tw.confuse(learners, task, truth, datasets=1, participants=4, workers=1, progress=False)
    >>> list(confusion.scores), len(confusion.scores)
    (['dataset', 'simulated', 'participant', 'fitted', 'score'], 16)
    """

    learners: tuple[str, ...]
    criterion: str
    scores: pd.DataFrame
    seconds: pd.Series
    failed: Mapping[int, str]

    contents = {
        "confusion": "shares of participants, simulated in rows, best fit in columns",
        "confusion_groups": "shares of data sets",
        "inversion": "probability of each simulated learner, given which one fits best",
        "confusion_scores": "all scores",
    }

    @property
    def confusion(self) -> pd.DataFrame:
        r"""The share of a learner's simulated participants (row) that each learner fits best (column).

        .. math:: p(\text{fitted} \mid \text{simulated})
        """
        return self._shares(self._best(["dataset", "simulated", "participant"]))

    @property
    def groups(self) -> pd.DataFrame:
        """The same for whole data sets, by the sum of the criterion over their participants."""
        return self._shares(self._best(["dataset", "simulated"]))

    @property
    def inversion(self) -> pd.DataFrame:
        r"""The share of the participants that a learner fits best (column) that were simulated by each learner (row).

        .. math:: p(\text{simulated} \mid \text{fitted})

        Since each learner simulates equally many participants, this is the posterior probability of each learner under equal
        prior probabilities. NaN where a learner never fits best.
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
        """For each learner, whether it is distinguished from the others, and how often it is the right one when it fits best."""
        confusion: Any = self.confusion
        inversion: Any = self.inversion
        groups: Any = self.groups
        findings = []
        for name in self.learners:
            own = confusion.loc[name, name]
            text = "distinguished" if own >= DISTINGUISHED else "not distinguished by single participants"
            text = f"{name}: {text}: fits {own:.0%} of its own participants best, {groups.loc[name, name]:.0%} of its own data sets"
            others = confusion.loc[name].drop(name)
            if len(others) and others.max() > 1 - DISTINGUISHED:
                text += f"; {others.max():.0%} are fitted best by {others.idxmax()}"
            right = inversion.loc[name, name]
            text += f"; when it fits best, it is right in {right:.0%}" if np.isfinite(right) else "; never fits best"
            severity: Severity = "note" if own >= DISTINGUISHED else "caution"
            findings.append(Finding(severity, "told-apart", text, about=(name,)))
        return (*findings, *failures(self.failed, len(self.seconds)))

    @property
    def sentences(self) -> tuple[str, ...]:
        """The findings as text."""
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
        """The number of learners, the criterion and the number of data sets."""
        return f"Confusion of {len(self.learners)} learners by {self.criterion}, {len(self.seconds)} data sets"


def confuse(
    learners: Sequence[Learner], environment: EnvironmentLike, truth: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    datasets: int = 10, participants: int | Sequence[Hashable] | None = None, seed: int = 0, *, criterion: Criterion = "bic",
    folder: str | PathLike[str] | None = None, executor: Any = None, workers: int | None = None, progress: bool = True,
) -> Confusion:  # fmt: skip
    """Simulate with each learner, fit all of them, and count which learner fits best.

    Parameters
    ----------
    learners
        Two or more learners, all different.
    environment, participants, seed
        As for :func:`recover`.
    truth
        Ranges by parameter name, which apply to every learner with that parameter; or a mapping for each learner. Parameters
        without a range are drawn from the learner's default prior, a new group for each data set. That prior is wide: it
        includes agents that act at random, which no criterion can distinguish.
    datasets
        Number of data sets of **each** learner.
    criterion
        ``"bic"`` and ``"aic"``: from maximum-likelihood estimates of each participant alone, from dispersed starting points; fast,
        and what most papers report. ``"integrated"``: each learner is fitted hierarchically and its parameters are integrated out
        (:func:`integrated_likelihood`); no penalty on the number of parameters is needed, but it takes a hundred times as long.
    folder, executor, workers, progress
        As for :func:`recover`.

    Returns
    -------
    Confusion
        Its ``confusion`` has a row a simulated learner and a column a fitted one.

    Raises
    ------
    UsageError
        If the arguments do not fit together.
    ModelError
        If no data set could be fitted.

    References
    ----------
    Wilson & Collins (2019), eLife 8:e49547.

    Examples
    --------
    >>> task = tw.environments.AlienTask(trials=40)
    >>> learners = [tw.QLearning(initial=1.2), tw.learners.StimulusLearning(initial=1.2)]
    >>> truth = {"alpha": (0.2, 0.5), "beta": (2, 4), "forget": (0, 0.1)}
    >>> confusion = tw.confuse(learners, task, truth, datasets=1, participants=4, workers=1, progress=False)
    >>> confusion.confusion.shape, confusion.confusion.sum(axis=1).tolist()
    ((2, 2), [1.0, 1.0])
    """
    labels = participants_of(environment, participants, datasets, seed)
    learners = tuple(learners)
    names = tuple(repr(learner) for learner in learners)
    if len(learners) < 2 or len(set(names)) < len(names) or not all(isinstance(each, Learner) for each in learners):
        raise UsageError(f"confuse([{', '.join(names)}], ...): wanted two learners or more, all different")
    if criterion not in get_args(Criterion):
        raise UsageError(f"criterion={criterion!r}: {did_you_mean(str(criterion), get_args(Criterion), 'criteria')}")
    if criterion == "integrated" and len(labels) < 2:
        raise UsageError("criterion='integrated' needs a group: participants=2 or more")
    truths = tuple(
        Truth(population_in(learner, environment, seed), ranges, {})
        for learner, ranges in zip(learners, _ranges(learners, truth), strict=True)
    )
    study = ConfusionStudy(environment, labels, seed, learners, truths, criterion)
    return study.run(
        datasets * len(learners),
        folder=folder,
        executor=executor,
        workers=workers,
        progress=progress,
        truth=repr(truth),
    )


def _ranges(learners: Sequence[Learner], truth: Any) -> list[dict[str, Any]]:
    """The ranges of each learner's parameters.

    Raises
    ------
    UsageError
        For a name that no learner has, or if there are not as many mappings as learners.
    """
    names = {name: None for learner in learners for name in learner.names}
    if truth is None or isinstance(truth, Mapping):
        each: list[Mapping[str, Any]] = [
            {name: value for name, value in (truth or {}).items() if name in learner.names} for learner in learners
        ]
        unknown = [name for name in truth or {} if name not in names]
    elif isinstance(truth, Sequence) and len(truth) == len(learners) and all(isinstance(t, Mapping) for t in truth):
        each = list(truth)
        unknown = [name for learner, t in zip(learners, each, strict=True) for name in t if name not in learner.names]
    else:
        raise UsageError(
            f"truth={truth!r}: wanted ranges by name, or a list with a mapping for each of {len(learners)} learners"
        )
    if unknown:
        raise UsageError(f"truth={{{unknown[0]!r}: ...}}: {did_you_mean(str(unknown[0]), names, 'free parameters')}")
    return [dict(ranges) for ranges in each]


@dataclass(frozen=True, eq=False)
class ConfusionStudy(Study[Confusion]):
    """A study in which each data set is simulated by one of the learners, in turn, and fitted by all."""

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

    def description(self) -> dict[str, str]:
        return {"learners": ", ".join(self.labels)}

    def simulation(self, number: int) -> Simulation:
        which = number % len(self.learners)
        values = self.truths[which].values(len(self.participants), self.truth_stream(number))
        return self.simulated(self.learners[which], values, number)

    def task(self, number: int) -> Piece:
        """The criterion, ``(learners, participants)``."""
        start = time.perf_counter()
        trials, fit_seed = self.simulation(number).trials, self.fit_seed(number)
        score = [self._score(learner, trials, fit_seed) for learner in self.learners]
        return {
            "score": np.stack(score),
            "simulated": np.array(number % len(self.learners)),
            "participants": np.array([str(label) for label in self.participants]),
            "seconds": np.array(time.perf_counter() - start),
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
            columns = {
                "dataset": number,
                "simulated": labels[int(piece["simulated"])],
                "participant": piece["participants"],
            }
            parts.append(pd.DataFrame({**columns, "fitted": label, "score": score}))
    seconds = pd.Series({number: piece["seconds"].item() for number, piece in done.items()}, name="seconds")
    return Confusion(labels, criterion, pd.concat(parts, ignore_index=True), seconds, failed)
