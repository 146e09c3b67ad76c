"""Measures of correct choices: accuracy, learning curves, choices after a switch, intrusions and the index of contexts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from trialwise.analysis.behaviour.scored import MEAN_REWARDS, SCORED
from trialwise.base.errors import UsageError, did_you_mean
from trialwise.base.expects import NUMBER, Kind, expects
from trialwise.base.message import NAME_ALONE, Argument

if TYPE_CHECKING:
    import pandas as pd


CHANCE = 0.35
"""Mean accuracy below which participants are excluded by the paper's criterion (chance is 1/3)."""

AFTER = 8
"""Number of trials after a switch that are reported one by one."""


FLAGS = Kind(
    "True or False for each row of the table, such as telling(frame, means)",
    lambda value: getattr(value, "ndim", 0) == 1 and getattr(value, "dtype", None) == np.dtype(bool),
)


@expects(frame=SCORED)
def accuracy(frame: pd.DataFrame, by: str | Sequence[str] = ()) -> pd.DataFrame:
    """Share of correct choices of each participant, without missed ones; a learning curve if ``by`` is given.

    Parameters
    ----------
    frame
        The table of :func:`~trialwise.analysis.behaviour.scored.scored`.
    by
        Columns of :func:`~trialwise.analysis.behaviour.scored.scored`: ``"block"``, ``"position"``, ``"presentation"``, ``["visit", "presentation"]``, ``"context"``,
        ``"value"``, ... None by default.

    Returns
    -------
    DataFrame
        A row a participant, shares from 0 to 1: one column, ``accuracy``, or a column a value of ``by``.

    Raises
    ------
    UsageError
        If the table has no such column.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.accuracy(frame).round(2)
                 accuracy
    participant
    0                0.31
    1                0.54
    >>> tw.behaviour.accuracy(frame, "block").shape
    (2, 9)
    """
    keys = [by] if isinstance(by, str) else list(by)
    unknown = [key for key in keys if key not in frame]
    if unknown:
        raise UsageError(
            Argument("by", str(unknown[0])), f": {did_you_mean(str(unknown[0]), list(map(str, frame)), 'columns')}"
        )
    return _shares(frame, "correct", by)


def _shares(frame: pd.DataFrame, column: str, by: str | Sequence[str]) -> pd.DataFrame:
    keys = [by] if isinstance(by, str) else list(by)
    means = frame.groupby(["participant", *keys], observed=True)[column].mean()
    return means.unstack(keys) if keys else means.to_frame("accuracy" if column == "correct" else column)


