"""Model recovery: can the learners that a study compares be distinguished in its design? (Wilson & Collins 2019, eLife 8:e49547)"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, Literal, get_args

from trialwise.analysis.true_values import Truth, population_in
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.expects import COUNT, FLAG, LABELS, MAPPING, NAME, PATH, TABLE, expects, several
from trialwise.base.message import Argument
from trialwise.environments.as_environment import ENVIRONMENT_OR_DATA, EnvironmentOrData, as_environment
from trialwise.learners.learner import LEARNER, Learner
from trialwise.studies.confusion import Confusion
from trialwise.studies.confusion_study import ConfusionStudy
from trialwise.studies.study import participants_of

PARTICIPANTS = replace(
    COUNT | LABELS,
    remedy=lambda value: (
        "their number, 30: learners are fitted without formulas here, and covariates say nothing"
        if (TABLE | MAPPING | PATH).holds(value)
        else ""
    ),
)
"""What confuse expects for participants."""

Criterion = Literal["bic", "aic", "integrated"]


@expects(
    learners=several(LEARNER),
    environment=ENVIRONMENT_OR_DATA,
    datasets=COUNT,
    participants=PARTICIPANTS,
    criterion=NAME,
    folder=PATH,
    workers=COUNT,
    progress=FLAG,
)
def confuse(
    learners: Sequence[Learner], environment: EnvironmentOrData, truth: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
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
    environment = as_environment(environment)
    labels = participants_of(environment, participants, seed)
    learners = tuple(learners)
    names = tuple(repr(learner) for learner in learners)
    if len(learners) < 2 or len(set(names)) < len(names) or not all(isinstance(each, Learner) for each in learners):
        raise UsageError(f"confuse([{', '.join(names)}], ...): wanted two learners or more, all different")
    if criterion not in get_args(Criterion):
        raise UsageError(
            Argument("criterion", criterion), f": {did_you_mean(str(criterion), get_args(Criterion), 'criteria')}"
        )
    if criterion == "integrated" and len(labels) < 2:
        raise UsageError(
            Argument("criterion", "integrated"), " needs a group: ", Argument("participants", 2), " or more"
        )
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
            Argument("truth", truth),
            f": wanted ranges by name, or a list with a mapping for each of {len(learners)} learners",
        )
    if unknown:
        raise UsageError(
            Argument("truth", {unknown[0]: ...}), f": {did_you_mean(str(unknown[0]), names, 'free parameters')}"
        )
    return [dict(ranges) for ranges in each]
