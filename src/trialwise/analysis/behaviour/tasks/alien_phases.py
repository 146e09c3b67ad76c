"""Behaviour in the phases of the alien experiment: trials of a single phase, and measures of the test phases.

Trials are those of :class:`~trialwise.environments.AlienExperiment`, simulated or read with its ``levels``. Measures are those of
Eckstein & Collins (2020, PNAS 117(47):29381); tables have one row per participant.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.behaviour.correct import of_correct_choices
from trialwise.analysis.behaviour.task_measures import TaskMeasures
from trialwise.base.errors import UsageError
from trialwise.base.expects import NAME, TABLE, expects
from trialwise.base.message import Argument
from trialwise.data.as_trials import DATA, Data, as_trials
from trialwise.data.trials import MISSED, Column, Trials
from trialwise.environments.tasks.alien_phases import CONTEXT, CUE, NOVEL, AlienExperiment
from trialwise.environments.tasks.alien_rewards import ACTIONS, CONTEXTS, CUES, MEANS, TASK_SETS, task_set_of

if TYPE_CHECKING:
    import pandas as pd

LEVELS = AlienExperiment.levels

SEASONED = ("initial", "hidden", "refresher", "mixed")
"""Phases with true seasons."""


@expects(trials=DATA, phase=NAME)
def of_phase(trials: Data, phase: str) -> Trials:
    """The trials of one phase, with the true season as context, for :mod:`trialwise.analysis.behaviour.measures`.

    Parameters
    ----------
    trials
        Trials of the experiment.
    phase
        ``"initial"``, ``"hidden"``, ``"refresher"`` (both together) or ``"mixed"``, the phases with true seasons.

    Returns
    -------
    Trials
        With columns ``block``, ``context`` and ``cue``; participants without such trials have no trials.

    Raises
    ------
    UsageError
        For other phases, or if the trials are not those of the experiment.

    Examples
    --------
    >>> task = tw.environments.AlienExperiment(phases=["initial", "novel"])
    >>> truth = {"alpha": 0.2, "beta": 2, "forget": 0.05, "beta_high": 1, "beta_test": 1}
    >>> trials = tw.simulate(tw.learners.AlienQLearning(), task, truth, participants=2, seed=1).trials
    >>> tw.behaviour.of_phase(trials, "initial").n_trials
    936
    """
    trials = as_trials(trials, warn=True)
    _checked(trials)
    if phase not in SEASONED:
        raise UsageError(
            Argument("phase", phase), f": not a phase with true seasons; choose one of {', '.join(SEASONED)}"
        )
    rows = np.flatnonzero(trials.columns["phase"].values == LEVELS["phase"].index(phase))
    part = trials.take(rows)
    ends = np.searchsorted(rows, trials.offsets)
    columns = {
        "block": part.columns["block"],
        "context": Column(part.columns["season"].values, "context"),
        "cue": part.columns["cue"],
    }
    levels = {
        "context": tuple(range(CONTEXTS)),
        "cue": tuple(range(CUES)),
        "action": trials.levels["action"],
        "block": trials.levels["block"],
    }
    return replace(part, offsets=ends.astype(np.int64), columns=columns, levels=levels, available=None)


@expects(trials=DATA)
def preferred(trials: Data) -> np.ndarray:
    """Whether the richer of two options was chosen.

    The value of an alien is the reward of its correct item in the season; the value of a season is the mean over its aliens.

    Parameters
    ----------
    trials
        Trials of :class:`~trialwise.environments.AlienExperiment` with comparisons.

    Returns
    -------
    array
        ``(trials,)``: 1 or 0; NaN on trials without a comparison or a choice, or if both options are equally rich.

    Raises
    ------
    UsageError
        If the trials are not those of the experiment.

    Examples
    --------
    >>> task = tw.environments.AlienExperiment(phases=["initial", "comparison"])
    >>> truth = {"alpha": 0.2, "beta": 2, "forget": 0.05, "beta_high": 1, "beta_test": 1}
    >>> trials = tw.simulate(tw.learners.AlienQLearning(), task, truth, participants=2, seed=1).trials
    >>> preferred = tw.behaviour.preferred(trials)
    >>> preferred.shape, sorted(set(preferred[~np.isnan(preferred)].tolist()))
    ((1056,), [0.0, 1.0])
    """
    trials = as_trials(trials, warn=True)
    best, choice = MEANS.max(2), _checked(trials)
    question = trials.columns["asked"].values
    context, cue = (trials.columns[f"option_{name}"].values for name in ("context", "cue"))
    richer = np.full(len(question), np.nan)
    for kind, worth in ((CONTEXT, best.mean(1)[_inside(context, CONTEXTS)]), (CUE, best[_inside(context, CONTEXTS), _inside(cue, CUES)])):  # fmt: skip
        gap = worth[:, 1] - worth[:, 0]
        rows = (question == kind) & (gap != 0) & (choice != MISSED)
        richer[rows] = (gap[rows] > 0) == (choice[rows] == 1)
    return richer


@expects(trials=DATA)
def preferences(trials: Data) -> pd.DataFrame:
    """Share of preferences for the richer of two seasons, and of two aliens of a season.

    Parameters
    ----------
    trials
        Trials of :class:`~trialwise.environments.AlienExperiment` with comparisons.

    Returns
    -------
    DataFrame
        A row a participant, ``seasons`` and ``aliens``, from 0 to 1, and their ``difference``.

    Raises
    ------
    UsageError
        If the trials are not those of the experiment.

    Examples
    --------
    >>> task = tw.environments.AlienExperiment(phases=["initial", "comparison"])
    >>> truth = {"alpha": 0.2, "beta": 2, "forget": 0.05, "beta_high": 1, "beta_test": 1}
    >>> trials = tw.simulate(tw.learners.AlienQLearning(), task, truth, participants=2, seed=1).trials
    >>> list(tw.behaviour.preferences(trials))
    ['seasons', 'aliens', 'difference']
    """
    trials = as_trials(trials, warn=True)
    import pandas as pd

    frame = pd.DataFrame(
        {"participant": trials.participant_index, "kind": trials.columns["asked"].values, "richer": preferred(trials)}
    )
    shares: Any = (
        frame.groupby(["participant", "kind"])["richer"].mean().unstack("kind").reindex(range(trials.n_participants))
    )
    table = pd.DataFrame({"seasons": shares.get(CONTEXT), "aliens": shares.get(CUE)}, index=shares.index, dtype=float)
    return _named(table.assign(difference=table["seasons"] - table["aliens"]), trials)


@expects(frame=TABLE)
def first_choices(frame: pd.DataFrame) -> pd.DataFrame:
    """Share of the first four choices of a block, in which no alien is repeated, that belong to each task set.

    Parameters
    ----------
    frame
        The table of :func:`scored`.

    Returns
    -------
    DataFrame
        A row a participant, a column a label of :data:`TASK_SETS`, from 0 to 1.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> tw.behaviour.first_choices(tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)).round(2)
                  TS0   TS1   TS2  TS02  TS12  none
    participant
    0            0.22  0.36  0.14  0.03  0.03  0.22
    1            0.33  0.19  0.14  0.11  0.08  0.14
    """
    import pandas as pd

    first = frame[(frame["position"] <= 4) & (frame["choice"] != MISSED)]
    label = task_set_of(first["cue"], first["choice"])
    shares = [
        first.assign(member=label == k).groupby("participant", observed=False)["member"].mean()
        for k in range(len(TASK_SETS))
    ]
    return pd.concat(shares, axis=1).set_axis(list(TASK_SETS), axis=1)


@expects(trials=DATA)
def novel_profile(trials: Data) -> pd.DataFrame:
    """Shares of items in the novel season, by the season in which they are correct.

    Parameters
    ----------
    trials
        Trials of :class:`~trialwise.environments.AlienExperiment` with the novel season.

    Returns
    -------
    DataFrame
        A row a participant, means of the share of each item for each alien, over the pairs of alien and item that are correct in
        ``TS0`` (season 0) alone, in ``TS1``, in ``TS2``, in two of them (``shared``), and in ``none``. Chance is 1/3 for all.

    Raises
    ------
    UsageError
        If the trials are not those of the experiment.

    Examples
    --------
    >>> task = tw.environments.AlienExperiment(phases=["initial", "novel"])
    >>> truth = {"alpha": 0.2, "beta": 2, "forget": 0.05, "beta_high": 1, "beta_test": 1}
    >>> trials = tw.simulate(tw.learners.AlienQLearning(), task, truth, participants=2, seed=1).trials
    >>> list(tw.behaviour.novel_profile(trials))
    ['TS0', 'TS1', 'TS2', 'shared', 'none']
    """
    trials = as_trials(trials, warn=True)
    import pandas as pd

    choice = _checked(trials)
    rows = (trials.columns["context"].values == NOVEL) & (choice != MISSED)
    counts = np.zeros((trials.n_participants, CUES, ACTIONS))
    np.add.at(counts, (trials.participant_index[rows], trials.columns["cue"].values[rows], choice[rows]), 1)
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum(2, keepdims=True)
    label = task_set_of(*np.indices((CUES, ACTIONS)))
    shared = np.isin(label, [TASK_SETS.index(name) for name in ("TS02", "TS12")])
    cells = {name: label == TASK_SETS.index(name) for name in ("TS0", "TS1", "TS2")} | {"shared": shared}
    cells["none"] = label == TASK_SETS.index("none")
    table = pd.DataFrame({name: shares[:, where].mean(1) for name, where in cells.items()})
    return _named(table, trials)


def _inside(codes: np.ndarray, count: int) -> np.ndarray:
    return np.minimum(codes, count - 1)


def _named(table: pd.DataFrame, trials: Trials) -> pd.DataFrame:
    return table.set_axis([str(label) for label in trials.participants]).rename_axis(index="participant")


@expects(trials=DATA)
def of_experiment(trials: Data) -> bool:
    """Whether the trials are those of :class:`~trialwise.environments.AlienExperiment`, or of some of its phases.

    Parameters
    ----------
    trials
        Any trials.

    Returns
    -------
    bool
        True if their columns are those of the experiment.

    Examples
    --------
    >>> tw.behaviour.of_experiment(tw.load_data("alien_flat").trials)
    False
    """
    trials = as_trials(trials, warn=True)
    return not _difference(trials)


def _checked(trials: Trials) -> np.ndarray:
    """The choices, after a check that the trials are those of the experiment."""
    difference = _difference(trials)
    if difference:
        raise UsageError(
            f"these are not trials of AlienExperiment: {difference}. Simulate it, or read its columns with its labels, in Python "
            "tw.environments.AlienExperiment.levels"
        )
    return np.asarray(trials.choice)


def _difference(trials: Trials) -> str:
    """How the trials differ from those of the experiment; empty if they do not."""
    required = ("phase", "season", "asked", "option_context", "option_cue")
    missing = [name for name in required if name not in trials.columns]
    if missing or trials.choice is None:
        return f"they have no {', '.join(missing) or 'choices'}"
    labels = ("context", "cue", "asked", "phase", "season", "action")
    other = [name for name in labels if trials.sizes.get(name) != len(LEVELS[name])]
    return f"{other[0]} has other labels than {', '.join(map(str, LEVELS[other[0]]))}" if other else ""


def _tables(trials: Trials, past: Trials | None) -> list[pd.DataFrame]:
    """The measures of correct choices in each phase with true seasons, and those of the test phases, with the phase in front."""
    tables = []
    for phase in SEASONED:
        one = of_phase(trials, phase)
        if (one.lengths > 0).all():
            tables.append(of_correct_choices(one, MEANS, past).add_prefix(f"{phase}: "))
    tables.append(preferences(trials).add_prefix("preference: "))
    tables.append(novel_profile(trials).add_prefix("novel: "))
    return tables


EXPERIMENT = TaskMeasures(of_experiment, _tables)