def _everyone(table: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """The table with a row for each participant of the frame: NaN for those who had no trial that counts."""
    everyone = frame["participant"].cat.remove_unused_categories().cat.categories
    return table.reindex(everyone).rename_axis(index="participant")


@expects(frame=SCORED)
def savings(frame: pd.DataFrame) -> pd.DataFrame:
    """Gain in accuracy from the first to the last visit of a context: over the whole block, and on its first and last trial.

    Blocks of unequal length are compared up to the length of the shortest one.

    Parameters
    ----------
    frame
        The table of :func:`~trialwise.analysis.behaviour.scored.scored`.

    Returns
    -------
    DataFrame
        A row a participant, differences of shares: ``mean``, ``first`` and ``last``.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.savings(frame).round(2)
                 mean  first  last
    participant
    0           -0.12   0.33  0.00
    1            0.11   0.00  0.33
    """
    import pandas as pd

    curves: Any = _shares(frame, "correct", ["visit", "position"])
    last = int(frame["visit"].max())
    shortest = int(frame.groupby(["participant", "block"], observed=True)["position"].max().min())
    gain = curves[last].loc[:, :shortest] - curves[1].loc[:, :shortest]
    return pd.DataFrame({"mean": gain.mean(axis=1), "first": gain[1], "last": gain[shortest]})


@expects(frame=SCORED, only=FLAGS)
def after_switch(frame: pd.DataFrame, only: pd.Series | np.ndarray | None = None) -> pd.DataFrame:
    """Shares of choices after a switch that fit the current context (accuracy), the previous one (perseveration), or another.

    Parameters
    ----------
    frame
        The table of :func:`~trialwise.analysis.behaviour.scored.scored`.
    only
        Flags of the trials that count, a Series with the index of ``frame`` or an array ``(trials,)``, e.g. ``telling(frame, means)``; by
        default all.

    Returns
    -------
    DataFrame
        A row a participant, shares from 0 to 1. Columns have two levels, kind and position (1 to 8); NaN at positions at which
        a participant has no trials.

    Raises
    ------
    UsageError
        If ``only`` are not flags, one for each row of the table.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> shares = tw.behaviour.after_switch(frame, tw.behaviour.telling(frame, tw.environments.AlienTask.mean_rewards))
    >>> shares["previous"].round(1).iloc[:, :4]
    position       1    2    3    4
    participant
    0            0.4  0.4  0.2  0.3
    1            0.4  0.6  0.2  0.0
    """
    import pandas as pd

    near = frame[(frame["previous"] >= 0) & (frame["position"] <= AFTER)]
    if only is not None:
        near = near[_flags(only, frame)[near.index]]
    kinds = {"current": "correct", "previous": "fits_previous", "other": "fits_other"}
    table = pd.concat({kind: _shares(near, column, "position") for kind, column in kinds.items()}, axis=1)
    return _everyone(table, frame)


def _flags(only: pd.Series | np.ndarray, frame: pd.DataFrame) -> pd.Series:
    """Flags of the rows of a table, by its index."""
    import pandas as pd

    flags = only if isinstance(only, pd.Series) else pd.Series(only)
    if not isinstance(only, pd.Series) and len(flags) == len(frame):
        flags.index = frame.index
    if not flags.index.is_unique or not frame.index.isin(flags.index).all():
        raise UsageError(
            Argument("only", NAME_ALONE),
            f" has {len(flags)} values, and the table {len(frame)} rows: give a flag for each, telling(frame, means)",
        )
    return flags


@expects(frame=SCORED)
def intrusions(frame: pd.DataFrame) -> pd.DataFrame:
    """Share of errors that would have been correct in another context.

    Parameters
    ----------
    frame
        The table of :func:`~trialwise.analysis.behaviour.scored.scored`.

    Returns
    -------
    DataFrame
        A row a participant, one column, ``intrusions``, from 0 to 1; NaN without errors.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.intrusions(frame).round(2)
                 intrusions
    participant
    0                  0.70
    1                  0.73
    """
    errors = _shares(frame[frame["correct"] == 0], "fits_elsewhere", ())
    return _everyone(errors.rename(columns={"fits_elsewhere": "intrusions"}), frame)


@expects(frame=SCORED, means=MEAN_REWARDS)
def context_index(frame: pd.DataFrame, means: np.ndarray) -> pd.DataFrame:
    """Accuracy in each context at matched values of cues.

    For each context, the mean of the accuracy at its cells of value 6 or 7 and the accuracy at its cells of value 3 or 4.

    Parameters
    ----------
    frame
        The table of :func:`~trialwise.analysis.behaviour.scored.scored`.
    means
        Mean reward of each action, ``(contexts, cues, actions)``: an environment's ``mean_rewards``.

    Returns
    -------
    DataFrame
        A row a participant, a column a context, from 0 to 1; and ``correlation``, that of the three with 0, 1, 2. NaN if a context, or
        such a cell of it, was never shown.

    Raises
    ------
    UsageError
        If a context has no cell of value 6 or 7, or none of value 3 or 4.

    References
    ----------
    Eckstein & Collins (2020), PNAS 117(47):29381.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.context_index(frame, tw.environments.AlienTask.mean_rewards).round(2)
                    0     1     2  correlation
    participant
    0            0.44  0.20  0.29        -0.60
    1            0.47  0.59  0.53         0.48
    """
    import pandas as pd

    cells: Any = _shares(frame, "correct", ["context", "cue"])
    value, index = means.max(2), {}
    every = pd.MultiIndex.from_product([range(len(means)), range(value.shape[1])])
    cells = cells.reindex(columns=every)
    if not has_context_index(means):
        raise UsageError("context_index compares cells of value 6 or 7 and 3 or 4, which these means do not have")
    for context, (high, low) in enumerate(_matched_cues(means)):
        index[context] = (cells[context][high].mean(axis=1) + cells[context][low].mean(axis=1)) / 2
    table = pd.DataFrame(index)
    order = np.arange(len(means)) - (len(means) - 1) / 2
    gap = table.to_numpy() - table.to_numpy().mean(1, keepdims=True)
    size = np.sqrt((gap**2).sum(1) * (order**2).sum())
    return table.assign(correlation=gap @ order / np.where(size > 0, size, np.nan))


def _matched_cues(means: np.ndarray) -> list[tuple[list[int], list[int]]]:
    """For each context, the cues whose best action is worth 6 or 7, and those where it is worth 3 or 4."""
    high, low = (np.isin(means.max(2), values) for values in ((6, 7), (3, 4)))
    return [(list(np.flatnonzero(h)), list(np.flatnonzero(x))) for h, x in zip(high, low, strict=True)]


def has_context_index(means: np.ndarray) -> bool:
    """Whether every context has the cells that :func:`context_index` compares."""
    return all(high and low for high, low in _matched_cues(means))


@expects(frame=SCORED)
def early_slope(frame: pd.DataFrame) -> pd.DataFrame:
    r"""Rise of accuracy over the first four trials of a block, :math:`\sum_i c_i\,(i - 2.5)`, in which no cue is repeated.

    Where contexts are hidden, this is the hidden-context slope.

    Parameters
    ----------
    frame
        The table of :func:`~trialwise.analysis.behaviour.scored.scored`.

    Returns
    -------
    DataFrame
        A row a participant, ``slope``: five times the least-squares slope of accuracy on the trial number.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.early_slope(frame).round(2)
                 slope
    participant
    0             0.56
    1             0.83
    """
    import pandas as pd

    curve = _shares(frame[frame["position"] <= 4], "correct", "position").reindex(columns=[1, 2, 3, 4])
    return pd.DataFrame({"slope": curve.to_numpy() @ [-1.5, -0.5, 0.5, 1.5]}, index=curve.index)


@expects(frame=SCORED, least=NUMBER)
def below_criterion(frame: pd.DataFrame, least: float = CHANCE) -> list[str]:
    """Labels of participants whose accuracy is below the criterion.

    Parameters
    ----------
    frame
        The table of :func:`~trialwise.analysis.behaviour.scored.scored`.
    least
        The criterion, from 0 to 1; by default 0.35, for three actions (chance is 1/3).

    Returns
    -------
    list of str
        Labels, as text.

    Examples
    --------
    >>> trials = tw.load_data("alien_flat").trials.select([0, 1])
    >>> frame = tw.behaviour.scored(trials, tw.environments.AlienTask.mean_rewards)
    >>> tw.behaviour.below_criterion(frame), tw.behaviour.below_criterion(frame, 0.99)
    (['0'], ['0', '1'])
    """
    share = _shares(frame, "correct", ())["accuracy"]
    return [str(label) for label in share.index[share < least]]
